"""The one policy for everything that can go wrong between us and a model: deadline, retries, failover.

The vendors' clients have retries of their own, each with other rules; they are switched off, and this holds instead.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ..domain.asking import Attempt, FailedOver, Gate, OnEvent, Planned, TextArrived, Waiting
from ..domain.deadline import Deadline
from ..domain.model import tier_for
from ..domain.tokens import estimate_tokens
from ..errors import DeadlineError, ProviderError
from . import prices
from .wire import Exchange, Receipt, Reply, Wire

# More than any answer's length; only what asyncio cannot take (infinity) is cut to it.
_NO_LIMIT_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Policy:
    """When to try again, and how long to wait before.

    Args:
        max_attempts: requests to one model at most.
        first_wait_s: the wait after the first failure; it doubles each time, and is spread by half, so that clients
            that failed together don't come back together (exponential backoff with jitter, Brooker, AWS 2015).
        max_wait_s: the longest wait worth it; when a provider asks for more, the next model is asked instead.
        stall_s: so long without a byte, and a connection counts as broken. Models that think write nothing for minutes.
        jitter: a number from 0 to 1, by chance.
    """

    max_attempts: int = 4
    first_wait_s: float = 0.5
    max_wait_s: float = 60.0
    stall_s: float = 300.0
    jitter: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def wait_s(self, failures: int, retry_after_s: float | None) -> float:
        """Seconds to wait after so many failures; never less than the provider asks for."""
        backoff_s = min(self.max_wait_s, self.first_wait_s * 2.0 ** (failures - 1))
        spread_s = backoff_s * (0.5 + 0.5 * self.jitter())
        return spread_s if retry_after_s is None else retry_after_s + 0.1 * spread_s


class Sender:
    """Sends the exchanges of one conversation to the first model that answers; keeps the record of all attempts."""

    def __init__(
        self,
        wires: Sequence[Wire],
        policy: Policy,
        deadline: Deadline,
        on_event: OnEvent | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._wires = wires
        self._policy = policy
        self._deadline = deadline
        self._on_event = on_event or (lambda _: None)
        self._gate = gate or (lambda _: None)
        self._at = 0
        self.attempts: list[Attempt] = []

    @property
    def wire(self) -> Wire:
        """The model that answered last, or is asked next. One that gave no answer is not asked again."""
        return self._wires[self._at]

    async def send(self, exchange: Exchange) -> Reply:
        """Send one exchange; go on to the next model each time one gives no answer.

        Raises:
            ProviderError: the last model's, with the longest text that any attempt of this exchange brought.
        """
        before = len(self.attempts)
        while True:
            wire = self.wire
            try:
                return await self._send_to(wire, exchange)
            except ProviderError as fault:
                texts = [attempt.text for attempt in self.attempts[before:]]
                fault.partial_text = max((fault.partial_text, *texts), key=len)
                fault.attempts = tuple(self.attempts)
                if not fault.other_model_may_answer or self._at + 1 == len(self._wires) or self._deadline.passed:
                    raise
                self._at += 1
                self._on_event(FailedOver(wire.card.id, self.wire.card.id, fault.code))

    async def _send_to(self, wire: Wire, exchange: Exchange) -> Reply:
        """Send to one model, again when that may help and time is left."""
        failures = 0
        while True:
            try:
                return await self._attempt(wire, exchange)
            except ProviderError as fault:
                failures += 1
                wait_s = self._policy.wait_s(failures, fault.retry_after_s)
                too_long = wait_s > self._policy.max_wait_s or wait_s >= self._deadline.remaining_s
                if not fault.retryable or failures >= self._policy.max_attempts or too_long:
                    raise
                self._on_event(Waiting(wait_s, fault.code))
                await self._policy.sleep(wait_s)

    async def _attempt(self, wire: Wire, exchange: Exchange) -> Reply:
        """One request, within the deadline; what became of it is recorded whatever it is."""
        if self._deadline.passed:
            raise DeadlineError(f"{wire.card.id}: the time was up before it was asked")
        planned = _planned(wire, exchange)
        self._gate(planned)
        receipt = Receipt(lambda text: self._on_event(TextArrived(text)))
        started_s = time.monotonic()
        left_s = min(self._deadline.remaining_s, _NO_LIMIT_S)
        try:
            async with asyncio.timeout(left_s):
                reply = await wire.send(exchange, receipt, min(self._policy.stall_s, left_s))
        except TimeoutError:
            self._record(planned, wire, receipt.snapshot(), started_s, DeadlineError.code)
            raise DeadlineError(
                f"{wire.card.id}: no whole answer in the {left_s:.1f} s that were left",
                "allow more time, or ask a faster model",
                partial_text=receipt.snapshot().text,
            ) from None
        except ProviderError as fault:
            self._record(planned, wire, receipt.snapshot(), started_s, fault.code)
            raise
        except asyncio.CancelledError:
            self._record(planned, wire, receipt.snapshot(), started_s, "cancelled")
            raise
        self._record(planned, wire, reply, started_s, None)
        return reply

    def _record(self, planned: Planned, wire: Wire, reply: Reply, started_s: float, error: str | None) -> None:
        attempt = Attempt(
            id=planned.id,
            model=wire.card.id,
            provider=wire.card.provider,
            resolved=reply.resolved,
            usage=reply.usage,
            cost_usd=prices.cost(wire.card, reply.resolved, reply.usage),
            finish_reason=reply.finish_reason,
            duration_s=time.monotonic() - started_s,
            text=reply.text,
            error=error,
        )
        self.attempts.append(attempt)
        self._on_event(attempt)


def _planned(wire: Wire, exchange: Exchange) -> Planned:
    """What is about to be sent, in figures."""
    tokens = estimate_exchange(exchange)
    limits = [limit for limit in (exchange.max_output_tokens, wire.card.max_output_tokens) if limit is not None]
    return Planned(
        id=uuid.uuid4().hex,
        model=wire.card.id,
        provider=wire.card.provider,
        input_tokens=tokens,
        max_output_tokens=min(limits, default=None),
        price=tier_for(prices.tiers(wire.card), tokens),
    )


def estimate_exchange(exchange: Exchange) -> int:
    """Estimate the input of a request in tokens: instructions, schemas and the whole conversation."""
    texts = [exchange.instructions]
    texts += [f"{tool.name} {tool.description} {tool.schema}" for tool in exchange.tools]
    if exchange.answer is not None:
        texts.append(f"{exchange.answer.description} {exchange.answer.schema}")
    texts += [text for message in exchange.messages for text in message.texts]
    return sum(estimate_tokens(text) for text in texts)
