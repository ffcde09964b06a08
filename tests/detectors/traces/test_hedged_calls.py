"""Calls that are made twice, of which the first answer counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def lookups(onset: int = 60, waits_for: str = "first", second_at: float = 20.0, then: bool = False) -> Fleet:
    """Requests that look something up; from number `onset` on they ask twice, the second time 20 ms later.

    They go on with the `first` answer, or with `all`. With `then` they make another call afterwards.
    """
    fleet = Fleet()
    for number in range(120):
        at, trace, twice = number * 500.0, f"t{number}", number >= onset
        took = (90.0 + number % 7 * 9, 40.0 + number % 5 * 4)
        ends = [2 + took[0], *([2 + second_at + took[1]] if twice else [])]
        goes_on = min(ends) if waits_for == "first" else max(ends)
        root = fleet.span(trace, "", "desk", "h1", "GET /map", at, goes_on + (30 if then else 1), "server")
        for place, end in enumerate(ends):
            begins = 2 + second_at * place
            cut = min(end, goes_on)
            call = fleet.span(trace, root, "desk", "h1", "Find", at + begins, cut - begins, "client")
            fleet.span(trace, call, "atlas", "h2", "Find", at + begins + 0.5, end - begins - 1, "server")
        if then:
            fleet.span(trace, root, "desk", "h1", "render", at + goes_on + 0.5, 20)
    return fleet


@pytest.mark.parametrize(("second_at", "then"), [(20.0, False), (20.0, True), (0.2, False)])
def test_calls_of_which_the_first_answer_counts_are_told(second_at: float, then: bool, look: Look) -> None:
    (finding,), _ = look("traces.hedged_calls", lookups(second_at=second_at, then=then).tables())
    assert (finding.service, finding.resource, finding.mechanism) == ("desk", "atlas", "retry_storm")
    assert finding.facts["amplification"] == 2.0


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(lookups(waits_for="all"), id="the caller waits for all of them"),
        pytest.param(lookups(second_at=200.0, waits_for="all"), id="one after the other"),
        pytest.param(lookups(onset=0), id="it was so before"),
    ],
)
def test_calls_that_are_not_hedged_more_often_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.hedged_calls", fleet.tables())
    assert not findings


def test_one_message_that_is_delivered_twice_is_not_asked_for_twice(look: Look) -> None:
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 500.0, f"t{number}"
        root = fleet.span(trace, "", "desk", "h1", "POST /map", at, 31)
        send = fleet.span(trace, root, "desk", "h1", "send maps", at + 1, 29)
        for place in range(2 if number >= 60 else 1):
            fleet.span(trace, send, "atlas", "h2", "onMap", at + 2 + 5 * place, 60)
    findings, _ = look("traces.hedged_calls", fleet.tables())
    assert not findings
