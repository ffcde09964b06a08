"""Clocks that are off, found from what calls between hosts leave open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors.timeline.clocks import corrected, join_offsets, prepare_clocks
from deep_code_reasoning.detectors.timeline.common_time import estimate
from deep_code_reasoning.detectors.timeline.offsets import Interval
from deep_code_reasoning.domain.instant import NS_PER_MS
from deep_code_reasoning.store import CaseStore
from fleet import Fleet, busy_fleet, steady
from scenery import START_NS

Build = Callable[..., AbstractContextManager[CaseStore]]


@pytest.mark.parametrize(("named", "ahead"), [("host", 50.0), ("instance", -37.0)])
def test_a_planted_offset_is_found_whoever_names_the_host(named: str, ahead: float, build_case: Build) -> None:
    with build_case(busy_fleet({"c2": steady(ahead)}, named=named).tables()) as store:
        (clock,) = prepare_clocks(store)
    assert clock.name == "c2"
    assert clock.offset_ns / NS_PER_MS == pytest.approx(ahead, abs=0.5)
    assert clock.uncertainty_ns < 2 * NS_PER_MS


def test_clocks_that_are_right_are_left_alone(build_case: Build) -> None:
    with build_case(busy_fleet({"c1": steady(0.2), "l1": steady(-0.3)}).tables()) as store:
        assert prepare_clocks(store) == ()


def test_a_clock_that_runs_away_is_followed(build_case: Build) -> None:
    fleet = busy_fleet({"l1": lambda second: 20 + 0.5 * second}, requests=600)
    with build_case(fleet.tables()) as store:
        clock = prepare_clocks(store)[0]
        rows = store.query(
            f"SELECT max(abs({corrected('start_ns')} - parent_start_ns)) AS apart FROM linked_spans AS s "
            f"{join_offsets('s.clock', 's.start_ns')} WHERE s.clock = 'l1' AND has_parent"
        )
    assert clock.drift_ppm == pytest.approx(500, abs=20)
    assert int(rows[0]["apart"]) < 3 * NS_PER_MS


def test_a_clock_that_is_set_anew_is_followed(build_case: Build) -> None:
    fleet = busy_fleet({"l1": lambda second: 80.0 if second < 30 else 0.0}, requests=600)
    with build_case(fleet.tables()) as store:
        (clock,) = prepare_clocks(store)
    assert clock.drift_ppm is None
    assert clock.path[0][1] / NS_PER_MS == pytest.approx(80, abs=1)
    assert clock.path[-1][1] / NS_PER_MS == pytest.approx(0, abs=1)


def test_messages_both_ways_bound_a_clock_and_one_way_does_not(build_case: Build) -> None:
    fleet = Fleet({"b": steady(40)})
    for number in range(60):
        at, trace = number * 50.0, f"m{number}"
        sent = fleet.span(trace, "", "orders", "a", "orders send", at, 1, "producer")
        taken = fleet.span(trace, sent, "mail", "b", "orders process", at + 2, 30, "consumer")
        if number % 2:
            answer = fleet.span(trace, taken, "mail", "b", "replies send", at + 20, 1, "producer")
            fleet.span(trace, answer, "orders", "a", "replies process", at + 22, 30, "consumer")
    one_way = [row for row in fleet.spans if not str(row["name"]).startswith("replies")]
    with build_case({"spans": one_way}) as store:
        assert prepare_clocks(store) == ()
    with build_case(fleet.tables()) as store:
        clocks = prepare_clocks(store)
    apart = {clock.name: clock.offset_ns / NS_PER_MS for clock in clocks}
    assert apart.get("b", 0) - apart.get("a", 0) == pytest.approx(40, abs=2)


def test_a_child_nobody_waits_for_is_no_bound(build_case: Build) -> None:
    fleet = busy_fleet({})
    for number in range(300):
        root = next(row["span_id"] for row in fleet.spans if row["trace_id"] == f"t{number}")
        fleet.span(f"t{number}", root, "mail", "c2", "send later", number * 100.0 + 5 + number % 7 * 5, 15)
    with build_case(fleet.tables()) as store:
        assert prepare_clocks(store) == ()


# What Jaeger's adjuster does to one child (parent: start, duration; child: start, duration; shift), in milliseconds.
JAEGER = [
    ("a child that fits is left", (0, 100), (10, 50), 0),
    ("a child before its parent is centred", (10, 100), (0, 50), 35),
    ("a child after its parent is centred", (10, 100), (80, 50), -45),
]


@pytest.mark.parametrize(("parent", "child", "shift"), [c[1:] for c in JAEGER], ids=[c[0] for c in JAEGER])
def test_one_child_is_shifted_as_jaeger_shifts_it(
    parent: tuple[int, int], child: tuple[int, int], shift: int, build_case: Build
) -> None:
    fleet = Fleet()
    root = fleet.span("t", "", "a", "h1", "root", parent[0], parent[1])
    inner = fleet.span("t", root, "b", "h2", "child", child[0], child[1])
    fleet.span("t", inner, "b", "h2", "grandchild of the same host", child[0] + 1, 1)
    with build_case(fleet.tables()) as store:
        prepare_clocks(store)
        rows = store.query(
            f"SELECT name, {corrected('start_ns')} AS start FROM linked_spans AS s "
            f"{join_offsets('s.clock', 's.start_ns')} ORDER BY start"
        )
    start = {row["name"]: (int(row["start"]) - START_NS) / NS_PER_MS for row in rows}
    assert start["child"] - start["root"] == pytest.approx(child[0] + shift - parent[0], abs=0.001)
    assert start["grandchild of the same host"] - start["child"] == pytest.approx(1, abs=0.001)


def test_spans_of_one_host_are_never_shifted(build_case: Build) -> None:
    fleet = Fleet()
    root = fleet.span("t", "", "a", "h1", "root", 10, 100)
    fleet.span("t", root, "b", "h1", "child", 0, 50)
    with build_case(fleet.tables()) as store:
        assert prepare_clocks(store) == ()


def test_the_fit_resists_a_pair_that_contradicts_all_others() -> None:
    names = ["a", "b", "c", "d", "e"]
    truth = {"a": 0.0, "b": 30e6, "c": 0.0, "d": 0.0, "e": 0.0}
    intervals = [
        Interval(first, second, truth[second] - truth[first] - 1e6, truth[second] - truth[first] + 1e6, 100)
        for first in names
        for second in names
        if first < second and (first, second) != ("a", "c")
    ]
    found = estimate({0: [*intervals, Interval("a", "c", 199e6, 201e6, 100)]})
    assert {name: round(found[name][0].offset / 1e6) for name in names} == {"a": 0, "b": 30, "c": 0, "d": 0, "e": 0}


def _every_pair(offsets_ms: dict[str, float]) -> list[Interval]:
    """What calls between each two clocks say, give or take a tenth of a millisecond."""
    apart = {(a, b): (offsets_ms[b] - offsets_ms[a]) * 1e6 for a in offsets_ms for b in offsets_ms if a < b}
    return [Interval(a, b, middle - 1e5, middle + 1e5, 100) for (a, b), middle in apart.items()]


def test_the_common_time_runs_on_evenly_while_clocks_drift_apart() -> None:
    """Three of five drift away together, further than clocks that agree are apart; one is off from the start."""
    drift = {"a": 0.0, "b": -0.3, "c": 0.30, "d": 0.35, "e": 0.40, "f": -0.45, "g": -0.3}
    start = {"a": 0.3, "b": -0.4, "c": 0.0, "d": 0.5, "e": -0.2, "f": 0.1, "g": -198.0}
    steps = {step: _every_pair({name: start[name] + drift[name] * step for name in drift}) for step in range(40)}
    found = estimate(steps)
    assert [found["g"][step].offset / 1e6 for step in (0, 20, 39)] == [
        pytest.approx(start["g"] + drift["g"] * step, abs=1.0) for step in (0, 20, 39)
    ]


def test_a_common_time_does_not_leap_when_clocks_come_and_go() -> None:
    apart = {"a": 0.0, "b": 0.2, "c": 4.0, "d": 4.3, "e": 50.0}
    steps = {step: _every_pair({n: o for n, o in apart.items() if n not in "ab"[: step % 3]}) for step in range(12)}
    shown = [estimates.offset for estimates in estimate(steps)["e"].values()]
    assert max(shown) - min(shown) < 1e5


def test_clocks_lie_about_the_time_near_which_most_are_the_nearest() -> None:
    """Four of seven are off by some milliseconds, on either side; the other three were set by the same server."""
    planted = {"a": 0.5, "b": -0.3, "c": -1.1, "d": 8.5, "e": -8.1, "f": -11.2, "g": -197.0}
    found = estimate({0: _every_pair(planted)})
    assert {name: found[name][0].offset / 1e6 for name in planted} == pytest.approx(planted, abs=1.0)


def test_clocks_that_agree_less_leave_more_uncertain(build_case: Build) -> None:
    planted = {"c2": steady(60.0)}
    with build_case(busy_fleet(planted).tables()) as store:
        (sure,) = prepare_clocks(store)
    with build_case(busy_fleet(planted | {"c1": steady(3.0), "l1": steady(-3.0)}).tables()) as store:
        doubtful = next(clock for clock in prepare_clocks(store) if clock.name == "c2")
    assert doubtful.uncertainty_ns > sure.uncertainty_ns + 2 * NS_PER_MS
    assert doubtful.path[0][2] == pytest.approx(sure.path[0][2], rel=0.2)


# Spans (service, host, start, duration; each the child of the one before) and where they start on the common timeline,
# in milliseconds: the cases of Jaeger's clockskew_test.go (2026), each child by its number.
Trace = tuple[tuple[str, float, float, float], ...]
PUBLISHED: dict[str, Trace] = {
    "a span whose host is not named": (("", 0, 100, 0),),
    "parent and child on the same host": (("a", 0, 100, 0), ("a", 10, 50, 10)),
    "parent and child on the same host, out of order": (("a", 10, 100, 10), ("a", 0, 50, 0)),
    "a child that fits inside its parent": (("a", 10, 100, 10), ("b", 20, 50, 20)),
    "a child that starts before its parent": (("a", 10, 100, 10), ("b", 0, 50, 35)),
    "a child that is longer than its parent": (("a", 10, 100, 10), ("b", 20, 150, 20)),
    "a child that ends after its parent but is shorter": (("a", 10, 100, 10), ("b", 50, 70, 25), ("b", 60, 20, 35)),
}


@pytest.mark.parametrize("spans", PUBLISHED.values(), ids=PUBLISHED)
def test_what_jaeger_publishes_of_single_traces_holds(spans: Trace, build_case: Build) -> None:
    fleet, parent = Fleet(), ""
    for number, (host, start, duration, _) in enumerate(spans):
        parent = fleet.span("t", parent, "unnamed", host, f"span {number}", start, duration)
    with build_case(fleet.tables()) as store:
        prepare_clocks(store)
        rows = store.query(
            f"SELECT name, {corrected('start_ns')} AS start FROM linked_spans AS s "
            f"{join_offsets('s.clock', 's.start_ns')} ORDER BY name"
        )
    # Which of two clocks is right cannot be known: what Jaeger expects is held against the root's.
    starts = [(int(row["start"]) - int(rows[0]["start"])) / NS_PER_MS for row in rows]
    assert starts == [pytest.approx(expected - spans[0][3], abs=0.001) for *_, expected in spans]


def test_duplicate_ids_and_missing_parents_move_nothing(build_case: Build) -> None:
    fleet = Fleet()
    fleet.span("t", "nowhere", "a", "a", "orphan", 0, 100)
    again = fleet.span("u", "", "a", "a", "twice", 0, 100)
    fleet.span("u", "", "a", "b", "twice", 0, 100)
    fleet.spans[-1]["span_id"] = again
    with build_case(fleet.tables()) as store:
        assert prepare_clocks(store) == ()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_truth_lies_within_what_is_said_to_be_uncertain(seed: int, build_case: Build) -> None:
    """Two clocks are off, one of them drifting by 200 ppm: everywhere on its way the doubt covers the error."""
    planted = {"c2": steady(-31.0 * seed), "l1": lambda second: 12.0 * seed + 0.2 * second}
    with build_case(busy_fleet(planted, requests=400, seed=seed).tables()) as store:
        clocks = {clock.name: clock for clock in prepare_clocks(store)}
    assert set(clocks) == set(planted)
    for name, clock in clocks.items():
        for start_ns, offset_ns, doubt_ns in clock.path[1:-1]:
            middle_s = (start_ns - START_NS + (clock.path[1][0] - clock.path[0][0]) / 2) / 1e9
            assert offset_ns == pytest.approx(planted[name](middle_s) * NS_PER_MS, abs=doubt_ns + 0.1 * NS_PER_MS)
