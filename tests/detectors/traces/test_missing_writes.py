"""Requests that no longer write what they wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
Calls = tuple[str, ...]
ALWAYS: Calls = ("SELECT invoices", "UPDATE totals")


def invoicing(since: Calls, before: Calls = ALWAYS, failing: bool = False) -> Fleet:
    """Sixty requests of `invoices`; from the thirtieth on each makes the calls of `since`."""
    fleet = Fleet()
    for number in range(60):
        late, trace, at = number >= 30, f"t{number:02d}", number * 1000.0
        status = "error" if late and failing else ""
        root = fleet.span(trace, "", "invoices", "h1", "PUT /invoices/{id}", at, 40, "server", status)
        for place, call in enumerate(since if late else before):
            fleet.span(trace, root, "invoices", "h1", call, at + 5 + 8 * place, 5, "client", db__system="postgresql")
    return fleet


def test_a_write_that_all_requests_made_and_none_makes_now_is_missing(look: Look) -> None:
    (finding,), _ = look("traces.missing_writes", invoicing(("SELECT invoices",)).tables())
    assert (finding.service, finding.operation) == ("invoices", "PUT /invoices/{id}")
    assert (finding.mechanism, finding.resource) == ("wrong_result", "UPDATE totals")
    assert finding.facts["without_share_before"] == 0.0


@pytest.mark.parametrize(
    "fleet",
    [
        invoicing(ALWAYS),
        invoicing(("SELECT invoices", "INSERT ledger")),
        invoicing(("SELECT invoices",), failing=True),
        invoicing(()),
        invoicing(("UPDATE totals",)),
    ],
    ids=["goes on", "another in its place", "fails before", "nothing is recorded", "only reads"],
)
def test_what_is_not_missing_or_not_surely_is_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.missing_writes", fleet.tables())
    assert not findings
