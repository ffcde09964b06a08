"""When to try again, how long to wait, whom to ask next: the policy alone, without a wire and without waiting."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.asking import Attempt, ModelEvent, Planned, Waiting
from deep_code_reasoning.domain.deadline import Deadline
from deep_code_reasoning.domain.model import ModelCard, PriceTier
from deep_code_reasoning.errors import (
    AuthenticationError,
    BudgetExceededError,
    DeadlineError,
    ModelNotConfiguredError,
    ProviderUnavailableError,
    RateLimitedError,
    StoppedError,
)
from deep_code_reasoning.providers.catalogue import Catalogue
from deep_code_reasoning.providers.client import ModelClient
from deep_code_reasoning.providers.fake import Fails, FakeModel, FakeWire, Hangs, Says, fake_client
from deep_code_reasoning.providers.policy import Policy

from .conftest import text_request


def unavailable() -> ProviderUnavailableError:
    return ProviderUnavailableError("down")


def recording(slept_s: list[float], **changes: object) -> Policy:
    async def sleep(seconds: float) -> None:
        slept_s.append(seconds)

    return Policy(**{"sleep": sleep, "jitter": lambda: 1.0} | changes)  # type: ignore[arg-type]


def test_waits_double_up_to_the_longest_that_is_worth_it() -> None:
    policy = Policy(first_wait_s=1, max_wait_s=10, jitter=lambda: 1.0)
    assert [policy.wait_s(failures, None) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@given(st.integers(1, 60), st.floats(0, 1), st.none() | st.floats(0, 10_000))
def test_a_wait_is_spread_by_chance_but_never_shorter_than_asked_for(
    failures: int, chance: float, retry_after_s: float | None
) -> None:
    policy = Policy(jitter=lambda: chance)
    waited_s = policy.wait_s(failures, retry_after_s)
    if retry_after_s is None:
        assert 0.25 <= waited_s <= policy.max_wait_s
    else:
        assert retry_after_s <= waited_s <= retry_after_s + 0.1 * policy.max_wait_s


def test_clients_that_failed_together_do_not_come_back_together() -> None:
    waits = {Policy(jitter=lambda n=n: n / 10).wait_s(3, None) for n in range(11)}
    assert len(waits) == 11


def test_what_can_be_retried_is_until_the_attempts_run_out() -> None:
    slept_s: list[float] = []
    client, fake = fake_client(*[Fails(unavailable())] * 9, policy=recording(slept_s, max_attempts=3))
    with pytest.raises(ProviderUnavailableError) as caught:
        asyncio.run(client.ask("fake", text_request()))
    assert len(fake.seen) == 3
    assert slept_s == [0.5, 1.0]
    assert len(caught.value.attempts) == 3


def test_what_cannot_be_retried_is_not() -> None:
    client, fake = fake_client(Fails(AuthenticationError("no")), Says("never asked"))
    with pytest.raises(AuthenticationError):
        asyncio.run(client.ask("fake", text_request()))
    assert len(fake.seen) == 1


def test_retries_stay_within_the_deadline() -> None:
    now_s = [0.0]

    async def sleep(seconds: float) -> None:
        now_s[0] += seconds

    policy = Policy(first_wait_s=4, sleep=sleep, jitter=lambda: 1.0, max_attempts=10)
    client, fake = fake_client(*[Fails(unavailable())] * 10, policy=policy)
    deadline = Deadline(10.0, lambda: now_s[0])
    with pytest.raises(ProviderUnavailableError):
        asyncio.run(client.ask("fake", text_request(), deadline))
    # 4 s are waited; 8 more would pass the deadline, so they are not begun.
    assert (now_s[0], len(fake.seen)) == (4.0, 2)


def test_a_deadline_that_has_passed_asks_nobody() -> None:
    client, fake = fake_client(Says("late"))
    with pytest.raises(DeadlineError):
        asyncio.run(client.ask("fake", text_request(), Deadline.after(-1)))
    assert fake.seen == []


def test_no_other_model_is_asked_when_the_time_is_up() -> None:
    client, _ = fake_client(Hangs("half"), other=FakeModel(Says("late")))
    with pytest.raises(DeadlineError) as caught:
        asyncio.run(client.ask(["fake", "other"], text_request(), Deadline.after(0.1)))
    assert caught.value.partial_text == "half"


def test_a_provider_that_asks_for_a_long_wait_loses_to_the_next_model() -> None:
    slept_s: list[float] = []
    limited = RateLimitedError("busy", retry_after_s=500)
    client, _ = fake_client(Fails(limited), policy=recording(slept_s), other=FakeModel(Says("here")))
    answer = asyncio.run(client.ask(["fake", "other"], text_request()))
    assert (answer.text, answer.model, slept_s) == ("here", "other", [])


def test_a_model_that_gave_no_answer_is_not_asked_again_in_the_same_conversation() -> None:
    client, fake = fake_client(
        Fails(AuthenticationError("no")), other=FakeModel(Says("not json"), Says("still not json"))
    )
    from .conftest import Verdict

    with pytest.raises(Exception, match="no answer of the type"):
        asyncio.run(client.ask(["fake", "other"], text_request(answer=Verdict)))
    assert len(fake.seen) == 1


def test_waits_are_told() -> None:
    events: list[ModelEvent] = []
    client, _ = fake_client(Fails(unavailable()), Says("ok"), policy=recording([]))
    asyncio.run(client.ask("fake", text_request(), on_event=events.append))
    assert Waiting(0.5, "provider_unavailable") in events


def test_a_gate_sees_every_request_before_it_is_sent_and_can_refuse_it() -> None:
    planned: list[Planned] = []

    def gate(plan: Planned) -> None:
        planned.append(plan)
        if len(planned) == 2:
            raise BudgetExceededError("the budget of this call is used up")

    client, fake = fake_client(Fails(unavailable()), Says("never"), gate=gate)
    events: list[ModelEvent] = []
    with pytest.raises(StoppedError) as caught:
        asyncio.run(client.ask("fake", text_request("word " * 1000), on_event=events.append))
    assert isinstance(caught.value.__cause__, BudgetExceededError)
    assert [message.role for message in caught.value.messages] == ["user"]
    assert len(fake.seen) == 1
    assert 950 < planned[0].input_tokens < 1050
    (attempt,) = [event for event in events if isinstance(event, Attempt)]
    assert attempt.id == planned[0].id, "what was planned and what became of it can be told together"
    assert planned[0].price is None, "an unknown price is unknown, not zero"


def test_a_gate_that_refuses_the_first_request_speaks_for_itself() -> None:
    def gate(plan: Planned) -> None:
        raise BudgetExceededError("the day's budget is used up")

    client, fake = fake_client(Says("never"), gate=gate)
    with pytest.raises(BudgetExceededError):
        asyncio.run(client.ask("fake", text_request()))
    assert fake.seen == [], "it is refused before money is spent"


def test_a_gate_knows_the_price_that_holds_at_the_size() -> None:
    prices = (PriceTier(Decimal(1), Decimal(2)), PriceTier(Decimal(10), Decimal(20), above_input_tokens=500))
    card = ModelCard("tiered", "scripted:tiered", prices=prices, max_output_tokens=100, key_variable="")
    planned: list[Planned] = []
    model = FakeModel(Says("ok"), Says("ok"))
    client = ModelClient(Catalogue({"tiered": card}), gate=planned.append, open_wire=lambda c, _: FakeWire(c, model))
    asyncio.run(client.ask("tiered", text_request("short")))
    answer = asyncio.run(client.ask("tiered", text_request("word " * 1000)))
    assert [plan.price for plan in planned] == list(prices)
    assert planned[0].max_output_tokens == 100
    assert answer.cost_usd == Decimal("0.00014"), "100 in at 1, 20 out at 2 dollars a million, by what was billed"


def test_a_model_that_was_shut_down_is_not_asked_and_its_fallback_is() -> None:
    from datetime import date

    cards = {
        "old": ModelCard("old", "scripted:old", shutdown=date(2020, 1, 1), fallbacks=("new",)),
        "new": ModelCard("new", "scripted:new"),
    }
    model = FakeModel(Says("ok"))
    client = ModelClient(Catalogue(cards), open_wire=lambda c, _: FakeWire(c, model))
    assert asyncio.run(client.ask("old", text_request())).model == "new"
    alone = ModelClient(
        Catalogue({"old": ModelCard("old", "scripted:old", shutdown=date(2020, 1, 1))}),
        open_wire=lambda c, _: FakeWire(c, model),
    )
    with pytest.raises(ModelNotConfiguredError, match="was shut down on 2020-01-01"):
        asyncio.run(alone.ask("old", text_request()))


def test_the_same_client_serves_one_event_loop_after_another_and_several_questions_at_once() -> None:
    client, fake = fake_client(*[Says(str(n)) for n in range(6)])

    async def three() -> list[str]:
        answers = await asyncio.gather(*(client.ask("fake", text_request()) for _ in range(3)))
        return [answer.text for answer in answers]

    assert sorted(asyncio.run(three()) + asyncio.run(three())) == ["0", "1", "2", "3", "4", "5"]
    assert len(fake.seen) == 6
