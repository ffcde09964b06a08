"""Routing decisions, kept so that each can be explained, and another policy judged by them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Row, insert, select

from ..domain.routing_decision import Candidate, RoutingDecision
from ..errors import UsageError
from .database import Database
from .owner import new_id
from .schema import ROUTING_DECISIONS

# Propensities are probabilities over the candidates; floating point may miss 1 by this much.
_TOLERANCE: Final = 1e-6


class RoutingDecisions:
    """The table of routing decisions."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def new_id(self) -> str:
        """An id for a decision."""
        return new_id("routing", self._clock())

    def record(self, decision: RoutingDecision) -> None:
        """Keep a decision.

        Raises:
            UsageError: when its propensities are no probabilities, or what was chosen is no candidate with a chance:
                such a record could not be used to judge another policy.
        """
        _check(decision)
        values = {
            "id": decision.id,
            "escalation_id": decision.escalation_id,
            "step": decision.step,
            "policy": decision.policy,
            "seed": None if decision.seed is None else str(decision.seed),
            "candidates": [
                {"model": c.model, "propensity": c.propensity, "facts": dict(c.facts)} for c in decision.candidates
            ],
            "chosen": decision.chosen,
            "explanation": dict(decision.explanation),
            "decided_ns": decision.decided_ns,
        }
        self._database.write(lambda connection: connection.execute(insert(ROUTING_DECISIONS).values(values)))

    def of_escalation(self, escalation_id: str) -> tuple[RoutingDecision, ...]:
        """The decisions of an escalation, in the order of their steps."""
        table = ROUTING_DECISIONS.c
        query = (
            select(ROUTING_DECISIONS)
            .where(table.escalation_id == escalation_id)
            .order_by(table.step, table.decided_ns, table.id)
        )
        return self._database.read(lambda connection: tuple(map(_as_decision, connection.execute(query))))


def _check(decision: RoutingDecision) -> None:
    chances = {candidate.model: candidate.propensity for candidate in decision.candidates}
    if not all(0 <= chance <= 1 for chance in chances.values()):
        raise UsageError("a propensity is a probability between 0 and 1")
    if decision.chosen is None:
        return
    if not math.isclose(sum(chances.values()), 1, abs_tol=_TOLERANCE):
        raise UsageError(f"the propensities of the candidates sum to {sum(chances.values()):.6f}, not to 1")
    if not chances.get(decision.chosen):
        raise UsageError(f"'{decision.chosen}' was chosen, but was no candidate with a chance")


def _as_decision(row: Row[Any]) -> RoutingDecision:
    return RoutingDecision(
        id=row.id,
        escalation_id=row.escalation_id,
        policy=row.policy,
        step=row.step,
        candidates=tuple(Candidate(**candidate) for candidate in row.candidates),
        chosen=row.chosen,
        decided_ns=row.decided_ns,
        seed=None if row.seed is None else int(row.seed),
        explanation=row.explanation,
    )
