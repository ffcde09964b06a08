from __future__ import annotations

import random
from statistics import median

import pytest

from deep_code_reasoning.detectors.series.steps import find_step, running_costs


@pytest.mark.parametrize("seed", range(5))
def test_running_costs_are_the_distances_to_the_median_of_each_prefix(seed: int) -> None:
    generator = random.Random(seed)
    values = [generator.choice([generator.gauss(0, 10), 5.0]) for _ in range(40)]
    expected = [sum(abs(v - median(values[: n + 1])) for v in values[: n + 1]) for n in range(len(values))]
    assert running_costs(values) == pytest.approx(expected)


def test_a_step_is_found_where_it_is() -> None:
    step = find_step([5, 6, 5, 4, 5, 6, 5, 5, 50, 52, 49])
    assert step is not None
    assert (step.index, step.before, step.after) == (8, 5, 50)
    assert step.log_evidence > 5


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([5.0] * 20, id="constant"),
        pytest.param([5, 6, 5, 4, 5, 900, 6, 5, 5, 6, 4, 5], id="one spike"),
        pytest.param([5, 6, 4] * 8, id="noise"),
        pytest.param([1, 1, 90, 90], id="too short"),
    ],
)
def test_what_is_no_step_gives_no_evidence(values: list[float]) -> None:
    step = find_step(values)
    assert step is None or step.log_evidence < 0


def test_a_few_events_more_are_no_step() -> None:
    few = find_step([0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 2, 1])
    many = find_step([0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 7, 8, 11, 9])
    assert few is not None
    assert many is not None
    assert few.log_evidence < 0 < many.log_evidence
