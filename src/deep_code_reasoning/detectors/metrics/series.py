"""Metric series as lists of values, and the step in each that explains it best.

The step is found by least absolute deviations: the split into two levels, each its side's median, that leaves the least
sum of distances. Medians make it indifferent to spikes, and nothing needs to be known of the onset. The evidence is
the Laplace log likelihood ratio of two levels against one, less a penalty for having looked at every split (BIC).
A series that often counts nothing has a median of nothing, from which any event is infinitely far: there the step has
to be one of a Poisson rate as well.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final

from ...domain.instant import NS_PER_S
from ...domain.wording import duration, figure, size
from ...store import CaseStore, Row
from ...store.counters import RISES_A_RESET
from ..timeline.change_point import median
from ..timeline.machines import prepare_machines
from .vocabulary import Meaning, meaning, words_of

# Points of one series beyond this are thinned to as many medians: steps of minutes stay in view in a day of data.
_MAX_POINTS: Final = 240
_MAX_SERIES: Final = 20_000
# A step needs a few points on its calm side to know what is usual; on its far side two, since one is a spike.
_MIN_BEFORE: Final = 4
_MIN_AFTER: Final = 2
# Where a quarter of the points before a step count nothing, the others count one event, or two (a mean of 1.4).
_SPARSE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one instance: times and values in time order. A counter's values are increases per point."""

    service: str
    instance: str
    name: str
    unit: str
    meaning: Meaning
    times_ns: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def whole(self) -> float:
        """What a share of 1 is in this series: 100 where it is in percent, whether it says so or not."""
        return 100.0 if self.meaning.percent or max(self.values) > 1.5 else 1.0

    @property
    def every_s(self) -> float:
        """Seconds from point to point, the usual pause."""
        return median([b - a for a, b in pairwise(self.times_ns)]) / NS_PER_S if len(self.times_ns) > 1 else 0.0

    def told(self, value: float) -> str:
        """A value as it is spoken of: `515 MB`, `3.2 ms`, `3,830`."""
        words = words_of(self.name)
        rate = self.meaning.ratio or words & {"per", "rate"}
        if self.unit in ("By", "bytes") or (words & {"bytes", "byte"} and not rate):
            return size(value)
        return duration(value) if self.unit == "s" or (words & {"seconds"} and not rate) else figure(value)

    def sides(self, at_ns: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The values from before a moment, and those since."""
        place = bisect_left(self.times_ns, at_ns)
        return self.values[:place], self.values[place:]


@dataclass(frozen=True, slots=True)
class Step:
    """The step of a series: from `index` on the level is another."""

    index: int
    before: float
    after: float
    log_evidence: float

    @property
    def ratio(self) -> float:
        """Level after over level before; infinite from nothing."""
        if self.before > 0:
            return self.after / self.before
        return math.inf if self.after > 0 else 1.0


@dataclass(frozen=True, slots=True)
class _Metric:
    """What a metric's name stands for, when it was taken, and the most points of one instance."""

    name: str
    unit: str
    meaning: Meaning
    first_ns: int
    last_ns: int
    longest: int


def series_of(store: CaseStore, kinds: frozenset[str], max_points: int = _MAX_POINTS) -> list[Series]:
    """All series of a case whose name is about one of `kinds`, thinned to `max_points` each."""
    prepare_machines(store)
    wanted = [metric for metric in store.once("metrics", lambda: _metrics(store)) if metric.meaning.kind in kinds]
    if not wanted:
        return []
    first_ns = min((metric.first_ns for metric in wanted if metric.longest), default=0)
    span_ns = max(metric.last_ns for metric in wanted) - first_ns
    thin = max(metric.longest for metric in wanted) > max_points
    width_ns = max(1, span_ns // max_points) if thin else 1
    # Several detectors look at the same metrics, mostly alone or together with others: each kind is read once.
    by_kind: dict[str, list[_Metric]] = {}
    for metric in wanted:
        by_kind.setdefault(metric.meaning.kind, []).append(metric)
    found = [
        series
        for kind, metrics in by_kind.items()
        for series in store.once(("series", kind, width_ns), partial(_read_series, store, metrics, width_ns))
    ]
    # As many as one query would give: of a kind no more are read, and of all the first are kept.
    return [series for _, series in sorted(found, key=lambda pair: pair[0])[:_MAX_SERIES]]


def pauses_s(store: CaseStore, kinds: frozenset[str]) -> list[float]:
    """How long it is from point to point, in seconds, a metric of some kinds."""
    prepare_machines(store)
    return [
        (metric.last_ns - metric.first_ns) / (metric.longest - 1) / NS_PER_S
        for metric in store.once("metrics", lambda: _metrics(store))
        if metric.meaning.kind in kinds and metric.longest > 1
    ]


def _metrics(store: CaseStore) -> list[_Metric]:
    rows = store.query(
        """
        SELECT name, max(unit) AS unit, max(kind) AS kind, minIf(first_ns, n > 0) AS first_ns,
               max(last_ns) AS last_ns, max(n) AS longest
        FROM (
            SELECT name, max(unit) AS unit, max(kind) AS kind, minIf(time_ns, time_ns > 0) AS first_ns,
                   max(time_ns) AS last_ns, countIf(time_ns > 0) AS n
            FROM metrics GROUP BY service, instance, name
        )
        GROUP BY name ORDER BY name
        """
    )
    return [
        _Metric(
            row["name"],
            row["unit"],
            meaning(row["name"], row["unit"], row["kind"]),
            int(row["first_ns"]),
            int(row["last_ns"]),
            int(row["longest"]),
        )
        for row in rows
    ]


_Place = tuple[str, str, str, int]
"""By what series are in order: service, instance, name, hash of the labels."""


def _read_series(store: CaseStore, metrics: Sequence[_Metric], width_ns: int) -> list[tuple[_Place, Series]]:
    rows = store.query(
        """
        SELECT service, instance, name, labels, max(own) AS own, max(hostless) AS hostless,
               arraySort(groupArray((at, level))) AS points
        FROM (
            SELECT service, instance, name, cityHash64(mapKeys(attributes), mapValues(attributes)) AS labels,
                   min(time_ns) AS at, quantileExact(0.5)(value) AS level,
                   max(service = host OR (service, host) IN (SELECT machine, host FROM machines)) AS own,
                   max(host = '' AND service != '') AS hostless
            FROM metrics
            WHERE name IN {names:Array(String)} AND isFinite(value) AND time_ns > 0
            GROUP BY service, instance, name, labels, intDiv(time_ns, {width:Int64})
        )
        GROUP BY service, instance, name, labels
        ORDER BY service, instance, name, labels LIMIT {series:UInt32}
        """,
        names=[metric.name for metric in metrics],
        width=width_ns,
        series=_MAX_SERIES,
    )
    known = {metric.name: metric for metric in metrics}
    return [
        (
            (row["service"], row["instance"], row["name"], int(row["labels"])),
            _series(row["service"], row["instance"], known[row["name"]], row),
        )
        for row in rows
    ]


def _series(service: str, instance: str, metric: _Metric, row: Row) -> Series:
    times = tuple(int(time) for time, _ in row["points"])
    values = tuple(float(value) for _, value in row["points"])
    about = metric.meaning
    if row["own"] or (row["hostless"] and about.kind == "disk"):
        # A machine of its own shares nothing, nor does a disk that is told of a service and of no host.
        about = replace(about, shared=False)
    if about.counter and len(values) > 1 and _is_cumulative(values):
        # After its process started anew a counter begins at nothing.
        times, values = times[1:], tuple(b - a if b >= a else b for a, b in pairwise(values))
    return Series(service, instance, metric.name, metric.unit, about, times, values)


def _is_cumulative(values: Sequence[float]) -> bool:
    """Whether values only grow, but for a reset now and then; counts of single intervals fall as often as they rise."""
    falls, rises = sum(b < a for a, b in pairwise(values)), sum(b > a for a, b in pairwise(values))
    return RISES_A_RESET * falls <= rises


def requests_ratio(
    served: Sequence[Series], service: str, at_ns: int, within_ns: tuple[int, int] | None = None
) -> float:
    """By which factor the requests to a service rose at a moment, by its metrics; 0 when none tells.

    Args:
        served: series of traffic, of any services.
        service: the one that is asked.
        at_ns: the moment.
        within_ns: from when to when to look; at all times where nothing is said.
    """
    before = after = 0.0
    for series in served:
        if series.service != service:
            continue
        from_ns, to_ns = within_ns or (series.times_ns[0], series.times_ns[-1])
        points = list(zip(series.times_ns, series.values, strict=True))
        earlier = [value for time, value in points if from_ns <= time < at_ns]
        since = [value for time, value in points if at_ns <= time <= to_ns]
        if earlier and since:
            before += median(earlier)
            after += median(since)
    return after / before if before > 0 else 0.0


def find_step(values: Sequence[float]) -> Step | None:
    """The step that explains a series best, or None when it is too short or does not vary."""
    count = len(values)
    if count < _MIN_BEFORE + _MIN_AFTER or min(values) == max(values):
        return None
    costs = split_costs(values)
    splits = range(_MIN_BEFORE, count - _MIN_AFTER + 1)
    index = min(splits, key=lambda split: (costs[split - 1], split))
    # A floor for series that do not vary at all on either side: their last digit is noise too.
    floor = count * 1e-3 * max(abs(value) for value in values)
    one, two = costs[-1] + floor, costs[index - 1] + floor
    evidence = min(count * math.log(one / two), _rate_ratio(values, index)) - 2 * math.log(count)
    return Step(index, median(values[:index]), median(values[index:]), evidence)


def _rate_ratio(values: Sequence[float], index: int) -> float:
    """Log likelihood ratio of two Poisson rates against one, for what counts few events: infinite for all else.

    The least that a point before the step counts is one event. Where none counts any, nothing tells what one is.
    """
    before, after = values[:index], values[index:]
    event = min((value for value in before if value > 0), default=0.0)
    if not event or min(values) < 0 or before.count(0) < _SPARSE * len(before):
        return math.inf
    sides = [(sum(side) / event, len(side)) for side in (before, after, values)]
    first, second, whole = (events * math.log(events / points) if events else 0.0 for events, points in sides)
    return first + second - whole


def split_costs(values: Sequence[float]) -> list[float]:
    """Sum of distances to the medians of both sides, for a split after the first value, after the second, ..., none."""
    left = _running_costs(values)
    right = _running_costs(values[::-1])
    return [cost + other for cost, other in zip(left, [*right[-2::-1], 0.0], strict=True)]


def abruptness(values: Sequence[float], step: Step) -> float:
    """Which share of a step's height is climbed right around it: near 1 for a step, little for a slow drift."""
    near = max(3, len(values) // 20)
    left, right = values[max(0, step.index - near) : step.index], values[step.index : step.index + near]
    height = step.after - step.before
    return (median(right) - median(left)) / height if height else 0.0


def order(values: Sequence[float]) -> float:
    """Kendall's tau of values against time, over at most some sixty points."""
    points = values[:: max(1, len(values) // 60)]
    pairs = [(a < b) - (a > b) for i, a in enumerate(points) for b in points[i + 1 :]]
    return sum(pairs) / len(pairs) if pairs else 0.0


def _running_costs(values: Sequence[float]) -> list[float]:
    """Sum of distances to the median of each prefix, by two heaps around the median."""
    low: list[float] = []
    high: list[float] = []
    low_sum = high_sum = 0.0
    costs = []
    for value in values:
        if low and value <= -low[0]:
            heapq.heappush(low, -value)
            low_sum += value
        else:
            heapq.heappush(high, value)
            high_sum += value
        if len(low) > len(high) + 1:
            moved = -heapq.heappop(low)
            heapq.heappush(high, moved)
            low_sum, high_sum = low_sum - moved, high_sum + moved
        elif len(high) > len(low):
            moved = heapq.heappop(high)
            heapq.heappush(low, -moved)
            low_sum, high_sum = low_sum + moved, high_sum - moved
        middle = -low[0]
        costs.append((middle * len(low) - low_sum) + (high_sum - middle * len(high)))
    return costs
