"""The four verdicts."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.domain.cause import Cause
from deep_code_reasoning.domain.finding import Check
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.ranking.judge import verdict

LOOKED = Check("traces.self_time", "clear", "")
COULD_NOT = Check("traces.self_time", "skipped", "no spans")
ELSEWHERE = Check("external.dns_failure", "clear", "")


def scene(changed: bool) -> Scene:
    windows = Windows(Window(0, 100), Window(100, 200), 100, Window(100, 101), None, "", changed)
    return Scene(None, windows, ServiceGraph())  # type: ignore[arg-type] - the verdict asks the windows alone


def causes(confidence: float) -> tuple[Cause, ...]:
    return (Cause(1, "exception", "a", confidence, ""),)


@pytest.mark.parametrize(
    ("changed", "found", "checks", "expected"),
    [
        (True, causes(0.8), (LOOKED,), "cause_found"),
        (True, causes(0.4), (LOOKED,), "no_cause_found"),
        (True, (), (LOOKED,), "no_cause_found"),
        (False, causes(0.4), (LOOKED,), "no_cause_found"),
        (False, causes(0.1), (LOOKED,), "healthy"),
        (False, (), (LOOKED,), "healthy"),
        (False, (), (COULD_NOT, ELSEWHERE), "insufficient_evidence"),
        (False, causes(0.9), (COULD_NOT, ELSEWHERE), "cause_found"),
    ],
)
def test_the_verdict_says_how_sure_and_of_what(
    changed: bool, found: tuple[Cause, ...], checks: tuple[Check, ...], expected: str
) -> None:
    assert verdict(scene(changed), found, checks) == expected


def test_without_any_time_there_is_too_little_evidence() -> None:
    assert verdict(None, (), (LOOKED,)) == "insufficient_evidence"
