"""What is counted since a program began, in the forms in which it is exported: the same is found in each."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deep_code_reasoning.app.ingest import Evidence, ingest
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.series import counted
from deep_code_reasoning.detectors.series.series import series_of
from deep_code_reasoning.detectors.symptoms.shifts import shifts
from deep_code_reasoning.domain.investigation import Investigation
from deep_code_reasoning.store import open_case

START_S, EVERY_S, POINTS, ONSET = 1_780_000_000, 15, 120, 80
SERVICES = ("edge", "basket", "pricing", "stock")
STATUSES = ("200", "404", "500")


@dataclass(frozen=True)
class Scrape:
    """What a service has counted by a moment: of each status how many requests, and what they took together."""

    at_s: int
    service: str
    counted: Mapping[str, tuple[int, float]]


def scrapes(slower: float = 1.0, failing: float = 0.004, restart: int | None = None) -> list[Scrape]:
    """Four services that have run for days; one of them becomes slower, or fails, at point 80."""
    rng = random.Random(7)
    usual = {name: 0.02 * (number + 1) for number, name in enumerate(SERVICES)}
    so_far = {(name, status): [1_000_000, 1_000_000 * usual[name]] for name in SERVICES for status in STATUSES}
    found = []
    for place in range(POINTS):
        for name in SERVICES:
            if place == restart:
                so_far.update({(name, status): [0, 0.0] for status in STATUSES})
            ill = name == "pricing" and place >= ONSET
            share = failing if ill else 0.004
            many = {"404": round(rng.gauss(20, 3)), "500": sum(rng.random() < share for _ in range(500))}
            many["200"] = round(rng.gauss(500, 20)) - many["500"]
            for status, more in many.items():
                mean = usual[name] * (slower if ill else 1.0) * rng.gauss(1, 1 / max(1, more) ** 0.5)
                so_far[name, status][0] += more
                so_far[name, status][1] += more * max(0.0, mean)
            by_status = {status: (int(so_far[name, status][0]), so_far[name, status][1]) for status in STATUSES}
            found.append(Scrape(START_S + place * EVERY_S, name, by_status))
    return found


def otlp(told: Sequence[Scrape], folder: Path, temporality: int = 2) -> None:
    """Histograms of OpenTelemetry: since the program began, or (1) since the point before."""
    before: dict[tuple[str, str], tuple[int, float]] = {}
    with (folder / "metrics.otlp.jsonl").open("w") as file:
        for one in told:
            points = []
            for status, (count, total) in one.counted.items():
                known = before.get((one.service, status), (0, 0.0))
                before[one.service, status] = (count, total)
                if temporality == 1 and count >= known[0]:
                    count, total = count - known[0], total - known[1]
                points.append(
                    {
                        "timeUnixNano": str(one.at_s * 10**9),
                        "count": str(count),
                        "sum": total,
                        "attributes": [{"key": "http.response.status_code", "value": {"intValue": status}}],
                    }
                )
            if temporality == 1 and one.at_s == START_S:
                continue  # of all days before
            metric = {
                "name": "http.server.request.duration",
                "unit": "s",
                "histogram": {"aggregationTemporality": temporality, "dataPoints": points},
            }
            who = {"attributes": [{"key": "service.name", "value": {"stringValue": one.service}}]}
            file.write(
                json.dumps({"resourceMetrics": [{"resource": who, "scopeMetrics": [{"metrics": [metric]}]}]}) + "\n"
            )


def deltas(told: Sequence[Scrape], folder: Path) -> None:
    otlp(told, folder, temporality=1)


def exposition(told: Sequence[Scrape], folder: Path) -> None:
    """Prometheus' text with times."""
    lines = ["# TYPE http_request_duration_seconds histogram"]
    for one in told:
        for status, numbers in one.counted.items():
            for part, number in zip(("count", "sum"), numbers, strict=True):
                labels = f'service="{one.service}",code="{status}"'
                lines.append(f"http_request_duration_seconds_{part}{{{labels}}} {number} {one.at_s * 1000}")
    (folder / "metrics.prom").write_text("\n".join(lines) + "\n")


def ranges(told: Sequence[Scrape], folder: Path) -> None:
    """Answers of Prometheus' query API, a file each for the count and the sum."""
    for place, part in enumerate(("count", "sum")):
        series: dict[tuple[str, str], list[list[object]]] = {}
        for one in told:
            for status, numbers in one.counted.items():
                series.setdefault((one.service, status), []).append([one.at_s, str(numbers[place])])
        result = [
            {"metric": {"__name__": f"http_request_duration_seconds_{part}", "job": name, "code": status}, "values": v}
            for (name, status), v in series.items()
        ]
        (folder / f"{part}.json").write_text(
            json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})
        )


def counters(told: Sequence[Scrape], folder: Path) -> None:
    """A table of what is counted, and nothing of how long it takes."""
    lines = ["timestamp,service,name,labels,value"]
    for one in told:
        for status, (count, _) in one.counted.items():
            lines.append(f'{one.at_s},{one.service},http_requests_total,"status=""{status}""",{count}')
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")


Export = Callable[[Sequence[Scrape], Path], None]
ALL: tuple[Export, ...] = (otlp, deltas, exposition, ranges)


def look(folder: Path, export: Export, told: Sequence[Scrape]) -> Investigation:
    export(told, folder)
    return investigate(Evidence((folder,)))


