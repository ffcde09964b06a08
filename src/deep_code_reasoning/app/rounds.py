"""The rounds of a tournament: hypotheses are tested side by side, and what was shown is told to the next sessions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..domain.claim import Claim
from ..domain.prediction import Prediction
from ..domain.tournament import Hypothesis
from ..errors import BudgetExceededError, ModelNotConfiguredError, ProviderError
from ..specialists.hypotheses import distinct
from ..specialists.predictions import Trial, culprits, predict
from ..specialists.registry import specialist_for
from .escalation_answer import Failure
from .hypothesis_state import (
    claim_of,
    had_session_in,
    new_hypothesis,
    predictions_in,
    predictions_of,
    with_test,
)
from .sessions import Sessions, hypothesis_question

if TYPE_CHECKING:
    from ..ledger import Ledger
    from ..ledger.leases import Hold

# What stands in the way of a session without being a fault of ours; the tournament goes on.
REFUSALS: Final = (ProviderError, BudgetExceededError, ModelNotConfiguredError)


@dataclass
class Rounds:
    """Runs rounds and keeps every test as soon as it is through. `sessions` is None without a model."""

    ledger: Ledger
    hold: Hold
    trial: Trial
    sessions: Sessions | None
    max_hypotheses: int
    max_rounds: int
    parallel: int
    failures: list[Failure] = field(default_factory=list)
    session_s: float = 0.0

    async def run(self, finished: int) -> None:
        """All rounds after the one that was finished last."""
        for round_ in range(finished + 1, self.max_rounds + 1):
            standing = [h for h in self.hypotheses() if h.state == "open"]
            if self.sessions is None:
                # Queries say all that they can the first time; a further round is for what came up in the one before.
                standing = [h for h in standing if not predictions_of(h)]
            if not standing or (round_ > 1 and self.sessions is not None and len(standing) == 1):
                return
            await self._round(round_, standing)
            if self._out_of_time():
                return

    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """All of them, as they stand."""
        return self.ledger.tournaments.hypotheses(self.hold.id)

    async def propose(self, analysers: Sequence[tuple[str, Claim]], question: str) -> None:
        """The hypotheses to begin with: the analysers', and a model's beside them; each once."""
        if self.hypotheses():
            return
        chosen: list[tuple[str, Claim]] = []
        # With a model half of the places are kept for what the analysers did not think of.
        own = self.max_hypotheses if self.sessions is None else max(1, self.max_hypotheses // 2)
        _add(chosen, analysers, own)
        if self.sessions is not None:
            try:
                opinion = await self.sessions.ask(
                    "tournament/propose", specialist_for("cross_system"), _proposal(question, self.max_hypotheses)
                )
                claims = [(f"model {opinion.model}", c.claim) for c in opinion.claims if c.claim.role == "cause"]
                _add(chosen, claims, self.max_hypotheses)
            except REFUSALS as fault:
                self.failures.append(Failure.of(self.sessions.model, fault))
        _add(chosen, analysers, self.max_hypotheses)
        new = [new_hypothesis(self.hold.id, n, claim, origin) for n, (origin, claim) in enumerate(chosen, 1)]
        self.ledger.tournaments.keep(self.hold, new)

    async def _round(self, round_: int, standing: Sequence[Hypothesis]) -> None:
        insights = _insights(self.hypotheses()) if round_ > 1 else ()
        places = asyncio.Semaphore(self.parallel)
        proposed: list[tuple[str, Claim]] = []

        async def test(hypothesis: Hypothesis) -> None:
            async with places:
                started_s = time.monotonic()
                tested, further = await self._test(hypothesis, round_, insights)
                self.session_s += time.monotonic() - started_s
                proposed.extend(further)
                self.ledger.tournaments.keep(self.hold, [tested])

        untested = [h for h in standing if not had_session_in(h, round_)]
        tests = [asyncio.ensure_future(test(h)) for h in untested]
        try:
            await asyncio.gather(*tests)
        finally:
            for unfinished in tests:
                unfinished.cancel()
        finished = None if self._out_of_time() else round_
        self.ledger.tournaments.keep(self.hold, self._newcomers(proposed), finished_round=finished)

    async def _test(
        self, hypothesis: Hypothesis, round_: int, insights: tuple[str, ...]
    ) -> tuple[Hypothesis, list[tuple[str, Claim]]]:
        """One hypothesis in one round: by queries the first time, and by a session with a model where there is one."""
        started_s = time.monotonic()
        further: list[tuple[str, Claim]] = []
        if not predictions_of(hypothesis):
            told, below = await asyncio.to_thread(self._queried, claim_of(hypothesis))
            origin = f"the test of hypothesis {hypothesis.ordinal}"
            further = [(origin, claim) for claim in below]
            duration_s = round(time.monotonic() - started_s, 3)
            entry = {"round": round_, "kind": "evidence", "predictions": [p.as_json() for p in told]}
            hypothesis = with_test(hypothesis, {**entry, "duration_s": duration_s})
        if self.sessions is None or hypothesis.state == "eliminated":
            return hypothesis, further
        session, came_up = await self._session(self.sessions, hypothesis, round_, insights)
        return (hypothesis if session is None else with_test(hypothesis, session)), [*further, *came_up]

    def _queried(self, claim: Claim) -> tuple[tuple[Prediction, ...], tuple[Claim, ...]]:
        return predict(claim, self.trial), culprits(claim, self.trial)

    async def _session(
        self, sessions: Sessions, hypothesis: Hypothesis, round_: int, insights: tuple[str, ...]
    ) -> tuple[dict[str, Any] | None, list[tuple[str, Claim]]]:
        """A model's session about a hypothesis; a failure is told, and says nothing of the hypothesis.

        Returns:
            None when the time was up: then whoever goes on holds it again.
        """
        name, started_s = f"tournament/{hypothesis.ordinal}/{round_}", time.monotonic()
        question = hypothesis_question(hypothesis.statement)
        try:
            opinion = await sessions.ask(name, specialist_for("hypothesis_test"), question, insights)
        except REFUSALS as fault:
            self.failures.append(Failure.of(sessions.model, fault))
            if self._out_of_time():
                return None, []
            return {"round": round_, "kind": "failure", "code": fault.code, "message": fault.message}, []
        predictions = predictions_in(opinion)
        entry = {
            "round": round_,
            "kind": "specialist",
            "model": opinion.model,
            "verdict": opinion.verdict,
            "summary": opinion.summary,
            "predictions": [prediction.as_json() for prediction in predictions],
            "duration_s": round(time.monotonic() - started_s, 3),
        }
        origin = f"model {opinion.model}, while it tested hypothesis {hypothesis.ordinal}"
        verified = [c.claim for c in opinion.causes if c.verdict == "verified"]
        return entry, [(origin, claim) for claim in verified]

    def _out_of_time(self) -> bool:
        return self.sessions is not None and self.sessions.deadline.passed

    def _newcomers(self, proposed: Sequence[tuple[str, Claim]]) -> list[Hypothesis]:
        """Explanations that came up in tests and that nobody had, as far as there is room."""
        known = [claim_of(hypothesis) for hypothesis in self.hypotheses()]
        new: list[Hypothesis] = []
        for origin, claim in proposed:
            ordinal = len(known) + 1
            # One that has no more than a service is for where nobody has thought of that service.
            bare = not (claim.mechanism or claim.change or claim.proofs)
            if bare and any(claim.service == other.service for other in known):
                continue
            if ordinal <= self.max_hypotheses and distinct(claim, known):
                known.append(claim)
                new.append(new_hypothesis(self.hold.id, ordinal, claim, origin))
        return new


def _add(chosen: list[tuple[str, Claim]], offered: Sequence[tuple[str, Claim]], most: int) -> None:
    for origin, claim in offered:
        if len(chosen) < most and distinct(claim, [known for _, known in chosen]):
            chosen.append((origin, claim))


def _proposal(question: str, most: int) -> str:
    return f"{question}\nGive up to {most} explanations that differ in service, mechanism or change, each as a cause."


def _insights(hypotheses: Sequence[Hypothesis]) -> tuple[str, ...]:
    """What tests have shown so far, for the sessions that follow."""
    lines = []
    for hypothesis in hypotheses:
        lines.append(f"hypothesis {hypothesis.ordinal} ({hypothesis.state}): {hypothesis.statement}")
        for prediction in predictions_of(hypothesis):
            if prediction.outcome != "unknown":
                cited = " ".join(prediction.citations[:3])
                lines.append(f"- {prediction.outcome}: {prediction.name}: {prediction.detail} {cited}".rstrip())
    return tuple(lines)
