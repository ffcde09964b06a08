"""Time lost on a narrow way: to and from one host, or between two services alone.

A part of `network_gap.py`, for when no service as a whole is affected: a host whose network is slow takes a share of
its service's calls only, and a slow way between two services none of anybody else's. What tells them from a full
connection pool or a pause is that most of the calls on that way are slow from some moment on, and that beside it, with
the same caller or callee, they are as quick as ever.
"""

from __future__ import annotations

from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import Row
from ..base import Scene
from ..timeline.change_point import outcome_change, probability
from ..timeline.time_steps import TimeSteps, step_of

RESOURCE: Final = "NetworkP90(ms)"
"""Name of the series that is derived: the 90th percentile of the time a call spends between two services."""

# Fewer slow calls than this prove nothing.
_MIN_SLOW: Final = 8
# What is slow for one call in ten before, or beside, is not of this way alone.
_MAX_ELSEWHERE: Final = 0.25
_MAX_BEFORE: Final = 0.1
_MIN_PROBABILITY: Final = 0.5
# That calls wait for something in the caller (a pool for this callee) cannot be told apart.
_MOST: Final = 0.85

_WAYS: Final = (
    "[('between', toString(caller), toString(callee)), ('at', toString(callee), toString(callee_clock)), "
    "('at', toString(caller), toString(caller_clock))]"
)


def narrow_gaps(scene: Scene, steps: TimeSteps, limit_ns: int, min_share: float) -> list[Finding]:
    """The slow ways that are neither all into nor all out of a service, the surest alone.

    Args:
        scene: with the table `call_gaps`.
        steps: of that table.
        limit_ns: from which time between two services on a call is slow.
        min_share: of the calls on a way that must be slow.
    """
    rows = scene.store.query(
        f"""
        SELECT way.1 AS kind, way.2 AS one, way.3 AS other, groupArray((step, n, slow)) AS steps, sum(slow) AS all_slow
        FROM (
            SELECT way, {step_of("start_ns")} AS step, count() AS n, countIf(gap_ns > {{limit:Int64}}) AS slow
            FROM call_gaps ARRAY JOIN {_WAYS} AS way GROUP BY way, step
        )
        GROUP BY way HAVING all_slow >= {{least:UInt32}} ORDER BY way
        """,
        limit=limit_ns,
        least=_MIN_SLOW,
        **steps.parameters(),
    )
    found = []
    for row in rows:
        change = outcome_change(
            steps.spread((step, slow) for step, _, slow in row["steps"]),
            steps.spread((step, n) for step, n, _ in row["steps"]),
        )
        if change is None or change.rate_after < min_share or change.rate_before > _MAX_BEFORE:
            continue
        chance = probability(change.log_evidence, max(1, len(rows)))
        since_ns = steps.start_of(change.index)
        if chance >= _MIN_PROBABILITY and _slow_beside(scene, row, since_ns, limit_ns) <= _MAX_ELSEWHERE:
            found.append((change.log_evidence, _finding(scene, row, since_ns, limit_ns, change.rate_after, chance)))
    found.sort(key=lambda pair: (-pair[0], pair[1].service))
    return [finding for _, finding in found[:1]]


def _slow_beside(scene: Scene, row: Row, since_ns: int, limit_ns: int) -> float:
    """The share of slow calls beside a way: of the same two services with others, or of the service's other hosts."""
    told = scene.store.query(
        """
        SELECT countIf(gap_ns > {limit:Int64}) / greatest(1, count()) AS share FROM call_gaps
        WHERE start_ns >= {since:Int64} AND if({between:UInt8},
            (caller = {one:String}) != (callee = {other:String}),
            (callee = {one:String} AND callee_clock != {other:String} AND caller_clock != {other:String})
                OR (caller = {one:String} AND caller_clock != {other:String} AND callee_clock != {other:String}))
        """,
        limit=limit_ns,
        since=since_ns,
        between=row["kind"] == "between",
        one=row["one"],
        other=row["other"],
    )[0]
    return float(told["share"])


def _finding(scene: Scene, row: Row, since_ns: int, limit_ns: int, share: float, chance: float) -> Finding:
    between = row["kind"] == "between"
    told = scene.store.query(
        """
        WITH if({between:UInt8}, caller = {one:String} AND callee = {other:String},
                caller_clock = {other:String} OR callee_clock = {other:String}) AS on_it
        SELECT quantileExactIf(0.5)(gap_ns, on_it AND start_ns >= {since:Int64}) AS now,
               quantileExactIf(0.9)(gap_ns, on_it AND start_ns >= {since:Int64}) AS now_p90,
               quantileExactIf(0.5)(gap_ns, on_it AND start_ns < {since:Int64}) AS before,
               arraySlice(arraySort(groupArrayIf((start_ns, trace_id, span_id),
                   on_it AND start_ns >= {since:Int64} AND gap_ns > {limit:Int64})), 1, 3) AS examples
        FROM call_gaps
        """,
        between=between,
        one=row["one"],
        other=row["other"],
        since=since_ns,
        limit=limit_ns,
    )[0]
    service = str(row["other"] if between else row["one"])
    way = f"calls of {row['one']} to it" if between else f"calls to and from {row['other']}"
    now_ms, before_ms = float(told["now"]) / NS_PER_MS, float(told["before"] or 0) / NS_PER_MS
    onset_ns = int(told["examples"][0][0])
    return Finding(
        code="traces.network_gap",
        mechanism="network_delay",
        service=service,
        summary=(
            f"{service}: {way} spend {now_ms:.0f} ms between the two services ({before_ms:.0f} ms before "
            f"{format_instant(onset_ns)}), and others do not"
        ),
        severity=min(1.0, share),
        confidence=min(_MOST, chance),
        facts={
            "gap_ms": round(now_ms, 3),
            "gap_p90_ms": round(float(told["now_p90"]) / NS_PER_MS, 3),
            "slow_share": round(share, 3),
            "direction": row["kind"],
            "other": row["one"] if between else row["other"],
            "onset": format_instant(onset_ns),
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in told["examples"]),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        resource=RESOURCE,
        instance=None if between else str(row["other"]),
    )