def levels(found: Investigation, code: str) -> list[tuple[str, float, float]]:
    return [
        (finding.service, finding.number("before"), finding.number("after"))
        for finding in found.findings
        if finding.code == code
    ]


@pytest.mark.parametrize("export", ALL)
def test_a_service_that_becomes_slower_is_told_by_what_came_since(export: Export, tmp_path: Path) -> None:
    found = look(tmp_path, export, scrapes(slower=3.0))
    ((service, before, after),) = levels(found, "metrics.latency")
    assert service == "pricing"
    assert before == pytest.approx(0.06, rel=0.05)
    assert after == pytest.approx(0.18, rel=0.05)
    assert found.causes[0].service == "pricing"


@pytest.mark.parametrize("export", [*ALL, counters])
def test_a_service_that_fails_is_told_by_the_share_of_its_requests(export: Export, tmp_path: Path) -> None:
    found = look(tmp_path, export, scrapes(failing=0.2))
    ((service, before, after),) = levels(found, "metrics.errors")
    assert service == "pricing"
    assert before == pytest.approx(0.004, abs=0.003)
    assert after == pytest.approx(0.2, abs=0.03)
    assert not levels(found, "metrics.traffic")


@pytest.mark.parametrize("export", [*ALL, counters])
@pytest.mark.parametrize("restart", [None, 60, 95])
def test_calm_services_are_silent_even_as_they_start_anew(export: Export, restart: int | None, tmp_path: Path) -> None:
    assert look(tmp_path, export, scrapes(restart=restart)).findings == ()


@pytest.mark.parametrize(("each", "told"), [(1, False), (400, True)])
def test_a_mean_of_few_requests_is_no_level(each: int, told: bool, tmp_path: Path) -> None:
    """A dozen requests of which the last three took twice as long: chance. So many of each: none."""
    rows, total = [], 0.0
    for place in range(15):
        total += each * (0.02 if place >= 12 else 0.009) * (1 + place % 3 / 50)
        rows.append(Scrape(START_S + place * EVERY_S, "pricing", {"200": (each * (place + 1), total)}))
    assert bool(levels(look(tmp_path, otlp, rows), "metrics.latency")) == told


@pytest.mark.parametrize("export", ALL)
@pytest.mark.parametrize(("slower", "failing"), [(3.0, 0.004), (1.0, 0.2), (1.0, 0.004)])
def test_symptoms_are_the_same_in_every_form(export: Export, slower: float, failing: float, tmp_path: Path) -> None:
    """Also means below one, which are no shares, whatever the halves are called that they are made of."""
    told = scrapes(slower=slower, failing=failing)
    found = [moves(folder(tmp_path, "a", otlp, told)), moves(folder(tmp_path, "b", export, told))]
    assert found[0] == found[1]
    assert bool(found[0]) == (slower > 1 or failing > 0.1)


@pytest.mark.parametrize(("each", "told"), [(1, set()), (20, {("pricing", "slow")})])
def test_a_mean_weighs_by_its_requests_in_halves_too(each: int, told: set[tuple[str, str]], tmp_path: Path) -> None:
    rows, total = [], 0.0
    for place in range(15):
        total += each * (0.027 if place >= 12 else 0.009) * (1 + place % 3 / 50)
        rows.append(Scrape(START_S + place * EVERY_S, "pricing", {"200": (each * (place + 1), total)}))
    for name, export in (("a", otlp), ("b", ranges)):
        assert moves(folder(tmp_path, name, export, rows), onset=12) == told


def test_more_label_sets_than_can_be_held_are_read_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = ingest(Evidence((folder(tmp_path, "a", counters, scrapes()),)))
    with open_case(case, for_analysis=True) as store:
        assert counted.names_of(store).told == {"http_requests_total"}
        assert counted.answers(store, 240)
    monkeypatch.setattr(counted, "MOST_POINTS", 100)
    with open_case(case, for_analysis=True) as store:
        assert counted.names_of(store).told == frozenset()
        assert counted.answers(store, 240) == []
        assert len(series_of(store, frozenset({"traffic"}))) == len(SERVICES) * len(STATUSES)


def test_of_very_many_instances_a_service_is_taken_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = ingest(Evidence((folder(tmp_path, "a", otlp, scrapes(slower=3.0)),)))
    with open_case(case, for_analysis=True) as store:
        each = sum(sum(one.events) for one in counted.distributions(store, 240))
    monkeypatch.setattr(counted, "MOST_SETS", len(SERVICES))
    with open_case(case, for_analysis=True) as store:
        together = counted.distributions(store, 240)
    assert sorted(one.service for one in together) == sorted(SERVICES)
    assert sum(sum(one.events) for one in together) == each


def folder(tmp_path: Path, name: str, export: Export, told: Sequence[Scrape]) -> Path:
    found = tmp_path / name
    found.mkdir()
    export(told, found)
    return found


def moves(evidence: Path, onset: int = ONSET) -> set[tuple[str, str]]:
    """What moved, by service and kind of trouble, when it is known which point is the first bad one."""
    with open_case(ingest(Evidence((evidence,))), for_analysis=True) as store:
        scene, _, _ = runner.look(store, (START_S + onset * EVERY_S) * 10**9, [])
        assert scene is not None
        return {(shift.service, shift.kind) for shift in shifts(scene)}
