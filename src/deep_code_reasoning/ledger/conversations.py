"""Conversations that outlive the process: their turns, their limits, and who works on them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..domain.call import Call
from ..domain.conversation import Conversation, ConversationLimits, Turn, TurnRole
from ..errors import (
    BudgetExceededError,
    ConversationBusyError,
    ConversationExpiredError,
    ConversationFinishedError,
    ConversationNotFoundError,
    LedgerError,
)
from . import calls, leases
from .database import Database
from .leases import NS_PER_S, Hold
from .owner import new_id
from .schema import CALLS, CONVERSATIONS, TURNS
from .spending import spent_on_conversation

# A lease is renewed three times before it runs out.
LEASE_S: Final = 60.0
_RENEWALS: Final = 3


class Conversations:
    """The tables of conversations and turns.

    Work on a conversation happens under a hold: `with conversations.held(id) as hold: ...`. Turns are written under
    it; nobody else can write meanwhile, in whatever process.
    """

    def __init__(self, database: Database, clock: Callable[[], int], recorded: calls.Calls) -> None:
        self._database = database
        self._clock = clock
        self._calls = recorded

    def start(
        self,
        analysis_type: str,
        surface: str,
        *,
        limits: ConversationLimits,
        context: Mapping[str, Any] | None = None,
        escalation_id: str | None = None,
        case_id: str | None = None,
        conversation_id: str | None = None,
    ) -> Conversation:
        """Begin a conversation. Without an id one is made."""
        now_ns = self._clock()
        conversation_id = conversation_id or new_id("conversation", now_ns)
        values = {
            "id": conversation_id,
            "escalation_id": escalation_id,
            "case_id": case_id,
            "surface": surface,
            "analysis_type": analysis_type,
            "context": dict(context or {}),
            "state": "active",
            "turn_limit": limits.turns,
            "turns_used": 0,
            "spend_limit_nano_usd": limits.usd,
            "ttl_s": limits.idle_s,
            "created_ns": now_ns,
            "updated_ns": now_ns,
            "expires_ns": now_ns + limits.idle_s * NS_PER_S,
        }
        self._database.write(lambda connection: connection.execute(insert(CONVERSATIONS).values(values)))
        return self.get(conversation_id)

    def get(self, conversation_id: str) -> Conversation:
        """A conversation as it stands now, whatever its state.

        Raises:
            ConversationNotFoundError: when there is none of that id.
        """
        now_ns = self._clock()
        return self._database.read(
            lambda connection: _as_conversation(connection, _row(connection, conversation_id), now_ns)
        )

    def turns(self, conversation_id: str) -> tuple[Turn, ...]:
        """All turns, in order.

        Raises:
            ConversationNotFoundError: when there is no such conversation.
        """

        def read(connection: Connection) -> tuple[Turn, ...]:
            _row(connection, conversation_id)
            query = select(TURNS).where(TURNS.c.conversation_id == conversation_id).order_by(TURNS.c.ordinal)
            return tuple(
                Turn(row.conversation_id, row.ordinal, row.role, row.content, row.created_ns, row.call_id)
                for row in connection.execute(query)
            )

        return self._database.read(read)

    def unused_answers(self, conversation_id: str) -> tuple[Call, ...]:
        """Calls of a conversation whose answer is in none of its turns: what a crash left between the two."""
        used = select(TURNS.c.call_id).where(TURNS.c.conversation_id == conversation_id, TURNS.c.call_id.is_not(None))
        query = (
            select(CALLS)
            .where(CALLS.c.conversation_id == conversation_id, CALLS.c.raw_answer.is_not(None))
            .where(CALLS.c.id.not_in(used))
            .order_by(CALLS.c.started_ns, CALLS.c.id)
        )
        return self._database.read(lambda connection: tuple(map(calls.as_call, connection.execute(query))))

    def acquire(self, conversation_id: str, *, for_turn: bool = True, lease_s: float = LEASE_S) -> Hold:
        """Take a conversation to work on it, until it is given back or `lease_s` have passed without a renewal.

        Args:
            conversation_id: which one.
            for_turn: whether the user adds a turn, for which there is a limit; not so for the final answer.
            lease_s: for how long.

        Raises:
            ConversationNotFoundError: when there is none of that id.
            ConversationFinishedError: when it was finalised.
            ConversationExpiredError: when nobody went on with it in time.
            ConversationBusyError: when somebody else works on it.
            BudgetExceededError: when all its turns are used.
        """
        now_ns = self._clock()
        subject = _subject(conversation_id)

        def write(connection: Connection) -> Hold:
            row = _row(connection, conversation_id)
            if row.state == "finished":
                raise ConversationFinishedError(
                    f"conversation '{conversation_id}' was finalised",
                    "start another; to finalise it again gives its answer once more",
                )
            if row.expires_ns <= now_ns:
                raise ConversationExpiredError(
                    f"conversation '{conversation_id}' expired: nothing was added for {row.ttl_s} s",
                    "start another; to finalise it gives what was said until then",
                )
            hold = leases.take(connection, conversation_id, subject, lease_s, now_ns)
            if hold is None:
                raise ConversationBusyError(
                    f"somebody else works on conversation '{conversation_id}' now", "try again in a moment"
                )
            if for_turn and row.turns_used >= row.turn_limit:
                raise BudgetExceededError(
                    f"conversation '{conversation_id}' has had its {row.turn_limit} turns",
                    "finalise it, or start another",
                )
            return hold

        return self._database.write(write, alone_with=subject)

    def renew(self, hold: Hold) -> None:
        """Hold on for another lease.

        Raises:
            ConversationBusyError: when somebody else has taken the conversation over.
        """
        now_ns = self._clock()
        if not self._database.write(lambda connection: leases.renew(connection, hold, now_ns), hold.subject):
            raise _lost(hold)

    def release(self, hold: Hold) -> None:
        """Give a conversation back."""
        self._database.write(lambda connection: leases.give_back(connection, hold), hold.subject)

    @contextmanager
    def held(self, conversation_id: str, *, for_turn: bool = True, lease_s: float = LEASE_S) -> Iterator[Hold]:
        """Hold a conversation for the length of a `with` block, however long it takes. Raises as `acquire` does."""
        hold = self.acquire(conversation_id, for_turn=for_turn, lease_s=lease_s)
        done = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(hold, done), name=f"lease {hold.id}", daemon=True)
        keeper.start()
        try:
            yield hold
        finally:
            done.set()
            keeper.join()
            with suppress(LedgerError):  # what was done stays done; the lease runs out by itself
                self.release(hold)

    def add(self, hold: Hold, role: TurnRole, content: str, call_id: str | None = None) -> Turn:
        """Add a turn. The user's turns count against the limit of turns.

        Raises:
            ConversationBusyError: when somebody else has taken the conversation over; nothing is written then.
        """
        now_ns = self._clock()

        def write(connection: Connection) -> Turn:
            if not leases.renew(connection, hold, now_ns):
                raise _lost(hold)
            return _add(connection, Turn(hold.id, 0, role, content, now_ns, call_id))

        return self._database.write(write, alone_with=hold.subject)

    def answer(self, hold: Hold, call: Call, content: str) -> Turn:
        """Add a model's turn and record the call that it came from, both or neither.

        Raises:
            ConversationBusyError: when somebody else has taken the conversation over. The call is recorded
                nevertheless: it was paid for.
            LedgerError: when the database fails. The call is kept in a file, and recorded the next time.
        """
        now_ns = self._clock()

        def write(connection: Connection) -> Turn | None:
            calls.record(connection, call, now_ns)
            if not leases.renew(connection, hold, now_ns):
                return None
            return _add(connection, Turn(hold.id, 0, "model", content, now_ns, call.id))

        try:
            turn = self._database.write(write, alone_with=hold.subject)
        except LedgerError as fault:
            self._calls.rescue(call, fault)
            raise
        if turn is None:
            raise _lost(hold)
        return turn

    def finish(self, hold: Hold) -> None:
        """Finalise a conversation: it takes no more turns.

        Raises:
            ConversationBusyError: when somebody else has taken it over.
        """
        now_ns = self._clock()

        def write(connection: Connection) -> None:
            if not leases.renew(connection, hold, now_ns):
                raise _lost(hold)
            changed = {"state": "finished", "updated_ns": now_ns}
            connection.execute(update(CONVERSATIONS).where(CONVERSATIONS.c.id == hold.id).values(changed))
            leases.give_back(connection, hold)

        self._database.write(write, alone_with=hold.subject)

    def forget_expired(self, expired_for_s: float) -> int:
        """Delete conversations that expired long ago, with their turns; their calls stay. Returns how many."""
        before_ns = self._clock() - int(expired_for_s * NS_PER_S)
        old = select(CONVERSATIONS.c.id).where(CONVERSATIONS.c.expires_ns < before_ns)

        def write(connection: Connection) -> int:
            connection.execute(delete(TURNS).where(TURNS.c.conversation_id.in_(old)))
            return connection.execute(delete(CONVERSATIONS).where(CONVERSATIONS.c.expires_ns < before_ns)).rowcount

        return self._database.write(write)

    def _keep(self, hold: Hold, done: threading.Event) -> None:
        while not done.wait(hold.lease_s / _RENEWALS):
            try:
                self.renew(hold)
            except ConversationBusyError:
                return  # whoever holds it next must not be disturbed; the holder hears of it when it writes
            except LedgerError:
                continue  # the database is away for the moment; the lease lasts for two more tries


def _row(connection: Connection, conversation_id: str) -> Row[Any]:
    row = connection.execute(select(CONVERSATIONS).where(CONVERSATIONS.c.id == conversation_id)).one_or_none()
    if row is None:
        raise ConversationNotFoundError(f"there is no conversation '{conversation_id}'", "start one")
    return row


def _as_conversation(connection: Connection, row: Row[Any], now_ns: int) -> Conversation:
    state = row.state
    if state == "active" and leases.is_taken(connection, _subject(row.id), now_ns):
        state = "busy"
    elif state == "active" and row.expires_ns <= now_ns:
        state = "expired"
    return Conversation(
        id=row.id,
        surface=row.surface,
        analysis_type=row.analysis_type,
        state=state,
        context=row.context,
        turn_limit=row.turn_limit,
        turns_used=row.turns_used,
        spend_limit_usd=row.spend_limit_nano_usd,
        spent_usd=spent_on_conversation(connection, row.id, now_ns).usd or Decimal(0),
        ttl_s=row.ttl_s,
        created_ns=row.created_ns,
        updated_ns=row.updated_ns,
        expires_ns=row.expires_ns,
        escalation_id=row.escalation_id,
        case_id=row.case_id,
    )


def _add(connection: Connection, turn: Turn) -> Turn:
    """Add a turn behind the last one; its ordinal is found here. The holder's lease keeps others away."""
    mine = TURNS.c.conversation_id == turn.conversation_id
    ordinal = (connection.scalar(select(func.max(TURNS.c.ordinal)).where(mine)) or 0) + 1
    connection.execute(
        insert(TURNS).values(
            conversation_id=turn.conversation_id,
            ordinal=ordinal,
            role=turn.role,
            content=turn.content,
            call_id=turn.call_id,
            created_ns=turn.created_ns,
        )
    )
    table = CONVERSATIONS.c
    connection.execute(
        update(CONVERSATIONS)
        .where(table.id == turn.conversation_id)
        .values(
            turns_used=table.turns_used + int(turn.role == "user"),
            updated_ns=turn.created_ns,
            expires_ns=turn.created_ns + table.ttl_s * NS_PER_S,
        )
    )
    return Turn(turn.conversation_id, ordinal, turn.role, turn.content, turn.created_ns, turn.call_id)


def _subject(conversation_id: str) -> str:
    return f"conversation:{conversation_id}"


def _lost(hold: Hold) -> ConversationBusyError:
    return ConversationBusyError(
        f"conversation '{hold.id}' was taken over by somebody else", "look at its turns before you go on"
    )
