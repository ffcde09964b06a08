"""Asking the stub: one client, one model, over each wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from pydantic import Field

from deep_code_reasoning.domain.asking import ModelAnswer, ModelEvent, ModelRequest, Passage, Tool
from deep_code_reasoning.domain.deadline import Deadline
from deep_code_reasoning.domain.model import ModelCard
from deep_code_reasoning.providers.catalogue import Catalogue
from deep_code_reasoning.providers.client import ModelClient
from deep_code_reasoning.providers.keys import Keys
from deep_code_reasoning.providers.policy import Policy
from wire.cards import KEY, KEY_VARIABLE, card
from wire.server import WIRES, Stub


@dataclass
class Verdict:
    """The cause of the incident."""

    cause: str
    confidence: Annotated[float, Field(ge=0, le=1)]


@dataclass
class Query:
    """Arguments of the tool."""

    sql: str


@dataclass
class Asking:
    """Asks the stub. `slept_s` are the waits of the policy, which nobody really waits for."""

    stub: Stub
    wire: str
    events: list[ModelEvent] = field(default_factory=list)
    slept_s: list[float] = field(default_factory=list)

    def policy(self, **changes: Any) -> Policy:
        async def sleep(seconds: float) -> None:
            self.slept_s.append(seconds)

        return Policy(**{"jitter": lambda: 0.0, "sleep": sleep} | changes)

    def client(self, *cards: ModelCard, policy: Policy | None = None, gate: Any = None) -> ModelClient:
        cards = cards or (card(self.stub, self.wire),)
        catalogue = Catalogue({entry.id: entry for entry in cards})
        return ModelClient(catalogue, Keys({KEY_VARIABLE: KEY}), policy or self.policy(), gate)

    def __call__(
        self,
        question: str | ModelRequest = "why?",
        *,
        client: ModelClient | None = None,
        models: str | list[str] = "deep",
        within_s: float = 10.0,
        **card_changes: Any,
    ) -> ModelAnswer:
        request = question if isinstance(question, ModelRequest) else text_request(question)
        client = client or self.client(card(self.stub, self.wire, **card_changes))
        return asyncio.run(client.ask(models, request, Deadline.after(within_s), self.events.append))


def text_request(question: str = "why?", **fields: Any) -> ModelRequest:
    return ModelRequest((Passage(question),), **fields)


def query_tool(run: Callable[[Query], Any] = lambda query: f"rows of {query.sql}") -> Tool:
    return Tool("query", "Runs one SELECT over the case.", Query, run)


@pytest.fixture(scope="session", autouse=True)
def _clients_loaded() -> None:
    """Import the vendors' clients once, so that no test's deadline pays for it; none may be asked without the stub."""
    import pydantic_ai.models
    import pydantic_ai.models.anthropic
    import pydantic_ai.models.google
    import pydantic_ai.models.openai

    pydantic_ai.models.ALLOW_MODEL_REQUESTS = False


@pytest.fixture(params=WIRES)
def ask(request: pytest.FixtureRequest, stub: Stub) -> Asking:
    """Ask the stub, over each wire in turn."""
    return Asking(stub, request.param)


@pytest.fixture
def ask_chat(stub: Stub) -> Asking:
    """Ask the stub over one wire, for what does not depend on it."""
    return Asking(stub, "openai-chat")
