"""The regression's repositories are real and repeatable, and the slowdown is there where the answer says."""

from __future__ import annotations

import csv
import json
import subprocess
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from examples.regression.blueprint import REPOSITORIES
from examples.regression.culprits import CULPRITS, KINDS, edits_of
from examples.regression.incident import Wish, make

SIZE = 1_500_000


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regression")
    make(Wish("contract", 1, SIZE), folder)
    return folder


def answer_of(folder: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    return answer


def git(repository: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True, check=True).stdout


def test_there_are_a_dozen_kinds_of_culprit_and_none() -> None:
    assert len(CULPRITS) >= 12
    assert "none" in KINDS


@pytest.mark.parametrize("culprit", CULPRITS, ids=lambda culprit: culprit.kind)
def test_a_culprits_diff_fits_the_source_that_it_changes(culprit: Any) -> None:
    start = next(repository.start for repository in REPOSITORIES if repository.role == culprit.role)
    edits = edits_of(culprit)
    assert edits
    for edit in edits:
        assert edit.old != edit.new
        assert start[edit.path].count(edit.old) == 1 if edit.old else edit.path not in start


def test_there_are_two_hundred_commits_in_ten_repositories_of_four_languages(incident: Path) -> None:
    repositories = sorted((incident / "repos").iterdir())
    assert len(repositories) == 10
    assert len({repository.language for repository in REPOSITORIES}) == 4
    counts = [int(git(repository, "rev-list", "--count", "main")) for repository in repositories]
    assert sum(counts) == 200
    for repository in repositories:
        git(repository, "fsck", "--strict")
        assert git(repository, "status", "--porcelain") == ""
    authors = {name for repository in repositories for name in git(repository, "log", "--format=%an").split()}
    assert len(authors) > 8
    assert all(name.startswith("dev-") for name in authors)


def test_the_same_seed_makes_the_same_commits_and_evidence(incident: Path, tmp_path: Path) -> None:
    make(Wish("contract", 1, SIZE), tmp_path)
    for repository in sorted((incident / "repos").iterdir()):
        assert git(repository, "rev-parse", "main") == git(tmp_path / "repos" / repository.name, "rev-parse", "main")
    for path in (incident / "evidence").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(incident)).read_bytes()
    assert answer_of(incident) == answer_of(tmp_path)


def test_the_culprit_is_a_commit_that_was_deployed_at_the_onset(incident: Path) -> None:
    answer = answer_of(incident)
    change = answer["change"]
    changed = git(incident / "repos" / change["repo"], "show", "--name-only", "--format=", change["id"]).split()
    assert changed == answer["files"]
    deploys = json.loads((incident / "evidence" / "deploys.json").read_text())
    live = [
        deploy["timestamp"]
        for deploy in deploys
        if deploy["commit_sha"] == change["id"] and deploy["service"] == answer["service"]
    ]
    assert live == [answer["onset"]]
    near = {
        deploy["service"] for deploy in deploys if abs(_seconds(deploy["timestamp"]) - _seconds(answer["onset"])) < 7200
    }
    assert len(near) >= 3


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_curves_and_the_traces_are_slower_since_the_onset(incident: Path) -> None:
    answer = answer_of(incident)
    with (incident / "evidence" / "metrics.csv").open() as file:
        rows = [
            row for row in csv.DictReader(file) if row["service"] == "gateway" and row["metric"] == "latency_mean_ms"
        ]
    onset = _seconds(answer["onset"])
    calm = mean(float(row["value"]) for row in rows if _seconds(row["timestamp"]) < onset - 3600)
    slow = mean(float(row["value"]) for row in rows if _seconds(row["timestamp"]) > onset + 3600)
    assert 1.15 < slow / calm < 2
    assert most_queries(incident / "evidence" / "before") < 3 <= 6 <= most_queries(incident / "evidence" / "after")


def most_queries(folder: Path) -> int:
    """The most queries of the product rule that one span of the orders service has beneath it."""
    counts: dict[str, int] = {}
    for line in (folder / "traces.otlp.jsonl").read_text().splitlines():
        for span in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            if span["name"] == "SELECT product_rule":
                counts[span["parentSpanId"]] = counts.get(span["parentSpanId"], 0) + 1
    return max(counts.values(), default=0)


def test_without_a_culprit_no_commit_is_named(tmp_path: Path) -> None:
    answer = make(Wish("none", 2, SIZE), tmp_path)
    assert answer["change"] is None
    assert answer["commits"] == 200


def test_one_recording_goes_on_through_the_deploy(tmp_path: Path) -> None:
    answer = make(Wish("contract", 1, SIZE, continuous=True), tmp_path)
    onset_ns = round(_seconds(answer["onset"]) * 1e9)
    before, after = (times_of(tmp_path / "evidence" / name) for name in ("before", "after"))
    assert onset_ns - 30e9 < max(before) <= onset_ns + 30e9
    assert onset_ns <= min(after) < onset_ns + 30e9


def times_of(folder: Path) -> list[int]:
    return [
        int(span["startTimeUnixNano"])
        for line in (folder / "traces.otlp.jsonl").read_text().splitlines()
        for span in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]
