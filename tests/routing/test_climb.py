"""After an answer was checked: keep it, or ask another model, and when to stop."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import get_args

import pytest

from deep_code_reasoning.domain.budget import Amount
from deep_code_reasoning.domain.call import Verification, VerificationResult
from deep_code_reasoning.domain.model import ModelCard, PriceTier
from deep_code_reasoning.routing.choice import Need, Occasion
from deep_code_reasoning.routing.climb import Attempted, Climb, best_answer, climb
from deep_code_reasoning.routing.settings import Policy

PRICE = (PriceTier(Decimal(10), Decimal(10)),)
CARDS = [ModelCard(name, f"{vendor}:{name}", prices=PRICE) for name, vendor in (("a", "acme"), ("b", "bolt"))]
NEED = Need("cross_system", "deadlock", 20_000, date(2026, 11, 25))
OCCASION = Occasion("routing-2", seed=3, decided_ns=5, step=1, escalation_id="e1")


def attempt(model: str, result: str | None) -> Attempted:
    return Attempted(model, None if result is None else Verification(result))


def after(*attempts: Attempted, need: Need = NEED, remaining_s: float = math.inf, **changes: object) -> Climb:
    named = changes.pop("named", None)
    policy = replace(Policy(), **changes)  # type: ignore[arg-type]
    return climb(attempts, CARDS, need, policy, {}, OCCASION, remaining_s, named)  # type: ignore[arg-type]


@pytest.mark.parametrize("result", [None, "refuted", "unverified", "partly"])
def test_an_answer_that_does_not_hold_goes_to_another_model(result: str | None) -> None:
    step = after(attempt("a", result))
    assert step.go_on
    assert step.decision is not None
    assert (step.decision.chosen, step.decision.step, step.decision.escalation_id) == ("b", 1, "e1")
    assert step.decision.explanation["failed"] == ["a"]
    assert step.reason == f"a gave {'no answer' if result is None else f'an answer that is {result}'}"


def test_it_stops_at_a_verified_answer_and_asks_nobody_else() -> None:
    assert after(attempt("a", "refuted"), attempt("b", "verified")) == Climb(False, "the answer is verified")


def test_it_stops_when_the_user_named_the_model() -> None:
    assert after(attempt("a", "refuted"), named="a").reason == "the user named the model"


def test_it_stops_after_as_many_models_as_the_user_allows() -> None:
    step = after(attempt("a", "refuted"), max_models=1)
    assert (step.go_on, step.reason) == (False, "1 models were asked, as many as one question may go to")


def test_it_stops_when_there_is_no_time_left_for_a_call() -> None:
    assert after(attempt("a", "refuted"), remaining_s=9).reason == "9 s are left, less than a call takes"
    assert after(attempt("a", "refuted"), remaining_s=11).go_on


def test_it_stops_when_there_is_no_money_left_and_says_why_of_each_model() -> None:
    step = after(attempt("a", "refuted"), need=replace(NEED, left=Amount(Decimal("0.01"))))
    assert (step.go_on, step.reason) == (False, "no model fits the question")
    assert step.decision is not None
    assert "are more than the 0.0100 that are left" in step.decision.candidates[1].facts["unfit"]


def test_it_stops_when_nobody_is_left_or_worth_it() -> None:
    assert after(attempt("a", "refuted"), attempt("b", "partly")).reason == "no model fits the question"
    assert after(attempt("a", "refuted"), value_usd=0.5).reason == "no model that fits is worth its cost"


def test_the_best_answer_is_the_one_that_held_best_and_the_later_among_equals() -> None:
    ordered = [attempt(result, result) for result in ("verified", "partly", "unverified", "refuted")]
    assert {verified.model for verified in ordered} == set(get_args(VerificationResult))
    for kept, best in enumerate(ordered):
        assert best_answer([attempt("none", None), *reversed(ordered[kept:])]) == best
    assert best_answer([attempt("a", "partly"), attempt("b", "partly"), attempt("c", None)]) == attempt("b", "partly")
    assert best_answer([attempt("a", None)]) is None
