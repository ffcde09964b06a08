"""Which model to ask: the first rung of the ladder of models that is worth most.

An answer is verified, and when it fails, the next model is asked. So the models are not rivals but rungs: a cheap one
may go first when its failures are cheap to notice. The value of a ladder is the chance that one of its answers is
verified times what that is worth, minus the cost of all who are asked. For chances p and costs c that is highest in
ascending order of c/p (Weitzman, Optimal Search for the Best Alternative, Econometrica 1979, for boxes that hold all
or nothing); which rungs to take, when only so many may be asked, is found by dynamic programming.

What is believed of each model is a Beta distribution: a prior from configuration plus verified outcomes. Beliefs are
drawn (Thompson sampling: Biometrika 1933), the best ladder of each draw gives its first rung a vote, and the share of
votes is the propensity of being asked, save for a floor that every model gets which fits. The choice is one draw from
the propensities that are recorded, so the record can judge another policy later.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from ..domain.budget import UNLIMITED, Amount
from ..domain.model import ModelCard, ModelRecord, price
from ..domain.routing_decision import Candidate, RoutingDecision
from ..domain.usage import Usage
from .settings import Policy

POLICY: Final = "ladder-thompson/1"
NAMED: Final = "named-by-user/1"

# What each type of analysis needs beyond answering: names from `domain.model.ABILITIES`.
ABILITY_FOR: Final[Mapping[str, str]] = {
    "execution_trace": "code_execution",
    "cross_system": "long_context",
    "performance": "complexity_modelling",
    "hypothesis_test": "synthetic_scenarios",
}

# Records of models by (id, class of problems), as the ledger gives them.
Records = Mapping[tuple[str, str], ModelRecord]


@dataclass(frozen=True, slots=True)
class Need:
    """What a question asks of a model.

    Args:
        pack_tokens: what is sent, counted or estimated.
        left: money and tokens that may still be spent on the question; None in it: unlimited.
        today: the day on which is asked; a model that was shut down by then is out.
    """

    analysis_type: str
    problem_class: str
    pack_tokens: int
    today: date
    left: Amount = UNLIMITED


@dataclass(frozen=True, slots=True)
class Rung:
    """A model as a candidate: what is believed of it here, and what it will cost. Kept with the decision as facts.

    `alpha` and `beta` are the belief before this question; `odds_factor` is what failures of others on this very
    question do to its odds. `cost_usd` None: unknown. `unfit` says why it cannot be asked, None when it can.
    """

    model: str
    vendor: str
    alpha: float
    beta: float
    odds_factor: float
    cost_usd: float | None
    unfit: str | None

    def success(self, chance: float) -> float:
        """A chance of success (0..1) under the belief, as it is for this question."""
        return self.odds_factor * chance / (1 - chance + self.odds_factor * chance)

    @property
    def mean(self) -> float:
        """The expected chance of success before this question, 0..1."""
        return self.alpha / (self.alpha + self.beta)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When a decision is taken, for the record: its id, the seed of its randomness, the step of the escalation."""

    id: str
    seed: int
    decided_ns: int
    step: int = 0
    escalation_id: str | None = None


def choose(
    cards: Sequence[ModelCard],
    need: Need,
    policy: Policy,
    records: Records,
    occasion: Occasion,
    failed: Sequence[str] = (),
    named: str | None = None,
) -> RoutingDecision:
    """Choose a model for a question, or none; the decision says why. The same arguments give the same decision.

    Args:
        cards: models that can be asked (there is a key), with the prices and windows that hold for them.
        records: what the ledger knows of each.
        failed: ids of models that were asked this question before and whose answers did not hold.
        named: the model that the user names: it is the decision, whatever it costs and lacks.
    """
    rungs = _rungs(cards, need, policy, records, failed)
    if named is not None:
        return _as_named(named, rungs, occasion)
    terms = {
        "value_usd": policy.value_usd,
        "accepts_right": policy.accepts_right,
        "accepts_wrong": policy.accepts_wrong,
        "exploration": policy.exploration,
        "draws": policy.draws,
        "models_left": policy.max_models - len(failed),
        "failed": list(failed),
    }
    return _decide(rungs, terms, occasion)


def vendor(card: ModelCard) -> str:
    """Whose model it is, also when another sells it: `openrouter:anthropic/x` and `anthropic:x` are kin."""
    provider, _, model = (card.priced_as or card.ref).partition(":")
    maker, slash, _ = model.partition("/")
    return maker if slash else provider.partition("-")[0]  # openai-responses, google-cloud: surfaces of one vendor


