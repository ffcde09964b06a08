"""Metrics that no service says are its own find their owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.store import CaseStore, CaseWriter, open_case

Build = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]


def metric(name: str, instance: str = "", host: str = "", service: str = "", **resource: str) -> dict[str, Any]:
    return {
        "time_ns": 1,
        "service": service,
        "instance": instance,
        "host": host,
        "name": name,
        "value": 1.0,
        "resource": {key.replace("__", "."): value for key, value in resource.items()},
        "source_id": 1,
    }


def span(service: str, instance: str, host: str) -> dict[str, Any]:
    row = {"trace_id": "t", "span_id": "s", "service": service, "instance": instance, "host": host, "name": "GET"}
    return {**row, "start_ns": 1, "duration_ns": 1, "source_id": 1}


SPANS = [span("cartService", "cart-7f9-abc", "cart-7f9-abc"), span("users", "", "users-0")]


@pytest.mark.parametrize(
    ("told", "owner"),
    [
        (metric("memory", instance="cart-7f9-abc"), "cartService"),
        (metric("memory", instance="users-0"), "users"),
        (metric("memory", instance="cartservice-5d8-xyz"), "cartService"),
        (metric("memory", k8s__deployment__name="cartservice"), "cartService"),
        (metric("memory", k8s__deployment__name="mailer"), "mailer"),
        (metric("cpu", host="orders-db"), "orders-db"),
        (metric("cpu", host="orders-db", service="mine"), "mine"),
        (metric("cpu", service="cart-7f9-abc"), "cartService"),
        (metric("cpu", service="users-1"), "users"),
        (metric("cpu", service="users-db"), "users-db"),
        (metric("lag"), ""),
    ],
    ids=[
        "its pod",
        "a pod is its own host",
        "named for it",
        "its workload",
        "another workload",
        "a machine",
        "own",
        "a column's name is its pod's",
        "a column's name is a copy's",
        "a column's name is another's",
        "?",
    ],
)
def test_a_metric_is_of_who_runs_where_it_was_taken(told: dict[str, Any], owner: str, build_case: Build) -> None:
    with build_case({"spans": SPANS, "metrics": [told]}) as store:
        assert [row["service"] for row in store.query("SELECT service FROM metrics")] == [owner]


def test_a_node_that_others_run_on_is_nobodys_machine(build_case: Build) -> None:
    pod = metric("memory", instance="cart-7f9-abc", host="n1", k8s__node__name="n1")
    with build_case({"spans": SPANS, "metrics": [pod, metric("cpu", host="n1")]}) as store:
        rows = store.query("SELECT name, service FROM metrics ORDER BY name")
    assert [(row["name"], row["service"]) for row in rows] == [("cpu", ""), ("memory", "cartService")]


def test_columns_named_for_copies_and_hosts_are_told_apart(build_case: Build) -> None:
    told = [metric("memory", service=name) for name in ("users-0", "users-7c5d9f8b6-x2vqz", "n1", "mailer")]
    spans = [span("users", "users-0", "n1"), span("cart", "cart-0", "n1")]
    with build_case({"spans": spans, "metrics": told}) as store:
        rows = store.query("SELECT service, instance, host FROM metrics ORDER BY service, instance")
    assert [(row["service"], row["instance"], row["host"]) for row in rows] == [
        ("", "", "n1"),
        ("mailer", "", ""),
        ("users", "users-0", ""),
        ("users", "users-7c5d9f8b6-x2vqz", ""),
    ]


def test_a_node_is_of_none_of_the_pods_on_it_whatever_their_hosts_are_called(build_case: Build) -> None:
    spans = [span("users", "users-0", "n1"), {**span("cart", "cart-0", "cart-0"), "resource": {"k8s.node.name": "n1"}}]
    with build_case({"spans": spans, "metrics": [metric("cpu", host="n1")]}) as store:
        assert [row["service"] for row in store.query("SELECT service FROM metrics")] == [""]


@pytest.mark.parametrize(
    ("name", "service", "instance"),
    [
        ("cart-7f9-abc", "cartService", "cart-7f9-abc"),
        ("users-7c5d9f8b6-x2vqz", "users", "users-7c5d9f8b6-x2vqz"),
        ("users", "users", ""),
        ("users-db", "users-db", ""),
        ("mailer", "mailer", ""),
    ],
    ids=["a pod that spans name", "named like one", "a service", "another", "unknown"],
)
def test_a_log_that_is_called_after_a_pod_is_of_its_service(
    name: str, service: str, instance: str, build_case: Build
) -> None:
    log = {"time_ns": 1, "service": name, "body": "failed", "source_id": 1}
    with build_case({"spans": SPANS, "logs": [log]}) as store:
        assert store.query("SELECT service, instance FROM logs") == [{"service": service, "instance": instance}]


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("orders-db.postgresql", "orders-db"),
        ("postgresql-orders-db", "orders-db"),
        ("orders-db.slow.log", "orders-db"),
        ("orders-db-proxy", "orders-db-proxy"),
        ("my-orders-db", "my-orders-db"),
    ],
)
def test_a_log_that_is_called_after_a_server_that_is_called_is_its_own(
    name: str, service: str, build_case: Build
) -> None:
    call = {**SPANS[0], "kind": "client", "attributes": {"server.address": "orders-db"}}
    log = {"time_ns": 1, "service": name, "body": "checkpoint", "source_id": 1}
    with build_case({"spans": [*SPANS, call], "logs": [log]}) as store:
        assert store.query("SELECT service FROM logs") == [{"service": service}]


def from_files(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Write a metric without a service from each file, and read back whose it is."""
    with CaseWriter(folder) as writer:
        for number, name in enumerate(names, 1):
            writer.add_source(Source(number, name, name, "metrics-csv", "metrics"))
        writer.rows("spans", SPANS)
        writer.rows("metrics", [{**metric("cpu"), "source_id": number} for number, _ in enumerate(names, 1)])
        writer.commit(CaseInfo("files"))
    with open_case(folder) as store:
        rows = store.query("SELECT source_id, service FROM metrics ORDER BY source_id")
    return {names[row["source_id"] - 1]: row["service"] for row in rows}


def test_files_beside_each_other_are_named_for_whom_they_measure(tmp_path: Path) -> None:
    names = ["metrics/cartservice.csv", "metrics/users.csv", "metrics/broker.csv", "all.csv"]
    assert from_files(tmp_path / "case", names) == dict(zip(names, ("cartService", "users", "broker", ""), strict=True))


def test_one_file_that_is_called_like_a_service_may_hold_anything(tmp_path: Path) -> None:
    names = ["metrics/users.csv", "metrics/cpu.csv"]
    assert set(from_files(tmp_path / "case", names).values()) == {""}
