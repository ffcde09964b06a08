"""Clocks of hosts that are apart.

Looks for: hosts whose spans start before the calls that caused them, or end after these, by more than the way there
and back allows; estimated for all hosts at once (`timeline/clocks.py`).

Why it matters: everything that compares times of two hosts goes wrong by the difference: leases, tokens, caches,
orderings. And whoever reads the traces is led astray: effects stand before causes.

Stays silent when: the clocks may be right within what the calls leave open; they are apart by less than matters.

Example finding: `node-3: its clock is 52.1 ms ahead of 5 others (at most 0.6 ms uncertain), seen on 1204 calls`.

A clock that is off has often been so for long and hurts nobody. It is a suspect only where requests fail for reasons of
time (a token not yet valid, a time stamp in the future) and go through that host.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.clocks import Clock, host_name, prepare_clocks
from ..vocabulary.words import without_numbers

# Errors that one makes who compares times of two clocks: JWT libraries' nbf / iat / exp, AWS and Kerberos request
# times, TLS validity, TOTP, event stores' sequence checks.
TIME_ERRORS: Final = (
    r"(?i)not yet valid|not valid yet|used before|before nbf|\bnbf\b|\biat\b|issued (in|at a time in) the future"
    r"|in the future|\bclock|skew|(timestamp|request ?time|time ?stamp|date).{0,40}(invalid|out of|too|expired|differ)"
    r"|too old|\bstale (token|time ?stamp|request|message|nonce)|age .{0,30}exceeds"
    r"|(message|event|request|token|signature|nonce|ticket).{0,30}expired|expired at .{0,40}\bnow\b"
    r"|out of (the )?(allowed |acceptable )?(time )?(window|tolerance)"
)
# Errors of stores that keep what has the latest time: the writes of all whose clocks are right lose to those of one
# that is ahead.
ORDER_ERRORS: Final = (
    r"(?i)last.?write.?wins|stale ?write"
    r"|(time ?stamp|version|update|write|record|event).{0,60}\b(newer|older|later) than"
    r"|reject\w*.{0,20}time ?stamp|time ?stamp.{0,40}(backwards?|regress|not (monotonic|increasing|after))"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_offset_ms: hosts under time synchronisation differ by a few milliseconds; nothing sound relies on less.
        min_certainty: the offset must be this many times what is uncertain of it.
        min_failures: so few requests may fail for reasons of time by chance, or by attack.
        min_share: who complains of seconds does not mean a clock that is off by milliseconds: of the shortest time
            named, so much at least.
    """

    min_offset_ms: float = 10.0
    min_certainty: float = 2.0
    min_failures: int = 3
    min_share: float = 0.1


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Tell which clocks are off."""
    clocks = prepare_clocks(scene.store)
    if not scene.store.query("SELECT max(has_parent AND clock != parent_clock) AS n FROM linked_spans")[0]["n"]:
        return Skipped("no call goes from one host to another in the traces")
    return [
        _finding(scene, clock, settings)
        for clock in clocks
        if abs(clock.offset_ns) >= settings.min_offset_ms * NS_PER_MS
        and abs(clock.offset_ns) >= settings.min_certainty * clock.uncertainty_ns
    ]


def _finding(scene: Scene, clock: Clock, settings: Settings) -> Finding:
    calls = scene.store.query(
        """
        SELECT count() AS n, uniqExact(if(clock = {clock:String}, parent_clock, clock)) AS others,
               countIf(start_ns < parent_start_ns
                       OR (start_ns + duration_ns > parent_start_ns + parent_duration_ns
                           AND duration_ns <= parent_duration_ns)) AS impossible
        FROM linked_spans
        WHERE has_parent AND clock != parent_clock AND (clock = {clock:String} OR parent_clock = {clock:String})
        """,
        clock=clock.name,
    )[0]
    service, host = _service(scene.store, clock.name), host_name(scene.store, clock.name)
    failures = _time_failures(scene, clock, settings)
    failed = int(failures["requests"]) if failures is not None else 0
    offset_ms, doubt_ms = clock.offset_ns / NS_PER_MS, clock.uncertainty_ns / NS_PER_MS
    way = "ahead of" if offset_ms > 0 else "behind"
    summary = (
        f"{host}: its clock is {abs(offset_ms):.1f} ms {way} {calls['others']} others "
        f"(at most {doubt_ms:.1f} ms uncertain), seen on {calls['n']} calls, {calls['impossible']} of them "
        "impossible as recorded"
    )
    if failures is not None:
        summary += f'; {failed} requests through it fail over time: "{str(failures["message"])[:120]}"'
    return Finding(
        code="traces.clock_skew",
        mechanism="clock_skew",
        service=service,
        summary=summary,
        severity=min(1.0, failed / max(1, int(failures["through"]))) if failures is not None else 0.0,
        confidence=0.95,
        facts={
            "host": host,
            "offset_ms": round(offset_ms, 3),
            "uncertainty_ms": round(doubt_ms, 3),
            "drift_ppm": None if clock.drift_ppm is None else round(clock.drift_ppm, 2),
            "calls": int(calls["n"]),
            "impossible_calls": int(calls["impossible"]),
            "requests_failing_over_time": failed,
            "harmless": failures is None,
        },
        citations=_citations(scene.store, clock.name),
        window=Window(int(failures["since"]), scene.windows.incident.end_ns) if failures is not None else None,
        resource=host,
        instance=clock.name,
    )


_NAMED: Final = re.compile(
    r"(?i)(?<![\w.])(\d+(?:\.\d+)?) ?(ms|millis\w*|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b"
)
_UNITS: Final = {"ms": 1_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "h": 3_600_000_000_000}


def named_ns(text: str) -> float:
    """The shortest time that a text names, in nanoseconds; 0 when it names none."""
    found = []
    for number, unit in _NAMED.findall(text):
        unit = "ms" if unit.lower().startswith("mil") else unit.lower()
        found.append(float(number) * next(_UNITS[known] for known in ("ms", "m", "s", "h") if unit.startswith(known)))
    return min((ns for ns in found if ns > 0), default=0.0)


def _prepare_time_failures(store: CaseStore) -> None:
    """The table `told_of_time`, once: what failing spans, exceptions and troubled log records say of time."""
    store.derive(
        "told_of_time",
        """
        SELECT trace_id, time_ns, message, NOT match(message, {words:String}) AS of_order FROM (
            SELECT trace_id, start_ns AS time_ns, status_message AS message FROM spans WHERE status = 'error'
            UNION ALL
            SELECT trace_id, time_ns, attributes['exception.message'] FROM span_events WHERE name = 'exception'
            UNION ALL
            SELECT trace_id, time_ns, body FROM logs
            WHERE severity IN ('error', 'fatal', 'warn') AND trace_id != ''
        )
        WHERE match(message, {words:String}) OR match(message, {order:String})
        """,
        "trace_id String, time_ns Int64, message String, of_order UInt8",
        words=TIME_ERRORS,
        order=ORDER_ERRORS,
    )


def _service(store: CaseStore, clock: str) -> str:
    """The service on a host that fails, else passes, most requests which fail over time; else the busiest."""
    _prepare_time_failures(store)
    row = store.query(
        """
        SELECT service, uniqExactIf(trace_id, failed AND touched) AS failing, uniqExactIf(trace_id, touched) AS passed,
               count() AS n
        FROM (SELECT *, trace_id IN (SELECT trace_id FROM told_of_time) AS touched FROM linked_spans)
        WHERE clock = {clock:String} AND service != ''
        GROUP BY service ORDER BY failing DESC, passed DESC, n DESC, service LIMIT 1
        """,
        clock=clock,
    )
    return str(row[0]["service"]) if row else ""


def _time_failures(scene: Scene, clock: Clock, settings: Settings) -> Row | None:
    """Requests through a host that fail for a reason of time that its clock can be: how many, of how many, since when.

    And those through other copies of its services that fail for reasons of order. Of what is said in words that differ
    by numbers alone the most frequent counts: now and then something expires everywhere. None where too few fail.
    """
    _prepare_time_failures(scene.store)
    rows = scene.store.query(
        f"""
        WITH through AS (
            SELECT trace_id, min(start_ns) AS start_ns, max(clock = {{clock:String}}) AS on_it FROM linked_spans
            WHERE service IN (SELECT service FROM linked_spans WHERE clock = {{clock:String}}) GROUP BY trace_id
        ), (SELECT groupArrayIf(start_ns, on_it) FROM through) AS starts
        SELECT requests, since, message, arrayCount(start -> start >= since, starts) AS through FROM (
            SELECT uniqExact(trace_id) AS requests, min(time_ns) AS since, {without_numbers("told.message")} AS said,
                   argMin(told.message, (time_ns, told.message)) AS message
            FROM told_of_time AS told JOIN through USING (trace_id) WHERE on_it OR of_order GROUP BY said
        )
        WHERE requests >= {{least:UInt64}} ORDER BY requests DESC, since, said
        """,
        clock=clock.name,
        least=settings.min_failures,
    )
    # How long the request took, where that is told too, stands before the reason.
    reasons = ((row, str(row["message"]).rpartition(": ")[2]) for row in rows)
    fitting = (row for row, reason in reasons if abs(clock.offset_ns) >= settings.min_share * named_ns(reason))
    return next(fitting, None)


def _citations(store: CaseStore, clock: str) -> tuple[Citation, ...]:
    """Calls that are impossible as recorded, the worst first, each with the span that caused it."""
    rows = store.query(
        """
        SELECT trace_id, span_id, parent_span_id,
               greatest(parent_start_ns - start_ns,
                        if(duration_ns <= parent_duration_ns,
                           start_ns + duration_ns - parent_start_ns - parent_duration_ns, 0)) AS by_ns
        FROM linked_spans
        WHERE has_parent AND clock != parent_clock AND (clock = {clock:String} OR parent_clock = {clock:String})
        ORDER BY by_ns DESC, trace_id, span_id LIMIT 3
        """,
        clock=clock,
    )
    return tuple(
        span_citation(row["trace_id"], span) for row in rows for span in (row["parent_span_id"], row["span_id"])
    )


DETECTOR = Detector(
    code="traces.clock_skew",
    kinds=(Kind("traces.clock_skew", directness=0.95, family="seen"),),
    mechanisms=("clock_skew",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
)
