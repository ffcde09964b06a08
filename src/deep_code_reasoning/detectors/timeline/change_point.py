"""Change points: where a series stopped being what it was, and how sure one can be of it.

Two kinds of series, both in time order and both judged without any threshold on the values themselves:

- *outcomes* (`outcome_change`): how many of how many trials failed in each step. Bayesian: the marginal likelihood of
  two rates with a change somewhere, against one rate (Chib, *Marginal likelihood*; Barry & Hartigan, JASA 1993).
- *levels* (`level_change`): one value a step. The split with the largest Mann-Whitney rank deviation, and the robust
  size of the step there (median and MAD, never mean and sigma).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# Beta priors (a, b) of a failure rate. Before the change the path works: one failure in some twenty is already
# surprising. After it nothing is known. Without a change either may hold, whichever suits the data better, so that
# a path that always fails now and then is never taken for one that broke.
_BEFORE: Final = (0.1, 2.0)
_AFTER: Final = (1.0, 1.0)
_STEADY: Final = ((0.5, 0.5), (0.1, 2.0))

# The MAD of a normal distribution is 0.6745 sigma; this makes the two comparable.
_MAD_TO_SIGMA: Final = 1.4826


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """A change in a failure rate: at step `index` the failures begin.

    `log_evidence` is the natural logarithm of the Bayes factor of a change against none, averaged over all places
    where it could be.
    """

    index: int
    log_evidence: float
    failures_before: int
    trials_before: int
    failures_after: int
    trials_after: int

    @property
    def rate_before(self) -> float:
        """Share of failures before the change."""
        return self.failures_before / self.trials_before

    @property
    def rate_after(self) -> float:
        """Share of failures from the change on."""
        return self.failures_after / self.trials_after


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A step in a level: from `index` on the values are others.

    `deviation` is the standardised Mann-Whitney statistic of the two sides, positive for a rise; `size` the difference
    of the two medians in robust sigmas of the side before (infinite when that side does not vary at all).
    """

    index: int
    deviation: float
    size: float
    median_before: float
    median_after: float

    @property
    def ratio(self) -> float:
        """Level after over level before; infinite when it was zero before."""
        if self.median_before:
            return self.median_after / self.median_before
        return math.inf if self.median_after else 1.0


def outcome_change(failures: Sequence[int], trials: Sequence[int]) -> OutcomeChange | None:
    """Find where failures begin.

    Args:
        failures: failed trials in each step, in time order.
        trials: all trials in each step; steps without any are allowed.

    Returns:
        The likeliest change towards more failures, or None when there are fewer than two failures or two steps with
        trials, or when the rate does not rise.
    """
    total_trials, total_failures = sum(trials), sum(failures)
    if total_failures < 2:
        return None
    logs: list[float] = []
    places: list[tuple[int, int, int]] = []
    done = failed = 0
    for index, (bad, tried) in enumerate(zip(failures, trials, strict=True)):
        if tried and done:
            before = _log_marginal(failed, done, *_BEFORE)
            logs.append(before + _log_marginal(total_failures - failed, total_trials - done, *_AFTER))
            places.append((index, failed, done))
        done += tried
        failed += bad
    if not logs:
        return None
    best = max(range(len(logs)), key=lambda place: (logs[place], -place))
    index, failed, done = places[best]
    steady = max(_log_marginal(total_failures, total_trials, *prior) for prior in _STEADY)
    change = OutcomeChange(index, _log_mean(logs) - steady, failed, done, total_failures - failed, total_trials - done)
    return change if change.rate_after > change.rate_before else None


def rate_contrast(failures: int, trials: int, other_failures: int, other_trials: int) -> float:
    """Log Bayes factor that two groups fail at different rates rather than at one."""
    apart = _log_marginal(failures, trials, 0.5, 0.5) + _log_marginal(other_failures, other_trials, 0.5, 0.5)
    return apart - _log_marginal(failures + other_failures, trials + other_trials, 0.5, 0.5)


def level_change(values: Sequence[float], min_side: int = 2) -> LevelChange | None:
    """Find the largest step in a series of levels.

    Args:
        values: one value a step, in time order.
        min_side: fewest values on either side of the step.

    Returns:
        The split whose sides differ most by rank, or None when the series is too short or constant.
    """
    count = len(values)
    if count < 2 * min_side or min(values) == max(values):
        return None
    ranks = _ranks(values)
    expected = (count + 1) / 2
    best, best_deviation, total = 0, 0.0, 0.0
    for index in range(1, count):
        total += ranks[index - 1]
        if min_side <= index <= count - min_side:
            spread = math.sqrt(index * (count - index) * (count + 1) / 12)
            deviation = (index * expected - total) / spread
            if abs(deviation) > abs(best_deviation):
                best, best_deviation = index, deviation
    if not best:
        return None
    before, after = values[:best], values[best:]
    middle, level = median(before), median(after)
    sigma = _MAD_TO_SIGMA * median([abs(value - middle) for value in before])
    size = (level - middle) / sigma if sigma else math.copysign(math.inf, level - middle) if level != middle else 0.0
    return LevelChange(best, best_deviation, size, middle, level)


def median(values: Sequence[float]) -> float:
    """The median; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def probability(log_evidence: float, looked_at: int) -> float:
    """Posterior probability of a finding whose prior is one in `looked_at`: guards against looking at many things."""
    return 1 / (1 + math.exp(min(700.0, math.log(max(1, looked_at)) - log_evidence)))


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda place: values[place])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            ranks[place] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def _log_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))


@lru_cache(maxsize=200_000)
def _log_marginal(failures: int, trials: int, a: float, b: float) -> float:
    """Log likelihood of an ordered run of outcomes under a Beta(a, b) prior of the failure rate."""
    return _log_beta(failures + a, trials - failures + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
