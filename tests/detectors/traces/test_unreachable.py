"""Calls that do not get to a service of the system."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from fleet import Fleet
from scenery import START_NS, Row

Look = Callable[..., tuple[Sequence[Finding], Check]]


def calling(message: str, every: int = 1, arrives: bool = False, recorded: bool = False) -> Fleet:
    """`shop` calls `Stock`; from the sixtieth request on each `every`-th call fails, and does not get there."""
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        failed = number >= 60 and number % every == 0
        status, said = ("error", message) if failed else ("", "")
        root = fleet.span(trace, "", "shop", "h1", "POST /buy", at, 20, "server", status)
        url = {"http__url": "http://Stock:8080/take"}
        told = "" if recorded else said
        call = fleet.span(trace, root, "shop", "h1", "HTTP POST", at + 1, 18, "client", status, told, **url)
        if recorded and failed:
            exception = {"exception.type": "ConnectException", "exception.message": message}
            event = {"trace_id": trace, "span_id": call, "time_ns": START_NS, "name": "exception", "source_id": 1}
            fleet.events.append({**event, "attributes": exception})
        if not failed or arrives:
            fleet.span(trace, call, "Stock", "h2", "POST /take", at + 2, 16, "server", status)
    return fleet


def last_words(service: str, body: str) -> list[Row]:
    at = {"time_ns": START_NS + 59 * NS_PER_S, "source_id": 1, "line": 1}
    return [{**at, "service": service, "severity": "error", "body": body}]


@pytest.mark.parametrize(
    ("message", "words", "mechanism"),
    [
        ("connection refused", [], "infrastructure_fault"),
        ("connection refused", last_words("Stock", "Application failed to start"), "startup_failure"),
        ("connection refused", last_words("kubelet", "container of pod stock-5d-x was OOMKilled"), "memory_saturation"),
        ("connection refused", last_words("shop", "Application failed to start"), "infrastructure_fault"),
        ("Read timed out", [], "thread_pool_exhausted"),
    ],
    ids=["nobody says why", "its own last words", "the platform's", "somebody else's", "it lives"],
)
def test_who_is_not_reached_is_told_with_what_became_of_it(
    message: str, words: list[Row], mechanism: str, look: Look
) -> None:
    (finding,), _ = look("traces.unreachable", {"spans": calling(message).spans, "logs": words})
    assert (finding.service, finding.mechanism) == ("Stock", mechanism)
    assert finding.facts["lost_share"] == 1.0
    assert finding.facts["callers"] == ("shop",)


def test_an_error_that_only_an_exception_event_tells_is_read_too(look: Look) -> None:
    fleet = calling("Connection refused", recorded=True)
    (finding,), _ = look("traces.unreachable", {"spans": fleet.spans, "span_events": fleet.events})
    assert "Connection refused" in finding.summary


@pytest.mark.parametrize(
    "fleet",
    [calling("connection refused", every=30), calling("connection refused", arrives=True), calling("no such key")],
    ids=["a few", "it fails there", "another error"],
)
def test_calls_that_arrive_or_fail_otherwise_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.unreachable", fleet.tables())
    assert not findings


@pytest.mark.parametrize(
    ("busy", "mechanism"), [(0.0, "network_loss"), (8.0, "thread_pool_exhausted")], ids=["free", "busy"]
)
def test_what_never_reaches_free_workers_is_lost_on_the_way(busy: float, mechanism: str, look: Look) -> None:
    metrics = [
        {
            "time_ns": START_NS + second * NS_PER_S,
            "service": "Stock",
            "name": "server_threads_busy",
            "kind": "gauge",
            "value": busy if second >= 60 else 1.0,
            "source_id": 1,
        }
        for second in range(0, 120, 10)
    ]
    (finding,), _ = look("traces.unreachable", {"spans": calling("Read timed out").spans, "metrics": metrics})
    assert finding.mechanism == mechanism


INTO, OUT = ("shop", "pay"), tuple(("pay", name) for name in ("bank", "stock", "mail"))


def losing(*ways: tuple[str, str]) -> Fleet:
    """`shop` calls `pay`, and that `bank`, `stock` and `mail`; later a part of the calls on some ways gets lost.

    Of each four requests another way loses its call.
    """
    fleet = Fleet()
    for number in range(240):
        at, trace = number * 1000.0, f"t{number}"
        callers = {"": fleet.span(trace, "", "shop", "h1", "GET /", at, 50, "server")}
        for place, (caller, callee) in enumerate((INTO, *OUT)):
            parent = callers.get("pay") if caller == "pay" else callers[""]
            if parent is None:
                continue
            lost = (caller, callee) in ways and number >= 120 and (number + place) % 4 == 0
            said = ("error", "Connection reset by peer") if lost else ("", "")
            start, there = at + 1 + 10 * place, {"server__address": callee}
            call = fleet.span(trace, parent, caller, "h1", "call", start, 8, "client", *said, **there)
            if not lost:
                callers[callee] = fleet.span(trace, call, callee, callee, "serve", start + 1, 6, "server")
    return fleet


def test_calls_that_get_lost_into_and_out_of_one_service_are_lost_on_its_own_way(look: Look) -> None:
    (finding,), _ = look("traces.unreachable", losing(INTO, *OUT).tables())
    assert (finding.service, finding.mechanism) == ("pay", "network_loss")
    assert finding.facts["callees"] == ("bank", "mail", "stock")


@pytest.mark.parametrize(
    ("fleet", "lost"),
    [(losing(*OUT), {"bank", "stock", "mail"}), (losing(INTO, OUT[0]), {"pay", "bank"})],
    ids=["only out of it", "in, and out to one"],
)
def test_ways_that_share_no_end_are_told_one_by_one(fleet: Fleet, lost: set[str], look: Look) -> None:
    findings, _ = look("traces.unreachable", fleet.tables())
    assert {finding.service for finding in findings} == lost
    assert not any(finding.mechanism == "network_loss" for finding in findings)
