"""Which model is asked: what fits, what is worth its cost, and that a decision can be made again."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.budget import Amount
from deep_code_reasoning.domain.model import ABILITIES, ModelCard, ModelRecord, PriceTier
from deep_code_reasoning.domain.routing_decision import RoutingDecision
from deep_code_reasoning.routing.choice import ABILITY_FOR, Need, Occasion, best_ladder, choose, vendor
from deep_code_reasoning.routing.settings import Policy, Prior

TODAY = date(2026, 11, 25)
NEED = Need("cross_system", "lock_contention", 20_000, TODAY)
OCCASION = Occasion("routing-1", seed=7, decided_ns=1)


def card(name: str, usd: float | None = 1.0, **changes: object) -> ModelCard:
    """A model whose million tokens cost so many dollars, in and out."""
    prices = () if usd is None else (PriceTier(Decimal(str(usd)), Decimal(str(usd))),)
    fields: dict[str, object] = {"id": name, "ref": f"{name}:model", "prices": prices}
    return ModelCard(**{**fields, **changes})  # type: ignore[arg-type]


def record(confirmed: int = 0, refuted: int = 0, rejected: int = 0, usd: str | None = None) -> ModelRecord:
    asked = confirmed + refuted + rejected
    return ModelRecord(asked, 0, confirmed, refuted, None if usd is None else Decimal(usd), asked, rejected)


def why_not(decision: RoutingDecision) -> dict[str, str | None]:
    return {candidate.model: candidate.facts["unfit"] for candidate in decision.candidates}


CARDS = st.lists(
    st.builds(
        lambda name, usd, window, abilities, days: card(
            name,
            usd,
            context_window_tokens=window,
            abilities=tuple(abilities),
            shutdown=None if days is None else date.fromordinal(TODAY.toordinal() + days),
        ),
        st.sampled_from("abcdefgh"),
        st.none() | st.floats(0, 100),
        st.none() | st.integers(1, 60_000),
        st.sets(st.sampled_from(sorted(ABILITIES))),
        st.none() | st.integers(-3, 3),
    ),
    unique_by=lambda made: made.id,
    max_size=6,
)
NEEDS = st.builds(
    lambda analysis, tokens, usd, left: Need(
        analysis, "x", tokens, TODAY, Amount(None if usd is None else Decimal(str(usd)), left)
    ),
    st.sampled_from([*ABILITY_FOR, "another"]),
    st.integers(0, 80_000),
    st.none() | st.floats(0, 2),
    st.none() | st.integers(0, 100_000),
)
RECORDS = st.dictionaries(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xy")),
    st.builds(record, st.integers(0, 9), st.integers(0, 9), st.integers(0, 3), st.none() | st.just("0.5")),
)
POLICY = Policy(draws=16)


@given(CARDS, NEEDS, RECORDS, st.integers(0, 2**63), st.sets(st.sampled_from("abcdefgh"), max_size=2))
def test_what_is_chosen_fits_and_has_its_propensity(
    cards: list[ModelCard], need: Need, records: dict[tuple[str, str], ModelRecord], seed: int, failed: set[str]
) -> None:
    occasion = replace(OCCASION, seed=seed)
    decision = choose(cards, need, POLICY, records, occasion, sorted(failed))
    shares = {candidate.model: candidate.propensity for candidate in decision.candidates}
    assert shares.keys() == {made.id for made in cards}
    if decision.chosen is None:
        assert set(shares.values()) <= {0.0}
        return
    fitting = [made for made in cards if why_not(decision)[made.id] is None]
    assert sum(shares.values()) == pytest.approx(1)
    assert all(shares[made.id] >= POLICY.exploration / len(fitting) - 1e-12 for made in fitting)
    assert {name for name, share in shares.items() if share} == {made.id for made in fitting}
    chosen = next(made for made in cards if made.id == decision.chosen)
    tokens = need.pack_tokens + POLICY.expected_output_tokens
    assert chosen.id not in failed
    assert chosen.shutdown is None or chosen.shutdown > TODAY
    assert tokens <= (chosen.context_window_tokens or tokens)
    assert tokens <= (tokens if need.left.tokens is None else need.left.tokens)
    ability = ABILITY_FOR.get(need.analysis_type)
    assert ability in chosen.abilities or not any(ability in made.abilities for made in fitting)
    # The same again, in whatever order the arguments come.
    assert choose(cards[::-1], need, POLICY, records, occasion, sorted(failed)) == decision


def terms(value_usd: float, right: float = 1.0, wrong: float = 0.0) -> dict[str, float]:
    return {"value_usd": value_usd, "accepts_right": right, "accepts_wrong": wrong}


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 5)), max_size=5),
    st.integers(0, 4),
    st.builds(terms, st.floats(0, 20), st.floats(0, 1), st.floats(0, 1)),
)
def test_the_best_ladder_is_the_best_of_all_ladders(
    models: list[tuple[float, float]], length: int, given_terms: dict[str, float]
) -> None:
    def worth(ladder: tuple[tuple[float, float], ...]) -> float:
        reached, total = 1.0, 0.0
        for chance, cost in ladder:
            right, wrong = given_terms["accepts_right"] * chance, given_terms["accepts_wrong"] * (1 - chance)
            total += reached * (right * given_terms["value_usd"] - cost)
            reached *= 1 - right - wrong
        return total

    every = [ladder for k in range(min(length, len(models)) + 1) for ladder in itertools.permutations(models, k)]
    found, first = best_ladder([chance for chance, _ in models], [cost for _, cost in models], length, given_terms)
    assert found == pytest.approx(max(map(worth, every)))
    assert (first is None) == (found == 0)


def test_a_cheap_model_goes_first_when_its_failures_are_noticed_and_another_may_follow() -> None:
    chances, costs = [0.6, 0.9], [0.05, 1.0]
    assert best_ladder(chances, costs, 2, terms(20))[1] == 0
    assert best_ladder(chances, costs, 1, terms(20))[1] == 1  # there is one try
    assert best_ladder(chances, costs, 2, terms(20, 0.8, 0.4))[1] == 1  # its failures often pass for answers


def test_a_failure_where_others_had_failed_counts_less() -> None:
    early, late = (replace(record(refuted=4), late=count) for count in (0, 4))
    means = [
        choose([card("a")], NEED, Policy(), {("a", NEED.problem_class): done}, OCCASION).candidates[0].facts["beta"]
        for done in (early, late)
    ]
    assert means == [1 + 4, 1 + 2]


def test_the_price_is_that_of_the_tier_which_the_pack_falls_into() -> None:
    tiers = (PriceTier(Decimal(1), Decimal(1)), PriceTier(Decimal(50), Decimal(50), above_input_tokens=200_000))
    cards = [card("flat", 10.0), card("tiered", prices=tiers)]
    beliefs = {(name, "lock_contention"): record(confirmed=40) for name in ("flat", "tiered")}
    small = choose(cards, NEED, Policy(exploration=0), beliefs, OCCASION)
    large = choose(cards, replace(NEED, pack_tokens=300_000), Policy(exploration=0), beliefs, OCCASION)
    assert (small.chosen, large.chosen) == ("tiered", "flat")


def test_verified_outcomes_move_the_choice_and_those_of_other_classes_less() -> None:
    cards = [card("a"), card("b")]

    def share(records: dict[tuple[str, str], ModelRecord]) -> float:
        decision = choose(cards, NEED, Policy(draws=400, max_models=1), records, OCCASION)
        return decision.candidates[0].propensity

    right, wrong = record(confirmed=8), record(refuted=4, rejected=4)
    here, elsewhere = "lock_contention", "memory_leak"
    assert share({}) == pytest.approx(0.5, abs=0.1)
    assert share({("a", here): right, ("b", here): wrong}) > 0.95
    assert (
        0.6
        < share({("a", elsewhere): right, ("b", elsewhere): wrong})
        < share({("a", here): right, ("b", here): wrong})
    )
    # Calls without a reported outcome say nothing.
    assert share({("a", here): ModelRecord(50, 20, 0, 0, None, 50)}) == share({})


def test_priors_hold_for_a_model_and_class_then_for_the_model_then_for_all() -> None:
    policy = Policy(priors={("a", "deadlock"): Prior(0.9, 8), ("a", "*"): Prior(0.7, 4)})
    assert policy.prior("a", "deadlock") == Prior(0.9, 8)
    assert policy.prior("a", "memory_leak") == Prior(0.7, 4)
    assert policy.prior("b", "deadlock") == Prior()


def test_a_model_with_a_record_is_expected_to_cost_what_it_did() -> None:
    records = {("a", "lock_contention"): record(confirmed=9, usd="18.9")}
    decision = choose([card("a", 25.0)], NEED, Policy(), records, OCCASION)
    assert decision.candidates[0].facts["cost_usd"] == pytest.approx((28_000 * 25 / 1e6 + 18.9) / 10)


def test_a_model_without_a_price_is_no_bargain_and_is_out_when_money_is_limited() -> None:
    cards = [card("known", 10.0), card("unknown", None)]
    strong = {(name, "lock_contention"): record(confirmed=99) for name in ("known", "unknown")}
    free = choose(cards, NEED, Policy(draws=200, max_models=1), strong, OCCASION)
    assert {candidate.propensity > 0.2 for candidate in free.candidates} == {True}
    limited = choose(cards, replace(NEED, left=Amount(Decimal(5))), Policy(), strong, OCCASION)
    assert limited.chosen == "known"
    assert why_not(limited)["unknown"] == "its price is unknown, and money is limited"


def test_after_a_failure_only_stronger_models_of_the_same_vendor_are_asked() -> None:
    cards = [card("weak", ref="acme:weak"), card("strong", ref="acme:strong"), card("foreign", ref="other:x")]
    records = {("strong", "lock_contention"): record(confirmed=20), ("weak", "lock_contention"): record(refuted=5)}
    after_strong = choose(cards, NEED, Policy(), records, OCCASION, failed=["strong"])
    assert after_strong.chosen == "foreign"
    assert why_not(after_strong)["weak"] == "a model of its vendor failed that is as strong"
    after_weak = choose(cards, NEED, Policy(), records, OCCASION, failed=["weak"])
    assert why_not(after_weak) == {"foreign": None, "strong": None, "weak": "it was asked already"}


def test_a_failure_lowers_the_odds_of_kin_more_than_of_others() -> None:
    cards = [card("first", ref="acme:1"), card("kin", ref="acme:2"), card("foreign", ref="other:x")]
    records = {("kin", "lock_contention"): record(confirmed=1)}
    decision = choose(cards, NEED, Policy(), records, OCCASION, failed=["first"])
    factors = {candidate.model: candidate.facts["odds_factor"] for candidate in decision.candidates}
    assert factors["kin"] < factors["foreign"] < 1


def test_the_user_names_the_model_whatever_speaks_against_it() -> None:
    cards = [card("a"), card("small", context_window_tokens=100)]
    decision = choose(cards, NEED, Policy(), {}, OCCASION, named="small")
    assert decision.chosen == "small"
    assert decision.explanation["why"] == "the user named the model"
    assert "do not fit its window" in decision.explanation["against"]
    assert {c.model: c.propensity for c in decision.candidates} == {"a": 0.0, "small": 1.0}
    stranger = choose(cards, NEED, Policy(), {}, OCCASION, named="openai:any")
    assert stranger.chosen == "openai:any"


def test_nobody_is_asked_when_nobody_fits_or_nobody_is_worth_it() -> None:
    nobody = choose([], NEED, Policy(), {}, OCCASION)
    dear = choose([card("a", 1000.0)], NEED, Policy(value_usd=1), {}, OCCASION)
    small = choose([card("a", context_window_tokens=10)], NEED, Policy(), {}, OCCASION)
    assert [decision.chosen for decision in (nobody, dear, small)] == [None, None, None]
    assert [decision.explanation["why"] for decision in (nobody, dear, small)] == [
        "no model is configured",
        "no model that fits is worth its cost",
        "no model fits the question",
    ]


def test_who_sells_a_model_does_not_change_whose_it_is() -> None:
    assert vendor(card("a", ref="openrouter:anthropic/claude")) == vendor(card("b", ref="anthropic:claude"))
    assert vendor(card("a", ref="openai-responses:gpt")) == vendor(card("b", ref="openai:gpt")) == "openai"
    assert vendor(card("a", ref="openai:x", base_url="http://127.0.0.1", priced_as="google:gemini")) == "google"
