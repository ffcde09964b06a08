"""Conversations outlive the process; one works on each at a time; each refusal says which it is."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from deep_code_reasoning.domain.conversation import Conversation, ConversationLimits
from deep_code_reasoning.errors import (
    BudgetExceededError,
    ConversationBusyError,
    ConversationExpiredError,
    ConversationFinishedError,
    ConversationNotFoundError,
    DeepCodeReasoningError,
)
from deep_code_reasoning.ledger import Ledger, leases

from .conftest import START_NS, Clock, a_call

LIMITS = ConversationLimits(turns=3, idle_s=600)


def begin(ledger: Ledger, **changes: object) -> Conversation:
    wanted: dict[str, object] = {"limits": LIMITS, "context": {"attempts": ["restart"], "files": []}}
    return ledger.conversations.start("cross_system", "mcp", **{**wanted, **changes})  # type: ignore[arg-type]


def test_a_conversation_is_there_after_a_restart(target: str, clock: Clock) -> None:
    with Ledger(target, clock) as ledger:
        started = begin(ledger, limits=replace(LIMITS, usd=Decimal("2.5")), escalation_id="e1", case_id="case-1")
        with ledger.conversations.held(started.id) as hold:
            ledger.conversations.add(hold, "user", "why?")
            ledger.conversations.answer(hold, a_call("c1", conversation_id=started.id), "because")
    with Ledger(target, clock) as ledger:
        again = ledger.conversations.get(started.id)
        assert again.context == {"attempts": ["restart"], "files": []}
        assert (again.state, again.turns_used, again.spent_usd) == ("active", 1, Decimal("0.0123"))
        assert (again.spend_limit_usd, again.escalation_id, again.case_id) == (Decimal("2.5"), "e1", "case-1")
        assert [
            (turn.ordinal, turn.role, turn.content, turn.call_id) for turn in ledger.conversations.turns(again.id)
        ] == [
            (1, "user", "why?", None),
            (2, "model", "because", "c1"),
        ]
        assert ledger.calls.of_conversation(again.id) == (a_call("c1", conversation_id=again.id),)


def test_not_found_busy_finished_and_expired_are_four_things(ledger: Ledger, clock: Clock) -> None:
    missing, busy, finished, expired = "conversation-0", begin(ledger).id, begin(ledger).id, begin(ledger).id
    ledger.conversations.finish(ledger.conversations.acquire(finished))
    clock.advance(601)
    with ledger.conversations.held(begin(ledger).id):
        pass
    busy = begin(ledger).id
    hold = ledger.conversations.acquire(busy)
    codes = {}
    for name, kind in (
        (missing, ConversationNotFoundError),
        (busy, ConversationBusyError),
        (finished, ConversationFinishedError),
        (expired, ConversationExpiredError),
    ):
        with pytest.raises(kind) as refusal:
            ledger.conversations.acquire(name)
        assert isinstance(refusal.value, DeepCodeReasoningError)
        codes[refusal.value.code] = refusal.value.retryable
    assert codes == {
        "conversation_not_found": False,
        "conversation_busy": True,
        "conversation_finished": False,
        "conversation_expired": False,
    }
    assert [ledger.conversations.get(name).state for name in (busy, finished, expired)] == [
        "busy",
        "finished",
        "expired",
    ]
    ledger.conversations.release(hold)
    assert ledger.conversations.get(busy).state == "active"


def test_the_turn_limit_is_checked_before_a_call_and_never_in_the_way_of_the_final_answer(ledger: Ledger) -> None:
    name = begin(ledger, limits=replace(LIMITS, turns=2)).id
    for _ in range(2):
        with ledger.conversations.held(name) as hold:
            ledger.conversations.add(hold, "user", "and?")
            ledger.conversations.add(hold, "evidence", "rows")
            ledger.conversations.add(hold, "model", "so")
    with pytest.raises(BudgetExceededError, match="2 turns"):
        ledger.conversations.acquire(name)
    assert ledger.conversations.get(name).state == "active"  # the refusal left no lock behind
    with ledger.conversations.held(name, for_turn=False) as hold:
        ledger.conversations.add(hold, "model", "in short")
        ledger.conversations.finish(hold)
    assert ledger.conversations.get(name).state == "finished"


def test_every_turn_puts_the_end_off(ledger: Ledger, clock: Clock) -> None:
    name = begin(ledger).id
    for _ in range(3):
        clock.advance(500)
        with ledger.conversations.held(name) as hold:
            ledger.conversations.add(hold, "user", "still here")
    clock.advance(600)
    with pytest.raises(ConversationExpiredError):
        ledger.conversations.acquire(name)
    assert len(ledger.conversations.turns(name)) == 3


def test_an_owner_that_slept_past_its_lease_cannot_write_over_its_successor(ledger: Ledger, clock: Clock) -> None:
    name = begin(ledger).id
    slow = ledger.conversations.acquire(name, lease_s=60)
    clock.advance(61)
    quick = ledger.conversations.acquire(name, lease_s=60)
    ledger.conversations.add(quick, "user", "mine")
    for act in (
        lambda: ledger.conversations.add(slow, "user", "late"),
        lambda: ledger.conversations.renew(slow),
        lambda: ledger.conversations.finish(slow),
        lambda: ledger.conversations.answer(slow, a_call("c1", conversation_id=name), "late"),
    ):
        with pytest.raises(ConversationBusyError, match="taken over"):
            act()
    ledger.conversations.release(slow)
    assert ledger.conversations.get(name).state == "busy"
    assert [turn.content for turn in ledger.conversations.turns(name)] == ["mine"]
    # The answer that came too late was paid for: it is kept, and can be found.
    assert [call.id for call in ledger.conversations.unused_answers(name)] == ["c1"]
    ledger.conversations.add(quick, "model", "the late one", call_id="c1")
    assert ledger.conversations.unused_answers(name) == ()


def test_a_hold_lasts_as_long_as_the_work(target: str) -> None:
    with Ledger(target) as ledger, Ledger(target) as other:
        name = begin(ledger).id
        with ledger.conversations.held(name, lease_s=0.3) as hold:
            threading.Event().wait(1.0)
            with pytest.raises(ConversationBusyError):
                other.conversations.acquire(name)
            ledger.conversations.add(hold, "user", "that took long")
        other.conversations.release(other.conversations.acquire(name))
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease ")]


def test_of_many_that_want_a_conversation_at_once_one_gets_it(ledger: Ledger) -> None:
    name = begin(ledger).id
    results: list[str] = []
    gate = threading.Barrier(8)

    def want() -> None:
        gate.wait()
        try:
            ledger.conversations.acquire(name)
            results.append("got")
        except ConversationBusyError:
            results.append("busy")

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["busy"] * 7 + ["got"]


def test_expired_conversations_are_forgotten_in_the_end_and_their_calls_are_not(ledger: Ledger, clock: Clock) -> None:
    old = begin(ledger).id
    with ledger.conversations.held(old) as hold:
        ledger.conversations.add(hold, "user", "why?")
        ledger.conversations.answer(hold, a_call("c1", conversation_id=old), "because")
    clock.advance(600 + 3601)
    young = begin(ledger).id
    assert ledger.conversations.forget_expired(3600) == 1
    assert ledger.conversations.get(young).state == "active"
    with pytest.raises(ConversationNotFoundError):
        ledger.conversations.turns(old)
    assert ledger.calls.get("c1").conversation_id == old


def test_a_lease_of_a_process_that_ended_holds_nobody_up(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    name = begin(ledger).id
    place, pid, _ = leases.this_process().split("|")
    # The same process number, but another process: started at another time.
    monkeypatch.setattr(leases, "this_process", lambda: f"{place}|{pid}|1")
    ledger.conversations.acquire(name)
    assert ledger.conversations.get(name).state == "active"
    # On another machine we cannot look; there the lease has to run out.
    monkeypatch.setattr(leases, "this_process", lambda: f"elsewhere|{pid}|1")
    ledger.conversations.acquire(name)
    assert ledger.conversations.get(name).state == "busy"
    assert ledger.conversations.get(name).updated_ns == START_NS
