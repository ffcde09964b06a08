"""Shapes of calls that are always so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
Calls = list[tuple[str, float, float]]
"""Name, start and length in milliseconds."""


def always(calls: Calls, ms: float, odd: int = 1) -> Fleet:
    """Sixty requests; of every `odd` one makes these calls."""
    fleet = Fleet()
    for number in range(60):
        at, trace = number * 2000.0, f"t{number}"
        root = fleet.span(trace, "", "web", "h1", "GET /profile", at, ms, "server")
        for name, begins, takes in calls if number % odd == 0 else []:
            fleet.span(trace, root, "web", "h1", name, at + begins, takes, "client")
    return fleet


ROWS: Calls = [("SELECT badge", 5 + 12 * row, 11) for row in range(8)]
IN_TURN: Calls = [("GET /friends", 5, 90), ("GET /photos", 96, 80), ("SELECT wall", 177, 60)]
ASIDE: Calls = [("GET /friends", 5, 90), ("GET /photos", 6, 80), ("SELECT wall", 7, 60)]
MANY: Calls = [(f"GET /part{row}", 5 + 3 * row, 2) for row in range(24)]
SLOW: Calls = [("SELECT report", 5, 700)]


@pytest.mark.parametrize(
    ("calls", "ms", "shape", "costs_ms"),
    [
        (ROWS, 110, "n_plus_one", 88),
        (IN_TURN, 250, "serialised", 140),
        (MANY, 90, "fan_out", 48),
        (SLOW, 720, "slow_query", 700),
    ],
)
def test_a_shape_that_costs_time_is_a_smell_and_no_cause(
    calls: Calls, ms: float, shape: str, costs_ms: float, look: Look
) -> None:
    (finding,), _ = look("traces.call_shapes", always(calls, ms).tables())
    assert (finding.facts["shape"], finding.facts["costs_ms"]) == (shape, costs_ms)
    assert finding.facts["harmless"]
    assert finding.severity < 0.2


@pytest.mark.parametrize(
    "fleet",
    [always(ASIDE, 110), always(ROWS[:4], 60), always(IN_TURN, 250, odd=7), always([("SELECT report", 5, 300)], 320)],
    ids=["side by side", "few", "an odd case", "quick"],
)
def test_what_costs_nothing_or_is_no_habit_is_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.call_shapes", fleet.tables())
    assert not findings
    assert check.verdict == "clear"
