from __future__ import annotations

import random
from statistics import median

import pytest

from deep_code_reasoning.detectors.metrics.series import _running_costs, find_step
from deep_code_reasoning.detectors.metrics.vocabulary import meaning


@pytest.mark.parametrize("seed", range(5))
def test_running_costs_are_the_distances_to_the_median_of_each_prefix(seed: int) -> None:
    generator = random.Random(seed)
    values = [generator.choice([generator.gauss(0, 10), 5.0]) for _ in range(40)]
    expected = [sum(abs(v - median(values[: n + 1])) for v in values[: n + 1]) for n in range(len(values))]
    assert _running_costs(values) == pytest.approx(expected)


def test_a_step_is_found_where_it_is() -> None:
    step = find_step([5, 6, 5, 4, 5, 6, 5, 5, 50, 52, 49])
    assert step is not None
    assert (step.index, step.before, step.after) == (8, 5, 50)
    assert step.log_evidence > 5


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([5.0] * 20, id="constant"),
        pytest.param([5, 6, 5, 4, 5, 900, 6, 5, 5, 6, 4, 5], id="one spike"),
        pytest.param([5, 6, 4] * 8, id="noise"),
        pytest.param([1, 1, 90, 90], id="too short"),
    ],
)
def test_what_is_no_step_gives_no_evidence(values: list[float]) -> None:
    step = find_step(values)
    assert step is None or step.log_evidence < 0


def test_a_few_events_more_are_no_step() -> None:
    few = find_step([0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 2, 1])
    many = find_step([0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 7, 8, 11, 9])
    assert few is not None
    assert many is not None
    assert few.log_evidence < 0 < many.log_evidence


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CpuUsageRate(%)", "cpu"),
        ("container.memory.usage", "memory"),
        ("process_resident_memory_bytes", "memory"),
        ("db_pool_wait_seconds_p99", "pool"),
        ("dotnet.thread_pool.thread.count", "threads"),
        ("hikaricp_pool_threads_awaiting_connection", "pool"),
        ("http_server_duration_p99_ms", "latency"),
        ("http.server.request.duration.count", "traffic"),
        ("inflight_requests", "threads"),
        ("inflight_messages", "queue"),
        ("db.client.connections.pending_requests", "pool"),
        ("http_server_request_duration_seconds_sum", ""),
        ("http_request_duration_seconds_bucket", ""),
        ("request_duration_seconds_total", ""),
        ("http_requests_total", "traffic"),
        ("http_5xx_ratio", "errors"),
        ("container_oom_killed_total", "oom"),
        ("requestSuccessRate", "success"),
        ("kafka.consumer.lag", "queue"),
        ("tls_cert_seconds_until_expiry", "certificate"),
        ("rpc_server_cancelled_rate", ""),
        ("answer_to_everything", ""),
    ],
)
def test_a_metrics_words_tell_what_it_is_about(name: str, kind: str) -> None:
    assert meaning(name).kind == kind


def test_units_tell_shares_and_kinds_tell_counters() -> None:
    assert meaning("cpu.utilization", "1").ratio
    assert meaning("cpu", "%").percent
    assert meaning("db_pool_max_conns").limit
    assert not meaning("http_request_max_duration").limit
    assert meaning("requests", metric_kind="sum").counter
    assert meaning("NodeCpuUsageRate(%)").shared
