"""What changes are tried for where only curves tell of a slowdown: services whose latency rose when it rose in all.

Curves do not say in which operation time is lost, nor who calls whom. What they say is by how much each service became
slower, and when. Callers become slower with those they call, but by a smaller share, since they do other work too; so
the service that slowed by the largest factor is the likeliest to have lost the time itself. A service that nobody
deployed (an entry, a proxy) cannot have been changed and comes after those that were.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...domain.citation import Citation, metric_citation
from ..base import Scene
from ..metrics.series import Series, series_of
from ..symptoms.front import Front
from ..symptoms.shifts import shifts
from ..symptoms.symptom import Symptom, symptoms_of
from ..timeline.change_point import median
from ..timeline.level_shift import without_daily_shape
from ..timeline.recordings import untraced_curves
from .slowdown import step_situation
from .trial import Change, Situation

# Below a tenth nobody feels it.
_MIN_FACTOR: Final = 1.1
_MIN_POINTS: Final = 5
# A tenth of the requests: of fewer, the time that the others take says more.
_FAILING_MORE: Final = 0.1
# Points of a week every five minutes, as the date of the shift is found from.
_MAX_POINTS: Final = 2016
# What else moved at the same time says which resource it is, if it is one; that it moved along proves less.
_MOVED_ALONG: Final = 0.8


def slower_curves(scene: Scene, known: Sequence[Change], services: frozenset[str]) -> Situation | None:
    """The situation as latency curves tell it; None where traces or logs tell more, or where no service slowed."""
    store = scene.store
    curves = untraced_curves(store)
    since_before = curves is not None and scene.windows.onset.start_ns <= curves.end_ns
    if not scene.windows.changed or not (since_before or not (store.count("spans") or store.count("logs"))):
        return None
    failing, factors = _failing(scene), _factors(scene)
    deployed = {rollout.service for change in known for rollout in change.rollouts}
    # Requests that fail say more than the time that others take.
    told = failing or factors
    first = sorted(told, key=lambda name: (name not in deployed, -told[name][0], name))
    if not first:
        return None
    symptoms = (*_symptoms("errors", scene, failing), *_symptoms("slow", scene, {} if failing else factors))
    front = Front(first[0], tuple(first[1:]), scene.windows.onset_ns)
    return step_situation(scene, known, services, (*symptoms, *_moved_along(scene, failing)), front)


def _symptoms(kind: str, scene: Scene, factors: Mapping[str, tuple[float, Series]]) -> list[Symptom]:
    """A symptom a service, those that changed most first, and weighed by how much they did."""
    greatest = max((math.log(factor) for factor, _ in factors.values()), default=0.0)
    return [
        Symptom(
            kind,
            name,
            weight=0.5 + 0.5 * math.log(factor) / greatest,
            texts=(series.name,),
            first_ns=scene.windows.onset_ns,
            said=False,
            citations=(_cite(series, scene.windows.onset_ns),),
        )
        for name, (factor, series) in sorted(factors.items(), key=lambda one: (-one[1][0], one[0]))
    ]


def _failing(scene: Scene) -> dict[str, tuple[float, Series]]:
    """Services of whose requests a tenth more fail since, by how many times as many do, beside as many as that."""
    found: dict[str, tuple[float, Series]] = {}
    for series in series_of(scene.store, frozenset({"errors"}), _MAX_POINTS):
        if max(series.values, default=0.0) > 1.0:
            continue  # counts, which rise with the requests
        before, after = series.sides(scene.windows.onset_ns)
        if min(len(before), len(after)) >= _MIN_POINTS and median(after) - median(before) >= _FAILING_MORE:
            factor = (median(after) + _FAILING_MORE) / (median(before) + _FAILING_MORE)
            found[series.service] = max(
                found.get(series.service, (0.0, series)), (factor, series), key=lambda one: one[0]
            )
    return found


def _factors(scene: Scene) -> dict[str, tuple[float, Series]]:
    """By which factor each service became slower: that of the middle one of its statistics (mean, quantiles).

    A mean is moved by a few stragglers, and a quantile of two kinds of requests jumps when their shares change; what
    most of them say together is neither.
    """
    found: dict[str, list[tuple[float, Series]]] = defaultdict(list)
    for series in series_of(scene.store, frozenset({"latency"}), _MAX_POINTS):
        flat = without_daily_shape(series)
        before, after = flat.sides(scene.windows.onset_ns)
        if min(len(before), len(after)) >= _MIN_POINTS and median(before) > 0 and median(after) > 0:
            found[series.service].append((median(after) / median(before), flat))
    middle = {name: sorted(each, key=lambda one: one[0])[len(each) // 2] for name, each in found.items()}
    return {name: one for name, one in middle.items() if one[0] >= _MIN_FACTOR}


def _cite(series: Series, onset_ns: int) -> Citation:
    return metric_citation(
        series.name, series.service, next(time_ns for time_ns in series.times_ns if time_ns >= onset_ns)
    )


def _moved_along(scene: Scene, failing: Mapping[str, tuple[float, Series]]) -> tuple[Symptom, ...]:
    """Symptoms of other kinds than slowness in the metrics: pools, queues, processors, calls that multiply."""
    return tuple(
        replace(symptom, weight=symptom.weight * _MOVED_ALONG)
        for symptom in symptoms_of((), shifts(scene))
        if symptom.kind != "slow" and not (symptom.kind == "errors" and failing)
    )
