from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_MS, NS_PER_S
from scenery import CALM, START_NS, Row, System, Trouble

MODULE = "traces.lost_time"
LATER_S = 500_000
Look = Callable[..., Any]


def recorded(before: Trouble, after: Trouble) -> dict[str, list[Row]]:
    return {"spans": [*System(before, 60).spans, *System(after, 60, first=LATER_S).spans]}


def requests(calls: Callable[[bool, int], Sequence[Row]]) -> dict[str, list[Row]]:
    """Sixty requests before and after; `calls(later, start_ns)` are the spans below each one's root."""
    spans: list[Row] = []
    for later in (False, True):
        for number in range(60):
            start_ns = START_NS + (number + LATER_S * later) * NS_PER_S
            below = [{"trace_id": f"{later}{number}", **row} for row in calls(later, start_ns)]
            ends_ns = max(row["start_ns"] + row["duration_ns"] for row in below if row["parent_span_id"] == "r")
            root = {
                "trace_id": f"{later}{number}",
                "span_id": "r",
                "service": "front",
                "name": "GET /",
                "kind": "server",
            }
            spans += [{**root, "start_ns": start_ns, "duration_ns": ends_ns - start_ns + NS_PER_MS}, *below]
    return {"spans": spans}


def span(name: str, service: str, kind: str, start_ns: int, ms: float, own: str, parent: str = "r") -> Row:
    duration_ns = round(ms * NS_PER_MS)
    row = {"span_id": own, "parent_span_id": parent, "service": service, "name": name, "kind": kind}
    return {**row, "start_ns": start_ns, "duration_ns": duration_ns}


def test_the_slower_statement_is_named_and_not_those_who_wait_for_it(look: Look) -> None:
    (finding,), _ = look(MODULE, recorded(CALM, Trouble(stock_query_ms=10)))
    assert (finding.service, finding.operation, finding.mechanism) == ("stock", "SELECT stock", "latency_regression")
    assert 9 <= finding.facts["lost_ms"] <= 16


def test_many_more_calls_are_the_callers_loss(look: Look) -> None:
    def calls(later: bool, start_ns: int) -> list[Row]:
        below = []
        for turn in range(12 if later else 1):
            at = start_ns + turn * 4 * NS_PER_MS
            below.append(span("GET /price", "front", "client", at, 4, f"c{turn}"))
            below.append(span("GET /price", "prices", "server", at + NS_PER_MS // 4, 3, f"s{turn}", f"c{turn}"))
        return below

    (finding,), _ = look(MODULE, requests(calls))
    assert (finding.service, finding.operation, finding.mechanism) == ("front", "GET /price", "n_plus_one")
    assert (finding.facts["calls_before"], finding.facts["calls_after"]) == (1, 12)


def test_where_only_servers_are_traced_more_calls_are_the_callers_loss_too(look: Look) -> None:
    def calls(later: bool, start_ns: int) -> list[Row]:
        return [
            span("GET /price", "prices", "server", start_ns + turn * 4 * NS_PER_MS, 3, f"s{turn}")
            for turn in range(12 if later else 1)
        ]

    (finding, *_), _ = look(MODULE, requests(calls))
    assert (finding.service, finding.operation, finding.mechanism) == ("front", "GET /price", "n_plus_one")


def test_a_partner_that_is_asked_each_time_is_not_slower(look: Look) -> None:
    """One request in ten asked it while a cache kept its answers; each does now."""

    def calls(later: bool, start_ns: int) -> list[Row]:
        asks = later or start_ns // NS_PER_S % 10 == 0
        row = span("GET /rate" if asks else "from cache", "front", "client" if asks else "internal", start_ns, 20, "c")
        return [row if asks else {**row, "duration_ns": NS_PER_MS}]

    (finding,), _ = look(MODULE, requests(calls))
    assert (finding.operation, finding.mechanism) == ("GET /rate", "latency_regression")


def test_a_slower_partner_lies_outside(look: Look) -> None:
    def calls(later: bool, start_ns: int) -> list[Row]:
        row = span("POST /pay", "front", "client", start_ns, 60 if later else 20, "c")
        return [{**row, "attributes": {"server.address": "psp.example"}}]

    (finding,), _ = look(MODULE, requests(calls))
    assert (finding.mechanism, finding.resource) == ("dependency_outage", "psp.example")


def test_a_caller_that_gives_up_later_loses_the_time_itself(look: Look) -> None:
    def calls(later: bool, start_ns: int) -> list[Row]:
        wait = span("GET /list", "front", "client", start_ns, 90 if later else 30, "c")
        return [wait, span("GET /list", "shelf", "server", start_ns + NS_PER_MS, 2_000, "s", "c")]

    (finding,), _ = look(MODULE, requests(calls))
    assert (finding.service, finding.mechanism) == ("front", "latency_regression")
    assert finding.facts["lost_ms"] == 60


@pytest.mark.parametrize(
    ("waits", "told"),
    [([900.0], True), ([900.0, 900.0], True), ([150.0], False), ([160.0], False), ([], False)],
    ids=["one waits longer", "given up later", "as before", "hardly later", "none hangs"],
)
def test_a_deadline_that_was_put_off_is_a_loss_though_few_calls_hang(
    look: Look, waits: list[float], told: bool
) -> None:
    hanging = {(False, 7): 150.0, (False, 31): 150.0, **{(True, 11 + n): ms for n, ms in enumerate(waits)}}

    def calls(later: bool, start_ns: int) -> list[Row]:
        number = (start_ns - START_NS) // NS_PER_S - LATER_S * later
        if (later, number) in hanging:
            return [{**span("GET /list", "front", "client", start_ns, hanging[later, number], "c"), "status": "error"}]
        ms = 5 + number % 7
        called = span("GET /list", "front", "client", start_ns, ms, "c")
        return [called, span("GET /list", "shelf", "server", start_ns + NS_PER_MS, ms - 2, "s", "c")]

    findings, _ = look(MODULE, requests(calls))
    put_off = [f for f in findings if "a call that hangs is waited for" in f.summary]
    assert bool(put_off) == told
    if told:
        assert (put_off[0].service, put_off[0].operation) == ("front", "GET /list")
        assert "900 ms, 150 before" in put_off[0].summary


def test_nothing_lost_is_nothing_told(look: Look) -> None:
    findings, check = look(MODULE, recorded(CALM, CALM))
    assert (findings, check.verdict) == ((), "clear")


def test_one_recording_is_left_to_those_who_look_in_time_order(look: Look) -> None:
    findings, check = look(MODULE, System(Trouble(stock_query_ms=100)).tables())
    assert (findings, check.verdict) == ((), "skipped")
