"""Services that work somewhat longer, by less than the spread of their requests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from fleet import Fleet

MODULE = "traces.self_time"
Look = Callable[..., Any]
Factor = Callable[[int, str, str, str], float]


def working(factor: Factor, requests: int = 600) -> Fleet:
    """`front`, `stock`, `price` on two hosts each serve two operations: 20 ms at the median, half to twice that.

    `factor(number, service, host, operation)` is by how much a request takes longer.
    """
    fleet, chance = Fleet(), random.Random(3)
    for number in range(requests):
        for place, service in enumerate(("front", "stock", "price")):
            host, operation = f"{service}-{chance.randint(1, 2)}", chance.choice(("GET /one", "GET /all"))
            ms = 20.0 * chance.lognormvariate(0, 0.35) * factor(number, service, host, operation)
            fleet.span(f"{number}-{service}", "", service, host, operation, number * 1000.0 + place, ms, "server")
    return fleet


def late(number: int) -> bool:
    return number >= 400


@pytest.mark.parametrize("ratio", [1.6, 1.9])
def test_a_service_that_takes_half_as_long_again_is_told_with_how_much_and_since_when(ratio: float, look: Look) -> None:
    fleet = working(lambda number, service, *_: ratio if service == "stock" and late(number) else 1.0)
    (finding,), _ = look(MODULE, fleet.tables())
    assert (finding.service, finding.mechanism) == ("stock", "latency_regression")
    assert (finding.operation, finding.instance) == (None, None)
    assert finding.facts["ratio"] == pytest.approx(ratio, rel=0.2)
    assert abs(finding.window.start_ns - fleet.recorded_ns("", 400_000)) < 20 * 10**9
    assert finding.confidence > 0.9


def test_one_host_that_is_slower_is_named(look: Look) -> None:
    fleet = working(lambda number, _, host, __: 1.9 if host == "stock-2" and late(number) else 1.0)
    (finding,), _ = look(MODULE, fleet.tables())
    assert (finding.service, finding.instance, finding.operation) == ("stock", "stock-2", None)


def test_one_operation_that_is_slower_is_named(look: Look) -> None:
    fleet = working(lambda n, service, _, name: 1.9 if (service, name) == ("stock", "GET /all") and late(n) else 1.0)
    (finding,), _ = look(MODULE, fleet.tables())
    assert (finding.service, finding.instance, finding.operation) == ("stock", None, "GET /all")


@pytest.mark.parametrize(
    "factor",
    [
        lambda *_: 1.0,
        lambda number, service, *_: 1.2 if service == "stock" and late(number) else 1.0,
        lambda number, *_: 1.6 if late(number) else 1.0,
        lambda number, service, *_: 1 + number / 1200 if service == "stock" else 1.0,
        lambda number, service, *_: 0.6 if service == "stock" and late(number) else 1.0,
    ],
    ids=["nothing", "a fifth", "all alike", "a slope", "quicker"],
)
def test_what_matters_little_or_is_of_all_is_silent(factor: Factor, look: Look) -> None:
    findings, check = look(MODULE, working(factor).tables())
    assert (findings, check.verdict) == ((), "clear")


def test_one_request_in_seven_that_is_very_long_is_told(look: Look) -> None:
    fleet = working(
        lambda number, service, *_: 20.0 if service == "stock" and late(number) and number % 7 == 0 else 1.0
    )
    (finding,), _ = look(MODULE, fleet.tables())
    assert finding.service == "stock"
    assert "requests long" in finding.summary
