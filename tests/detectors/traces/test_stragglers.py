"""A few requests that a service works on far longer than on all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from fleet import Fleet
from scenery import Row, series

Look = Callable[..., tuple[Sequence[Finding], Check]]


def pricing(late: Callable[[int], bool], ms: float = 1800.0, callee_ms: float = 0.0) -> Fleet:
    """The shop asks for prices; the `late` requests take `ms` in pricing, or `callee_ms` in what it calls."""
    fleet = Fleet()
    for number in range(240):
        at, trace = number * 1000.0, f"t{number}"
        own, below = (ms, callee_ms) if late(number) else (12.0 + number % 5, 5.0)
        root = fleet.span(trace, "", "shop", "h1", "GET /", at, own + below + 6, "server")
        call = fleet.span(trace, root, "shop", "h1", "call", at + 1, own + below + 4, "client")
        entered = fleet.span(trace, call, "pricing", "h2", "Quote", at + 2, own + below + 2, "server")
        asked = fleet.span(trace, entered, "pricing", "h2", "call rates", at + 3, below + 1, "client")
        fleet.span(trace, asked, "rates", "h3", "Rate", at + 3.5, below, "server")
    return fleet


def test_a_minority_that_begins_to_be_slow_dates_the_incident(look: Look) -> None:
    (finding,), _ = look("traces.stragglers", pricing(lambda n: n >= 120 and n % 10 == 0).tables())
    assert (finding.service, finding.operation, finding.mechanism) == ("pricing", "Quote", "latency_regression")
    assert finding.facts["share_before"] == 0
    assert finding.facts["ms"] > 1700


def processor(now: float) -> list[Row]:
    """The use of pricing's processor every ten seconds: from the second minute on as said."""
    points = series("pricing", "process.cpu.utilization", [0.05] * 12 + [now, now + 0.02] * 6, step_s=10)
    return [{**point, "time_ns": point["time_ns"] + 120 * NS_PER_S} for point in points]


@pytest.mark.parametrize(
    ("now", "mechanism"),
    [(0.24, "cpu_saturation"), (0.06, "latency_regression"), (0.12, "latency_regression")],
    ids=["they compute", "they wait", "they hardly compute"],
)
def test_stragglers_that_keep_the_processor_busy_compute(now: float, mechanism: str, look: Look) -> None:
    fleet = pricing(lambda n: n >= 120 and n % 10 == 0)
    (finding,), _ = look("traces.stragglers", fleet.tables() | {"metrics": processor(now)})
    assert finding.mechanism == mechanism
    assert (finding.resource == "process.cpu.utilization") is (mechanism == "cpu_saturation")


def test_a_request_of_two_hundred_years_is_measured_by_the_points_that_there_are(look: Look) -> None:
    tables = pricing(lambda n: n >= 120 and n % 10 == 0).tables()
    long = max(
        (span for span in tables["spans"] if (span["service"], span["kind"]) == ("pricing", "server")),
        key=lambda span: span["start_ns"],
    )
    long["duration_ns"] = 7 * 10**18
    findings, _ = look("traces.stragglers", tables | {"metrics": processor(0.24)})
    assert "cpu_saturation" in {finding.mechanism for finding in findings}


def test_a_processor_that_was_as_busy_before_is_not_theirs(look: Look) -> None:
    points = [{**point, "value": 0.5} for point in processor(0.5)]
    (finding,), _ = look(
        "traces.stragglers", pricing(lambda n: n >= 120 and n % 10 == 0).tables() | {"metrics": points}
    )
    assert finding.mechanism == "latency_regression"


def test_who_only_waits_for_the_slow_one_is_none(look: Look) -> None:
    fleet = pricing(lambda n: n >= 120 and n % 10 == 0, ms=12.0, callee_ms=1800.0)
    (finding,), _ = look("traces.stragglers", fleet.tables())
    assert finding.service == "rates"


@pytest.mark.parametrize(
    "fleet",
    [
        pricing(lambda n: n % 10 == 0),
        pricing(lambda n: 150 <= n < 156),
        pricing(lambda n: n >= 120 and n % 10 == 0, ms=120.0),
        pricing(lambda n: n >= 120 and n % 40 == 0),
    ],
    ids=["always so", "all at once", "not slow by far", "too few"],
)
def test_ordinary_stragglers_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.stragglers", fleet.tables())
    assert not findings
