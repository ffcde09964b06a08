"""What logs say outright of a mechanism, whatever their level."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from scenery import CALM, START_NS, System

MODULE = "logs.told_outright"
Look = Callable[..., Any]
NEW = range(70, 120, 4)
A_B = "w-{n} BLOCKED on lockA, owned by w-1 which waits for lockB"
B_A = "w-{n} BLOCKED on lockB, owned by w-2 which waits for lockA"


def saying(texts: Iterable[str], at_s: Iterable[int], service: str = "stock", level: str = "warn") -> dict[str, Any]:
    """Requests as ever, and records of a service beside them, their texts in turn."""
    tables = dict(System(CALM).tables())
    texts = tuple(texts)
    template = tables["logs"][0]
    extra = [
        {
            **template,
            "trace_id": "",
            "span_id": "",
            "line": 5000 + number,
            "shape": 9000 + number % len(texts),
            "time_ns": START_NS + at * NS_PER_S,
            "service": service,
            "severity": level,
            "body": texts[number % len(texts)].format(n=number),
        }
        for number, at in enumerate(at_s)
    ]
    return {**tables, "logs": [*tables["logs"], *extra]}


@pytest.mark.parametrize("level", ["info", "warn", "error"])
def test_what_is_said_from_some_moment_on_is_told_whatever_its_level(level: str, look: Look) -> None:
    (finding,), _ = look(MODULE, saying(["seat {n} sold twice"], NEW, level=level))
    assert (finding.service, finding.mechanism) == ("stock", "race_condition")
    assert finding.window.start_ns == START_NS + 70 * NS_PER_S


@pytest.mark.parametrize(
    "texts", [[A_B, B_A], [A_B, B_A.replace("lockA", "lockC"), A_B.replace("lockA", "lockC").replace("lockB", "lockA")]]
)
def test_locks_that_are_waited_for_in_a_circle_are_a_deadlock(texts: list[str], look: Look) -> None:
    (finding,), _ = look(MODULE, saying(texts, NEW))
    assert finding.mechanism == "deadlock"


def test_who_waits_in_a_circle_is_told_of_once_and_for_good(look: Look) -> None:
    (finding,), _ = look(MODULE, saying([A_B, A_B, B_A, A_B], [20, 70, 72, 75]))
    assert (finding.mechanism, finding.facts["records"]) == ("deadlock", 3)
    assert finding.window.start_ns == START_NS + 70 * NS_PER_S


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param(saying([A_B, B_A], range(0, 120, 4)), id="circles as ever"),
        pytest.param(saying(["seat {n} sold twice"], range(0, 120, 4)), id="as ever"),
        pytest.param(saying(["seat {n} sold twice"], [70, 72]), id="too few"),
        pytest.param(saying(["seat {n} sold twice, second sale ignored"], NEW), id="noticed in time"),
        pytest.param(saying([A_B, B_A.replace("lockA", "lockC")], NEW), id="a chain of waits is no circle"),
        pytest.param(saying(["pod mailer-x2: OOMKilled"], NEW, service="kubelet"), id="nobody's"),
    ],
)
def test_it_stays_silent(tables: dict[str, Any], look: Look) -> None:
    findings, check = look(MODULE, tables)
    assert (findings, check.verdict) == ((), "clear")


def test_the_platform_speaks_of_the_service_whose_pod_it_names(look: Look) -> None:
    (finding,), _ = look(MODULE, saying(["pod stock-5d-x2: OOMKilled"], NEW, service="kubelet"))
    assert (finding.service, finding.mechanism) == ("stock", "memory_saturation")


@pytest.mark.parametrize(("source", "service"), [("stock", "stock"), ("cache", "orders")])
def test_a_wrong_result_is_of_whom_it_comes_from_where_that_is_told(source: str, service: str, look: Look) -> None:
    text = f"total differs: {source} says 12.5, recomputed 13.0"
    (finding,), _ = look(MODULE, saying([text], NEW, service="orders"))
    assert (finding.service, finding.mechanism) == (service, "wrong_result")


def test_who_repeats_what_one_further_down_says_is_not_told(look: Look) -> None:
    below, above = saying(["seat {n} sold twice"], NEW), saying(["seat {n} sold twice"], NEW, service="orders")
    more = [{**row, "line": row["line"] + 1000} for row in above["logs"] if row["line"] >= 5000]
    (finding,), _ = look(MODULE, {**below, "logs": [*below["logs"], *more]})
    assert finding.service == "stock"
