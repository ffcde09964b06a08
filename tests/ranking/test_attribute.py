"""Which change did it, or none: how the witnesses are weighed against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.domain.cause import Suspect
from deep_code_reasoning.domain.citation import Citation
from deep_code_reasoning.domain.conviction import Conviction
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.ranking.attribute import attribute
from deep_code_reasoning.ranking.remedy import remediation
from deep_code_reasoning.store import CaseStore

BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]


@pytest.fixture
def scene(build_case: BuildCase) -> Iterator[Scene]:
    windows = Windows(Window(0, 100), Window(100, 200), 100, Window(100, 101), None, "", True)
    with build_case({}) as store:
        yield Scene(store, windows, ServiceGraph())


def change(confidence: float, sha: str = "abc", **known: Any) -> Conviction:
    cites = (Citation("commit", f"shop@{sha}"),)
    return Conviction(
        "changes.correlation", "n_plus_one", "api", sha, 0.9, confidence, {}, cites, change=("commit", sha), **known
    )


def outside(confidence: float) -> Finding:
    return Finding("external.dns_failure", "dns_failure", "api", "names", 0.9, confidence)


def suspect(service: str = "db", score: float = 1.0) -> Suspect:
    finding = Finding("metrics.saturation", "cpu_saturation", service, "busy", 0.9, 0.9)
    return Suspect(service, "cpu_saturation", score, (finding,), first_failing_service=service)


def test_a_change_that_explains_more_is_blamed(scene: Scene) -> None:
    first, *rest = attribute(scene, [suspect()], [change(0.8), outside(0.6)])
    assert first.change is not None
    assert (first.change.id, first.change.repo, first.mechanism) == ("abc", "shop", "n_plus_one")
    assert any("names" in line for line in first.against)
    assert [cause.change for cause in rest] == [None]


def test_an_outside_cause_with_better_proof_acquits_every_change(scene: Scene) -> None:
    first = attribute(scene, [], [change(0.8), outside(0.93)])[0]
    assert first.change is None
    assert first.mechanism == "dns_failure"
    assert first.against


def test_a_faint_outside_cause_does_not_acquit(scene: Scene) -> None:
    first = attribute(scene, [], [change(0.4), outside(0.5)])[0]
    assert first.change is not None


def test_only_one_change_is_ever_blamed(scene: Scene) -> None:
    causes = attribute(scene, [suspect()], [change(0.8), change(0.7, "def")])
    assert [c.change.id for c in causes if c.change] == ["abc"]
    assert any("def" in line for line in causes[0].against)


def test_without_witnesses_the_suspects_stand_without_a_change(scene: Scene) -> None:
    causes = attribute(scene, [suspect("db", 3.0), suspect("web", 1.0)], [])
    assert [(c.rank, c.service, c.change) for c in causes] == [(1, "db", None), (2, "web", None)]
    assert causes[0].confidence > causes[1].confidence


def test_ranks_have_no_ties(scene: Scene) -> None:
    causes = attribute(scene, [suspect("db"), suspect("web")], [change(0.8)])
    assert [cause.rank for cause in causes] == [1, 2, 3]


@pytest.mark.parametrize(
    ("mechanism", "finding", "expected"),
    [
        ("n_plus_one", change(0.8, effect="call_in_loop"), "rollback"),
        ("schema_mismatch", change(0.8, effect="table_used"), "roll-forward"),
        ("configuration", change(0.8, effect="pool_lowered", only_configuration=True), "config-revert"),
        ("traffic_surge", None, "scale"),
        ("dns_failure", None, None),
        ("certificate_expired", None, None),
    ],
)
def test_the_remedy_follows_from_what_did_it(mechanism: str, finding: Finding | None, expected: str | None) -> None:
    assert remediation(mechanism, finding) == expected


GRAPH = ServiceGraph(("edge", "api", "db"), {("edge", "api"): 9, ("api", "db"): 9})


@pytest.mark.parametrize(
    ("seen_at", "seen_as", "outside_at", "outside_as", "leads"),
    [
        ("api", "retry_storm", "db", "dependency_outage", "dependency_outage"),
        ("db", "retry_storm", "api", "dependency_outage", "retry_storm"),
        ("api", "n_plus_one", "db", "dependency_outage", "n_plus_one"),
        ("db", "lock_contention", "edge", "traffic_surge", "traffic_surge"),
        ("edge", "lock_contention", "api", "traffic_surge", "lock_contention"),
    ],
    ids=["an outage below", "an outage above", "no reaction to one", "a surge above", "a surge below"],
)
def test_how_services_take_an_outage_or_a_surge_is_behind_it(
    seen_at: str, seen_as: str, outside_at: str, outside_as: str, leads: str, scene: Scene
) -> None:
    code = {"retry_storm": "traces.retry_storm", "n_plus_one": "traces.repeated_calls"}.get(seen_as, "locks.contention")
    seen = Finding(code, seen_as, seen_at, "seen", 0.9, 0.95)
    cause = Finding("external.peer_outage", outside_as, outside_at, "outside", 0.9, 0.8)
    suspects = [Suspect(seen_at, seen_as, 1.0, (seen,), first_failing_service=seen_at)]
    first = attribute(replace(scene, graph=GRAPH), suspects, [seen, cause])[0]
    assert first.mechanism == leads


@pytest.mark.parametrize(("outage_s", "leads"), [(10, "dependency_outage"), (40, "lock_contention")])
def test_locks_that_are_held_while_something_is_down_are_waited_for_no_earlier(
    outage_s: int, leads: str, scene: Scene
) -> None:
    def window(second: int) -> Window:
        return Window(second * NS_PER_S, 90 * NS_PER_S)

    waits = Finding("locks.contention", "lock_contention", "api", "seen", 0.9, 0.95, window=window(30))
    down = Finding("external.peer_outage", "dependency_outage", "api", "down", 0.9, 0.9, window=window(outage_s))
    suspects = [Suspect("api", "lock_contention", 1.0, (waits,), first_failing_service="api")]
    assert attribute(replace(scene, graph=GRAPH), suspects, [waits, down])[0].mechanism == leads


def test_a_lost_node_is_told_of_the_service_that_is_not_reached(scene: Scene) -> None:
    node = Finding("external.platform", "infrastructure_fault", "edge", "node down", 0.9, 0.85)
    lost = Finding("traces.unreachable", "infrastructure_fault", "db", "not reached", 0.9, 0.95)
    assert attribute(scene, [], [node, lost])[0].service == "db"


@pytest.mark.parametrize(
    ("effect", "sure", "blamed"),
    [(None, 0.6, False), ("holds_lock", 0.6, True), (None, 0.96, True)],
    ids=["its diff is not known", "its diff can do it", "surer than what is seen"],
)
def test_a_change_near_the_onset_does_not_outrank_a_lock_that_is_seen(
    effect: str | None, sure: float, blamed: bool, scene: Scene
) -> None:
    near = change(sure)
    near = replace(near, effect=effect)
    seen = Finding("locks.contention", "lock_contention", "api", "waits", 0.9, 0.95)
    suspects = [Suspect("api", "lock_contention", 1.0, (seen,), first_failing_service="api")]
    first = attribute(scene, suspects, [seen, near])[0]
    assert (first.change is not None) == blamed
    assert blamed or first.mechanism == "lock_contention"


@pytest.mark.parametrize(("gap", "blamed"), [(0.85, False), (0.6, True)], ids=["surely on the way", "perhaps"])
def test_time_that_is_lost_on_the_way_is_no_commits_doing(gap: float, blamed: bool, scene: Scene) -> None:
    slower = replace(change(0.8), mechanism="latency_regression")
    way = Finding("traces.network_gap", "network_delay", "api", "late on the way", 1.0, gap)
    suspects = [Suspect("api", "network_delay", 1.0, (way,), first_failing_service="api")]
    first = attribute(scene, suspects, [slower, way])[0]
    assert (first.change is not None) == blamed


@pytest.mark.parametrize(
    ("place", "direction", "effect", "blamed"),
    [
        ("api", "out of", "switch_flipped", True),
        ("api", "out of", "call_in_loop", False),
        ("api", "into", "switch_flipped", False),
        ("db", "out of", "switch_flipped", False),
    ],
    ids=["its own connections", "its own calls", "from its callers", "of another service"],
)
def test_time_on_all_ways_out_is_the_doing_of_who_changed_its_connections(
    place: str, direction: str, effect: str, blamed: bool, scene: Scene
) -> None:
    slower = change(0.6, deployed_to="api", effect=effect)
    slower = replace(slower, mechanism="latency_regression")
    way = Finding("traces.network_gap", "network_delay", place, "late", 1.0, 0.9, facts={"direction": direction})
    suspects = [Suspect(place, "network_delay", 1.0, (way,), first_failing_service=place)]
    assert (attribute(scene, suspects, [slower, way])[0].change is not None) == blamed


def stampede(service: str = "db", score: float = 1.0) -> Suspect:
    seen = Finding("traces.cache_misses", "cache_stampede", service, "misses", 0.9, 0.9)
    return Suspect(service, "cache_stampede", score, (seen,), first_failing_service="edge")


@pytest.mark.parametrize(
    ("facts", "blamed"),
    [
        ({"eliminated": True, "deployed_to": "api"}, False),
        ({"eliminated": True, "deployed_to": "db"}, True),
        ({"eliminated": True, "deployed_to": "api", "can_bring": ("cache_stampede",)}, True),
        ({"eliminated": False, "deployed_to": "api"}, True),
    ],
    ids=["elsewhere", "where it is seen", "known to bring it", "convicted by what it does"],
)
def test_a_mechanism_that_was_seen_clears_what_was_only_left_over(
    facts: dict[str, Any], blamed: bool, scene: Scene
) -> None:
    suspects = [stampede()]
    first = attribute(replace(scene, graph=GRAPH), suspects, [change(0.4, **facts), *suspects[0].findings])[0]
    assert (first.change is not None) == blamed


def test_a_change_joins_the_mechanism_that_it_can_bring_where_that_is_seen(scene: Scene) -> None:
    known = change(0.8, can_bring=("cache_stampede", "n_plus_one"), deployed_to="api")
    first, *rest = attribute(replace(scene, graph=GRAPH), [stampede()], [known, *stampede().findings])
    assert first.change is not None
    assert (first.service, first.mechanism, first.first_failing_service) == ("db", "cache_stampede", "edge")
    assert rest == []


@pytest.mark.parametrize("strange", [stampede(score=0.3), suspect()], ids=["faint", "another mechanism"])
def test_it_joins_none_that_is_faint_or_that_it_cannot_bring(strange: Suspect, scene: Scene) -> None:
    known = change(0.8, can_bring=("cache_stampede",))
    first = attribute(replace(scene, graph=GRAPH), [suspect("edge"), strange], [known])[0]
    assert (first.service, first.mechanism) == ("api", "n_plus_one")


def test_what_was_left_over_takes_the_mechanism_that_shows_at_its_service(scene: Scene) -> None:
    first = attribute(scene, [suspect("api")], [change(0.5, eliminated=True, deployed_to="api")])[0]
    assert first.change is not None
    assert (first.service, first.mechanism) == ("api", "cpu_saturation")


def seen(code: str, mechanism: str, service: str = "api", confidence: float = 0.9) -> Finding:
    return Finding(code, mechanism, service, f"{mechanism} was seen", 1.0, confidence)


@pytest.mark.parametrize(
    ("effect", "confidence", "blamed"),
    [(None, 0.8, False), ("call_in_loop", 0.8, True), (None, 0.95, True)],
    ids=["by time alone", "by what it does", "surer still"],
)
def test_a_change_that_fits_by_time_alone_yields_to_what_was_seen_at_work(
    effect: str | None, confidence: float, blamed: bool, scene: Scene
) -> None:
    slower = replace(change(confidence, effect=effect), mechanism="latency_regression")
    misses = seen("traces.cache_misses", "cache_stampede")
    suspects = [Suspect("api", "cache_stampede", 1.0, (misses,), first_failing_service="api")]
    first = attribute(scene, suspects, [slower, misses])[0]
    assert (first.change is not None) == blamed


@pytest.mark.parametrize(("below", "blamed"), [("db", False), ("mail", True)], ids=["below", "elsewhere"])
@pytest.mark.parametrize(
    ("code", "mechanism"),
    [("metrics.shortage", "cpu_saturation"), ("traces.unreachable", "infrastructure_fault")],
    ids=["short", "gone"],
)
def test_a_change_that_fits_by_time_alone_yields_to_what_is_wrong_below(
    code: str, mechanism: str, below: str, blamed: bool, scene: Scene
) -> None:
    scene = replace(scene, graph=ServiceGraph(("api", "db", "mail"), {("api", "db"): 9}))
    slower = replace(change(0.6), mechanism="latency_regression")
    short = seen(code, mechanism, below, 1.0)
    suspects = [Suspect(below, mechanism, 1.0, (short,), first_failing_service=below)]
    first = attribute(scene, suspects, [slower, short])[0]
    assert (first.change is not None) == blamed


@pytest.mark.parametrize(
    ("share", "left_over", "blamed"),
    [(0.98, True, False), (0.5, True, True), (0.98, False, True)],
    ids=["full", "half full", "full, and the change can do it"],
)
def test_a_change_that_is_left_over_yields_to_a_full_disk_below(
    share: float, left_over: bool, blamed: bool, scene: Scene
) -> None:
    scene = replace(scene, graph=ServiceGraph(("api", "db"), {("api", "db"): 9}))
    slower = replace(change(0.6, effect="comparison_changed", eliminated=left_over), mechanism="latency_regression")
    disk = replace(seen("metrics.saturation", "disk_saturation", "db"), facts={"share_of_limit": share})
    first = attribute(scene, [Suspect("db", "disk_saturation", 1.0, (disk,))], [slower, disk])[0]
    assert (first.change is not None) == blamed


def test_no_commit_fills_a_host_with_what_is_not_of_ours(scene: Scene) -> None:
    host = seen("metrics.neighbour", "noisy_neighbour")
    suspects = [Suspect("api", "noisy_neighbour", 1.0, (host,), first_failing_service="api")]
    first = attribute(scene, suspects, [change(0.8, effect="call_in_loop"), host])[0]
    assert (first.mechanism, first.change) == ("noisy_neighbour", None)


def test_where_a_change_does_what_was_seen_it_began_where_it_was_seen(scene: Scene) -> None:
    shorter = replace(change(0.8, effect="timeout_lowered"), mechanism="timeout_budget", service="db")
    first = attribute(scene, [], [shorter, seen("traces.new_deadline", "timeout_budget", "web")])[0]
    assert first.change is not None
    assert first.service == first.first_failing_service == "web"


@pytest.mark.parametrize(
    ("mechanism", "code", "place"),
    [
        ("retry_storm", "traces.retry_storm", "api"),
        ("schema_mismatch", "traces.failures", "api"),
        ("exception", "traces.failures", "edge"),
    ],
    ids=["seen at work", "told by its error", "what any trouble looks like"],
)
def test_a_change_is_blamed_where_what_it_did_is_seen(mechanism: str, code: str, place: str, scene: Scene) -> None:
    seen = Finding(code, mechanism, "api", "seen", 0.9, 0.95)
    blamed = replace(change(0.8), mechanism=mechanism, service="edge")
    suspects = [replace(suspect("edge")), Suspect("api", mechanism, 0.9, (seen,), first_failing_service="api")]
    first = attribute(replace(scene, graph=GRAPH), suspects, [blamed, seen])[0]
    assert (first.service, first.change is not None) == (place, True)


@pytest.mark.parametrize(
    ("place", "share", "began_s", "leads"),
    [("db", 0.99, 60, True), ("db", 0.6, 60, False), ("db", 0.99, 900, False), ("aside", 0.99, 60, False)],
    ids=["used up", "half used", "at another time", "not reached"],
)
def test_a_surge_that_is_served_is_the_cause_of_what_it_uses_up(
    place: str, share: float, began_s: int, leads: bool, scene: Scene
) -> None:
    facts = {"since_ns": 0, "harmless": True}
    surge = Finding("external.request_rate", "traffic_surge", "edge", "surge", 0.8, 0.9, facts)
    window = Window(began_s * NS_PER_S, 10**12)
    full = Finding(
        "metrics.saturation", "cpu_saturation", place, "full", 0.9, 0.9, {"share_of_limit": share}, window=window
    )
    first = attribute(replace(scene, graph=GRAPH), [suspect(place)], [surge, full])[0]
    assert (first.mechanism == "traffic_surge") == leads


def test_a_change_of_which_nothing_tells_what_it_does_did_what_was_seen_where_it_was_deployed(scene: Scene) -> None:
    chatty = seen("traces.repeated_calls", "chatty_calls", "api", 0.95)
    suspects = [Suspect("api", "chatty_calls", 1.0, (chatty,), first_failing_service="api")]
    left_over = change(0.4, eliminated=True, measured=True, deployed_to="api")
    slower = replace(left_over, mechanism="latency_regression", service="db")
    first = attribute(replace(scene, graph=GRAPH), suspects, [slower, chatty])[0]
    assert first.change is not None
    assert (first.service, first.mechanism, first.confidence) == ("api", "chatty_calls", 0.95)
    assert "db" in first.blast_radius


@pytest.mark.parametrize(
    ("known", "mechanism"),
    [
        (
            Finding("external.dns_failure", "dns_failure", "api", "no name", 0.9, 0.75, resource="psp.example"),
            "dns_failure",
        ),
        (Finding("external.dns_failure", "dns_failure", "api", "no name", 0.9, 0.75, resource="b.example"), ""),
        (Finding("traces.network_gap", "network_delay", "api", "all calls into it", 0.9, 0.95), "cpu_saturation"),
        (Finding("traces.network_gap", "network_delay", "mail", "all calls into it", 0.9, 0.95), ""),
    ],
    ids=["its name", "another's name", "the caller's own way", "another's way"],
)
def test_a_partner_is_not_down_for_what_is_known_to_be_another_reason(
    known: Finding, mechanism: str, scene: Scene
) -> None:
    slow = Finding("external.slow_peer", "dependency_outage", "api", "slow", 0.9, 0.85, resource="psp.example")
    first = attribute(scene, [suspect()], [slow, known])[0]
    assert first.mechanism == (mechanism or "dependency_outage")


def test_a_change_is_told_with_the_mechanism_that_was_seen_where_it_went(scene: Scene) -> None:
    seen = Finding("traces.cache_misses", "cache_stampede", "api", "all miss", 0.9, 0.9)
    slow = replace(change(0.85, effect="key", deployed_to="api", measured=True), mechanism="latency_regression")
    assert attribute(scene, [], [slow, seen])[0].mechanism == "cache_stampede"
    elsewhere = replace(seen, service="mail")
    assert attribute(scene, [], [slow, elsewhere])[0].mechanism == "latency_regression"


@pytest.mark.parametrize("code", ["traces.lost_host", "metrics.neighbour"])
def test_no_flag_is_blamed_for_what_befell_a_host(code: str, scene: Scene) -> None:
    host = Finding(code, "infrastructure_fault", "api", "gone", 0.9, 0.95)
    flag = replace(change(0.8, deployed_to="api"), change=("flag", "banner"))
    first = attribute(scene, [replace(suspect("api"), findings=(host,))], [flag, host])[0]
    assert first.change is None


def test_what_was_seen_where_a_change_went_is_its_work_rather_than_what_another_service_shows(scene: Scene) -> None:
    seen = Finding("traces.race_condition", "race_condition", "mail", "twice", 0.9, 0.95)
    faint = replace(change(0.4, effect="lease", deployed_to="mail"), mechanism="lock_lease_expired")
    first = attribute(scene, [], [faint, seen])[0]
    assert (first.mechanism, first.service) == ("race_condition", "mail")
    assert first.change is not None


@pytest.mark.parametrize(
    ("code", "where", "mechanism"),
    [
        ("logs.told_outright", "api", "race_condition"),
        ("traces.race_condition", "api", "latency_regression"),
        ("logs.told_outright", "db", "latency_regression"),
    ],
    ids=["it says so", "it was concluded", "another says so"],
)
def test_what_a_service_says_of_itself_is_what_the_change_there_did(
    code: str, where: str, mechanism: str, scene: Scene
) -> None:
    told = seen(code, "race_condition", where, 0.9)
    slower = replace(change(0.9, deployed_to="api", effect="a check is gone"), mechanism="latency_regression")
    suspects = [Suspect(where, "race_condition", 1.0, (told,), first_failing_service=where)]
    first = attribute(replace(scene, graph=GRAPH), suspects, [slower, told])[0]
    assert first.change is not None
    assert first.mechanism == mechanism
