"""Time lost on a narrow way: to and from one host, or between two services alone; packets lost on any way.

A part of `network_gap.py`, for when no service as a whole is affected: a host whose network is slow takes a share of
its service's calls only, and a slow way between two services none of anybody else's. What tells them from a full
connection pool or a pause is that most of the calls on that way are slow from some moment on, and that beside it, with
the same caller or callee, they are as quick as ever.

Where it is a share of the calls, and each of these waits for as long as a lost packet takes to be sent again (200 ms
at least, RFC 6298 as Linux has it; a second by the letter), packets are lost. The waits are then multiples of that
time, since each further loss doubles it: hardly anything else waits for 200, 400 or 800 ms to within a few. Packets are
lost at a machine rather than at a service, so what the calls of all services on one machine share is looked at too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Scene
from ..timeline.linked_spans import CLOCK_OF, taken_traces
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import TimeSteps, step_of

RESOURCE: Final = "NetworkP90(ms)"
"""Name of the series that is derived: the 90th percentile of the time a call spends between two services."""

# Fewer slow calls than this prove nothing: where all are slow alike, and where it is a share of them.
_MIN_SLOW: Final = 5
_MIN_OF_MANY: Final = 8
# What is slow for one call in ten before, or beside, is not of this way alone.
_MAX_ELSEWHERE: Final = 0.25
_MAX_BEFORE: Final = 0.1
_MIN_PROBABILITY: Final = 0.5
# The least time after which a packet is sent again; from that, less what clocks are apart, a call may wait for it.
_RESEND_NS: Final = 200 * NS_PER_MS
_RESENT_NS: Final = 195 * NS_PER_MS
_MIN_LOST: Final = 0.05
_MAX_LOST_BEFORE: Final = 0.01
# A pause of the callee before it begins looks the same, but for how long it takes: one in ten is as near to a multiple
# by chance.
_LOSS_CONFIDENCE: Final = 0.7
_RESENT_CONFIDENCE: Final = 0.9
_NEAR_NS: Final = 10 * NS_PER_MS
_MOSTLY: Final = 0.75
_MIN_RESENT: Final = 4
# That calls wait for something in the caller (a pool for this callee) cannot be told apart.
_MOST: Final = 0.85

_NARROW: Final = (
    "[('between', toString(caller), toString(callee)), ('at', toString(callee), toString(callee_clock)), "
    "('at', toString(caller), toString(caller_clock))]"
)
_ANY: Final = (
    "arrayFilter(way -> way.2 != '', arrayDistinct([('between', toString(caller), toString(callee)), "
    "('around', toString(callee), ''), ('around', toString(caller), ''), ('on', caller_node, ''), "
    "('on', callee_node, '')]))"
)
# The machine that a program runs on: its host, unless that is a pod of its own.
_NODE: Final = "firstNonDefault(resource['k8s.node.name'], resource['host.name'], toString(host))"


@dataclass(frozen=True, slots=True)
class _Way:
    """A way on which calls became slow: between two services, around a service, at one of its hosts, on a machine."""

    kind: str
    one: str
    other: str
    rise: Rise
    limit_ns: int

    @property
    def place(self) -> dict[str, str | int | bool]:
        """What `_ON_IT` and `_BESIDE` need in a query."""
        return {
            "kind": self.kind,
            "one": self.one,
            "other": self.other,
            "since": self.rise.since_ns,
            "limit": self.limit_ns,
        }


_ON_IT: Final = """multiIf(
    {kind:String} = 'between', caller = {one:String} AND callee = {other:String},
    {kind:String} = 'around', caller = {one:String} OR callee = {one:String},
    {kind:String} = 'on', caller_node = {one:String} OR callee_node = {one:String},
    caller_clock = {other:String} OR callee_clock = {other:String})"""
# Calls that share one end with those on the way; around a service and on a machine, all the others.
_BESIDE: Final = """multiIf(
    {kind:String} = 'between', (caller = {one:String}) != (callee = {other:String}),
    {kind:String} = 'around', caller != {one:String} AND callee != {one:String},
    {kind:String} = 'on', caller_node != {one:String} AND callee_node != {one:String},
    (caller = {one:String} OR callee = {one:String}) AND caller_clock != {other:String}
        AND callee_clock != {other:String})"""


def narrow_gaps(scene: Scene, steps: TimeSteps, limit_ns: int, min_share: float) -> list[Finding]:
    """The slow ways that are neither all into nor all out of a service, the surest alone.

    Args:
        scene: with the table `call_gaps`.
        steps: of that table.
        limit_ns: from which time between two services on a call is slow.
        min_share: of the calls on a way that must be slow.
    """
    _prepare_nodes(scene.store)
    ways = [
        way
        for way in _ways(scene, _NARROW, steps, limit_ns, _MIN_SLOW)
        if way.rise.change.rate_after >= min_share
        and way.rise.change.rate_before <= _MAX_BEFORE
        and _slow_beside(scene, way) <= _MAX_ELSEWHERE
    ]
    if ways:
        return [_finding(scene, ways[0], "network_delay", min(_MOST, ways[0].rise.probability))]
    for way in _ways(scene, _ANY, steps, max(limit_ns, _RESENT_NS), _MIN_RESENT):
        if (
            _MIN_LOST <= way.rise.change.rate_after < min_share
            and way.rise.change.rate_before <= _MAX_LOST_BEFORE
            and _slow_beside(scene, way) <= way.rise.change.rate_after / 3
            and (sure := _loss_confidence(scene, way))
        ):
            return [_finding(scene, way, "network_loss", min(sure, way.rise.probability))]
    return []


def _prepare_nodes(store: CaseStore) -> None:
    """The table `placed_gaps`: the rows of `call_gaps` with the machines of caller and callee, '' where unknown."""
    store.derive(
        "placed_gaps",
        f"""
        WITH places AS (
            SELECT service, toString({CLOCK_OF}) AS clock, max({_NODE}) AS node FROM spans
            WHERE cityHash64(trace_id) % {{every:UInt32}} = 0 GROUP BY service, clock
        )
        SELECT g.*, a.node AS caller_node, b.node AS callee_node
        FROM call_gaps AS g LEFT ANY JOIN places AS a ON g.caller = a.service AND toString(g.caller_clock) = a.clock
             LEFT ANY JOIN places AS b ON g.callee = b.service AND toString(g.callee_clock) = b.clock
        """,
        "trace_id String, span_id String, caller LowCardinality(String), callee String, caller_clock String, "
        "callee_clock String, start_ns Int64, gap_ns Int64, caller_node String, callee_node String",
        every=taken_traces(store),
    )


def _loss_confidence(scene: Scene, way: _Way) -> float:
    """How surely packets are lost on a way, by how long its slow calls wait; 0 where these are too few to tell."""
    told = scene.store.query(
        f"""
        WITH {_ON_IT} AS on_it,
             (SELECT quantileExactIf(0.5)(gap_ns, {_ON_IT} AND gap_ns <= {{limit:Int64}}) FROM placed_gaps) AS usual_ns,
             gap_ns - usual_ns AS wait_ns
        SELECT uniqExact(trace_id) AS n,
               countIf(abs(wait_ns - {{resend:Int64}} * round(wait_ns / {{resend:Int64}})) <= {{near:Int64}}) / count()
                   AS resent
        FROM placed_gaps WHERE on_it AND start_ns >= {{since:Int64}} AND gap_ns > {{limit:Int64}}
        """,
        resend=_RESEND_NS,
        near=_NEAR_NS,
        **way.place,
    )[0]
    if int(told["n"]) >= _MIN_RESENT and float(told["resent"]) >= _MOSTLY:
        return _RESENT_CONFIDENCE
    return _LOSS_CONFIDENCE if int(told["n"]) >= _MIN_OF_MANY else 0.0


def _ways(scene: Scene, ways: str, steps: TimeSteps, limit_ns: int, least: int) -> list[_Way]:
    """Ways on which calls begin to be slow, the surest first. Those of one request are one event: it waits once."""
    rows = scene.store.query(
        f"""
        SELECT way.1 AS kind, way.2 AS one, way.3 AS other, groupArray((step, n, slow)) AS steps, sum(slow) AS all_slow
        FROM (
            SELECT way, {step_of("start_ns")} AS step, uniqExact(trace_id) AS n,
                   uniqExactIf(trace_id, gap_ns > {{limit:Int64}}) AS slow
            FROM placed_gaps ARRAY JOIN {ways} AS way GROUP BY way, step
        )
        GROUP BY way HAVING all_slow >= {{least:UInt32}} ORDER BY way
        """,
        limit=limit_ns,
        least=least,
        **steps.parameters(),
    )
    found = [
        _Way(rise.row["kind"], rise.row["one"], rise.row["other"], rise, limit_ns)
        for rise in rises(rows, steps, _MIN_PROBABILITY, looked_at=len(rows))
    ]
    return sorted(found, key=lambda way: (-way.rise.change.log_evidence, way.kind, way.one, way.other))


def _slow_beside(scene: Scene, way: _Way) -> float:
    """The share of slow calls beside a way since it is slow."""
    told = scene.store.query(
        f"""
        SELECT countIf(gap_ns > {{limit:Int64}}) / greatest(1, count()) AS share FROM placed_gaps
        WHERE start_ns >= {{since:Int64}} AND {_BESIDE}
        """,
        **way.place,
    )[0]
    return float(told["share"])


def _finding(scene: Scene, way: _Way, mechanism: str, confidence: float) -> Finding:
    told = scene.store.query(
        f"""
        WITH {_ON_IT} AS on_it
        SELECT quantileExactIf(0.5)(gap_ns, on_it AND start_ns >= {{since:Int64}}) AS now,
               quantileExactIf(0.9)(gap_ns, on_it AND start_ns >= {{since:Int64}}) AS now_p90,
               quantileExactIf(0.5)(gap_ns, on_it AND start_ns < {{since:Int64}}) AS before,
               arraySlice(arraySort(groupArrayIf((start_ns, trace_id, span_id),
                   on_it AND start_ns >= {{since:Int64}} AND gap_ns > {{limit:Int64}})), 1, 3) AS examples
        FROM placed_gaps
        """,
        **way.place,
    )[0]
    service = _most_slow(scene, way) if way.kind == "on" else way.other if way.kind == "between" else way.one
    host = {"at": way.other, "on": way.one}.get(way.kind)
    ends = {"between": f"calls of {way.one} to it", "around": "calls to and from it"}
    calls = ends.get(way.kind, f"calls to and from host {host}")
    onset_ns = int(told["examples"][0][0])
    share = way.rise.change.rate_after
    if mechanism == "network_loss":
        what = f"{share:.0%} of {calls} wait on the way for {way.limit_ns // NS_PER_MS} ms or more"
    else:
        now_ms, before_ms = float(told["now"]) / NS_PER_MS, float(told["before"] or 0) / NS_PER_MS
        what = f"{calls} spend {now_ms:.0f} ms between the two services ({before_ms:.0f} ms before)"
    return Finding(
        code="traces.network_gap",
        mechanism=mechanism,
        service=service,
        summary=f"{service}: {what} since {format_instant(onset_ns)}, and others do not",
        severity=min(1.0, share if mechanism == "network_delay" else 0.3 + share),
        confidence=confidence,
        facts={
            "gap_ms": round(float(told["now"]) / NS_PER_MS, 3),
            "gap_p90_ms": round(float(told["now_p90"]) / NS_PER_MS, 3),
            "slow_share": round(share, 3),
            "direction": way.kind,
            "other": way.one if way.kind == "between" else host,
            "onset": format_instant(onset_ns),
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in told["examples"]),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        resource=RESOURCE,
        instance=host,
    )


def _most_slow(scene: Scene, way: _Way) -> str:
    """The service of a machine that has the most slow calls there."""
    rows = scene.store.query(
        """
        SELECT end.1 AS service, count() AS n FROM placed_gaps
        ARRAY JOIN [(toString(caller), caller_node), (toString(callee), callee_node)] AS end
        WHERE end.2 = {one:String} AND start_ns >= {since:Int64} AND gap_ns > {limit:Int64}
        GROUP BY service ORDER BY n DESC, service LIMIT 1
        """,
        one=way.one,
        since=way.rise.since_ns,
        limit=way.limit_ns,
    )
    return str(rows[0]["service"]) if rows else ""
