"""Every request to a model passes here: money is set aside before it is sent, and what became of it is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ..domain.asking import Attempt, ModelEvent, OnEvent, Planned
from ..domain.budget import Amount, Limits
from ..domain.call import Call, CallStatus
from ..domain.usage import Usage, add_costs

if TYPE_CHECKING:
    from ..ledger import Ledger

# What a request may write when neither it nor its model's card says so; reserved, and nearly always given back.
_ASSUMED_OUTPUT_TOKENS: Final = 32_000
_PER_MILLION: Final = Decimal(1_000_000)
_STATUSES: Final[Mapping[str | None, CallStatus]] = {
    None: "ok",
    "answer_truncated": "cut_off",
    "content_filtered": "refused",
    "cancelled": "cancelled",
    "deadline": "cancelled",
}


@dataclass
class Meter:
    """The gate and the record of the requests of one escalation or conversation.

    `gate` and `on_event` are handed to the client; before `begin` nothing may be sent. `calls` are the requests so far.
    `before_first` is called once, when the first request has been allowed and is about to be sent.
    """

    limits: Limits
    surface: str
    event_type: str
    listener: OnEvent | None = None
    reason: str | None = None
    escalation_id: str | None = None
    conversation_id: str | None = None
    before_first: Callable[[], None] | None = None
    calls: list[Call] = field(default_factory=list)
    _ledger: Ledger | None = None

    def begin(
        self,
        ledger: Ledger,
        *,
        reason: str | None = None,
        escalation_id: str | None = None,
        conversation_id: str | None = None,
    ) -> None:
        """From here on requests may be sent; they belong to this escalation or conversation."""
        self._ledger, self.reason = ledger, reason
        self.escalation_id, self.conversation_id = escalation_id, conversation_id

    @property
    def ledger(self) -> Ledger:
        """Where requests are recorded."""
        if self._ledger is None:
            raise RuntimeError("a request was to be sent before the meter began")
        return self._ledger

    def gate(self, planned: Planned) -> None:
        """Set aside the most that a request may cost.

        Raises:
            BudgetExceededError: when a limit would be passed; it is not sent then.
        """
        self.ledger.budgets.reserve(
            planned.id,
            most(planned),
            self.limits,
            escalation_id=self.escalation_id,
            conversation_id=self.conversation_id,
        )
        if self.before_first is not None:
            announce, self.before_first = self.before_first, None
            announce()

    def on_event(self, event: ModelEvent) -> None:
        """Record a request that has ended; tell the listener of every event."""
        if isinstance(event, Attempt):
            call = self.as_call(event)
            self.ledger.calls.record(call)
            self.calls.append(call)
        if self.listener is not None:
            self.listener(event)

    def as_call(self, attempt: Attempt) -> Call:
        """A request as the ledger keeps it."""
        duration_ms = round(attempt.duration_s * 1000)
        unbilled = attempt.error not in (None, "cancelled", "deadline") and not (attempt.text or attempt.usage.known)
        return Call(
            id=attempt.id,
            escalation_id=self.escalation_id,
            conversation_id=self.conversation_id,
            reason=self.reason,
            model_requested=attempt.model,
            model_resolved=attempt.resolved,
            provider=attempt.provider,
            surface=self.surface,
            event_type=self.event_type,
            status=_STATUSES.get(attempt.error, "error"),
            started_ns=time.time_ns() - duration_ms * 1_000_000,
            duration_ms=duration_ms,
            # A refusal without a word of an answer is not billed; anything else that is unknown stays so.
            usage=Usage(0, 0) if unbilled else attempt.usage,
            total_cost_usd=Decimal(0) if unbilled else attempt.cost_usd,
            finish_reason=attempt.finish_reason,
            error_code=attempt.error,
            raw_answer=attempt.text or None,
        )

    @property
    def last_answer(self) -> Call | None:
        """The last request that brought a whole answer."""
        return next((call for call in reversed(self.calls) if call.status == "ok"), None)


def most(planned: Planned) -> Amount:
    """The most that a request may take; money is None when its price is unknown."""
    output = planned.max_output_tokens or _ASSUMED_OUTPUT_TOKENS
    usd = None
    if planned.price is not None:
        price = planned.price
        # Writing to a cache costs more than reading plain input, where a price for it is named.
        dearest = max(price.input, price.cache_write or Decimal(0))
        usd = (planned.input_tokens * dearest + output * price.output) / _PER_MILLION
    return Amount(usd, planned.input_tokens + output)


def total(calls: Iterable[Call]) -> tuple[Usage, Decimal | None]:
    """Tokens and money of some requests together; unknown as soon as one is unknown."""
    usage, cost = Usage(), Decimal(0)
    known: Decimal | None = cost
    for call in calls:
        usage += call.usage
        known = add_costs(known, call.total_cost_usd)
    return usage, known
