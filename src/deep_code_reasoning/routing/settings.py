"""What routing is told by configuration: thresholds, what an answer is worth, what is believed of models at first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ANY: Final = "*"  # every class of problems


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a question goes to a model. The first five are the published rule: any one of them passed is enough.

    A cause of `proven_confidence` or more needs no model: confidence is calibrated, so that at most one in ten of
    such causes is wrong, about as many as the best models err on far easier questions. Two causes whose confidences
    are less than `contested_margin` apart are not told apart by the analysers.
    """

    files: int = 50
    trace_bytes: int = 100_000_000
    services: int = 3
    time_span_s: float = 3600.0
    attempts: int = 5
    proven_confidence: float = 0.9
    contested_margin: float = 0.1


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a model before it has a record: a rate of success (0..1), worth `weight` outcomes."""

    success: float = 0.5
    weight: float = 2.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How a model is chosen.

    Args:
        value_usd: what a verified answer is worth. An hour of an engineer's time and more; models cost cents to a few
            dollars, so that money decides between models, and rarely whether to ask at all.
        accepts_right: share (0..1) of right answers that hold when they are checked against the evidence.
        accepts_wrong: share (0..1) of wrong ones that do. The better the check, the more a cheap model may go first.
        check_weight: how many outcomes those two beliefs are worth each; reported outcomes move them (`check.py`).
        exploration: share (0..1) of choices that is spread evenly over all models that fit, whatever their record:
            without it a model with an unlucky start is never asked again.
        draws: how many times beliefs are drawn to find how often each model comes out best; propensities are
            multiples of 1/draws, before exploration.
        max_models: how many models one question may go to, the first included.
        elsewhere: what an outcome in another class of problems counts, against one in the class at hand.
        after_other_vendor: factor on the odds of success for each model of another vendor that failed on the
            question: what one could not answer is harder than most.
        after_same_vendor: the same for a failed model of the same vendor: kin fail together.
        expected_output_tokens: how much a model writes for one question, tools included, as long as it has no record.
        shortest_call_s: with less time than this left, no further model is asked.
        priors: beliefs by model and class of problems; the class may be `*`.
        default_prior: the belief about models that `priors` does not name.
    """

    value_usd: float = 25.0
    accepts_right: float = 0.8
    accepts_wrong: float = 0.2
    check_weight: float = 10.0
    exploration: float = 0.05
    draws: int = 64
    max_models: int = 3
    elsewhere: float = 0.25
    after_other_vendor: float = 0.5
    after_same_vendor: float = 0.3
    expected_output_tokens: int = 8_000
    shortest_call_s: float = 10.0
    priors: Mapping[tuple[str, str], Prior] = field(default_factory=dict)
    default_prior: Prior = field(default_factory=Prior)

    def prior(self, model: str, problem_class: str) -> Prior:
        """The belief about a model on a class of problems: its own, the model's on any class, the default."""
        on_any = self.priors.get((model, ANY), self.default_prior)
        return self.priors.get((model, problem_class), on_any)


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """All of it."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    policy: Policy = field(default_factory=Policy)
