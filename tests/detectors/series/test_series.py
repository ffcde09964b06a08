"""What counters added."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.series.series import increases


@pytest.mark.parametrize(
    ("counted", "added"),
    [
        ([10.0, 15.0, 15.0, 22.0], (5.0, 0.0, 7.0)),
        ([400.0, 410.0, 3.0, 8.0], (10.0, 3.0, 5.0)),
        ([400.0, 398.0, 405.0], (0.0, 7.0)),
    ],
    ids=["it counts on", "its process starts anew", "it goes back by a little"],
)
def test_a_counter_tells_by_what_it_added(counted: list[float], added: tuple[float, ...]) -> None:
    assert increases(counted) == added
