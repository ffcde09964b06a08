"""Shapes of calls that cost time in every request, whether or not anything is wrong today.

Looks for: operations whose requests make many calls of one kind (N+1), very many calls, calls one after the other that
together take long and do not depend on each other by any sign, or one slow query.

Why it matters: they are what an operation could be quicker by. None of it is an incident: it was so yesterday. What
became so is told by `repeated_calls.py` and `critical_path.py`.

Stays silent when: few requests have the shape, or it takes no time that counts.

Example finding: `web: GET /profile makes 4 calls one after the other in 61% of 240 requests, 310 ms; side by side they
would take 140 ms less`.

Thresholds are Sentry's and perf-sentinel's published defaults. A finding here is a smell: it is grave to nobody, it is
no cause, and it dates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS
from ...store import Row
from ..base import Detector, Kind, Scene
from ..timeline.linked_spans import span_kinds

_SMELL: Final = 0.1
"""Severity of what is always so."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_requests: fewer requests than this are no habit.
        min_share: so many requests of an operation have the shape: it is how it works, and no odd case.
        min_repeats: N+1, Sentry and perf-sentinel.
        min_total_ms: and all of them take so long together, Sentry.
        min_calls: perf-sentinel's limit of fan-out is 20 children.
        min_serial: calls one after the other, perf-sentinel.
        min_serial_ms: each that counts takes so long, Sentry (consecutive queries).
        min_saved_ms: and side by side they would save so much, Sentry.
        min_saved_share: of the whole, Sentry.
        slow_query_ms: Sentry.
        max_findings: the dearest few; a list of all smells is not read.
    """

    min_requests: int = 10
    min_share: float = 0.3
    min_repeats: int = 5
    min_total_ms: float = 50.0
    min_calls: int = 20
    min_serial: int = 3
    min_serial_ms: float = 30.0
    min_saved_ms: float = 100.0
    min_saved_share: float = 0.1
    slow_query_ms: float = 500.0
    max_findings: int = 5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find the shapes that cost most, the dearest first."""
    if "client" not in span_kinds(scene.store):
        return []
    scene.store.derive(
        "call_shapes",
        _SHAPES,
        "service String, operation String, trace_id String, parent_span_id String, "
        "shape Tuple(String, String, UInt64, Int64)",
        repeats=settings.min_repeats,
        total=round(settings.min_total_ms * NS_PER_MS),
        many=settings.min_calls,
        serial=settings.min_serial,
        long=round(settings.min_serial_ms * NS_PER_MS),
        saved=round(settings.min_saved_ms * NS_PER_MS),
        saved_share=settings.min_saved_share,
        slow=round(settings.slow_query_ms * NS_PER_MS),
    )
    if not scene.store.query("SELECT 1 AS n FROM call_shapes LIMIT 1"):
        return []
    rows = scene.store.query(_SUMMED_UP, least=settings.min_requests, share=settings.min_share)
    found = [_finding(scene, row) for row in rows]
    found.sort(key=lambda f: (-float(str(f.facts["costs_ms"])), f.service, f.operation or "", f.summary))
    return found[: settings.max_findings]


