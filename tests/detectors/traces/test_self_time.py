from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from fleet import Fleet
from scenery import CALM, START_NS, System, Trouble

MODULE = "traces.self_time"
Look = Callable[..., Any]


def test_a_service_whose_operations_are_all_slower_lacks_a_processor(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=50, stock_work_ms=120)).tables())
    assert (finding.service, finding.mechanism) == ("stock", "cpu_saturation")
    assert finding.facts["slower_operations"] == finding.facts["operations"] == 2
    assert abs(finding.window.start_ns - START_NS - 50 * NS_PER_S) <= NS_PER_S


def test_one_slower_operation_is_named(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=50, stock_query_ms=120)).tables())
    assert (finding.mechanism, finding.operation) == ("latency_regression", "SELECT stock")


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(CALM, id="nothing"),
        pytest.param(Trouble(way_to_stock_ms=300), id="the network"),
        pytest.param(Trouble(stock_work_ms=0.5), id="a little more work"),
        pytest.param(Trouble(onset_s=0, stock_work_ms=300), id="slow from the first moment on"),
    ],
)
def test_it_stays_silent(trouble: Trouble, look: Look) -> None:
    findings, check = look(MODULE, System(trouble).tables())
    assert (findings, check.verdict) == ((), "clear")


def test_parallel_calls_are_waited_for_once(look: Look) -> None:
    """Two calls at once of 300 ms each leave 20 ms of 320 to the caller, not minus 280."""
    spans = []
    for number in range(60):
        at, slow = START_NS + number * NS_PER_S, 300 if number >= 30 else 10
        root = {"trace_id": f"{number}", "service": "front", "name": "GET", "kind": "server", "span_id": "r"}
        spans.append({**root, "start_ns": at, "duration_ns": (20 + slow) * 1_000_000})
        for callee in ("left", "right"):
            call = {"trace_id": f"{number}", "service": "front", "name": "call", "kind": "client", "span_id": callee}
            work = {
                "trace_id": f"{number}",
                "service": callee,
                "name": "work",
                "kind": "server",
                "span_id": f"{callee}2",
            }
            spans.append({**call, "parent_span_id": "r", "start_ns": at + 10_000_000, "duration_ns": slow * 1_000_000})
            spans.append(
                {**work, "parent_span_id": callee, "start_ns": at + 10_000_000, "duration_ns": slow * 1_000_000}
            )
    findings, _ = look(MODULE, {"spans": spans})
    assert sorted(finding.service for finding in findings) == ["left", "right"]


def test_one_slow_operation_shows_beside_one_that_is_slow_now_and_then(look: Look) -> None:
    fleet = Fleet()
    for number in range(30):
        at, late = number * 1000.0, number >= 20
        item, page, menu = (280.0 if late else 4.0) + number % 5, *((40.0, 3.0) if number % 2 else (3.0, 40.0))
        for name, took in (("GET /item", item), ("GET /page", page), ("GET /menu", menu)):
            trace = f"{name}{number}"
            root = fleet.span(trace, "", "front", "h1", name, at, took + 4, "server")
            call = fleet.span(trace, root, "front", "h1", "call", at + 1, took + 2, "client")
            fleet.span(trace, call, "catalog", "h2", name, at + 2, took, "server")
    (finding,), _ = look(MODULE, fleet.tables())
    assert (finding.service, finding.operation, finding.mechanism) == ("catalog", "GET /item", "latency_regression")
    assert finding.severity == 1.0  # of this operation: fewer than half of the service's requests
