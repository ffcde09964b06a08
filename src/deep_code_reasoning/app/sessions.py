"""Sessions with models inside a tournament: each under its own name in the ledger, so that none is paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..domain.analysis import AnalysisRequest
from ..domain.asking import Message, Passage
from ..domain.deadline import Deadline
from ..domain.opinion import Opinion
from ..domain.pack import Pack
from ..errors import LedgerError, RecordNotFoundError
from ..providers.typed import Reader, Unreadable
from ..specialists.base import Specialist
from ..specialists.bench import Bench
from ..specialists.consultation import (
    Consultation,
    checked_answer,
    evidence_passages,
    model_request,
    opinion_of,
    plain,
)
from ..telemetry import open_recorder
from .means import Means
from .metering import Meter

if TYPE_CHECKING:
    from ..ledger import Ledger


@dataclass
class Sessions:
    """Asks one model about hypotheses of a case."""

    ledger: Ledger
    escalation_id: str
    request: AnalysisRequest
    pack: Pack
    model: str
    means: Means
    deadline: Deadline
    new_bench: Callable[[Pack], Bench]

    async def ask(self, name: str, specialist: Specialist, question: str, insights: tuple[str, ...] = ()) -> Opinion:
        """Put a question, or take the answer that an earlier process paid for under this name.

        Raises:
            ProviderError: when the model gave no usable answer.
            BudgetExceededError: when a limit stood in the way.
        """
        bench = self.new_bench(self.pack)
        known = self._paid_for(name, specialist, bench)
        if known is not None:
            return known
        meter = self.meter(name)
        consultation = Consultation(specialist, self.request, self.pack, bench)
        prompt = (*evidence_passages(consultation), *self._insights(insights, bench), Passage(question))
        request = model_request(specialist, bench, self.request.depth, prompt)
        about = {"dcr.surface": self.means.surface, "dcr.escalation.id": self.escalation_id}
        agent = specialist.analysis_type
        with open_recorder().analysis(agent, about) as trace, trace.turn(agent, self.model) as turn:
            client = self.means.open_client(meter.gate)
            answer = await client.ask(self.model, request, self.deadline, turn.listening(meter.on_event))
        opinion = opinion_of(answer, bench)
        with suppress(LedgerError, RecordNotFoundError):  # of a call that had to be kept in a file
            self.ledger.calls.verify(meter.calls[-1].id, opinion.verification)
        return opinion

    def meter(self, name: str) -> Meter:
        """The gate and record of one session."""
        meter = Meter(self.means.limits, self.means.surface, name, self.means.on_event)
        meter.begin(self.ledger, reason="tournament", escalation_id=self.escalation_id)
        return meter

    def _paid_for(self, name: str, specialist: Specialist, bench: Bench) -> Opinion | None:
        """The answer to this very question, when one was recorded and nobody came to use it."""
        reader: Reader | None = None
        for call in reversed(self.ledger.calls.of_escalation(self.escalation_id)):
            if call.event_type != name or call.status != "ok" or not call.raw_answer:
                continue
            reader = reader or Reader(specialist.answer())
            try:
                value: Any = reader.read(call.raw_answer)
            except Unreadable:
                continue
            told = (Message("user", self.pack.passages),)
            return checked_answer(value, bench, told, call.model_requested, call.provider, call.model_resolved)
        return None

    def _insights(self, insights: tuple[str, ...], bench: Bench) -> tuple[Passage, ...]:
        """What other hypotheses' tests have shown, as evidence among others."""
        if not insights:
            return ()
        return (Passage(bench.shown_lines("insight/earlier", "What earlier tests have shown", insights)),)


def hypothesis_question(statement: str, approach: str = "") -> str:
    """The question that a session is about."""
    lines = ["Test this hypothesis, and no other:", plain(statement)]
    if approach:
        lines += ["How the caller would test it:", plain(approach)]
    return "\n".join(lines)
