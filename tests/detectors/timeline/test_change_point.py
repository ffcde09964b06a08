from __future__ import annotations

import math

import pytest

from deep_code_reasoning.detectors.timeline.change_point import median, outcome_change, probability, rate_contrast


def test_a_clean_break_is_found_at_its_place() -> None:
    change = outcome_change([0] * 10 + [1] * 8, [1] * 18)
    assert change is not None
    assert (change.index, change.failures_before, change.failures_after) == (10, 0, 8)
    assert change.log_evidence > math.log(100)


def test_steps_without_trials_do_not_hide_the_break() -> None:
    change = outcome_change([0, 0, 0, 0, 0, 3, 0, 4], [5, 0, 5, 0, 5, 3, 0, 4])
    assert change is not None
    assert change.index == 5


@pytest.mark.parametrize(
    "failures",
    [
        pytest.param([0] * 18, id="never"),
        pytest.param([1] * 18, id="always"),
        pytest.param([0, 0, 1] * 6, id="now and then"),
        pytest.param([1] * 9 + [0] * 9, id="recovered"),
    ],
)
def test_steady_outcomes_give_no_evidence_of_a_change(failures: list[int]) -> None:
    change = outcome_change(failures, [1] * len(failures))
    assert change is None or change.log_evidence < 1


def test_more_of_the_same_is_more_evidence() -> None:
    evidence = []
    for size in (4, 8, 16, 32):
        change = outcome_change([0] * size + [1] * size, [1] * 2 * size)
        assert change is not None
        evidence.append(change.log_evidence)
    assert evidence == sorted(evidence)


def test_looking_at_more_things_makes_each_less_likely() -> None:
    assert probability(5, 1) > probability(5, 100) > probability(5, 10_000)
    assert probability(1e9, 10) == 1.0
    assert probability(-1e9, 10) == pytest.approx(0)


def test_groups_that_fail_alike_do_not_contrast() -> None:
    assert rate_contrast(2, 20, 20, 200) < 0 < rate_contrast(18, 20, 20, 200)


def test_the_median_is_indifferent_to_one_absurd_value() -> None:
    assert median([3, 1, 2]) == 2
    assert median([1, 2, 3, 1e300]) == 2.5
    assert math.isnan(median([]))
