"""Requests that wait for rows which they have written themselves, by way of another service."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
DB = {"db__system": "postgresql", "server__address": "db1"}


def pricing(wait_ms: Callable[[int], float], commits: bool = False, table: str = "rules", fails: bool = True) -> Fleet:
    """Pricing writes a rule, and calls the ledger, which writes to `table` and waits for `wait_ms` of the request."""
    fleet = Fleet()
    for number in range(60):
        trace, at, wait = f"t{number}", number * 5000.0, wait_ms(number)
        failed = "error" if fails and wait > 100 else ""
        root = fleet.span(trace, "", "pricing", "h1", "PUT /rules", at, wait + 30, "server", failed)
        write = {**DB, "db__statement": "UPDATE shop.rules SET status = ? WHERE id = ?"}
        fleet.span(trace, root, "pricing", "h1", "UPDATE", at + 2, 3, "client", **write)
        if commits:
            fleet.span(trace, root, "pricing", "h1", "COMMIT", at + 6, 1, "client", **DB, db__statement="COMMIT")
        call = fleet.span(trace, root, "pricing", "h1", "POST", at + 8, wait + 6, "client", failed)
        touch = fleet.span(trace, call, "ledger", "h2", "POST /touch", at + 9, wait + 8, "server")
        held = {**DB, "db__statement": f"UPDATE {table} SET touched = now() WHERE id = $1"}
        fleet.span(trace, touch, "ledger", "h2", "UPDATE", at + 10, wait, "client", **held)
    return fleet


def stuck(number: int) -> float:
    return 4000.0 if number >= 30 and number % 4 == 0 else 5.0


def test_a_request_that_waits_for_its_own_row_until_it_gives_up_is_a_deadlock(look: Look) -> None:
    (finding,), _ = look("locks.deadlock", pricing(stuck).tables())
    assert (finding.service, finding.mechanism, finding.resource) == ("pricing", "deadlock", "rules")
    assert (finding.facts["other"], finding.facts["requests"]) == ("ledger", 7)
    assert len(finding.citations) == 3


@pytest.mark.parametrize(
    "fleet",
    [
        pricing(stuck, commits=True),
        pricing(stuck, table="entries"),
        pricing(lambda number: stuck(number) * (1 + number % 5)),
        pricing(stuck, fails=False),
        pricing(lambda _: 5.0),
    ],
    ids=["it has committed", "another table", "for others, as long as these take", "nobody gives up", "no wait"],
)
def test_other_waits_are_none(fleet: Fleet, look: Look) -> None:
    assert look("locks.deadlock", fleet.tables())[0] == ()
