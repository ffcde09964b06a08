"""Who owns the latency of many traces."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.contrast.paths import latency_of
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window
from deep_code_reasoning.store import CaseStore
from fleet import Fleet, Offset, steady
from scenery import START_NS

Build = Callable[..., AbstractContextManager[CaseStore]]
CALM, LATE = Window(START_NS, START_NS + 60 * NS_PER_S), Window(START_NS + 60 * NS_PER_S, START_NS + 120 * NS_PER_S)


def forked(query_ms: float, offsets: dict[str, Offset] | None = None) -> Fleet:
    """The gateway asks stock and prices side by side; from the 60th second on stock's query takes `query_ms`."""
    fleet = Fleet(offsets or {})
    for number in range(240):
        at, trace = number * 500.0, f"t{number:03d}"
        query = (query_ms if number >= 120 else 10.0) + number % 7
        took = max(query + 6, 46.0)
        root = fleet.span(trace, "", "gateway", "g", "GET /item", at, took + 10, "server")
        for callee, host, ms in (("stock", "s", query + 4), ("prices", "p", 44.0)):
            call = fleet.span(trace, root, "gateway", "g", f"call {callee}", at + 4, ms + 2, "client")
            served = fleet.span(trace, call, callee, host, f"GET /{callee}", at + 5, ms, "server")
            fleet.span(trace, served, callee, host, f"SELECT {callee}", at + 6, ms - 4, "client")
        sent = fleet.span(trace, root, "gateway", "g", "send viewed", at + took + 5, 1, "producer")
        fleet.span(trace, sent, "audit", "a", "process viewed", at + took + 7, 900, "consumer")
    return fleet


def owners(build_case: Build, fleet: Fleet) -> dict[tuple[str, str], tuple[float, float, float]]:
    """By place: milliseconds at the median before, since, and what would be saved."""
    with build_case(fleet.tables()) as store:
        latency = latency_of(store, CALM, LATE, most=20)
        assert latency is not None
        assert latency.root == ("gateway", "GET /item")
        for band, times in enumerate((latency.p50_ms, latency.p99_ms)):
            assert sum(one.after[band] for one in latency.owners) == pytest.approx(times[1], rel=0.05)
        return {(one.service, one.operation): (one.before[0], one.after[0], one.saved[0]) for one in latency.owners}


def test_the_branch_that_was_waited_for_owns_the_latency(build_case: Build) -> None:
    found = owners(build_case, forked(200))
    before, after, saved = found["stock", "SELECT stock"]
    assert (before, after) == (pytest.approx(0, abs=0.5), pytest.approx(203, abs=4))
    # Without the query the requests would still wait for prices.
    assert saved == pytest.approx(203 + 6 - 46, abs=4)
    assert found["prices", "SELECT prices"][0] == pytest.approx(40, abs=1)
    assert found["prices", "SELECT prices"][1] == pytest.approx(0, abs=0.5)
    assert not [place for place in found if place[0] == "audit"]


def test_clocks_that_are_apart_change_nothing(build_case: Build) -> None:
    level = owners(build_case, forked(200))
    skewed = owners(build_case, forked(200, {"s": steady(70), "p": steady(-30)}))
    for place in (("stock", "SELECT stock"), ("prices", "SELECT prices")):
        assert skewed[place] == pytest.approx(level[place], abs=3)


@pytest.fixture
def told(build_case: Build) -> Callable[[Fleet], list[Finding]]:
    """What `traces.critical_path` says once `traces.self_time` has dated the incident."""

    def run(fleet: Fleet) -> list[Finding]:
        chosen = [d for d in runner.detectors() if d.code in ("traces.self_time", "traces.critical_path")]
        with build_case(fleet.tables()) as store:
            _, findings, _ = runner.look(store, None, chosen)
        return [finding for finding in findings if finding.code == "traces.critical_path"]

    return run


def test_the_owner_of_the_added_latency_is_told_with_what_it_is_worth(told: Callable[[Fleet], list[Finding]]) -> None:
    (finding,) = told(forked(200))
    assert (finding.service, finding.operation) == ("stock", "SELECT stock")
    assert "at the median" in finding.summary
    assert finding.citations
    lines = finding.facts["owners"]
    assert isinstance(lines, tuple)
    assert all(str(a) != str(b) for a, b in pairwise(lines))


def test_what_is_not_waited_for_is_silent(told: Callable[[Fleet], list[Finding]]) -> None:
    assert not told(forked(34))
