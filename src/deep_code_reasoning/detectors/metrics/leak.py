"""Memory that grows and is not given back.

Looks for: a service whose memory turns to growth: from some moment on it climbs in many steps, by a third of what it
was in all, while most of its instances come to need so much more and the other services' memory keeps to its pace. It
climbs to the end, or to its limit: there it stays, or the process is killed and the climb begins anew. Where
collections give back much again and again, what they leave is looked at.

Why it matters: nothing fails until the limit is met; then the process is killed, and the start hides the growth.

Stays silent when: all services grow (they warm up, or have more to do), the service is asked so much more, growth has
flattened below the limit (a cache has filled), it was a step, or memory is given back now and then as it was before.
Where nothing from before the growth is known, a process that was started then warms up: growth that slows down, or of
one instance alone, is silent.

Growth alone is no harm: a collector may have seen no reason to run, and a cache fills. What makes it one is told beside
it (`presses`): it is near its limit, ended by starts, its collections leave more each time, or take longer.

Example finding: `dispatch: memory grows since 19:51:00, from 192 MB to 460 MB on 2 of 2 instances`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..series.series import Series, requests_ratio, series_of
from ..series.steps import order
from ..timeline.change_point import median
from ..vocabulary.metrics import words_of
from .collections import collections_take_longer, is_after_collections


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_growth: memory must grow by a third of what it was: heaps breathe by less between collections.
        min_climbs: in so many steps at least; three that lead up are chance once in eight.
        min_points: fewer points do not tell growth from a step.
        step: one step that makes most of the climb is no growth.
        order: nearly all pairs of points of a climb are in growing order (Kendall's tau).
        given_back: a climb is over when half of it is given back.
        spread: a climb is that many times as high as what memory moved by before: collections give back as much.
        flat: once nine tenths are climbed, a stretch of so much of the climb without the rest is flat,
        near: of two points at least.
        slowing: of what is not known to be new, a second half that climbs by less than two thirds of the first warms
            up: as far as an exponential approach has come after its time constant.
        long: one instance of several leaks alone when it climbs in so many steps, and evenly.
        full: from four fifths of its limit on memory is used up, as in `saturation.py`.
        usual: the median service may grow by so much of that growth: else they all warm up.
        sure, likely: confidence with all instances growing where they did not before, and else.
    """

    min_growth: float = 0.33
    min_climbs: int = 3
    min_points: int = 6
    step: float = 0.6
    order: float = 0.8
    given_back: float = 0.5
    spread: float = 2.0
    flat: float = 0.25
    near: int = 2
    slowing: float = 2 / 3
    long: int = 10
    full: float = 0.8
    usual: float = 0.25
    sure: float = 0.9
    likely: float = 0.7


@dataclass(frozen=True, slots=True)
class _Climb:
    """A climb of a series from the point `foot` to the highest, `top`; `over` when half of that was given back."""

    series: Series
    foot: int
    top: int
    over: bool

    @property
    def growth(self) -> float:
        """By how much of its level before."""
        return self.series.values[self.top] / self.series.values[self.foot] - 1


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services whose memory grows apart from all others'."""
    memory = series_of(scene.store, frozenset({"memory"}))
    known = [
        series
        for series in memory
        if not (series.meaning.shared or series.meaning.limit or series.meaning.counter)
        and len(series.values) >= settings.min_points
    ]
    if not known:
        return Skipped("no metric tells of memory at enough points")
    limits = [series for series in memory if series.meaning.limit]
    restarts = [
        series
        for series in series_of(scene.store, frozenset({"restarts", "oom"}))
        if "uptime" not in words_of(series.name)
    ]
    served = series_of(scene.store, frozenset({"traffic"}))
    by_service: dict[str, list[Series]] = defaultdict(list)
    for series in known:
        by_service[series.service].append(series)
    growing: dict[str, list[_Climb]] = {}
    for name, own in sorted(by_service.items()):
        growing[name] = _growing(own, limits, restarts, settings)
        if not growing[name]:
            by_service[name] = [_after_collections(series, settings) for series in own]
            growing[name] = _growing(by_service[name], limits, restarts, settings)
    largest = {name: max((climb.growth for climb in climbs), default=0.0) for name, climbs in growing.items()}
    found = []
    for service, climbs in growing.items():
        others = [growth for name, growth in largest.items() if name != service]
        if (
            not climbs
            or (others and median(others) > settings.usual * largest[service])
            or not _is_of_service(climbs, by_service[service], settings)
            or all(_is_load(climb, served) for climb in climbs)
        ):
            continue
        presses = _presses(scene.store, climbs, known, limits, restarts, settings)
        found.append(_finding(scene, service, climbs, by_service[service], presses, settings))
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service))


