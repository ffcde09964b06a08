"""Calls that were made side by side and come to be made one after the other.

Looks for: an operation whose requests make some calls at once, so that most of them overlap, and from some moment on as
many, none of which begins before the one ahead of it has ended; the operation takes longer for it.

Why it matters: each call is as quick as ever, and so is everybody who is called. Only the caller's own order of calls
tells why it takes as long as all of them together.

Stays silent when: calls were always made one after the other (`call_shapes.py` tells what that costs); there are more
of them than before (`repeated_calls.py`); the operation is as quick as it was.

Example finding: `profile: GET /profile makes its 8 calls one after the other in 96 of 97 requests since 10:23:00, side
by side before: 92 ms, 31 before`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_calls: of two calls that do not overlap by chance nothing is learned.
        serial: calls are made one after the other when at most a quarter of them begin while others run: some may be
            made by others of its threads.
        min_requests: fewer such requests than this are odd ones.
        min_rise: most requests must have turned: an order of calls is written down once.
        more_calls: up to half as many calls again are the same work.
        min_slower: and it must take so many times as long.
        min_probability: a finding must be nearly sure.
        confidence: at most.
    """

    min_calls: int = 3
    serial: float = 0.25
    min_requests: int = 5
    min_rise: float = 0.6
    more_calls: float = 1.5
    min_slower: float = 1.3
    min_probability: float = 0.9
    confidence: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find operations that wait for their calls one by one since some moment."""
    prepare_linked_spans(scene.store)
    scene.store.derive(
        "call_orders",
        """
        SELECT trace_id, parent_span_id AS span_id, any(service) AS service, any(parent_name) AS name, count() AS calls,
               any(parent_start_ns) AS start_ns, any(parent_duration_ns) AS duration_ns,
               countIf(c.start_ns < busy_until) <= {serial:Float64} * (calls - 1) AS one_by_one,
               countIf(c.start_ns < busy_until) * 2 >= calls - 1 AS side_by_side
        FROM (
            SELECT trace_id, parent_span_id, service, parent_name, parent_start_ns, parent_duration_ns, start_ns,
                   max(start_ns + duration_ns) OVER (PARTITION BY trace_id, parent_span_id ORDER BY start_ns, span_id
                                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until
            FROM linked_spans
            WHERE parent_service = service AND NOT failed AND kind = 'client' AND (trace_id, parent_span_id) IN (
                SELECT trace_id, span_id FROM span_children WHERE children >= {least:UInt32})
        ) AS c
        GROUP BY trace_id, parent_span_id HAVING calls >= {least:UInt32}
        """,
        "trace_id String, span_id String, service LowCardinality(String), name LowCardinality(String), calls UInt64, "
        "start_ns Int64, duration_ns Int64, one_by_one UInt8, side_by_side UInt8",
        serial=settings.serial,
        least=settings.min_calls,
    )
    if not scene.store.query("SELECT 1 AS n FROM call_orders WHERE side_by_side LIMIT 1"):
        return Skipped("no request makes several calls at once")
    steps = time_steps(scene.store, "call_orders")
    rows = scene.store.query(
        f"""
        SELECT service, name, groupArray((step, n, serial)) AS steps, sum(serial) AS concerned FROM (
            SELECT service, name, {step_of("start_ns")} AS step, count() AS n, countIf(one_by_one) AS serial
            FROM call_orders GROUP BY service, name, step
        )
        GROUP BY service, name HAVING concerned >= {{least:UInt32}} ORDER BY service, name
        """,
        least=settings.min_requests,
        **steps.parameters(),
    )
    found = [
        finding
        for rise in rises(rows, steps, settings.min_probability)
        if rise.change.rate_after - rise.change.rate_before >= settings.min_rise
        and (finding := _finding(scene, rise, settings)) is not None
    ]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.operation or ""))


def _finding(scene: Scene, rise: Rise, settings: Settings) -> Finding | None:
    service, name = str(rise.row["service"]), str(rise.row["name"])
    since_ns, change = rise.since_ns, rise.change
    seen = scene.store.query(
        """
        SELECT avgIf(calls, start_ns < {since:Int64}) AS calls_before,
               avgIf(calls, start_ns >= {since:Int64}) AS calls_now,
               avgIf(side_by_side, start_ns < {since:Int64}) AS together,
               quantileExactIf(0.5)(duration_ns, start_ns < {since:Int64}) AS before_ns,
               quantileExactIf(0.5)(duration_ns, start_ns >= {since:Int64}) AS now_ns,
               arraySlice(arraySort(groupArrayIf((start_ns, trace_id, span_id),
                                                 one_by_one AND start_ns >= {since:Int64})), 1, 3) AS examples
        FROM call_orders WHERE service = {service:String} AND name = {name:String}
        """,
        since=since_ns,
        service=service,
        name=name,
    )[0]
    before_ms, now_ms = float(seen["before_ns"]) / NS_PER_MS, float(seen["now_ns"]) / NS_PER_MS
    as_many = float(seen["calls_now"]) <= settings.more_calls * float(seen["calls_before"])
    if not as_many or float(seen["together"]) < 0.5 or now_ms < settings.min_slower * before_ms:
        return None
    return Finding(
        code="traces.serial_calls",
        mechanism="chatty_calls",
        service=service,
        summary=(
            f"{service}: {name} makes its {float(seen['calls_now']):.0f} calls one after the other in "
            f"{change.failures_after} of {change.trials_after} requests since {format_instant(since_ns)}, side by side "
            f"before: {now_ms:.0f} ms, {before_ms:.0f} before"
        ),
        severity=1 - before_ms / now_ms,
        confidence=min(settings.confidence, rise.probability),
        facts={
            "calls": round(float(seen["calls_now"]), 2),
            "before_ms": round(before_ms, 3),
            "now_ms": round(now_ms, 3),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in seen["examples"]),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=name,
    )


DETECTOR: Final = Detector(
    code="traces.serial_calls",
    kinds=(Kind("traces.serial_calls", directness=0.95, family="seen"),),
    mechanisms=("chatty_calls",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
