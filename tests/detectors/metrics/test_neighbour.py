"""A host that somebody unknown fills."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.domain.instant import NS_PER_MS, NS_PER_S
from scenery import START_NS, Row

Look = Callable[..., tuple[Sequence[Finding], Check]]


def sharing(host_busy: float = 0.98, own_busy: float = 0.3, there_ms: float = 90.0, elsewhere_ms: float = 30.0) -> Row:
    """`search` and `feed` with a copy on each of two hosts; after ten of twenty minutes the first host fills up."""
    spans: list[Row] = []
    metrics: list[Row] = []
    for minute in range(20):
        at, late = START_NS + minute * 60 * NS_PER_S, minute >= 10
        for host in ("n1", "n2"):
            full = late and host == "n1"
            cpu = (host_busy if full else 0.3) + 0.01 * (minute % 3)
            metrics.append(_point(at, "", "", host, "system.cpu.utilization", min(1.0, cpu), host))
            for service in ("search", "feed"):
                pod = f"{service}-{host}"
                used = (own_busy if full else 0.3) + 0.01 * (minute % 3)
                metrics.append(_point(at, service, pod, host, "container.cpu.utilization", used, host))
                for number in range(4):
                    ms = (there_ms if host == "n1" else elsewhere_ms) if late else 30.0
                    row = {"trace_id": f"{pod}{minute}{number}", "span_id": "1", "service": service, "instance": pod}
                    times = {"start_ns": at + number * NS_PER_S, "duration_ns": int(ms * NS_PER_MS)}
                    spans.append({**row, **times, "name": "GET /", "kind": "server", "source_id": 1})
    return {"spans": spans, "metrics": metrics}


def calling(slow_ms: float) -> Row:
    """`shop`, with a copy on each of the hosts of `sharing`, works for 2 ms and waits for `search` on the full one."""
    tables = sharing(there_ms=slow_ms)
    for server in [row for row in tables["spans"] if row["service"] == "search"]:
        for host in ("n1", "n2"):
            trace, full = f"{server['trace_id']}-{host}", host == "n1" and server["duration_ns"] > 30 * NS_PER_MS
            own = int((2 * slow_ms / 30 if full else 2) * NS_PER_MS)
            about = {"trace_id": trace, "start_ns": server["start_ns"], "source_id": 1}
            shop = {**about, "service": "shop", "instance": f"shop-{host}"}
            call = {"span_id": "2", "parent_span_id": "1", "name": "call search", "kind": "client"}
            whole = server["duration_ns"] + own
            tables["spans"] += [
                {**shop, "span_id": "1", "duration_ns": whole, "name": "GET /shop", "kind": "server"},
                {**shop, **call, "duration_ns": server["duration_ns"]},
                {**server, **about, "span_id": "3", "parent_span_id": "2"},
            ]
    for row in [row for row in tables["metrics"] if row["service"] == "search"]:
        tables["metrics"].append({**row, "service": "shop", "instance": f"shop-{row['host']}"})
    return tables


def _point(at: int, service: str, instance: str, host: str, name: str, value: float, node: str) -> Row:
    who = {"service": service, "instance": instance, "host": host, "resource": {"k8s.node.name": node}}
    return {**who, "time_ns": at, "name": name, "kind": "gauge", "unit": "1", "value": value, "source_id": 1}


def test_a_host_that_fills_up_and_slows_all_who_are_on_it_has_a_noisy_neighbour(look: Look) -> None:
    (finding,), _ = look("metrics.neighbour", sharing())
    assert (finding.mechanism, finding.resource) == ("noisy_neighbour", "n1")
    assert finding.facts["services"] == ("feed", "search")


def test_who_waits_for_a_service_on_the_full_host_is_not_slow_elsewhere_for_that(look: Look) -> None:
    (finding,), _ = look("metrics.neighbour", calling(90.0))
    assert finding.facts["services"] == ("feed", "search", "shop")
    assert finding.facts["slower"] == 3.0
    assert "elsewhere 1.0" in finding.summary


def test_a_program_that_was_busier_hours_ago_does_not_fill_a_host_now(look: Look) -> None:
    tables = sharing(own_busy=0.3)
    for row in tables["metrics"]:
        if row["service"] == "feed" and row["time_ns"] < START_NS + 4 * 60 * NS_PER_S:
            row["value"] = 0.1
    (finding,), _ = look("metrics.neighbour", tables)
    assert finding.mechanism == "noisy_neighbour"


@pytest.mark.parametrize(
    "tables",
    [sharing(host_busy=0.3), sharing(own_busy=0.9), sharing(there_ms=30.0), sharing(elsewhere_ms=90.0)],
    ids=["not busy", "one of them is busier", "as quick as ever", "as slow elsewhere"],
)
def test_a_host_that_is_full_for_another_reason_or_hurts_nobody_is_silent(tables: Row, look: Look) -> None:
    findings, _ = look("metrics.neighbour", tables)
    assert not findings


def test_a_job_without_requests_that_fills_the_host_is_the_neighbour_by_name(look: Look) -> None:
    tables = sharing()
    at_rest, at_work = 0.05, 0.95
    for minute in range(20):
        used = (at_work if minute >= 10 else at_rest) + 0.01 * (minute % 3)
        at = START_NS + minute * 60 * NS_PER_S
        tables["metrics"].append(_point(at, "reindex", "reindex-1", "n1", "process.cpu.utilization", used, "n1"))
    (finding,), _ = look("metrics.neighbour", tables)
    assert (finding.mechanism, finding.service, finding.resource) == ("noisy_neighbour", "reindex", "n1")
    assert finding.facts["services"] == ("feed", "search")


def test_who_is_throttled_more_does_not_fill_the_host_and_a_hosts_own_metric_need_not_say_so(look: Look) -> None:
    tables = sharing()
    for row in tables["metrics"]:
        if not row["service"]:
            row.update(name="cpu_busy", value=100 * row["value"], unit="")
    throttled = [
        {
            **row,
            "name": "cpu_throttled",
            "value": row["value"] * (9 if row["time_ns"] > START_NS + 600 * NS_PER_S else 1),
        }
        for row in tables["metrics"]
        if row["service"]
    ]
    (finding,), _ = look("metrics.neighbour", {**tables, "metrics": tables["metrics"] + throttled})
    assert finding.resource == "n1"


def counting(tables: Row, counted: dict[str, tuple[float, float]], **labels: str) -> Row:
    """The same hosts, of which exporters count instead; on the first one from the tenth minute on otherwise."""
    rows = [row for row in tables["metrics"] if row["service"]]
    totals = dict.fromkeys(((name, host) for name in counted for host in ("n1", "n2")), 0.0)
    for point in range(80):
        at = START_NS + point * 15 * NS_PER_S
        for name, host in totals:
            before, after = counted[name]
            value = (after if host == "n1" and point >= 40 else before) * (1 + point % 3 / 100)
            metric, _, mode = name.partition("/")
            totals[name, host] = value if not mode else totals[name, host] + 15 * value
            told = _point(at, "", "", host, metric, totals[name, host], host)
            rows.append({**told, "kind": "sum" if mode else "gauge", "attributes": {"mode": mode} if mode else {}})
    return {**tables, "metrics": rows}


STEAL = {"node_cpu_seconds_total/idle": (0.7, 0.2), "node_cpu_seconds_total/steal": (0.01, 0.5)}
MEMORY = {"node_memory_MemAvailable_bytes": (8e9, 2e8), "node_memory_MemTotal_bytes": (16e9, 16e9)}


@pytest.mark.parametrize(
    ("counted", "slow_ms", "mechanism"),
    [
        (STEAL, 90.0, "noisy_neighbour"),
        (STEAL, 30.0, ""),
        (MEMORY, 90.0, "memory_saturation"),
        ({**MEMORY, "node_memory_MemAvailable_bytes": (8e9, 4e9)}, 90.0, ""),
    ],
    ids=["taken away", "harms nobody", "no memory left", "less memory"],
)
def test_a_host_that_is_short_by_what_is_counted_slows_all_who_are_on_it(
    counted: dict[str, tuple[float, float]], slow_ms: float, mechanism: str, look: Look
) -> None:
    findings, _ = look("metrics.neighbour", counting(sharing(there_ms=slow_ms), counted))
    assert [(f.mechanism, f.resource) for f in findings] == [(mechanism, "n1")] * bool(mechanism)


@pytest.mark.parametrize(("takes", "service"), [(4.0, "reindex-job"), (0.01, "search")], ids=["a job", "a small one"])
def test_a_job_that_comes_as_the_host_fills_up_is_the_neighbour(takes: float, service: str, look: Look) -> None:
    """The host's idle time, of which hardly any is left, goes back by a little at every third point."""
    tables = counting(sharing(), {"node_cpu_seconds_total/user": (0.3, 1.0), "node_cpu_seconds_total/idle": (0.7, 0.0)})
    for at, row in enumerate(tables["metrics"]):
        if row.get("attributes") == {"mode": "idle"} and at % 3 == 0:
            row["value"] -= 1e-3
    for point in range(40, 80):
        at_ns = START_NS + point * 15 * NS_PER_S
        used = 15 * takes * (point - 40)
        row = _point(at_ns, "reindex-job", "reindex-job-x2x9k", "n1", "container_cpu_usage_seconds_total", used, "n1")
        tables["metrics"].append({**row, "kind": "sum"})
    (finding,), _ = look("metrics.neighbour", tables)
    assert (finding.mechanism, finding.resource, finding.service) == ("noisy_neighbour", "n1", service)
