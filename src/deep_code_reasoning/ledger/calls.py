"""Calls to models: recorded once each, with the money they took, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select, update

from ..domain.budget import Amount
from ..domain.call import Call, Verification
from ..domain.usage import Usage
from ..errors import LedgerError, RecordNotFoundError
from .database import Database, upsert
from .owner import new_id
from .rescue import Rescue
from .schema import CALLS
from .spending import settle

# Text that was paid for and what was checked of it stay, also when a call is recorded again without them.
_KEPT = ("raw_answer", "verification", "citations_resolved", "citations_unresolved")


class Calls:
    """The table of calls."""

    def __init__(self, database: Database, clock: Callable[[], int], rescue: Rescue | None = None) -> None:
        self._database = database
        self._clock = clock
        self._rescue = rescue

    def new_id(self) -> str:
        """An id for a call that is about to be made: its reservation and its record carry it."""
        return new_id("call", self._clock())

    def record(self, call: Call) -> bool:
        """Keep a call, and settle what was reserved for it. The same call may be recorded again: its row is replaced.

        A call without a reservation counts against the budgets too, from now on.

        Returns:
            Whether it is in the ledger. When the database fails it is kept in a file instead, which is read
            the next time the ledger is opened.

        Raises:
            LedgerError: when the database fails, and it cannot be kept in a file either.
        """
        now_ns = self._clock()
        try:
            self._database.write(lambda connection: record(connection, call, now_ns))
        except LedgerError as fault:
            self.rescue(call, fault)
            return False
        return True

    def rescue(self, call: Call, fault: LedgerError) -> None:
        """Keep a call in the file of those that could not be recorded.

        Raises:
            LedgerError: the one that was given, when there is no such file or it cannot be written.
        """
        if self._rescue is None:
            raise fault
        try:
            self._rescue.keep(call)
        except OSError:
            raise fault from None

    def recover(self) -> int:
        """Record the calls that were kept in the file; returns how many.

        Raises:
            LedgerError: when the database fails; what is left is kept for the next time.
        """
        now_ns = self._clock()
        if self._rescue is None:
            return 0
        return self._rescue.recover(
            lambda call: self._database.write(lambda connection: record(connection, call, now_ns))
        )

    def verify(self, call_id: str, verification: Verification) -> None:
        """Note what checking a call's answer against the evidence gave.

        Raises:
            RecordNotFoundError: when there is no such call.
        """

        def write(connection: Connection) -> int:
            changed = connection.execute(
                update(CALLS).where(CALLS.c.id == call_id).values(**verification_columns(verification))
            )
            return changed.rowcount

        if not self._database.write(write):
            raise RecordNotFoundError(f"there is no call '{call_id}'")

    def get(self, call_id: str) -> Call:
        """One call.

        Raises:
            RecordNotFoundError: when there is none of that id.
        """
        found = self._select(CALLS.c.id == call_id)
        if not found:
            raise RecordNotFoundError(f"there is no call '{call_id}'")
        return found[0]

    def of_escalation(self, escalation_id: str) -> tuple[Call, ...]:
        """The calls of an escalation, in the order in which they began."""
        return self._select(CALLS.c.escalation_id == escalation_id)

    def of_conversation(self, conversation_id: str) -> tuple[Call, ...]:
        """The calls of a conversation, in the order in which they began."""
        return self._select(CALLS.c.conversation_id == conversation_id)

    def _select(self, condition: Any) -> tuple[Call, ...]:
        query = select(CALLS).where(condition).order_by(CALLS.c.started_ns, CALLS.c.id)
        return self._database.read(lambda connection: tuple(map(as_call, connection.execute(query))))


def record(connection: Connection, call: Call, now_ns: int) -> None:
    """Keep a call and settle its reservation, inside the transaction at hand."""
    upsert(
        connection,
        CALLS,
        {
            "id": call.id,
            "escalation_id": call.escalation_id,
            "conversation_id": call.conversation_id,
            "reason": call.reason,
            "model_requested": call.model_requested,
            "model_resolved": call.model_resolved,
            "provider": call.provider,
            "surface": call.surface,
            "event_type": call.event_type,
            "input_tokens": call.usage.input_tokens,
            "output_tokens": call.usage.output_tokens,
            "cached_tokens": call.usage.cached_tokens,
            "cache_write_tokens": call.usage.cache_write_tokens,
            "reasoning_tokens": call.usage.reasoning_tokens,
            "unmeasured_requests": call.usage.unmeasured_requests,
            "total_cost_nano_usd": call.total_cost_usd,
            "started_ns": call.started_ns,
            "duration_ms": call.duration_ms,
            "finish_reason": call.finish_reason,
            "status": call.status,
            "error_code": call.error_code,
            "raw_answer": call.raw_answer,
            **verification_columns(call.verification),
        },
        kept=_KEPT,
    )
    settle(
        connection,
        call.id,
        Amount(call.total_cost_usd, call.total_tokens),
        now_ns,
        escalation_id=call.escalation_id,
        conversation_id=call.conversation_id,
    )


def verification_columns(verification: Verification | None) -> dict[str, Any]:
    """A verification as the columns that calls and escalations share."""
    return {
        "verification": verification.result if verification else None,
        "citations_resolved": verification.citations_resolved if verification else None,
        "citations_unresolved": verification.citations_unresolved if verification else None,
    }


def as_verification(row: Row[Any]) -> Verification | None:
    """The columns that calls and escalations share as a verification."""
    if row.verification is None:
        return None
    return Verification(row.verification, row.citations_resolved or 0, row.citations_unresolved or 0)


def as_call(row: Row[Any]) -> Call:
    """A row of the table of calls as what it means."""
    cost: Decimal | None = row.total_cost_nano_usd
    return Call(
        id=row.id,
        escalation_id=row.escalation_id,
        conversation_id=row.conversation_id,
        reason=row.reason,
        model_requested=row.model_requested,
        model_resolved=row.model_resolved,
        provider=row.provider,
        surface=row.surface,
        event_type=row.event_type,
        usage=Usage(
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cached_tokens=row.cached_tokens,
            cache_write_tokens=row.cache_write_tokens,
            reasoning_tokens=row.reasoning_tokens,
            unmeasured_requests=row.unmeasured_requests,
        ),
        total_cost_usd=cost,
        started_ns=row.started_ns,
        duration_ms=row.duration_ms,
        finish_reason=row.finish_reason,
        status=row.status,
        error_code=row.error_code,
        raw_answer=row.raw_answer,
        verification=as_verification(row),
    )
