"""The command line as a user meets it: a real process, real files, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

DCR = [sys.executable, "-m", "deep_code_reasoning"]


def dcr(*words: str | Path, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **({"DCR_HOME": str(home)} if home else {})}
    return subprocess.run([*DCR, *map(str, words)], capture_output=True, text=True, env=env, timeout=120, check=False)


def stamp(second: int) -> str:
    return f"2026-03-01T10:{second // 60:02d}:{second % 60:02d}Z"


@pytest.fixture
def incident(tmp_path: Path) -> Path:
    """Ten minutes of two services; from 10:06 on `stock` raises an error on every request and `shop` with it."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "incident.json").write_text(json.dumps({"title": "Orders fail", "noticed_at": stamp(440)}))
    spans, logs = [], []
    for n in range(200):
        second, bad = n * 3, n >= 120
        trace = f"{n:032x}"
        status = "ERROR" if bad else "OK"
        spans.append(
            {"trace_id": trace, "span_id": "a", "parent_id": None, "service": "shop", "name": "POST /order",
             "start": stamp(second), "duration_ms": 30, "status": status}
        )  # fmt: skip
        spans.append(
            {"trace_id": trace, "span_id": "b", "parent_id": "a", "service": "stock", "name": "reserve",
             "start": stamp(second), "duration_ms": 20, "status": status,
             **({"error": "KeyError: 'sku'"} if bad else {})}
        )  # fmt: skip
        message = f"KeyError: 'sku' while reserving order {n}" if bad else f"reserved order {n}"
        logs.append(
            {"timestamp": stamp(second), "service": "stock", "severity_text": "ERROR" if bad else "INFO",
             "msg": message, "trace_id": trace}
        )  # fmt: skip
    (folder / "traces.json").write_text(json.dumps(spans))
    (folder / "logs.ndjson").write_text("".join(json.dumps(record) + "\n" for record in logs) + '{"torn": ')
    return folder


def investigate(incident: Path, *words: str) -> dict[str, Any]:
    done = dcr("investigate", incident, "--format", "json", *words)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_incident_is_investigated_and_every_citation_resolves(incident: Path) -> None:
    answer = investigate(incident, "--case", "orders")
    assert answer["case"]["title"] == "Orders fail"
    assert answer["case"]["noticed_at"] == stamp(440)
    assert answer["verdict"] == "cause_found"
    cause = answer["causes"][0]
    assert (cause["service"], cause["mechanism"]) == ("stock", "exception")
    assert cause["change"] is None
    assert cause["citations"]
    for finding in answer["findings"]:
        for citation in finding["citations"]:
            shown = dcr("case", "show", "orders", citation, "--format", "json")
            assert shown.returncode == 0, shown.stderr
            assert json.loads(shown.stdout)[0]["source_line"]


def test_what_was_not_read_is_said(incident: Path) -> None:
    evidence = {source["source"]: source for source in investigate(incident)["case"]["evidence"]}
    assert evidence["logs.ndjson"]["rows"] == 200
    assert evidence["logs.ndjson"]["rejected"] == 1
    text = dcr("investigate", incident).stdout
    assert "logs.ndjson" in text
    assert "1 rejected row" in text


def test_the_same_evidence_gives_the_same_bytes_whatever_the_hash_seed(incident: Path) -> None:
    answers = []
    for seed in ("1", "2"):
        os.environ["PYTHONHASHSEED"] = seed
        answer = investigate(incident)
        del answer["elapsed_s"]
        answers.append(json.dumps(answer))
    assert answers[0] == answers[1]


def test_the_forms_agree_on_the_cause(incident: Path, tmp_path: Path) -> None:
    page = tmp_path / "answer.html"
    assert "stock" in dcr("investigate", incident, "--html", page).stdout
    assert "stock" in dcr("investigate", incident, "--format", "markdown").stdout
    assert "stock" in page.read_text("utf-8")


def test_a_case_is_listed_queried_and_deleted(incident: Path) -> None:
    investigate(incident, "--case", "orders")
    assert "orders" in dcr("case", "list").stdout
    rows = json.loads(dcr("case", "query", "orders", "SELECT count() AS n FROM spans", "--format", "json").stdout)
    assert rows == [{"n": 400}]
    assert dcr("case", "query", "orders", "SELECT * FROM file('/etc/passwd')").returncode == 2
    assert "stock" in dcr("report", "orders").stdout
    assert dcr("case", "delete", "orders").returncode == 0
    assert dcr("case", "show", "orders").returncode == 2


def test_more_evidence_joins_a_case(incident: Path) -> None:
    assert dcr("case", "add", "orders", incident / "traces.json").returncode == 0
    assert dcr("case", "add", "orders", incident / "logs.ndjson").returncode == 0
    rows = json.loads(dcr("case", "query", "orders", "SELECT count() AS n FROM logs", "--format", "json").stdout)
    assert rows == [{"n": 200}]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["investigate"], 2),
        (["investigate", "/no/such/place"], 2),
        (["nonsense"], 2),
        (["investigate", ".", "--noticed-at", "teatime"], 2),
        (["investigate", ".", "--case", "../out"], 2),
        (["case", "show", "none"], 2),
        (["--help"], 0),
        (["--version"], 0),
    ],
)
def test_exit_codes_follow_the_contract(words: list[str], code: int, tmp_path: Path) -> None:
    done = dcr(*words, home=tmp_path / "home")
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_nothing_readable_is_exit_3_and_says_which_files(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    (tmp_path / "empty.json").write_bytes(b"")
    done = dcr("investigate", tmp_path, home=tmp_path / "home")
    assert done.returncode == 3
    assert "picture.png" in done.stderr
    assert "empty.json" in done.stderr


def test_ctrl_c_leaves_no_half_written_case(incident: Path, tmp_path: Path) -> None:
    record = (incident / "logs.ndjson").read_text().splitlines()[0] + "\n"
    (incident / "big.ndjson").write_text(record * 400_000)
    home = tmp_path / "interrupted"
    process = subprocess.Popen(
        [*DCR, "investigate", str(incident), "--case", "half"],
        env={**os.environ, "DCR_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    tables = home / "cases" / "half" / "tables"
    deadline = time.monotonic() + 60
    while not tables.is_dir() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (home / "cases" / "half").exists()
