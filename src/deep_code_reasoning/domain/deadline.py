"""A moment after which nobody waits any more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant on a monotonic clock, in seconds; infinity: there is none.

    It is handed all the way down, so that each layer waits for what is left and none starts a span of its own.
    """

    at_s: float = math.inf
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """The deadline that many seconds from now; None: there is none."""
        return cls() if seconds is None else cls(time.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        """Seconds left; zero when it has passed, infinity when there is none."""
        return max(0.0, self.at_s - self.clock())

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return self.remaining_s <= 0
