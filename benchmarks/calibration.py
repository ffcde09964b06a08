"""Whether confidence means probability: of the causes given 0.8, are eight in ten right?

    PYTHONPATH=. python benchmarks/calibration.py collect POOL [--nezha DIR] [--rootcausebench DIR] [--seeds 61-62]
    PYTHONPATH=. python benchmarks/calibration.py fit POOL
    PYTHONPATH=. python benchmarks/calibration.py reliability POOL

`collect` investigates the labelled incidents and disturbed copies of them, and writes a line a run: what the first
causes rest on (`ranking/calibrate.py`), and which of them is right. The copies:

    nezha            as it is; every other trace; one trace in four; metrics alone; the stretch before
                     the fault (healthy: no cause is right), whole and with every other trace
    rootcausebench   as it is; without diffs, logs, metrics, traces; without any change (then the service that failed
                     first is what is asked for)
    invented         as it is; without diffs
    harbour          as it is; healthy runs: no cause is right
    simulator        as it is, each seed in one style of instrumentation; healthy runs

Right is the faulty service (nezha); the change that did it, or none where none did (rootcausebench, invented); else the
planted mechanism in a service that has it, and no innocent change beside it.

`fit` fits a logistic map a family, with a small ridge (so that a family of few cases stays near the score itself), and
prints the constants and what they give on incidents left out: all copies of one incident are left out together.
`reliability` prints the same table for the constants that are in use.

    Brier    mean squared distance of confidence and outcome; 0 is best, always saying the base rate gives its variance
    ECE      expected calibration error: mean distance of confidence and share right, over ten bins, by their counts
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from examples.harbour.incident import FAULTS, HEALTHY
from examples.simulator.faults import SCRIPTS
from examples.simulator.simulate import Order, simulate
from examples.simulator.styles import STYLES

import harbour
import invented
import mechanisms
import nezha
import rootcausebench
from deep_code_reasoning.app.ingest import Evidence, ingest
from deep_code_reasoning.app.investigate import scored_causes
from deep_code_reasoning.detectors import runner
from deep_code_reasoning.domain.cause import Cause
from deep_code_reasoning.errors import NoEvidenceError
from deep_code_reasoning.ranking.calibrate import Grounds, grounds, probability_of
from deep_code_reasoning.store import open_case

Run = dict[str, Any]
IsRight = Callable[[Cause], bool]
# Pulls each weight towards what leaves the score as it is (1 for the score, 0 for all else).
RIDGE = 0.5
MOST_CAUSES = 5


def main() -> int:
    """Collect, fit, or print."""
    arguments = _parser().parse_args()
    if arguments.command == "collect":
        with arguments.pool.open("w") as out, tempfile.TemporaryDirectory() as scratch:
            os.environ["DCR_HOME"] = str(Path(scratch) / "home")
            for run in collect(arguments, Path(scratch)):
                out.write(json.dumps(run) + "\n")
                out.flush()
        return 0
    pool = [json.loads(line) for line in arguments.pool.read_text().splitlines()]
    runs = [run for run in pool if run["right"]]
    if arguments.command == "reliability":
        print(reliability([(probability_of(_grounds(run)), run["right"][0]) for run in runs]))
        return 0
    print("raw scores"), print(reliability([(run["score"], run["right"][0]) for run in runs]))
    print("left out"), print(reliability(left_out(runs)))
    print(json.dumps({family: fit(group) for family, group in sorted(_by_family(runs).items())}, indent=1))
    wrong_first = [run for run in runs if run["suite"] == "nezha" and not run["right"][0] and len(run["right"]) > 1]
    later = sum(any(run["right"]) for run in wrong_first if not run["kind"].startswith("healthy"))
    print(f"nezha: after a wrong first cause, a later one is right in {later} of {len(wrong_first)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Does confidence mean probability?")
    parser.add_argument("command", choices=("collect", "fit", "reliability"))
    parser.add_argument("pool", type=Path, help="file of runs, a line of JSON each")
    parser.add_argument("--nezha", type=Path, default=nezha.DEFAULT_DATA)
    parser.add_argument("--rootcausebench", type=Path, default=rootcausebench.DEFAULT_DATA)
    parser.add_argument("--seeds", default="61-62", help="of the two simulators: one, or a range")
    return parser


# --- collecting -----------------------------------------------------------------------------------------------------


def collect(arguments: argparse.Namespace, scratch: Path) -> Iterator[Run]:
    """Every run of the pool, one at a time; each copy is deleted after its run."""
    yield from _invented(scratch)
    yield from _rootcausebench(arguments.rootcausebench, scratch)
    yield from _nezha(arguments.nezha, scratch)
    first, _, last = arguments.seeds.partition("-")
    for seed in range(int(first), int(last or first) + 1):
        yield from _harbour(seed, scratch)
        yield from _simulator(seed, scratch)


def look(folder: Path, is_right: IsRight, **about: str) -> Run | None:
    """Investigate a folder up to the raw scores."""
    try:
        case = ingest(Evidence((folder,)))
    except NoEvidenceError:
        return None
    with open_case(case, for_analysis=True) as store:
        scene, findings, checks = runner.look(store, store.info.noticed_at_ns)
        if scene is None:
            return None
        causes, changes_known = scored_causes(store, scene, findings)
    shutil.rmtree(case)
    if not causes:
        return {**about, "right": []}
    found = grounds(causes, findings, checks, changes_known)
    return {
        **about,
        "family": found.family,
        "features": dict(found.features),
        "score": causes[0].confidence,
        "right": [is_right(cause) for cause in causes[:MOST_CAUSES]],
    }


def _nezha(data: Path, scratch: Path) -> Iterator[Run]:
    labels: dict[str, Any] = json.loads((data / "labels.json").read_text())
    halvings = {"half": [1], "quarter": [4, 5], "healthy half": [1]}
    for name, label in sorted(labels.items()):
        for kind in ("plain", *halvings, "healthy", "only metrics"):
            healthy = kind.startswith("healthy")
            copy = _nezha_copy(data / name, label, halvings.get(kind, ()), healthy, scratch)
            if copy is None:
                continue
            if kind == "only metrics":
                (copy / "traces.otlp.jsonl.gz").unlink()
                (copy / "logs.otlp.jsonl.gz").unlink()
            service = None if healthy else label["service"]
            run = look(copy, partial(_is_at, service), suite="nezha", case=f"nezha {name}", kind=kind)
            shutil.rmtree(copy)
            if run is not None:
                yield run


def _nezha_copy(
    case: Path, label: Mapping[str, str], seeds: Sequence[int], healthy: bool, scratch: Path
) -> Path | None:
    changes: list[nezha.Change] = [partial(_thinned, seed) for seed in seeds]
    if healthy:
        before = nezha.calm(case, label)
        if before is None:
            return None
        changes.append(before)
    copy = scratch / f"{case.name}-copy"
    copy.mkdir()
    for path in sorted(case.glob("*.gz")):
        nezha.copy_changed(path, copy / path.name, changes, {})
    shutil.copy(case / "incident.json", copy / "incident.json")
    return copy


def _rootcausebench(data: Path, scratch: Path) -> Iterator[Run]:
    labels: dict[str, Any] = json.loads((data / "labels.json").read_text())
    for name, label in sorted(labels.items()):
        for kind in ("plain", "no diffs", "no logs", "no metrics", "no traces", "no changes"):
            copy = scratch / f"{name}-copy"
            shutil.copytree(data / name, copy, copy_function=shutil.copyfile)
            without(copy, kind)
            is_right = partial(_is_change, label["root_cause_commit"])
            if kind == "no changes":
                is_right = partial(_is_at, label["first_failing_service"])
            run = look(copy, is_right, suite="rootcausebench", case=f"rootcausebench {name}", kind=kind)
            shutil.rmtree(copy)
            if run is not None:
                yield run


def _invented(scratch: Path) -> Iterator[Run]:
    for path in sorted(invented.SETS.glob("*.yaml")):
        for incident in invented.read_set(path.stem):
            is_right = partial(_is_change, invented.wanted_of(incident))
            name = f"{path.stem} {incident['name']}"
            for kind in ("plain", "no diffs"):
                copy = invented.write_incident(incident, scratch / "invented-copy")
                without(copy, kind)
                run = look(copy, is_right, suite="invented", case=name, kind=kind)
                shutil.rmtree(copy)
                if run is not None:
                    yield run


def _harbour(seed: int, scratch: Path) -> Iterator[Run]:
    for number, fault in [*((seed, fault) for fault in FAULTS), (seed, HEALTHY), (seed + 1000, HEALTHY)]:
        folder = scratch / "harbour-copy"
        answer = harbour.prepare(folder, number, fault)
        if answer is not None and answer["effect"]:
            is_right = partial(_is_planted, answer["services"], answer["mechanisms"], answer["change"])
            case = f"harbour {'/'.join(fault)} {number}"
            run = look(folder / "evidence", is_right, suite="harbour", case=case, kind="plain")
            if run is not None:
                yield run
        shutil.rmtree(folder, ignore_errors=True)


def _simulator(seed: int, scratch: Path) -> Iterator[Run]:
    style = tuple(STYLES)[seed % len(STYLES)]
    for mechanism, variant in ((name, variant) for name, variants in SCRIPTS.items() for variant in variants):
        folder = scratch / "simulator-copy"
        truth = simulate(Order(mechanism, variant, style, seed, mechanisms.SIZE_BYTES), folder)
        is_right = partial(_is_planted, [truth["service"], *truth["also"]], [truth["mechanism"]], truth["change"])
        case = f"simulator {mechanism}/{variant} {seed}"
        run = look(folder / "evidence", is_right, suite="simulator", case=case, kind="plain")
        shutil.rmtree(folder)
        if run is not None:
            yield run


def _thinned(seed: int, record: nezha.Record) -> nezha.Record | None:
    return record if nezha.is_kept(record, seed) else None


def _is_at(service: str | None, cause: Cause) -> bool:
    return cause.service == service


def _is_change(wanted: str, cause: Cause) -> bool:
    change = cause.change
    return wanted == ("none" if change is None else invented.changed_id(change.kind, change.id))


def _is_planted(services: Sequence[str], kinds: Sequence[str], change: str | None, cause: Cause) -> bool:
    named = cause.change.id if cause.change else None
    guilty = named is None or (change is not None and (named in change or change in named))
    return cause.service in services and cause.mechanism in kinds and guilty


def without(folder: Path, kind: str) -> None:
    """Take a kind of evidence out of an incident's folder."""
    files = {"no logs": "logs.ndjson", "no metrics": "metrics.csv", "no traces": "traces.json"}
    if kind in files:
        (folder / files[kind]).unlink(missing_ok=True)
        if kind == "no logs":
            (folder / "patterns.json").unlink(missing_ok=True)
    elif kind == "no changes":
        shutil.rmtree(folder / "context")
    elif kind == "no diffs":
        path = folder / "context" / "commits.json"
        path.write_text(json.dumps([{**commit, "diff": None} for commit in json.loads(path.read_text())]))


