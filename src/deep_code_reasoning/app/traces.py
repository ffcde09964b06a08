"""A trace to be read by a person or a model: what decided how long it took, and all its spans as a waterfall."""

from __future__ import annotations

from typing import Any, Final

from ..domain.critical_path import SpanTimes, critical_path
from ..errors import CitationError
from ..packing.pieces.traces import trace_piece
from ..packing.pieces.wording import duration
from ..store import CaseStore, Row, open_case
from ..store.library import find_case

_MAX_SPANS: Final = 5_000
_MAX_STEPS: Final = 12


def show_trace(case: str, trace_id: str, service: str, operation: str, max_tokens: int) -> dict[str, Any]:
    """A trace of a case: the given one ('' for none), else the worst (failed, then slowest) of a service and operation.

    Raises:
        CaseNotFoundError: when there is no such case.
        CitationError: when there is no such trace.
    """
    with open_case(find_case(case)) as store:
        wanted = trace_id.strip().removeprefix("span:").partition("/")[0] or _worst(store, service, operation)
        piece = trace_piece(store, wanted, max_tokens)
        spans = store.query(
            "SELECT span_id, parent_span_id, toString(service) AS service, name, start_ns, duration_ns, status "
            "FROM spans WHERE trace_id = {trace:String} "
            "ORDER BY start_ns, span_id, source_id, line, item LIMIT {limit:UInt32}",
            trace=wanted,
            limit=_MAX_SPANS,
        )
    return {
        "trace_id": wanted,
        "spans": len(spans),
        "failed_spans": sum(span["status"] == "error" for span in spans),
        "services": sorted({span["service"] for span in spans}),
        "critical_path": _critical(wanted, spans),
        "waterfall": piece.text,
    }


def _worst(store: CaseStore, service: str, operation: str) -> str:
    rows = store.query(
        "SELECT trace_id FROM spans WHERE ({service:String} = '' OR service = {service:String}) "
        "AND ({operation:String} = '' OR name = {operation:String}) GROUP BY trace_id "
        "ORDER BY max(status = 'error') DESC, max(duration_ns) DESC, trace_id LIMIT 1",
        service=service,
        operation=operation,
    )
    if not rows:
        raise CitationError(
            "the case has no such trace", "query_evidence: SELECT service, name, count() FROM spans GROUP BY ALL"
        )
    return str(rows[0]["trace_id"])


def _critical(trace_id: str, spans: list[Row]) -> list[dict[str, Any]]:
    """The steps that took the most, in order of time."""
    times = [
        SpanTimes(
            s["span_id"], s["parent_span_id"], int(s["start_ns"]), int(s["start_ns"]) + max(0, int(s["duration_ns"]))
        )
        for s in spans
    ]
    by_id = {span["span_id"]: span for span in spans}
    path = critical_path(times)
    total_ns = sum(own for _, own in path) or 1
    shown = {id_ for id_, _ in sorted(path, key=lambda step: -step[1])[:_MAX_STEPS]}
    return [
        {
            "span": f"span:{trace_id}/{id_}",
            "what": f"{by_id[id_]['service']} {by_id[id_]['name']}",
            "own_time": duration(own),
            "share": round(own / total_ns, 3),
        }
        for id_, own in path
        if id_ in shown and own
    ]
