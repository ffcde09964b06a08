from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from scenery import CALM, START_NS, System, Trouble

MODULE = "traces.network_gap"
Look = Callable[..., Any]


def test_a_slow_way_into_a_service_is_told_of_that_service(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=60, way_to_stock_ms=200)).tables())
    assert (finding.service, finding.mechanism, finding.resource) == ("stock", "network_delay", "NetworkP90(ms)")
    assert finding.facts["gap_ms"] == pytest.approx(403, abs=1)
    assert finding.facts["elsewhere_ms"] == pytest.approx(3, abs=1)
    assert abs(finding.window.start_ns - START_NS - 60 * NS_PER_S) <= NS_PER_S


def test_no_calm_stretch_is_needed(look: Look) -> None:
    (finding,), _ = look(MODULE, System(Trouble(onset_s=0, way_to_stock_ms=200)).tables())
    assert finding.service == "stock"


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(CALM, id="nothing"),
        pytest.param(Trouble(stock_work_ms=300), id="the service itself is slow"),
        pytest.param(Trouble(way_to_stock_ms=3), id="a few milliseconds"),
    ],
)
def test_it_stays_silent(trouble: Trouble, look: Look) -> None:
    findings, check = look(MODULE, System(trouble).tables())
    assert (findings, check.verdict) == ((), "clear")


def test_a_minority_of_slow_calls_is_not_the_network(look: Look) -> None:
    pauses = [System(Trouble(onset_s=0, way_to_stock_ms=200 if n % 4 == 0 else 0), 1, first=n) for n in range(120)]
    findings, _ = look(MODULE, {"spans": [row for system in pauses for row in system.spans]})
    assert findings == ()


def test_many_slow_calls_of_one_request_are_one_event(look: Look) -> None:
    """A dozen calls of the last request are slow; those before it were not."""
    calls = [(number, 2) for number in range(60)] + [(60, 300)] * 12
    spans = []
    for place, (number, slow) in enumerate(calls):
        at = START_NS + number * NS_PER_S + place
        call = {"trace_id": f"{number}", "name": "call", "kind": "client", "service": "orders", "span_id": f"c{place}"}
        work = {"trace_id": f"{number}", "name": "work", "kind": "server", "service": "stock", "span_id": f"s{place}"}
        spans.append({**call, "start_ns": at, "duration_ns": (5 + 2 * slow) * 1_000_000})
        spans.append(
            {**work, "parent_span_id": f"c{place}", "start_ns": at + slow * 1_000_000, "duration_ns": 5_000_000}
        )
    findings, check = look(MODULE, {"spans": spans})
    assert (findings, check.verdict) == ((), "clear")


def test_a_slow_way_out_of_a_caller_is_not_blamed_on_the_one_it_calls(look: Look) -> None:
    """`orders` reaches two services slowly, which others reach as fast as ever."""
    spans = []
    for number in range(80):
        for caller, callees in (("orders", ("stock", "mail")), ("admin", ("stock", "mail"))):
            for callee in callees:
                slow = 250 if caller == "orders" and number >= 40 else 2
                trace, at = f"{caller}-{callee}-{number}", START_NS + number * NS_PER_S
                call = {"trace_id": trace, "name": "call", "kind": "client", "service": caller, "span_id": "c"}
                work = {"trace_id": trace, "name": "work", "kind": "server", "service": callee, "span_id": "s"}
                spans.append({**call, "start_ns": at, "duration_ns": (5 + 2 * slow) * 1_000_000})
                spans.append(
                    {**work, "parent_span_id": "c", "start_ns": at + slow * 1_000_000, "duration_ns": 5_000_000}
                )
    findings, _ = look(MODULE, {"spans": spans})
    assert [(f.service, f.facts["direction"]) for f in findings] == [("orders", "out of")]


def test_a_message_that_is_handled_later_is_no_slow_call(look: Look) -> None:
    spans = []
    for number in range(60):
        at = START_NS + number * NS_PER_S
        send = {"trace_id": f"{number}", "span_id": "p", "service": "orders", "name": "send", "kind": "producer"}
        handle = {"trace_id": f"{number}", "span_id": "c", "service": "mail", "name": "handle", "kind": "consumer"}
        spans.append({**send, "start_ns": at, "duration_ns": 1_000_000})
        spans.append(
            {**handle, "parent_span_id": "p", "start_ns": at + 500_000_000, "duration_ns": 9_000_000},
        )
    findings, check = look(MODULE, {"spans": spans})
    assert findings == ()
    assert check.verdict == "skipped"
