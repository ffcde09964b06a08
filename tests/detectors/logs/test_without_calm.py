"""Evidence that begins after the fault did: `logs.twin`, `logs.silent_operation`, `logs.chronic_error`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.store import CaseStore
from scenery import START_NS, Row, System, Trouble

Look = Callable[..., Any]
BROKEN = Trouble(onset_s=0, stock_stops=True)


def side_by_side(one: System, other: System) -> dict[str, list[Row]]:
    tables = {name: [*rows, *other.tables()[name]] for name, rows in one.tables().items()}
    tables["log_shapes"] = list({row["shape"]: row for row in tables["log_shapes"]}.values())
    return tables


def test_a_twin_shows_what_is_missing(look: Look) -> None:
    tables = side_by_side(System(suffix="-eu"), System(BROKEN, suffix="-us"))
    for row in tables["logs"]:
        if row["service"] == "stock-us":
            row["body"] = row["body"].replace("#31", "#231")
    (finding,), _ = look("logs.twin", tables)
    assert (finding.service, finding.facts["twin"]) == ("stock-us", "stock-eu")
    assert finding.code_region == "StockService#231_StockService#234"
    assert finding.facts["region_end_inferred_from_twin"] is True


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Trouble(onset_s=1e9), id="both whole"),
        pytest.param(Trouble(onset_s=0, branch=True), id="by design on another path"),
        pytest.param(Trouble(onset_s=5, stock_stops=True), id="not always"),
    ],
)
def test_twins_that_differ_otherwise_are_left_alone(other: Trouble, look: Look) -> None:
    findings, _ = look("logs.twin", side_by_side(System(suffix="-eu"), System(other, suffix="-us")))
    assert findings == ()


def test_a_twin_is_believed_by_how_often_it_stopped(look: Look) -> None:
    def confidence(requests: int) -> float:
        tables = side_by_side(System(suffix="-eu"), System(BROKEN, requests, suffix="-us"))
        for row in tables["logs"]:
            if row["service"] == "stock-us":
                row["body"] = row["body"].replace("#31", "#231")
        (finding,), _ = look("logs.twin", tables)
        return float(finding.confidence)

    assert confidence(4) < confidence(40) <= 0.6


def operations(silent: int) -> dict[str, list[Row]]:
    """Twelve operations of four services; the first `silent` of them log nothing."""
    spans, logs = [], []
    for number in range(12 * 8):
        kind = number % 12
        at = START_NS + number * NS_PER_S
        row = {"trace_id": f"{number}", "span_id": "s", "service": f"service{kind % 4}"}
        spans.append({**row, "name": f"operation{kind}", "start_ns": at, "duration_ns": 1000})
        if kind >= silent:
            logs.append({**row, "time_ns": at, "body": f"Handler#{kind} did it", "shape": kind})
    return {"spans": spans, "logs": logs}


def test_the_one_operation_that_never_logs_is_told(look: Look) -> None:
    (finding,), _ = look("logs.silent_operation", operations(silent=1))
    assert (finding.service, finding.operation) == ("service0", "operation0")


@pytest.mark.parametrize(("fails", "told"), [(False, True), (True, False)])
def test_an_operation_that_was_as_silent_before_others_failed_is_not_told(
    fails: bool, told: bool, build_case: Callable[..., AbstractContextManager[CaseStore]]
) -> None:
    tables = operations(silent=1)
    for number, row in enumerate(tables["spans"]):
        row["status"] = "error" if fails and number > 60 and row["service"] != "service0" else "ok"
    with build_case(tables) as store:
        _, findings, _ = runner.look(store, None)
    assert ("logs.silent_operation" in {finding.code for finding in findings}) == told


@pytest.mark.parametrize("silent", [0, 2])
def test_silence_is_a_habit_where_several_are_silent(silent: int, look: Look) -> None:
    findings, check = look("logs.silent_operation", operations(silent))
    assert (findings, check.verdict) == ((), "clear")


def test_without_a_habit_nothing_is_silent(look: Look) -> None:
    _, check = look("logs.silent_operation", System().tables())
    assert check.verdict == "skipped"


def test_an_operation_that_always_fails_is_told_with_little_confidence(look: Look) -> None:
    (finding,), _ = look("logs.chronic_error", System(Trouble(onset_s=0, stock_error="no such item")).tables())
    assert finding.service == "stock"
    assert finding.code_region == "StockService#31_StockService#37"
    assert finding.confidence < 0.35


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(Trouble(onset_s=0), id="no error"),
        pytest.param(Trouble(onset_s=20, stock_error="no such item"), id="not always"),
        pytest.param(Trouble(onset_s=2, orders_error="stock does not answer"), id="another service's name"),
    ],
)
def test_errors_that_are_not_chronic_are_not_told_as_such(trouble: Trouble, look: Look) -> None:
    findings, _ = look("logs.chronic_error", System(trouble).tables())
    assert findings == ()
