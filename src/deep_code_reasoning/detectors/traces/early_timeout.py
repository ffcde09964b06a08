"""A caller that gives up before its callee is done.

Looks for: calls that fail after one and the same time while the callee goes on working, and mostly succeeds: the
caller's deadline is shorter than the work it covers, or than the deadlines and retries inside of it (budgets that are
the wrong way round along the chain).

Where calls that took longer were waited for before, the deadline itself is new; this shows for what records no spans
as well (`deadlines_outside.py`). Where the callee waits for a partner outside for longer than its own caller waits for
it, and is answered, the budgets are the wrong way round: the partner is slower than it was, and in time. So they are
where the callee tries one call again and again, each try shorter than its caller waits and all of them longer.

Why it matters: the work is done and thrown away; the caller reports an error where nothing is broken, and its own
callers may try again.

Stays silent when: the callee fails too, or is done before its caller gives up; failed calls last differently long;
calls were given up as often before.

Example finding: `gateway: gives up on orders after 400 ms while it still works (24 of 45 calls since 10:51:46, 0 of 24
before); it needs up to 1290 ms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.exits import ON_THE_INTERNET, OUR_OWN, prepare_exits
from ..timeline.linked_spans import do_some_fail
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps
from .deadlines_outside import deadlines_outside

# Some calls that took clearly longer before show that the deadline was not there; one may be a clock's leap.
_LONGER: Final = 1.1
_MIN_LONGER: Final = 3
# Most of the callee's time is a partner's from here on.
_MOSTLY: Final = 0.5
# Where each try fails by itself most get through with the third or fourth only now and then: some have to.
_SOME: Final = 0.25


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_outlived_ms: the callee must outlive the call by more than a network's delay.
        same_time: a deadline is the same for all calls: their upper decile is at most this many times the lower one.
        min_calls: fewer calls than this prove nothing.
        min_probability: a finding is told when it is likelier than not.
    """

    min_outlived_ms: float = 5.0
    same_time: float = 1.1
    min_calls: int = 3
    min_probability: float = 0.5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find callers whose deadline is too short."""
    if not do_some_fail(scene.store):
        return Skipped("no span says that it failed")
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        WITH calls AS (
            SELECT parent_service AS caller, service AS callee, {step_of("parent_start_ns")} AS step,
                   parent_duration_ns, duration_ns, failed,
                   parent_failed AND duration_ns > parent_duration_ns + {{outlived:Int64}} AS given_up
            FROM linked_spans
            WHERE has_parent AND service != parent_service AND kind NOT IN ('consumer', 'producer')
        )
        SELECT caller, callee, groupArray((step, n, given_up)) AS steps, sum(given_up) AS concerned,
               quantileExactMerge(0.1)(low) AS low_ns, quantileExactMerge(0.9)(high) AS high_ns, max(longest) AS most_ns
        FROM (
            SELECT caller, callee, step, count() AS n, countIf(c.given_up) AS given_up,
                   quantileExactStateIf(0.1)(parent_duration_ns, c.given_up) AS low,
                   quantileExactStateIf(0.9)(parent_duration_ns, c.given_up) AS high,
                   maxIf(duration_ns, c.given_up) AS longest
            FROM calls AS c GROUP BY caller, callee, step
        )
        GROUP BY caller, callee HAVING concerned >= {{least:UInt32}} AND high_ns <= {{same:Float64}} * low_ns
        ORDER BY caller, callee
        """,
        outlived=round(settings.min_outlived_ms * NS_PER_MS),
        least=settings.min_calls,
        same=settings.same_time,
        **steps.parameters(),
    )
    found = [_finding(scene, rise) for rise in rises(rows, steps, settings.min_probability)]
    found += deadlines_outside(scene)
    # A deadline that is new explains those above it. Else, where deadlines fail above each other, the outer one is too
    # short for what happens inside.
    told = [finding for finding in found if finding.facts["deadline_is_new"]]
    callers = {finding.service for finding in found}
    told = told or [f for f in found if not callers & set(scene.graph.upstream(f.service)) - {f.service}]
    return sorted(told or found, key=lambda f: (-f.confidence, -f.severity, f.service))


