"""Whom a change can reach."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.symptoms.front import within_reach
from deep_code_reasoning.domain.graph import ServiceGraph

GRAPH = ServiceGraph(("edge", "api", "db", "mail"), {("edge", "api"): 9, ("api", "db"): 9, ("edge", "mail"): 9})


@pytest.mark.parametrize(
    ("service", "reached"), [("api", True), ("edge", True), ("db", True), ("mail", False), ("never-traced", True)]
)
def test_a_change_is_felt_along_calls_and_by_those_whose_calls_nobody_knows(service: str, reached: bool) -> None:
    assert within_reach(service, "api", GRAPH) == reached
