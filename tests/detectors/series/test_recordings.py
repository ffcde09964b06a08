"""The onset of what came between two recordings of traces."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.contrast.deploys import date_by_deploys
from deep_code_reasoning.detectors.series.level_shift import shift_of_latency
from deep_code_reasoning.detectors.timeline.recordings import hole_in_traces
from deep_code_reasoning.detectors.timeline.windows import undated_windows
from deep_code_reasoning.domain.instant import NS_PER_MS, NS_PER_S
from deep_code_reasoning.store import CaseStore
from scenery import CALM, START_NS, Row, System, deploy

BuildCase = Callable[[dict[str, list[Row]]], AbstractContextManager[CaseStore]]
DAY_S = 86_400
STEP_S = 1_200
ONSET_S = 4 * DAY_S + 5 * 3_600


def curves(rise: float, daily: float = 0.3) -> list[Row]:
    """Eight days of two services' latency every twenty minutes, with the shape of the day and a step in it."""
    rows: list[dict[str, Any]] = []
    for service, share in (("front", 1.0), ("orders", 1.4)):
        for number in range(8 * DAY_S // STEP_S):
            at_s = number * STEP_S
            shape = 1 + daily * math.sin(2 * math.pi * at_s / DAY_S)
            noise = 1 + 0.04 * math.sin(number * 37.0 * share)
            level = 1 + rise * share * (at_s >= ONSET_S)
            time_ns = START_NS + at_s * NS_PER_S
            value = 80 * shape * noise * level
            rows.append({"time_ns": time_ns, "service": service, "name": "latency_mean_ms", "value": value})
    return rows


def two_recordings() -> list[Row]:
    late = System(CALM, 60, first=6 * DAY_S)
    return [*System(CALM, 60).spans, *late.spans]


def test_a_step_is_found_within_the_shape_of_the_day(build_case: BuildCase) -> None:
    with build_case({"metrics": curves(rise=0.25)}) as store:
        shift = shift_of_latency(store, store.time_range("metrics"))
    assert shift is not None
    assert shift.services == ("front", "orders")
    assert abs(shift.at_ns - START_NS - ONSET_S * NS_PER_S) <= 2 * STEP_S * NS_PER_S
    assert shift.bounds.start_ns <= START_NS + ONSET_S * NS_PER_S < shift.bounds.end_ns
    assert shift.bounds.end_ns - shift.bounds.start_ns <= 3 * 3_600 * NS_PER_S


def test_the_shape_of_the_day_alone_is_no_step(build_case: BuildCase) -> None:
    with build_case({"metrics": curves(rise=0.0)}) as store:
        assert shift_of_latency(store, store.time_range("metrics")) is None


def test_one_recording_has_no_hole(build_case: BuildCase) -> None:
    with build_case({"spans": System(CALM, 120).spans}) as store:
        assert hole_in_traces(store) is None


def test_a_stray_time_stamp_makes_no_second_recording(build_case: BuildCase) -> None:
    with build_case({"spans": [*System(CALM, 60).spans, *System(CALM, 2, first=6 * DAY_S).spans]}) as store:
        assert hole_in_traces(store) is None


@pytest.mark.parametrize(
    ("every_s", "hole_s", "pause_s", "holes"),
    [(100, 2_000, 0, True), (100, 2_000, 600, False), (10, 400, 0, False)],
    ids=["a quarter of the time", "among other pauses", "a few minutes"],
)
def test_a_sharp_hole_of_a_quarter_parts_two_recordings(
    every_s: int, hole_s: int, pause_s: int, holes: bool, build_case: BuildCase
) -> None:
    moments = [n * every_s + pause_s * (n >= 15) + hole_s * (n >= 30) for n in range(60)]
    spans = [span for moment in moments for span in System(CALM, 1, first=moment).spans]
    with build_case({"spans": spans}) as store:
        assert (hole_in_traces(store) is not None) == holes


def test_between_two_recordings_the_metrics_date_the_onset(build_case: BuildCase) -> None:
    with build_case({"spans": two_recordings(), "metrics": curves(rise=0.25)}) as store:
        scene, _, _ = runner.look(store, START_NS + 8 * DAY_S * NS_PER_S)
    assert scene is not None
    assert scene.windows.changed
    assert scene.windows.onset.start_ns <= START_NS + ONSET_S * NS_PER_S < scene.windows.onset.end_ns


def test_without_metrics_the_onset_may_be_anywhere_between(build_case: BuildCase) -> None:
    with build_case({"spans": two_recordings()}) as store:
        scene, _, _ = runner.look(store, START_NS + 8 * DAY_S * NS_PER_S)
        hole = hole_in_traces(store)
    assert scene is not None
    assert not scene.windows.changed
    assert scene.windows.onset == hole


def test_what_nothing_else_dates_began_with_the_deploy_since_which_requests_lose_time(build_case: BuildCase) -> None:
    """One call in fifteen hangs: for as long as its deadline, which a deploy put off."""
    system = System(CALM, 240)
    for row in system.spans:
        number = int(row["trace_id"], 16)
        if row["kind"] == "client" and number % 15 == 7:
            row["duration_ns"] = (1_200 if number >= 120 else 150) * NS_PER_MS
            row["status"] = "error"
    deploys = [deploy("d1", "aaaa", 60), deploy("d2", "bbbb", 120)]
    with build_case({"spans": system.spans, "changes": deploys}) as store:
        windows = undated_windows(store, None)
        assert windows is not None
        dated = date_by_deploys(store, windows)
    assert (dated.changed, dated.onset_ns) == (True, START_NS + 120 * NS_PER_S)
