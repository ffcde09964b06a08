"""Exemplary traces: the worst, a typical one and a healthy one of the operation that is hurt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...domain.pack import Piece
from ...errors import CitationError
from ...store import CaseStore
from ..draft import Draft
from ..subject import Subject
from .waterfall import Focus, waterfall

# Spans that are read of one trace. Of larger ones the first are shown, and it is said that there are more.
_MAX_SPANS: Final = 5_000
# Traces that findings cite and that are shown beside the three.
_CITED: Final = 2


def drafts(subject: Subject) -> Iterator[Draft]:
    """Traces that findings cite, then worst, typical and healthy ones of what is hurt and of what is asked about."""
    if not subject.store.count("spans"):
        return
    chosen: dict[str, tuple[str, float, bool]] = {}
    for trace_id, role in _cited(subject):
        chosen.setdefault(trace_id, (role, 2.0, False))
    for service, operation in _hurt(subject):
        for role, value, trace_id in choose_traces(subject, service, operation):
            chosen.setdefault(trace_id, (role, value, False))
    for service in subject.asked_services:
        for role, value, trace_id in choose_traces(subject, service, ""):
            chosen.setdefault(trace_id, (f"{role} of {service}", value, True))
    findings = subject.investigation.findings
    focus = Focus(
        frozenset(citation for finding in findings for citation in finding.citations), frozenset(subject.suspects[:3])
    )
    yield from _drawn(subject.store, chosen, focus)


def trace_piece(store: CaseStore, trace_id: str, max_tokens: int | None = None) -> Piece:
    """One trace as a waterfall of at most so many tokens; what is left out is said.

    Raises:
        CitationError: when the case has no such trace.
    """
    for draft in _drawn(store, {trace_id: ("", 1.0, False)}, Focus()):
        return draft.piece(max_tokens)
    raise CitationError(f"the case has no trace '{trace_id}'", "trace ids are in span citations: span:TRACE/SPAN")


def choose_traces(subject: Subject, service: str, operation: str) -> list[tuple[str, float, str]]:
    """(role, value, trace id) of traces that pass through an operation ('' for any of the service).

    The worst is a failed one if there is any, else the slowest, of the bad stretch; a typical one lies in the middle of
    the bad stretch's durations, a healthy one in the middle of the calm stretch's that did not fail. Durations are
    those of the operation, not of the whole trace.
    """
    rows = subject.store.query(
        _CHOOSE,
        service=service,
        operation=operation,
        **subject.bounds,
        worst=subject.many(1),
    )
    chosen = []
    for row in rows:
        if row["bad"]:
            chosen += [("worst", 1.0, trace_id) for trace_id in row["worst"]]
            chosen.append(("typical", 0.6, row["middle"]))
        else:
            chosen.append(("healthy", 0.7, row["middle"]))
    return chosen


_CHOOSE: Final = """
    SELECT bad,
           arrayMap(t -> t.3, arrayResize(arrayReverseSort(groupArray((failed, duration, trace_id)) AS all),
                                          least(length(all), {worst:UInt32}))) AS worst,
           arraySort(arrayMap(t -> (t.2, t.3), all))[intDiv(length(all) + 1, 2)].2 AS middle
    FROM (
        SELECT trace_id, max(duration_ns) AS duration, max(status = 'error') AS failed,
               max(start_ns >= {bad_from:Int64} AND start_ns < {bad_to:Int64}) AS bad,
               max(start_ns >= {calm_from:Int64} AND start_ns < {calm_to:Int64}) AS calm
        FROM spans WHERE service = {service:String} AND ({operation:String} = '' OR name = {operation:String})
        GROUP BY trace_id
    )
    WHERE bad OR (calm AND NOT failed)
    GROUP BY bad ORDER BY bad DESC
"""


def _cited(subject: Subject) -> Iterator[tuple[str, str]]:
    """Traces that the first cause, and then the findings, cite."""
    citations = [c for cause in subject.investigation.causes[:1] for c in cause.citations]
    citations += [c for finding in subject.investigation.findings for c in finding.citations]
    traces = dict.fromkeys(c.ref.rpartition("/")[0] for c in citations if c.kind == "span")
    for trace_id in list(traces)[: subject.many(_CITED)]:
        yield trace_id, "cited by a finding"


def _hurt(subject: Subject) -> list[tuple[str, str]]:
    """The operations to look at: those of the first causes; without causes, the service that takes most time in all."""
    places = []
    for cause in subject.investigation.causes[: subject.many(1)]:
        named = cause.operation if cause.operation and _has_spans(subject.store, cause.service, cause.operation) else ""
        if named or _has_spans(subject.store, cause.service, ""):
            places.append((cause.service, named or ""))
    if not places:
        rows = subject.store.query(
            "SELECT service, name FROM spans WHERE parent_span_id = '' GROUP BY service, name "
            "ORDER BY countIf(status = 'error') DESC, sum(duration_ns) DESC, service, name LIMIT 1"
        )
        places = [(row["service"], row["name"]) for row in rows]
    return list(dict.fromkeys(places))


def _has_spans(store: CaseStore, service: str, operation: str) -> bool:
    return bool(
        store.query(
            "SELECT 1 FROM spans WHERE service = {service:String} "
            "AND ({operation:String} = '' OR name = {operation:String}) LIMIT 1",
            service=service,
            operation=operation,
        )
    )


def _drawn(store: CaseStore, chosen: dict[str, tuple[str, float, bool]], focus: Focus) -> Iterator[Draft]:
    if not chosen:
        return
    spans = store.query(
        """
        SELECT trace_id, span_id, parent_span_id, service, host, name, kind, start_ns, duration_ns, status,
               status_message, attributes, count() OVER (PARTITION BY trace_id) AS spans_of_trace
        FROM spans WHERE trace_id IN {traces:Array(String)}
        ORDER BY trace_id, start_ns, span_id, source_id, line, item LIMIT {limit:UInt32} BY trace_id
        SETTINGS optimize_move_to_prewhere = 1
        """,
        traces=list(chosen),
        limit=_MAX_SPANS,
    )
    events = store.query(
        "SELECT trace_id, span_id, name, attributes FROM span_events WHERE trace_id IN {traces:Array(String)} "
        "ORDER BY trace_id, time_ns, span_id, name, source_id, line, item LIMIT {limit:UInt32} BY trace_id",
        traces=list(chosen),
        limit=_MAX_SPANS,
    )
    for trace_id, (role, value, asked) in chosen.items():
        own = [span for span in spans if span["trace_id"] == trace_id]
        if not own:
            continue
        lines = waterfall(own, [event for event in events if event["trace_id"] == trace_id], focus)
        failed = sum(span["status"] == "error" for span in own)
        head = (
            f"trace {trace_id}: {own[0]['spans_of_trace']} spans, {failed} failed; cite a span as "
            f"span:{trace_id}/SPAN. Each line: start, duration (self time), what, attributes, (span)."
        )
        key = f"trace/{role.split()[0]}/{trace_id}" if role else f"trace/{trace_id}"
        title = f"Trace ({role})" if role else "Trace"
        yield Draft(key, title, tuple(lines), head, "spans", value, asked)
