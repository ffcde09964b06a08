from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deep_code_reasoning.domain.instant import NS_PER_S
from fleet import Fleet
from scenery import START_NS, System, Trouble

MODULE = "traces.failures"
Look = Callable[..., Any]


def test_the_deepest_failing_service_is_told_and_not_those_above_it(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=40, stock_fails="no such column: price")).tables())
    assert (finding.service, finding.operation, finding.mechanism) == ("stock", "GET /stock", "schema_mismatch")
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


def test_a_service_that_is_seldom_called_is_no_hand_picked_example(look: Look) -> None:
    """One of its few requests fails, among traces enough to be a sample: that is how it always was."""
    rare = [System(Trouble(onset_s=0, stock_fails="boom" if n == 2 else ""), 1, "-rare", first=n) for n in range(4)]
    spans = [row for system in (System(requests=40), *rare) for row in system.spans]
    findings, check = look(MODULE, {"spans": spans})
    assert (findings, check.verdict) == ((), "clear")


def test_one_failing_request_is_one_failure_however_long_it_takes(look: Look) -> None:
    """Retries of one request go on for seconds: they are no rate of failure."""
    fleet = Fleet()
    for number in range(60):
        at, trace = number * 1000.0, f"t{number}"
        root = fleet.span(trace, "", "billing", "h1", "POST /charge", at, 20, "server")
        fleet.span(trace, root, "billing", "h1", "POST", at + 1, 10, "client")
    root = fleet.span("last", "", "billing", "h1", "POST /charge", 60_000.0, 9_000, "server", "error", "gave up")
    for attempt in range(8):
        fleet.span("last", root, "billing", "h1", "POST", 60_001.0 + attempt * 1000, 900, "client", "error", "503")
    findings, check = look("traces.failures", fleet.tables())
    assert not findings
    assert check.verdict == "clear"
