"""`metrics.saturation` and `metrics.service_level`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_MS, NS_PER_S
from scenery import START_NS, System, series

Look = Callable[..., Any]
CALM = [20.0 + place * 7 % 5 for place in range(40)]


def steps(level: float, points: int = 6) -> list[float]:
    return [*CALM, *(level + place % 3 for place in range(points))]


def test_a_resource_at_its_limit_is_told(look: Look) -> None:
    (finding,), _ = look("metrics.saturation", {"metrics": series("stock", "cpu_usage_percent", steps(96))})
    assert (finding.service, finding.mechanism, finding.resource) == ("stock", "cpu_saturation", "cpu_usage_percent")
    assert finding.severity > 0.95
    assert finding.window.start_ns == START_NS + (120 - 5 * 60) * NS_PER_S


def test_the_share_is_told_rather_than_the_amount(look: Look) -> None:
    amount = [10 * value for value in steps(96)]
    rows = series("stock", "cpu_millicores", amount) + series("stock", "cpu_usage_percent", steps(96))
    (finding,), _ = look("metrics.saturation", {"metrics": rows})
    assert finding.resource == "cpu_usage_percent"
    assert finding.facts["metrics"] == ("cpu_millicores", "cpu_usage_percent")


def test_a_limit_beside_it_gives_an_amount_its_share(look: Look) -> None:
    rows = series("stock", "memory_rss_mb", steps(190)) + series("stock", "memory_limit_mb", [200.0] * 46)
    (finding,), _ = look("metrics.saturation", {"metrics": rows})
    assert finding.mechanism == "memory_saturation"
    assert finding.facts["share_of_limit"] == pytest.approx(0.96, abs=0.01)


def test_what_is_left_of_a_resource_is_no_share_of_its_use(look: Look) -> None:
    left = [0.05] * 40 + [0.01] * 6
    rows = series("stock", "disk_busy", [0.01 * v for v in steps(96)]) + series("stock", "fs_free_ratio", left)
    (finding,), _ = look("metrics.saturation", {"metrics": rows})
    assert (finding.mechanism, finding.resource) == ("disk_saturation", "disk_busy")


def test_a_limit_that_fell_onto_what_is_used_is_told(look: Look) -> None:
    rows = series("stock", "db_pool_in_use", CALM) + series("stock", "db_pool_max_conns", [100.0] * 30 + [22.0] * 10)
    (finding,), _ = look("metrics.saturation", {"metrics": rows})
    assert (finding.mechanism, finding.resource) == ("connection_pool_exhausted", "db_pool_max_conns")
    assert "fell from 100 to 22" in finding.summary


def test_steady_growth_of_memory_is_left_to_who_looks_for_leaks(look: Look) -> None:
    rows = series("stock", "process_memory_rss", [100 + 4.0 * place + place % 3 for place in range(60)])
    (finding,), _ = look("metrics.leak", {"metrics": rows})
    assert finding.mechanism == "memory_leak"
    assert not look("metrics.saturation", {"metrics": rows})[0]


@pytest.mark.parametrize(("growth", "told"), [(2.2, False), (1.0, True)], ids=["with its requests", "on its own"])
def test_connections_that_grow_as_the_day_does_are_told_unless_requests_do_too(
    growth: float, told: bool, look: Look
) -> None:
    used = [float(round(4 + 8 * place / 100)) for place in range(101)]
    asked = [10 * (1 + (growth - 1) * place / 100) + place % 2 for place in range(101)]
    rows = series("stock", "db_connections_used", used) + series("stock", "requests_per_second", asked)
    findings, _ = look("metrics.saturation", {"metrics": rows})
    assert bool(findings) == told


@pytest.mark.parametrize(
    ("name", "mechanism"),
    [
        ("nodejs_eventloop_lag_seconds", "cpu_saturation"),
        ("disk_queue_length", "disk_saturation"),
        ("consumer_lag", "message_backlog"),
        ("node_cpu_steal_percent", "noisy_neighbour"),
        ("node_disk_io_time_percent", "disk_saturation"),
    ],
)
def test_what_is_late_or_queues_is_told_by_what_it_waits_for(name: str, mechanism: str, look: Look) -> None:
    (finding,), _ = look("metrics.saturation", {"metrics": series("stock", name, [0.2 * v for v in steps(400)])})
    assert finding.mechanism == mechanism


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("cpu_usage_percent", CALM, id="nothing"),
        pytest.param("cpu_usage_percent", steps(40), id="half of it still free"),
        pytest.param("cpu_usage_percent", [*CALM, 99, *CALM], id="one spike"),
        pytest.param("cpu_usage_percent", [30 + 0.3 * place + place % 3 for place in range(100)], id="a day's load"),
        pytest.param("node_cpu_percent", steps(99), id="of the whole host"),
        pytest.param("node_cpu_steal_percent", [0.1 * value for value in steps(60)], id="hardly taken from it"),
        pytest.param("cpu_usage_percent", steps(2), id="less use"),
        pytest.param("cpu_seconds_total", [float(place) for place in range(60)], id="a counter that counts"),
    ],
)
def test_saturation_stays_silent(name: str, values: list[float], look: Look) -> None:
    kind = "sum" if name.endswith("_total") else "gauge"
    rows = [*series("stock", name, values, kind=kind), *series("front", "memory_usage_percent", CALM)]
    findings, check = look("metrics.saturation", {"metrics": rows})
    assert (findings, check.verdict) == ((), "clear")


@pytest.mark.parametrize(
    ("name", "values", "mechanism"),
    [
        ("http_5xx_ratio", [0.002] * 40 + [0.5, 0.6, 0.55, 0.6], "exception"),
        ("success_rate_percent", [99.5] * 40 + [60.0] * 5, "exception"),
        ("http_server_duration_p99_ms", steps(400), "latency_regression"),
        ("requests_per_second", steps(200), "traffic_surge"),
        ("requests_per_second", steps(1), "dependency_outage"),
    ],
)
def test_service_levels_that_step_are_told(name: str, values: list[float], mechanism: str, look: Look) -> None:
    (finding,), _ = look("metrics.service_level", {"metrics": series("stock", name, values)})
    assert (finding.service, finding.mechanism, finding.resource) == ("stock", mechanism, name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("http_5xx_ratio", [0.002, 0.004, 0.003] * 12, id="noise near nothing"),
        pytest.param("http_server_duration_p99_ms", steps(25), id="a little slower"),
        pytest.param("requests_per_second", steps(32), id="a little more traffic"),
        pytest.param("http_5xx_ratio", [0.5] * 30 + [0.001] * 10, id="recovered"),
    ],
)
def test_service_levels_stay_silent(name: str, values: list[float], look: Look) -> None:
    findings, check = look("metrics.service_level", {"metrics": series("stock", name, values)})
    assert (findings, check.verdict) == ((), "clear")


def test_latency_metrics_are_heard_beside_a_sample_of_the_requests(look: Look) -> None:
    rows = series("stock", "http_server_duration_p99_ms", steps(400), step_s=1)
    (finding,), _ = look("metrics.service_level", dict(System().tables(metrics=rows)))
    assert finding.mechanism == "latency_regression"


@pytest.mark.parametrize(("late_ms", "told"), [(8.0, 0), (160.0, 1)], ids=["spans deny it", "spans show it"])
def test_a_rise_of_latency_that_a_service_s_own_spans_deny_is_silent(late_ms: float, told: int, look: Look) -> None:
    rows = series("stock", "http_server_duration_p99_ms", steps(400, points=20), step_s=1)
    first_ns, calm = int(str(rows[0]["time_ns"])), 2 * (len(rows) - 20)
    spans = [
        {"trace_id": f"t{number}", "span_id": f"s{number}", "service": "stock", "name": "GET /", "kind": "server",
         "start_ns": first_ns + number * NS_PER_S // 2, "source_id": 1, "line": number + 1,
         "duration_ns": round((late_ms if number >= calm else 8.0) * NS_PER_MS * (1 + number % 5 / 10))}
        for number in range(2 * len(rows))
    ]  # fmt: skip
    findings, _ = look("metrics.service_level", {"metrics": rows, "spans": spans})
    assert len(findings) == told


def test_latency_metrics_yield_to_spans_where_there_are_many(look: Look) -> None:
    rows = series("stock", "http_server_duration_p99_ms", steps(400))
    findings, check = look("metrics.service_level", dict(System().tables(metrics=rows)))
    assert findings == ()
    assert check.verdict == "skipped"
