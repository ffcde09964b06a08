from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.domain.cause import Suspect
from deep_code_reasoning.domain.finding import Fact, Finding
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.ranking.localise import localise
from deep_code_reasoning.store import CaseStore
from scenery import START_NS, Row, System, Trouble

Build = Callable[..., AbstractContextManager[CaseStore]]
END_NS = START_NS + 600 * NS_PER_S
GRAPH = ServiceGraph(("api", "cart", "db", "mail"), {("api", "cart"): 9, ("cart", "db"): 9, ("api", "mail"): 9})


def found(
    code: str, service: str, mechanism: str = "exception", at_s: int = 300, severity: float = 1.0, **facts: Fact
) -> Finding:
    window = Window(START_NS + at_s * NS_PER_S, END_NS)
    return Finding(code, mechanism, service, f"{code} {service}", severity, 0.9, facts, (), window)


def suspects(
    build: Build, *findings: Finding, graph: ServiceGraph = GRAPH, metrics: Sequence[Row] = ()
) -> tuple[Suspect, ...]:
    onset = START_NS + 300 * NS_PER_S
    windows = Windows(
        Window(START_NS, onset), Window(onset, END_NS), onset, Window(onset, onset + 1), None, "", changed=True
    )
    with build({"metrics": list(metrics)}) as store:
        return localise(Scene(store, windows, graph), findings)


def test_errors_all_the_way_up_have_one_source(build_case: Build) -> None:
    ranked = suspects(build_case, *(found("logs.new_errors", name) for name in ("api", "cart", "db")))
    assert [suspect.service for suspect in ranked] == ["db", "api", "cart"]
    assert ranked[0].score > 2 * ranked[1].score
    assert ranked[0].victims == ("api", "cart")
    assert ranked[0].path == ("api", "cart", "db")
    assert ranked[0].first_failing_service == "db"


def test_an_error_that_names_another_service_is_no_evidence_against_its_own(build_case: Build) -> None:
    ranked = suspects(
        build_case,
        found("logs.new_errors", "mail", names_services=("smtp",)),
        found("logs.new_errors", "cart", severity=0.5),
    )
    assert ranked[0].service == "cart"


def test_a_saturated_resource_explains_the_services_other_findings(build_case: Build) -> None:
    (suspect,) = suspects(
        build_case,
        found("traces.network_gap", "db", "network_delay"),
        found("traces.self_time", "db", "latency_regression"),
        found("metrics.saturation", "db", "cpu_saturation", severity=0.85),
    )
    assert suspect.mechanism == "cpu_saturation"
    assert suspect.findings[0].code == "metrics.saturation"
    assert len(suspect.findings) == 3


def test_what_began_at_another_time_counts_less(build_case: Build) -> None:
    ranked = suspects(
        build_case,
        found("metrics.saturation", "mail", "cpu_saturation", at_s=10),
        found("logs.new_errors", "db", severity=0.9),
    )
    assert [suspect.service for suspect in ranked] == ["db", "mail"]


def test_a_suspect_that_does_not_fail_itself_points_to_the_caller_that_does(build_case: Build) -> None:
    ranked = suspects(
        build_case,
        found("metrics.traffic", "db", "dependency_outage"),
        found("logs.new_errors", "cart", severity=0.0),
        found("logs.new_errors", "api", severity=0.0),
    )
    suspect = next(suspect for suspect in ranked if suspect.service == "db")
    assert suspect.first_failing_service == "cart"
    assert suspect.victims == ("api",)


def test_findings_about_changes_are_not_localised(build_case: Build) -> None:
    change = Finding("changes.correlation", "exception", "db", "", 1.0, 1.0, change=("commit", "abc"))
    assert suspects(build_case, change) == ()


def test_no_two_suspects_share_a_score_and_their_order_does_not_depend_on_that_of_findings(build_case: Build) -> None:
    findings = [found("logs.new_errors", name) for name in ("x", "y", "z")]
    forth = suspects(build_case, *findings)
    back = suspects(build_case, *reversed(findings))
    assert forth == back
    assert len({suspect.score for suspect in forth}) == 3


def test_a_whole_system_is_localised_from_its_rows(build_case: Build) -> None:
    with build_case(System(Trouble(onset_s=70, stock_fails="boom", stock_error="boom")).tables()) as store:
        scene, findings, _ = runner.look(store, None)
        assert scene is not None
        ranked = localise(scene, findings)
    assert ranked[0].service == "stock"
    assert ranked[0].code_region == "StockService#31_StockService#34"


