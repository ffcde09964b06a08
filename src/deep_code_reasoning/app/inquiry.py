"""Asking specialists about one question, the next one when an answer does not hold; every step is in the ledger."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from ..domain.analysis import AnalysisRequest
from ..domain.budget import Amount, Limits
from ..domain.deadline import Deadline
from ..domain.escalation import TimeSaved
from ..domain.model import ModelCard
from ..domain.opinion import Opinion
from ..domain.pack import Pack
from ..domain.routing_decision import RoutingDecision
from ..errors import BudgetExceededError, LedgerError, ModelNotConfiguredError, ProviderError, RecordNotFoundError
from ..providers.client import ModelClient
from ..routing.check import informed
from ..routing.choice import Need, Occasion, choose
from ..routing.climb import Attempted, best_answer, climb
from ..routing.signals import Judgement
from ..specialists.base import Specialist
from ..specialists.consultation import Consultation, consult
from ..telemetry import Trace, open_recorder
from .escalation_answer import Failure
from .escalation_record import begin_escalation, record_pack
from .fitting import fitted
from .means import Means
from .metering import Meter
from .time_saved import time_saved
from .workbench import Workbench

if TYPE_CHECKING:
    from ..ledger import Ledger


@dataclass
class Inquiry:
    """One question on its way through models. After `run`, `opinion` is the answer that held best, if there is one."""

    request: AnalysisRequest
    specialist: Specialist
    bench: Workbench
    judgement: Judgement
    pack: Pack
    cards: Sequence[ModelCard]
    model: str | None
    means: Means
    meter: Meter
    client: ModelClient
    deadline: Deadline
    escalation_id: str | None = None
    opinion: Opinion | None = None
    opinions: list[Opinion] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    routing: list[str] = field(default_factory=list)
    time_saved: TimeSaved | None = None
    _answer_calls: dict[int, str] = field(default_factory=dict)

    async def run(self, ledger: Ledger) -> None:
        """Ask until an answer holds, or nobody is left, or time or money are up.

        Raises:
            LedgerError: when the escalation cannot be recorded; then nothing was sent.
        """
        started_s = time.monotonic()
        escalation_id = begin_escalation(ledger, self.bench, self.pack, self.judgement, self.means.surface)
        self.escalation_id = escalation_id
        self.meter.begin(ledger, reason=self.judgement.reason, escalation_id=escalation_id)
        about = {"dcr.surface": self.means.surface, "dcr.escalation.id": escalation_id}
        try:
            with open_recorder().analysis(self.request.analysis_type, about) as trace:
                await self._ask_around(ledger, trace)
        except BaseException as fault:
            with suppress(LedgerError):
                cancelled = isinstance(fault, asyncio.CancelledError)
                ledger.escalations.close(escalation_id, "cancelled" if cancelled else "failed")
            raise
        self._close(ledger, escalation_id, time.monotonic() - started_s)

    async def _ask_around(self, ledger: Ledger, trace: Trace) -> None:
        """Ask the ladder of models, and keep the answer that held best."""
        attempts: list[Attempted] = []
        try:
            await self._climb(ledger, trace, attempts)
        except LedgerError as fault:
            if not self.opinions:
                raise
            self.routing.append(f"nobody else was asked: {fault.message}")  # it does not cost the answer that is there
        best = best_answer(attempts)
        if best is not None:
            self.opinion = next(o for o in reversed(self.opinions) if o.verification is best.verification)

    async def _climb(self, ledger: Ledger, trace: Trace, attempts: list[Attempted]) -> None:
        """Choose, ask, check, and choose again when the answer does not hold."""
        policy = informed(self.means.settings.policy, ledger.statistics.check())
        records = ledger.statistics.records_by_class()
        need, occasion = self._need(ledger), self._occasion(ledger, 0)
        decision: RoutingDecision | None = choose(self.cards, need, policy, records, occasion, named=self.model)
        while decision is not None:
            ledger.routing.record(decision)
            self.routing.append(str(decision.explanation["why"]))
            if decision.chosen is None:
                return
            attempts.append(await self._attempt(ledger, trace, decision.chosen))
            step = climb(
                attempts,
                self.cards,
                self._need(ledger),
                policy,
                records,
                self._occasion(ledger, len(attempts)),
                self.deadline.remaining_s,
                named=self.model,
            )
            self.routing.append(step.reason)
            decision = step.decision

    async def _attempt(self, ledger: Ledger, trace: Trace, model: str) -> Attempted:
        """Ask one model; what went wrong is kept, and is no answer."""
        try:
            await self._fit_pack(ledger, model)
            consultation = Consultation(
                specialist=self.specialist,
                request=self.request,
                pack=self.pack,
                bench=self.bench.bench(self.pack),
                corrections=tuple(_wrong(opinion) for opinion in self.opinions),
            )
            with trace.turn(self.request.analysis_type, model) as turn:
                listener = turn.listening(self.meter.on_event)
                opinion = await consult(self.client, model, consultation, self.deadline, listener)
        except (ProviderError, BudgetExceededError, ModelNotConfiguredError) as fault:
            self.failures.append(Failure.of(model, fault))
            return Attempted(model, None)
        answered = self.meter.last_answer
        if answered is not None:
            self._answer_calls[id(opinion)] = answered.id
            with suppress(LedgerError, RecordNotFoundError):  # of a call that had to be kept in a file
                ledger.calls.verify(answered.id, opinion.verification)
        self.opinions.append(opinion)
        return Attempted(opinion.model, opinion.verification)

    async def _fit_pack(self, ledger: Ledger, model: str) -> None:
        """Send what the model takes, and say how much that is, as its provider counts it where that matters."""
        pack = await fitted(self.pack, self.bench, self.client.catalogue.card(model), self.client, self.deadline)
        if pack is not self.pack and self.escalation_id is not None:
            self.pack = pack
            record_pack(ledger, self.escalation_id, pack)

    def _need(self, ledger: Ledger) -> Need:
        return Need(
            analysis_type=self.request.analysis_type,
            problem_class=self.bench.problem_class,
            pack_tokens=self.pack.tokens,
            today=datetime.now(UTC).date(),
            left=money_left(ledger, self.means.limits, self.escalation_id),
        )

    def _occasion(self, ledger: Ledger, step: int) -> Occasion:
        return Occasion(ledger.routing.new_id(), secrets.randbits(63), time.time_ns(), step, self.escalation_id)

    def _close(self, ledger: Ledger, escalation_id: str, elapsed_s: float) -> None:
        """Record what came of it. A ledger that fails now costs the record, and not the answer."""
        opinion, investigation = self.opinion, self.bench.investigation
        found = opinion.causes[0].claim.statement if opinion and opinion.causes else None
        if opinion and opinion.causes and opinion.causes[0].verdict == "verified":
            changes = self.bench.store.count("changes")
            self.time_saved = time_saved(self.request, investigation, changes, elapsed_s)
        with suppress(LedgerError):
            ledger.escalations.close(
                escalation_id,
                "answered" if opinion else "unanswered",
                found=found,
                answer_call_id=self._answer_calls.get(id(opinion)),
                verification=opinion.verification if opinion else None,
                time_saved=self.time_saved,
            )


def money_left(ledger: Ledger, limits: Limits, escalation_id: str | None) -> Amount:
    """What may still be spent on an escalation, by its own limits and by those of the day."""
    pairs = [(limits.day, ledger.budgets.spent_on_day()), (limits.call, Amount(Decimal(0), 0))]
    if escalation_id is not None:
        pairs.append((limits.escalation, ledger.budgets.spent_on_escalation(escalation_id)))
    usd = [limit.usd - (spent.usd or 0) for limit, spent in pairs if limit.usd is not None]
    tokens = [limit.tokens - (spent.tokens or 0) for limit, spent in pairs if limit.tokens is not None]
    return Amount(min(usd, default=None), min(tokens, default=None))


def _wrong(opinion: Opinion) -> str:
    """What an answer got wrong, in a line for the next model."""
    wrong = [
        f"{claim.claim.statement} ({'; '.join(claim.reasons)})"
        for claim in opinion.claims
        if claim.verdict != "verified"
    ]
    return " | ".join(wrong) or f"it cited nothing: {opinion.summary}"
