"""The simulator's evidence is what SDKs write, comes out of its seed, and holds the fault that it is said to hold."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest
from examples.simulator.faults import SCRIPTS
from examples.simulator.simulate import Order, simulate
from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from simulator.raw import Evidence, Row, read

ROOT = Path(__file__).parents[2]
SIZE = 1_500_000


def made(folder: Path, mechanism: str, variant: str, style: str = "older", seed: int = 1, size: int = SIZE) -> Evidence:
    simulate(Order(mechanism, variant, style, seed, size), folder)
    return read(folder)


def evidence_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("style", ["current", "older", "sparse"])
def test_the_same_seed_writes_the_same_bytes_and_another_one_does_not(tmp_path: Path, style: str) -> None:
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        simulate(Order("retry_storm", "layers", style, seed, 400_000), tmp_path / name)
    assert evidence_of(tmp_path / "a") == evidence_of(tmp_path / "b")
    assert evidence_of(tmp_path / "a") != evidence_of(tmp_path / "c")


@pytest.mark.parametrize("style", ["current", "older", "sparse"])
def test_what_is_written_is_otlp(tmp_path: Path, style: str) -> None:
    simulate(Order("exception", "after-deploy", style, 1, 500_000), tmp_path)
    for name, message in (("traces", TracesData), ("logs", LogsData), ("metrics", MetricsData)):
        lines = (tmp_path / "evidence" / f"{name}.otlp.jsonl").read_text().splitlines()
        assert lines
        for line in lines:
            json_format.Parse(line, message())  # refuses unknown fields and values of the wrong type


@pytest.mark.parametrize("size", [1_000_000, 6_000_000])
def test_the_size_is_what_was_asked_for(tmp_path: Path, size: int) -> None:
    simulate(Order("healthy", "high-load", "current", 1, size), tmp_path)
    written = sum(path.stat().st_size for path in (tmp_path / "evidence").iterdir())
    assert abs(written - size) < 0.1 * size


def test_every_mechanism_has_three_variants_at_least() -> None:
    assert {mechanism: len(variants) for mechanism, variants in SCRIPTS.items() if len(variants) < 3} == {}


def test_the_command_writes_a_case(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.simulator", "--seed", "3", "--size", "0.3MB", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "lock_lease_expired" in done.stdout
    assert (tmp_path / "answer.json").is_file()
    refused = subprocess.run([*command, "--size", "much"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2


# -- locks: intervals from the spans alone, on the true clock ----------------------------------------------------------


def holds(evidence: Evidence) -> dict[str, list[tuple[float, float, str]]]:
    """Per lock: from the end of an acquisition to the start of the release by the same owner in the same trace."""
    taken = {}
    found: dict[str, list[tuple[float, float, str]]] = {}
    for row in sorted(evidence.spans, key=lambda row: row.start):
        if row.name == "DistributedLock.acquire" and not row.failed:
            taken[row.attributes["lease.holder"]] = row.end
        if row.name == "DistributedLock.release" and row.attributes["lease.holder"] in taken:
            owner = row.attributes["lease.holder"]
            found.setdefault(row.attributes["resource.name"], []).append((taken[owner], row.start, owner))
    return found


def overlaps(evidence: Evidence) -> int:
    count = 0
    for intervals in holds(evidence).values():
        intervals.sort()
        for (_, end, owner), (start, _, other) in pairwise(intervals):
            count += owner != other and end - start > 5
    return count


@pytest.mark.parametrize("variant", SCRIPTS["lock_lease_expired"])
def test_two_owners_hold_an_expired_lease_at_the_same_time(tmp_path: Path, variant: str) -> None:
    evidence = made(tmp_path, "lock_lease_expired", variant, size=3_000_000)
    assert overlaps(evidence) >= 1
    facts = evidence.answer["facts"]
    if facts["skewed_host"]:
        assert abs(facts["gap_ms"] - 50) < 20
        assert abs(evidence.answer["clocks"][facts["skewed_host"]] - facts["offset_ms"]) < 1


@pytest.mark.parametrize("variant", SCRIPTS["healthy"])
def test_a_healthy_system_never_has_two_owners(tmp_path: Path, variant: str) -> None:
    evidence = made(tmp_path, "healthy", variant)
    assert any(len(intervals) > 3 for intervals in holds(evidence).values())
    assert overlaps(evidence) == 0


# -- every other mechanism: one number of the raw output before and after the onset ------------------------------------


def _roots(evidence: Evidence, after: bool) -> list[Row]:
    return [row for row in evidence.spans if not row.parent and row.kind == 2 and evidence.after(row) == after]


def root_ms(evidence: Evidence, after: bool) -> float:
    """How long requests of the planted service take, the slowest twentieth left out."""
    service = evidence.answer["service"]
    took = sorted(
        row.end - row.start
        for row in evidence.spans
        if row.service == service and row.kind == 2 and evidence.after(row) == after
    )
    return mean(took[: max(1, len(took) * 19 // 20)])


def failed(evidence: Evidence, after: bool) -> float:
    """Failed spans of the system per second."""
    rows = [row for row in evidence.spans if evidence.after(row) == after]
    return sum(row.failed for row in rows) / (max(row.end for row in rows) - min(row.start for row in rows)) * 1000


def refused(evidence: Evidence, after: bool) -> float:
    """Answers of 4xx and 5xx, and failed messages."""
    rows = [row for row in evidence.spans if evidence.after(row) == after]
    return sum(row.failed or int(row.attributes.get("http.status_code", 0)) >= 400 for row in rows) / len(rows)


def most_children(evidence: Evidence, after: bool) -> float:
    """The most children of one name that a span has."""
    alike = Counter((row.parent, row.name) for row in evidence.spans if evidence.after(row) == after and row.parent)
    return max(alike.values())


def requests(evidence: Evidence, after: bool) -> float:
    """Requests a second."""
    rows = _roots(evidence, after)
    return len(rows) / (max(row.start for row in rows) - min(row.start for row in rows)) * 1000


def metric(*words: str) -> Callable[[Evidence, bool], float]:
    def average(evidence: Evidence, after: bool) -> float:
        found = [
            value
            for name, service, at, value in evidence.metrics
            if any(word in name for word in words) and (at >= evidence.onset) == after
            and (service == evidence.answer["service"] or service in ("rabbitmq", "kafka"))
        ]  # fmt: skip
        return mean(found)

    return average


def remote_gap(evidence: Evidence, after: bool) -> float:
    """How much longer a client's span is than the server's span beneath it, on the true clock."""
    spans = {row.span: row for row in evidence.spans}
    gaps = [
        (parent.end - parent.start) - (row.end - row.start)
        for row in evidence.spans
        if row.kind == 2 and (parent := spans.get(row.parent)) and parent.kind == 3 and evidence.after(parent) == after
    ]
    return mean(gaps)


def abandoned(evidence: Evidence, after: bool) -> float:
    """Server spans that end later than the client span that waited for them."""
    spans = {row.span: row for row in evidence.spans}
    return sum(
        row.end > parent.end + 5
        for row in evidence.spans
        if row.kind == 2 and (parent := spans.get(row.parent)) and evidence.after(parent) == after
    )


Measure = Callable[[Evidence, bool], float]
SIGNS: dict[str, tuple[Measure, float]] = {  # what rises at the onset, and by what factor at least
    "lock_contention": (root_ms, 1.2),
    "deadlock": (failed, 2),
    "race_condition": (failed, 2),
    "clock_skew": (refused, 2),
    "network_delay": (remote_gap, 3),
    "n_plus_one": (most_children, 1.9),
    "chatty_calls": (most_children, 1.3),
    "retry_storm": (failed, 3),
    "timeout_budget": (abandoned, 3),
    "cache_stampede": (root_ms, 3),
    "connection_pool_exhausted": (metric("pending"), 2),
    "thread_pool_exhausted": (metric("queued"), 2),
    "cpu_saturation": (metric("cpu.utilization"), 1.5),
    "memory_leak": (metric("memory.usage"), 1.3),
    "traffic_surge": (requests, 1.5),
    "latency_regression": (root_ms, 1.5),
    "exception": (failed, 2),
    "bad_input": (failed, 2),
    "noisy_neighbour": (root_ms, 1.5),
    "dependency_outage": (failed, 3),
    "message_backlog": (metric("ready", "lag"), 2),
    "unacknowledged_messages": (metric("memory.usage"), 1.1),
}


def test_there_is_a_sign_for_every_mechanism() -> None:
    assert SIGNS.keys() | {"healthy", "lock_lease_expired"} == SCRIPTS.keys()


@pytest.mark.parametrize("mechanism", SIGNS)
def test_the_planted_fault_shows_in_the_raw_output(tmp_path: Path, mechanism: str) -> None:
    measure, factor = SIGNS[mechanism]
    variant = list(SCRIPTS[mechanism])[len(mechanism) % len(SCRIPTS[mechanism])]
    evidence = made(tmp_path, mechanism, variant, size=2_500_000)
    before, after = measure(evidence, False), measure(evidence, True)
    assert after > factor * max(before, 1e-3), f"{mechanism}/{variant}: {before:.3f} -> {after:.3f}"
