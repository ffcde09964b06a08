"""What the bad requests have in common, and the others have not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.store.resolve import resolve
from fleet import Fleet

Carried = Callable[[int], dict[str, Any]]
FLEETS = ("ash", "elm", "oak")


def served(carried: Carried, fails: Callable[[int], bool], onset: int = 80, requests: int = 200) -> Fleet:
    """The gateway calls stock; `carried` says what a request is about, `fails` which ones fail from the onset on."""
    fleet = Fleet()
    for number in range(requests):
        at, trace = number * 1000.0, f"t{number:03d}"
        failed = "error" if number >= onset and fails(number) else ""
        host = f"h{number // 5 % 3}"
        root = fleet.span(trace, "", "gateway", "h9", "GET /items", at, 30, "server", failed, **carried(number))
        call = fleet.span(trace, root, "gateway", "h9", "GET", at + 2, 24, "client", failed)
        fleet.span(trace, call, "stock", host, "GET /stock", at + 4, 20, "server", failed, "no such unit")
    return fleet


@pytest.fixture
def apart(build_case: Callable[..., Any]) -> Callable[[Fleet], tuple[Sequence[Finding], Check]]:
    """What `traces.set_apart` finds once `traces.failures` and `traces.self_time` have dated the incident."""

    def run(fleet: Fleet) -> tuple[Sequence[Finding], Check]:
        codes = ("traces.failures", "traces.self_time", "external.request_rate", "traces.set_apart")
        chosen = [detector for detector in runner.detectors() if detector.code in codes]
        with build_case(fleet.tables()) as store:
            _, findings, checks = runner.look(store, None, chosen)
            ours = [f for f in findings if f.code in ("traces.set_apart", "traces.bad_input", "traces.noisy_neighbour")]
            assert all(resolve(store, citation) for finding in ours for citation in finding.citations)
        return ours, next(check for check in checks if check.detector == "traces.set_apart")

    return run


Apart = Callable[[Fleet], tuple[Sequence[Finding], Check]]


def customer(number: int) -> dict[str, Any]:
    return {"tenant": FLEETS[number % 3] if number < 80 or number % 5 else "yew", "order__id": number}


def test_a_customer_who_came_with_the_onset_and_whose_requests_fail_is_bad_input(apart: Apart) -> None:
    (finding,), _ = apart(served(customer, lambda number: number % 5 == 0))
    assert (finding.mechanism, finding.service, finding.resource) == ("bad_input", "stock", "tenant=yew")
    assert finding.facts["separation"] == 1
    assert {int(str(citation).split("/")[0].removeprefix("span:t")) % 5 for citation in finding.citations} == {0}


def test_a_handful_of_bad_requests_tell_a_customer_who_came_with_the_onset(apart: Apart) -> None:
    def few(number: int) -> dict[str, Any]:
        return {"tenant": "yew" if number >= 20 and number % 3 == 0 else FLEETS[number % 3]}

    (finding,), _ = apart(served(few, lambda number: number % 3 == 0, onset=20, requests=32))
    assert (finding.mechanism, finding.resource) == ("bad_input", "tenant=yew")


def test_of_a_customer_who_was_served_well_before_one_is_less_sure(apart: Apart) -> None:
    (new,), _ = apart(served(customer, lambda number: number % 5 == 0))
    (known,), _ = apart(served(lambda n: {"tenant": FLEETS[n % 3]}, lambda number: number % 3 == 1))
    assert (known.mechanism, known.resource) == ("bad_input", "tenant=elm")
    assert known.confidence < new.confidence


def test_a_size_beyond_a_limit_is_told_by_the_limit(apart: Apart) -> None:
    def sizes(number: int) -> dict[str, Any]:
        return {"batch__items": 500 + number if number >= 80 and number % 4 == 0 else number % 40}

    fleet = served(sizes, lambda number: number % 4 == 0)
    for row in fleet.spans:
        row["number_names"] = list(row["attributes"])
    (finding,), _ = apart(fleet)
    assert (finding.mechanism, finding.resource) == ("bad_input", "batch.items > 39")


def test_two_values_together_are_told_where_neither_alone_explains_it(apart: Apart) -> None:
    def both(number: int) -> dict[str, Any]:
        return {"tenant": FLEETS[number % 3], "client": "kiosk" if number >= 80 and number % 2 else "web"}

    (finding,), _ = apart(served(both, lambda number: number % 2 == 1 and number % 3 == 1, requests=320))
    assert finding.facts["values"] == ("client=kiosk", "tenant=elm")
    assert finding.mechanism == "bad_input"


def test_one_bad_process_is_told_by_its_host(apart: Apart) -> None:
    (finding,), _ = apart(served(customer, lambda number: number // 5 % 3 == 2))
    assert (finding.code, finding.service) == ("traces.set_apart", "stock")
    assert finding.facts["values"] == ("host@stock=h2",)


@pytest.mark.parametrize(
    "fleet",
    [
        served(customer, lambda number: number % 7 in (1, 4)),
        served(customer, lambda _: True),
        served(lambda n: {"tenant": FLEETS[n % 3]}, lambda number: number % 3 == 1, onset=0),
        served(lambda n: {"http__route": "/a" if n % 3 else "/b", "order__id": n}, lambda number: number % 3 == 0),
    ],
    ids=["chance", "all fail", "always so", "only what repeats the operation"],
)
def test_what_does_not_set_them_apart_is_silent(fleet: Fleet, apart: Apart) -> None:
    findings, check = apart(fleet)
    assert not [f for f in findings if not f.facts["values"][0].startswith(("host@", "instance@"))]
    assert check.verdict in ("clear", "skipped", "fired")


def rush(tenant: Callable[[int], str], key: str = "tenant") -> Fleet:
    """From the 80th request on six come where one came, and take twenty times as long."""
    fleet = Fleet()
    for number in range(260):
        at = number * 1000.0 if number < 80 else 80_000 + (number - 80) * 160.0
        work, trace = 20.0 if number < 80 else 400.0, f"t{number:03d}"
        root = fleet.span(trace, "", "gateway", "h1", "GET /items", at, work + 9, "server", **{key: tenant(number)})
        call = fleet.span(trace, root, "gateway", "h1", "GET", at + 3, work + 2, "client")
        fleet.span(trace, call, "stock", "h2", "GET /stock", at + 4, work, "server")
    return fleet


def test_one_who_takes_what_all_others_need_is_a_noisy_neighbour(apart: Apart) -> None:
    (finding,), _ = apart(rush(lambda n: "oak" if n >= 80 and n % 6 > 0 else FLEETS[n * 7 % 3]))
    assert (finding.mechanism, finding.service, finding.resource) == ("noisy_neighbour", "stock", "tenant=oak")
    assert float(str(finding.facts["suffering_share"])) > 0.9


def test_a_version_that_serves_most_requests_since_is_no_neighbour(apart: Apart) -> None:
    findings, _ = apart(rush(lambda n: "2.1.0" if n >= 80 and n % 6 > 0 else FLEETS[n * 7 % 3], "version"))
    assert not [finding for finding in findings if finding.mechanism == "noisy_neighbour"]


def test_a_value_that_was_served_well_and_that_the_errors_name_is_no_bad_input(apart: Apart) -> None:
    fleet = served(lambda number: {"tenant": FLEETS[number % 3]}, lambda number: number % 3 == 1)
    for row in fleet.spans:
        row["status_message"] = row["status_message"] and "no entry for 'elm' in rates"
    (finding,), _ = apart(fleet)
    assert (finding.code, finding.mechanism) == ("traces.set_apart", "exception")
    assert finding.summary.startswith("stock: 39 of 39 requests with tenant=elm fail")


@pytest.mark.parametrize("error", ["write /data: no space left on device", "lookup rates: no such host"])
def test_what_no_input_brings_about_is_no_bad_input(error: str, apart: Apart) -> None:
    fleet = served(customer, lambda number: customer(number)["tenant"] == "spruce")
    for row in fleet.spans:
        row["status_message"] = row["status_message"] and error
    findings, _ = apart(fleet)
    assert not findings


def test_one_who_always_was_most_of_all_is_no_neighbour_when_everybody_comes(apart: Apart) -> None:
    findings, _ = apart(rush(lambda n: "oak" if n % 5 else "elm"))
    assert not findings


def test_requests_that_are_tried_in_many_processes_tell_none_of_them(apart: Apart) -> None:
    fleet = Fleet()
    for number in range(200):
        at, trace, fails = number * 1000.0, f"t{number:03d}", number >= 80 and number % 2 == 0
        root = fleet.span(trace, "", "gateway", "h9", "GET /items", at, 300, "server", "error" if fails else "")
        for attempt in range(8 if fails else 1):
            status, host = "error" if fails else "", f"h{(number // 5 + attempt) % 3}"
            begun = at + 2 + 30 * attempt
            call = fleet.span(trace, root, "gateway", "h9", "GET", begun, 24, "client", status)
            fleet.span(trace, call, "stock", host, "GET /stock", begun + 2, 20, "server", status, "overloaded")
    findings, _ = apart(fleet)
    assert not findings
