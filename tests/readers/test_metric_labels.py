"""Labels of metric series, who they say was measured, and columns that form a grid."""

from __future__ import annotations

import pytest

from deep_code_reasoning.readers.metric_grid import split_grid
from deep_code_reasoning.readers.metric_labels import is_exporters, parse_labels, who_measured, workload_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ('a="1",b="x, y"', {"a": "1", "b": "x, y"}),
        ('{a="1", b="2",}', {"a": "1", "b": "2"}),
        ("a=1;b.c=2", {"a": "1", "b.c": "2"}),
        (r'path="C:\\x\"y\"",t="a\nb"', {"path": 'C:\\x"y"', "t": "a\nb"}),
        ('{"a": 1, "b": "x"}', {"a": "1", "b": "x"}),
        ("nothing", None),
        ('a="open', None),
        ("{[]}", None),
    ],
)
def test_labels_are_read_from_every_form(text: str, expected: dict[str, str] | None) -> None:
    assert parse_labels(text) == expected


@pytest.mark.parametrize(
    ("labels", "service", "instance", "host"),
    [
        ({"service": "cart", "job": "kubelet", "pod": "cart-0"}, "cart", "cart-0", ""),
        ({"service_name": "cart", "service": "metrics"}, "cart", "", ""),
        ({"app": "pay", "pod": "x-1", "node": "n1"}, "pay", "x-1", "n1"),
        ({"app.kubernetes.io/name": "pay"}, "pay", "", ""),
        ({"job": "shop/cart", "instance": "10.0.0.1:80"}, "cart", "10.0.0.1:80", ""),
        ({"job": "cart", "pod": "cart-7d4b9c6f5d-x2x9k"}, "cart", "cart-7d4b9c6f5d-x2x9k", ""),
        ({"job": "kubelet", "container": "cart", "pod": "web-7d4b9c6f5d-x2x9k"}, "cart", "web-7d4b9c6f5d-x2x9k", ""),
        ({"job": "kubelet", "container": "POD", "pod": "web-7d4b9c6f5d-x2x9k"}, "web", "web-7d4b9c6f5d-x2x9k", ""),
        ({"job": "node", "instance": "n1:9100", "nodename": "n1"}, "", "", "n1"),
        ({"job": "node-exporter", "instance": "n1.lan:9100", "device": "sda"}, "", "", "n1.lan"),
        (
            {"service": "node-exporter", "pod": "node-exporter-x2x9k", "node": "n1", "instance": "10.0.0.1:9100"},
            "",
            "",
            "n1",
        ),
        ({"job": "postgres-exporter", "instance": "orders-db:9187"}, "", "", "orders-db"),
        ({"job": "postgres", "instance": "orders-db:9187"}, "", "", "orders-db"),
        ({"job": "postgres", "instance": "orders-db:8080"}, "postgres", "orders-db:8080", ""),
        ({"job": "redis_exporter", "instance": "redis://cache-0:6379"}, "", "", "cache-0"),
        ({"job": "mysqld-exporter", "pod": "shop-db-0", "container": "exporter"}, "shop-db", "shop-db-0", ""),
        ({"job": "kafka-exporter", "instance": "kafka-exporter:9308"}, "kafka-exporter", "kafka-exporter:9308", ""),
        ({"job": "kube-state-metrics", "node": "n1", "condition": "Ready"}, "", "", "n1"),
        (
            {"job": "kubelet", "container": "node-exporter", "pod": "node-exporter-x2x9k", "node": "n1"},
            "node-exporter",
            "node-exporter-x2x9k",
            "n1",
        ),
        ({"service": " "}, "", "", ""),
        ({}, "", "", ""),
    ],
)
def test_labels_say_who_was_measured(labels: dict[str, str], service: str, instance: str, host: str) -> None:
    assert who_measured(labels) == {"service": service, "instance": instance, "host": host}


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("cart-7d4b9c6f5d-x2x9k", "cart"),
        ("ts-order-service-6c9d8b7f5-zbcdf", "ts-order-service"),
        ("kafka-0", "kafka"),
        ("fluentd-x2x9k", "fluentd"),
        ("checkout", "checkout"),
        ("api-gateway", "api-gateway"),
        ("", ""),
    ],
)
def test_a_pod_is_of_a_workload(pod: str, workload: str) -> None:
    assert workload_of(pod) == workload


def test_columns_of_owners_by_measures_are_a_grid() -> None:
    names = ["front-end_cpu", "front-end_mem", "orders_cpu", "orders_mem", "orders_latency-90", "front-end_latency-90"]
    assert split_grid(names) == {
        "front-end_cpu": ("front-end", "cpu"),
        "front-end_mem": ("front-end", "mem"),
        "orders_cpu": ("orders", "cpu"),
        "orders_mem": ("orders", "mem"),
        "orders_latency-90": ("orders", "latency-90"),
        "front-end_latency-90": ("front-end", "latency-90"),
    }


def test_an_owner_may_have_the_separator_in_its_name() -> None:
    hosts = [f"n{number}.corp.example.{measure}" for number in (1, 2) for measure in ("node_cpu", "disk_used")]
    names = [*hosts, "cart.rps", "cart.restarts", "users.rps", "users.restarts"]
    assert split_grid(names)["n1.corp.example.disk_used"] == ("n1.corp.example", "disk_used")


def test_a_column_beside_the_grid_has_no_owner() -> None:
    names = ["a.x", "a.y", "b.x", "b.y", "c.x", "c.y", "total"]
    assert split_grid(names)["total"] == ("", "total")


@pytest.mark.parametrize(
    "names",
    [
        ["cpu_user", "cpu_system", "memory_user", "memory_system"],
        ["requests_total", "errors_total", "latency_p99"],
        ["cpu", "mem"],
        ["a_x", "b_x"],
        [],
    ],
)
def test_measures_alone_are_no_grid(names: list[str]) -> None:
    assert split_grid(names) == {}


@pytest.mark.parametrize(
    ("metric", "labels", "expected"),
    [
        ("node_cpu_seconds_total", {"instance": "n1:9100", "mode": "idle"}, ("", "n1")),
        ("pg_up", {"instance": "orders-db"}, ("", "orders-db")),
        ("nodejs_eventloop_lag_seconds", {"instance": "n1:9100"}, ("n1:9100", "")),
        ("node_load1", {"instance": "n1:9100", "pod": "web-0"}, ("web-0", "")),
    ],
)
def test_what_an_exporter_alone_measures_is_of_the_host_at_its_instance(
    metric: str, labels: dict[str, str], expected: tuple[str, str]
) -> None:
    who = who_measured(labels, is_exporters(metric))
    assert (who["instance"], who["host"]) == expected