def _rungs(
    cards: Sequence[ModelCard], need: Need, policy: Policy, records: Records, failed: Sequence[str]
) -> list[Rung]:
    """Every card as a candidate, in the order of their ids."""
    tried = [card for card in cards if card.id in failed]
    rungs = []
    for card in sorted(cards, key=lambda card: card.id):
        alpha, beta = _belief(card.id, need.problem_class, policy, records)
        factor = 1.0
        for other in tried:
            factor *= policy.after_same_vendor if vendor(other) == vendor(card) else policy.after_other_vendor
        cost = _expected_cost(card, need, policy, records)
        unfit = "it was asked already" if card.id in failed else _unfit(card, need, policy, cost)
        rungs.append(Rung(card.id, vendor(card), alpha, beta, factor, None if cost is None else float(cost), unfit))
    rungs = _only_stronger_kin(rungs, failed)
    return _only_able(rungs, cards, ABILITY_FOR.get(need.analysis_type))


def _belief(model: str, problem_class: str, policy: Policy, records: Records) -> tuple[float, float]:
    """The Beta distribution of a model's success: prior, outcomes in this class, and in others at less weight."""
    prior = policy.prior(model, problem_class)
    alpha, beta = prior.success * prior.weight, (1 - prior.success) * prior.weight
    for (name, where), record in records.items():
        if name == model:
            weight = 1.0 if where == problem_class else policy.elsewhere
            alpha += weight * record.confirmed
            # What others failed on before is harder than most: a failure there tells as much less of the model.
            beta += weight * (record.refuted + record.rejected - record.late * (1 - policy.after_other_vendor))
    return alpha, beta


def _expected_cost(card: ModelCard, need: Need, policy: Policy, records: Records) -> Decimal | None:
    """What the model will take for the whole question: its mean so far, and before there is one its price for it."""
    usage = Usage(input_tokens=need.pack_tokens, output_tokens=policy.expected_output_tokens)
    listed = price(card.prices, usage)
    total, count = (Decimal(0), Decimal(0)) if listed is None else (listed, Decimal(1))
    for (name, where), record in records.items():
        if name == card.id and record.cost_usd is not None:
            weight = Decimal(1) if where == need.problem_class else Decimal(str(policy.elsewhere))
            total += weight * record.cost_usd
            count += weight * record.asked
    return total / count if count else None


def _unfit(card: ModelCard, need: Need, policy: Policy, cost: Decimal | None) -> str | None:
    """Why a model cannot take the question; None when it can."""
    output = min(policy.expected_output_tokens, card.max_output_tokens or policy.expected_output_tokens)
    tokens = need.pack_tokens + output
    if card.shutdown is not None and card.shutdown <= need.today:
        return f"it was shut down on {card.shutdown}"
    if card.context_window_tokens is not None and tokens > card.context_window_tokens:
        return f"{tokens} tokens with the answer do not fit its window of {card.context_window_tokens}"
    if need.left.tokens is not None and tokens > need.left.tokens:
        return f"{tokens} tokens with the answer are more than the {need.left.tokens} that are left"
    if need.left.usd is not None and cost is None:
        return "its price is unknown, and money is limited"
    if need.left.usd is not None and cost is not None and cost > need.left.usd:
        return f"{cost:.4f} US dollars are more than the {need.left.usd:.4f} that are left"
    return None


def _only_stronger_kin(rungs: Sequence[Rung], failed: Sequence[str]) -> list[Rung]:
    """After a failure: of the same vendor, only models that are believed to be stronger."""
    best: dict[str, float] = {}
    for rung in rungs:
        if rung.model in failed:
            best[rung.vendor] = max(rung.mean, best.get(rung.vendor, 0.0))
    reason = "a model of its vendor failed that is as strong"
    return [
        replace(rung, unfit=reason) if rung.unfit is None and rung.mean <= best.get(rung.vendor, -1.0) else rung
        for rung in rungs
    ]


def _only_able(rungs: Sequence[Rung], cards: Sequence[ModelCard], ability: str | None) -> list[Rung]:
    """Leave out models without an ability, if any is left that has it; else the tools on this side have to do."""
    able = {card.id for card in cards if ability in card.abilities}
    if not any(rung.unfit is None and rung.model in able for rung in rungs):
        return list(rungs)
    return [
        replace(rung, unfit=f"it has not the ability {ability}")
        if rung.unfit is None and rung.model not in able
        else rung
        for rung in rungs
    ]


def _decide(rungs: Sequence[Rung], terms: Mapping[str, Any], occasion: Occasion) -> RoutingDecision:
    """Draw the model, from candidates and terms that are all in the record."""
    fit = [rung for rung in rungs if rung.unfit is None]
    costs = _costs(fit)
    expected = [rung.success(rung.mean) for rung in fit]
    utility, _ = best_ladder(expected, costs, terms["models_left"], terms)
    shares: dict[str, float] = {}
    chosen = None
    if utility > 0:
        source = random.Random(occasion.seed)  # noqa: S311 - to be repeatable is the point
        shares = _propensities(fit, costs, terms, source)
        chosen = source.choices(list(shares), list(shares.values()))[0]
    if not fit:
        why = "no model fits the question" if rungs else "no model is configured"
    elif chosen is None:
        why = "no model that fits is worth its cost"
    else:
        why = _why(next(rung for rung in fit if rung.model == chosen), shares[chosen])
    return _decision(POLICY, rungs, shares, chosen, {**terms, "utility_usd": utility, "why": why}, occasion)


