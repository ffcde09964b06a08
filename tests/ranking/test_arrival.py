"""A change without a diff is named where it went live in the very service, right before the trouble began there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.domain.cause import Cause, Suspect
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.ranking.attribute import attribute
from deep_code_reasoning.store import CaseStore

BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]

BEGAN_S = 1000


def deploy(at_s: float, service: str = "stock", name: str = "d1", **more: Any) -> dict[str, Any]:
    row = {"kind": "deploy", "id": name, "service": service, "time_ns": int(at_s * NS_PER_S), "source_id": 1}
    return row | more


def blamed(
    rows: list[dict[str, Any]],
    build_case: BuildCase,
    mechanism: str = "latency_regression",
    error: str | None = None,
    sure: float = 0.9,
) -> Cause:
    onset, end = BEGAN_S * NS_PER_S, 2 * BEGAN_S * NS_PER_S
    windows = Windows(Window(0, onset), Window(onset, end), onset, Window(onset, onset + 1), None, "", True)
    finding = Finding(
        "traces.self_time", mechanism, "stock", "slow", 0.9, sure, {"error": error}, window=Window(onset, end)
    )
    with build_case({"changes": rows}) as store:
        suspect = Suspect("stock", mechanism, 1.0, (finding,))
        return attribute(Scene(store, windows, ServiceGraph()), [suspect], [finding])[0]


def test_it_is_named_with_what_to_do_and_no_more_surely_than_time_tells(build_case: BuildCase) -> None:
    cause = blamed([deploy(BEGAN_S - 20), deploy(BEGAN_S - 10, "web", "d2")], build_case)
    assert cause.change is not None
    assert (cause.change.kind, cause.change.id, cause.mechanism) == ("deploy", "d1", "latency_regression")
    assert cause.remediation == "rollback"
    assert "d1 went live there 20 s before" in cause.summary
    assert cause.confidence < 0.5
    assert any(citation.ref == "d1" for citation in cause.citations)


def commit(path: str, lines: str, service: str = "stock", message: str = "work") -> list[dict[str, Any]]:
    """A commit and its deploy, twenty seconds before the trouble."""
    diff = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,3 +1,3 @@\n \n{lines}\n \n"
    row = {"kind": "commit", "id": "0b2391f124", "commit_sha": "0b2391f124", "diff": diff, "files": [path]}
    return [deploy(BEGAN_S - 20, service, commit_sha="0b2391f124"), {**row, "message": message, "source_id": 1}]


@pytest.mark.parametrize(
    ("rows", "mechanism", "sure"),
    [
        (commit("worker.py", "-arrange(both)\n+settle(both)"), "deadlock", False),
        (commit("deploy/stock.yaml", "-replicas: 4\n+replicas: 1"), "message_backlog", True),
    ],
    ids=["nobody knows what it does", "it is known for that"],
)
def test_a_commit_is_named_unless_it_is_known_for_something_else(
    rows: list[dict[str, Any]], mechanism: str, sure: bool, build_case: BuildCase
) -> None:
    cause = blamed(rows, build_case, mechanism)
    assert cause.change is not None
    assert (cause.change.kind, cause.change.id, cause.mechanism) == ("commit", "0b2391f124", mechanism)
    assert (cause.confidence > 0.5) == sure


@pytest.mark.parametrize(
    "rows",
    [
        [deploy(BEGAN_S - 600)],
        [deploy(BEGAN_S + 60)],
        [deploy(BEGAN_S - 20, "web")],
        [deploy(BEGAN_S - 20), deploy(BEGAN_S - 40, name="d2")],
        [deploy(BEGAN_S - 20, message="log the size of requests")],
        commit("ci/build.yml", "-cache: no\n+cache: yes"),
        commit("a.py", "-total = sum(prices)\n+subtotal = sum(prices)", message="refactor: rename a variable"),
        commit("client.py", "-timeout_s = 5\n+timeout_s = 9"),
    ],
    ids=[
        "long before", "after", "elsewhere", "one of two", "idle, it says", "of the pipeline", "a name",
        "in the safe direction",
    ],
)  # fmt: skip
def test_none_is_named_that_may_be_there_by_chance(rows: list[dict[str, Any]], build_case: BuildCase) -> None:
    assert blamed(rows, build_case).change is None


@pytest.mark.parametrize(
    ("mechanism", "error"),
    [("network_delay", None), ("clock_skew", None), ("exception", "429 Too Many Requests from the carrier")],
)
def test_what_no_change_of_the_service_brings_is_blamed_on_none(
    mechanism: str, error: str | None, build_case: BuildCase
) -> None:
    assert blamed([deploy(BEGAN_S - 20)], build_case, mechanism, error).change is None


@pytest.mark.parametrize(("sure", "named"), [(0.9, True), (0.55, False)])
def test_trouble_that_may_be_chance_dates_no_deploy(sure: float, named: bool, build_case: BuildCase) -> None:
    assert (blamed([deploy(BEGAN_S - 20)], build_case, sure=sure).change is not None) == named


@pytest.mark.parametrize(("code", "named"), [("metrics.errors", True), ("logs.new_errors", False)])
def test_what_was_seen_at_work_dates_the_trouble_better_than_a_metric(
    code: str, named: bool, build_case: BuildCase
) -> None:
    onset, end = (BEGAN_S - 90) * NS_PER_S, 2 * BEGAN_S * NS_PER_S
    windows = Windows(Window(0, onset), Window(onset, end), onset, Window(onset, onset + 1), None, "", True)
    seen = Finding(
        "traces.new_deadline", "timeout_budget", "stock", "gives up", 0.9, 0.9,
        window=Window(BEGAN_S * NS_PER_S, end),
    )  # fmt: skip
    early = Finding(code, "exception", "stock", "errors rose", 0.9, 0.9, window=Window(onset, end))
    with build_case({"changes": [deploy(BEGAN_S - 20)]}) as store:
        suspect = Suspect("stock", "timeout_budget", 1.0, (seen, early))
        cause = attribute(Scene(store, windows, ServiceGraph()), [suspect], [seen, early])[0]
    assert (cause.change is not None) == named


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([deploy(BEGAN_S - 20, "rates")], True),
        ([deploy(BEGAN_S - 900, "rates")], False),
        ([deploy(BEGAN_S - 20, "rates"), deploy(BEGAN_S - 60, "stock", "d2")], False),
        ([deploy(BEGAN_S - 20, "web")], False),
    ],
    ids=["right before", "long before", "with one of its own", "at a caller"],
)
def test_what_is_asked_many_times_since_may_answer_otherwise(
    rows: list[dict[str, Any]], named: bool, build_case: BuildCase
) -> None:
    onset, end = BEGAN_S * NS_PER_S, 2 * BEGAN_S * NS_PER_S
    windows = Windows(Window(0, onset), Window(onset, end), onset, Window(onset, onset + 1), None, "", True)
    graph = ServiceGraph(("rates", "stock", "web"), {("stock", "rates"): 9, ("web", "stock"): 9})
    many = Finding("traces.repeated_calls", "n_plus_one", "stock", "7 calls", 0.9, 0.9, window=Window(onset, end))
    with build_case({"changes": rows}) as store:
        cause = attribute(Scene(store, windows, graph), [Suspect("stock", "n_plus_one", 1.0, (many,))], [many])[0]
    assert (cause.change is not None and cause.change.id == "d1") == named
