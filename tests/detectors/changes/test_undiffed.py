"""Changes without a diff: what they are called, where and when they came."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.detectors.changes.deeds import History
from deep_code_reasoning.detectors.changes.judgement import judge
from deep_code_reasoning.detectors.changes.records import cite_change, history
from deep_code_reasoning.detectors.changes.trial import Change, Rollout, Situation, Verdict
from deep_code_reasoning.detectors.symptoms.front import Front
from deep_code_reasoning.detectors.symptoms.symptom import Text, symptoms_of
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.store import CaseStore

MINUTE = 60 * NS_PER_S
ONSET = 1_700_000_000 * NS_PER_S
BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]


def situation(text: str) -> Situation:
    symptoms = symptoms_of([Text("shop-svc", text, "error", 5, ONSET)], [])
    return Situation(symptoms, Front("shop-svc", (), ONSET), ServiceGraph(), ONSET, frozenset({"shop-svc"}))


def change(message: str, kind: str = "flag", minutes: float = -2, service: str = "shop-svc") -> Change:
    rollout = Rollout("r", service, ONSET + int(minutes * MINUTE))
    return Change("x", message, (), "", rollout.time_ns, "", (rollout,), kind)


def judged(*tried: Change, text: str = "tiered points: relation loyalty_tiers does not exist") -> Verdict:
    return judge(History(tried), situation(text))[0]


def test_a_flag_is_blamed_where_its_name_and_the_error_speak_of_the_same() -> None:
    verdict = judged(change("loyalty_tiered_points: off->on"))
    assert verdict.convicted
    assert verdict.mechanism == "schema_mismatch"
    assert verdict.score <= 0.5


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(change("points_banner: off->on"), id="one word in common"),
        pytest.param(change("shop_svc_dark_mode: off->on"), id="words of the service's name"),
        pytest.param(change("loyalty_tiered_points: off->on", minutes=-40), id="long before"),
        pytest.param(change("loyalty_tiered_points: off->on", minutes=5), id="after the onset"),
        pytest.param(change("loyalty_tiered_points: off->on", service="mail-svc"), id="in a service far away"),
        pytest.param(change("docs: tiered points of loyalty", "commit"), id="a commit that documents"),
    ],
)
def test_an_innocent_one_is_not(innocent: Change) -> None:
    assert not judged(innocent).convicted


def test_one_word_and_an_act_are_enough_for_a_commit() -> None:
    text = "pdf render failed: wkhtmltopdf: executable file not found in $PATH"
    assert judged(change("slim the image, drop wkhtmltopdf", "commit"), text=text).convicted
    assert not judged(change("wkhtmltopdf notes", "commit"), text=text).convicted


def test_a_deploy_of_which_nothing_is_known_is_blamed_only_as_the_one_change_there_is() -> None:
    deploy = change("", "deploy", -3)
    assert judged(deploy).convicted
    assert not judged(change("", "deploy", -50)).convicted
    assert not any(v.convicted for v in judge(History([deploy, change("banner: off->on")]), situation("boom: panic")))


def test_flags_and_deploys_without_a_commit_are_changes_of_a_case(build_case: BuildCase) -> None:
    rows: list[dict[str, Any]] = [
        {"kind": "flag", "id": "f@t", "service": "a", "message": "off->on", "attributes": {"flag": "new_search"}},
        {"kind": "deploy", "id": "a@v2", "service": "a", "commit_sha": "deadbeef"},
        {"kind": "commit", "id": "cafe123", "commit_sha": "cafe123", "message": "m"},
        {"kind": "deploy", "id": "a@v3", "service": "a", "commit_sha": "cafe123"},
    ]
    told = [{**row, "time_ns": place + 1, "source_id": 1, "line": place, "item": 0} for place, row in enumerate(rows)]
    with build_case({"changes": told}) as store:
        found = history(store).changes
    assert [(c.kind, c.sha, len(c.rollouts)) for c in found] == [
        ("commit", "cafe123", 1),
        ("flag", "f@t", 1),
        ("deploy", "a@v2", 1),
    ]
    assert found[1].message == "new_search: off->on"
    assert [str(c) for c in cite_change(found[1])] == ["flag:f@t"]


@pytest.mark.parametrize(("seconds", "convicted"), [(-8, True), (-300, False), (8, False)])
def test_a_flag_right_before_the_onset_needs_no_word_in_common(seconds: int, convicted: bool) -> None:
    flag = change("new_shop: off->on", minutes=seconds / 60)
    named = judged(flag, text="shop model of June is not in the registry")
    unnamed = judged(flag, text="out of paper")
    assert (named.convicted, unnamed.convicted) == (convicted, convicted)
    assert named.score > unnamed.score or not convicted


@pytest.mark.parametrize(
    ("message", "error", "mechanism"),
    [
        ("drop the optimistic lock on balances", "reconciliation: balance is off by 2", "race_condition"),
        ("tighten client timeouts", "request failed: deadline exceeded", "timeout_budget"),
        ("retry the pricing call up to 6 times at once", "request failed: deadline exceeded", "retry_storm"),
    ],
)
def test_a_message_that_says_what_it_does_is_blamed_for_what_follows(message: str, error: str, mechanism: str) -> None:
    verdict = judged(change(message, "deploy"), change("bump the base image", "deploy"), text=error)
    assert verdict.convicted
    assert verdict.mechanism == mechanism


@pytest.mark.parametrize("message", ["add tests for the retry of timeouts", "drop the lock on balances"])
def test_what_a_message_says_must_be_done_and_fit(message: str) -> None:
    tried = (change(message, "deploy"), change("bump the base image", "deploy"))
    assert not judged(*tried, text="request failed: deadline exceeded").convicted


def test_a_smaller_image_may_lack_the_authorities_that_are_trusted() -> None:
    unknown = "Get https://rates.example: x509: certificate signed by unknown authority"
    slim = judged(change("slimmer base image, multi-stage", "commit"), text=unknown)
    assert slim.convicted
    assert slim.mechanism == "configuration"
    assert not judged(
        change("slimmer base image, multi-stage", "commit"), text="relation tiers does not exist"
    ).convicted
    assert not judged(change("smaller thumbnails", "commit"), text=unknown).convicted
