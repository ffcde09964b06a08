"""How rare a step is among what the same metric does elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deep_code_reasoning.detectors.metrics.rarity import families, rarity_evidence
from deep_code_reasoning.detectors.series.series import Series
from deep_code_reasoning.detectors.series.steps import find_step
from deep_code_reasoning.detectors.vocabulary.metrics import meaning
from scenery import series as rows_of

Look = Callable[..., Any]
MINUTE_NS = 60_000_000_000
NAME = "http_latency_p99_ms"
STEP = [5.0] * 50 + [900.0] * 3


def series(service: str, values: list[float]) -> Series:
    times = tuple(place * MINUTE_NS for place in range(len(values)))
    return Series(service, "", NAME, "", meaning(NAME), times, tuple(values))


def evidence(*others: list[float]) -> float:
    own = series("own", STEP)
    family = [own, *(series(f"other{place}", values) for place, values in enumerate(others))]
    step = find_step(own.values)
    assert step is not None
    return rarity_evidence(own, step, family)


def test_a_step_that_none_of_its_like_takes_is_rare() -> None:
    assert evidence([5.0] * 53) > evidence() > 5


def test_a_step_that_its_like_take_now_and_then_is_not() -> None:
    assert evidence(([5.0] * 8 + [950.0] * 3) * 5) < 3 < evidence([5.0] * 53)


def test_what_others_do_at_the_same_time_is_the_same_incident() -> None:
    assert evidence(STEP) > evidence(STEP[::-1])


def test_a_high_level_that_is_usual_for_another_service_says_nothing() -> None:
    assert evidence([2000.0] * 53) > 5


def test_a_longer_stretch_is_rarer() -> None:
    short, long = ([5.0] * 50 + [900.0] * points for points in (2, 8))
    found = []
    for values in (short, long):
        own = series("own", values)
        step = find_step(values)
        assert step is not None
        found.append(rarity_evidence(own, step, [own]))
    assert found[0] < found[1]


def test_a_family_of_very_many_is_thinned() -> None:
    thinned = families([series(f"s{place}", [1.0]) for place in range(1000)])
    assert len(thinned[NAME]) == 200


def test_a_latency_that_jumps_in_every_service_by_turns_is_not_told(look: Look) -> None:
    rows = []
    for place in range(12):
        values = [5.0] * 60
        for start in range(place, 60, 12):
            values[start : start + 3] = [900.0] * len(values[start : start + 3])
        rows += rows_of(f"service{place}", NAME, values)
    rows += rows_of("own", NAME, [5.0] * 57 + [900.0] * 3)
    findings, _ = look("metrics.service_level", {"metrics": rows})
    assert [f.service for f in findings] == []
