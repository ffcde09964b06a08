"""Incidents told in a few lines each: what was seen, what was deployed, which change did it or none.

`incidents/*.yaml` were written from common knowledge of how systems break, before the rules that judge them:
`common` and `varied` first, then `disguised` (other words, decoys on the path), `nasty`, `further` and `businesses`.
`quiet` came with its rules: what waits for the clock, for memory or for another transaction; so did `reviewed`: what a
careful reviewer would not put on the nearest change; and `shared`: what harms all who go by one rule, key or store.
Times are minutes from the onset. `outside` names the mechanism of an incident that no change caused; `missed` says why
a culprit is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.detectors.changes.deeds import History
from deep_code_reasoning.detectors.changes.judgement import judge
from deep_code_reasoning.detectors.changes.trial import Change, Rollout, Situation
from deep_code_reasoning.detectors.symptoms.front import failing_front, spoken_graph
from deep_code_reasoning.detectors.symptoms.symptom import Shift, Text, symptoms_of
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S, parse_instant
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.ranking.attribute import attribute
from deep_code_reasoning.store import CaseStore
from deep_code_reasoning.store.resolve import resolve

MINUTE = 60 * NS_PER_S
ONSET = 1_700_000_000 * NS_PER_S
INCIDENTS = [
    pytest.param(incident, id=f"{path.stem}: {incident['name']}")
    for path in sorted((Path(__file__).parent / "incidents").glob("*.yaml"))
    for incident in yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
]
OUTSIDE = [case for case in INCIDENTS if case.values[0].get("outside")]  # type: ignore[union-attr, call-overload]


def at(minutes: float, onset_ns: int = ONSET) -> int:
    return onset_ns + int(minutes * MINUTE)


def changes_of(incident: dict[str, Any]) -> list[Change]:
    found = []
    for commit in incident["commits"]:
        service, minutes = commit["deploy"]
        rollout = Rollout(f"deploy-{commit['id']}", service, at(minutes))
        found.append(
            Change(
                commit["id"],
                commit["message"],
                tuple(commit["files"]),
                commit["diff"] or "",
                at(minutes - 3),
                "",
                (rollout,),
            )
        )
    for flag in incident.get("flags", ()):
        rollout = Rollout(flag["id"], flag["service"], at(flag["minutes"]))
        message = f"{flag['id']}: {flag['change']}"
        found.append(Change(flag["id"], message, (), "", rollout.time_ns, "", (rollout,), "flag"))
    return found


def situation_of(incident: dict[str, Any]) -> Situation:
    texts = [
        Text(service, text, level.lower(), 5, at(0) + place * NS_PER_S)
        for place, (service, level, text) in enumerate(incident["logs"])
        if level != "INFO"
    ]
    moved = [
        Shift(service, name, float(before), float(after), at(0), at(float(shape[5:])) if shape != "step" else None)
        for service, name, before, after, shape in incident["metrics"]
    ]
    symptoms = symptoms_of(texts, moved)
    services = frozenset(
        [entry[0] for entry in incident["logs"] + incident["metrics"]] + [c["deploy"][0] for c in incident["commits"]]
    )
    graph = spoken_graph(ServiceGraph(), symptoms, services)
    live = frozenset(commit["deploy"][0] for commit in incident["commits"])
    return Situation(symptoms, failing_front(symptoms, graph, services), graph, ONSET, services, live)


@pytest.mark.parametrize("incident", INCIDENTS)
def test_the_change_that_did_it_is_found_and_no_other_is_blamed(incident: dict[str, Any]) -> None:
    verdicts = judge(History(changes_of(incident)), situation_of(incident))
    blamed = [verdict.change.sha for verdict in verdicts if verdict.convicted]
    if incident["answer"] == "none" and incident.get("outside"):
        return  # judged with the outside evidence, below
    if incident["answer"] == "none" or incident.get("missed"):
        assert blamed == []
    else:
        assert blamed[:1] == [incident["answer"]]


@pytest.mark.parametrize("incident", INCIDENTS)
def test_the_order_of_changes_and_symptoms_does_not_matter(incident: dict[str, Any]) -> None:
    situation = situation_of(incident)
    changes = changes_of(incident)
    backwards = replace(situation, symptoms=tuple(reversed(situation.symptoms)))
    first = [(v.change.sha, v.score) for v in judge(History(changes), situation)]
    assert [(v.change.sha, v.score) for v in judge(History(changes[::-1]), backwards)] == first


@pytest.mark.parametrize("incident", INCIDENTS)
def test_a_change_that_came_after_the_onset_is_never_blamed(incident: dict[str, Any]) -> None:
    late = [
        Change(
            c.sha,
            c.message,
            c.files,
            c.diff,
            at(2),
            "",
            tuple(Rollout(r.id, r.service, at(3)) for r in c.rollouts),
            c.kind,
        )
        for c in changes_of(incident)
    ]
    assert not any(verdict.convicted for verdict in judge(History(late), situation_of(incident)))


# --- with the evidence outside the code -------------------------------------------------------------------------------

BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]


def tables_of(incident: dict[str, Any], onset_ns: int) -> dict[str, list[dict[str, Any]]]:
    return {
        "logs": list(number(log_rows(incident, onset_ns))),
        "metrics": list(number(metric_rows(incident, onset_ns))),
        "changes": list(number(change_rows(incident, onset_ns))),
        "notices": [
            {"kind": "status", "id": f"s{place}", "time_ns": at(m, onset_ns), "subject": s, "status": st, "text": text}
            for place, (s, st, m, text) in enumerate(incident.get("status", []))
        ],
    }


def number(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for line, row in enumerate(rows, start=1):
        yield {**row, "source_id": 1, "line": line, "item": 0}


def log_rows(incident: dict[str, Any], onset_ns: int) -> Iterator[dict[str, Any]]:
    services = sorted({entry[0] for entry in incident["logs"] + incident["metrics"]})
    for service in services:
        for minute in range(-180, 0, 3):
            yield {"time_ns": at(minute, onset_ns), "service": service, "severity": "info", "body": "handled request"}
    for place, (service, level, text) in enumerate(incident["logs"]):
        for round_ in range(5):
            time_ns = onset_ns + (place + 40 * round_) * NS_PER_S
            yield {"time_ns": time_ns, "service": service, "severity": level.lower(), "body": text}


def metric_rows(incident: dict[str, Any], onset_ns: int) -> Iterator[dict[str, Any]]:
    for service, name, before, after, shape in incident["metrics"]:
        ramp = float(shape[5:]) if shape != "step" else 0.0
        for minute in range(-200, 20):
            share = min(1.0, max(0.0, (minute - ramp) / max(-ramp, 10.0))) if shape != "step" else float(minute >= 0)
            ripple = 1 + 0.01 * ((minute * 7919) % 5 - 2)
            value = (before + (after - before) * share) * ripple
            yield {"time_ns": at(minute, onset_ns), "service": service, "name": name, "value": value}


def change_rows(incident: dict[str, Any], onset_ns: int) -> Iterator[dict[str, Any]]:
    for commit in incident["commits"]:
        service, minutes = commit["deploy"]
        yield {
            "kind": "commit",
            "id": commit["id"],
            "commit_sha": commit["id"],
            "time_ns": at(minutes - 3, onset_ns),
            "message": commit["message"],
            "files": commit["files"],
            "diff": commit["diff"] or "",
        }
        yield {
            "kind": "deploy",
            "id": f"deploy-{commit['id']}",
            "commit_sha": commit["id"],
            "time_ns": at(minutes, onset_ns),
            "service": service,
        }


@pytest.mark.parametrize("incident", OUTSIDE)
def test_what_came_from_outside_is_told_and_no_change_is_blamed(
    incident: dict[str, Any], build_case: BuildCase
) -> None:
    onset_ns = parse_instant(incident.get("onset_iso", "")) or ONSET
    windows = Windows(
        Window(at(-200, onset_ns), onset_ns),
        Window(onset_ns, at(20, onset_ns)),
        onset_ns,
        Window(onset_ns, onset_ns + 1),
        None,
        "given",
        True,
    )
    with build_case(tables_of(incident, onset_ns)) as store:
        scene = Scene(store, windows, ServiceGraph())
        witnesses = [d for d in runner.detectors() if d.code.startswith(("external.", "changes."))]
        findings, _ = runner.run(scene, witnesses)
        causes = attribute(scene, (), findings)
        for told in (*findings, *causes):
            assert all(resolve(store, citation) for citation in told.citations)
    assert causes[0].change is None
    assert causes[0].mechanism == incident["outside"]
    assert causes[0].citations
