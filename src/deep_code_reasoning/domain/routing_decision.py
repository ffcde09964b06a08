"""Which model was asked and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that could have been asked. `propensity` is the probability (0..1) with which the policy chose it."""

    model: str
    propensity: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """One step of routing. `step` counts from 0 and goes up with each climb; `chosen` is None when nobody was asked.

    `policy` names the policy and its version, `seed` what its randomness was drawn from.
    """

    id: str
    policy: str
    step: int
    candidates: tuple[Candidate, ...]
    chosen: str | None
    decided_ns: int
    seed: int | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)
    escalation_id: str | None = None