def test_a_lease_that_ended_too_soon_explains_the_race_it_lets_in(build_case: Build) -> None:
    ranked = suspects(
        build_case,
        found("traces.race_condition", "cart", "race_condition"),
        found("logs.new_errors", "cart"),
        found("locks.lease_expired", "cart", "lock_lease_expired", severity=0.9),
    )
    assert [(suspect.service, suspect.mechanism) for suspect in ranked] == [("cart", "lock_lease_expired")]


def test_a_race_explains_the_errors_of_those_that_met_it_and_of_their_callers(build_case: Build) -> None:
    ranked = suspects(
        build_case,
        found("logs.new_errors", "api"),
        found("logs.new_errors", "cart"),
        found("traces.race_condition", "cart", "race_condition", severity=0.5),
    )
    assert (ranked[0].service, ranked[0].mechanism) == ("cart", "race_condition")
    assert ranked[0].victims == ("api",)


def test_repeated_calls_explain_a_wait_on_the_way_only_when_they_take_as_long(build_case: Build) -> None:
    calls = found("traces.repeated_calls", "cart", "n_plus_one", severity=0.8, calls_ms=240.0)
    (long,) = suspects(build_case, calls, found("traces.network_gap", "cart", "network_delay", gap_ms=2000.0))
    (short,) = suspects(build_case, calls, found("traces.network_gap", "cart", "network_delay", gap_ms=60.0))
    assert (long.mechanism, short.mechanism) == ("network_delay", "n_plus_one")


@pytest.mark.parametrize(
    ("trouble", "first"),
    [
        (found("traces.unreachable", "db", "startup_failure"), "db"),
        (found("metrics.saturation", "db", "disk_saturation"), "db"),
        (found("traces.failures", "db", "deadlock", error="deadlock detected"), "db"),
        (found("traces.failures", "db", error="503 Service Unavailable", severity=0.4), "cart"),
        (found("metrics.saturation", "db", "thread_pool_exhausted", severity=0.4), "cart"),
    ],
    ids=["it is down", "its disk is full", "an error of its own", "it is overrun", "its workers are taken"],
)
def test_retries_are_a_reaction_to_what_they_cannot_have_caused(
    trouble: Finding, first: str, build_case: Build
) -> None:
    ranked = suspects(build_case, found("traces.retry_storm", "cart", "retry_storm"), trouble)
    assert ranked[0].service == first


def test_a_deadline_that_passes_because_someone_below_became_slower_is_no_short_deadline(build_case: Build) -> None:
    late = found("traces.early_timeout", "cart", "timeout_budget")
    assert suspects(build_case, late, found("traces.self_time", "db", "latency_regression"))[0].service == "db"
    assert suspects(build_case, late)[0].mechanism == "timeout_budget"


@pytest.mark.parametrize("code", ["metrics.neighbour", "traces.zone_gap"])
def test_what_is_seen_of_a_host_or_a_zone_explains_all_that_is_slow_there(code: str, build_case: Build) -> None:
    mechanism = "noisy_neighbour" if code == "metrics.neighbour" else "network_delay"
    slow = found("traces.self_time", "mail", "latency_regression")
    there = found(code, "db", mechanism, severity=0.9, services=("db", "mail"))
    first, second = suspects(build_case, slow, there)
    assert (first.service, first.mechanism) == ("db", mechanism)
    assert first.score > 3 * second.score
    elsewhere = found(code, "db", mechanism, severity=0.9, services=("db",))
    assert suspects(build_case, slow, elsewhere)[1].score > 3 * second.score


@pytest.mark.parametrize(
    ("code", "mechanism"),
    [
        ("traces.exhausted", "connection_pool_exhausted"),
        ("locks.contention", "lock_contention"),
        ("traces.cache_misses", "cache_stampede"),
    ],
)
@pytest.mark.parametrize(("lacks_at_s", "first"), [(380, "api"), (300, "cart")])
def test_a_storm_explains_what_runs_short_after_it_and_not_before(
    code: str, mechanism: str, lacks_at_s: int, first: str, build_case: Build
) -> None:
    ranked = suspects(
        build_case,
        found("traces.retry_storm", "api", "retry_storm", severity=0.6),
        found(code, "cart", mechanism, at_s=lacks_at_s, severity=0.8),
    )
    assert ranked[0].service == first


@pytest.mark.parametrize(
    ("locked_at_s", "first"), [(380, "connection_pool_exhausted"), (300, "lock_contention"), (220, "lock_contention")]
)
def test_a_lock_is_waited_for_when_its_holder_waits_for_a_connection(
    locked_at_s: int, first: str, build_case: Build
) -> None:
    ranked = suspects(
        build_case,
        found("traces.exhausted", "cart", "connection_pool_exhausted", severity=0.6),
        found("locks.contention", "cart", "lock_contention", at_s=locked_at_s, severity=0.8),
    )
    assert ranked[0].mechanism == first


