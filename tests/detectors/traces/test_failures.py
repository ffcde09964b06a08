from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deep_code_reasoning.domain.instant import NS_PER_S
from scenery import START_NS, System, Trouble

MODULE = "traces.failures"
Look = Callable[..., Any]


def test_the_deepest_failing_service_is_told_and_not_those_above_it(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=40, stock_fails="no such column: price")).tables())
    assert (finding.service, finding.operation, finding.mechanism) == ("stock", "GET /stock", "exception")
    assert finding.facts["error"] == "no such column: price"
    assert abs(finding.window.start_ns - START_NS - 40 * NS_PER_S) <= NS_PER_S


def test_a_cancelled_call_is_its_callers_failure(look: Look) -> None:
    tables = System(Trouble(onset_s=40, stock_fails="deadline exceeded")).tables()
    for span in tables["spans"]:
        if span["service"] == "stock" and span["status"]:
            span["status_message"] = "context canceled"
    (finding,), _ = look(MODULE, tables)
    assert finding.service == "orders"


def test_failures_as_frequent_as_ever_are_not_told(look: Look) -> None:
    mixed = [System(Trouble(onset_s=0, stock_fails="x" if n % 5 == 0 else ""), 1, first=n) for n in range(150)]
    findings, check = look(MODULE, {"spans": [row for system in mixed for row in system.spans]})
    assert (findings, check.verdict) == ((), "clear")


def test_traces_without_any_status_cannot_be_judged(look: Look) -> None:
    _, check = look(MODULE, System().tables())
    assert check.verdict == "skipped"


def test_a_hand_picked_trace_counts_as_an_example(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=0, stock_fails="boom"), requests=1).tables())
    assert finding.service == "stock"
    assert finding.confidence <= 0.5
