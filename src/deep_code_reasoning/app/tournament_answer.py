"""What a tournament answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..domain.call import Call
from ..domain.opinion import usage_as_json
from ..domain.tournament import Hypothesis, Tournament
from .escalation_answer import Failure
from .hypothesis_state import claim_of
from .metering import total

SCHEMA: Final = "deep-code-reasoning/tournament/1"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process measured: wall time, and the durations of all tests together, in seconds."""

    wall_s: float
    tests_s: float


@dataclass(frozen=True, slots=True)
class TournamentAnswer:
    """A tournament as it stands. `measured` is None when this process ran nothing of it."""

    tournament: Tournament
    hypotheses: tuple[Hypothesis, ...]
    calls: tuple[Call, ...]
    measured: Measured | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def winner(self) -> Hypothesis | None:
        """The one that was crowned; None as long as there is none, and when none deserved it."""
        return next((h for h in self.hypotheses if h.ordinal == self.tournament.winner), None)

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        setting = self.tournament.config["setting"]
        usage, cost = total(self.calls)
        return {
            "schema": SCHEMA,
            "tournament_id": self.tournament.id,
            "escalation_id": self.tournament.escalation_id,
            "state": self.tournament.state,
            "issue": self.tournament.issue,
            "rounds_finished": self.tournament.round,
            "winner": None if self.winner is None else _hypothesis(self.winner),
            "no_winner_because": self._why_none(),
            "hypotheses": [_hypothesis(hypothesis) for hypothesis in self.hypotheses],
            "model": setting["model"],
            "why_no_model": setting["why_no_model"],
            "failures": [failure.as_json() for failure in self.failures],
            "measured": self._measured(),
            "calls": len(self.calls),
            "usage": usage_as_json(usage) if self.calls else None,
            "total_cost_usd": None if cost is None else round(float(cost), 9),
        }

    def _why_none(self) -> str | None:
        """Why nobody won, in words; None while it runs, and when somebody did."""
        if self.tournament.state != "finished" or self.winner is not None:
            return None
        if not self.hypotheses:
            return "there was no hypothesis"
        standing = [h for h in self.hypotheses if h.state == "survived"]
        if standing:
            return f"{len(standing)} hypotheses stand, and no test tells them apart"
        if any(h.state == "open" for h in self.hypotheses):
            return "no test that could have failed holds for any that was not refuted"
        return "every hypothesis was refuted"

    def _measured(self) -> dict[str, Any] | None:
        if self.measured is None:
            return None
        wall_s, tests_s = self.measured.wall_s, self.measured.tests_s
        return {
            "wall_s": round(wall_s, 3),
            "sum_of_tests_s": round(tests_s, 3),
            "at_once": round(tests_s / wall_s, 3) if wall_s else None,
        }


def _hypothesis(hypothesis: Hypothesis) -> dict[str, Any]:
    claim = claim_of(hypothesis)
    return {
        "ordinal": hypothesis.ordinal,
        "statement": hypothesis.statement,
        "origin": hypothesis.origin,
        "service": claim.service,
        "mechanism": claim.mechanism,
        "change": claim.change,
        "state": hypothesis.state,
        "score": hypothesis.score,
        "tests": [dict(test) for test in hypothesis.tests[1:]],
    }
