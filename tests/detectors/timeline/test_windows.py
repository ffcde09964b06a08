from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.timeline.time_steps import time_steps
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.store import CaseStore
from scenery import START_NS, System, Trouble, series

Build = Callable[..., AbstractContextManager[CaseStore]]
# The detectors that date their own findings; no other has a say in where the windows are.
DATING = [detector for detector in runner.detectors() if detector.dated]


@pytest.mark.parametrize("noticed_s", [None, 0, 110, 3600])
def test_the_onset_is_that_of_the_data_whenever_it_was_noticed(noticed_s: int | None, build_case: Build) -> None:
    noticed_ns = None if noticed_s is None else START_NS + noticed_s * NS_PER_S
    with build_case(System(Trouble(onset_s=70, way_to_stock_ms=300)).tables()) as store:
        scene, _, _ = runner.look(store, noticed_ns, DATING)
    assert scene is not None
    assert scene.windows.changed
    assert abs(scene.windows.onset_ns - (START_NS + 70 * NS_PER_S)) <= 2 * NS_PER_S
    assert scene.windows.baseline.end_ns == scene.windows.onset_ns == scene.windows.incident.start_ns


def test_a_calm_system_has_no_onset_and_no_findings(build_case: Build) -> None:
    steady = [20.0 + place * 7 % 5 for place in range(60)]
    tables = System().tables(metrics=series("stock", "cpu_usage_percent", steady))
    with build_case(tables) as store:
        scene, findings, checks = runner.look(store, None)
    assert scene is not None
    assert not scene.windows.changed
    assert [finding.summary for finding in findings] == []
    assert {check.verdict for check in checks} <= {"clear", "skipped"}


def test_nothing_with_a_time_is_no_scene(build_case: Build) -> None:
    with build_case({}) as store:
        assert runner.look(store, START_NS) == (None, (), ())


def test_one_absurd_time_stamp_does_not_squeeze_all_others_into_one_step(build_case: Build) -> None:
    tables = System(requests=600).tables()
    tables["spans"][0]["start_ns"] = 1
    tables["spans"][-1]["start_ns"] = 9_000_000_000 * NS_PER_S
    with build_case(tables) as store:
        steps = time_steps(store, "spans")
    assert START_NS <= steps.first_ns <= START_NS + 2 * NS_PER_S
    assert steps.width_ns * steps.count < 602 * NS_PER_S
    assert steps.spread([(0, 2), (0, 1), (255, 4)])[::255] == [3, 4]


def test_a_time_after_all_evidence_parts_nothing(build_case: Build) -> None:
    with build_case(System(requests=120).tables()) as store:
        scene, _, _ = runner.look(store, START_NS + 3_600 * NS_PER_S, DATING)
    assert scene is not None
    assert not scene.windows.changed
    assert abs(scene.windows.onset_ns - (START_NS + 60 * NS_PER_S)) <= 2 * NS_PER_S
