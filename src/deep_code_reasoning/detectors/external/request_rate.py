"""More requests come in than before, and they suffer: as the traces themselves tell it.

Looks for: a service, or one of its operations, at which traces begin several times as often from some moment on, and
whose requests fail or are slow from then on.

Why it matters: what saturates further in (pools, workers, processors) is only where the surge is felt; the same rise
of calls between services, while no more come in, is somebody's loop or retries, and not this.

Stays silent when: the rise is less than twofold, or few requests prove it; or the service's own counters of requests
stay where they were: then more of its traces are kept, as samplers keep those that fail. Where nothing counts requests,
all that come on top fail, and no logs show that most traces were kept before, either may be so: it is told, and not
believed before others. Where the requests are served as before the load is news, but no incident (it is *harmless*),
unless something further in is found to be used up from then on: the ranking knows.

Example finding: `gateway: GET /api/products comes in 4.1 times as often since 17:56:40 (from 1.2 to 4.9 a second)`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_S, format_instant
from ...domain.window import Window
from ...domain.wording import figure
from ..base import Detector, Kind, Scene, Skipped
from ..series.series import series_of
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.recordings import hole_in_traces
from ..timeline.time_steps import TimeSteps, step_of, time_steps

_STEPS = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_ratio: daily load varies by less than this; systems are built for twice their usual load or more.
        min_evidence: log likelihood ratio of two rates against one, after a prior of one in all that was looked at, and
            less where requests come in bursts: then counts vary by more than chance makes them.
        min_side: each side of the change must hold so many of the steps of time: a burst of a moment is no surge.
        min_failing: so many more of the requests fail, or
        min_slower: the slowest tenth takes so many times as long: else nobody suffers.
        counted: where traces show a rise, counters of requests must show half of it at least.
        min_points: counters need so many points on either side.
        all_fail: where such a share of what comes on top fails, samplers that keep errors make as much of a rise:
        kept: unless more than this of the traces that logs name was kept before,
        min_named: of so many at least.
        confidence: of a surge that is seen in the traces and hurts.
        doubted: of one that may be the sampler's.
    """

    min_ratio: float = 2.0
    min_evidence: float = 7.0
    min_side: int = 8
    min_failing: float = 0.05
    min_slower: float = 2.0
    counted: float = 0.5
    min_points: int = 3
    all_fail: float = 0.9
    kept: float = 0.5
    min_named: int = 20
    confidence: float = 0.9
    doubted: float = 0.5


