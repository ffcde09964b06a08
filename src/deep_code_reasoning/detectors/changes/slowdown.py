"""Requests that became slower between two recordings, as something that changes can be tried for.

Where the traces of before and of after say what requests lose and in which operation (`traces/lost_time.py`), that is
the symptom, in the words of the spans themselves: names of operations, statements, routes, functions. It says more
than any metric that moved along, and stands alone.
"""

from __future__ import annotations

from ..base import Scene
from ..symptoms.front import Front
from ..symptoms.symptom import Symptom
from ..timeline.recordings import hole_in_traces
from ..traces.lost_time import Loss, example_of, losses_between, told_by
from .trial import Change, Situation


def slowdown(scene: Scene, known: tuple[Change, ...], services: frozenset[str]) -> Situation | None:
    """What changes are tried for where traces were recorded before and after; None where they were not."""
    hole = hole_in_traces(scene.store)
    losses = losses_between(scene.store, hole.end_ns) if hole is not None else []
    if hole is None or not losses:
        return None
    symptoms = tuple(_symptom(scene, loss, losses[0], hole.end_ns) for loss in losses)
    first = losses[0].service
    victims = tuple(name for name in scene.graph.upstream(first) if name != first)
    return Situation(
        symptoms,
        Front(first, victims, scene.windows.onset_ns),
        scene.graph,
        scene.windows.onset_ns,
        services,
        any(change.rollouts for change in known),
        scene.windows.onset,
    )


def _symptom(scene: Scene, loss: Loss, greatest: Loss, since_ns: int) -> Symptom:
    examples = example_of(scene.store, loss, since_ns)
    return Symptom(
        "fanout" if loss.multiplied else "slow",
        loss.service,
        weight=loss.lost_ms / greatest.lost_ms,
        texts=(loss.operation, *told_by(examples), *loss.callers),
        first_ns=scene.windows.onset_ns,
        citations=tuple(citation for citation, _ in examples),
    )

