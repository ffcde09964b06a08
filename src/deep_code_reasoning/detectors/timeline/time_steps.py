"""The time of a table, cut into equal steps: what change points are found in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...store import CaseStore

# Fine enough for an onset to a second in a case of some minutes, coarse enough that a step is one number of many.
STEPS: Final = 256


@dataclass(frozen=True, slots=True)
class TimeSteps:
    """Steps of `width_ns` from `first_ns` on; what lies before the first or after the last counts to these."""

    first_ns: int
    width_ns: int
    count: int = STEPS

    def start_of(self, step: int) -> int:
        """The first instant of a step."""
        return self.first_ns + step * self.width_ns

    def of(self, instant_ns: int) -> int:
        """The step that an instant lies in."""
        return min(max((instant_ns - self.first_ns) // self.width_ns, 0), self.count - 1)

    def parameters(self) -> dict[str, int]:
        """What `STEP_OF` needs in a query."""
        return {"step_first": self.first_ns, "step_width": self.width_ns, "step_last": self.count - 1}

    def spread(self, counts: Iterable[tuple[int, int]]) -> list[int]:
        """Counts by step as a list with a number for every step."""
        numbers = [0] * self.count
        for step, count in counts:
            numbers[int(step)] += int(count)
        return numbers


def step_of(column: str) -> str:
    """SQL: the step that an instant lies in; bind `TimeSteps.parameters()`."""
    step = f"intDiv({column} - {{step_first:Int64}}, {{step_width:Int64}})"
    return f"toInt64(least(greatest({step}, 0), {{step_last:Int64}}))"


def time_steps(store: CaseStore, table: str, column: str = "start_ns", count: int = STEPS) -> TimeSteps:
    """The steps of a table.

    The outermost thousandth on either side is left out of account: one absurd time stamp would make all others one
    step.
    """
    first, last = store.once(("time steps", table, column), lambda: _ends(store, table, column))
    return TimeSteps(first, max(1, (last - first) // count + 1), count)


def _ends(store: CaseStore, table: str, column: str) -> tuple[int, int]:
    row = store.query(
        f"SELECT quantileExact(0.001)({column}) AS first, quantileExact(0.999)({column}) AS last "
        f"FROM {table} WHERE {column} > 0"
    )[0]
    return int(row["first"] or 0), int(row["last"] or 0)
