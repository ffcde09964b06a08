"""Waits for a free connection or worker that no span shows, only a gap.

Looks for: gaps before a call of a database begins, or between a request and its beginning at the callee, that became
long and end just when somebody else's call ends in the same process: what was waited for is handed on.

Why it matters: the time belongs to nobody. The statement is quick, the callee is quick, the network looks slow or the
code looks busy; the pool between them is too small, or its connections are held for too long.

Stays silent when: gaps end at moments that have nothing to do with others' calls (the code computes, the way is slow);
they were as long before; all that could end does so all the time.

Example finding: `orders: 41 of 60 calls wait for a free connection before they begin since 10:23:00 (640 ms, 1 of 72
before): 37 of 41 begin within 2 ms of the end of another's`.

Three kinds of gaps are looked at: before a statement inside of its request (a connection of the caller's pool), before
a callee begins while all calls from one process to it are counted (a connection of its HTTP client), and while all that
the callee's process serves is counted (its workers). Of the last two the one that ends explain better is told. The gap
of a call is what the call takes longer than the callee, so that no clock matters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene, Skipped
from ..locks.waits import LONG, Length
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps

# What is waited for, by the kind of gap: mechanism, words, whose finding it is.
_KINDS: Final = {
    "statement": ("connection_pool_exhausted", "wait for a free connection before they begin"),
    "call": ("connection_pool_exhausted", "wait for a free connection before they are sent"),
    "worker": ("thread_pool_exhausted", "wait for a free worker before they begin"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        length: when a gap is long, as `locks.waits` has it.
        handed_ms: who waits in a pool begins at once when another is done: a scheduler's pause after it.
        min_handed: so many of the long gaps end like that; what is left are pauses and time stamps that are rounded.
        min_beyond: and so many times as many as would by chance, at the rate at which calls end there.
        min_waits: fewer long gaps than this are a moment's peak.
        min_rise: the share of long gaps must rise by so much; a fifth is felt. Of all kinds of calls together a
            quarter of that is enough to look closer.
        min_probability: a finding must be nearly sure.
        most: nobody is surer: a pool may run dry because what it leads to is slow.
    """

    length: Length = LONG
    handed_ms: float = 2.0
    min_handed: float = 0.6
    min_beyond: float = 3.0
    min_waits: int = 6
    min_rise: float = 0.2
    min_probability: float = 0.9
    most: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find pools that are waited for."""
    if not _prepare_gaps(scene.store, settings):
        return Skipped("no call begins long after what it is part of")
    steps = time_steps(scene.store, "pool_gaps", "at_ns")
    rows = scene.store.query(
        f"""
        SELECT kind, service, peer, groupArray((step, n, long)) AS steps, sum(long) AS concerned
        FROM (
            SELECT kind, service, peer, {step_of("at_ns")} AS step, count() AS n, countIf(is_long) AS long
            FROM pool_gaps GROUP BY kind, service, peer, step
        )
        GROUP BY kind, service, peer HAVING concerned >= {{least:UInt32}} ORDER BY kind, service, peer
        """,
        least=settings.min_waits,
        **steps.parameters(),
    )
    found = [
        finding
        for rise in rises(rows, steps, settings.min_probability)
        if rise.change.rate_after - rise.change.rate_before >= settings.min_rise
        and (finding := _judge(scene, rise, settings)) is not None
    ]
    scene.store.forget("pool_gaps")
    # A request that waits for a worker is a call that waits: the ends that explain more of it tell which.
    best: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda f: (-float(str(f.facts["handed_share"])), f.service, f.mechanism)):
        best.setdefault(str(finding.facts["waited_for"]), finding)
    return sorted(best.values(), key=lambda f: (-f.confidence, -f.severity, f.service))


def _could_wait(store: CaseStore, settings: Settings) -> bool:
    """Whether calls begin late in one quarter of the time more often than in another: a first, quick look."""
    rows = store.query(
        """
        WITH (SELECT (min(start_ns), max(start_ns) + 1) FROM linked_spans) AS ends
        SELECT intDiv((start_ns - ends.1) * 4, ends.2 - ends.1) AS quarter,
               avgIf(parent_duration_ns - duration_ns >= {least:Int64}, service != parent_service) AS calls,
               avgIf(start_ns - parent_start_ns >= {least:Int64}, service = parent_service AND kind IN ('client', ''))
                   AS statements
        FROM linked_spans WHERE has_parent GROUP BY quarter ORDER BY quarter
        """,
        least=round(settings.length.least_ms * NS_PER_MS),
    )
    shares = ([float(row[kind] or 0.0) for row in rows] for kind in ("calls", "statements"))
    return any(max(known, default=0.0) - min(known, default=0.0) >= settings.min_rise / 4 for known in shares)


_LONG: Final = "gap_ns >= {least:Int64} AND gap_ns >= least({factor:Float64} * usual_ns, {most:Float64})"


def _prepare_gaps(store: CaseStore, settings: Settings) -> bool:
    """Make `pool_gaps` (kind, service that waits, peer, clock, at_ns when it ends, gap_ns, is_long)."""
    prepare_linked_spans(store)
    if not _could_wait(store, settings):
        return False
    prepare_clocks(store)
    store.derive(
        "all_gaps",
        f"""
        WITH calls AS (
            SELECT l.service AS service, l.clock AS clock, l.name AS name, l.trace_id AS trace_id,
                   l.span_id AS span_id, l.span_key AS span_key, l.kind AS kind, l.start_ns AS start_ns,
                   l.duration_ns AS duration_ns,
                   l.parent_service AS parent_service, l.parent_clock AS parent_clock,
                   l.parent_kind AS parent_kind, l.parent_duration_ns AS parent_duration_ns,
                   l.start_ns - greatest(l.parent_start_ns, max(l.start_ns + l.duration_ns) OVER before) AS idle_ns
            FROM linked_spans AS l WHERE has_parent
            WINDOW before AS (PARTITION BY l.parent_key ORDER BY l.start_ns, l.span_id
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
        SELECT 'statement' AS way, toString(service) AS service, toString(name) AS peer, toString(clock) AS clock,
               trace_id, span_id, start_ns AS at_ns, greatest(0, idle_ns) AS gap_ns
        FROM calls WHERE service = parent_service AND kind IN ('client', '')
          AND span_key NOT IN (SELECT span_key FROM span_children)
        UNION ALL
        SELECT arrayJoin(['call', 'worker']) AS way, if(way = 'call', toString(parent_service), toString(service)),
               if(way = 'call', toString(service), ''), if(way = 'call', toString(parent_clock), toString(clock)),
               trace_id, span_id, if(way = 'call', {corrected("c.start_ns")}, c.start_ns) AS at_ns,
               greatest(0, parent_duration_ns - duration_ns) AS gap_ns
        FROM calls AS c {join_offsets("c.clock", "c.start_ns")}
        WHERE service != parent_service AND parent_kind IN ('client', '') AND kind NOT IN ('consumer', 'producer')
        """,
        "way String, service String, peer String, clock String, trace_id String, span_id String, at_ns Int64, "
        "gap_ns Int64",
    )
    store.derive(
        "pool_gaps",
        f"""
        WITH usual AS (SELECT way, service, peer, quantileExact(0.25)(gap_ns) AS usual_ns
                       FROM all_gaps GROUP BY way, service, peer)
        SELECT g.way AS kind, g.service AS service, g.peer AS peer, g.clock AS clock, trace_id, span_id, at_ns, gap_ns,
               {_LONG} AS is_long
        FROM all_gaps AS g JOIN usual AS u ON g.way = u.way AND g.service = u.service AND g.peer = u.peer
        """,
        "kind String, service String, peer String, clock String, trace_id String, span_id String, at_ns Int64, "
        "gap_ns Int64, is_long UInt8",
        **settings.length.parameters(),
    )
    store.forget("all_gaps")
    return bool(store.query("SELECT 1 AS n FROM pool_gaps WHERE is_long LIMIT 1"))


# The calls whose ends may hand something on, for each kind of gap.
_ENDS: Final = {
    "statement": "SELECT trace_id, clock, start_ns + duration_ns AS at_ns FROM linked_spans "
    "WHERE service = {service:String} AND parent_service = service AND kind IN ('client', '') "
    "AND span_key NOT IN (SELECT span_key FROM span_children)",
    "call": "SELECT c.trace_id AS trace_id, c.parent_clock AS clock, "
    + corrected("c.ended_ns")
    + " AS at_ns FROM (SELECT *, parent_start_ns + parent_duration_ns AS ended_ns FROM linked_spans "
    "WHERE parent_service = {service:String} AND service = {peer:String}) AS c "
    + join_offsets("c.parent_clock", "c.ended_ns"),
    "worker": "SELECT trace_id, clock, start_ns + duration_ns AS at_ns FROM linked_spans "
    "WHERE service = {service:String} AND parent_service != service",
}


def _judge(scene: Scene, rise: Rise, settings: Settings) -> Finding | None:
    kind, service, peer = (str(rise.row[name]) for name in ("kind", "service", "peer"))
    handed = scene.store.query(
        f"""
        WITH ends AS ({_ENDS[kind]} AND at_ns >= {{since:Int64}}),
        events AS (
            SELECT toString(clock) AS clock, at_ns, trace_id, '' AS span_id, 0 AS gap_ns, 1 AS ends FROM ends
            UNION ALL
            SELECT clock, at_ns, trace_id, span_id, gap_ns, 0 FROM pool_gaps
            WHERE kind = {{kind:String}} AND service = {{service:String}} AND peer = {{peer:String}} AND is_long
              AND at_ns >= {{since:Int64}}
        ),
        told AS (
            SELECT *, e.at_ns - maxIf(e.at_ns, e.ends) OVER (PARTITION BY clock ORDER BY e.at_ns, ends DESC
                                                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS after_ns
            FROM events AS e
        )
        SELECT countIf(NOT ends) AS waits, countIf(NOT ends AND after_ns <= {{handed:Int64}}) AS handed,
               countIf(ends) AS ended, uniqExact(clock) AS clocks, max(at_ns) - min(at_ns) AS span_ns,
               quantileExactIf(0.5)(gap_ns, NOT ends) AS usual_ns,
               arraySlice(arrayReverseSort(groupArrayIf((gap_ns, trace_id, span_id),
                                                        NOT ends AND after_ns <= {{handed:Int64}})), 1, 4) AS worst
        FROM told
        """,
        kind=kind,
        service=service,
        peer=peer,
        since=rise.since_ns,
        handed=round(settings.handed_ms * NS_PER_MS),
    )[0]
    waits, told = int(handed["waits"]), int(handed["handed"])
    if not waits or told < settings.min_waits or told < settings.min_handed * waits:
        return None
    rate = int(handed["ended"]) / max(1, int(handed["clocks"])) / max(1, int(handed["span_ns"]))
    by_chance = 1 - math.exp(-rate * settings.handed_ms * NS_PER_MS)
    if told < settings.min_beyond * by_chance * waits:
        return None
    return _finding(scene, rise, handed, settings)


def _finding(scene: Scene, rise: Rise, handed: Row, settings: Settings) -> Finding:
    kind, service, peer = (str(rise.row[name]) for name in ("kind", "service", "peer"))
    change, (mechanism, told) = rise.change, _KINDS[kind]
    gap_ms, waits = float(handed["usual_ns"]) / NS_PER_MS, int(handed["waits"])
    of = {"statement": f"calls of {peer}", "call": f"calls to {peer}", "worker": "requests"}[kind]
    return Finding(
        code="traces.pool_waits",
        mechanism=mechanism,
        service=service,
        summary=(
            f"{service}: {change.failures_after} of {change.trials_after} {of} {told} since "
            f"{format_instant(rise.since_ns)} ({gap_ms:.0f} ms, {change.failures_before} of {change.trials_before} "
            f"before): {handed['handed']} of {waits} begin within {settings.handed_ms:.0f} ms of the end of another's"
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(settings.most, rise.probability),
        facts={
            "waited_for": service if kind != "call" else peer,
            "wait_ms": round(gap_ms, 3),
            "handed_share": round(int(handed["handed"]) / waits, 4),
            "long_share": round(change.rate_after, 4),
            "long_share_before": round(change.rate_before, 4),
            "onset": format_instant(rise.since_ns),
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in handed["worst"]),
        window=Window(rise.since_ns, max(rise.since_ns + 1, scene.windows.incident.end_ns)),
        resource=peer or None,
    )


DETECTOR = Detector(
    code="traces.pool_waits",
    kinds=(Kind("traces.pool_waits", directness=0.95, family="shown"),),
    mechanisms=tuple(sorted({mechanism for mechanism, _ in _KINDS.values()})),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