def _after_collections(series: Series, settings: Settings) -> Series:
    """What collections leave, of memory that is given back again and again; else the series as it is."""
    feet = [climb.foot for climb in _climbs(series, settings) if climb.growth >= settings.min_growth]
    if len(feet) < settings.min_points:
        return series
    return replace(
        series,
        times_ns=tuple(series.times_ns[at] for at in feet),
        values=tuple(series.values[at] for at in feet),
    )


def _presses(
    store: CaseStore,
    climbs: Sequence[_Climb],
    known: Sequence[Series],
    limits: Sequence[Series],
    restarts: Sequence[Series],
    settings: Settings,
) -> str:
    """By what growth does harm, or is known to stay; '' where nothing tells."""
    if any(_share_of_limit(climb, limits) >= settings.full for climb in climbs):
        return "limit"
    if any(any(_starts(one)) for one in restarts if one.service == climbs[0].series.service):
        return "restarts"
    after = any(is_after_collections(climb.series.name) for climb in climbs)
    if after or any(climb.series not in known for climb in climbs):
        return "collections"
    most = max(climbs, key=lambda climb: climb.growth)
    times_ns = most.series.times_ns
    longer = collections_take_longer(store, most.series.service, times_ns[most.foot], times_ns[most.top])
    return "pauses" if longer else ""


def _is_of_service(climbs: Sequence[_Climb], own: Sequence[Series], settings: Settings) -> bool:
    """Whether most instances of a service that still run come to need more, or one does so for long."""
    alive = _alive(climbs, own)
    higher = sum(any(climb.growth >= settings.min_growth for climb in _climbs(each, settings)) for each in alive)
    return 2 * higher > len(alive) or any(
        _reach(climb) - climb.foot >= settings.long and _is_even(climb, settings) and _is_new(climb, own, settings)
        for climb in climbs
    )


def _alive(climbs: Sequence[_Climb], own: Sequence[Series]) -> list[Series]:
    """The series of instances that still run when the first of some climbs begins."""
    onset_ns = min(map(_since_ns, climbs))
    return [series for series in own if series.times_ns[-1] > onset_ns]


def _is_load(climb: _Climb, served: Sequence[Series]) -> bool:
    """Whether a service is asked more in the second half of a climb than in the first, by as much as memory grew."""
    series, way = climb.series, slice(climb.foot, climb.top + 1)
    times_ns, values = series.times_ns[way], series.values[way]
    middle = len(values) // 2
    asked = requests_ratio(served, series.service, times_ns[middle], (times_ns[0], times_ns[-1]))
    return asked >= median(values[middle:]) / median(values[:middle])


def _since_ns(climb: _Climb) -> int:
    return climb.series.times_ns[climb.foot]


def _growing(
    own: Sequence[Series], limits: Sequence[Series], restarts: Sequence[Series], settings: Settings
) -> list[_Climb]:
    """Of the series of a service those that leak, each with its first climb."""
    found = []
    for series in own:
        climbs = [
            climb
            for climb in _climbs(series, settings)
            if climb.growth >= settings.min_growth and _is_gradual(climb, settings)
        ]
        if climbs and (_is_kept(climbs, own, limits, settings) or _is_killed(climbs, restarts)):
            found.append(climbs[0])
    return found


def _climbs(series: Series, settings: Settings) -> list[_Climb]:
    """The stretches of a series that lead up from a low to a high of which less than half is given back on the way."""
    values, found = series.values, []
    low = high = 0
    for at, value in enumerate(values):
        if value >= values[high]:
            high = at
        elif value < values[low] or values[high] - value > settings.given_back * (values[high] - values[low]):
            found.append((low, high, True))
            low = high = at
    found.append((low, high, False))
    climbs = []
    for low, high, over in found:
        rise = values[high] - values[low]
        # It turns to growth where it is last at the bottom: a series may drift long before.
        foot = max(at for at in range(low, high + 1) if values[at] <= values[low] + 0.1 * rise)
        if values[foot] > 0:
            climbs.append(_Climb(series, foot, high, over))
    return climbs


def _reach(climb: _Climb) -> int:
    """Where a climb has made nine tenths of its way."""
    values = climb.series.values
    enough = values[climb.foot] + 0.9 * (values[climb.top] - values[climb.foot])
    return next(at for at in range(climb.foot, climb.top + 1) if values[at] >= enough)


def _is_gradual(climb: _Climb, settings: Settings) -> bool:
    reach = _reach(climb)
    way = climb.series.values[climb.foot : reach + 1]
    return (
        reach - climb.foot >= settings.min_climbs
        and max(b - a for a, b in pairwise(way)) <= settings.step * (way[-1] - way[0])
        and order(way) >= settings.order
    )


