"""Money is set aside before it is spent, over all processes, and what nobody settles is not lost for ever."""

from __future__ import annotations

from decimal import Decimal

import pytest

from deep_code_reasoning.domain.budget import Amount, Limits
from deep_code_reasoning.domain.conversation import ConversationLimits
from deep_code_reasoning.domain.usage import Usage
from deep_code_reasoning.errors import BudgetExceededError, LedgerError, UnpricedCallError
from deep_code_reasoning.ledger import Ledger

from .conftest import Clock, a_call


def usd(amount: str) -> Amount:
    return Amount(Decimal(amount))


def test_each_limit_is_checked_before_anything_is_set_aside(ledger: Ledger) -> None:
    limits = Limits(call=usd("1"), escalation=usd("1.5"), day=usd("2"))
    with pytest.raises(BudgetExceededError, match="per call"):
        ledger.budgets.reserve("c1", usd("1.01"), limits, escalation_id="e1")
    ledger.budgets.reserve("c1", usd("1"), limits, escalation_id="e1")
    with pytest.raises(BudgetExceededError, match="per escalation"):
        ledger.budgets.reserve("c2", usd("0.6"), limits, escalation_id="e1")
    ledger.budgets.reserve("c2", usd("0.5"), limits, escalation_id="e1")
    ledger.budgets.reserve("c3", usd("0.5"), limits, escalation_id="e2")
    with pytest.raises(BudgetExceededError, match="per day"):
        ledger.budgets.reserve("c4", usd("0.000000001"), limits, escalation_id="e3")
    assert ledger.budgets.spent_on_day().usd == Decimal(2)
    assert ledger.budgets.spent_on_escalation("e1").usd == Decimal("1.5")


def test_what_a_call_took_replaces_what_was_reserved_for_it(ledger: Ledger) -> None:
    limits = Limits(day=Amount(Decimal(1), 10_000))
    ledger.budgets.reserve("c1", Amount(Decimal("0.9"), 9000), limits)
    with pytest.raises(BudgetExceededError):
        ledger.budgets.reserve("c2", Amount(Decimal("0.2"), 100), limits)
    ledger.calls.record(a_call("c1"))
    assert ledger.budgets.spent_on_day() == Amount(Decimal("0.0123"), 1200)
    ledger.budgets.reserve("c2", Amount(Decimal("0.2"), 100), limits)
    with pytest.raises(BudgetExceededError, match="tokens"):
        ledger.budgets.reserve("c3", Amount(Decimal("0.2"), 9000), limits)


def test_a_call_of_unknown_cost_counts_as_what_was_reserved_for_it(ledger: Ledger) -> None:
    ledger.budgets.reserve("c1", Amount(Decimal("0.9"), 9000), Limits())
    ledger.calls.record(a_call("c1", total_cost_usd=None, usage=Usage(input_tokens=5)))
    assert ledger.budgets.spent_on_day() == Amount(Decimal("0.9"), 9000)


def test_a_call_that_nobody_reserved_counts_all_the_same(ledger: Ledger) -> None:
    ledger.calls.record(a_call("c1", escalation_id="e1"))
    assert ledger.budgets.spent_on_day() == ledger.budgets.spent_on_escalation("e1") == Amount(Decimal("0.0123"), 1200)


def test_a_limit_in_money_refuses_a_call_without_a_price_and_a_limit_in_tokens_does_not(ledger: Ledger) -> None:
    with pytest.raises(UnpricedCallError) as refusal:
        ledger.budgets.reserve("c1", Amount(None, 100), Limits(day=usd("5")))
    assert "catalogue" in refusal.value.hint
    ledger.budgets.reserve("c1", Amount(None, 100), Limits(day=Amount(tokens=1000)))
    with pytest.raises(BudgetExceededError, match="unknown number of tokens"):
        ledger.budgets.reserve("c2", usd("1"), Limits(day=Amount(tokens=1000)))


def test_a_reservation_that_is_given_back_does_not_count(ledger: Ledger) -> None:
    ledger.budgets.reserve("c1", usd("1"), Limits())
    ledger.budgets.release("c1")
    assert ledger.budgets.spent_on_day() == Amount(Decimal(0), 0)
    # What was settled stays settled.
    ledger.calls.record(a_call("c1"))
    ledger.budgets.release("c1")
    assert ledger.budgets.spent_on_day().usd == Decimal("0.0123")


def test_a_reservation_that_nobody_settled_counts_until_it_runs_out_and_is_reported(
    ledger: Ledger, clock: Clock
) -> None:
    limits = Limits(day=usd("1"))
    ledger.budgets.reserve("c1", usd("1"), limits, valid_s=60)
    clock.advance(59)
    with pytest.raises(BudgetExceededError):
        ledger.budgets.reserve("c2", usd("0.1"), limits)
    clock.advance(1)
    ledger.budgets.reserve("c2", usd("0.1"), limits)
    seen = ledger.statistics.collect()
    assert (seen.unsettled_calls, seen.unsettled_usd) == (1, Decimal(1))
    # The call comes back after all: then its cost is known, and counts.
    ledger.calls.record(a_call("c1"))
    assert ledger.budgets.spent_on_day().usd == Decimal("0.1123")
    assert ledger.statistics.collect().unsettled_calls == 0


def test_a_day_begins_at_midnight_utc(ledger: Ledger, clock: Clock) -> None:
    clock.now_ns = 1_790_035_199_000_000_000  # 2026-09-21T23:59:59Z
    limits = Limits(day=usd("1"))
    ledger.budgets.reserve("c1", usd("1"), limits)
    with pytest.raises(BudgetExceededError):
        ledger.budgets.reserve("c2", usd("1"), limits)
    clock.advance(1)
    ledger.budgets.reserve("c2", usd("1"), limits)


def test_a_conversation_has_a_limit_of_its_own(ledger: Ledger) -> None:
    conversation = ledger.conversations.start("performance", "mcp", limits=ConversationLimits(5, 600, Decimal("0.5")))
    ledger.budgets.reserve("c1", usd("0.4"), Limits(), conversation_id=conversation.id)
    assert ledger.conversations.get(conversation.id).spent_usd == Decimal("0.4")
    with pytest.raises(BudgetExceededError, match="per conversation"):
        ledger.budgets.reserve("c2", usd("0.2"), Limits(), conversation_id=conversation.id)
    ledger.budgets.reserve("c2", usd("0.2"), Limits())


def test_an_id_is_reserved_once(ledger: Ledger) -> None:
    ledger.budgets.reserve("c1", usd("1"), Limits())
    ledger.calls.record(a_call("c1"))
    with pytest.raises(LedgerError):
        ledger.budgets.reserve("c1", usd("0.001"), Limits())
    assert ledger.budgets.spent_on_day().usd == Decimal("0.0123")
