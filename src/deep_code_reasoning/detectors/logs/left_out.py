"""Lines that a logger leaves out by chance: how often, as other operations show.

Loggers and collectors that are short of room keep every second line of an ordinary request. Then a line that does not
come is no path that stops: it tells something only where more lines are missing than other operations miss, or where
an operation missed none for so long that its own are not left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from ..timeline.change_point import OutcomeChange, rate_contrast
from .paths import Break, Operation

# Fewer requests of an operation tell no rate.
_MIN_TRIALS: Final = 20
# Fifty to one: the place of a change is chosen where it looks best, which alone is worth a factor of ten.
_APART: Final = math.log(50)


def is_left_out(operation: Operation, change: OutcomeChange, breaks: Sequence[tuple[Operation, Break]]) -> bool:
    """Whether an operation misses lines as others do, of the same service or, where it has no other, of all."""
    others = [(other, found) for other, found in breaks if other.key != operation.key and len(found.following) == 1]
    beside = [(other, found) for other, found in others if other.service == operation.service] or others
    losses = [loss for _, found in beside if (loss := _loss(found, change.index)) is not None]
    if not losses:
        return False
    usual = sorted(losses, key=lambda loss: loss[0] / loss[1])[(len(losses) - 1) // 2]
    since = rate_contrast(change.failures_after, change.trials_after, *usual)
    before = rate_contrast(change.failures_before, change.trials_before, *usual)
    return max(since, before) < _APART


def _loss(found: Break, index: int) -> tuple[int, int] | None:
    """How many of how many requests missed the one line that follows, in the better of the times before and since."""
    stretches = [
        (sum(found.failures[part]), sum(found.trials[part])) for part in (slice(None, index), slice(index, None))
    ]
    told = [stretch for stretch in stretches if stretch[1] >= _MIN_TRIALS]
    return min(told, key=lambda stretch: stretch[0] / stretch[1], default=None)