# --- fitting --------------------------------------------------------------------------------------------------------


def _grounds(run: Run) -> Grounds:
    return Grounds(run["family"], run["features"])


def _by_family(runs: Sequence[Run]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[run["family"]].append(run)
    return groups


def fit(runs: Sequence[Run], steps: int = 25) -> dict[str, float]:
    """Weights of a logistic map by Newton's method with a ridge; every run of an incident counts one over its runs."""
    names = sorted(runs[0]["features"])
    prior = [1.0 if name == "score" else 0.0 for name in names]
    counts: dict[str, int] = defaultdict(int)
    for run in runs:
        counts[run["case"]] += 1
    weights = list(prior)
    for _ in range(steps):
        gradient = [RIDGE * (p - w) for p, w in zip(prior, weights, strict=True)]
        curvature = [[RIDGE * (i == j) for j in range(len(names))] for i in range(len(names))]
        for run in runs:
            x = [run["features"][name] for name in names]
            p = _logistic(sum(a * b for a, b in zip(weights, x, strict=True)))
            share = 1 / counts[run["case"]]
            for i, value in enumerate(x):
                gradient[i] += share * (run["right"][0] - p) * value
                for j, other in enumerate(x):
                    curvature[i][j] += share * p * (1 - p) * value * other
        steps_taken = _solve(curvature, gradient)
        # Newton's step overshoots far from the answer: none is longer than one in any direction.
        scale = min(1.0, 1 / max(1e-9, *(abs(step) for step in steps_taken)))
        weights = [w + scale * step for w, step in zip(weights, steps_taken, strict=True)]
    return {name: round(weight, 3) for name, weight in zip(names, weights, strict=True)}


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination with pivoting, for the few unknowns of a map."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(size):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [rows[i][size] / rows[i][i] for i in range(size)]


def left_out(runs: Sequence[Run]) -> list[tuple[float, bool]]:
    """Confidence of each run by maps fitted without its incident, with the outcome."""
    answers = []
    for group in _by_family(runs).values():
        for case in sorted({run["case"] for run in group}):
            weights = fit([run for run in group if run["case"] != case] or group, steps=12)
            for run in (run for run in group if run["case"] == case):
                total = sum(weights[name] * value for name, value in run["features"].items())
                answers.append((_logistic(total), bool(run["right"][0])))
    return answers


def reliability(answers: Sequence[tuple[float, bool]]) -> str:
    """The reliability table of confidences and outcomes, with Brier score and ECE."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, right in answers:
        bins[min(9, int(confidence * 10))].append((confidence, right))
    lines = ["  said        runs   mean said   right"]
    ece = 0.0
    for place, group in sorted(bins.items()):
        said = sum(c for c, _ in group) / len(group)
        share = sum(r for _, r in group) / len(group)
        ece += abs(said - share) * len(group) / len(answers)
        lines.append(f"  {place / 10:.1f} - {place / 10 + 0.1:.1f} {len(group):6}   {said:9.3f}   {share:5.3f}")
    brier = sum((c - r) ** 2 for c, r in answers) / len(answers)
    base = sum(r for _, r in answers) / len(answers)
    lines += [
        f"  runs {len(answers)}, right {base:.3f}",
        f"  Brier {brier:.4f} (the base rate gives {base * (1 - base):.4f}), ECE {ece:.4f}",
        "",
    ]

    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
