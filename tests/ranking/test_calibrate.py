"""Scores become probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from deep_code_reasoning.domain.cause import Cause, ChangeRef
from deep_code_reasoning.domain.conviction import Conviction
from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.ranking.calibrate import WEIGHTS, Grounds, calibrate, grounds, probability_of
from deep_code_reasoning.ranking.judge import LIKELY, ODDITY


def cause(service: str, score: float, summary: str = "", change: ChangeRef | None = None) -> Cause:
    return Cause(1, "exception", service, score, summary or f"{service} fails", change=change)


def finding(code: str, service: str = "a", summary: str = "a fails") -> Finding:
    return Finding(code, "exception", service, summary, 0.9, 0.9)


def test_nothing_stays_nothing() -> None:
    assert calibrate((), (), (), changes_known=False) == ()


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("traces.failures", "located"),
        ("external.dns_failure", "outside"),
        ("logs.twin", "standing"),
        ("logs.chronic_error", "chronic"),
    ],
)
def test_a_cause_is_weighed_by_what_it_rests_on(code: str, family: str) -> None:
    found = grounds([cause("a", 0.7)], [finding(code)], (), changes_known=False)
    assert found.family == family
    if family != "outside":
        assert grounds([cause("a", 0.7)], [finding(code)], (), changes_known=True).family == "unblamed"


@pytest.mark.parametrize(("harmless", "kinds"), [(False, 1.0), (True, 0.0)])
def test_what_harms_nobody_bears_no_trouble_out(harmless: bool, kinds: float) -> None:
    load = Finding("external.request_rate", "traffic_surge", "a", "more come", 0.8, 0.9, {"harmless": harmless})
    found = grounds([cause("a", 0.7)], [finding("traces.failures"), load], (), changes_known=True)
    assert found.features["several_kinds"] == kinds


def test_a_convicted_change_has_its_own_map() -> None:
    convicted = cause("a", 0.6, change=ChangeRef("flag", "f"))
    leading = Finding("changes.correlation", "exception", "a", "a fails", 0.9, 0.6, {"effect": None})
    found = grounds([convicted], [leading], (), changes_known=True)
    assert (found.family, found.features["undiffed"]) == ("change", 1.0)


def test_a_change_that_is_left_over_is_never_as_sure_as_one_that_can_have_done_it() -> None:
    def sure(eliminated: bool) -> float:
        blamed = cause("a", 0.6, change=ChangeRef("commit", "c"))
        conviction = Conviction("changes.correlation", "exception", "a", "a fails", 0.9, 0.6, eliminated=eliminated)
        conviction = replace(conviction, effect="branch_removed")
        return probability_of(grounds([blamed], [conviction], (), changes_known=True))

    assert 0.5 < sure(eliminated=True) < sure(eliminated=False) < 0.9


def test_a_busy_resource_of_which_no_request_suffers_is_a_level_among_others() -> None:
    busy = finding("metrics.saturation")
    seen = (Check("traces.self_time", "clear", ""),)
    unseen = (Check("traces.self_time", "skipped", "no spans"),)

    def family(findings: list[Finding], checks: tuple[Check, ...]) -> str:
        return grounds([cause("a", 0.7)], findings, checks, changes_known=False).family

    assert family([busy], seen) == "level"
    assert family([busy], unseen) == "located"
    assert family([busy, finding("traces.self_time", "b", "b is slow")], seen) == "located"


def test_a_resource_that_is_used_up_is_a_likely_cause_before_any_request_shows_it() -> None:
    used_up, busy = (
        Finding("metrics.saturation", "cpu_saturation", "a", "a fails", 0.9, 0.9, {"share_of_limit": share})
        for share in (1.0, 0.6)
    )
    looked = (Check("traces.self_time", "clear", ""),)
    said = [calibrate([cause("a", 0.9)], [f], looked, changes_known=False)[0].confidence for f in (used_up, busy)]
    assert said[0] >= LIKELY > ODDITY > said[1]


@pytest.mark.parametrize(
    ("presses", "checks", "others", "found"),
    [
        ("", "clear", [], False),
        ("", "skipped", [], True),
        ("limit", "clear", [], True),
        ("", "clear", [finding("traces.self_time", "a", "a is slow")], True),
        ("", "clear", [finding("metrics.traffic", "a", "a is asked more")], False),
        ("", "clear", [Finding("heap.growth", "memory_leak", "a", "a keeps more", 0.9, 0.9)], True),
    ],
    ids=["alone", "nobody could look", "near its limit", "requests suffer", "more of them", "seen in dumps"],
)
def test_memory_that_grows_and_harms_nobody_is_a_suspicion(
    presses: str, checks: Literal["clear", "skipped"], others: list[Finding], found: bool
) -> None:
    grows = Finding("metrics.leak", "memory_leak", "a", "a grows", 0.9, 0.9, {"presses": presses})
    told = Cause(1, "memory_leak", "a", 0.9, "a grows")
    (said,) = calibrate([told], [grows, *others], [Check("traces.self_time", checks, "")], changes_known=False)
    assert (said.confidence >= LIKELY) == found


def test_confidences_never_rise_down_the_list_and_leave_room_for_each_other() -> None:
    causes = calibrate(
        [cause("a", 0.2), cause("b", 0.15), cause("c", 0.1)], [finding("logs.twin")], (), changes_known=True
    )
    said = [c.confidence for c in causes]
    assert said == sorted(said, reverse=True)
    assert sum(said) <= 1
    assert [c.service for c in causes] == ["a", "b", "c"]


@pytest.mark.parametrize("family", sorted(WEIGHTS))
def test_every_map_gives_probabilities_for_any_score(family: str) -> None:
    for log_odds in (-4.0, 0.0, 4.0):
        features = dict.fromkeys(WEIGHTS[family], 1.0) | {"score": log_odds}
        assert 0 < probability_of(Grounds(family, features)) < 1


@pytest.mark.parametrize("family", ["change", "outside", "located", "standing"])
def test_a_better_score_is_a_higher_probability(family: str) -> None:
    low, high = (probability_of(Grounds(family, {"bias": 1.0, "score": odds})) for odds in (-1.0, 1.0))
    assert low < high
