"""Stretches of time, and the calm and the bad stretch of a case."""

from __future__ import annotations

from dataclasses import dataclass

from .instant import NS_PER_S, format_instant


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open stretch of time, [start_ns, end_ns)."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return (self.end_ns - self.start_ns) / NS_PER_S

    def holds(self, time_ns: int) -> bool:
        """Whether the instant lies inside."""
        return self.start_ns <= time_ns < self.end_ns

    def as_text(self) -> list[str]:
        """`[from, to]` in ISO 8601."""
        return [format_instant(self.start_ns), format_instant(self.end_ns)]


@dataclass(frozen=True, slots=True)
class Windows:
    """The calm and the bad stretch of a case, around an onset that was estimated.

    `onset` spans what the estimate cannot tell apart; `onset_ns` is its best single value. `method` says in
    words where it comes from. `changed` is False when no change was found in the data at all: then the
    windows follow the alert, or halve the data, and a finding needs more than their difference.
    """

    baseline: Window
    incident: Window
    onset_ns: int
    onset: Window
    noticed_at_ns: int | None
    method: str
    changed: bool
