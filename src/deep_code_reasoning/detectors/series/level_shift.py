"""When a level changed that many series saw change, and within what bounds.

Each series has a likelihood for every moment at which it may have changed: two Laplace levels, the median of either
side (`steps.py`). Those of one moment are multiplied over the services that saw a step, so that series that
are unsure alone agree on a moment together (a product of profile likelihoods). What repeats every day is taken out
first. A service has one vote, that of its clearest series: its mean and its quantiles are made of the same requests.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from ...domain.instant import NS_PER_S
from ...domain.window import Window
from ...store import CaseStore
from ..timeline.change_point import median
from .series import Series, series_of
from .steps import Step, find_step, split_costs

# A week of points every five minutes: thinned points would blur the moment.
_MAX_POINTS: Final = 2016
# A step of a tenth is felt, and is told from noise in a few dozen points.
_MIN_RATIO: Final = 1.1
# A series has its say from here on: the odds of a step against none are about a hundred to one.
_MIN_EVIDENCE: Final = 4.6
_DAY_NS: Final = 86_400 * NS_PER_S
# With fewer days nothing can be said to repeat daily.
_MIN_DAYS: Final = 3
_HOURS: Final = 24
# What lies outside the bounds has this much of the probability on either side.
_TAIL: Final = 0.01


@dataclass(frozen=True, slots=True)
class LevelShift:
    """When levels changed: the likeliest moment, the bounds that almost surely hold it, the services that agree."""

    at_ns: int
    bounds: Window
    services: tuple[str, ...]


def shift_of_latency(store: CaseStore, within: Window) -> LevelShift | None:
    """The moment within a stretch at which latencies rose to stay; None when no series saw that."""
    clearest: dict[str, tuple[Step, Series]] = {}
    for series in series_of(store, frozenset({"latency"}), _MAX_POINTS):
        flat = without_daily_shape(series)
        step = find_step(flat.values)
        if step is None or step.ratio < _MIN_RATIO or step.log_evidence < _MIN_EVIDENCE:
            continue
        if not within.start_ns <= flat.times_ns[step.index] <= within.end_ns:
            continue
        known = clearest.get(series.service)
        if known is None or step.log_evidence > known[0].log_evidence:
            clearest[series.service] = step, flat
    if not clearest:
        return None
    return _agreed([clearest[name] for name in sorted(clearest)], within)


def _agreed(votes: Sequence[tuple[Step, Series]], within: Window) -> LevelShift | None:
    moments = sorted({t for _, series in votes for t in series.times_ns if within.start_ns <= t <= within.end_ns})
    if len(moments) < 2:
        return None
    logs = [0.0] * len(moments)
    for _, series in votes:
        costs = split_costs(series.values)
        for place, moment in enumerate(moments):
            split = min(max(bisect_left(series.times_ns, moment), 1), len(costs))
            logs[place] -= len(series.values) * math.log(max(costs[split - 1], 1e-12))
    best = logs.index(max(logs))
    passed = list(accumulate(math.exp(value - logs[best]) for value in logs))
    low = next(place for place, sofar in enumerate(passed) if sofar >= _TAIL * passed[-1])
    high = next(place for place, sofar in enumerate(passed) if sofar >= (1 - _TAIL) * passed[-1])
    # A point tells of the stretch since the one before it, and a rollout takes about as long again.
    bounds = Window(moments[max(0, low - 2)], moments[min(len(moments) - 1, high + 1)] + 1)
    return LevelShift(moments[best], bounds, tuple(series.service for _, series in votes))


def without_daily_shape(series: Series) -> Series:
    """A series divided by what repeats by the hour of the day; as it is where it covers too few days to tell.

    The shape is the median of each hour over the level of its time, and the levels are those of the step that is best
    without the shape: found by turns, twice.
    """
    if series.times_ns[-1] - series.times_ns[0] < _MIN_DAYS * _DAY_NS or min(series.values) <= 0:
        return series
    values = series.values
    for _ in range(2):
        step = find_step(values)
        levels = [1.0] * len(values)
        if step is not None and min(step.before, step.after) > 0:
            levels = [step.before if place < step.index else step.after for place in range(len(values))]
        by_hour: dict[int, list[float]] = {}
        for time_ns, value, level in zip(series.times_ns, series.values, levels, strict=True):
            by_hour.setdefault(_hour(time_ns), []).append(value / level)
        middle = median([median(found) for found in by_hour.values()])
        shape = {hour: median(found) / middle for hour, found in by_hour.items()}
        values = tuple(v / shape[_hour(t)] for t, v in zip(series.times_ns, series.values, strict=True))
    return replace(series, values=values)


def _hour(time_ns: int) -> int:
    return time_ns % _DAY_NS * _HOURS // _DAY_NS
