"""Every claim is held against the evidence before anybody reads it.

A claim is *verified* when all that it cites is there and no check speaks against it, *refuted* when a check finds that
the evidence says otherwise, and *unverified* in between. That its citations resolve does not make a claim true; that
they don't makes it worth less. Nothing here asks a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ..domain.call import Verification, VerificationResult
from ..domain.citation import KINDS
from ..domain.claim import CheckedClaim, Claim, ClaimVerdict, Proof
from .checks import CHECKS
from .ground import Ground, Objection

# What a claim is worth at most that proves nothing: below the confidence from which a cause counts as found (0.35).
UNPROVEN_CONFIDENCE: Final = 0.3

# Citations that stand in the middle of a sentence count like those in their own field.
INLINE_CITATION: Final = re.compile(rf"\b(?:{'|'.join(KINDS)}|experiment):[^\s,;`'\"()<>]+")


def verify(claims: Iterable[Claim], ground: Ground) -> tuple[CheckedClaim, ...]:
    """Hold claims against the evidence, each by itself."""
    return tuple(verify_claim(claim, ground) for claim in claims)


def verify_claim(claim: Claim, ground: Ground) -> CheckedClaim:
    """Hold one claim against the evidence."""
    proofs = _proofs(claim)
    objections: list[Objection] = []
    resolved: list[str] = []
    unresolved: list[str] = []
    for proof in proofs:
        exhibit = ground.look_up(proof.citation)
        (resolved if exhibit.found else unresolved).append(proof.citation)
        if not exhibit.found:
            objections.append(Objection(exhibit.reason))
        elif proof.quote and not exhibit.holds(proof.quote):
            objections.append(Objection(f"{proof.citation} does not say '{_short(proof.quote)}'"))
    for check in CHECKS:
        objections += check(claim, ground)
    offered = len(proofs) + len(claim.figures)
    if not offered:
        objections.append(Objection("it cites nothing"))
    verdict: ClaimVerdict = "verified"
    if objections:
        verdict = "refuted" if any(objection.refutes for objection in objections) else "unverified"
    return CheckedClaim(
        claim=claim,
        verdict=verdict,
        confidence=_confidence(claim, verdict, offered, len(objections)),
        resolved=tuple(dict.fromkeys(resolved)),
        unresolved=tuple(dict.fromkeys(unresolved)),
        reasons=tuple(dict.fromkeys(objection.reason for objection in objections)),
    )


def overall(checked: Sequence[CheckedClaim]) -> Verification:
    """What checking a whole answer gave. Its first explanation decides: when that is refuted, so is the answer."""
    resolved = sum(len(claim.resolved) for claim in checked)
    unresolved = sum(len(claim.unresolved) for claim in checked)
    verdicts = [claim.verdict for claim in checked]
    result: VerificationResult
    leading = next((claim.verdict for claim in checked if claim.claim.role == "cause"), None)
    if leading == "refuted" or (verdicts and set(verdicts) == {"refuted"}):
        result = "refuted"
    elif verdicts and set(verdicts) == {"verified"}:
        result = "verified"
    else:
        result = "partly" if "verified" in verdicts else "unverified"
    return Verification(result, resolved, unresolved)


def _proofs(claim: Claim) -> tuple[Proof, ...]:
    """All that a claim cites: as proof, in its sentence, and the change that it blames."""
    given = list(claim.proofs)
    known = {proof.citation for proof in given}
    inline = [match[0].rstrip(".:") for match in INLINE_CITATION.finditer(claim.statement)]
    others = [*inline, *([claim.change] if claim.change else [])]
    return (*given, *(Proof(citation) for citation in dict.fromkeys(others) if citation not in known))


def _confidence(claim: Claim, verdict: ClaimVerdict, offered: int, objections: int) -> float | None:
    if claim.confidence is None:
        return None
    if verdict == "refuted":
        return 0.0
    if not offered:
        return min(claim.confidence, UNPROVEN_CONFIDENCE)
    # What holds of what was offered; further objections count like a proof that failed.
    return claim.confidence * max(0, offered - objections) / offered


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
