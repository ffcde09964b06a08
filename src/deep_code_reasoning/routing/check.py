"""How good the check of answers is: what is believed of it at first, moved by what outcomes have shown.

The two shares are means of Beta distributions: a belief worth `Policy.check_weight` outcomes, plus right and wrong
answers that were checked. They go into a decision's record as they were, so that it can be made again.
"""

from __future__ import annotations

from dataclasses import replace

from ..domain.ledger_statistics import CheckTally
from .settings import Policy


def informed(policy: Policy, seen: CheckTally) -> Policy:
    """The policy with the check's shares as they are believed after so many outcomes."""
    return replace(
        policy,
        accepts_right=_share(policy.accepts_right, policy.check_weight, seen.right_held, seen.right),
        accepts_wrong=_share(policy.accepts_wrong, policy.check_weight, seen.wrong_held, seen.wrong),
    )


def _share(believed: float, weight: float, held: int, seen: int) -> float:
    return (believed * weight + held) / (weight + seen) if weight + seen else believed
