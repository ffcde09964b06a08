"""Pools that run dry, in their own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]


def failing(message: str, onset: int = 60) -> Fleet:
    """The shop calls stock; from request `onset` on every other request fails there, and the shop passes it on."""
    fleet = Fleet()
    for number in range(120):
        at, trace = number * 1000.0, f"t{number}"
        status = "error" if number >= onset and number % 2 else ""
        said = message if status else ""
        root = fleet.span(trace, "", "shop", "h1", "GET /", at, 20, "server", status, said)
        call = fleet.span(trace, root, "shop", "h1", "call", at + 1, 18, "client", status, said)
        fleet.span(trace, call, "stock", "h2", "GET /stock", at + 2, 16, "server", status, said)
    return fleet


@pytest.mark.parametrize(
    ("message", "mechanism"),
    [
        ("Connection is not available, request timed out after 2000ms (pool main)", "connection_pool_exhausted"),
        ("QueuePool limit of size 5 overflow 10 reached, connection timed out", "connection_pool_exhausted"),
        ("FATAL: sorry, too many clients already", "connection_pool_exhausted"),
        ("no worker became free in 3000ms, all workers busy", "thread_pool_exhausted"),
        ("Task rejected from ThreadPoolExecutor: RejectedExecution, queue is full", "thread_pool_exhausted"),
    ],
)
def test_the_words_of_a_pool_name_the_mechanism_where_they_are_said_first(
    message: str, mechanism: str, look: Look
) -> None:
    (finding,), _ = look("traces.exhausted", failing(message).tables())
    assert (finding.service, finding.mechanism) == ("stock", mechanism)
    assert finding.facts["share_before"] == 0


@pytest.mark.parametrize(
    "fleet",
    [
        failing("null pointer"),
        failing("Connection is not available, request timed out", onset=0),
        failing("connection refused"),
        failing("Connection is not available in the pool", onset=118),
    ],
    ids=["another error", "always so", "no pool", "one request"],
)
def test_other_errors_and_old_ones_are_silent(fleet: Fleet, look: Look) -> None:
    findings, check = look("traces.exhausted", fleet.tables())
    assert not findings
    assert check.verdict == "clear"
