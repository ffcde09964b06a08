"""The step of a series: where its level changed for another.

It is found by least absolute deviations: the split into two levels, each its side's median, that leaves the least
sum of distances. Medians make it indifferent to spikes, and nothing needs to be known of the onset. The evidence is
the Laplace log likelihood ratio of two levels against one, less a penalty for having looked at every split (BIC).
A series that often counts nothing has a median of nothing, from which any event is infinitely far: there the step has
to be one of a Poisson rate as well.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..timeline.change_point import median

# A step needs a few points on its calm side to know what is usual; on its far side two, since one is a spike.
_MIN_BEFORE: Final = 4
_MIN_AFTER: Final = 2
# Where a quarter of the points before a step count nothing, the others count one event, or two (a mean of 1.4).
_SPARSE: Final = 0.25


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
    return rates_evidence(sum(before) / event, len(before), sum(after) / event, len(after))


def rates_evidence(many: float, points: int, more: float, further: int) -> float:
    """Log likelihood ratio of two Poisson rates against one: so many events in so many points, and after them."""
    sides = ((many, points), (more, further), (many + more, points + further))
    first, second, whole = (events * math.log(events / of) if events else 0.0 for events, of in sides)
    return first + second - whole


def events_evidence(step: Step, events: Sequence[float], is_share: bool = False, is_number: bool = False) -> float:
    """What a step weighs by how many events its levels are made of, less what having looked at every split is worth.

    A level is a mean, or a share of the events, or (`is_number`) their number itself. Infinite where nothing says how
    many there are.
    """
    if not events:
        return math.inf
    many, more = sum(events[: step.index]), sum(events[step.index :])
    if is_number:
        return rates_evidence(many, step.index, more, len(events) - step.index) - 2 * math.log(len(events))
    return levels_evidence((step.before, many), (step.after, more), is_share) - 2 * math.log(len(events))


def levels_evidence(one: tuple[float, float], other: tuple[float, float], is_share: bool) -> float:
    """Log likelihood ratio of two levels against one, each made of so many events.

    A mean of n times that vary as much as they are long (an exponential distribution; service times vary by that or
    more) is known to 1 / sqrt(n) of itself; a share of n requests is binomial.
    """
    (before, many), (after, more) = one, other
    if not many or not more:
        return 0.0
    if is_share:
        whole = (many * before + more * after) / (many + more)
        return sum(n * (_binomial(share, share) - _binomial(share, whole)) for share, n in (one, other))
    if before <= 0 or after <= 0:
        return math.inf
    return math.log(after / before) ** 2 / (2 / many + 2 / more)


def _binomial(share: float, level: float) -> float:
    """Log likelihood of one event of which a share came about, at a level."""
    return sum(part * math.log(of) for part, of in ((share, level), (1 - share, 1 - level)) if part > 0 and of > 0)


def split_costs(values: Sequence[float]) -> list[float]:
    """Sum of distances to the medians of both sides, for a split after the first value, after the second, ..., none."""
    left = running_costs(values)
    right = running_costs(values[::-1])
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


def running_costs(values: Sequence[float]) -> list[float]:
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
