"""Ranked explanations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .citation import Citation
from .finding import Finding

Remediation: TypeAlias = Literal["rollback", "roll-forward", "config-revert", "scale", "feature-flag-disable"]


@dataclass(frozen=True, slots=True)
class ChangeRef:
    """The change that did it: a commit, a deploy or a flag."""

    kind: str
    id: str
    repo: str | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A service and a mechanism that may be the cause, before changes are weighed: what localisation yields.

    `score` orders suspects (higher first); it is no probability. `findings` are those it rests on,
    the strongest first. `victims` are the services whose trouble it explains.
    """

    service: str
    mechanism: str
    score: float
    findings: tuple[Finding, ...]
    operation: str | None = None
    resource: str | None = None
    code_region: str | None = None
    first_failing_service: str | None = None
    victims: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """A ranked explanation: findings joined along the service graph, with a mechanism, a service, maybe a change.

    `change` is None when no change explains it; `against` holds what speaks against this explanation, in words;
    `next_checks` what would settle the remaining doubt. An absent thing is None, never a guess.
    """

    rank: int
    mechanism: str
    service: str
    confidence: float
    summary: str
    operation: str | None = None
    resource: str | None = None
    code_region: str | None = None
    change: ChangeRef | None = None
    first_failing_service: str | None = None
    blast_radius: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    remediation: Remediation | None = None
    citations: tuple[Citation, ...] = ()
    against: tuple[str, ...] = ()
    next_checks: tuple[str, ...] = ()
