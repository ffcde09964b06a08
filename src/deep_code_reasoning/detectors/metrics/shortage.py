"""A line that forms, or a processor that is taken: points that cross a bound by their meaning alone.

Looks for: requests that wait for a connection or a worker where none waited before; a processor whose use goes to four
fifths of it or more; on most points from some moment on, over all instances of a service together.

Why it matters: with a point every ten seconds an incident of half a minute has three, too few for the level of one
series to prove a step (`saturation.py`). That a line is empty or not needs no level: each point is an outcome, and the
instances of a service are witnesses of the same thing.

Stays silent when: lines were there before as often; single points cross, as they do under load; the metric is of a
whole host.

Example finding: `menu: requests wait for a worker since 14:20:57 (5 of 6 points, 0 of 12 before)`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import metric_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ..base import Detector, Kind, Scene, Skipped
from ..series.series import Series, series_of
from ..timeline.change_point import OutcomeChange, outcome_change, probability
from ..vocabulary.metrics import words_of

_MECHANISMS: Final = {
    "pool": "connection_pool_exhausted",
    "threads": "thread_pool_exhausted",
    "cpu": "cpu_saturation",
}
_TOLD: Final = {
    "pool": "requests wait for a connection",
    "threads": "requests wait for a worker",
    "cpu": "the processor is taken",
}
# What stands in line; what holds a worker or a connection does not.
_LINE: Final = frozenset({"pending", "waiting", "queue", "queued", "wait"})
# A line is a number of requests. How long they waited is a level, and a counter of those that gave up a rate.
_NOT_A_LINE: Final = frozenset({"time", "duration", "seconds", "ms", "timeouts", "timeout", "remaining", "free"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        full: from four fifths of it on a processor is short: queues grow without bound near one.
        min_rise: the share of points that cross must rise by so much: less is a peak now and then.
        min_crossing: so many points must cross: one is a spike, two may be one spike on two instances.
        min_probability: a finding is told when it is likelier than not.
    """

    full: float = 0.8
    min_rise: float = 0.4
    min_crossing: int = 3
    min_probability: float = 0.5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services where something runs short."""
    groups: dict[tuple[str, str], list[Series]] = defaultdict(list)
    for series in series_of(scene.store, frozenset(_MECHANISMS)):
        if _speaks(series):
            groups[(series.service, series.meaning.kind)].append(series)
    if not groups:
        return Skipped("no metric tells of waiting lines, or of the share of a processor in use")
    found = []
    for (service, kind), members in sorted(groups.items()):
        points = sorted(
            (time, _crosses(one, value, settings), value, one.source or one.name)
            for one in members
            for time, value in zip(one.times_ns, one.values, strict=True)
        )
        change = outcome_change([int(crossed) for _, crossed, _, _ in points], [1] * len(points))
        if (
            change is None
            or change.failures_after < settings.min_crossing
            or change.rate_after - change.rate_before < settings.min_rise
        ):
            continue
        chance = probability(change.log_evidence, len(groups))
        if chance >= settings.min_probability:
            found.append(_finding(scene, service, kind, points, change, chance))
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.mechanism))


def _speaks(series: Series) -> bool:
    about = series.meaning
    if about.shared or about.limit:
        return False
    if about.kind == "cpu":
        return about.ratio and not about.counter
    words = words_of(series.name)
    return bool(words & _LINE) and not words & _NOT_A_LINE


def _crosses(series: Series, value: float, settings: Settings) -> bool:
    if series.meaning.kind != "cpu":
        return value > 0
    return value >= settings.full * series.whole


def _finding(
    scene: Scene,
    service: str,
    kind: str,
    points: Sequence[tuple[int, bool, float, str]],
    change: OutcomeChange,
    chance: float,
) -> Finding:
    crossing = [point for point in points[change.index :] if point[1]]
    onset_ns, _, _, name = crossing[0]
    return Finding(
        code="metrics.shortage",
        mechanism=_MECHANISMS[kind],
        service=service,
        summary=(
            f"{service}: {_TOLD[kind]} since {format_instant(onset_ns)} ({name}: {change.failures_after} of "
            f"{change.trials_after} points, {change.failures_before} of {change.trials_before} before)"
        ),
        severity=change.rate_after,
        confidence=chance,
        facts={
            "metric": name,
            "highest": max(value for _, _, value, _ in crossing),
            "share_of_points_before": round(change.rate_before, 4),
            "share_of_points": round(change.rate_after, 4),
            "onset": format_instant(onset_ns),
        },
        citations=tuple(metric_citation(name, service, time) for time, _, _, name in crossing[:3]),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        resource=name,
    )


DETECTOR = Detector(
    code="metrics.shortage",
    kinds=(Kind("metrics.shortage", directness=1.0, family="shown", outright=True, runs_out=True),),
    mechanisms=tuple(sorted(_MECHANISMS.values())),
    needs=("metrics",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
