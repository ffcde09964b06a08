"""What changes are tried for where only curves tell of a slowdown: services whose latency rose when it rose in all.

Curves do not say in which operation time is lost, nor who calls whom. What they say is by how much each service became
slower, and when. Callers become slower with those they call, but by a smaller share, since they do other work too; so
the service that slowed by the largest factor is the likeliest to have lost the time itself. A service that nobody
deployed (an entry, a proxy) cannot have been changed and comes after those that were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...domain.citation import Citation
from ..base import Scene
from ..series.moved import Moves, failing_more, greater, slowed
from ..series.series import Series
from ..symptoms.front import Front
from ..symptoms.shifts import shifts
from ..symptoms.symptom import Symptom, symptoms_of
from ..timeline.recordings import untraced_curves
from .slowdown import step_situation
from .trial import Change, Situation

# What else moved at the same time says which resource it is, if it is one; that it moved along proves less.
_MOVED_ALONG: Final = 0.8


def slower_curves(scene: Scene, known: Sequence[Change], services: frozenset[str]) -> Situation | None:
    """The situation as latency curves tell it; None where traces or logs tell more, or where no service slowed."""
    store = scene.store
    curves = untraced_curves(store)
    since_before = curves is not None and scene.windows.onset.start_ns <= curves.end_ns
    if not scene.windows.changed or not (since_before or not (store.count("spans") or store.count("logs"))):
        return None
    failing, factors = failing_more(scene), slowed(scene)
    deployed = {rollout.service for change in known for rollout in change.rollouts}
    if len(failing) > 1:
        factors = {}  # requests that fail say more than the time that others take, where failures are passed on
    told = greater(failing, factors)
    first = sorted(told, key=lambda name: (name not in deployed, -told[name], name))
    if not first:
        return None
    greatest = max(told.values())
    symptoms = (*_symptoms("errors", scene, failing, greatest), *_symptoms("slow", scene, factors, greatest))
    front = Front(first[0], tuple(first[1:]), scene.windows.onset_ns)
    return step_situation(scene, known, services, (*symptoms, *_moved_along(scene, failing)), front)


def _symptoms(kind: str, scene: Scene, factors: Moves, greatest: float) -> list[Symptom]:
    """A symptom a service, those that changed most first, and weighed by how much they did beside the `greatest`."""
    return [
        Symptom(
            kind,
            name,
            weight=0.5 + 0.5 * math.log(factor) / math.log(greatest),
            texts=(series.name,),
            first_ns=scene.windows.onset_ns,
            said=False,
            citations=(_cite(series, scene.windows.onset_ns),),
        )
        for name, (factor, series) in sorted(factors.items(), key=lambda one: (-one[1][0], one[0]))
    ]


def _cite(series: Series, onset_ns: int) -> Citation:
    return series.cite(next(place for place, time_ns in enumerate(series.times_ns) if time_ns >= onset_ns))


def _moved_along(scene: Scene, failing: Moves) -> tuple[Symptom, ...]:
    """Symptoms of other kinds than slowness in the metrics: pools, queues, processors, calls that multiply."""
    return tuple(
        replace(symptom, weight=symptom.weight * _MOVED_ALONG)
        for symptom in symptoms_of((), shifts(scene))
        if symptom.kind != "slow" and not (symptom.kind == "errors" and failing)
    )
