"""Caches that no longer answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
CURRENT = ("db.system.name", "db.query.text")
OLDER = ("db.system", "db.statement")


def reading(missed: Callable[[int], bool], names: tuple[str, str] = CURRENT, cache: str = "redis") -> Fleet:
    """The catalogue reads a key of its cache a second; where it misses, it reads the row from its database."""
    system, statement = names
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        root = fleet.span(trace, "", "catalog", "h1", "GET /item", at, 20, "server")
        fleet.span(trace, root, "catalog", "h1", "GET", at + 1, 1, "client", **{system: cache, statement: "GET item:7"})
        if missed(number):
            row = {system: "postgresql", statement: "SELECT * FROM item WHERE id = $1"}
            fleet.span(trace, root, "catalog", "h1", "SELECT item", at + 3, 10, "client", **row)
    return fleet


@pytest.mark.parametrize("names", [CURRENT, OLDER], ids=["current names", "older names"])
@pytest.mark.parametrize("cache", ["redis", "memcached"])
def test_reads_that_suddenly_go_on_to_the_store_are_told(names: tuple[str, str], cache: str, look: Look) -> None:
    fleet = reading(lambda number: number >= 60 or number % 5 == 0, names, cache)
    (finding,), _ = look("traces.cache_misses", fleet.tables())
    assert (finding.service, finding.mechanism) == ("catalog", "cache_stampede")
    assert finding.facts["missed_share_before"] == pytest.approx(0.2, abs=0.05)
    assert finding.facts["missed_share"] == pytest.approx(1.0, abs=0.05)
    assert len(finding.citations) == 3


@pytest.mark.parametrize(
    "fleet",
    [
        reading(lambda number: number % 5 == 0),
        reading(lambda number: True),
        reading(lambda number: number >= 60 and number % 10 == 0),
        reading(lambda number: number >= 115),
    ],
    ids=["as ever", "always missed", "a little more", "a handful"],
)
def test_caches_that_answer_as_before_are_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.cache_misses", fleet.tables())
    assert not findings
    assert check.verdict == "clear"


def test_without_a_cache_nothing_is_looked_for(look: Look) -> None:
    findings, check = look("traces.cache_misses", reading(lambda number: True, cache="mysql").tables())
    assert not findings
    assert check.verdict == "skipped"


def two_kinds(missed: Callable[[int], bool]) -> Fleet:
    """The catalogue reads prices ten times as often as items; `missed` says of an item's request that it misses."""
    fleet = Fleet()
    for number in range(1320):
        at, trace, of_item = number * 100.0, f"t{number}", number % 11 == 0
        name = "GET /item" if of_item else "GET /price"
        root = fleet.span(trace, "", "catalog", "h1", name, at, 20, "server")
        key = {"db__system": "redis", "db__statement": f"GET {'item' if of_item else 'price'}:7"}
        fleet.span(trace, root, "catalog", "h1", "GET", at + 1, 1, "client", **key)
        if missed(number) if of_item else number % 10 == 0:
            row = {"db__system": "postgresql", "db__statement": "SELECT * FROM t WHERE id = $1"}
            fleet.span(trace, root, "catalog", "h1", "SELECT t", at + 3, 10, "client", **row)
    return fleet


def test_one_operation_that_misses_is_told_though_the_service_hardly_shows_it(look: Look) -> None:
    (finding,), _ = look("traces.cache_misses", two_kinds(lambda number: number >= 660).tables())
    assert (finding.service, finding.operation) == ("catalog", "GET /item")
    assert finding.facts["missed_share"] == pytest.approx(1.0, abs=0.05)
    findings, _ = look("traces.cache_misses", two_kinds(lambda number: number % 3 == 0).tables())
    assert not findings


def rates(missed: Callable[[int], bool], several: Callable[[int], int]) -> Fleet:
    """A request reads an entry that all want, and one of its own that is never there; misses are written back.

    `missed` says when the entry of all is not there, `several` how many requests come in that second.
    """
    fleet = Fleet()
    for number in range(160):
        for copy in range(several(number)):
            at, trace = number * 1000.0 + copy * 20, f"t{number}-{copy}"
            root = fleet.span(trace, "", "catalog", "h1", "GET /rates", at, 400, "server")
            for key, misses, begin in (("rates:v4:all", missed(number), 1), (f"user:{number}", True, 200)):
                get = {"db__system": "redis", "db__statement": f"GET {key}"}
                fleet.span(trace, root, "catalog", "h1", "GET", at + begin, 1, "client", **get)
                row = {"db__system": "postgresql", "db__statement": "SELECT * FROM t"}
                fleet.span(trace, root, "catalog", "h1", "SELECT t", at + begin + 2, 150, "client", **row)
                if misses:
                    put = {"db__system": "redis", "db__statement": f"SETEX {key} 20 x"}
                    fleet.span(trace, root, "catalog", "h1", "SETEX", at + begin + 160, 1, "client", **put)
    return fleet


def test_a_kind_of_entries_that_is_found_no_more_is_told_beside_one_that_never_is(look: Look) -> None:
    (finding,), _ = look("traces.cache_misses", rates(lambda number: number >= 80, lambda _: 1).tables())
    assert 'by "GET rates:v#:all" go on to the store' in finding.summary
    assert (finding.facts["missed_share_before"], finding.facts["missed_share"]) == (0, 1)


def test_one_entry_that_several_requests_make_anew_at_once_is_told(look: Look) -> None:
    expires = rates(lambda number: number % 20 == 0, lambda number: 5 if number % 20 == 0 and number >= 80 else 1)
    (finding,), _ = look("traces.cache_misses", expires.tables())
    assert finding.mechanism == "cache_stampede"
    assert "while another makes the entry anew" in finding.summary
    alone, _ = look("traces.cache_misses", rates(lambda number: number % 20 == 0, lambda _: 1).tables())
    assert not alone