def best_ladder(
    chances: Sequence[float], costs: Sequence[float], length: int, terms: Mapping[str, Any]
) -> tuple[float, int | None]:
    """The worth in dollars of the best ladder of at most `length` models, and the index of its first rung.

    Args:
        terms: `value_usd` of a right answer, and the shares (0..1) of right and wrong answers that pass the check
            (`accepts_right`, `accepts_wrong`): whatever passes ends the ladder.

    Returns:
        0 and None when no ladder is worth its cost.
    """
    right, wrong = terms["accepts_right"], terms["accepts_wrong"]
    ends = [right * chance + wrong * (1 - chance) for chance in chances]
    gains = [right * chance * terms["value_usd"] - cost for chance, cost in zip(chances, costs, strict=True)]
    # Swapping two neighbours shows that the best order of any set of rungs is by gain over the chance to end with it.
    order = sorted(range(len(chances)), key=lambda i: (-gains[i] / ends[i] if ends[i] else math.inf, i))
    # best[k]: the best ladder of at most k rungs among those looked at so far, which all come later in the order.
    best: list[tuple[float, int | None]] = [(0.0, None)] * (max(length, 0) + 1)
    for i in reversed(order):
        for k in range(len(best) - 1, 0, -1):
            worth = gains[i] + (1 - ends[i]) * best[k - 1][0]
            if worth > best[k][0]:
                best[k] = (worth, i)
    return best[-1]


def _propensities(
    fit: Sequence[Rung], costs: Sequence[float], terms: Mapping[str, Any], source: random.Random
) -> dict[str, float]:
    """How likely each model that fits is to be chosen; they sum to 1."""
    votes = [0] * len(fit)
    for _ in range(terms["draws"]):
        chances = [rung.success(source.betavariate(rung.alpha, rung.beta)) for rung in fit]
        _, first = best_ladder(chances, costs, terms["models_left"], terms)
        if first is not None:
            votes[first] += 1
    cast = sum(votes)
    floor = terms["exploration"] if cast else 1.0
    return {
        rung.model: floor / len(fit) + ((1 - floor) * count / cast if cast else 0.0)
        for rung, count in zip(fit, votes, strict=True)
    }


def _costs(fit: Sequence[Rung]) -> list[float]:
    """Expected costs in dollars. One that is unknown is taken for as high as the highest known: never for nothing."""
    highest = max((rung.cost_usd for rung in fit if rung.cost_usd is not None), default=0.0)
    return [highest if rung.cost_usd is None else rung.cost_usd for rung in fit]


def _as_named(named: str, rungs: Sequence[Rung], occasion: Occasion) -> RoutingDecision:
    """The user's word is the decision. What speaks against the model is said, and not acted on."""
    against = next((rung.unfit for rung in rungs if rung.model == named), "it is not in the catalogue")
    explanation = {"why": "the user named the model", "against": against}
    return _decision(NAMED, rungs, {named: 1.0}, named, explanation, occasion)


def _decision(
    policy: str,
    rungs: Sequence[Rung],
    shares: Mapping[str, float],
    chosen: str | None,
    explanation: Mapping[str, Any],
    occasion: Occasion,
) -> RoutingDecision:
    candidates = [Candidate(rung.model, shares.get(rung.model, 0.0), _facts(rung)) for rung in rungs]
    if chosen is not None and all(rung.model != chosen for rung in rungs):
        candidates.append(Candidate(chosen, 1.0))
    return RoutingDecision(
        id=occasion.id,
        policy=policy,
        step=occasion.step,
        candidates=tuple(candidates),
        chosen=chosen,
        decided_ns=occasion.decided_ns,
        seed=occasion.seed,
        explanation=explanation,
        escalation_id=occasion.escalation_id,
    )


def _facts(rung: Rung) -> dict[str, Any]:
    return {name: value for name, value in asdict(rung).items() if name != "model"}


def _why(rung: Rung, propensity: float) -> str:
    cost = "at an unknown cost" if rung.cost_usd is None else f"for about {rung.cost_usd:.4f} US dollars"
    return (
        f"{rung.model} ({rung.vendor}) is believed to succeed with {rung.success(rung.mean):.2f} {cost}; "
        f"it was to be chosen with probability {propensity:.2f}"
    )
