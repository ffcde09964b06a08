"""The second model of a system: what it writes is whole, and every fault has a place in some system."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from examples.harbour.incident import FAULTS, Answer, generate
from examples.harbour.scene import Scene
from examples.harbour.topology import build

from deep_code_reasoning.domain.instant import parse_instant

SEEDS = range(1, 9)


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    folder = tmp_path_factory.mktemp("harbour")
    answer = generate(folder, 7, ("network_delay", "edge"))
    assert answer is not None
    return folder, answer


def test_every_fault_has_a_place_in_some_system() -> None:
    homeless = set(FAULTS)
    for seed in SEEDS:
        for fault in sorted(homeless):
            try:
                planted = FAULTS[fault](Scene(build(seed), random.Random(seed), 2.0, 700.0))
            except (LookupError, StopIteration):
                continue
            assert planted.mechanisms
            assert planted.services
            homeless.discard(fault)
    assert homeless == set()


def test_systems_differ_from_seed_to_seed_and_are_the_same_for_one() -> None:
    names = [tuple(service.name for service in build(seed).services) for seed in SEEDS]
    assert len(set(names)) == len(names)
    assert names[0] == tuple(service.name for service in build(SEEDS[0]).services)
    assert all(6 <= len(system) <= 14 for system in names)


def test_an_incident_is_noticed_late_and_its_answer_lies_outside_of_the_evidence(
    incident: tuple[Path, Answer],
) -> None:
    folder, answer = incident
    noticed = parse_instant(json.loads((folder / "evidence" / "incident.json").read_text())["noticed_at"])
    onset = parse_instant(answer.onset)
    assert noticed is not None
    assert onset is not None
    assert noticed > onset + 120 * 10**9
    assert answer.effect
    said = "".join(path.read_text() for path in (folder / "evidence").glob("*.json"))
    assert "network" not in said


def test_every_span_has_a_parent_that_was_kept_or_none(incident: tuple[Path, Answer]) -> None:
    spans = [
        span
        for line in (incident[0] / "evidence" / "traces.jsonl").read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for span in resource["scopeSpans"][0]["spans"]
    ]
    ids = {(span["traceId"], span["spanId"]) for span in spans}
    orphans = [s for s in spans if "parentSpanId" in s and (s["traceId"], s["parentSpanId"]) not in ids]
    assert len(spans) > 5_000
    # The last requests are still at work when the record ends.
    assert len(orphans) < len(spans) / 100
