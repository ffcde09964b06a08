"""Change points: where outcomes stopped being what they were, and how sure one can be of it.

*Outcomes* are how many of how many trials failed in each step of time: requests that were slow, spans that stopped
short, steps with an error in them. Judged by Bayesian model comparison, with no threshold on the rates: the marginal
likelihood of two rates with a change somewhere between them, against that of one rate (Barry and Hartigan, *A
Bayesian analysis for change point problems*, JASA 1993). For steps in levels (metrics) see `series/steps.py`.
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


def _log_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))


@lru_cache(maxsize=200_000)
def _log_marginal(failures: int, trials: int, a: float, b: float) -> float:
    """Log likelihood of an ordered run of outcomes under a Beta(a, b) prior of the failure rate."""
    return _log_beta(failures + a, trials - failures + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
