"""Calls that come to be made one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def profile(side_by_side_before: bool = True, serial_after: bool = True, calls_after: int = 4) -> Fleet:
    """`profile` makes four calls of 10 ms a request; from the sixtieth request on in another order."""
    fleet = Fleet()
    for number in range(120):
        at, trace, late = number * 1000.0, f"t{number}", number >= 60
        calls = calls_after if late else 4
        serial = serial_after if late else not side_by_side_before
        whole = 10 * calls + 2 if serial else 13
        root = fleet.span(trace, "", "profile", "h1", "GET /profile", at, whole, "server")
        for call in range(calls):
            begins = at + 1 + (10 * call if serial else 0.2 * call)
            client = fleet.span(trace, root, "profile", "h1", "GET", begins, 10, "client")
            fleet.span(trace, client, "parts", "h2", "GET /part", begins + 1, 8, "server")
    return fleet


def test_an_operation_that_begins_to_wait_for_each_call_is_told(look: Look) -> None:
    (finding,), _ = look("traces.serial_calls", profile().tables())
    assert (finding.service, finding.operation, finding.mechanism) == ("profile", "GET /profile", "chatty_calls")
    assert (finding.facts["before_ms"], finding.facts["now_ms"]) == (13.0, 42.0)


@pytest.mark.parametrize(
    "fleet",
    [profile(side_by_side_before=False), profile(serial_after=False), profile(calls_after=9)],
    ids=["always so", "side by side still", "more calls"],
)
def test_other_orders_of_calls_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.serial_calls", fleet.tables())
    assert not findings
