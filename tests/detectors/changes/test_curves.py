"""Which deployed change made requests slower, where only curves, deploys and commits are there to tell."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.changes.records import history
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Windows
from deep_code_reasoning.store import CaseStore
from scenery import DROPS_INDEX, RENAMES, START_NS, Row, commit, deploy

BuildCase = Callable[[dict[str, list[Row]]], AbstractContextManager[CaseStore]]
HOUR_S = 3600
DAYS = 4
SHIFT_S = 50 * HOUR_S
BATCHES = """--- a/settings.py
+++ b/settings.py
@@ -1,2 +1,2 @@
 NAME = "stock"
-LINE_BATCH_SIZE = 50
+LINE_BATCH_SIZE = 1
"""


def curve(service: str, before_ms: float, after_ms: float, *, name: str = "latency_mean_ms") -> list[Row]:
    chance = random.Random(f"{service}/{name}")
    rows = []
    for at_s in range(0, DAYS * 24 * HOUR_S, 600):
        level = before_ms if at_s < SHIFT_S else after_ms
        value = level * chance.lognormvariate(0, 0.1)
        rows.append({"service": service, "name": name, "time_ns": START_NS + at_s * NS_PER_S, "value": value})
    return rows


def look(build_case: BuildCase, metrics: list[Row], rows: list[Row]) -> tuple[Windows, list[Finding]]:
    with build_case({"metrics": metrics, "changes": rows}) as store:
        scene, findings, _ = runner.look(store, None)
    assert scene is not None
    return scene.windows, [finding for finding in findings if finding.code == "changes.correlation"]


SLOWER = [*curve("gateway", 90, 126), *curve("stock", 5, 41), *curve("mail", 8, 8)]


def test_the_change_that_can_do_it_and_came_in_time_is_blamed(build_case: BuildCase) -> None:
    rows = [
        commit("aaaa", 40 * HOUR_S, RENAMES),
        commit("bbbb", 41 * HOUR_S, DROPS_INDEX, files=["migrations/007.sql"]),
        deploy("d1", "aaaa", SHIFT_S - 60),
        deploy("d2", "bbbb", SHIFT_S - 60),
    ]
    windows, (finding,) = look(build_case, SLOWER, rows)
    assert abs(windows.onset_ns - START_NS - SHIFT_S * NS_PER_S) <= 1200 * NS_PER_S
    assert finding.change == ("commit", "bbbb" * 10)
    assert (finding.service, finding.mechanism) == ("stock", "latency_regression")
    assert any(citation.kind == "metric" for citation in finding.citations)


def test_an_operation_that_no_curve_names_does_not_acquit(build_case: BuildCase) -> None:
    rows = [commit("bbbb", 41 * HOUR_S, BATCHES), deploy("d", "bbbb", SHIFT_S - 60)]
    _, (finding,) = look(build_case, SLOWER, rows)
    assert finding.change == ("commit", "bbbb" * 10)


@pytest.mark.parametrize(
    ("metrics", "deployed_s", "service"),
    [
        pytest.param([*curve("gateway", 90, 90), *curve("stock", 5, 5)], SHIFT_S - 60, "stock", id="nothing slowed"),
        pytest.param(SLOWER, SHIFT_S + 6 * HOUR_S, "stock", id="deployed after it"),
        pytest.param(SLOWER, SHIFT_S - 40 * HOUR_S, "stock", id="deployed long before it"),
        pytest.param(SLOWER, SHIFT_S - 60, "mail", id="deployed where nothing slowed"),
    ],
)
def test_a_change_that_does_not_fit_is_not_blamed(
    build_case: BuildCase, metrics: list[Row], deployed_s: int, service: str
) -> None:
    rows = [commit("bbbb", HOUR_S, DROPS_INDEX), deploy("d", "bbbb", deployed_s, service, service)]
    assert look(build_case, metrics, rows)[1] == []


def test_curves_of_an_hour_are_judged_by_what_else_is_there(build_case: BuildCase) -> None:
    hour = [row for row in SLOWER if abs(row["time_ns"] - START_NS - SHIFT_S * NS_PER_S) < 1800 * NS_PER_S]
    windows, _ = look(build_case, hour, [])
    assert "latency shifted" not in windows.method


TIMEOUT = """--- a/envs/prod/stock.yaml
+++ b/envs/prod/stock.yaml
@@ -3,1 +3,1 @@
-  RATES_READ_TIMEOUT_MS: "2000"
+  RATES_READ_TIMEOUT_MS: "75"
"""
REINDEXES = """--- a/stock/{path}
+++ b/stock/{path}
@@ -3,2 +3,3 @@
 for row in rows:
+    item = client.item(row.id)
     keep(row)
"""


def ratio(service: str, before: float, after: float) -> list[Row]:
    return curve(service, before, after, name="http_error_ratio")


def test_requests_that_fail_are_the_doing_of_who_may_make_them_fail(build_case: BuildCase) -> None:
    metrics = [*SLOWER, *ratio("stock", 0.001, 0.3), *ratio("gateway", 0.001, 0.2)]
    rows = [
        commit("aaaa", 40 * HOUR_S, TIMEOUT, files=["envs/prod/stock.yaml"]),
        commit("bbbb", 41 * HOUR_S, RENAMES),
        deploy("d1", "aaaa", SHIFT_S - 300),
        deploy("d2", "bbbb", SHIFT_S - 60),
    ]
    _, (finding,) = look(build_case, metrics, rows)
    assert (finding.change, finding.mechanism) == (("commit", "aaaa" * 10), "timeout_budget")


@pytest.mark.parametrize(("path", "blamed"), [("lookup.py", True), ("commands/reindex.py", False)])
def test_code_that_no_request_runs_slows_no_request(path: str, blamed: bool, build_case: BuildCase) -> None:
    rows = [
        commit("aaaa", 40 * HOUR_S, REINDEXES.format(path=path), files=[f"stock/{path}"]),
        deploy("d1", "aaaa", SHIFT_S - 60),
    ]
    _, findings = look(build_case, SLOWER, rows)
    confidence = max((finding.confidence for finding in findings), default=0.0)
    assert (confidence > 0.8) == blamed


def test_a_configuration_of_services_goes_out_with_the_service_that_it_is_of(build_case: BuildCase) -> None:
    cart = TIMEOUT.replace("stock", "cart")
    rows = [
        commit("aaaa", 40 * HOUR_S, TIMEOUT, files=["envs/prod/stock.yaml"]),
        commit("bbbb", 41 * HOUR_S, cart, files=["envs/prod/cart.yaml"]),
        deploy("d0", "ffff", HOUR_S, service="cart"),
        deploy("d1", "bbbb", SHIFT_S - 9 * HOUR_S, service="cart"),
        commit("cccc", 42 * HOUR_S, RENAMES, files=["README.md"]),
        deploy("d2", "cccc", SHIFT_S - 60),
    ]
    with build_case({"metrics": SLOWER, "changes": rows}) as store:
        went = {change.sha[:4]: {(r.id, r.service) for r in change.rollouts} for change in history(store).changes}
    assert went["aaaa"] == {("d2", "stock")}
    assert went["bbbb"] == {("d1", "cart")}
