"""Which of the deployed changes made requests slower, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.detectors.changes.diff import numbered_lines
from deep_code_reasoning.detectors.changes.records import history
from deep_code_reasoning.detectors.changes.slowdown import bisect_step, share_out, slowdown
from deep_code_reasoning.detectors.changes.trial import Change, Rollout, Verdict
from deep_code_reasoning.detectors.timeline.graph import service_graph
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.store import CaseStore
from scenery import CALM, DROPS_INDEX, RENAMES, START_NS, Row, System, Trouble, commit, deploy

BuildCase = Callable[[dict[str, list[Row]]], AbstractContextManager[CaseStore]]
LATER_S = 500_000


def found(
    build_case: BuildCase, rows: list[Row], after: Trouble, *, first: int = LATER_S, asks: str = "SELECT stock"
) -> list[Finding]:
    spans = [*System(CALM, 60).spans, *System(after, 60, first=first).spans]
    spans = [{**row, "name": asks} if row["name"] == "SELECT stock" else row for row in spans]
    with build_case({"spans": spans, "changes": rows}) as store:
        chosen = [each for each in runner.detectors() if each.dated or each.code == "changes.correlation"]
        _, findings, _ = runner.look(store, None, chosen)
    return [finding for finding in findings if finding.code == "changes.correlation"]


def test_the_change_that_can_do_it_is_blamed_with_its_line(build_case: BuildCase) -> None:
    rows = [
        commit("aaaa", 90_000, RENAMES),
        commit("bbbb", 91_000, DROPS_INDEX, files=["migrations/007.sql"]),
        deploy("d1", "aaaa", 100_000),
        deploy("d2", "bbbb", 100_000),
    ]
    (finding,) = found(build_case, rows, Trouble(stock_query_ms=10))
    assert finding.change == ("commit", "bbbb" * 10)
    assert (finding.service, finding.mechanism) == ("stock", "latency_regression")
    assert finding.code_region == "migrations/007.sql:2"
    acquitted = finding.facts["acquitted"]
    assert isinstance(acquitted, tuple)
    assert any(str(line).startswith("aaaa") for line in acquitted)


def test_in_one_recording_the_onset_parts_before_from_after(build_case: BuildCase) -> None:
    rows = [commit("bbbb", -90, DROPS_INDEX, files=["migrations/007.sql"]), deploy("d2", "bbbb", 55)]
    (finding,) = found(build_case, rows, Trouble(stock_query_ms=40), first=60)
    assert finding.facts["measured"]
    assert (finding.change, finding.service) == (("commit", "bbbb" * 10), "stock")


@pytest.mark.parametrize(("later", "slower"), [(range(0, 56, 8), False), (range(0, 60, 2), True)])
def test_in_one_recording_chance_is_no_slowdown(later: range, slower: bool, build_case: BuildCase) -> None:
    """Two of sixty requests wait for a second before the onset; seven of sixty after it may be chance."""
    system = System(CALM, 120)
    waiting = {f"{number:08x}" for number in (5, 31, *(60 + place for place in later))}
    for row in system.spans:
        if row["trace_id"] in waiting:
            row["duration_ns"] += NS_PER_S
    onset = START_NS + 60 * NS_PER_S
    calm, bad = Window(START_NS, onset), Window(onset, onset + 60 * NS_PER_S)
    with build_case({"spans": system.spans}) as store:
        windows = Windows(calm, bad, onset, Window(onset, onset + 1), None, "", True)
        scene = Scene(store, windows, service_graph(store))
        assert (slowdown(scene, (), frozenset()) is not None) == slower


def test_of_requests_that_fail_the_error_is_tried_and_not_their_time(build_case: BuildCase) -> None:
    rows = [commit("bbbb", -90, DROPS_INDEX, files=["migrations/007.sql"]), deploy("d2", "bbbb", 55)]
    failing = Trouble(stock_query_ms=40, stock_fails="relation stock does not exist")
    assert not any(finding.facts["measured"] for finding in found(build_case, rows, failing, first=60))


def test_a_number_that_hardly_changed_did_not_do_it(build_case: BuildCase) -> None:
    raised = "--- a/client.py\n+++ b/client.py\n@@ -1 +1 @@\n-FETCH_BATCH_SIZE = 50\n+FETCH_BATCH_SIZE = {}\n"
    blamed = []
    for batch in (55, 400):
        rows = [commit("bbbb", 90_000, raised.format(batch), files=["client.py"]), deploy("d", "bbbb", LATER_S - 60)]
        blamed.append(bool(found(build_case, rows, Trouble(stock_work_ms=10))))
    assert blamed == [False, True]


def test_a_lock_that_a_migration_took_is_over_when_requests_are_slow_for_days(build_case: BuildCase) -> None:
    builds = "--- a/m/008.sql\n+++ b/m/008.sql\n@@ -1 +1,2 @@\n BEGIN;\n+CREATE INDEX idx_stock_date ON stock (date);\n"
    rows = [commit("bbbb", 90_000, builds, files=["m/008.sql"])]
    slow = Trouble(stock_query_ms=10)
    assert not found(build_case, [*rows, deploy("d", "bbbb", 100_000)], slow)
    blamed = found(build_case, [*rows, deploy("d", "bbbb", 55)], Trouble(stock_query_ms=40), first=60)
    assert [finding.change for finding in blamed] == [("commit", "bbbb" * 10)]


def test_what_went_live_where_no_time_is_lost_is_not_blamed(build_case: BuildCase) -> None:
    rows = [commit("bbbb", 90_000, DROPS_INDEX, repo="mail"), deploy("d", "bbbb", 100_000, "mail", "mail")]
    assert found(build_case, rows, Trouble(stock_query_ms=10)) == []


def test_requests_that_lose_nothing_blame_nobody(build_case: BuildCase) -> None:
    rows = [commit("bbbb", 90_000, DROPS_INDEX), deploy("d", "bbbb", 100_000)]
    assert found(build_case, rows, CALM) == []


def test_a_deploy_brings_all_commits_since_the_one_before(build_case: BuildCase) -> None:
    rows = [
        commit("aaaa", 10),
        commit("bbbb", 20),
        commit("cccc", 30),
        commit("dddd", 40),
        deploy("first", "aaaa", 15),
        deploy("second", "cccc", 35),
    ]
    with build_case({"changes": rows}) as store:
        live = {change.sha[:4]: [rollout.id for rollout in change.rollouts] for change in history(store).changes}
    assert live == {"aaaa": ["first"], "bbbb": ["second"], "cccc": ["second"], "dddd": []}


def verdict(sha: str, score: float, at_s: int) -> Verdict:
    change = Change(sha, sha, (), "", at_s, "shop", (Rollout("d", "orders", 100),))
    return Verdict(change, score, rollout=change.rollouts[0])


def test_a_file_named_for_another_service_goes_out_with_its_own_repository(build_case: BuildCase) -> None:
    rows = [
        commit("dddd", 100, RENAMES),
        deploy("d0", "dddd", 200),
        commit("aaaa", 1_000, RENAMES, files=["clients/mail.go"]),
        commit("bbbb", 2_000, RENAMES),
        deploy("d1", "bbbb", 3_000),
        commit("cccc", 2_500, RENAMES, repo="mail"),
        deploy("d2", "cccc", 3_500, "mail", "mail"),
    ]
    with build_case({"changes": rows}) as store:
        live = {change.sha[:4]: [rollout.id for rollout in change.rollouts] for change in history(store).changes}
    assert live["aaaa"] == ["d1"]


def test_a_deploy_that_names_no_service_is_of_the_one_its_repository_is_called_like(build_case: BuildCase) -> None:
    rows = [
        commit("aaaa", 1_000, RENAMES, repo="mail"),
        {**deploy("d1", "aaaa", 2_000, "", "example/mail")},
        deploy("d2", "cccc", 3_000, "mail", "mail"),
    ]
    with build_case({"changes": rows}) as store:
        live = {change.sha[:4]: [rollout.service for rollout in change.rollouts] for change in history(store).changes}
    assert live["aaaa"] == ["mail"]


@pytest.mark.parametrize(
    ("deployed", "path", "felt"),
    [
        ("stock-charts", "values/any.yaml", "stock"),
        ("platform", "values/stock.yaml", "stock"),
        ("platform", "values/any.yaml", "platform"),
        ("orders", "values/stock.yaml", "orders"),
    ],
    ids=["called for it", "files named for it", "nothing tells", "of one that runs"],
)
def test_a_deploy_of_what_does_not_run_is_of_the_service_it_is_made_for(
    deployed: str, path: str, felt: str, build_case: BuildCase
) -> None:
    rows = [
        commit("aaaa", 1_000, RENAMES, repo="charts", files=[path]),
        deploy("d1", "aaaa", 2_000, deployed, "charts"),
    ]
    with build_case({"spans": System(CALM, 5).spans, "changes": rows}) as store:
        (change,) = history(store).changes
    assert [rollout.service for rollout in change.rollouts] == [felt]


def test_a_schema_that_runs_nowhere_is_felt_by_whose_statement_it_names(build_case: BuildCase) -> None:
    rows = [
        commit("aaaa", 90_000, RENAMES, files=["app.go"]),
        commit("bbbb", 91_000, DROPS_INDEX.replace("stock", "shelves"), repo="schema", files=["migrations/007.sql"]),
        deploy("d1", "aaaa", 100_000),
        deploy("d2", "bbbb", 100_000, "schema", "schema"),
    ]
    (finding,) = found(build_case, rows, Trouble(stock_query_ms=10), asks="SELECT shelves")
    assert (finding.change, finding.service) == (("commit", "bbbb" * 10), "stock")


def test_a_merge_and_the_one_commit_it_brings_are_one_change(build_case: BuildCase) -> None:
    merge = {**commit("bbbb", 5_000, RENAMES), "attributes": {"parents": "1 2"}}
    rows = [
        commit("aaaa", 1_000, RENAMES),
        commit("cccc", 2_000, DROPS_INDEX),
        deploy("d1", "cccc", 3_000),
        merge,
        deploy("d2", "bbbb", 6_000),
    ]
    with build_case({"changes": rows}) as store:
        live = {change.sha[:4]: [rollout.id for rollout in change.rollouts] for change in history(store).changes}
    assert live == {"aaaa": ["d2"], "cccc": ["d1"]}


def test_a_merge_is_the_commits_that_it_brings_unless_it_has_lines_of_its_own(build_case: BuildCase) -> None:
    def of_merge(diff: str) -> dict[str, list[str]]:
        merge = {**commit("bbbb", 5_000, diff), "attributes": {"parents": "1 2"}}
        rows = [commit("aaaa", 1_000, RENAMES), commit("dddd", 1_500, DROPS_INDEX), merge, deploy("d2", "bbbb", 6_000)]
        with build_case({"changes": rows}) as store:
            return {change.sha[:4]: [rollout.id for rollout in change.rollouts] for change in history(store).changes}

    assert of_merge(RENAMES + DROPS_INDEX) == {"aaaa": ["d2"], "dddd": ["d2"]}
    own = RENAMES + "+RETRIES = 9\n" + DROPS_INDEX
    assert of_merge(own).keys() == {"aaaa", "dddd", "bbbb"}


def test_scores_become_shares_that_leave_room_for_no_change() -> None:
    shares = share_out([verdict("a", 0.6, 1), verdict("b", 0.3, 2)])
    assert shares[0].score > shares[1].score > 0
    assert sum(each.score for each in shares) < 1


def test_a_weak_candidate_alone_is_no_culprit() -> None:
    (alone,) = share_out([verdict("a", 0.08, 1)])
    assert not alone.convicted


def test_a_change_less_likely_than_none_is_no_culprit() -> None:
    change = Change("aaaa", "", (), "", 0, "stock", (Rollout("d", "stock", 0),))
    (verdict,) = share_out([Verdict(change, 0.14)])
    assert verdict.score > 0.4
    assert not verdict.convicted


def test_the_first_of_few_is_told_where_one_of_them_must_have_done_it() -> None:
    alike = [verdict(sha, 0.4, at_s) for at_s, sha in enumerate("abc")]
    assert [each.convicted for each in share_out(alike)] == [True, True, True]
    assert not any(each.convicted for each in share_out([verdict(sha, 0.1, 1) for sha in "abc"]))


def test_the_next_step_halves_what_is_left() -> None:
    equal = [replace(verdict(sha, 0.25, at_s), mechanism="x") for at_s, sha in enumerate("abcd")]
    step = bisect_step(equal)
    assert step is not None
    assert "as of b " in step
    assert bisect_step([verdict("a", 0.9, 1), verdict("b", 0.05, 2)]) is None


def test_lines_of_a_diff_have_their_numbers() -> None:
    assert numbered_lines(RENAMES) == [
        ("money.py", 2, "return sum(each.price for each in lines)"),
        ("money.py", 2, "return sum(line.price for line in lines)"),
    ]
