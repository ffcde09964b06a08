"""The check of answers is believed to be as good as outcomes have shown it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deep_code_reasoning.domain.ledger_statistics import CheckTally
from deep_code_reasoning.routing.check import informed
from deep_code_reasoning.routing.choice import choose
from deep_code_reasoning.routing.settings import Policy, Prior

from .test_choice import NEED, OCCASION, card

POLICY = Policy(accepts_right=0.8, accepts_wrong=0.2, check_weight=10)


def test_without_outcomes_the_configured_belief_holds() -> None:
    assert informed(POLICY, CheckTally()) == POLICY
    assert informed(replace(POLICY, check_weight=0), CheckTally()).accepts_right == 0.8


def test_outcomes_move_the_belief_as_far_as_they_outweigh_it() -> None:
    seen = informed(POLICY, CheckTally(right=30, right_held=30, wrong=10, wrong_held=0))
    assert (seen.accepts_right, seen.accepts_wrong) == (pytest.approx(0.95), pytest.approx(0.1))
    assert informed(replace(POLICY, check_weight=0), CheckTally(1, 1, 1, 0)).accepts_wrong == 0.0


def test_a_check_that_has_shown_itself_good_lets_a_cheap_model_go_first() -> None:
    cards = [card("cheap", 30), card("strong", 200)]
    priors = {("cheap", "*"): Prior(0.3, 1000), ("strong", "*"): Prior(0.9, 1000)}
    policy = replace(POLICY, priors=priors, exploration=0.0)
    assert choose(cards, NEED, policy, {}, OCCASION).chosen == "strong"
    good = informed(policy, CheckTally(right=300, right_held=300, wrong=300, wrong_held=0))
    decision = choose(cards, NEED, good, {}, OCCASION)
    assert decision.chosen == "cheap"
    shares = [decision.explanation[name] for name in ("accepts_right", "accepts_wrong")]
    assert shares == [good.accepts_right, good.accepts_wrong], "what was believed of the check is in the record"
