"""A scripted model, for tests of the layers above: no wire, no library, but our own loop, policy and typed answers.

client, fake = fake_client(Calls("query", sql="SELECT 1"), Answers({"cause": "lock"}))
answer = await client.ask("fake", request)
fake.seen[0].messages      # what it was asked
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeAlias

from ..domain.asking import Gate, Message, Passage, TokenCount, ToolCall
from ..domain.model import ModelCard
from ..domain.tokens import ESTIMATE_METHOD
from ..domain.usage import Usage
from ..errors import ProviderError, ProviderUnavailableError
from .catalogue import Catalogue
from .client import ModelClient
from .keys import Keys, Secret
from .policy import Policy, estimate_exchange
from .wire import ANSWER_TOOL, Exchange, Receipt, Reply

_USAGE = Usage(input_tokens=100, output_tokens=20, cached_tokens=0, reasoning_tokens=0)


@dataclass(frozen=True)
class Says:
    """It writes a text."""

    text: str
    usage: Usage = _USAGE


@dataclass(frozen=True)
class Calls:
    """It calls a tool."""

    tool: str
    arguments: Any = field(default_factory=dict)
    usage: Usage = _USAGE


@dataclass(frozen=True)
class Answers:
    """It gives the typed answer; text is sent as it is, so that it can be wrong."""

    value: Any
    usage: Usage = _USAGE


@dataclass(frozen=True)
class Fails:
    """It gives an error of ours, after `text`."""

    error: ProviderError
    text: str = ""


@dataclass(frozen=True)
class Hangs:
    """It writes `text` and nothing more."""

    text: str = ""


Step: TypeAlias = Says | Calls | Answers | Fails | Hangs
# A step, or what gives one when it sees the request.
Script: TypeAlias = Step | Callable[[Exchange], Step]


class FakeModel:
    """Plays its script, one step a request. `seen` is what it was asked."""

    def __init__(self, *script: Script) -> None:
        self._script = deque(script)
        self.seen: list[Exchange] = []

    def next(self, exchange: Exchange) -> Step:
        """The step for a request."""
        self.seen.append(exchange)
        if not self._script:
            raise ProviderUnavailableError("the script of the fake model has ended", retryable=False)
        step = self._script.popleft()
        return step if isinstance(step, Says | Calls | Answers | Fails | Hangs) else step(exchange)


class FakeWire:
    """The wire to a `FakeModel`."""

    def __init__(self, card: ModelCard, model: FakeModel) -> None:
        self.card = card
        self._model = model

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(self, exchange: Exchange, receipt: Receipt, timeout_s: float) -> Reply:
        """See `wire.Wire.send`."""
        step = self._model.next(exchange)
        number = len(self._model.seen)
        if isinstance(step, Fails | Hangs):
            partial = Reply(Message("model", (Passage(step.text),)), Usage(unmeasured_requests=1))
            receipt.snapshot = lambda: partial
            receipt.on_text(step.text)
            if isinstance(step, Fails):
                step.error.partial_text = step.error.partial_text or step.text
                raise step.error
            await asyncio.sleep(timeout_s)
            raise ProviderUnavailableError(f"{self.card.id}: no word for {timeout_s} s", partial_text=step.text)
        resolved = f"{self.card.model}-scripted"
        if isinstance(step, Says):
            receipt.on_text(step.text)
            return Reply(Message("model", (Passage(step.text),)), step.usage, None, "stop", resolved)
        if isinstance(step, Calls):
            call = ToolCall(f"call-{number}", step.tool, _json(step.arguments))
            return Reply(Message("model", calls=(call,)), step.usage, None, "tool_call", resolved)
        answer = ToolCall(f"call-{number}", ANSWER_TOOL, _json(step.value))
        return Reply(Message("model", answer=answer), step.usage, answer, "tool_call", resolved)

    async def count_tokens(self, exchange: Exchange) -> TokenCount:
        """See `wire.Wire.count_tokens`."""
        return TokenCount(estimate_exchange(exchange), exact=False, method=ESTIMATE_METHOD)


def fake_client(
    *script: Script, policy: Policy | None = None, gate: Gate | None = None, **others: FakeModel
) -> tuple[ModelClient, FakeModel]:
    """A client whose model "fake" plays a script, and that model; `others` are further models by id."""
    models = {"fake": FakeModel(*script), **others}
    cards = {name: ModelCard(name, f"scripted:{name}", key_variable="") for name in models}

    def open_fake(card: ModelCard, key: Secret | None) -> FakeWire:
        return FakeWire(card, models[card.id])

    client = ModelClient(Catalogue(cards), Keys({}), policy or _quick(), gate, open_fake)
    return client, models["fake"]


def _quick() -> Policy:
    """Retries that don't wait."""
    return Policy(first_wait_s=0.001)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
