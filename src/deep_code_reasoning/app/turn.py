"""One turn of a conversation, under its lease: what a crash left is recovered, the question is put, the answer kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ..domain.asking import Message, ModelEvent, ModelRequest, Passage, ToolUsed
from ..domain.call import Call
from ..domain.conversation import Turn, TurnRole
from ..domain.deadline import Deadline
from ..domain.opinion import Opinion
from ..providers import prices
from ..providers.client import ModelClient
from ..providers.typed import Reader, Unreadable
from ..specialists.bench import Bench
from ..specialists.consultation import checked_answer, model_request, opinion_of
from ..specialists.registry import specialist_for
from ..telemetry import open_recorder
from . import transcript
from .fitting import history_tokens, input_room
from .metering import Meter
from .setting import Setting

if TYPE_CHECKING:
    from ..ledger import Ledger
    from ..ledger.leases import Hold

# Where nobody says how large a model's window is; all that are sold today are larger.
ASSUMED_WINDOW_TOKENS: Final = 128_000
# A history may fill so much of the window: tools' results and the answer need the rest.
_SHARE_FOR_HISTORY: Final = 0.7


@dataclass
class TurnTaking:
    """Whoever holds a conversation takes turns in it."""

    ledger: Ledger
    hold: Hold
    setting: Setting
    meter: Meter
    client: ModelClient
    bench: Bench
    deadline: Deadline
    compacted: bool = False

    def recover(self) -> Opinion | str | None:
        """Take an answer that was paid for, and that a crash kept from the transcript, into it.

        Returns:
            The checked answer; its text when it does not fit the type; None when nothing was lost.
        """
        question = transcript.unanswered_question(self.ledger.conversations.turns(self.hold.id))
        if question is None:
            return None
        call = transcript.lost_answer(question, self.ledger.conversations.unused_answers(self.hold.id))
        if call is None or call.raw_answer is None:
            return None
        said = Message("model", (Passage(call.raw_answer),))
        try:
            opinion = self._read(call, call.raw_answer)
        except Unreadable:
            self.ledger.conversations.answer(self.hold, call, transcript.content_of(call.raw_answer, (said,)))
            return call.raw_answer
        self._keep(call, opinion, (said,))
        return opinion

    async def ask(self, question: str, prompt: tuple[Passage, ...]) -> Opinion:
        """Put a question to the model; the question is written down before it is sent, the answer with its call.

        Raises:
            ProviderError: when it gave no usable answer; what was written is in the ledger.
            BudgetExceededError: when a limit stood in the way; then the turn was not used.
            ConversationBusyError: when somebody took the conversation over meanwhile.
        """
        setting = self.setting
        used: list[ToolUsed] = []

        def listen(event: ModelEvent) -> None:
            if isinstance(event, ToolUsed):
                used.append(event)
            self.meter.on_event(event)

        asked = transcript.content_of(question, (Message("user", prompt),))
        self.meter.before_first = lambda: self._write("user", asked)
        agent = setting.request.analysis_type
        turns = self.ledger.conversations.turns(self.hold.id)
        request = model_request(
            specialist_for(agent), self.bench, setting.request.depth, prompt, transcript.history(turns)
        )
        request = await self._shortened(request, turns)
        about = {"dcr.surface": self.meter.surface, "dcr.escalation.id": self.meter.escalation_id}
        with open_recorder().analysis(agent, about) as trace, trace.turn(agent, setting.model or "") as turn:
            answer = await self.client.ask(setting.model or "", request, self.deadline, turn.listening(listen))
        opinion = opinion_of(answer, self.bench, request.history, used)
        self._keep(self.meter.calls[-1], opinion, answer.messages[1:])
        return opinion

    def _keep(self, call: Call, opinion: Opinion, messages: tuple[Message, ...]) -> None:
        content = transcript.content_of(opinion.summary, messages, opinion.as_json(), self.bench.experiments)
        self.ledger.conversations.answer(self.hold, replace(call, verification=opinion.verification), content)

    async def _shortened(self, request: ModelRequest, turns: Sequence[Turn]) -> ModelRequest:
        """The request; what was said before is summed up first when it has outgrown the window."""
        card = self.client.catalogue.card(self.setting.model or "")
        window = prices.context_window(card) or ASSUMED_WINDOW_TOKENS
        room = int(_SHARE_FOR_HISTORY * input_room(card, self.setting.request.depth, window))
        estimate = transcript.tokens_of(request.history)
        if await history_tokens(request, estimate, room, card, self.client, self.deadline) <= room:
            return request
        shorter = transcript.compacted(turns, self.bench)
        self._write("summary", transcript.content_of("The history was summed up.", shorter))
        self.compacted = True
        return replace(request, history=shorter)

    def _write(self, role: TurnRole, content: str) -> None:
        self.ledger.conversations.add(self.hold, role, content)

    def _read(self, call: Call, text: str) -> Opinion:
        answer = Reader(specialist_for(self.setting.request.analysis_type).answer()).read(text)
        told = transcript.history(self.ledger.conversations.turns(self.hold.id))
        return checked_answer(answer, self.bench, told, call.model_requested, call.provider, call.model_resolved)


def snippets(opinion: Mapping[str, Any], bench: Bench) -> tuple[Mapping[str, str], ...]:
    """The lines of code that an answer cites, each with a few around it, without secrets."""
    from ..packing.pieces.code import code_piece

    claims = (*opinion["causes"], *opinion["claims"])
    cited = dict.fromkeys(c for claim in claims for c in claim["citations"] if c.startswith("code:"))
    found = []
    for citation in cited:
        path, _, line = citation.removeprefix("code:").partition("#")
        first = line.lstrip("L").partition("-")[0]
        piece = code_piece(bench.roots, path, int(first) if first.isdecimal() else 0, 1_000, radius=5)
        found.append({"citation": citation, "lines": piece.text})
    return tuple(found)
