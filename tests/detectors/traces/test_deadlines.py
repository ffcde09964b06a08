"""Callers that try again and again, and callers that give up too early."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def retrying(attempts: int, failing: bool = True, onset: int = 60, kind: str = "client") -> Fleet:
    """Orders calls stock; from request `onset` on, all attempts but the last fail."""
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        tries = attempts if number >= onset else 1
        root = fleet.span(trace, "", "orders", "h1", "GET /orders", at, 12.0 * tries, "server" if kind else "")
        for attempt in range(tries):
            failed = "error" if failing and attempt < tries - 1 else ""
            call = fleet.span(trace, root, "orders", "h1", "call stock", at + 1 + 12 * attempt, 10, kind, failed)
            fleet.span(trace, call, "stock", "h2", "GET /stock", at + 2 + 12 * attempt, 8, "", failed)
    return fleet


@pytest.mark.parametrize("kind", ["client", ""])
def test_calls_that_are_tried_many_times_are_a_storm(kind: str, look: Look) -> None:
    (finding,), _ = look("traces.retry_storm", retrying(7, kind=kind).tables())
    assert (finding.service, finding.resource, finding.mechanism) == ("orders", "stock", "retry_storm")
    assert finding.facts["attempts_in_a_row"] == 7
    assert float(str(finding.facts["amplification"])) > 6


@pytest.mark.parametrize("fleet", [retrying(3), retrying(7, failing=False), retrying(7, onset=0)])
def test_a_usual_policy_is_no_storm(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.retry_storm", fleet.tables())
    assert not findings
    assert check.verdict in ("clear", "skipped")


def layered(said: str, attempts: int = 3, gap_ms: float = 1000.0, sidecars: bool = False, prefix: str = "") -> Fleet:
    """A gateway calls orders, which call stock; from request 60 on each tries so often, and stock fails all but last.

    With `sidecars` every service's own spans lie within those of a proxy beside it.
    """
    fleet = Fleet()

    def ask(trace: str, parent: str, ends: tuple[str, str], at: float, ms: float, status: str, message: str) -> str:
        caller, callee = (prefix + end for end in ends)
        proxy = {"component": "proxy", "upstream_cluster": f"outbound|80||{callee}"}
        span = fleet.span(trace, parent, caller, caller, f"GET /{callee}", at, ms, "client", status)
        if sidecars:
            span = fleet.span(trace, span, f"{caller}.shop", caller, f"{callee}.shop:80/*", at + 0.1, ms - 0.2,
                              "client", status, **proxy)  # fmt: skip
            span = fleet.span(trace, span, f"{callee}.shop", callee, f"{callee}.shop:80/*", at + 0.5, ms - 1,
                              "server", status, **proxy)  # fmt: skip
        return fleet.span(trace, span, callee, callee, "GET /", at + 1, ms - 2, "server", status, message)

    for number in range(120):
        trace, bad = f"t{number}", number >= 60
        at = 60 * 1000.0 + (number - 60) * gap_ms if bad else number * 1000.0
        tries, left = attempts if bad else 1, (attempts if bad else 1) ** 2
        root = fleet.span(trace, "", f"{prefix}gateway", f"{prefix}gateway", "GET /", at, 12.0 * left + 20, "server")
        for outer in range(tries):
            last, begun = outer == tries - 1, at + 2 + outer * tries * 12
            served = ask(trace, root, ("gateway", "orders"), begun, 12.0 * tries, "" if last else "error", "")
            for inner in range(tries):
                left -= 1
                ask(trace, served, ("orders", "stock"), begun + 1.5 + inner * 11, 10, "error" if left else "",
                    said if left else "")  # fmt: skip
    return fleet


@pytest.mark.parametrize("sidecars", [False, True], ids=["alone", "with sidecars"])
@pytest.mark.parametrize("prefix", ["", "x9-"])
def test_usual_callers_in_layers_above_one_that_is_overloaded_are_a_storm(
    sidecars: bool, prefix: str, look: Look
) -> None:
    fleet = layered("server overloaded, shedding load", sidecars=sidecars, prefix=prefix)
    (finding,), _ = look("traces.retry_storm", fleet.tables())
    assert (finding.code, finding.service, finding.resource) == (
        "traces.retry_storm",
        f"{prefix}orders",
        f"{prefix}stock",
    )
    assert (finding.facts["most_calls"], finding.facts["attempts_in_a_row"]) == (9, 3)
    assert finding.facts["calls_per_request_before"] == 1
    assert finding.confidence == 0.8


@pytest.mark.parametrize("sidecars", [False, True], ids=["alone", "with sidecars"])
@pytest.mark.parametrize(
    ("said", "attempts", "gap_ms"),
    [
        pytest.param("disk is read-only", 3, 1000.0, id="it has another reason"),
        pytest.param("server overloaded", 1, 1000.0, id="nobody tries again"),
        pytest.param("server overloaded", 3, 300.0, id="there are many more requests"),
    ],
)
def test_usual_callers_in_layers_are_else_how_they_take_a_failure(
    said: str, attempts: int, gap_ms: float, sidecars: bool, look: Look
) -> None:
    findings, _ = look("traces.retry_storm", layered(said, attempts, gap_ms, sidecars).tables())
    assert not findings


def asking_again(deadline_ms: float, attempts: int, verb: str = "POST") -> Fleet:
    """Orders waits for `deadline_ms` and asks again at once; from request 60 on stock needs 300 ms, and does all."""
    fleet = Fleet()
    for number in range(120):
        at, trace, work = number * 2000.0, f"t{number}", 300.0 if number >= 60 else 20.0
        tries = attempts if work > deadline_ms and number % 2 else 2 if work > deadline_ms else 1
        root = fleet.span(trace, "", "orders", "h1", "GET /orders", at, tries * deadline_ms + 5, "server")
        for attempt in range(tries):
            begun = at + 1 + attempt * (deadline_ms + 1)
            failed = "error" if work > deadline_ms else ""
            waited = min(work, deadline_ms)
            call = fleet.span(trace, root, "orders", "h1", verb, begun, waited, "client", failed)
            fleet.span(trace, call, "stock", "h2", f"{verb} /reserve", begun + 1, work - 2, "server")
    return fleet


def test_a_caller_that_asks_again_while_the_first_is_still_worked_on_is_a_storm(look: Look) -> None:
    (finding,), _ = look("traces.retry_storm", asking_again(100, 5).tables())
    assert (finding.service, finding.mechanism) == ("orders", "retry_storm")
    assert finding.facts["requests_done_twice"] == 60
    assert finding.facts["hops"] == ("orders -> stock: 3.8 calls a call",)
    (reading,), _ = look("traces.retry_storm", asking_again(100, 5, verb="GET").tables())
    assert reading.facts["requests_done_twice"] == 0


@pytest.mark.parametrize("fleet", [asking_again(100, 2), asking_again(400, 5)], ids=["once more", "in time"])
def test_asking_once_more_is_no_storm(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.retry_storm", fleet.tables())
    assert not findings


def impatient(deadline_ms: float, callee_fails: bool = False, varied: bool = False) -> Fleet:
    """The gateway calls orders, which need 50 to 250 ms; from request 60 on it waits for `deadline_ms` only."""
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        work = 50.0 + number * 37 % 200
        waited = deadline_ms * (1 + number % 4) / 2 if varied else deadline_ms
        given_up = number >= 60 and work > waited
        status = "error" if given_up else ""
        took = waited if given_up else work + 2
        root = fleet.span(trace, "", "gateway", "h1", "GET /", at, took + 4, "server", status)
        call = fleet.span(trace, root, "gateway", "h1", "call orders", at + 1, took, "client", status, "timeout")
        fleet.span(trace, call, "orders", "h2", "GET /orders", at + 2, took - 2 if callee_fails else work, "server",
                   status if callee_fails else "")  # fmt: skip
    return fleet


def test_a_caller_that_gives_up_while_its_callee_works_is_told(look: Look) -> None:
    (finding,), _ = look("traces.early_timeout", impatient(100).tables())
    assert (finding.service, finding.resource, finding.mechanism) == ("gateway", "orders", "timeout_budget")
    assert finding.facts["deadline_ms"] == 100
    assert float(str(finding.facts["longest_work_ms"])) > 200
    assert "itself waits" not in finding.summary


def test_budgets_that_are_the_wrong_way_round_are_told(look: Look) -> None:
    fleet = impatient(100)
    for row in [row for row in fleet.spans if row["service"] == "orders"]:
        at = (int(row["start_ns"]) - fleet.recorded_ns("h2", 0)) / 1e6
        wait = fleet.span(row["trace_id"], row["span_id"], "orders", "h2", "call stock", at + 1, 180, "client")
        fleet.span(row["trace_id"], wait, "stock", "h3", "GET /stock", at + 2, 170, "server")
    (finding,), _ = look("traces.early_timeout", fleet.tables())
    assert finding.facts["callee_waits_ms"] == 180
    assert "and itself waits up to 180 ms for stock" in finding.summary


@pytest.mark.parametrize(
    "fleet", [impatient(1000), impatient(100, callee_fails=True), impatient(100, varied=True)],
    ids=["deadline long enough", "callee done first", "no common time"],
)  # fmt: skip
def test_calls_that_fail_for_other_reasons_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.early_timeout", fleet.tables())
    assert not findings


def paying(deadline_ms: float = 1e9, work: Callable[[int], float] = lambda _: 0.0, said: str = "aborted") -> Fleet:
    """The shop calls a partner without spans, which takes 50 to 249 ms; from request 60 on `work` and a deadline."""
    fleet = Fleet()
    for number in range(160):
        at, trace, took = number * 1000.0, f"t{number}", 50.0 + number * 37 % 200
        late = number >= 60
        took = work(number) or took if late else took
        status = "error" if late and (took >= deadline_ms or work(number)) else ""
        took = min(took, deadline_ms) if late else took
        root = fleet.span(trace, "", "shop", "h1", "POST /pay", at, took + 4, "server", status)
        fleet.span(
            trace, root, "shop", "h1", "POST", at + 1, took, "client", status, said if status else "",
            server__address="pay.partner.example",
        )  # fmt: skip
    return fleet


def test_a_deadline_that_came_to_be_shorter_is_told_though_nobody_records_the_other_side(look: Look) -> None:
    (finding,), _ = look("traces.early_timeout", paying(150).tables())
    assert (finding.code, finding.service, finding.resource) == ("traces.new_deadline", "shop", "pay.partner.example")
    assert finding.facts["deadline_ms"] == 150
    assert finding.confidence > 0.9


@pytest.mark.parametrize("said", ["read timed out", "context deadline exceeded"])
def test_who_gives_up_sooner_than_a_peer_often_took_says_nothing_of_the_peer(said: str, look: Look) -> None:
    findings, _ = look("external.peer_outage", paying(60, said=said).tables())
    assert not findings


@pytest.mark.parametrize(
    "fleet",
    [
        paying(work=lambda _: 3.0, said="connection refused"),
        paying(work=lambda _: 400.0),
        paying(work=lambda _: 100.0, said="connect timeout"),
        paying(work=lambda number: 150.0 if number % 2 else 0.0),
        paying(work=lambda number: 60.0 + number * 37 % 200),
    ],
    ids=["refused at once", "later than ever", "gone", "others are waited for", "after any time"],
)
def test_calls_to_what_records_no_spans_that_fail_otherwise_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.early_timeout", fleet.tables())
    assert not findings


def test_a_deadline_that_a_slow_partner_outlasts_is_told_as_the_wrong_way_round(look: Look) -> None:
    fleet = Fleet()
    for number in range(120):
        at, trace, took = number * 2000.0, f"t{number}", 300.0 if number >= 60 else 40.0
        status, waited = ("error", 100.0) if number >= 60 else ("", took + 10)
        root = fleet.span(trace, "", "gateway", "h1", "GET /", at, waited + 4, "server", status)
        call = fleet.span(trace, root, "gateway", "h1", "call orders", at + 1, waited, "client", status, "timeout")
        orders = fleet.span(trace, call, "orders", "h2", "POST /orders", at + 2, took + 6, "server")
        wait = fleet.span(trace, orders, "orders", "h2", "call pay", at + 3, took + 4, "client")
        pay = fleet.span(trace, wait, "pay", "h3", "POST /pay", at + 4, took + 2, "server")
        fleet.span(trace, pay, "pay", "h3", "POST", at + 5, took, "client", server__address="bank.example.com")
    (finding,), _ = look("traces.early_timeout", fleet.tables())
    assert (finding.code, finding.service) == ("traces.inverted_deadline", "gateway")


def trying_within(gets_through: bool) -> Fleet:
    """A gateway waits 100 ms for orders, which from request 60 on try stock three times for 45 ms each."""
    fleet = Fleet()
    for number in range(120):
        at, trace, bad = number * 2000.0, f"t{number}", number >= 60
        tries, status, waited = (3, "error", 100.0) if bad else (1, "", 50.0)
        root = fleet.span(trace, "", "gateway", "h1", "GET /", at, waited + 4, "server", status)
        call = fleet.span(trace, root, "gateway", "h1", "call orders", at + 1, waited, "client", status, "timeout")
        in_vain = "error" if bad and not gets_through else ""
        orders = fleet.span(trace, call, "orders", "h2", "POST /orders", at + 2, 46.0 * tries, "server", in_vain)
        for attempt in range(tries):
            failed = "error" if attempt < tries - 1 else in_vain
            sent = fleet.span(trace, orders, "orders", "h2", "call stock", at + 3 + 46 * attempt, 45, "client", failed)
            fleet.span(trace, sent, "stock", "h3", "GET /stock", at + 4 + 46 * attempt, 60 if failed else 30, "server")
    return fleet


@pytest.mark.parametrize(
    ("gets_through", "code"), [(True, "traces.inverted_deadline"), (False, "traces.early_timeout")]
)
def test_tries_inside_of_a_deadline_outlast_it_where_they_would_have_got_through(
    gets_through: bool, code: str, look: Look
) -> None:
    findings, _ = look("traces.early_timeout", trying_within(gets_through).tables())
    assert [f.code for f in findings if f.service == "gateway"] == [code]
