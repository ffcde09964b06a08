"""Databases and the like that run out of something, as they say themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from fleet import START_NS, Fleet

Look = Callable[..., Any]
FULL = 'could not extend file "base/1/2": No space left on device'
TABLE_FULL = "nf_conntrack: nf_conntrack: table full, dropping packet"
WAITS = "process 7 still waiting for ShareLock on transaction 9 after 1000.1 ms"


def tables(
    answer: str = "", since: int = 60, log: str = "", writer: str = "orders-db.postgresql", traced: bool = False
) -> dict[str, Any]:
    """Two minutes of requests to `shop` and `pay`, each of which asks `orders-db`; every other one fails in the end.

    `log` is what stands in a log beside them from the second minute on, in one that goes by the name `writer`.
    """
    fleet = Fleet()
    for at in range(120):
        for name in ("shop", "pay"):
            fails = at >= since and at % 2 and answer
            said = {"status": "error", "message": answer} if fails else {}
            trace, to = f"{name}{at}", {"server__address": "orders-db"}
            root = fleet.span(trace, "", name, "n1", "GET /", at * 1000.0, 9, "server")
            call = fleet.span(trace, root, name, "n1", "INSERT", at * 1000.0 + 1, 5, "client", **said, **to)
            if traced:
                fleet.span(trace, call, "orders-db", "n2", "INSERT", at * 1000.0 + 2, 3, "server")
    rows = [(at, "checkpoint complete") for at in range(0, 60, 7)] + [(at, log) for at in range(60, 120, 2) if log]
    logs = [
        {"time_ns": START_NS + at * NS_PER_S, "service": writer, "body": body, "source_id": 1, "line": line}
        for line, (at, body) in enumerate(rows)
    ]
    return {**fleet.tables(), "logs": logs}


@pytest.mark.parametrize(
    ("answer", "mechanism"),
    [
        (FULL, "disk_saturation"),
        ("FATAL: sorry, too many clients already", "connection_pool_exhausted"),
        ("Error 1040 (08004): Too many connections", "connection_pool_exhausted"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "memory_saturation"),
        ("NotEnoughReplicasException: fewer in-sync replicas than required", "infrastructure_fault"),
    ],
)
def test_what_a_server_answers_of_itself_is_told_of_it(answer: str, mechanism: str, look: Look) -> None:
    (finding,), _ = look("external.component_short", tables(answer))
    assert (finding.mechanism, finding.service, finding.resource) == (mechanism, "orders-db", "orders-db")
    assert finding.facts["callers"] == ("pay", "shop")
    assert finding.facts["misses_others"] == ("replicas" in answer)
    assert finding.confidence > 0.9


@pytest.mark.parametrize(
    "case",
    [
        tables(),
        tables("connection reset by peer"),
        tables(FULL, since=0),
        tables(FULL, traced=True),
        tables(log="checkpoint starting: time"),
    ],
    ids=["calm", "of nobody", "as ever", "it has spans", "as usual in its log"],
)
def test_what_is_no_news_or_says_nothing_of_the_server_is_silent(case: dict[str, Any], look: Look) -> None:
    assert not look("external.component_short", case)[0]


@pytest.mark.parametrize(
    ("log", "writer", "expected"),
    [
        (WAITS, "orders-db.postgresql", ("lock_contention", "orders-db", "orders-db")),
        (f"n1 kernel: {TABLE_FULL}", "", ("infrastructure_fault", "shop", "n1")),
    ],
    ids=["its own", "its kernel's"],
)
def test_a_log_of_its_own_tells_of_a_server_and_a_kernels_of_its_host(
    log: str, writer: str, expected: Sequence[str], look: Look
) -> None:
    (finding,), _ = look("external.component_short", tables(log=log, writer=writer))
    assert (finding.mechanism, finding.service, finding.resource) == tuple(expected)


def test_a_proxy_tells_which_of_the_servers_behind_it_it_does_not_reach_where_there_are_no_spans(look: Look) -> None:
    said = (
        "*7 connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.1.1, server: shop, "
    )
    said += 'request: "GET / HTTP/1.1", upstream: "http://10.0.3.7:8080/", host: "shop"'
    case = tables(log=said, writer="nginx")
    (finding,), _ = look("external.component_short", {"logs": case["logs"]})
    assert (finding.mechanism, finding.service) == ("dependency_outage", "10.0.3.7:8080")
    assert not look("external.component_short", case)[0]
