"""What to do with an answer that was checked: keep it, or ask another model, and when to stop asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..domain.call import Verification
from ..domain.model import ModelCard
from ..domain.routing_decision import RoutingDecision
from .choice import Need, Occasion, Records, choose
from .settings import Policy

# From the best to the worst; no answer at all is worse than any.
_RANKS: Final = ("refuted", "unverified", "partly", "verified")


@dataclass(frozen=True, slots=True)
class Attempted:
    """A model that was asked, and what checking its answer gave; None when it gave no answer."""

    model: str
    verification: Verification | None


@dataclass(frozen=True, slots=True)
class Climb:
    """Whether to go on, and why. `decision` is about the next model; it is there also when it chose nobody."""

    go_on: bool
    reason: str
    decision: RoutingDecision | None = None


def climb(
    attempts: Sequence[Attempted],
    cards: Sequence[ModelCard],
    need: Need,
    policy: Policy,
    records: Records,
    occasion: Occasion,
    remaining_s: float,
    named: str | None = None,
) -> Climb:
    """Decide what follows on an answer.

    An answer that is only partly verified is good, and still climbed over while that is worth it: `best_answer` goes
    back to it when nothing better comes.

    Args:
        attempts: every model that was asked so far, in order; not empty.
        need: with what is left of money and tokens now.
        remaining_s: seconds until the deadline; infinity without one.
        named: the model that the user named: then no other one is asked.
    """
    result = attempts[-1].verification
    if result is not None and result.result == "verified":
        return Climb(False, "the answer is verified")
    if named is not None:
        return Climb(False, "the user named the model")
    if len(attempts) >= policy.max_models:
        return Climb(False, f"{len(attempts)} models were asked, as many as one question may go to")
    if remaining_s < policy.shortest_call_s:
        return Climb(False, f"{remaining_s:.0f} s are left, less than a call takes")
    decision = choose(cards, need, policy, records, occasion, failed=[attempt.model for attempt in attempts])
    if decision.chosen is None:
        return Climb(False, str(decision.explanation["why"]), decision)
    failure = "no answer" if result is None else f"an answer that is {result.result}"
    return Climb(True, f"{attempts[-1].model} gave {failure}", decision)


def best_answer(attempts: Sequence[Attempted]) -> Attempted | None:
    """The attempt whose answer held best, the later one among equals; None when there was no answer."""
    answered = [attempt for attempt in attempts if attempt.verification is not None]
    return max(reversed(answered), key=_rank, default=None)


def _rank(attempt: Attempted) -> int:
    return -1 if attempt.verification is None else _RANKS.index(attempt.verification.result)
