"""Databases and the like that are down, where spans do not tell whom a call went to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.external import component_down
from deep_code_reasoning.detectors.logs import new_errors
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.store import CaseStore
from deep_code_reasoning.store.resolve import resolve
from fleet import START_NS, Fleet

BuildCase = Callable[[dict[str, Any]], AbstractContextManager[CaseStore]]
REFUSED = "connect ECONNREFUSED 10.1.2.3:5432 (orders-db)"


def look(build_case: BuildCase, case: dict[str, Any]) -> list[Finding]:
    """What is found in an incident that errors in logs date."""
    with build_case(case) as store:
        _, findings, _ = runner.look(store, None, [new_errors.DETECTOR, component_down.DETECTOR])
        found = [finding for finding in findings if finding.code == "external.component_down"]
        assert all(resolve(store, citation) for finding in found for citation in finding.citations)
    return found


def tables(
    *said: tuple[str, str], until_s: int = 120, health: Sequence[float] = (), traced: Sequence[str] = ()
) -> dict[str, Any]:
    """Two minutes of requests; from the second one on services log errors, and `health` is told every ten seconds."""
    fleet = Fleet()
    for number in range(120):
        root = fleet.span(f"t{number}", "", "shop", "h1", "GET /", number * 1000.0, 20, "server")
        for name in ("cart", "pay", *traced):
            status = "error" if number >= 60 and said else ""
            fleet.span(f"t{number}", root, name, "h1", "handle", number * 1000.0 + 1, 5, "server", status)
    rows = [(at, "orders-db", "info", "checkpoint complete") for at in range(0, 60, 7)]
    rows += [(at, service, "error", text) for at in range(60, until_s, 2) for service, text in said]
    logs = [
        {
            "time_ns": START_NS + at * NS_PER_S,
            "service": service,
            "severity": level,
            "body": body,
            "source_id": 1,
            "line": line,
        }
        for line, (at, service, level, body) in enumerate(rows)
    ]
    metrics = [
        {"time_ns": START_NS + place * 10 * NS_PER_S, "service": "orders-db", "name": "pg_up", "value": value}
        for place, value in enumerate(health)
    ]
    return {**fleet.tables(), "logs": logs, "metrics": metrics}


UP, DOWN = [1.0] * 12, [1.0] * 6 + [0.0] * 6
BOTH = (("cart", REFUSED), ("pay", f"POST /pay 500: {REFUSED}"))


@pytest.mark.parametrize(
    ("case", "confidence"),
    [
        pytest.param(tables(*BOTH), 0.85, id="two say so"),
        pytest.param(tables(*BOTH, health=DOWN), 0.93, id="and its gauge"),
        pytest.param(tables(BOTH[0], health=DOWN), 0.93, id="one, and its gauge"),
    ],
)
def test_who_refuses_its_callers_is_down(case: dict[str, Any], confidence: float, build_case: BuildCase) -> None:
    (finding,) = look(build_case, case)
    assert (finding.mechanism, finding.service, finding.resource) == ("dependency_outage", "cart", "orders-db")
    assert finding.confidence == confidence


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(tables(BOTH[0]), id="one alone"),
        pytest.param(tables(BOTH[0], health=UP), id="one alone, and it is up"),
        pytest.param(tables(BOTH[0], ("shop", f"cart GET /x failed with 500: {REFUSED}")), id="one, passed on"),
        pytest.param(tables(*BOTH, until_s=80), id="it is reached again"),
        pytest.param(tables(*BOTH, traced=["orders-db"]), id="it has spans"),
        pytest.param(
            tables(("cart", "orders-db: duplicate key"), ("pay", "orders-db: duplicate key")), id="it answers"
        ),
    ],
)
def test_it_stays_silent(case: dict[str, Any], build_case: BuildCase) -> None:
    assert not look(build_case, case)
