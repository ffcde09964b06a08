"""The cause that a convicted change is: what it did as that was seen, where the trouble began, whom it reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..detectors.base import Scene
from ..detectors.runner import kind_of
from ..detectors.symptoms.front import Front, within_reach
from ..detectors.symptoms.trouble import trouble
from ..domain.cause import Cause, ChangeRef, Suspect
from ..domain.conviction import Conviction
from ..domain.finding import Finding
from .explaining import explains
from .remedy import next_checks, remediation
from .witnesses import is_of_its_deploy

# A suspect that is as strong as that beside the first is what a change may have brought.
_JOINS: Final = 0.5
# What every service that passes a trouble on shows, whoever has it.
_ANYONES: Final = frozenset({"exception", "wrong_result", "latency_regression", "timeout_budget", "configuration"})


def cause_of_change(
    scene: Scene,
    change: Conviction,
    seen: Finding | None,
    outside: Finding | None,
    suspects: Sequence[Suspect],
    findings: Sequence[Finding],
) -> Cause:
    """The cause that a change is, with what it did as that was seen."""
    work = _work_of(change, seen, suspects)
    front = _front_of(change, scene, work.service)
    if seen is not None and is_of_its_deploy(change, seen):
        change = replace(change, confidence=max(change.confidence, seen.confidence))
    elif change.eliminated and not work.service:
        shown = _shown_at(front.first or change.service, suspects)
        work = replace(work, mechanism=shown or work.mechanism)
    return _cause(change, work, front, findings, outside)


def _front_of(change: Conviction, scene: Scene, place: str) -> Front:
    """Where the trouble began: as measured, where the change was tried for what was measured; else `place`, if any."""
    if change.measured:
        first = place or change.service
        victims = tuple(name for name in (change.service, *change.victims) if name != first)
        return Front(first, victims, scene.windows.onset_ns)
    front = trouble(scene).front
    if not place and not within_reach(front.first, change.deployed_to or "", scene.graph):
        place = change.service
    if place in ("", front.first):
        return front
    return replace(front, first=place, victims=tuple(name for name in front.failing if name != place))


@dataclass(frozen=True, slots=True)
class _Work:
    """What a change did as it was seen: the mechanism, in which service, who failed of it first ('' where unknown)."""

    mechanism: str
    service: str = ""
    first_failing: str = ""


def _work_of(change: Conviction, seen: Finding | None, suspects: Sequence[Suspect]) -> _Work:
    """What of all that is suspected is the work of a change.

    What was seen at work may be anything that it can bring, and tells more than what any trouble looks like. What
    errors and measurements tell is the very mechanism that it is blamed for, unless any trouble looks like that
    (`_ANYONES`): every service that passes it on has some.
    """
    if seen is not None and is_of_its_deploy(change, seen):
        return _Work(seen.mechanism, seen.service)
    if seen is not None and seen.service == change.deployed_to:
        # What a service says of itself is what the change did there, slower requests a side effect or another one.
        said = seen.area == "logs"
        any_trouble = change.mechanism in _ANYONES and (said or explains(seen.mechanism, change.mechanism))
        # It was held against what another service shows, and less surely.
        of_another = change.service != seen.service and change.confidence < seen.confidence
        if any_trouble or of_another:
            return _Work(seen.mechanism, seen.service)
    if change.measured:
        return _Work(change.mechanism, change.service)
    can_bring = {change.mechanism, *change.can_bring}
    for suspect in suspects:
        direct = kind_of(suspect.findings[0]).shows_mechanism and suspect.score >= _JOINS * suspects[0].score
        # That a setting is wrong says nothing of what comes of it; what its own service runs short of does.
        shown_there = suspect.service == change.deployed_to and suspect.mechanism not in _ANYONES
        if direct and (suspect.mechanism in can_bring or (change.mechanism == "configuration" and shown_there)):
            # A pool that ran full is what locks in a circle come to, and no other thing that the change did.
            further = explains(change.mechanism, suspect.mechanism)
            mechanism = change.mechanism if further else suspect.mechanism
            return _Work(mechanism, suspect.service, suspect.first_failing_service or "")
    if seen is not None and seen.mechanism == change.mechanism:
        return _Work(change.mechanism, seen.service)
    told = (s.service for s in suspects if s.mechanism == change.mechanism and s.mechanism not in _ANYONES)
    return _Work(change.mechanism, next(told, ""))


def _shown_at(service: str, suspects: Sequence[Suspect]) -> str:
    """What a service shows beside errors, '' if nothing: that no other change can have done it does not tell how."""
    return next((s.mechanism for s in suspects if s.service == service and s.mechanism != "exception"), "")


def _cause(
    change: Conviction, work: _Work, front: Front, findings: Sequence[Finding], outside: Finding | None
) -> Cause:
    reference = ChangeRef(change.change[0], change.change[1], _repo(change)) if change.change else None
    others = [f for f in findings if isinstance(f, Conviction) and f is not change]
    against = [f"acquitted: {line}" for line in change.acquitted]
    against += [f"{f.change[1][:12]} could have done it too, with less to show for it" for f in others if f.change][:2]
    if outside is not None:
        against.append(f"{outside.summary}, but this explains less")
    first = work.first_failing or front.first or change.service
    if change.deployed_to and front.began_first(change.deployed_to, first):
        first = change.deployed_to  # it failed before those whom it asks for more, or meets at a lock
    return Cause(
        rank=1,
        mechanism=work.mechanism,
        service=work.service or _home(change, front) or change.service,
        confidence=round(change.confidence, 4),
        summary=change.summary,
        resource=change.resource,
        code_region=change.code_region,
        change=reference,
        first_failing_service=first,
        blast_radius=tuple(name for name in front.failing if name != first),
        remediation=remediation(work.mechanism, change),
        citations=change.citations,
        against=tuple(against),
        next_checks=next_checks(work.mechanism, change),
    )


def _home(change: Conviction, front: Front) -> str:
    """The service of a convicted change: the one that runs it, where it can be told; else who failed of it first."""
    return change.deployed_to if change.deployed_to and change.effect is not None else front.first


def _repo(change: Conviction) -> str | None:
    return next((c.ref.rsplit("@", 1)[0] for c in change.citations if c.kind == "commit"), "") or None
