"""Pools that are waited for, seen by what is handed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet, steady

Look = Callable[..., tuple[Sequence[Finding], Check]]
Kind = str


def crowd(kind: Kind, held_ms: float, onset: int = 60, size: int = 2, busy: bool = False, seed: int = 3) -> Fleet:
    """Requests come 60 ms apart at random; each uses one of `size` places, for `held_ms` from request `onset` on.

    A place is a connection to a database (kind `statement`), of an HTTP client (`call`), or a worker (`worker`). When
    `busy`, they wait as long for nothing that anybody else has.
    """
    fleet = Fleet({"h2": steady(250.0)}, seed=seed)
    free = [0.0] * size
    at = 0.0
    for number in range(240):
        at += fleet.chance.expovariate(1 / 60)
        late, trace = number >= onset, f"t{number}"
        held = (held_ms if late else 9.0) * fleet.chance.uniform(0.8, 1.2)
        place = min(range(size), key=lambda one: free[one])
        begins = (
            max(at + 3, free[place] + 0.3) if not busy else at + 3 + (fleet.chance.uniform(100, 400) if late else 0)
        )
        free[place] = begins + held
        done = begins + held - at
        if number < 40 and not onset:
            continue  # those that came before there was a queue
        if kind == "statement":
            root = fleet.span(trace, "", "shelf", "h1", "PUT /slot", at, done + 2, "server")
            fleet.span(trace, root, "shelf", "h1", "check", at + 1, 1)
            fleet.span(trace, root, "shelf", "h1", "insert slots", begins, held, "client")
        else:
            root = fleet.span(trace, "", "hall", "h1", "PUT /slot", at, done + 6, "server")
            call = fleet.span(trace, root, "hall", "h1", "PUT", at + 1, done + 1, "client")
            fleet.span(trace, call, "shelf", "h2", "PUT /slot", begins, held - 0.2, "server")
    return fleet


@pytest.mark.parametrize(
    ("kind", "services", "mechanism"),
    [
        ("statement", {"shelf"}, "connection_pool_exhausted"),
        ("call", {"hall", "shelf"}, "pool"),
    ],
)
def test_gaps_that_end_when_another_is_done_are_waits_for_a_pool(
    kind: Kind, services: set[str], mechanism: str, look: Look
) -> None:
    (finding, *_), _ = look("traces.pool_waits", crowd(kind, 130).tables())
    assert finding.service in services
    assert mechanism in finding.mechanism
    assert float(str(finding.facts["handed_share"])) > 0.8


@pytest.mark.parametrize(
    "fleet",
    [
        pytest.param(crowd("statement", 9), id="no one waits"),
        pytest.param(crowd("statement", 9, busy=True), id="the code computes before it asks"),
        pytest.param(crowd("call", 9, busy=True), id="the way is slow"),
        pytest.param(crowd("statement", 105, onset=0), id="it was so before"),
    ],
)
def test_gaps_that_end_by_themselves_are_silent(fleet: Fleet, look: Look) -> None:
    findings, _ = look("traces.pool_waits", fleet.tables())
    assert not findings
