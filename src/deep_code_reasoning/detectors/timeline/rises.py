"""What became more frequent: rows that count outcomes in steps of time, with the change that each shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...store import Row
from .change_point import OutcomeChange, outcome_change, probability
from .time_steps import TimeSteps


@dataclass(frozen=True, slots=True)
class Rise:
    """A row whose outcome became more frequent: how, how surely, and since when."""

    row: Row
    change: OutcomeChange
    probability: float
    since_ns: int


def rises(rows: Sequence[Row], steps: TimeSteps, min_probability: float, looked_at: int = 1) -> list[Rise]:
    """The rows whose outcomes rose, in their order.

    Args:
        rows: each with `steps`, an array of (step, trials, outcomes).
        steps: what the steps are of.
        min_probability: how sure a rise must be.
        looked_at: one in so many was expected to show one.
    """
    found = []
    for row in rows:
        change = outcome_change(
            steps.spread((step, outcomes) for step, _, outcomes in row["steps"]),
            steps.spread((step, trials) for step, trials, _ in row["steps"]),
        )
        chance = probability(change.log_evidence, looked_at) if change is not None else 0.0
        if change is not None and chance >= min_probability:
            found.append(Rise(row, change, chance, steps.start_of(change.index)))
    return found
