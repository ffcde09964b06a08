"""How rare a step is among all that a metric does: the false alarms that its like would give.

A step's own series tells how well two levels explain it, not how often such a thing happens by itself. Percentiles of
services that hardly anyone calls jump from milliseconds to half a minute and stay there for some minutes; the use of a
processor never does. The same metric of the other services knows: a point there is as bad when it is as high *and* as
far from its own usual. Where such points are common a step is no news, however sharp; where no point is, even a short
one is. It is the empirical null of large-scale testing (Efron, *Large-Scale Simultaneous Hypothesis Testing*, JASA
2004), over one metric's family.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from ...domain.instant import NS_PER_S
from ..series.series import Series
from ..series.steps import Step
from ..timeline.change_point import median

# One incident moves the metrics of several services within so many seconds: those points are no null.
_TOGETHER_S: Final = 240
# Services of a family beyond this add nothing to a rate.
_MOST_SERIES: Final = 200

Families = Mapping[str, Sequence[Series]]


def families(known: Sequence[Series]) -> Families:
    """Series by the name of their metric, thinned evenly where they are very many."""
    found: dict[str, list[Series]] = defaultdict(list)
    for series in known:
        found[series.name].append(series)
    return {name: group[:: -(-len(group) // _MOST_SERIES)] for name, group in found.items()}


def rarity_evidence(series: Series, step: Step, family: Sequence[Series]) -> float:
    """Natural logarithm of how unlikely a stretch like that after the step is, by what the family does at other times.

    Bad points come in runs, so a stretch is as likely as its first point times the chance that a bad point is
    followed by another, for each further one (a Markov chain of first order).

    Args:
        series: the series with the step.
        step: its step.
        family: all series of the same metric, this one included or not.
    """
    start_ns = series.times_ns[step.index]
    nulls = [_as_bad(series.values[: step.index], step)]
    for other in family:
        if other is not series:
            nulls.append(_as_bad(_at_other_times(other, start_ns), step))
    met = sum(len(null) for null in nulls)
    bad = sum(sum(null) for null in nulls)
    followed = sum(sum(one and next_one for one, next_one in pairwise(null)) for null in nulls)
    further = len(series.values) - step.index - 1
    # Half an event is added to either count: what was never seen is not impossible.
    return -math.log((bad + 0.5) / (met + 1)) - further * math.log((followed + 0.5) / (bad + 1))


def _at_other_times(series: Series, start_ns: int) -> list[float]:
    """What a series does when it is not moved by the incident; of a short recording, what it did before."""
    timed = list(zip(series.times_ns, series.values, strict=True))
    away = [value for time_ns, value in timed if abs(time_ns - start_ns) > _TOGETHER_S * NS_PER_S]
    return away or [value for time_ns, value in timed if time_ns < start_ns]


def _as_bad(values: Sequence[float], step: Step) -> list[bool]:
    """Which points are as far out as the level after the step, and as far from their own usual."""
    if not values:
        return []
    usual = median(values)
    if step.after >= step.before:
        bound = max(step.after, usual * step.ratio if math.isfinite(step.ratio) else step.after)
        return [value >= bound for value in values]
    bound = min(step.after, usual * step.ratio)
    return [value <= bound for value in values]
