"""Metric series as lists of values, and the step in each that explains it best.

The step is found by least absolute deviations: the split into two levels, each its side's median, that leaves the least
sum of distances. Medians make it indifferent to spikes, and nothing needs to be known of the onset. The evidence is
the Laplace log likelihood ratio of two levels against one, less a penalty for having looked at every split (BIC).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from ...store import CaseStore, Row
from ..timeline.change_point import median
from .vocabulary import Meaning, meaning

# Points of one series beyond this are thinned to as many medians: steps of minutes stay in view in a day of data.
_MAX_POINTS: Final = 240
_MAX_SERIES: Final = 20_000
# A step needs a few points on its calm side to know what is usual; on its far side two, since one is a spike.
_MIN_BEFORE: Final = 5
_MIN_AFTER: Final = 2


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


def series_of(store: CaseStore, kinds: frozenset[str], max_points: int = _MAX_POINTS) -> list[Series]:
    """All series of a case whose name is about one of `kinds`, thinned to `max_points` each."""
    names = store.query("SELECT name, max(unit) AS unit, max(kind) AS kind FROM metrics GROUP BY name ORDER BY name")
    meanings = {row["name"]: meaning(row["name"], row["unit"], row["kind"]) for row in names}
    units = {row["name"]: row["unit"] for row in names}
    wanted = tuple(name for name, about in meanings.items() if about.kind in kinds)
    if not wanted:
        return []
    bounds = store.query(
        """
        SELECT min(first_ns) AS first_ns, max(last_ns) AS last_ns, max(n) AS longest FROM (
            SELECT min(time_ns) AS first_ns, max(time_ns) AS last_ns, count() AS n FROM metrics
            WHERE name IN {names:Array(String)} AND time_ns > 0
            GROUP BY service, instance, name
        )
        """,
        names=wanted,
    )[0]
    thin = int(bounds["longest"] or 0) > max_points
    width_ns = max(1, (int(bounds["last_ns"] or 0) - int(bounds["first_ns"] or 0)) // max_points) if thin else 1
    rows = store.query(
        """
        SELECT service, instance, name, labels, max(own) AS own, arraySort(groupArray((at, level))) AS points
        FROM (
            SELECT service, instance, name, cityHash64(mapKeys(attributes), mapValues(attributes)) AS labels,
                   min(time_ns) AS at, quantileExact(0.5)(value) AS level, max(service = host) AS own
            FROM metrics
            WHERE name IN {names:Array(String)} AND isFinite(value) AND time_ns > 0
            GROUP BY service, instance, name, labels, intDiv(time_ns, {width:Int64})
        )
        GROUP BY service, instance, name, labels
        ORDER BY service, instance, name, labels LIMIT {series:UInt32}
        """,
        names=wanted,
        width=width_ns,
        series=_MAX_SERIES,
    )
    return [
        _series(row["service"], row["instance"], row["name"], units[row["name"]], meanings[row["name"]], row)
        for row in rows
    ]


def _series(service: str, instance: str, name: str, unit: str, about: Meaning, row: Row) -> Series:
    times = tuple(int(time) for time, _ in row["points"])
    values = tuple(float(value) for _, value in row["points"])
    if row["own"]:
        about = replace(about, shared=False)  # a machine of its own shares nothing
    if about.counter and len(values) > 1 and all(a <= b for a, b in pairwise(values)):
        times, values = times[1:], tuple(b - a for a, b in pairwise(values))
    return Series(service, instance, name, unit, about, times, values)


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
    evidence = count * math.log(one / two) - 2 * math.log(count)
    return Step(index, median(values[:index]), median(values[index:]), evidence)


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
