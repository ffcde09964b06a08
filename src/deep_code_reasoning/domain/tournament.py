"""Hypotheses that compete to explain a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

TournamentState: TypeAlias = Literal["running", "finished", "expired"]
HypothesisState: TypeAlias = Literal["open", "eliminated", "survived", "crowned"]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One hypothesis. `ordinal` counts from 1; `origin` says where it came from (a finding, a model).

    `tests` holds what each test of it gave, in the order of the tests; `score` is None until one was made.
    """

    tournament_id: str
    ordinal: int
    statement: str
    origin: str
    state: HypothesisState = "open"
    score: float | None = None
    tests: tuple[Mapping[str, Any], ...] = ()
    updated_ns: int = 0


@dataclass(frozen=True, slots=True)
class Tournament:
    """A tournament as it stands. `round` is the last one that was finished (0: none); `winner` an ordinal or None."""

    id: str
    issue: str
    state: TournamentState
    config: Mapping[str, Any] = field(default_factory=dict)
    round: int = 0
    winner: int | None = None
    created_ns: int = 0
    updated_ns: int = 0
    expires_ns: int = 0
    escalation_id: str | None = None
    case_id: str | None = None
