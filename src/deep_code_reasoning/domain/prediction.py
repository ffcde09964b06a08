"""What must be seen if a hypothesis is right, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

# `holds` and `fails` are said only of what could have come out the other way; else it is `unknown`.
PredictionOutcome: TypeAlias = Literal["holds", "fails", "unknown"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One test of a hypothesis. `fatal`: when it fails, the hypothesis is refuted, whatever else holds.

    `weight` is what it counts beside others; `by` says who looked: the evidence, or a model (then it counts only as
    far as its proofs were found).
    """

    name: str
    outcome: PredictionOutcome
    detail: str
    citations: tuple[str, ...] = ()
    fatal: bool = False
    weight: float = 1.0
    by: str = "evidence"

    @property
    def refutes(self) -> bool:
        """Whether the hypothesis cannot stand any more."""
        return self.fatal and self.outcome == "fails"

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "detail": self.detail,
            "citations": list(self.citations),
            "fatal": self.fatal,
            "weight": self.weight,
            "by": self.by,
        }


def prediction_from_json(content: Any) -> Prediction:
    """Read what `as_json` wrote."""
    return Prediction(**{**content, "citations": tuple(content["citations"])})
