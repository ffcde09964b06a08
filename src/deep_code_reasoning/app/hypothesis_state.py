"""A hypothesis of a tournament as the ledger keeps it, and what its tests say together.

Its tests are entries in order: `claim` (what it says, round 0), `evidence` (predictions tested by queries),
`specialist` (a model's session, checked), `failure` (a session that brought nothing), `judgement`. Each names its
round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ..domain.claim import CheckedClaim, Claim, claim_from_json
from ..domain.opinion import Opinion
from ..domain.prediction import Prediction, PredictionOutcome, prediction_from_json
from ..domain.scoring import score, verdict
from ..domain.tournament import Hypothesis


def new_hypothesis(tournament_id: str, ordinal: int, claim: Claim, origin: str) -> Hypothesis:
    """A hypothesis that has not been tested."""
    entry = {"round": 0, "kind": "claim", "claim": asdict(claim)}
    return Hypothesis(tournament_id, ordinal, claim.statement, origin, tests=(entry,))


def claim_of(hypothesis: Hypothesis) -> Claim:
    """What a hypothesis claims."""
    return claim_from_json(hypothesis.tests[0]["claim"])


def predictions_of(hypothesis: Hypothesis) -> tuple[Prediction, ...]:
    """Everything that was tested of it so far."""
    return tuple(prediction_from_json(content) for test in hypothesis.tests for content in test.get("predictions", ()))


def had_session_in(hypothesis: Hypothesis, round_: int) -> bool:
    """Whether a model's session about it was held in a round, whatever it brought."""
    return any(test["round"] == round_ and test["kind"] in ("specialist", "failure") for test in hypothesis.tests)


def with_test(hypothesis: Hypothesis, *tests: Mapping[str, Any]) -> Hypothesis:
    """The hypothesis with further tests: its score is theirs together, and what refutes it eliminates it."""
    tested = replace(hypothesis, tests=(*hypothesis.tests, *tests))
    told = predictions_of(tested)
    state = "eliminated" if verdict(told) == "refuted" else hypothesis.state
    return replace(tested, score=score(told), state=state)


def predictions_in(opinion: Opinion) -> tuple[Prediction, ...]:
    """What a model's session tells of a hypothesis: only predictions whose proofs were found count for anything."""
    found = []
    for checked in opinion.claims:
        if checked.claim.role != "prediction":
            continue
        outcome: PredictionOutcome = checked.claim.details["outcome"] if checked.verdict == "verified" else "unknown"
        fatal = opinion.verdict == "refuted" and outcome == "fails"
        detail = _why(checked) or str(opinion.verdict)
        found.append(
            Prediction(checked.claim.statement, outcome, detail, checked.resolved, fatal, by=f"model {opinion.model}")
        )
    return tuple(found)


def _why(checked: CheckedClaim) -> str:
    return "; ".join(checked.reasons)
