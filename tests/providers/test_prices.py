"""What a request costs: the user's figures, the published ones, and what nobody knows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.model import ModelCard, PriceTier, price, tier_for
from deep_code_reasoning.domain.tokens import estimate_tokens
from deep_code_reasoning.domain.usage import Usage, add_costs
from deep_code_reasoning.providers import prices

TIERS = (
    PriceTier(Decimal(1), Decimal(10), cached_input=Decimal("0.1"), cache_write=Decimal("1.25")),
    PriceTier(Decimal(2), Decimal(20), above_input_tokens=200_000),
)


def published() -> ModelCard:
    """A model that the published list knows, whichever it is: ids die within a year."""
    from genai_prices.data_snapshot import get_snapshot

    for provider in get_snapshot().providers:
        if provider.id == "google":
            for model in provider.models:
                card = ModelCard("m", f"google:{model.id}")
                if len(prices.published_tiers(card)) > 1:
                    return card
    raise AssertionError("the list has no tiered model of Google's")


def test_a_request_is_priced_by_what_was_billed() -> None:
    usage = Usage(1000, 100, cached_tokens=600, cache_write_tokens=200)
    # 200 plain at 1, 600 cached at 0.1, 200 written at 1.25, 100 out at 10: dollars for a million.
    assert price(TIERS, usage) == Decimal("0.00151")


def test_above_the_threshold_the_whole_request_is_dearer() -> None:
    assert price(TIERS, Usage(200_000, 0)) == Decimal("0.2")
    assert price(TIERS, Usage(200_001, 0)) == Decimal("0.400002")
    assert price(TIERS, Usage(300_000, 0, cached_tokens=300_000)) == Decimal("0.6"), "no cached price: as input"


@pytest.mark.parametrize(
    ("tiers", "usage"),
    [
        ((), Usage(10, 10)),
        (TIERS, Usage()),
        (TIERS, Usage(10, None)),
        (TIERS, Usage(10, 10, unmeasured_requests=1)),
    ],
)
def test_an_unknown_price_or_count_makes_an_unknown_cost_and_never_zero(
    tiers: tuple[PriceTier, ...], usage: Usage
) -> None:
    assert price(tiers, usage) is None


def test_costs_add_up_to_unknown_as_soon_as_one_is() -> None:
    assert add_costs(Decimal(1), Decimal(2)) == 3
    assert add_costs(Decimal(1), None) is None


def test_usage_adds_up_and_keeps_what_is_unknown() -> None:
    total = Usage(1, 2, 3, 4, 5) + Usage(10, None, unmeasured_requests=1)
    assert total == Usage(11, 2, 3, 4, 5, 1)
    assert not total.known


@given(st.integers(0, 10**7))
def test_every_size_falls_into_the_highest_tier_below_it(size: int) -> None:
    assert tier_for(TIERS, size) == TIERS[size > 200_000]


def test_published_prices_hold_where_the_user_gives_none() -> None:
    card = published()
    low, high = prices.tiers(card)[0], prices.tiers(card)[-1]
    assert high.above_input_tokens > 0
    assert high.input > low.input > 0
    cost = prices.cost(card, None, Usage(1_000_000, 0))
    assert cost == high.input


def test_the_users_prices_go_before_the_published_ones() -> None:
    card = ModelCard("m", published().ref, prices=TIERS)
    assert prices.tiers(card) == TIERS
    assert prices.cost(card, None, Usage(1_000_000, 0)) == 2


def test_an_endpoint_of_the_users_own_has_no_published_price_unless_it_is_said_whose() -> None:
    ref = published().ref
    assert prices.tiers(ModelCard("m", ref, base_url="http://127.0.0.1:1/v1")) == ()
    resold = ModelCard("m", "openai-compatible:x", base_url="http://127.0.0.1:1/v1", priced_as=ref)
    assert prices.tiers(resold) == prices.tiers(published())


def test_a_model_that_nobody_knows_has_no_price_and_no_window() -> None:
    card = ModelCard("m", "google:no-such-model-of-anyone")
    assert (prices.tiers(card), prices.context_window(card), prices.cost(card, None, Usage(1, 1))) == ((), None, None)
    assert prices.tiers(ModelCard("m", "no-such-provider:x")) == ()


def test_the_model_that_answered_is_priced_before_the_name_that_was_asked() -> None:
    known = published()
    assert prices.cost(ModelCard("m", "google:alias-of-mine"), known.model, Usage(1_000_000, 0)) is not None


def test_tokens_are_estimated_for_texts_of_every_kind() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("The quick brown fox jumps over the lazy dog.") == 10
    assert estimate_tokens("0123456789") == 10
    assert 5 <= estimate_tokens("系统在高负载下") <= 8


@given(st.text(max_size=200), st.text(max_size=200))
def test_an_estimate_is_never_less_for_more_text_than_a_token_or_two(left: str, right: str) -> None:
    assert estimate_tokens(left + right) >= max(estimate_tokens(left), estimate_tokens(right)) - 2
