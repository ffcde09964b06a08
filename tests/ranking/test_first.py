"""Who fails first where a store, a queue or a link is what everybody stands on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.domain.cause import Cause, ChangeRef
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.ranking.first import with_first_service
from deep_code_reasoning.store import CaseStore

BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]

CALLS = {("shop", "orders"): 9, ("orders", "orders-db"): 9, ("shop", "prices"): 9}


def spans(*services: str) -> list[dict[str, Any]]:
    return [
        {
            "service": name,
            "name": "work",
            "trace_id": f"{n:032x}",
            "span_id": f"{n:016x}",
            "start_ns": n,
            "source_id": 1,
        }
        for n, name in enumerate(services, start=1)
    ]


def metrics(service: str, *names: str) -> list[dict[str, Any]]:
    return [{"service": service, "name": name, "time_ns": NS_PER_S, "value": 1.0, "source_id": 1} for name in names]


def first_of(
    build_case: BuildCase, first: str, radius: tuple[str, ...], change: str = "", **rows: list[dict[str, Any]]
) -> tuple[str | None, tuple[str, ...]]:
    windows = Windows(Window(0, 100), Window(100, 200), 100, Window(100, 101), None, "", True)
    told = ChangeRef("commit", change) if change else None
    cause = Cause(
        1, "lock_contention", first, 0.9, "slow", change=told, first_failing_service=first, blast_radius=radius
    )
    traced = {"spans": spans("shop", "orders", "orders-db", "prices")}
    with build_case(traced | rows) as store:
        found = with_first_service(Scene(store, windows, ServiceGraph((), CALLS)), cause)
    assert found.service == first  # where it lies is told as before
    return found.first_failing_service, found.blast_radius


def test_of_a_store_the_nearest_that_uses_it_fails_first(build_case: BuildCase) -> None:
    assert first_of(build_case, "orders-db", ("shop", "orders")) == ("orders", ("shop",))


def test_a_service_that_others_call_stays_the_first(build_case: BuildCase) -> None:
    assert first_of(build_case, "prices", ("shop",)) == ("prices", ("shop",))


@pytest.mark.parametrize(("where", "first"), [("orders-db", "orders-db"), ("orders", "orders")])
def test_a_store_that_was_itself_changed_is_what_failed(where: str, first: str, build_case: BuildCase) -> None:
    rows = [
        {"kind": "commit", "id": "abc1234", "commit_sha": "abc1234", "diff": "", "files": ["a.tf"]},
        {"kind": "deploy", "id": "d1", "commit_sha": "abc1234", "service": where},
    ]
    changes = [row | {"time_ns": 50, "source_id": 1} for row in rows]
    assert first_of(build_case, "orders-db", ("shop", "orders"), "abc1234", changes=changes)[0] == first


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (("queue_length_mail", "queue_length_post"), "orders"),
        (("queue_length_mail", "requests_per_sec"), "mails"),  # it is asked for something
    ],
)
def test_what_is_measured_alone_and_asked_for_nothing_is_no_service(
    names: tuple[str, ...], first: str, build_case: BuildCase
) -> None:
    assert first_of(build_case, "mails", ("orders",), metrics=metrics("mails", *names))[0] == first


def test_what_crosses_a_link_that_loses_packets_fails_and_the_link_is_no_victim(build_case: BuildCase) -> None:
    lost = metrics("transit", "packet_loss_ratio", "rtt_ms")
    assert first_of(build_case, "transit", ("prices", "orders"), metrics=lost) == ("prices", ("orders",))
    assert first_of(build_case, "prices", ("transit", "orders"), metrics=lost) == ("prices", ("orders",))
    served = metrics("transit", "packet_loss_ratio", "http_5xx_ratio")
    assert first_of(build_case, "transit", ("prices",), metrics=served) == ("transit", ("prices",))
