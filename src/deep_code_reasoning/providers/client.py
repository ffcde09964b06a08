"""The door of this room: ask a model by name."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import date
from typing import Final, TypeAlias

from ..domain.asking import Gate, ModelAnswer, ModelRequest, OnEvent, TokenCount
from ..domain.deadline import Deadline
from ..domain.model import ModelCard
from ..domain.tokens import ESTIMATE_METHOD
from ..errors import DeadlineError, ModelNotConfiguredError, ProviderError
from . import prices
from .catalogue import Catalogue, load_catalogue
from .dialogue import Dialogue, opening
from .keys import Keys, Secret
from .policy import Policy, Sender, estimate_exchange
from .wire import Wire

# Counting is quick, or not worth waiting for.
COUNT_TIMEOUT_S: Final = 20.0

OpenWire: TypeAlias = Callable[[ModelCard, Secret | None], Wire]


class ModelClient:
    """Asks models by name; an `Asker`.

    Args:
        catalogue: the user's models; read from its file when None.
        gate: called before every request over the wire (also those between tool calls); refuses by raising.
        open_wire: makes the wire to a model; `fake.open_fake` in tests.

    Connections are opened for a question and closed with it: nothing outlives a call, and one client may be used from
    several event loops.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        keys: Keys | None = None,
        policy: Policy | None = None,
        gate: Gate | None = None,
        open_wire: OpenWire | None = None,
    ) -> None:
        self.catalogue = load_catalogue() if catalogue is None else catalogue
        self._keys = keys or Keys()
        self._policy = policy or Policy()
        self._gate = gate
        self._open_wire = open_wire

    async def ask(
        self,
        models: str | Sequence[str],
        request: ModelRequest,
        deadline: Deadline | None = None,
        on_event: OnEvent | None = None,
    ) -> ModelAnswer:
        """Ask a model; when it gives no answer, the next one that is named, then those its card falls back on.

        Args:
            deadline: nothing is waited for beyond it.
            on_event: is told of text, tools, waits, and every attempt with what it cost.

        Raises:
            ProviderError: when none answered, or the answer is not usable; with all that was written and spent.
            ModelNotConfiguredError: when a model is unknown, shut down, or has no key; nothing was sent then.
        """
        deadline = deadline or Deadline()
        wires = await self._wires_in_time(models, deadline)
        async with AsyncExitStack() as stack:
            for wire in wires:
                await stack.enter_async_context(wire)
            sender = Sender(wires, self._policy, deadline, on_event, self._gate)
            return await Dialogue(request, sender, deadline, on_event).run()

    async def count_tokens(self, model: str, request: ModelRequest, deadline: Deadline | None = None) -> TokenCount:
        """How many tokens a request takes: counted by the provider where it can, else an estimate that says so.

        A provider that does not answer soon is no reason to wait: then it is the estimate too.
        """
        exchange = opening(request)
        deadline = deadline or Deadline()
        try:
            async with (await self._wires_in_time(model, deadline))[0] as wire:
                async with asyncio.timeout(min(COUNT_TIMEOUT_S, deadline.remaining_s)):
                    return await wire.count_tokens(exchange)
        except (ProviderError, ModelNotConfiguredError, TimeoutError):
            return TokenCount(estimate_exchange(exchange), exact=False, method=ESTIMATE_METHOD)

    async def _wires_in_time(self, models: str | Sequence[str], deadline: Deadline) -> list[Wire]:
        """`_wires` in a thread: the first time a vendor's client is imported, that takes a second or two."""
        try:
            async with asyncio.timeout(None if math.isinf(deadline.at_s) else deadline.remaining_s):
                return await asyncio.to_thread(self._wires, models)
        except TimeoutError:
            raise DeadlineError("the time was up before a model was asked", "allow more time") from None

    def _wires(self, models: str | Sequence[str]) -> list[Wire]:
        """Wires to the models in the order in which they are asked.

        A model that cannot be asked at all is left out when there is another; with none left, the first one's reason
        is raised.
        """
        names = [models] if isinstance(models, str) else list(models)
        wires: list[Wire] = []
        refusals: list[ModelNotConfiguredError] = []
        for card in self._cards(names):
            try:
                wires.append(self._open(card))
            except ModelNotConfiguredError as refusal:
                refusals.append(refusal)
        if wires:
            return wires
        raise refusals[0] if refusals else ModelNotConfiguredError("no model is named")

    def _cards(self, names: Sequence[str]) -> list[ModelCard]:
        cards: dict[str, ModelCard] = {}
        for name in names:
            cards.setdefault(name, self.catalogue.card(name))
        for card in list(cards.values()):
            for name in card.fallbacks:
                cards.setdefault(name, self.catalogue.card(name))
        return list(cards.values())

    def _open(self, card: ModelCard) -> Wire:
        if card.shutdown is not None and card.shutdown <= date.today():  # noqa: DTZ011 - a day, not an instant
            raise ModelNotConfiguredError(
                f"{card.id}: was shut down on {card.shutdown}", "name another model, or correct the catalogue"
            )
        if self._open_wire is None:
            from .vendors import open_wire

            self._open_wire = open_wire
        prices.tiers(card)  # loads the list of prices here, in the thread, and not while the answer streams in
        return self._open_wire(card, self._keys.find(card))
