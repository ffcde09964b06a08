"""Third parties that became slow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def asking(host: str, slow_ms: float, every: int = 1, onset: int = 60) -> Fleet:
    """`shop` asks a peer; from request `onset` on each `every`-th answer takes `slow_ms` more."""
    fleet = Fleet()
    for number in range(120):
        took = 120 + number * 37 % 11 + (slow_ms if number >= onset and number % every == 0 else 0)
        root = fleet.span(f"t{number}", "", "shop", "h1", "POST /pay", number * 1000.0, took + 5, "server")
        fleet.span(
            f"t{number}", root, "shop", "h1", "POST", number * 1000.0 + 1, took, "client", server__address=host
        )  # fmt: skip
    return fleet


def test_a_partner_that_takes_far_longer_is_told_with_who_asks_it(look: Look) -> None:
    (finding,), _ = look("external.slow_peer", asking("api.partner.example", 2500).tables())
    assert (finding.service, finding.resource, finding.mechanism) == (
        "shop",
        "api.partner.example",
        "dependency_outage",
    )


@pytest.mark.parametrize(
    "fleet",
    [
        asking("api.partner.example", 2500, every=3),
        asking("api.partner.example", 60),
        asking("api.partner.example", 2500, onset=0),
        asking("orders-db", 2500),
        asking("orders.prod.svc.cluster.local", 2500),
    ],
    ids=["some answers", "hardly slower", "always so", "our database", "in our cluster"],
)
def test_what_is_no_slow_third_party_is_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("external.slow_peer", fleet.tables())
    assert not findings
