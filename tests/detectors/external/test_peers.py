"""Peers that nobody observes, and requests that come from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from fleet import START_NS, Fleet
from scenery import Row

Look = Callable[..., tuple[Sequence[Finding], Check]]


def paying(message: str, every: int = 1, onset: int = 60, traced: bool = False) -> Fleet:
    """The shop calls a partner; from request `onset` on, each `every`-th call fails."""
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        status = "error" if number >= onset and number % every == 0 else ""
        root = fleet.span(trace, "", "shop", "h1", "POST /pay", at, 20, "server", status)
        call = fleet.span(
            trace, root, "shop", "h1", "POST", at + 1, 18, "client", status, message if status else "",
            server__address="pay.partner.example",
        )  # fmt: skip
        if traced:
            fleet.span(trace, call, "partner", "h2", "POST", at + 2, 16, "server", status)
    return fleet


@pytest.mark.parametrize("message", ["connection refused", "503 Service Unavailable", "read timed out"])
def test_a_peer_that_stops_serving_is_told_with_who_calls_it(message: str, look: Look) -> None:
    (finding,), _ = look("external.peer_outage", paying(message).tables())
    assert (finding.service, finding.resource) == ("shop", "pay.partner.example")
    assert finding.mechanism == "dependency_outage"
    assert finding.facts["failing_share"] == 1.0


@pytest.mark.parametrize(
    "message",
    [
        "503 Service Unavailable",
        "ThrottlingException: Rate exceeded",
        "The level of configured provisioned throughput for the table was exceeded",
        "429 Too Many Requests",
    ],
)
def test_a_peer_that_says_that_it_cannot_serve_is_told_though_it_serves_most(message: str, look: Look) -> None:
    (finding,), _ = look("external.peer_outage", paying(message, every=8).tables())
    assert (finding.service, finding.resource) == ("shop", "pay.partner.example")
    assert 0.1 < float(str(finding.facts["failing_share"])) < 0.15
    assert finding.confidence <= 0.7


@pytest.mark.parametrize(
    "fleet",
    [
        paying("connection refused", every=10),
        paying("500 Internal Server Error", every=8),
        paying("503 Service Unavailable", every=8, onset=0),
        paying("400 Bad Request"),
        paying("Connection is not available, the pool is empty: timed out"),
        paying("503: bulkhead 'partner' is full and does not permit further calls"),
        paying("connection refused", onset=0),
        paying("connection refused", traced=True),
    ],
    ids=[
        "a few",
        "what we sent, perhaps",
        "some always",
        "our request",
        "our pool",
        "our bulkhead",
        "always so",
        "it is traced",
    ],
)
def test_what_is_no_outage_of_a_peer_is_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("external.peer_outage", fleet.tables())
    assert not findings
    assert check.verdict == "clear"


def coming(every_ms: float, ms: float, onset: int = 60, failing: int = 0) -> Fleet:
    """Requests come once a second; from the minute `onset` on every `every_ms`, and take `ms`.

    Since then `failing` of five fail.
    """
    fleet = Fleet()
    times = [number * 1000.0 for number in range(onset)]
    at = onset * 1000.0
    while at < 120_000:
        times.append(at)
        at += every_ms
    for number, start in enumerate(times):
        took = ms if start >= onset * 1000 else 20
        status = "error" if start >= onset * 1000 and number % 5 < failing else ""
        root = fleet.span(f"t{number}", "", "shop", "h1", "GET /", start, took, "server", status)
        fleet.span(f"t{number}", root, "shop", "h1", "SELECT", start + 1, took - 2, "client")
    return fleet


def test_more_requests_that_suffer_are_a_surge(look: Look) -> None:
    (finding,), _ = look("external.request_rate", coming(200, 100).tables())
    assert (finding.service, finding.mechanism) == ("shop", "traffic_surge")
    assert 4 < float(str(finding.facts["ratio"])) < 6


@pytest.mark.parametrize(("counted", "told"), [(10.0, 0), (48.0, 1)], ids=["as before", "they rise"])
def test_counters_of_requests_have_the_say_where_traces_are_a_sample(counted: float, told: int, look: Look) -> None:
    rate = counting("shop-0", [10.0] * 12 + [counted] * 12)
    findings, _ = look("external.request_rate", {**coming(200, 100).tables(), "metrics": rate})
    assert len(findings) == told


def test_what_one_that_is_gone_had_those_that_are_left_have_on_top(look: Look) -> None:
    rate = [*counting("shop-0", [10.0] * 12 + [20.0] * 12), *counting("shop-1", [10.0] * 12)]
    findings, _ = look("external.request_rate", {**coming(500, 100).tables(), "metrics": rate})
    assert not findings


def counting(instance: str, values: Sequence[float]) -> list[Row]:
    """What an instance of the shop counts every five seconds."""
    told = {"service": "shop", "instance": instance, "name": "requests_per_second"}
    return [{**told, "time_ns": START_NS + at * 5 * NS_PER_S, "value": value} for at, value in enumerate(values)]


@pytest.mark.parametrize(
    ("failing", "kept_every", "counted", "believed"),
    [(5, 9, False, False), (5, 9, True, True), (3, 9, False, True), (5, 1, False, True)],
    ids=["all that came, of a sample", "and counters agree", "some, of a sample", "all that came, of all"],
)
def test_without_counters_sampled_traces_that_all_fail_may_have_been_kept_for_it(
    failing: int, kept_every: int, counted: bool, believed: bool, look: Look
) -> None:
    tables = coming(200, 100, failing=failing).tables()
    logged = [
        {"trace_id": f"t{n // kept_every}" if n % kept_every == 0 else f"lost{n}"} for n in range(60 * kept_every)
    ]
    logs = [
        {**row, "time_ns": START_NS + n * NS_PER_S // kept_every, "service": "shop", "body": "served"}
        for n, row in enumerate(logged)
    ]
    rate = counting("shop-0", [10.0] * 12 + [48.0] * 12) if counted else []
    (finding,), _ = look("external.request_rate", {**tables, "logs": logs, "metrics": rate})
    assert (finding.confidence > 0.55) == believed


@pytest.mark.parametrize(("failing", "believed"), [(5, False), (3, True)], ids=["all that came", "some"])
def test_traces_alone_do_not_tell_that_all_are_kept(failing: int, believed: bool, look: Look) -> None:
    (finding,), _ = look("external.request_rate", coming(200, 100, failing=failing).tables())
    assert (finding.confidence > 0.55) == believed


def test_load_that_is_served_as_before_harms_nobody_and_dates_no_incident(look: Look) -> None:
    (finding,), _ = look("external.request_rate", coming(200, 20).tables())
    assert finding.facts["harmless"]
    assert finding.window is None


@pytest.mark.parametrize(("together", "told"), [(1, 1), (6, 0)], ids=["one by one", "in bursts"])
def test_the_same_rise_proves_less_where_requests_come_in_bursts(together: int, told: int, look: Look) -> None:
    fleet = Fleet()
    for number in range(96):
        # One in two seconds, then three: `together` of them at one moment.
        place = number // together * together
        at = place * 2000.0 if place < 24 else 48_000 + (place - 24) * 667.0
        fleet.span(f"t{number}", "", "shop", "h1", "GET /", at, 20 if place < 24 else 200, "server")
    findings, _ = look("external.request_rate", fleet.tables())
    assert len(findings) == told


def test_load_that_hardly_rises_is_silent(look: Look) -> None:
    findings, _ = look("external.request_rate", coming(800, 100).tables())
    assert not findings


def test_who_refuses_is_out_whatever_class_of_error_the_client_makes_of_it(look: Look) -> None:
    fleet = paying("connection refused")
    for row in fleet.spans:
        if row["status"] and row["kind"] == "client":
            row["attributes"]["error.type"] = "timeout"
            row["duration_ns"] = 1_000_000
    (finding,), _ = look("external.peer_outage", fleet.tables())
    assert finding.facts["failing_share"] == 1.0


def test_callers_that_are_told_less_often_are_victims_of_the_same_outage(look: Look) -> None:
    fleet = paying("connection refused")
    for number in range(120):
        failed = "error" if number >= 50 and number % 3 == 0 else ""
        fleet.span(
            f"m{number}", "", "mailer", "h4", "POST", number * 1000.0, 9, "client", failed, "connection refused",
            server__address="pay.partner.example",
        )  # fmt: skip
    (finding,), _ = look("external.peer_outage", fleet.tables())
    assert finding.facts["services"] == ("shop", "mailer")
    assert finding.window is not None
    assert finding.window.start_ns <= fleet.recorded_ns("h4", 52_000)


def bunching(together: int = 60, first_s: int = 120, slower_ms: float = 2, held: bool = False) -> Fleet:
    """Two requests a second; from `first_s` on `together` of them at once every 30 s, each slower than the last.

    With `held`, they come after a pause in which nobody was let in.
    """
    fleet = Fleet()
    times = [(number * 500.0, 20.0) for number in range(540)]
    for start in range(first_s * 1000, 270_000, 30_000):
        times += [(start + 5.0 * place, 20 + slower_ms * place) for place in range(together)]
        if held:
            times = [(at, took) for at, took in times if not start - 29_000 < at < start]
    for number, (at, took) in enumerate(times):
        fleet.span(f"t{number}", "", "shop", "h1", "GET /", at, took, "server")
    return fleet


def test_requests_that_come_in_bunches_and_wait_for_each_other_are_told(look: Look) -> None:
    (finding,), _ = look("external.bunched_requests", bunching().tables())
    assert (finding.service, finding.mechanism) == ("shop", "traffic_surge")
    assert (finding.facts["bunches"], finding.facts["apart_s"]) == (5, 30)
    assert finding.number("last_ms") > 2 * finding.number("first_ms")


@pytest.mark.parametrize(
    "fleet",
    [bunching(first_s=30), bunching(slower_ms=0), bunching(together=12), bunching(first_s=240), bunching(held=True)],
    ids=["from the beginning", "nobody waits", "few", "once", "they had been held up"],
)
def test_bunches_that_are_none_or_harm_nobody_are_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("external.bunched_requests", fleet.tables())
    assert not findings
    assert check.verdict == "clear"
