"""What a specialist says beside the analysers, point by point; the written forms only dress it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..domain.claim import CheckedClaim
from ..domain.opinion import Consulted
from .outline import MAX_CITATIONS

# A summary is five sentences; of a longer one so many characters are shown, and it is said.
MAX_SUMMARY: Final = 1_200
_RESULTS: Final = {
    "verified": "all of it was found in the evidence",
    "partly": "part of it was found in the evidence",
    "unverified": "none of it could be shown in the evidence",
    "refuted": "the evidence speaks against it",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that is said. `label` says what it is: verified, unverified, refuted, do, open, note."""

    label: str
    text: str
    citations: tuple[str, ...] = ()


def heading(consulted: Consulted) -> str:
    """Who was asked, and how far the answer holds."""
    opinion = consulted.opinion
    if opinion is None:
        return "No specialist's answer"
    return f"Specialist {opinion.model}: {_RESULTS[opinion.verification.result]}"


def points(consulted: Consulted) -> list[Point]:
    """The explanations that stand, the other claims, what was refuted, advice, open questions, notes."""
    said = []
    opinion = consulted.opinion
    if opinion is not None:
        rest = [c for c in opinion.claims if c.claim.role != "cause" and c.verdict != "refuted"]
        refuted = [claim for claim in opinion.claims if claim.verdict == "refuted"]
        said += [_claim(claim) for claim in (*opinion.causes, *rest, *refuted)]
        said += [Point("do", advice.action) for advice in opinion.recommendations]
        said += [Point("open", question) for question in opinion.open_questions]
    return said + [Point("note", note) for note in consulted.notes]


def _claim(checked: CheckedClaim) -> Point:
    sure = "" if checked.confidence is None else f" ({checked.confidence:.0%})"
    why = f" [{'; '.join(checked.reasons)}]" if checked.reasons else ""
    return Point(checked.verdict, f"{checked.claim.statement}{sure}{why}", checked.resolved[:MAX_CITATIONS])
