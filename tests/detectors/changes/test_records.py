"""Which rollouts of a change reached who is served: by the outcome of a deploy, and by its environment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from deep_code_reasoning.detectors.changes.deeds import History
from deep_code_reasoning.detectors.changes.judgement import judge
from deep_code_reasoning.detectors.changes.records import cite_change, history, is_any_before
from deep_code_reasoning.detectors.changes.trial import Change, Rollout, Situation, Verdict
from deep_code_reasoning.detectors.symptoms.front import Front
from deep_code_reasoning.detectors.symptoms.symptom import Text, symptoms_of
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.store import CaseStore

MINUTE = 60 * NS_PER_S
ONSET = 1_700_000_000 * NS_PER_S
BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]

DIFF = (
    "--- a/cart/db.py\n+++ b/cart/db.py\n@@ -3,2 +3,2 @@ def load(id):\n"
    "-    row = db.one('SELECT name FROM carts WHERE id = %s', id)\n"
    "+    row = db.one('SELECT name, tier FROM carts_v2 WHERE id = %s', id)\n     return row\n"
)


def placed(*rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {"changes": [{"time_ns": n, "source_id": 1, "line": n, "item": 0, **row} for n, row in enumerate(rows, 1)]}


def deploy(name: str, sha: str, **attributes: str) -> dict[str, Any]:
    return {"kind": "deploy", "id": name, "service": "cart", "commit_sha": sha, "attributes": attributes}


def commit(sha: str) -> dict[str, Any]:
    return {"kind": "commit", "id": sha, "commit_sha": sha, "message": "m", "repo": "shop"}


def test_a_deploy_that_carries_its_diff_along_is_judged_by_it_and_no_second_time_where_its_commit_is_known(
    build_case: BuildCase,
) -> None:
    told = {"files": ["cart/db.py"], "diff": DIFF}
    rows = [commit("aaaaaaa"), {**deploy("known", "aaaaaaa"), **told}, {**deploy("alone", "bbbbbbb"), **told}]
    with build_case(placed(*rows)) as store:
        found = {change.sha: change for change in history(store).changes}
    assert {sha: (change.kind, change.diff) for sha, change in found.items()} == {
        "aaaaaaa": ("commit", DIFF),
        "alone": ("deploy", DIFF),
    }
    assert found["alone"].files == ("cart/db.py",)


def test_a_deploy_that_never_went_live_is_an_attempt(build_case: BuildCase) -> None:
    rows = [
        commit("aaaaaaa"),
        commit("bbbbbbb"),
        deploy("failed", "aaaaaaa", outcome="failed"),
        deploy("staged", "bbbbbbb", environment="staging"),
        deploy("live", "bbbbbbb", environment="production"),
        deploy("unknown", "ccccccc", outcome="cancelled"),
        {"kind": "flag", "id": "f", "attributes": {"flag": "x", "environment": "qa"}},
    ]
    with build_case(placed(*rows)) as store:
        found = {change.sha: change for change in history(store).changes}
        assert is_any_before(store, 5)
    assert {sha: [r.id for r in c.rollouts] for sha, c in found.items()} == {
        "aaaaaaa": ["live"],  # it went out with the commit behind it
        "bbbbbbb": ["live"],
        "unknown": [],
        "f": [],
    }
    assert {sha: [r.id for r in c.attempts] for sha, c in found.items()} == {
        "aaaaaaa": ["failed"],
        "bbbbbbb": ["staged"],
        "unknown": ["unknown"],
        "f": ["f"],
    }
    assert found["f"].attempts[0].void == "it went to qa alone"
    assert [str(c) for c in cite_change(found["unknown"])] == ["deploy:unknown"]


def test_a_new_replica_set_puts_the_latest_commit_of_that_service_live_and_an_autoscaler_puts_none(
    build_case: BuildCase,
) -> None:
    def event(second: int, body: str) -> dict[str, Any]:
        return {"time_ns": second * NS_PER_S, "body": body, "source_id": 1, "line": second, "item": 0}

    def of(repo: str, sha: str, second: int) -> dict[str, Any]:
        return {**commit(sha), "repo": f"shop/{repo}", "time_ns": second * NS_PER_S}

    case = placed(
        *(of(name, sha, n) for n, (name, sha) in enumerate(
            [("cart", "aaaaaa1"), ("cart", "aaaaaa2"), ("stock", "bbbbbb1"), ("quote", "cccccc1"), ("mail", "dddddd1"),
             ("pay", "eeeeee1")], 1)),
        {**deploy("mail@7", "ffffff1"), "service": "mail", "time_ns": 7 * NS_PER_S},
        of("cart", "aaaaaa3", 500),
    )  # fmt: skip
    case["logs"] = [
        event(100, "Scaled up replica set cart-6c9f7d5b8 to 1"),
        event(110, "Scaled up replica set cart-6c9f7d5b8 to 2 from 1"),
        event(120, "Scaled up replica set stock-77bd5f8c9 from 3 to 5"),
        event(200, "SuccessfulRescale New size: 6; reason: cpu resource utilization above target"),
        event(201, "Scaled up replica set quote-5d4cc7b9f to 6"),
        event(300, "Scaled up replica set mail-58f6d8c4b to 1"),
        event(310, "Scaled up replica set pay-58f6d8c4c to 1 from 0"),
    ]
    with build_case(case) as store:
        found = {change.sha: change for change in history(store).changes}
        cited = [citation.kind for citation in cite_change(found["aaaaaa2"])]
    live = {sha: [(r.id, r.service, r.time_ns // NS_PER_S) for r in c.rollouts] for sha, c in found.items()}
    assert live == {
        "aaaaaa1": [],  # it may have been live before
        "aaaaaa2": [("cart-6c9f7d5b8", "cart", 100)],
        "aaaaaa3": [],
        "bbbbbb1": [],
        "cccccc1": [],
        "dddddd1": [],
        "eeeeee1": [("pay-58f6d8c4c", "pay", 310)],
        "mail@7": [("mail@7", "mail", 7)],
    }
    assert cited == ["commit", "log"]


def test_a_flag_that_new_code_asks_for_lets_it_run(build_case: BuildCase) -> None:
    asks = (
        "--- a/cart/f.py\n+++ b/cart/f.py\n@@ -1 +1,2 @@\n"
        "+    if flags.enabled('quick'):\n+        return quick()\n     x()\n"
    )
    rows = [
        {**commit("aaaaaaa"), "files": ["cart/f.py"], "diff": asks},
        {**commit("bbbbbbb"), "files": ["cart/f.py"], "diff": asks.replace("'quick'", "'quicker'")},
        deploy("one", "aaaaaaa"),
        deploy("two", "bbbbbbb"),
        *(
            {"kind": "flag", "id": name, "service": service, "message": message, "attributes": {"flag": "quick"}}
            for name, service, message in (
                ("quick@1", "cart", "off->on"),
                ("quick@2", "cart", "on->off"),
                ("quick@3", "shop", "off->on"),
            )
        ),
    ]
    with build_case(placed(*rows)) as store:
        found = {change.sha: change for change in history(store).changes}
        cited = [str(c) for c in cite_change(found["aaaaaaa"])]
    lives = {sha: [(r.id, r.time_ns, r.opened_by) for r in found[sha].rollouts] for sha in ("aaaaaaa", "bbbbbbb")}
    assert lives["aaaaaaa"] == [("one", 3, ""), ("one", 5, "quick@1")]
    assert lives["bbbbbbb"] == [("two", 4, "")]
    assert cited == ["commit:shop@aaaaaaa", "deploy:one", "flag:quick@1"]


def test_where_nothing_else_went_live_nothing_came_before(build_case: BuildCase) -> None:
    with build_case(placed(deploy("d", "ccccccc", outcome="failed"))) as store:
        assert not is_any_before(store, 10)


def test_an_environment_that_telemetry_is_of_is_no_rehearsal(build_case: BuildCase) -> None:
    span = {"trace_id": "1", "span_id": "2", "service": "cart", "name": "GET", "start_ns": 1, "source_id": 1, "line": 1}
    spans = [{**span, "resource": {"deployment.environment.name": "Staging"}}]
    rows = placed(deploy("d", "ccccccc", environment="staging"), deploy("e", "ddddddd", environment="preview"))
    with build_case({**rows, "spans": spans}) as store:
        found = {change.sha: len(change.rollouts) for change in history(store).changes}
    assert found == {"d": 1, "e": 0}


def test_what_is_called_for_its_environment_went_there(build_case: BuildCase) -> None:
    span = {"trace_id": "1", "span_id": "2", "service": "cart", "name": "GET", "start_ns": 1, "source_id": 1, "line": 1}
    charts = [{**deploy(name, ""), "service": name} for name in ("cart-staging", "cart-charts")]
    with build_case({**placed(*charts), "spans": [span]}) as store:
        found = history(store).changes
    assert [(c.sha, [r.service for r in c.rollouts]) for c in found] == [
        ("cart-staging", []),
        ("cart-charts", ["cart"]),
    ]


def verdict_of(rollout: Rollout) -> Verdict:
    void = bool(rollout.void)
    change = Change("c0ffee0", "read tiers", ("cart/db.py",), DIFF, ONSET - 9 * MINUTE, "shop")
    change = replace(change, rollouts=() if void else (rollout,), attempts=(rollout,) if void else ())
    said = symptoms_of([Text("cart", 'relation "carts_v2" does not exist', "error", 9, ONSET)], [])
    situation = Situation(said, Front("cart", (), ONSET), ServiceGraph(), ONSET, frozenset({"cart"}))
    return judge(History((change,)), situation)[0]


def test_one_that_stopped_half_way_may_have_done_it_and_one_that_never_began_cannot() -> None:
    whole = Rollout("d", "cart", ONSET - 2 * MINUTE)
    live, half, void = (verdict_of(r) for r in (whole, replace(whole, halted=True), replace(whole, void="it failed")))
    assert live.convicted
    assert 0 < half.score < live.score
    assert half.convicted
    assert half.reasons[-1] == "deployed on cart 2 min before the onset, and stopped half-way"
    assert (void.score, void.against) == (0.0, ("it failed",))


def test_time_alone_convicts_no_deploy_that_stopped_half_way() -> None:
    said = symptoms_of([Text("cart", "boom: panic", "error", 9, ONSET)], [])
    situation = Situation(said, Front("cart", (), ONSET), ServiceGraph(), ONSET, frozenset({"cart"}))
    rollout = Rollout("d", "cart", ONSET - 2 * MINUTE)
    only = Change("d", "", (), "", rollout.time_ns, "", (rollout,), "deploy")
    failed = replace(only, sha="e", rollouts=(), attempts=(replace(rollout, id="e", void="it failed"),))
    halted = replace(only, rollouts=(replace(rollout, halted=True),))
    assert [v.convicted for v in judge(History((only, failed)), situation)] == [True, False]
    assert not any(v.convicted for v in judge(History((halted,)), situation))
