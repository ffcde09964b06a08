"""A tournament of hypotheses, tested side by side: only one that survived what could refute it is crowned."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ..domain.analysis import AnalysisRequest
from ..domain.deadline import Deadline
from ..domain.tournament import Hypothesis, Tournament
from ..errors import LedgerError, UsageError
from ..routing.choice import vendor
from ..routing.settings import Thresholds
from ..specialists.consultation import plain
from ..specialists.hypotheses import of_analysers
from ..specialists.judging import prefers
from ..specialists.predictions import Trial
from .candidates import candidates
from .escalate import judge_request, models_for
from .escalation_answer import Failure
from .escalation_record import begin_escalation
from .fitting import fitted, pack_budget
from .hypothesis_state import claim_of, predictions_of, with_test
from .ledger import open_ledger
from .means import Means
from .partner import choose_partner
from .rounds import REFUSALS, Rounds
from .sessions import Sessions
from .setting import Setting
from .terms import Terms
from .timely import entered, within
from .tournament_answer import Measured, TournamentAnswer
from .workbench import Workbench, open_workbench

if TYPE_CHECKING:
    from ..domain.model import ModelCard
    from ..ledger import Ledger
    from ..ledger.leases import Hold

# A tournament that was cut off can be gone on with for a day.
TTL_S: Final = 86_400
# A process that was killed before the end has left survivors behind.
_STANDING: Final = ("open", "survived")


@dataclass(frozen=True, slots=True)
class TournamentConfig:
    """Bounds of a tournament: hypotheses 2 to 20, rounds 1 to 5, sessions at a time 1 to 10."""

    max_hypotheses: int = 6
    max_rounds: int = 3
    parallel_sessions: int = 4

    def check(self) -> None:
        """Raise a UsageError when a bound is out of bounds."""
        bounds = {"max_hypotheses": (2, 20), "max_rounds": (1, 5), "parallel_sessions": (1, 10)}
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise UsageError(f"{name} is {getattr(self, name)}", f"from {least} to {most}")


async def run_tournament(
    request: AnalysisRequest,
    terms: Terms,
    *,
    config: TournamentConfig | None = None,
    tournament_id: str | None = None,
) -> TournamentAnswer:
    """Let hypotheses compete to explain a case; `request.question` is the issue.

    Without a model the hypotheses are the analysers', and queries over the evidence test them.

    Args:
        tournament_id: under which it is kept, for a caller that may have to find it again; made here when None.

    Raises:
        as `escalate` does; UsageError also when the configuration is out of bounds.
    """
    config, means = config or TournamentConfig(), terms.means
    config.check()
    deadline = Deadline.after(request.time_budget_s)
    catalogue = means.open_client(lambda planned: None).catalogue
    cards = models_for(terms, catalogue)
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger())
        bench = await entered(stack, open_workbench(request, terms.case, terms.roots), deadline)
        pack = await within(deadline, lambda: bench.pack(pack_budget(request.depth, cards)))
        chosen, reason = choose_partner(ledger, cards, bench, pack, terms, analysis_type="hypothesis_test")
        setting = Setting(request, terms.case, terms.roots, chosen, reason, pack.nonce, bench.investigation.windows)
        tournament = ledger.tournaments.start(
            request.question,
            ttl_s=TTL_S,
            config={**asdict(config), "named": terms.model is not None, "setting": setting.as_json()},
            escalation_id=begin_escalation(ledger, bench, pack, judge_request(bench, means, chosen), means.surface),
            case_id=bench.investigation.case.id if bench.has_case else None,
            tournament_id=tournament_id,
        )
        return await _Run(ledger, tournament, setting, bench, means, deadline).go_on()


async def resume_tournament(tournament_id: str, means: Means | None = None) -> TournamentAnswer:
    """Go on with a tournament whose process ended, or whose time was up; what was tested and paid for stays.

    Raises:
        RecordNotFoundError: when there is none of that id.
        TournamentBusyError: when somebody runs it.
        UsageError: when it has finished or expired.
    """
    means, deadline = means or Means(), Deadline()
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger())
        tournament = ledger.tournaments.get(tournament_id)
        setting = Setting.from_json(tournament.config["setting"])
        bench = await entered(stack, open_workbench(setting.request, setting.case, setting.roots), deadline)
        return await _Run(ledger, tournament, setting, bench, means, deadline).go_on()


def tournament_status(tournament_id: str) -> TournamentAnswer:
    """A tournament as it stands, whoever runs it.

    Raises:
        RecordNotFoundError: when there is none of that id.
    """
    with open_ledger() as ledger:
        return _answer(ledger, tournament_id)


@dataclass
class _Run:
    """One process's part in a tournament, from acquiring it to its end or to the end of the time."""

    ledger: Ledger
    tournament: Tournament
    setting: Setting
    bench: Workbench
    means: Means
    deadline: Deadline

    async def go_on(self) -> TournamentAnswer:
        started_s = time.monotonic()
        sessions, bench = await self._sessions(), self.bench
        trial = await within(self.deadline, lambda: Trial.prepare(bench.ground, bench.investigation, bench.store))
        hold = self.ledger.tournaments.acquire(self.tournament.id)
        config = self.tournament.config
        rounds = Rounds(
            self.ledger,
            hold,
            trial,
            sessions,
            config["max_hypotheses"],
            config["max_rounds"],
            config["parallel_sessions"],
        )
        try:
            await rounds.propose(of_analysers(self.bench.investigation), plain(self.tournament.issue))
            await rounds.run(self.ledger.tournaments.get(hold.id).round)
            if not self.deadline.passed:
                self._end(hold, await self._winner(rounds, sessions))
        finally:
            with suppress(LedgerError):
                self.ledger.tournaments.release(hold)
        measured = Measured(time.monotonic() - started_s, rounds.session_s)
        return _answer(self.ledger, hold.id, measured, tuple(rounds.failures))

    async def _sessions(self) -> Sessions | None:
        """Sessions with the model; the pack is made again, byte for byte the same as long as the case is the same."""
        if self.setting.model is None or self.tournament.escalation_id is None:
            return None
        pack = self.bench.pack(pack_budget(self.setting.request.depth, self._cards()))
        client = self.means.open_client(lambda planned: None)
        pack = await fitted(pack, self.bench, client.catalogue.card(self.setting.model), client, self.deadline)
        return Sessions(
            self.ledger,
            self.tournament.escalation_id,
            self.setting.request,
            pack,
            self.setting.model,
            self.means,
            self.deadline,
            self.bench.bench,
        )

    def _cards(self) -> tuple[ModelCard, ...]:
        return candidates(self.means.open_client(lambda planned: None).catalogue, self.means.keys)

    async def _winner(self, rounds: Rounds, sessions: Sessions | None) -> int | None:
        """The one hypothesis that stands out of those that survived; None when there is none, which is a result."""
        survivors = sorted(
            (h for h in rounds.hypotheses() if h.state in _STANDING and h.score is not None and h.score > 0),
            key=lambda h: (-(h.score or 0.0), h.ordinal),
        )
        self.ledger.tournaments.keep(rounds.hold, [replace(h, state="survived") for h in survivors])
        if not survivors:
            return None
        first, *others = survivors
        rivals = [h for h in others if h.score == first.score]
        if not rivals:
            return first.ordinal
        if len(rivals) == 1:
            ahead = (claim_of(first).confidence or 0.0) - (claim_of(rivals[0]).confidence or 0.0)
            if abs(ahead) >= Thresholds().contested_margin:
                return first.ordinal if ahead > 0 else rivals[0].ordinal
            if sessions is not None:
                return await self._judged(rounds, sessions, (first, rivals[0]))
        return None

    async def _judged(self, rounds: Rounds, sessions: Sessions, pair: tuple[Hypothesis, Hypothesis]) -> int | None:
        """The word of a judge on two that are level; None when it has none."""
        judge, kin = self._judge(sessions.model)
        meter = sessions.meter("tournament/judge")
        texts = (_told(pair[0]), _told(pair[1]))
        client = self.means.open_client(meter.gate)
        try:
            place = await prefers(client, judge, texts, self.bench.bench(sessions.pack), self.deadline, meter.on_event)
        except REFUSALS as fault:
            rounds.failures.append(Failure.of(judge, fault))
            return None
        preferred = None if place is None else pair[place].ordinal
        entry = {"round": self.tournament.config["max_rounds"], "kind": "judgement", "judge": judge}
        entry |= {"of_the_authors_vendor": kin, "both_orders": True, "preferred": preferred}
        kept = {h.ordinal: h for h in rounds.hypotheses()}
        judged = [with_test(kept[h.ordinal], entry) for h in pair]
        self.ledger.tournaments.keep(rounds.hold, judged)
        return preferred

    def _judge(self, author: str) -> tuple[str, bool]:
        """(the judge, whether it is of the author's vendor): another vendor's where there is one.

        Who names a model has said whom to send evidence to, and no other one is asked.
        """
        cards = () if self.tournament.config["named"] else self._cards()
        makers = {card.id: vendor(card) for card in cards}
        others = [card.id for card in cards if makers[card.id] != makers.get(author)]
        return (min(others), False) if others else (author, True)

    def _end(self, hold: Hold, winner: int | None) -> None:
        hypotheses = self.ledger.tournaments.hypotheses(hold.id)
        crowned = [replace(h, state="crowned") for h in hypotheses if h.ordinal == winner]
        self.ledger.tournaments.keep(hold, crowned)
        self.ledger.tournaments.finish(hold, winner)
        if self.tournament.escalation_id is not None:
            with suppress(LedgerError):
                found = crowned[0].statement if crowned else None
                self.ledger.escalations.close(
                    self.tournament.escalation_id, "answered" if crowned else "unanswered", found=found
                )


def _told(hypothesis: Hypothesis) -> list[str]:
    """A hypothesis and its tests, a line each."""
    tests = [f"- {p.outcome}: {p.name}: {p.detail}" for p in predictions_of(hypothesis) if p.outcome != "unknown"]
    return [hypothesis.statement, *tests]


def _answer(
    ledger: Ledger, tournament_id: str, measured: Measured | None = None, failures: tuple[Failure, ...] = ()
) -> TournamentAnswer:
    tournament = ledger.tournaments.get(tournament_id)
    calls: tuple[Any, ...] = ()
    if tournament.escalation_id is not None:
        calls = ledger.calls.of_escalation(tournament.escalation_id)
    return TournamentAnswer(tournament, ledger.tournaments.hypotheses(tournament_id), calls, measured, failures)