@pytest.mark.parametrize(("lost_at_s", "first"), [(390, "retry_storm"), (300, "thread_pool_exhausted")])
def test_what_begins_after_the_retries_did_not_provoke_them(lost_at_s: int, first: str, build_case: Build) -> None:
    ranked = suspects(
        build_case,
        found("traces.retry_storm", "api", "retry_storm"),
        found("traces.unreachable", "cart", "thread_pool_exhausted", at_s=lost_at_s),
    )
    assert ranked[0].mechanism == first


@pytest.mark.parametrize(("failing", "first"), [(30, "mail"), (0, "cart")])
def test_a_clock_that_fails_more_than_the_leases_it_ends_is_the_cause(
    failing: int, first: str, build_case: Build
) -> None:
    clock = found("traces.clock_skew", "mail", "clock_skew", severity=0.3, requests_failing_over_time=failing)
    ranked = suspects(
        build_case,
        replace(clock, resource="host-3"),
        found("locks.lease_expired", "cart", "lock_lease_expired", severity=0.6, skewed_host="host-3", overlaps=2),
    )
    assert ranked[0].service == first


@pytest.mark.parametrize(
    ("pool_at_s", "first"), [(310, "cart"), (200, "db")], ids=["begins with the hedges", "is older than they are"]
)
def test_workers_run_out_for_hedges_that_came_before(pool_at_s: int, first: str, build_case: Build) -> None:
    hedges = found("traces.hedged_calls", "cart", "retry_storm", at_s=300)
    gap = found("traces.network_gap", "db", "network_delay", at_s=pool_at_s)
    waits = found("traces.pool_waits", "db", "thread_pool_exhausted", at_s=pool_at_s)
    assert suspects(build_case, hedges, gap, waits)[0].service == first


def test_what_waits_for_a_lock_has_the_lock_in_common(build_case: Build) -> None:
    alike = found("traces.bad_input", "cart", "bad_input")
    lock = found("locks.contention", "cart", "lock_contention", severity=0.5)
    assert suspects(build_case, alike, lock)[0].mechanism == "lock_contention"


def test_a_shortage_that_was_seen_is_not_explained_by_one_that_is_concluded(build_case: Build) -> None:
    slow = found("traces.self_time", "cart", "cpu_saturation")
    empty = found("traces.exhausted", "cart", "connection_pool_exhausted", severity=0.8)
    assert suspects(build_case, slow, empty)[0].mechanism == "connection_pool_exhausted"
    busy = found("metrics.saturation", "cart", "cpu_saturation")
    assert suspects(build_case, busy, empty)[0].mechanism == "cpu_saturation"


@pytest.mark.parametrize(("leaking", "first"), [("mail", "cart"), ("db", "db"), ("batch", "batch")])
def test_what_runs_short_where_nobody_who_fails_gets_to_is_not_why(leaking: str, first: str, build_case: Build) -> None:
    fails = found("logs.new_errors", "cart", severity=0.5)
    leak = found("metrics.leak", leaking, "memory_leak")
    assert suspects(build_case, fails, leak)[0].service == first


def test_what_is_sent_again_is_late_at_either_end_of_a_lossy_way(build_case: Build) -> None:
    lossy = found("traces.unreachable", "cart", "network_loss", severity=0.4, both_ways=True)
    late = found("traces.network_gap", "db", "network_delay", callers=("cart",))
    assert suspects(build_case, lossy, late)[0].mechanism == "network_loss"
    assert suspects(build_case, replace(lossy, facts={}), late)[0].mechanism == "network_delay"


@pytest.mark.parametrize(("since", "first"), [(30.0, "message_backlog"), (8.0, "cpu_saturation")])
def test_a_consumer_that_does_more_than_ever_is_busy_for_the_messages_that_came(
    since: float, first: str, build_case: Build
) -> None:
    handled = [
        {
            "time_ns": START_NS + at * NS_PER_S,
            "service": "mail",
            "name": "requests_per_second",
            "value": since if at >= 300 else 10.0,
        }
        for at in range(0, 600, 15)
    ]
    busy = found("metrics.shortage", "mail", "cpu_saturation")
    waits = found("traces.message_waits", "mail", "message_backlog", severity=0.8)
    assert suspects(build_case, busy, waits, metrics=handled)[0].mechanism == first
