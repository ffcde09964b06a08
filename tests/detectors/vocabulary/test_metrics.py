"""What a metric is about, and of what its moves speak, by the words of its name."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.vocabulary.metrics import kind_of_shift, meaning


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
        ("sql_queries_per_request", "fanout"),
        ("db.calls.per.page", "fanout"),
        ("queries_per_second", "traffic"),
        ("http_5xx_ratio", "errors"),
        ("container_oom_killed_total", "oom"),
        ("requestSuccessRate", "success"),
        ("kafka.consumer.lag", "queue"),
        ("tls_cert_seconds_until_expiry", "certificate"),
        ("rpc_server_cancelled_rate", ""),
        ("answer_to_everything", ""),
        ("ws_disconnect_rate", "errors"),
        ("transactions_rolled_back_ratio", "errors"),
        ("events_published_per_sec", "traffic"),
        ("rows_imported_per_min", "traffic"),
        ("cached_requests_ratio", ""),
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


@pytest.mark.parametrize("part", [".count", ".sum", "_count", "_sum", "_bucket", "_total"])
def test_what_durations_add_up_to_is_no_slowness(part: str) -> None:
    assert kind_of_shift("http.server.request.duration.p99", rises=True, climbs=False) == "slow"
    assert kind_of_shift(f"http.server.request.duration{part}", rises=True, climbs=False) == ""


@pytest.mark.parametrize(
    ("name", "rises", "kind"),
    [
        ("container_oomkilled_total", True, "oom"),
        ("queueDepth", True, "backlog"),
        ("requests.inFlight", True, "worker_exhausted"),
        ("cpu0_usage", True, "cpu"),
        ("node_filesystem_used_percent", True, "disk_full"),
        ("node_filesystem_free_percent", True, ""),
        ("node_filesystem_free_bytes", False, "disk_full"),
        ("http_requests_per_second", True, "traffic_up"),
        ("http_requests_per_second", False, "volume_drop"),
        ("ws_disconnect_rate", True, "errors"),
        ("payments_declined_total", True, "errors"),
        ("transactions_rolled_back_ratio", True, "errors"),
        ("cached_requests_ratio", True, ""),
    ],
)
def test_a_move_speaks_by_the_names_words_and_its_direction(name: str, rises: bool, kind: str) -> None:
    assert kind_of_shift(name, rises, climbs=False) == kind


def test_memory_that_jumps_is_no_leak() -> None:
    assert kind_of_shift("heap_used_bytes", rises=True, climbs=True) == "memory_growth"
    assert kind_of_shift("heap_used_bytes", rises=True, climbs=False) == "memory_step"