# Calls of a parent: spans of its own service that lead to another, or are a client's; not those that contain others.
# Only parents with enough children have a shape, and long calls: to sort the calls of all takes three times as long.
_SHAPES: Final = """
WITH inner AS (SELECT parent_key FROM linked_spans WHERE parent_service = service),
calls AS (
    SELECT trace_id, span_id, parent_span_id, parent_key, service, parent_name, name, start_ns, duration_ns,
           parent_duration_ns,
           max(start_ns + duration_ns) OVER (PARTITION BY parent_key ORDER BY start_ns, span_id
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until,
           count() OVER (PARTITION BY parent_key, name) AS alike,
           sum(duration_ns) OVER (PARTITION BY parent_key, name) AS alike_ns
    FROM linked_spans
    WHERE parent_service = service AND NOT failed AND kind = 'client' AND span_key NOT IN inner
      AND (duration_ns >= {slow:Int64} OR parent_key IN (
          SELECT span_key FROM span_children WHERE children >= least({repeats:UInt32}, {serial:UInt32})))
),
parents AS (
    SELECT any(trace_id) AS trace_id, any(parent_span_id) AS parent_span_id, any(service) AS service,
           any(parent_name) AS operation, count() AS n,
           uniqExact(name) AS kinds, any(parent_duration_ns) AS parent_ns, sum(duration_ns) AS total_ns,
           argMax((name, alike, alike_ns), (alike, alike_ns, name)) AS most,
           countIf(start_ns >= busy_until AND duration_ns >= {long:Int64}) AS one_by_one,
           total_ns - max(duration_ns) AS saved_ns, argMax((name, duration_ns), (duration_ns, name)) AS longest
    FROM calls GROUP BY parent_key
)
SELECT service, operation, trace_id, parent_span_id, arrayJoin(arrayFilter(
           shape -> shape.1 != '',
           [if(most.2 >= {repeats:UInt32} AND most.3 >= {total:Int64}, ('n_plus_one', most.1, most.2, most.3),
               ('', '', 0, 0)),
            if(n > {many:UInt32} AND most.2 * 2 < n, ('fan_out', '', n, total_ns), ('', '', 0, 0)),
            if(kinds >= {serial:UInt32} AND one_by_one >= {serial:UInt32} AND saved_ns >= {saved:Int64}
                   AND saved_ns >= {saved_share:Float64} * parent_ns, ('serialised', '', n, saved_ns),
               ('', '', 0, 0)),
            if(longest.2 >= {slow:Int64}, ('slow_query', longest.1, 1, longest.2), ('', '', 0, 0))])) AS shape
FROM parents
"""
# Most cases have no shapes: what becomes of them is not planned then.
_SUMMED_UP: Final = """
WITH requests AS (SELECT service, name AS operation, count() AS requests FROM linked_spans GROUP BY service, operation)
SELECT s.service AS service, s.operation AS operation, s.shape.1 AS shape, s.shape.2 AS call, count() AS having,
       any(r.requests) AS requests, quantileExact(0.5)(s.shape.3) AS calls, quantileExact(0.5)(s.shape.4) AS cost_ns,
       argMax((trace_id, parent_span_id), (s.shape.4, trace_id, parent_span_id)) AS example
FROM call_shapes AS s JOIN requests AS r ON s.service = r.service AND s.operation = r.operation
GROUP BY service, operation, shape, call
HAVING having >= {least:UInt32} AND having >= {share:Float64} * requests
ORDER BY service, operation, shape, call
"""

_TOLD: Final = {
    "n_plus_one": ("n_plus_one", "makes {calls} calls of {call}", "{cost} ms of it"),
    "fan_out": ("chatty_calls", "makes {calls} calls of many kinds", "{cost} ms of it"),
    "serialised": (
        "latency_regression",
        "makes {calls} calls one after the other",
        "side by side they would take {cost} ms less, if they do not need each other",
    ),
    "slow_query": ("latency_regression", "waits for {call}", "{cost} ms"),
}


def _finding(scene: Scene, row: Row) -> Finding:
    mechanism, what, cost = _TOLD[str(row["shape"])]
    cost_ms = float(row["cost_ns"]) / NS_PER_MS
    share = int(row["having"]) / int(row["requests"])
    said = {"calls": int(row["calls"]), "call": row["call"], "cost": f"{cost_ms:.0f}"}
    return Finding(
        code="traces.call_shapes",
        mechanism=mechanism,
        service=str(row["service"]),
        summary=(
            f"{row['service']}: {row['operation']} {what.format(**said)} in {share:.0%} of {row['requests']} requests, "
            f"{cost.format(**said)}"
        ),
        severity=_SMELL,
        confidence=0.6,
        facts={
            "shape": str(row["shape"]),
            "call": str(row["call"]) or None,
            "calls": int(row["calls"]),
            "costs_ms": round(cost_ms, 3),
            "share": round(share, 4),
            "harmless": True,
        },
        citations=(span_citation(*row["example"]),),
        window=scene.windows.incident,
        operation=str(row["operation"]),
        resource=str(row["call"]) or None,
    )


DETECTOR = Detector(
    code="traces.call_shapes",
    kinds=(Kind("traces.call_shapes"),),
    mechanisms=("n_plus_one", "chatty_calls", "latency_regression"),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
)
