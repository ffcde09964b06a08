"""Memory that grows and is not given back.

Looks for: a service whose memory turns to growth: from some moment on nearly every point is above the one before, by
a third of what it was in all, on most of its instances, while the other services' memory keeps to its pace.

Why it matters: nothing fails until the limit is met; then the process is killed, and the start hides the growth.

Stays silent when: all services grow (they warm up, or have more to do), growth has flattened by the end (a cache has
filled), or memory is given back now and then as it was before.

Example finding: `dispatch: memory grows since 19:51:00, from 192 MB to 460 MB on 2 of 2 instances`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import metric_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ..base import Detector, Scene, Skipped
from ..timeline.change_point import median
from .series import Series, series_of


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_growth: memory must grow by a third of what it was: heaps breathe by less between collections.
        min_climbs: so many points in a row end a series higher than the one before: three are chance once in eight.
        min_points: fewer points do not tell growth from a step.
        usual: the median service may grow by so much of that growth: else they all warm up.
        sure, likely: confidence with all instances growing, and with some.
    """

    min_growth: float = 0.33
    min_climbs: int = 3
    min_points: int = 6
    usual: float = 0.25
    sure: float = 0.9
    likely: float = 0.7


@dataclass(frozen=True, slots=True)
class _Climb:
    """A series' last climb: from the point `foot` to the end, by `growth` of its level before."""

    series: Series
    foot: int
    growth: float


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services whose memory grows apart from all others'."""
    known = [
        series
        for series in series_of(scene.store, frozenset({"memory"}))
        if not (series.meaning.shared or series.meaning.limit or series.meaning.counter)
        and len(series.values) >= settings.min_points
    ]
    if not known:
        return Skipped("no metric tells of memory at enough points")
    by_service: dict[str, list[_Climb]] = defaultdict(list)
    for series in known:
        by_service[series.service].append(_climb(series, settings))
    largest = {service: max(climb.growth for climb in climbs) for service, climbs in by_service.items()}
    found = []
    for service, climbs in sorted(by_service.items()):
        growing = [climb for climb in climbs if climb.growth >= settings.min_growth]
        others = [growth for name, growth in largest.items() if name != service]
        if 2 * len(growing) <= len(climbs) or (others and median(others) > settings.usual * largest[service]):
            continue
        found.append(_finding(scene, service, growing, len(climbs), settings))
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service))


def _climb(series: Series, settings: Settings) -> _Climb:
    values = series.values
    foot = len(values) - 1
    while foot and values[foot - 1] < values[foot]:
        foot -= 1
    if len(values) - 1 - foot < settings.min_climbs or values[foot] <= 0:
        return _Climb(series, foot, 0.0)
    # A series that drifts all along turns to growth where its steps become more than a twentieth of the whole climb.
    top = values[-1] - values[foot]
    while foot < len(values) - 2 and values[foot + 1] - values[foot] < 0.05 * top:
        foot += 1
    return _Climb(series, foot, (values[-1] - values[foot]) / values[foot])


def _finding(scene: Scene, service: str, growing: Sequence[_Climb], of: int, settings: Settings) -> Finding:
    most = max(growing, key=lambda climb: (climb.growth, climb.series.instance, climb.series.name))
    series = most.series
    onset_ns = min(climb.series.times_ns[climb.foot] for climb in growing)
    before, after = series.values[most.foot], series.values[-1]
    return Finding(
        code="metrics.leak",
        mechanism="memory_leak",
        service=service,
        summary=(
            f"{service}: {series.name} grows since {format_instant(onset_ns)}, from {before:.4g} to {after:.4g} "
            f"on {len(growing)} of {of} instances"
        ),
        severity=min(1.0, 0.5 + most.growth / 2),
        confidence=settings.sure if len(growing) == of else settings.likely,
        facts={
            "metric": series.name,
            "before": before,
            "after": after,
            "growth": round(most.growth, 4),
            "onset": format_instant(onset_ns),
        },
        citations=tuple(
            metric_citation(series.name, service, series.times_ns[index])
            for index in (most.foot, len(series.values) - 1)
        ),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        resource=series.name,
        instance=series.instance or None,
    )


DETECTOR = Detector(
    code="metrics.leak",
    mechanisms=("memory_leak",),
    needs=("metrics",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
