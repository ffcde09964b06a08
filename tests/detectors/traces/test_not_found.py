"""Answers that say "not found" of what was found before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
ONSET, REQUESTS = 60, 120
HTTP = {"http__response__status_code": "404"}
GRPC = {"rpc__grpc__status_code": "5"}


def asking(missing: Callable[[int], bool], said: dict[str, str], name: str = "GET /items/{id}") -> Fleet:
    """Web and mobile ask the catalogue by turns; what is `missing` is told so, and the callers pass it on."""
    fleet = Fleet()
    for number in range(REQUESTS):
        at, trace = number * 1000.0, f"t{number}"
        caller = ("web", "mobile")[number % 2]
        answer = said if missing(number) else {}
        root = fleet.span(trace, "", caller, "h1", "GET /page", at, 20, "server", **answer)
        call = fleet.span(trace, root, caller, "h1", "GET", at + 1, 18, "client", "error" if answer else "", **answer)
        entered = fleet.span(trace, call, "catalogue", "h2", name, at + 2, 16, "server", **answer)
        fleet.span(trace, entered, "catalogue", "h2", "SELECT", at + 3, 5, "client")
    return fleet


@pytest.mark.parametrize("said", [HTTP, GRPC], ids=["HTTP", "gRPC"])
def test_who_says_so_first_answers_wrongly(said: dict[str, str], look: Look) -> None:
    (finding,), _ = look("traces.not_found", asking(lambda n: n >= ONSET and n % 4 < 2, said).tables())
    assert (finding.service, finding.mechanism) == ("catalogue", "wrong_result")
    assert (finding.facts["share_before"], finding.facts["share"]) == (0, 0.5)


@pytest.mark.parametrize(
    "fleet",
    [
        asking(lambda n: n % 4 < 2, HTTP),
        asking(lambda n: n >= ONSET and n % 20 < 2, HTTP),
        asking(lambda n: n >= ONSET and n % 2 == 0, HTTP),
        asking(lambda n: n >= ONSET and n % 4 < 2, HTTP, name="GET"),
    ],
    ids=["always so", "a few", "one caller alone", "no route"],
)
def test_what_is_missing_for_other_reasons_is_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.not_found", fleet.tables())
    assert not [finding for finding in findings if finding.service == "catalogue"]


def test_without_such_answers_there_is_nothing_to_look_at(look: Look) -> None:
    _, check = look("traces.not_found", asking(lambda n: False, HTTP).tables())
    assert check.verdict == "skipped"
