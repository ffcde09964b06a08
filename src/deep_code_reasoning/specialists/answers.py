"""What a model answers with. These types are what it sees (as JSON schema), so their words are written for it.

The only module of this room, beside the tools' arguments, that knows pydantic; it is imported when a model is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..domain.claim import Claim, ClaimRole, Figure, Proof
from ..domain.instant import parse_instant
from ..domain.window import Window

Confidence = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ProofAnswer(_Part):
    """One thing that proves a claim."""

    citation: str = Field(
        description="An id exactly as the evidence shows it: span:TRACE/SPAN, log:SOURCE@LINE, "
        "metric:NAME{SERVICE}@TIME, commit:REPO@SHA, deploy:ID, flag:ID, notice:ID, code:REPO/PATH#LINE, "
        "or experiment:N of one that you ran."
    )
    quote: str = Field("", description="Words that stand in it, verbatim; leave empty when there are none to quote.")


class FigureAnswer(_Part):
    """A number that you claim."""

    name: str = Field(description="What it is, with its unit.")
    value: float
    sql: str = Field(
        "", description="One SELECT over the case whose single cell is this number. Without it nothing proves it."
    )


class ClaimAnswer(_Part):
    """A claim, to be checked against the evidence."""

    role: ClassVar[ClaimRole] = "support"

    statement: str = Field(description="One or two sentences.")
    service: str | None = Field(None, description="The service it is about, as the evidence spells it.")
    proofs: list[ProofAnswer] = Field(default_factory=list)
    figures: list[FigureAnswer] = Field(default_factory=list)
    errors_from: str | None = Field(None, description="ISO 8601: when you claim that the service failed, from here ...")
    errors_to: str | None = Field(None, description="... to here.")
    confidence: Confidence | None = Field(None, description="How sure you are; null when you cannot say.")

    def as_claim(self) -> Claim:
        """The claim as we keep it."""
        return Claim(
            role=self._role(),
            statement=self.statement,
            service=self.service or None,
            mechanism=getattr(self, "mechanism", None) or None,
            change=getattr(self, "change", None) or None,
            errors_in=_window(self.errors_from, self.errors_to),
            confidence=self.confidence,
            proofs=tuple(Proof(proof.citation.strip(), proof.quote.strip()) for proof in self.proofs),
            figures=tuple(Figure(figure.name, figure.value, figure.sql) for figure in self.figures),
            details=self._details(),
        )

    def _role(self) -> ClaimRole:
        return self.role

    def _details(self) -> dict[str, Any]:
        """The fields that only this kind of claim has."""
        return {}


class CauseAnswer(ClaimAnswer):
    """An explanation of the incident."""

    role: ClassVar[ClaimRole] = "cause"

    mechanism: str | None = Field(
        None, description="How it broke, as one of the mechanisms listed in the instructions."
    )
    change: str | None = Field(
        None, description="The citation of the commit, deploy or flag that did it; null when no change explains it."
    )


class PointAnswer(ClaimAnswer):
    """Something that speaks for or against an explanation."""

    speaks: Literal["for", "against"] = "for"

    def _role(self) -> ClaimRole:
        return "support" if self.speaks == "for" else "against"


class RecommendationAnswer(_Part):
    """Something to do."""

    action: str
    because_of: list[int] = Field(
        default_factory=list, description="Which causes it follows from, by their place in your list, from 1."
    )


class Answer(_Part):
    """Your answer. Only what the evidence shows; what you do not know is null or left out."""

    summary: str = Field(description="The answer to the question in at most five sentences.")
    causes: list[CauseAnswer] = Field(
        default_factory=list, description="The most likely first. Empty when the evidence does not explain it."
    )
    points: list[PointAnswer] = Field(default_factory=list)
    recommendations: list[RecommendationAnswer] = Field(default_factory=list)
    open_questions: list[str] = Field(
        default_factory=list, description="What would have to be known to be sure, and where it could be found."
    )

    def claims(self) -> tuple[Claim, ...]:
        """All claims, the causes first."""
        return tuple(answer.as_claim() for answer in self._answers())

    def _answers(self) -> Iterator[ClaimAnswer]:
        yield from self.causes
        yield from self.points


class StepAnswer(ClaimAnswer):
    """One step of the execution, in order."""

    role: ClassVar[ClaimRole] = "step"

    where: str = Field(description="code:REPO/PATH#LINE, or the span's citation, of this step.")
    data: str | None = Field(None, description="What flows here, when data flow was asked for.")
    diverges: bool = Field(False, description="Whether what happens here is not what the code means to do.")

    def _details(self) -> dict[str, Any]:
        return {"where": self.where, "data": self.data, "diverges": self.diverges}

    def as_claim(self) -> Claim:
        """The claim; where it happens is part of what is to be proven."""
        claim = super().as_claim()
        known = {proof.citation for proof in claim.proofs}
        return claim if self.where in known else replace(claim, proofs=(Proof(self.where), *claim.proofs))


class ExecutionTraceAnswer(Answer):
    """Your answer: what ran, step by step, and where it went wrong."""

    steps: list[StepAnswer] = Field(default_factory=list)

    def _answers(self) -> Iterator[ClaimAnswer]:
        yield from super()._answers()
        yield from self.steps


class ImpactAnswer(ClaimAnswer):
    """An effect on one service."""

    role: ClassVar[ClaimRole] = "impact"

    kind: Literal["breaking", "performance", "behavioral"]

    def _details(self) -> dict[str, Any]:
        return {"kind": self.kind}


class CrossSystemAnswer(Answer):
    """Your answer: what reaches from where to where."""

    impacts: list[ImpactAnswer] = Field(default_factory=list)

    def _answers(self) -> Iterator[ClaimAnswer]:
        yield from super()._answers()
        yield from self.impacts


class HotspotAnswer(ClaimAnswer):
    """A place where time or a resource goes."""

    role: ClassVar[ClaimRole] = "hotspot"

    where: str | None = Field(None, description="The operation, or code:REPO/PATH#LINE.")
    growth: str | None = Field(
        None, description="How its cost grows, such as O(n); only when code or figures show it, else null."
    )

    def _details(self) -> dict[str, Any]:
        # A complexity that nothing proves is invented: it is kept only beside a proof or a figure.
        proven = self.proofs or any(figure.sql for figure in self.figures)
        return {"where": self.where, "growth": self.growth if proven else None}


class PerformanceAnswer(Answer):
    """Your answer: where the time goes, and why it became more."""

    hotspots: list[HotspotAnswer] = Field(default_factory=list)

    def _answers(self) -> Iterator[ClaimAnswer]:
        yield from super()._answers()
        yield from self.hotspots


class PredictionAnswer(ClaimAnswer):
    """Something that must be so if the hypothesis is right, and what you found when you looked."""

    role: ClassVar[ClaimRole] = "prediction"

    outcome: Literal["holds", "fails", "unknown"] = Field(description="What the evidence or the experiment says of it.")

    def _details(self) -> dict[str, Any]:
        return {"outcome": self.outcome}


class HypothesisTestAnswer(Answer):
    """Your answer: whether the hypothesis survives its tests."""

    verdict: Literal["supported", "refuted", "inconclusive"]
    predictions: list[PredictionAnswer] = Field(default_factory=list)

    def _answers(self) -> Iterator[ClaimAnswer]:
        yield from super()._answers()
        yield from self.predictions


def _window(start: str | None, end: str | None) -> Window | None:
    start_ns, end_ns = parse_instant(start or ""), parse_instant(end or "")
    return Window(start_ns, end_ns) if start_ns is not None and end_ns is not None and start_ns < end_ns else None


class ComparisonAnswer(_Part):
    """Your judgement: which of two explanations the evidence bears out better."""

    better: Literal["first", "second", "neither"]
    because: str = Field(description="What in the tests decides it, in one or two sentences.")
