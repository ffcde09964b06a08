"""What tells a leak from a process that warms up, a cache that fills, memory that follows its load, and collections.

Each shape is drawn by a formula, and must be told alike however it is measured.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from scenery import Row, series

Look = Callable[..., Any]
POINTS = 40
FLAT = [190.0] * POINTS


def line(since: int = 0, step: float = 8.0) -> list[float]:
    return [190 + step * max(0, at - since) for at in range(POINTS)]


def filling(over: float, since: int = 0) -> list[float]:
    """What comes nearer to its end by the same share in each step, within `over` points by 63 %."""
    return [190 + 300 * (1 - math.exp(-max(0, at - since) / over)) for at in range(POINTS)]


def teeth(step: float) -> list[float]:
    """Collections after each five points, of which each leaves so much more."""
    return [190 + at % 5 * 60 + at * step for at in range(POINTS)]


LEAKS = {
    "since it began, on all": [line(15)] * 2,
    "since it began, on one of three": [line(15), FLAT, FLAT],
    "all along": [line()],
    "under collections": [teeth(6)] * 2,
}
OTHERS = {
    "a warm-up": [filling(12)],
    "a warm-up, cut short": [filling(40)] * 2,
    "a cache that filled": [filling(8, since=10)] * 2,
    "started anew, unlike the others": [line(), FLAT, FLAT],
    "back to where it was": [[400.0] * 10 + filling(10)[:30]],
    "collections": [teeth(0)],
}


def system(instances: Sequence[Sequence[float]], every_s: int = 60, times: float = 1.0) -> list[Row]:
    """The memory of `stock`'s instances, and of three services that stay as they are."""
    chance, rows = random.Random(1), []
    named = [(f"stock-{number}", values) for number, values in enumerate(instances)]
    for instance, values in [*named, *((name, FLAT) for name in ("cart", "mail", "user"))]:
        measured = [times * (value + chance.uniform(-1, 1)) for value in values]
        told = series(instance.partition("-")[0], "process.memory.usage", measured, every_s)
        rows += [row | {"instance": instance} for row in told]
    return rows


def told(look: Look, rows: list[Row]) -> list[float]:
    """How sure the leaks are; only `stock` may have one, and who looks for shortages never says that it does."""
    findings, _ = look("metrics.leak", {"metrics": rows})
    assert {f.service for f in findings} <= {"stock"}
    assert not look("metrics.saturation", {"metrics": rows})[0]
    return [f.confidence for f in findings]


@pytest.mark.parametrize("name", [*LEAKS, *OTHERS])
def test_a_leak_is_told_and_what_is_like_one_is_not_however_it_is_measured(name: str, look: Look) -> None:
    instances = LEAKS.get(name) or OTHERS[name]
    plain = told(look, system(instances))
    assert len(plain) == (name in LEAKS)
    assert told(look, system(instances, times=2.0**20)) == plain
    assert told(look, system(instances, every_s=5)) == plain
    shuffled = system(instances)
    random.Random(2).shuffle(shuffled)
    assert told(look, shuffled) == plain


def test_a_leak_of_which_the_beginning_is_cut_off_is_told_less_surely(look: Look) -> None:
    (whole,), (cut,) = (told(look, system([values] * 2)) for values in (line(15), line(15)[15:]))
    assert cut < whole


@pytest.mark.parametrize("kept", [18, 25, 40])
def test_a_warm_up_is_none_wherever_it_is_cut(kept: int, look: Look) -> None:
    assert not told(look, system([filling(12)[:kept]] * 2))


@pytest.mark.parametrize("ends", [8, 16, 24])
@pytest.mark.parametrize("is_leak", [True, False])
def test_a_start_while_garbage_gathers_makes_no_leak(is_leak: bool, ends: int, look: Look) -> None:
    """Of three teeth, one ends by a start; those of a leak all do."""
    values = [190.0 + at % 8 * 60 for at in range(POINTS)]
    starts = [float(sum(at >= end for end in ((8, 16, 24, 32) if is_leak else (ends,)))) for at in range(POINTS)]
    rows = system([values]) + [
        row | {"instance": "stock-0"} for row in series("stock", "k8s.container.restarts", starts)
    ]
    assert len(look("metrics.leak", {"metrics": rows})[0]) == is_leak


@pytest.mark.parametrize("grows", [True, False])
def test_memory_that_grows_as_the_requests_do_is_load(grows: bool, look: Look) -> None:
    asked = [value / 10 for value in (line(15, step=12) if grows else FLAT)]
    rows = system([line(15)] * 2) + series("stock", "http.server.requests_per_second", asked)
    assert len(look("metrics.leak", {"metrics": rows})[0]) == (not grows)


PAUSES = [at + 10.0 * max(0, at - 25) for at in range(POINTS)]
MORE = {
    "nothing": ([], ""),
    "far from its limit": (series("stock", "container.memory.limit", [2000.0] * POINTS), ""),
    "near its limit": (series("stock", "container.memory.limit", [420.0] * POINTS), "limit"),
    "longer collections": (series("stock", "jvm.gc.duration_seconds_total", PAUSES, kind="sum"), "pauses"),
    "as many collections as ever": (
        series("stock", "jvm.gc.duration_seconds_total", [float(at) for at in range(POINTS)], kind="sum"),
        "",
    ),
    "what collections leave": (series("stock", "jvm.memory.used_after_last_gc", line(15)), "collections"),
}


@pytest.mark.parametrize("name", MORE)
def test_what_makes_growth_harmful_is_told_beside_it(name: str, look: Look) -> None:
    more, presses = MORE[name]
    rows = system([line(15)] * 2) + [row | {"instance": f"stock-{number}"} for number in (0, 1) for row in more]
    (finding,), _ = look("metrics.leak", {"metrics": rows})
    assert finding.facts["presses"] == presses


def test_a_limit_whose_resource_a_label_names_is_one_of_it(look: Look) -> None:
    limits = [
        row | {"instance": f"stock-{number}", "attributes": {"resource": resource}}
        for number in (0, 1)
        for resource, value in (("memory", 420.0), ("cpu", 2.0))
        for row in series("stock", "kube_pod_container_resource_limits", [value] * POINTS)
    ]
    (finding,), _ = look("metrics.leak", {"metrics": system([line(15)] * 2) + limits})
    assert finding.facts["presses"] == "limit"