def _finding(scene: Scene, rise: Rise) -> Finding:
    row, change = rise.row, rise.change
    caller, callee = str(row["caller"]), str(row["callee"])
    deadline_ms, most_ms = float(row["low_ns"]) / NS_PER_MS, float(row["most_ns"]) / NS_PER_MS
    operation, cited = _examples(scene.store, caller, callee)
    longer = _longer_before(scene.store, rise, deadline_ms)
    is_new = longer >= _MIN_LONGER
    waited = f"; {longer} earlier calls that took longer were waited for" if is_new else ""
    inner, waits_ms = _waits_inside(scene.store, caller, callee)
    inverted = f", and itself waits up to {waits_ms:.0f} ms for {inner}" if waits_ms > deadline_ms else ""
    tries = 0.0 if inverted else _tries_inside(scene.store, rise, deadline_ms)
    if tries >= _SOME:
        inverted = f", and itself tries {inner} again, each time for less and in all for longer, and gets through"
    wrong_way = tries >= _SOME or (bool(inverted) and _waits_outside(scene.store, caller, callee) >= _MOSTLY)
    return Finding(
        code="traces.new_deadline" if is_new else "traces.inverted_deadline" if wrong_way else "traces.early_timeout",
        mechanism="timeout_budget",
        service=caller,
        summary=(
            f"{caller}: gives up on {callee} after {deadline_ms:.0f} ms while it still works "
            f"({change.failures_after} of {change.trials_after} calls since {format_instant(rise.since_ns)}, "
            f"{change.failures_before} of {change.trials_before} before); it needs up to {most_ms:.0f} ms"
            f"{inverted}{waited}"
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(0.95, rise.probability),
        facts={
            "callee": callee,
            "deadline_ms": round(deadline_ms, 3),
            "longest_work_ms": round(most_ms, 3),
            "deadline_is_new": is_new,
            "callee_waits_ms": round(waits_ms, 3),
            "given_up_share": round(change.rate_after, 4),
            "given_up_share_before": round(change.rate_before, 4),
            "onset": format_instant(rise.since_ns),
        },
        citations=cited,
        window=Window(rise.since_ns, max(rise.since_ns + 1, scene.windows.incident.end_ns)),
        operation=operation,
        resource=callee,
    )


def _longer_before(store: CaseStore, rise: Rise, deadline_ms: float) -> int:
    """Calls that took longer than the deadline and were waited for before it showed."""
    row = store.query(
        """
        SELECT count() AS n FROM linked_spans
        WHERE parent_service = {caller:String} AND service = {callee:String} AND parent_start_ns < {since:Int64}
          AND NOT parent_failed AND parent_duration_ns > {longer:Int64} AND kind NOT IN ('consumer', 'producer')
        """,
        caller=rise.row["caller"],
        callee=rise.row["callee"],
        since=rise.since_ns,
        longer=round(_LONGER * deadline_ms * NS_PER_MS),
    )[0]
    return int(row["n"])


def _waits_inside(store: CaseStore, caller: str, callee: str) -> tuple[str, float]:
    """For whom the callee itself waited longest in requests that were given up on, and how long, in milliseconds."""
    rows = store.query(
        """
        SELECT service, max(parent_duration_ns) AS waited_ns FROM linked_spans
        WHERE parent_service = {callee:String} AND service != parent_service AND kind NOT IN ('consumer', 'producer')
          AND trace_id IN (SELECT trace_id FROM linked_spans
                           WHERE parent_service = {caller:String} AND service = {callee:String} AND parent_failed
                             AND duration_ns > parent_duration_ns)
        GROUP BY service ORDER BY waited_ns DESC, service LIMIT 1
        """,
        caller=caller,
        callee=callee,
    )
    return (str(rows[0]["service"]), float(rows[0]["waited_ns"]) / NS_PER_MS) if rows else ("", 0.0)


def _tries_inside(store: CaseStore, rise: Rise, deadline_ms: float) -> float:
    """Of the requests that were given up on, the share that succeeded after tries that together outlast the deadline.

    Who had waited would have been served. No try may outlast the deadline alone: then who is called is slow, and to try
    once would be as late.
    """
    row = store.query(
        """
        WITH given_up AS (
            SELECT trace_id, min(failed) AS in_vain FROM linked_spans
            WHERE parent_service = {caller:String} AND service = {callee:String} AND parent_failed
              AND duration_ns > parent_duration_ns AND parent_start_ns >= {since:Int64}
            GROUP BY trace_id
        ),
        tried AS (
            SELECT trace_id FROM linked_spans
            WHERE parent_service = {callee:String} AND service != parent_service
              AND trace_id IN (SELECT trace_id FROM given_up WHERE NOT in_vain)
              AND kind NOT IN ('consumer', 'producer')
            GROUP BY trace_id, service, name
            HAVING countIf(parent_failed) > 1 AND max(parent_duration_ns) < {deadline:Int64}
               AND sum(parent_duration_ns) >= {deadline:Int64}
        )
        SELECT uniqExact(trace_id) / (SELECT greatest(count(), 1) FROM given_up) AS share FROM tried
        """,
        caller=rise.row["caller"],
        callee=rise.row["callee"],
        since=rise.since_ns,
        deadline=round(deadline_ms * NS_PER_MS),
    )[0]
    return float(row["share"] or 0.0)


def _waits_outside(store: CaseStore, caller: str, callee: str) -> float:
    """Of the time that calls took which were given up on, the share in which a partner outside was waited for."""
    if not prepare_exits(store):
        return 0.0
    row = store.query(
        """
        WITH given_up AS (
            SELECT trace_id, max(duration_ns) AS work_ns FROM linked_spans
            WHERE parent_service = {caller:String} AND service = {callee:String} AND parent_failed
              AND duration_ns > parent_duration_ns GROUP BY trace_id
        ),
        outside AS (
            SELECT trace_id, max(duration_ns) AS waited_ns FROM exits
            WHERE NOT failed AND match(peer, {internet:String}) AND NOT match(peer, {own:String}) GROUP BY trace_id
        )
        SELECT sum(least(o.waited_ns, work_ns)) / sum(work_ns) AS share
        FROM given_up AS g LEFT JOIN outside AS o ON g.trace_id = o.trace_id
        """,
        caller=caller,
        callee=callee,
        internet=ON_THE_INTERNET,
        own=OUR_OWN,
    )[0]
    return float(row["share"] or 0.0)


def _examples(store: CaseStore, caller: str, callee: str) -> tuple[str | None, tuple[Citation, ...]]:
    """The operation that was given up most, and calls with the work that outlived them."""
    rows = store.query(
        """
        SELECT trace_id, parent_span_id, span_id, name, count() OVER (PARTITION BY name) AS n FROM linked_spans
        WHERE parent_service = {caller:String} AND service = {callee:String} AND parent_failed
          AND duration_ns > parent_duration_ns
        ORDER BY n DESC, duration_ns DESC, trace_id, span_id LIMIT 2
        """,
        caller=caller,
        callee=callee,
    )
    cited = [span_citation(row["trace_id"], row[key]) for row in rows for key in ("parent_span_id", "span_id")]
    return (str(rows[0]["name"]) if rows else None), tuple(cited)


DETECTOR = Detector(
    code="traces.early_timeout",
    kinds=(
        Kind("traces.early_timeout", directness=0.9, outright=True, reaction="gives_up"),
        Kind("traces.new_deadline", directness=0.95, family="seen"),
        Kind("traces.inverted_deadline", directness=0.95, family="seen"),
    ),
    mechanisms=("timeout_budget",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
