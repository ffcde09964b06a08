"""The benchmark of template mining: its figures are right, and on the labelled data they are good."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "loghub.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("loghub_benchmark", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def write_system(data: Path, name: str, rows: list[tuple[str, str]]) -> None:
    folder = data / name
    folder.mkdir(parents=True)
    raw = [f"2024-01-31 10:00:{i % 60:02} INFO {content}" for i, (content, _) in enumerate(rows)]
    (folder / f"{name}_2k.log").write_text("\r\n".join(raw) + "\r\n", "utf-8", newline="")
    with (folder / f"{name}_2k.log_structured_corrected.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["LineId", "Content", "EventId", "EventTemplate"])
        writer.writerows((i, content, template, template) for i, (content, template) in enumerate(rows, 1))


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--data", str(data), "--seconds", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_group_counts_only_when_it_is_exactly_right(benchmark: ModuleType) -> None:
    truth = ["a", "a", "b", "b", "c"]
    assert benchmark.grouping_accuracy(truth, [1, 1, 2, 2, 3]) == 1
    assert benchmark.grouping_accuracy(truth, [1, 1, 2, 3, 4]) == 0.6
    assert benchmark.grouping_accuracy(truth, [1, 1, 1, 2, 3]) == 0.2
    assert benchmark.grouping_accuracy(truth, [0] * 5) == 0


def test_any_number_of_systems_is_scored(tmp_path: Path) -> None:
    for name in ("Alpha", "Beta"):
        write_system(tmp_path, name, [(f"took {i} ms to {name}", "took") for i in range(30)] + [("done", "done")] * 3)
    write_system(tmp_path, "Gamma", [("hi alice", "hi <*>"), ("hi bob", "hi <*>"), ("done", "done"), ("done", "done")])
    answer: dict[str, Any] = json.loads(run(tmp_path, "--format", "json").stdout)
    assert [(s["system"], s["ga_content"], s["ga_raw"]) for s in answer["systems"]] == [
        ("Alpha", 1, 1),
        ("Beta", 1, 1),
        ("Gamma", 0.5, 0.5),
    ]
    assert answer["mean"]["ga_content"] == pytest.approx(2.5 / 3)
    assert answer["mean"]["chance_each_alone"] == 0
    assert answer["mean"]["stream_lines_per_s"] > 0


def test_it_says_which_templates_are_wrong(tmp_path: Path) -> None:
    write_system(tmp_path, "Gamma", [("hi alice", "hi <*>"), ("hi bob", "hi <*>"), ("done", "done")])
    done = run(tmp_path, "-v")
    assert "2 lines  hi <*>" in done.stderr
    assert "1 of 1 found as  hi alice" in done.stderr
    assert "done" not in done.stderr


def test_no_data_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 2


def test_the_labelled_logs_are_grouped_right(benchmark: ModuleType) -> None:
    systems = benchmark.load(benchmark.DEFAULT_DATA)
    if not systems:
        pytest.skip("the labelled data folder is not there")
    scores = [benchmark.score(system, False, seconds=0) for system in systems]
    total = benchmark.overall(scores)
    assert total["ga_content"] >= 0.98
    assert total["ga_raw"] >= total["ga_content"] - 0.005
    assert min(score.ga_content for score in scores) >= 0.95
