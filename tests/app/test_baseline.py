"""Calm evidence of an earlier time, given apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.report.answer import as_json


def write(path: Path, hour: int, error: bool) -> Path:
    lines = []
    for n in range(120):
        text = f"IOError: disk of shard {n % 7} is gone" if error else f"stored block {n}"
        at = f"2026-03-01T{hour:02d}:{n // 60:02d}:{n % 60:02d}Z"
        level = "ERROR" if error else "INFO"
        lines.append(json.dumps({"timestamp": at, "service": "store", "severity_text": level, "msg": text}) + "\n")
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("hour", [9, 15], ids=["earlier", "later"])
def test_what_a_calm_hour_does_not_have_is_new(hour: int, tmp_path: Path) -> None:
    bad, calm = write(tmp_path / "bad.ndjson", 12, True), write(tmp_path / "calm.ndjson", hour, False)
    told = as_json(investigate(Evidence((bad,), baseline=(calm,))))
    assert (told["causes"][0]["service"], told["causes"][0]["mechanism"]) == ("store", "exception")
    assert {s["source"]: s["role"] for s in told["case"]["evidence"]} == {
        "bad.ndjson": "incident",
        "baseline/calm.ndjson": "baseline",
    }
    assert told["case"]["onset"].startswith("2026-03-01T12:")
    assert told["case"]["baseline"] == [f"2026-03-01T{hour:02d}:00:00Z", f"2026-03-01T{hour:02d}:01:59.000000001Z"]


def test_two_calm_times_are_healthy(tmp_path: Path) -> None:
    now, calm = write(tmp_path / "now.ndjson", 12, False), write(tmp_path / "calm.ndjson", 9, False)
    told = as_json(investigate(Evidence((now,), baseline=(calm,))))
    assert (told["verdict"], told["causes"]) == ("healthy", [])
