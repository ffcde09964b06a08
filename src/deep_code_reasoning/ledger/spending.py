"""Budgets: an amount is set aside before a call is made, and replaced by what the call took once that is known.

Every call has one row in `spending`, under its own id. It counts as what was reserved while the call is under way, as
what the call took when that is known, and again as what was reserved when nobody can say what it took. A reservation
that nobody settled (its process ended) counts until it runs out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, and_, func, insert, or_, select, type_coerce, update

from ..domain.budget import Amount, Limits, Reservation
from ..errors import BudgetExceededError, UnpricedCallError
from .database import Database, upsert
from .leases import NS_PER_S
from .owner import this_process
from .schema import CONVERSATIONS, SPENDING, Count, Usd

# Longer than any call may take with its retries; a crash costs the budget no more than this.
RESERVATION_S: Final = 900.0


class Budgets:
    """What may still be spent."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def reserve(
        self,
        call_id: str,
        amount: Amount,
        limits: Limits,
        *,
        escalation_id: str | None = None,
        conversation_id: str | None = None,
        valid_s: float = RESERVATION_S,
    ) -> Reservation:
        """Set an amount aside for a call that is about to be made: the most that it may take.

        The limits of the call, of the escalation, of the conversation (kept with it) and of the day hold together
        over all processes that use this ledger.

        Raises:
            BudgetExceededError: when a limit would be passed; nothing is set aside then.
            UnpricedCallError: when there is a limit in money and the amount in money is unknown.
        """
        now_ns = self._clock()
        expires_ns = now_ns + int(valid_s * NS_PER_S)

        def write(connection: Connection) -> None:
            _check("call", Amount(Decimal(0), 0), amount, limits.call)
            if escalation_id is not None:
                spent = _spent(connection, SPENDING.c.escalation_id == escalation_id, now_ns)
                _check("escalation", spent, amount, limits.escalation)
            if conversation_id is not None:
                spent = _spent(connection, SPENDING.c.conversation_id == conversation_id, now_ns)
                _check("conversation", spent, amount, _limit_of_conversation(connection, conversation_id))
            _check("day", _spent(connection, SPENDING.c.day == _day(now_ns), now_ns), amount, limits.day)
            connection.execute(
                insert(SPENDING).values(
                    call_id=call_id,
                    escalation_id=escalation_id,
                    conversation_id=conversation_id,
                    day=_day(now_ns),
                    state="held",
                    reserved_nano_usd=amount.usd,
                    reserved_tokens=amount.tokens,
                    owner=this_process(),
                    created_ns=now_ns,
                    expires_ns=expires_ns,
                )
            )

        self._database.write(write, alone_with="budget")
        return Reservation(call_id, amount, expires_ns)

    def release(self, call_id: str) -> None:
        """Give back what was set aside for a call that was never sent; nothing happens when it was settled."""
        release = (
            update(SPENDING)
            .where(SPENDING.c.call_id == call_id, SPENDING.c.state == "held")
            .values(state="released", settled_nano_usd=Decimal(0), settled_tokens=0)
        )
        self._database.write(lambda connection: connection.execute(release))

    def spent_on_day(self) -> Amount:
        """What counts as spent on the day (UTC) of an instant, or today."""
        now_ns = self._clock()
        day = _day(now_ns)
        return self._database.read(lambda connection: _spent(connection, SPENDING.c.day == day, now_ns))

    def spent_on_escalation(self, escalation_id: str) -> Amount:
        """What counts as spent on an escalation."""
        now_ns = self._clock()
        condition = SPENDING.c.escalation_id == escalation_id
        return self._database.read(lambda connection: _spent(connection, condition, now_ns))


def settle(
    connection: Connection,
    call_id: str,
    amount: Amount,
    now_ns: int,
    *,
    escalation_id: str | None,
    conversation_id: str | None,
) -> None:
    """Replace what was reserved for a call by what it took, inside the transaction at hand."""
    upsert(
        connection,
        SPENDING,
        {
            "call_id": call_id,
            "escalation_id": escalation_id,
            "conversation_id": conversation_id,
            "day": _day(now_ns),
            "state": "settled",
            "reserved_nano_usd": None,
            "reserved_tokens": None,
            "settled_nano_usd": amount.usd,
            "settled_tokens": amount.tokens,
            "owner": this_process(),
            "created_ns": now_ns,
            "expires_ns": now_ns,
        },
        changed=("state", "settled_nano_usd", "settled_tokens"),
    )


def spent_on_conversation(connection: Connection, conversation_id: str, now_ns: int) -> Amount:
    """What counts as spent on a conversation."""
    return _spent(connection, SPENDING.c.conversation_id == conversation_id, now_ns)


def is_unsettled(now_ns: int) -> ColumnElement[bool]:
    """Condition: reserved by a process that never said what became of the call."""
    return and_(SPENDING.c.state == "held", SPENDING.c.expires_ns <= now_ns)


def _spent(connection: Connection, condition: ColumnElement[bool], now_ns: int) -> Amount:
    counted = or_(SPENDING.c.state != "held", SPENDING.c.expires_ns > now_ns)
    usd, tokens = connection.execute(
        select(
            type_coerce(_sum(SPENDING.c.settled_nano_usd, SPENDING.c.reserved_nano_usd), Usd),
            type_coerce(_sum(SPENDING.c.settled_tokens, SPENDING.c.reserved_tokens), Count),
        ).where(condition, counted)
    ).one()
    return Amount(usd or Decimal(0), tokens or 0)


def _sum(settled: Column[Any], reserved: Column[Any]) -> Any:
    """The sum of what was settled, or of what was reserved while or where nothing is known."""
    return func.sum(func.coalesce(settled, reserved))


def _limit_of_conversation(connection: Connection, conversation_id: str) -> Amount:
    limit = select(CONVERSATIONS.c.spend_limit_nano_usd).where(CONVERSATIONS.c.id == conversation_id)
    return Amount(usd=connection.scalar(limit))


def _check(scope: str, spent: Amount, wanted: Amount, limit: Amount) -> None:
    if limit.usd is not None:
        if wanted.usd is None:
            raise UnpricedCallError(
                f"the price of the call is unknown, and there is a limit of ${limit.usd} per {scope}",
                "give the model a price in your catalogue, or set the limit in tokens",
            )
        already = spent.usd or Decimal(0)
        if already + wanted.usd > limit.usd:
            raise BudgetExceededError(
                f"the call may cost ${wanted.usd}; of ${limit.usd} per {scope}, ${already} are spent or reserved",
                "raise the limit, send less evidence, or choose a cheaper model",
            )
    if limit.tokens is not None:
        tokens = wanted.tokens
        if tokens is None or (spent.tokens or 0) + tokens > limit.tokens:
            raise BudgetExceededError(
                f"the call may take {'an unknown number of' if tokens is None else tokens} tokens; "
                f"of {limit.tokens} per {scope}, {spent.tokens or 0} are spent or reserved",
                "raise the limit, or send less evidence",
            )


def _day(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // NS_PER_S, UTC).date().isoformat()
