"""Time lost between two zones.

A part of `network_gap.py`, for when what is slow is no service's own way: calls that cross the border of a zone wait,
whoever calls whom, and those that stay on one side of it do not. Every service with copies on both sides then loses
time on a share of its calls, and the ones with most of them there look like the culprits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Scene
from ..timeline.change_point import median
from ..timeline.linked_spans import CLOCK_OF, taken_traces
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import TimeSteps, step_of
from .narrow_gaps import RESOURCE

# A zone by OpenTelemetry's semantic conventions, by Kubernetes' well-known label, and by what came before both.
_ZONE: Final = (
    "firstNonDefault(resource['cloud.availability_zone'], resource['topology.kubernetes.io/zone'], "
    "resource['k8s.node.label.topology.kubernetes.io/zone'], resource['cloud.zone'], "
    "resource['failure-domain.beta.kubernetes.io/zone'])"
)
# Fewer slow calls than this prove nothing.
_MIN_SLOW: Final = 8
# A way has a say from so many calls on, and what is between zones is seen on several.
_MIN_CALLS: Final = 3
_MIN_WAYS: Final = 2
_MAX_BEFORE: Final = 0.1
# Of the calls that do not cross: a callee across the border makes none of them slow on the way.
_MAX_BESIDE: Final = 0.1
_MIN_PROBABILITY: Final = 0.5
_MOST: Final = 0.95


def zone_gap(scene: Scene, steps: TimeSteps, limit_ns: int, min_share: float) -> Finding | None:
    """The zone whose border calls are slow to cross, if there is one.

    Args:
        scene: with the table `call_gaps`.
        steps: of that table.
        limit_ns: from which time between two services on a call is slow.
        min_share: of the calls on a way that must be slow.
    """
    slow = scene.store.query("SELECT countIf(gap_ns > {limit:Int64}) AS n FROM call_gaps", limit=limit_ns)[0]["n"]
    if int(slow) < _MIN_SLOW:
        return None
    if not _prepare_crossings(scene.store):
        return None
    rows = scene.store.query(
        f"""
        SELECT zone, groupArray((step, n, slow)) AS steps, sum(slow) AS all_slow FROM (
            SELECT zone, {step_of("start_ns")} AS step, uniqExact(trace_id) AS n,
                   uniqExactIf(trace_id, gap_ns > {{limit:Int64}}) AS slow
            FROM crossings ARRAY JOIN [caller_zone, callee_zone] AS zone WHERE caller_zone != callee_zone
            GROUP BY zone, step
        )
        GROUP BY zone HAVING all_slow >= {{least:UInt32}} ORDER BY zone
        """,
        limit=limit_ns,
        least=_MIN_SLOW,
        **steps.parameters(),
    )
    risen = rises(rows, steps, _MIN_PROBABILITY, looked_at=len(rows))
    for rise in sorted(risen, key=lambda rise: -rise.change.log_evidence):
        if rise.change.rate_after >= min_share and rise.change.rate_before <= _MAX_BEFORE:
            ways = _ways(scene.store, rise, limit_ns)
            if _is_of_the_border(ways, min_share):
                return _finding(scene, rise, [way for way in ways if way["crossing"]], limit_ns)
    return None


def _prepare_crossings(store: CaseStore) -> bool:
    """The table `crossings`: the rows of `call_gaps` whose ends are in zones that are known, with both zones.

    False where there are no two zones.
    """
    store.derive(
        "clock_zones",
        f"""
        SELECT toString({CLOCK_OF}) AS place, max({_ZONE}) AS zone FROM spans
        WHERE cityHash64(trace_id) % {{every:UInt32}} = 0 GROUP BY place HAVING zone != ''
        """,
        "place String, zone String",
        every=taken_traces(store),
    )
    if int(store.query("SELECT uniqExact(zone) AS n FROM clock_zones")[0]["n"]) < 2:
        return False
    store.derive(
        "crossings",
        """
        SELECT g.trace_id AS trace_id, g.span_id AS span_id, g.caller AS caller, g.callee AS callee,
               g.start_ns AS start_ns, g.gap_ns AS gap_ns, a.zone AS caller_zone, b.zone AS callee_zone
        FROM call_gaps AS g JOIN clock_zones AS a ON toString(g.caller_clock) = a.place
             JOIN clock_zones AS b ON toString(g.callee_clock) = b.place
        """,
        "trace_id String, span_id String, caller LowCardinality(String), callee String, start_ns Int64, "
        "gap_ns Int64, caller_zone String, callee_zone String",
    )
    return True


def _ways(store: CaseStore, rise: Rise, limit_ns: int) -> list[Row]:
    """Of each two services, the calls that cross the border of a zone since, and those that do not."""
    return store.query(
        """
        SELECT caller, callee, (caller_zone = {zone:String}) != (callee_zone = {zone:String}) AS crossing,
               count() AS n, countIf(gap_ns > {limit:Int64}) AS slow, quantileExact(0.5)(gap_ns) AS usual_ns
        FROM crossings WHERE start_ns >= {since:Int64}
        GROUP BY caller, callee, crossing ORDER BY caller, callee, crossing
        """,
        zone=rise.row["zone"],
        since=rise.since_ns,
        limit=limit_ns,
    )


def _is_of_the_border(ways: Sequence[Row], min_share: float) -> bool:
    """Whether most ways across the border are slow, of several services, and hardly any call beside it."""
    across = [way for way in ways if way["crossing"] and int(way["n"]) >= _MIN_CALLS]
    beside = [way for way in ways if not way["crossing"]]
    slow = [way for way in across if int(way["slow"]) >= min_share * int(way["n"])]
    several = min(len({way[end] for way in slow}) for end in ("caller", "callee")) >= _MIN_WAYS if slow else False
    return (
        several
        and len(slow) > len(across) / 2
        and sum(int(way["slow"]) for way in beside) <= _MAX_BESIDE * sum(int(way["n"]) for way in beside)
    )


def _finding(scene: Scene, rise: Rise, across: Sequence[Row], limit_ns: int) -> Finding:
    zone, since_ns = str(rise.row["zone"]), rise.since_ns
    slow: dict[str, int] = {}
    for way in across:
        slow[str(way["callee"])] = slow.get(str(way["callee"]), 0) + int(way["slow"])
    service = max(slow, key=lambda name: (slow[name], name))
    gap_ms = median([float(way["usual_ns"]) for way in across]) / NS_PER_MS
    examples = scene.store.query(
        """
        SELECT trace_id, span_id FROM crossings
        WHERE (caller_zone = {zone:String}) != (callee_zone = {zone:String}) AND start_ns >= {since:Int64}
              AND gap_ns > {limit:Int64}
        ORDER BY start_ns, trace_id, span_id LIMIT 3
        """,
        zone=zone,
        since=since_ns,
        limit=limit_ns,
    )
    return Finding(
        code="traces.zone_gap",
        mechanism="network_delay",
        service=service,
        summary=(
            f"{service}: calls into and out of zone {zone} spend {gap_ms:.0f} ms on the way since "
            f"{format_instant(since_ns)}, between any two of {len(across)} pairs of services; those that do not cross "
            "its border are as quick as before"
        ),
        severity=min(1.0, rise.change.rate_after),
        confidence=min(_MOST, rise.probability),
        facts={
            "zone": zone,
            "gap_ms": round(gap_ms, 3),
            "slow_share": round(rise.change.rate_after, 3),
            "services": tuple(sorted({str(way[end]) for way in across for end in ("caller", "callee")})),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(row["trace_id"], row["span_id"]) for row in examples),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=RESOURCE,
    )