@dataclass(frozen=True, slots=True)
class _Rise:
    service: str
    operation: str
    index: int
    before: float
    after: float
    evidence: float


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find where more requests come in, the plainest rise alone."""
    if hole_in_traces(scene.store) is not None:
        return Skipped("between two recordings of traces nobody knows how often requests came in")
    prepare_linked_spans(scene.store)
    steps = time_steps(scene.store, "linked_spans", count=_STEPS)
    rows = scene.store.query(
        f"""
        SELECT service, operation, groupArray((step, n)) AS steps FROM (
            SELECT service, operation, {step_of("start_ns")} AS step, count() AS n
            FROM linked_spans ARRAY JOIN ['', name] AS operation
            WHERE parent_span_id = '' AND kind NOT IN ('consumer', 'producer')
            GROUP BY service, operation, step
        )
        GROUP BY service, operation ORDER BY service, operation
        """,
        **steps.parameters(),
    )
    rises = [
        rise for row in rows if (rise := _rise(row["service"], row["operation"], steps.spread(row["steps"]), settings))
    ]
    rises = [rise for rise in rises if rise.evidence - math.log(len(rows)) >= settings.min_evidence]
    coming = {row["service"]: steps.spread(row["steps"]) for row in rows if not row["operation"]}
    rises.sort(key=lambda r: (-r.evidence, r.service, r.operation))
    found = []
    for rise in rises:
        grown, counted = _grown(coming[rise.service], rise.index), _counted(scene, rise, steps, settings)
        if counted is None or counted - 1 >= settings.counted * (grown - 1):
            found.append(_finding(scene, rise, steps, counted is not None, settings))
    return [finding for finding in found if not finding.is_harmless][:1] or found[:1]


def _grown(counts: Sequence[int], index: int) -> float:
    """By which factor more begins at a step of time."""
    early, late = sum(counts[:index]) / index, sum(counts[index:]) / (len(counts) - index)
    return late / early


def _counted(scene: Scene, rise: _Rise, steps: TimeSteps, settings: Settings) -> float | None:
    """By which factor more requests come in as the counters of a service tell it; None where nothing counts them.

    The instances are counted together: what one that is gone had, those that are left have on top.
    """
    sides: dict[str, list[tuple[Sequence[float], Sequence[float]]]] = defaultdict(list)
    for series in series_of(scene.store, frozenset({"traffic"})):
        if series.service == rise.service:
            sides[series.name].append(series.sides(steps.start_of(rise.index)))
    grown = []
    for told in sides.values():
        calm, bad = (_together([side[place] for side in told], settings.min_points) for place in (0, 1))
        if calm and bad is not None:
            grown.append(bad / calm)
    return max(grown, default=None)


def _together(counted: Sequence[Sequence[float]], min_points: int) -> float | None:
    """What instances count together from point to point, one that comes or goes meanwhile by what it had."""
    points = max(map(len, counted))
    return sum(map(sum, counted)) / points if points >= min_points else None


def _are_kept(scene: Scene, until_ns: int, settings: Settings) -> bool:
    """Whether logs name traces of which most were kept, until some moment."""
    row = scene.store.query(
        """
        SELECT count() AS named, countIf(trace_id IN (SELECT trace_id FROM spans)) AS kept
        FROM (SELECT DISTINCT trace_id FROM logs WHERE trace_id != '' AND time_ns < {until:Int64})
        """,
        until=until_ns,
    )[0]
    return int(row["named"]) >= settings.min_named and int(row["kept"]) >= settings.kept * int(row["named"])


def _rise(service: str, operation: str, counts: Sequence[int], settings: Settings) -> _Rise | None:
    total = sum(counts)
    best: _Rise | None = None
    early = sum(counts[: settings.min_side])
    for index in range(settings.min_side, len(counts) - settings.min_side + 1):
        before, after = early / index, (total - early) / (len(counts) - index)
        if after >= settings.min_ratio * before and before > 0:
            share = total / len(counts)
            evidence = early * math.log(before / share) + (total - early) * math.log(after / share)
            if best is None or evidence > best.evidence:
                best = _Rise(service, operation, index, before, after, evidence)
        early += counts[index] if index < len(counts) else 0
    return best and replace(best, evidence=best.evidence / _dispersion(counts, best))


def _dispersion(counts: Sequence[int], rise: _Rise) -> float:
    """By how much counts vary more than Poisson's would around the two rates; 1 at least.

    It divides a log likelihood ratio of counts that come in bursts (McCullagh and Nelder, *Generalized Linear Models*,
    1989: quasi-likelihood, by Pearson's statistic).
    """
    rates = [rise.before] * rise.index + [rise.after] * (len(counts) - rise.index)
    excess = sum((count - rate) ** 2 / rate for count, rate in zip(counts, rates, strict=True))
    return max(1.0, excess / (len(counts) - 2))


def _finding(scene: Scene, rise: _Rise, steps: TimeSteps, counted: bool, settings: Settings) -> Finding:
    since_ns = steps.start_of(rise.index)
    row = scene.store.query(
        """
        SELECT avgIf(failed, start_ns < {since:Int64}) AS failing_before,
               avgIf(failed, start_ns >= {since:Int64}) AS failing,
               countIf(failed AND start_ns < {since:Int64}) AS failed_before,
               countIf(failed AND start_ns >= {since:Int64}) AS failed_after,
               quantileExactIf(0.9)(duration_ns, start_ns < {since:Int64}) AS slow_before,
               quantileExactIf(0.9)(duration_ns, start_ns >= {since:Int64}) AS slow,
               arraySlice(arraySort(groupArrayIf((start_ns, trace_id, span_id), start_ns >= {since:Int64})), 1, 3)
                   AS first
        FROM linked_spans
        WHERE service = {service:String} AND parent_span_id = '' AND ({name:String} = '' OR name = {name:String})
        """,
        service=rise.service,
        name=rise.operation,
        since=since_ns,
    )[0]
    failing = float(row["failing"]) - float(row["failing_before"])
    harmless = failing < settings.min_failing and row["slow"] < settings.min_slower * row["slow_before"]
    a_second = NS_PER_S / steps.width_ns
    failing_more = int(row["failed_after"]) / (steps.count - rise.index) - int(row["failed_before"]) / rise.index
    all_fail = failing_more >= settings.all_fail * (rise.after - rise.before)
    doubted = not counted and all_fail and not _are_kept(scene, since_ns, settings)
    return Finding(
        code="external.request_rate",
        mechanism="traffic_surge",
        service=rise.service,
        summary=(
            f"{rise.service}: {rise.operation or 'requests'} {'comes' if rise.operation else 'come'} in "
            f"{rise.after / rise.before:.1f} times as often since {format_instant(since_ns)} "
            f"(from {figure(rise.before * a_second)} to {figure(rise.after * a_second)} a second)"
        ),
        severity=0.8,
        confidence=settings.doubted if doubted else settings.confidence,
        facts={
            "services": (rise.service,),
            "before_per_s": round(rise.before * a_second, 4),
            "after_per_s": round(rise.after * a_second, 4),
            "ratio": round(rise.after / rise.before, 3),
            "log_evidence": round(rise.evidence, 3),
            "onset": format_instant(since_ns),
            "since_ns": since_ns,
            "harmless": harmless,
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in row["first"]),
        # What harms nobody dates no incident.
        window=None if harmless else Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=rise.operation or None,
    )


DETECTOR = Detector(
    code="external.request_rate",
    kinds=(Kind("external.request_rate", family="outside"),),
    mechanisms=("traffic_surge",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
