"""Claims: what somebody says of a case, and what became of it when it was held against the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..errors import CitationError
from .citation import Citation
from .window import Window

# What a claim is for: `cause` explains the incident, `support` and `against` speak for or against an explanation,
# `step` is one step of an execution, `impact` an effect on a service, `hotspot` where time goes, `prediction` what a
# hypothesis leads one to expect.
ClaimRole: TypeAlias = Literal["cause", "support", "against", "step", "impact", "hotspot", "prediction"]
# `verified`: what it cites is there, and nothing speaks against it. `unverified`: it cannot be checked, or not all of
# it holds. `refuted`: the evidence says otherwise.
ClaimVerdict: TypeAlias = Literal["verified", "unverified", "refuted"]


@dataclass(frozen=True, slots=True)
class Proof:
    """A row, a line of code or an experiment that is named as proof; `quote` is text that has to stand in it."""

    citation: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is claimed, and the query over the case that gives it; without a query nothing proves it."""

    name: str
    value: float
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim as it was made. None: the claim says nothing of it.

    `change` is the citation of a change that is blamed. `errors_in` is a stretch of time in which the service is said
    to have failed. `confidence` (0..1) is what whoever claims it gave. `details` is what only one kind of claim has.
    """

    role: ClaimRole
    statement: str
    service: str | None = None
    mechanism: str | None = None
    change: str | None = None
    errors_in: Window | None = None
    confidence: float | None = None
    proofs: tuple[Proof, ...] = ()
    figures: tuple[Figure, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim, held against the evidence.

    `confidence` is what is left of it after the check; None when none was given. `resolved` are the citations that
    stand for rows of the case, `unresolved` those that do not. `reasons` says what failed, and why a claim was refuted.
    """

    claim: Claim
    verdict: ClaimVerdict
    confidence: float | None
    resolved: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON; what is not known is null."""
        claim = self.claim
        return {
            "role": claim.role,
            "statement": claim.statement,
            "service": claim.service,
            "mechanism": claim.mechanism,
            "change": claim.change,
            "errors_in": claim.errors_in.as_text() if claim.errors_in else None,
            "verdict": self.verdict,
            "confidence": None if self.confidence is None else round(self.confidence, 3),
            "claimed_confidence": claim.confidence,
            "citations": list(self.resolved),
            "unresolved_citations": list(self.unresolved),
            "figures": [{"name": figure.name, "value": figure.value, "sql": figure.sql} for figure in claim.figures],
            "reasons": list(self.reasons),
            **{name: value for name, value in claim.details.items() if value is not None},
        }


def citation_or_none(text: str) -> Citation | None:
    """A citation as it is written; None when it is none."""
    try:
        return Citation.parse(text)
    except CitationError:
        return None


def claim_from_json(content: Mapping[str, Any]) -> Claim:
    """Read what `dataclasses.asdict` made of a claim.

    Raises:
        KeyError, TypeError: when it is something else.
    """
    window = content["errors_in"]
    return Claim(
        **{
            **content,
            "errors_in": Window(**window) if window else None,
            "proofs": tuple(Proof(**proof) for proof in content["proofs"]),
            "figures": tuple(Figure(**figure) for figure in content["figures"]),
        }
    )