def _is_kept(climbs: Sequence[_Climb], own: Sequence[Series], limits: Sequence[Series], settings: Settings) -> bool:
    """Whether nothing that was climbed is given back of free will: it goes on, is at its limit, or begins anew."""
    first, last = climbs[0], climbs[-1]
    reach = _reach(last)
    after = len(last.series.values) - 1 - reach
    goes_on = not last.over and after <= max(settings.near, settings.flat * (reach - last.foot))
    is_new = _is_new(last, own, settings)
    if goes_on and (is_new or (is_new is None and _is_even(last, settings))):
        return True
    begins_anew = first.over and len(climbs) > 1
    return bool(_is_new(first, own, settings)) and (begins_anew or _share_of_limit(first, limits) >= settings.full)


def _is_even(climb: _Climb, settings: Settings) -> bool:
    """Whether a climb goes on as it began; what warms up or fills slows down."""
    values, half = climb.series.values, (climb.top - climb.foot) // 2
    near = half // 5
    low, middle, high = (
        median(values[max(climb.foot, at - near) : min(climb.top, at + near) + 1])
        for at in (climb.top - 2 * half, climb.top - half, climb.top)
    )
    return high - middle >= settings.slowing * (middle - low)


def _is_killed(climbs: Sequence[_Climb], restarts: Sequence[Series]) -> bool:
    """Whether the process was started anew where most climbs ended, and climbs again: it may have done so all along.

    Memory that was given back from as high without a start is garbage, and a start may well fall into a climb of it.
    """
    killed = given_back = 0
    for climb, again in pairwise(climbs):
        series = climb.series
        started = [
            at_ns
            for known in restarts
            if known.service == series.service and known.instance in (series.instance, "")
            for at_ns in _starts(known)
        ]
        from_ns, to_ns = series.times_ns[climb.top], series.times_ns[min(again.foot + 1, again.top)]
        given_back += climb.over
        killed += climb.over and any(from_ns <= at_ns <= to_ns for at_ns in started)
    return 2 * killed > given_back


def _starts(restarts: Series) -> list[int]:
    """When a count of restarts went up: a counter's values are its increases already."""
    values = restarts.values
    rises = values if restarts.meaning.counter else [0.0, *(b - a for a, b in pairwise(values))]
    return [at_ns for at_ns, rise in zip(restarts.times_ns, rises, strict=True) if rise > 0]


def _is_new(climb: _Climb, own: Sequence[Series], settings: Settings) -> bool | None:
    """Whether a service's memory moved by less before; None when nothing is known of that."""
    spreads = []
    for series in own:
        before, _ = series.sides(_since_ns(climb))
        if series.name == climb.series.name and len(before) > settings.min_climbs:
            spreads.append(max(before) - min(before))
    rise = climb.series.values[climb.top] - climb.series.values[climb.foot]
    return rise >= settings.spread * max(spreads) if spreads else None


def _share_of_limit(climb: _Climb, limits: Sequence[Series]) -> float:
    """The share of its limit that a climb reaches; 0 when none is known. Nothing goes beyond its own limit."""
    series, top = climb.series, climb.series.values[climb.top]
    if series.meaning.ratio:
        return top / series.whole
    of = [limit for limit in limits if (limit.service, limit.instance) == (series.service, series.instance)]
    shares = [top / max(limit.values) for limit in of if max(limit.values, default=0.0) > 0]
    return max((share for share in shares if share <= 1.05), default=0.0)


def _finding(
    scene: Scene,
    service: str,
    growing: Sequence[_Climb],
    own: Sequence[Series],
    presses: str,
    settings: Settings,
) -> Finding:
    most = max(growing, key=lambda climb: (climb.growth, climb.series.instance, climb.series.name))
    series = most.series
    onset_ns = min(_since_ns(climb) for climb in growing)
    before, after = series.values[most.foot], series.values[most.top]
    of = len(_alive(growing, own))
    is_sure = len(growing) == of and _is_new(most, own, settings) is not None
    return Finding(
        code="metrics.leak",
        mechanism="memory_leak",
        service=service,
        summary=(
            f"{service}: {series.name} grows since {format_instant(onset_ns)}, from {series.told(before)} to "
            f"{series.told(after)} on {len(growing)} of {of} instances"
        ),
        severity=min(1.0, 0.5 + most.growth / 2),
        confidence=settings.sure if is_sure else settings.likely,
        facts={
            "metric": series.name,
            "before": before,
            "after": after,
            "growth": round(most.growth, 4),
            "presses": presses,
            "onset": format_instant(onset_ns),
        },
        citations=tuple(series.cite(index) for index in (most.foot, most.top)),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        resource=series.name,
        instance=series.instance or None,
    )


DETECTOR = Detector(
    code="metrics.leak",
    kinds=(Kind("metrics.leak", directness=1.0, family="shown", outright=True),),
    mechanisms=("memory_leak",),
    needs=("metrics",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
