"""Whom a change can reach."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.symptoms.front import failing_front, within_reach
from deep_code_reasoning.detectors.symptoms.symptom import Shift, Text, symptoms_of
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S

GRAPH = ServiceGraph(("edge", "api", "db", "mail"), {("edge", "api"): 9, ("api", "db"): 9, ("edge", "mail"): 9})


@pytest.mark.parametrize(
    ("service", "reached"), [("api", True), ("edge", True), ("db", True), ("mail", False), ("never-traced", True)]
)
def test_a_change_is_felt_along_calls_and_by_those_whose_calls_nobody_knows(service: str, reached: bool) -> None:
    assert within_reach(service, "api", GRAPH) == reached


def test_of_those_that_began_together_the_one_that_moved_most_is_the_first() -> None:
    symptoms = symptoms_of((), [Shift(name, "latency_p95_ms", 200, 900, 7) for name in ("api", "edge", "mail")])
    first = failing_front(symptoms, ServiceGraph(), moved={"edge": 1.4, "mail": 3.0}).first
    called = failing_front(symptoms, GRAPH, moved={"edge": 3.0}).first
    assert (first, called) == ("mail", "api")


def test_who_began_to_fail_late_is_no_reason_for_its_callers_trouble() -> None:
    symptoms = symptoms_of((), [Shift(name, "latency_p95_ms", 200, 900, at) for name, at in (("api", 7), ("db", 70))])
    at_any_time, late = failing_front(symptoms, GRAPH), failing_front(symptoms, GRAPH, latest_ns=40)
    assert (at_any_time.first, late.first, late.victims) == ("db", "api", ("db",))


def test_who_has_a_trouble_of_its_own_first_began_it_and_who_takes_anothers_did_not() -> None:
    missing = Text("api", "cache miss for slots", "warn", 5, first_ns=7)
    refused = Text("api", "connection refused by db, retrying", "warn", 5, first_ns=7)
    later = Text("db", "deadlock detected", "error", 5, first_ns=9)
    own = failing_front(symptoms_of((missing, later), ()), GRAPH)
    anothers = failing_front(symptoms_of((refused, later), ()), GRAPH)
    assert (own.first, own.began_first("api", "db")) == ("db", True)
    assert (anothers.first, anothers.began_first("api", "db")) == ("db", False)


def test_who_is_measured_by_the_minute_is_not_before_who_speaks_of_its_own_trouble_in_it() -> None:
    minute, second = 60 * NS_PER_S, NS_PER_S
    slow = Shift("mail", "http_server_duration_p99_ms", 50, 900, minute)
    own = Text("api", "liveness probe failed: context deadline exceeded", "error", 5, first_ns=minute + 40 * second)
    late = Text("api", own.text, "error", 5, first_ns=2 * minute + 10 * second)
    anothers = Text("api", "db timed out after 3s", "error", 5, first_ns=minute + 40 * second)
    busy = Shift("mail", "cpu_utilization_ratio", 0.2, 0.99, minute)
    firsts = [
        failing_front(symptoms_of((said,), (shift,)), ServiceGraph()).first
        for said, shift in ((own, slow), (late, slow), (anothers, slow), (own, busy))
    ]
    assert firsts == ["api", "mail", "mail", "mail"]
    more = Shift("api", "requests_per_sec", 50, 900, minute)
    assert failing_front(symptoms_of((own,), (slow, more)), ServiceGraph()).first == "mail"
