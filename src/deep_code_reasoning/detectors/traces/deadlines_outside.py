"""Deadlines that came to be shorter than what they are for, where no span tells of the other side.

A part of `early_timeout.py`, for calls to partners, databases and all else that records no spans: nothing outlives
such a call. A new deadline shows in what the calls took: those that would have taken longer fail, all at one and the
same time, and none is waited for longer, as many were before. A peer that became slower fails later than it ever
answered, and one that refuses fails sooner.
"""

from __future__ import annotations

from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Scene
from ..timeline.exits import prepare_exits
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps

# So much longer, or shorter, than the deadline is beside it.
_APART: Final = 1.1
# Some calls prove it: that were given up on, that had taken longer before, that took less.
_MIN_CALLS: Final = 3
# Of those that had been waited for longer so many may be still: other operations, with a deadline of their own. And so
# many of those that took less must be answered still.
_STILL: Final = 0.2
_MIN_PROBABILITY: Final = 0.5
_MOST: Final = 0.95
# A deadline is the same for all calls: hardly any fails at another time.
_SAME: Final = 0.8
# Who is turned away at once always is after the same time, too.
_TURNED_AWAY: Final = r"(?i)refused|reset|unreachable|no route|hang ?up"
_GIVEN_UP: Final = r"(?i)timed? ?out|timeout|deadline|cancell?ed|abort"


def deadlines_outside(scene: Scene) -> list[Finding]:
    """Callers that give up sooner than they did on what records no spans."""
    if not _prepare_cut_exits(scene.store):
        return []
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT service, peer, groupArray((step, n, cut)) AS steps, sum(cut) AS concerned FROM (
            SELECT service, peer, {step_of("start_ns")} AS step, count() AS n, sum(cut) AS cut
            FROM cut_exits GROUP BY service, peer, step
        )
        GROUP BY service, peer HAVING concerned >= {{least:UInt32}} ORDER BY service, peer
        """,
        least=_MIN_CALLS,
        **steps.parameters(),
    )
    found = (_judge(scene, rise) for rise in rises(rows, steps, _MIN_PROBABILITY))
    return [finding for finding in found if finding is not None]


def _prepare_cut_exits(store: CaseStore) -> bool:
    """The table `cut_exits`: calls to peers that fail some, and whether each failed when most do, by its duration.

    False, and no table, when no span names a peer.
    """
    if not prepare_exits(store):
        return False
    store.derive(
        "cut_exits",
        """
        WITH limits AS (
            SELECT service, peer, quantileExact(0.5)(duration_ns) AS limit_ns FROM exits WHERE failed
            GROUP BY service, peer
        )
        SELECT trace_id, span_id, e.service AS service, e.peer AS peer, start_ns, duration_ns, error, failed, limit_ns,
               failed AND NOT match(error, {turned_away:String}) AND duration_ns * {apart:Float64} > limit_ns
                   AND duration_ns < limit_ns * {apart:Float64} AS cut
        FROM exits AS e JOIN limits USING (service, peer)
        """,
        apart=_APART,
        turned_away=_TURNED_AWAY,
    )
    return True


def _judge(scene: Scene, rise: Rise) -> Finding | None:
    told = scene.store.query(
        """
        SELECT min(limit_ns) AS deadline_ns, countIf(NOT late) AS before, countIf(late) AS since,
               countIf(NOT late AND NOT failed AND longer) AS longer_before, countIf(late AND NOT failed AND longer)
                   AS longer_since, countIf(NOT late AND NOT failed AND duration_ns < limit_ns) AS shorter_before,
               countIf(late AND failed) AS failed_since, countIf(late AND cut) AS cut_since,
               max(late AND cut AND match(error, {given_up:String})) AS says_so,
               arraySlice(arraySort(groupArrayIf((start_ns, trace_id, span_id), late AND cut)), 1, 3) AS examples
        FROM (
            SELECT *, start_ns >= {since:Int64} AS late, duration_ns > limit_ns * {apart:Float64} AS longer
            FROM cut_exits WHERE service = {service:String} AND peer = {peer:String}
        )
        """,
        apart=_APART,
        given_up=_GIVEN_UP,
        since=rise.since_ns,
        service=rise.row["service"],
        peer=rise.row["peer"],
    )[0]
    longer, shorter = int(told["longer_before"]), int(told["shorter_before"])
    growth = int(told["since"]) / max(1, int(told["before"]))
    new = longer >= _MIN_CALLS and int(told["longer_since"]) <= _STILL * longer * growth
    same = int(told["cut_since"]) >= _SAME * int(told["failed_since"])
    # Who answers in time is still waited for; a peer that is gone answers nobody.
    served = int(told["since"]) - int(told["failed_since"]) >= _STILL * shorter * growth
    # What fails sooner than anything was answered may as well be refused.
    if not (new and same and served and (told["says_so"] or shorter >= _MIN_CALLS)):
        return None
    return _finding(scene, rise, told, longer)


def _finding(scene: Scene, rise: Rise, told: Row, longer: int) -> Finding:
    service, peer, change = str(rise.row["service"]), str(rise.row["peer"]), rise.change
    deadline_ms = float(told["deadline_ns"]) / NS_PER_MS
    return Finding(
        code="traces.new_deadline",
        mechanism="timeout_budget",
        service=service,
        summary=(
            f"{service}: gives up on {peer} after {deadline_ms:.0f} ms ({change.failures_after} of "
            f"{change.trials_after} calls since {format_instant(rise.since_ns)}, {change.failures_before} of "
            f"{change.trials_before} before); {longer} earlier calls that took longer were waited for"
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(_MOST, rise.probability),
        facts={
            "callee": peer,
            "deadline_ms": round(deadline_ms, 3),
            "deadline_is_new": True,
            "given_up_share": round(change.rate_after, 4),
            "given_up_share_before": round(change.rate_before, 4),
            "onset": format_instant(rise.since_ns),
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in told["examples"]),
        window=Window(rise.since_ns, max(rise.since_ns + 1, scene.windows.incident.end_ns)),
        resource=peer,
    )
