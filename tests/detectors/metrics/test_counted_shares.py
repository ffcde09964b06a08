"""What exporters count of hosts and servers, made into shares of what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_S
from scenery import START_NS, Row

Look = Callable[..., Any]
POINTS, EVERY_S = 60, 15
BEFORE = 40
GB = 2.0**30


def told(name: str, values: list[float], host: str = "orders-db", kind: str = "gauge", **labels: str) -> list[Row]:
    return [
        {
            "time_ns": START_NS + at * EVERY_S * NS_PER_S,
            "host": host,
            "name": name,
            "kind": kind,
            "value": value,
            "attributes": labels,
            "source_id": 1,
            "line": at + 1,
        }
        for at, value in enumerate(values)
    ]


def becomes(before: float, after: float) -> list[float]:
    return [(before if at < BEFORE else after) * (1 + at % 3 / 100) for at in range(POINTS)]


def counted(name: str, before: float, after: float, **labels: str) -> list[Row]:
    """A counter that grows by so much a second."""
    return told(name, list(accumulate(EVERY_S * value for value in becomes(before, after))), kind="sum", **labels)


def processor(modes: Mapping[str, tuple[float, float]], **labels: str) -> list[Row]:
    return [
        row for mode, ends in modes.items() for row in counted("node_cpu_seconds_total", *ends, mode=mode, **labels)
    ]


def space(before: float, after: float, kind: str = "ext4") -> list[Row]:
    size, labels = 100 * GB, {"mountpoint": "/", "fstype": kind}
    left = [size * value for value in becomes(before, after)]
    return told("node_filesystem_avail_bytes", left, **labels) + told(
        "node_filesystem_size_bytes", [size] * POINTS, **labels
    )


def connections(before: float, after: float) -> list[Row]:
    used = told("pg_stat_database_numbackends", becomes(before / 2, after / 2), datname="a")
    used += told("pg_stat_database_numbackends", becomes(before / 2, after / 2), datname="b")
    return used + told("pg_settings_max_connections", [100.0] * POINTS)


@pytest.mark.parametrize(
    ("rows", "mechanism"),
    [
        (processor({"user": (0.3, 0.97), "idle": (0.7, 0.02)}), "cpu_saturation"),
        (processor({"user": (0.3, 0.3), "idle": (0.7, 0.1), "iowait": (0.01, 0.6)}), ""),
        (counted("node_disk_io_time_seconds_total", 0.3, 0.97, device="sda"), "disk_saturation"),
        (counted("node_disk_io_time_seconds_total", 0.3, 0.45, device="sda"), ""),
        (space(0.1, 0.0), "disk_saturation"),
        (space(0.4, 0.15), ""),
        (space(0.4, 0.0, kind="squashfs"), ""),
        (connections(40, 99), "connection_pool_exhausted"),
        (connections(40, 70), ""),
    ],
    ids=["busy", "waits for its disk", "disk", "half of it", "full", "fuller", "an image", "connections", "some more"],
)
def test_a_server_is_short_of_what_its_exporter_counts(rows: list[Row], mechanism: str, look: Look) -> None:
    findings, _ = look("metrics.saturation", {"metrics": rows})
    assert [f.mechanism for f in findings] == [mechanism] * bool(mechanism)
    for finding in findings:
        assert finding.service == "orders-db"
        assert finding.facts["share_of_limit"] > 0.95
