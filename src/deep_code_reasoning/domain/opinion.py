"""What a specialist says of a case, after its claims were held against the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .asking import CodeRun, ToolUsed
from .call import Verification
from .claim import CheckedClaim
from .usage import Usage


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Something to do, and the places (from 1) of the causes that it follows from; empty: from none that stands."""

    action: str
    because_of: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sentence of a model's free text that names what the evidence does not show; `where` says in which text."""

    where: str
    sentence: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """One model's answer, checked.

    `claims` are in the model's order, the causes first. `recommendations` follow from no cause that was refuted;
    `withheld` counts those that did. `verdict` is what only a hypothesis test has: supported, refuted, inconclusive.
    `text` is what the model wrote last, as it came; in `summary` and recommendations the sentences of `doubts` are
    marked.
    """

    model: str
    resolved: str | None
    provider: str
    summary: str
    claims: tuple[CheckedClaim, ...]
    verification: Verification
    recommendations: tuple[Recommendation, ...] = ()
    withheld: int = 0
    open_questions: tuple[str, ...] = ()
    verdict: str | None = None
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal | None = None
    duration_s: float = 0.0
    repaired: bool = False
    tools_used: tuple[ToolUsed, ...] = ()
    code_runs: tuple[CodeRun, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def causes(self) -> tuple[CheckedClaim, ...]:
        """The explanations that stand, the surest first: what was refuted is not among them."""
        standing = [c for c in self.claims if c.claim.role == "cause" and c.verdict != "refuted"]
        return tuple(sorted(standing, key=lambda c: (c.verdict != "verified", -(c.confidence or 0.0))))

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON. What is not known is null."""
        return {
            "model": self.model,
            "model_resolved": self.resolved,
            "provider": self.provider,
            "summary": self.summary,
            "unverified_sentences": [
                {"in": doubt.where, "sentence": doubt.sentence, "reasons": list(doubt.reasons)} for doubt in self.doubts
            ],
            "verdict": self.verdict,
            "verification": verification_as_json(self.verification),
            "causes": [claim.as_json() for claim in self.causes],
            "claims": [c.as_json() for c in self.claims if c.claim.role != "cause" and c.verdict != "refuted"],
            "refuted": [claim.as_json() for claim in self.claims if claim.verdict == "refuted"],
            "recommendations": [
                {"action": each.action, "because_of": list(each.because_of)} for each in self.recommendations
            ],
            "withheld_recommendations": self.withheld,
            "open_questions": list(self.open_questions),
            "tools_used": [
                {"tool": used.name, "arguments": used.arguments, "failed": used.failed} for used in self.tools_used
            ],
            "code_runs": [{"code": run.code, "output": run.output} for run in self.code_runs],
            "repaired": self.repaired,
            "usage": usage_as_json(self.usage),
            "cost_usd": None if self.cost_usd is None else round(float(self.cost_usd), 9),
            "duration_s": round(self.duration_s, 3),
        }


def verification_as_json(verification: Verification) -> dict[str, Any]:
    """What a check gave, as plain data."""
    return {
        "result": verification.result,
        "citations_resolved": verification.citations_resolved,
        "citations_unresolved": verification.citations_unresolved,
    }


def usage_as_json(usage: Usage) -> Mapping[str, Any]:
    """Tokens as plain data; null where the provider said nothing."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "complete": usage.known,
    }


@dataclass(frozen=True, slots=True)
class Consulted:
    """What asking specialists came to: the opinion that held best (None: there is none), and in words what else is to
    be known: who gave no answer and why, what it took."""

    opinion: Opinion | None
    notes: tuple[str, ...] = ()
