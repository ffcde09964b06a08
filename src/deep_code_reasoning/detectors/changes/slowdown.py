"""Requests that became slower between two recordings, or within one, as something that changes can be tried for.

Where the traces of before and of after say what requests lose and in which operation (`contrast/losses.py`), that is
the symptom, in the words of the spans themselves: names of operations, statements, routes, functions. It says more
than any metric that moved along, and stands alone. Because it is a step that came with a deploy, few changes can have
made it, and their scores become probabilities: each one's share of all, with a share for no change at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..base import Scene
from ..contrast.deploys import are_served, fail_more
from ..contrast.losses import Loss, example_of, losses_between, sure_losses, told_by
from ..symptoms.front import Front
from ..symptoms.symptom import Symptom
from ..timeline.recordings import hole_in_traces
from ..vocabulary.words import telling_words
from .diff import numbered_lines
from .paths import NEVER_RUNS, file_kind
from .trial import Change, Situation, Verdict, deployed

# How much speaks for no change that is known: as much as for one that went live in time at the right service, without
# anything in its diff that is known to produce what is seen.
_NO_CHANGE: Final = 0.15
# A change that shares its likelihood with others is told where it is so much likelier than that none did it.
_OUTSHINES: Final = 2.0
# What a diff can do to a process that its spans show as nothing but time: there the diff names the mechanism.
_HIDDEN: Final = frozenset(
    "connection_pool_exhausted thread_pool_exhausted lock_contention deadlock cpu_saturation memory_saturation".split()
)
# Curves do not show calls that multiply either.
_HIDDEN_FROM_CURVES: Final = _HIDDEN | {"n_plus_one", "cache_stampede"}


def slowdown(scene: Scene, known: Sequence[Change], services: frozenset[str]) -> Situation | None:
    """What changes are tried for where traces tell of before and after; None where they do not, or nothing is slower.

    In one recording the onset parts them. As long as nothing else is wrong: of requests that fail, the error says more
    than their time.
    """
    hole = hole_in_traces(scene.store)
    if hole is not None and fail_more(scene.store, hole.end_ns):
        return None
    if hole is not None:
        since_ns = hole.end_ns
        losses = losses_between(scene.store, since_ns)
    elif scene.windows.changed and are_served(scene.store, scene.windows.onset_ns):
        since_ns = scene.windows.onset_ns
        losses = sure_losses(scene.store, since_ns)
    else:
        return None
    if not losses:
        return None
    symptoms = tuple(_symptom(scene, loss, losses[0], since_ns) for loss in losses)
    first = losses[0].blamed
    victims = tuple(name for name in scene.graph.upstream(first) if name != first)
    return step_situation(scene, known, services, symptoms, Front(first, victims, scene.windows.onset_ns))


def step_situation(
    scene: Scene, known: Sequence[Change], services: frozenset[str], symptoms: tuple[Symptom, ...], front: Front
) -> Situation:
    """What changes are tried against where the onset was a step that took effect with a deploy."""
    return Situation(
        symptoms,
        front,
        scene.graph,
        scene.windows.onset_ns,
        services,
        deployed(known),
        began=scene.windows.onset,
        latest_ns=scene.windows.onset.end_ns,
        until_ns=scene.windows.incident.end_ns,
    )


def _symptom(scene: Scene, loss: Loss, greatest: Loss, since_ns: int) -> Symptom:
    examples = example_of(scene.store, loss, since_ns)
    return Symptom(
        _kind(loss),
        loss.blamed,
        weight=loss.surely_lost_ms / greatest.surely_lost_ms,
        texts=(loss.operation, *told_by(examples), *loss.callers),
        first_ns=scene.windows.onset_ns,
        citations=tuple(citation for citation, _ in examples),
    )


def _kind(loss: Loss) -> str:
    if loss.multiplied:
        return "fanout"
    if loss.deadline is not None:
        return "late_timeout"
    return "slow_outside" if loss.is_outside else "slow"


def share_out(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Verdicts with probabilities for scores, and with the mechanism that was seen."""
    total = _NO_CHANGE**2 + sum(verdict.score**2 for verdict in verdicts)
    none = _NO_CHANGE**2 / total
    return tuple(
        replace(
            verdict,
            score=round(verdict.score**2 / total, 4),
            mechanism=_mechanism(verdict),
            outshines_none=verdict.score**2 / total >= _OUTSHINES * none,
            below_none=verdict.score < _NO_CHANGE,
        )
        for verdict in verdicts
    )


def _mechanism(verdict: Verdict) -> str:
    if verdict.symptom is not None and verdict.symptom.kind == "fanout":
        return "n_plus_one"
    if verdict.symptom is not None and verdict.symptom.kind == "errors":
        return verdict.mechanism  # nothing is slower
    waits = verdict.effect is not None and verdict.effect.kind.startswith("timeout_")
    hidden = _HIDDEN if verdict.symptom is None or verdict.symptom.said else _HIDDEN_FROM_CURVES
    return verdict.mechanism if verdict.mechanism in hidden and not waits else "latency_regression"


def telling_line(verdict: Verdict) -> tuple[str, int, str] | None:
    """The line of a diff that does it, as far as names tell: its file, its number, its text."""
    effect, symptom = verdict.effect, verdict.symptom
    lines = [line for line in numbered_lines(verdict.change.diff) if line[2] and file_kind(line[0]) not in NEVER_RUNS]
    subjects = effect.subjects if effect is not None else ()
    spoken = symptom.words if symptom is not None else frozenset()

    def weight(line: tuple[str, int, str]) -> tuple[int, int]:
        named = sum(subject in line[2] for subject in subjects) + (effect is not None and effect.path == line[0])
        return named, len(telling_words([line[2]]) & spoken)

    return max(lines, key=weight, default=None)


def bisect_step(verdicts: Sequence[Verdict]) -> str | None:
    """Where to cut the candidates, in the order in which they were committed, to learn most; None when one is sure."""
    held = sorted((v for v in verdicts if v.score > 0.02), key=lambda v: (v.change.time_ns, v.change.sha))
    if len(held) < 2 or held[-1].score > _SURE or max(v.score for v in held) > _SURE:
        return None
    total, best, passed = sum(v.score for v in held), held[0], 0.0
    nearest = 1.0
    for verdict in held[:-1]:
        passed += verdict.score / total
        if abs(passed - 0.5) < nearest:
            nearest, best = abs(passed - 0.5), verdict
    where = best.rollout.service if best.rollout else best.change.repo
    return (
        f"run one instance of {where} as of {best.change.label} and compare: it halves what {len(held)} changes share"
    )


# From here on one more measurement would only confirm.
_SURE: Final = 0.8
