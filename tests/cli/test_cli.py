"""The command line as a user meets it: a real process, real files, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deep_code_reasoning.cli.main import cli

DCR = [sys.executable, "-m", "deep_code_reasoning"]


def dcr(*words: str | Path, home: Path | None = None, seed: str = "0") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONHASHSEED": seed, **({"DCR_HOME": str(home)} if home else {})}
    return subprocess.run([*DCR, *map(str, words)], capture_output=True, text=True, env=env, timeout=120, check=False)


def stamp(second: int) -> str:
    return f"2026-03-01T10:{second // 60:02d}:{second % 60:02d}Z"


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of two services; from 10:06 on `stock` raises an error on every request and `shop` with it."""
    folder = tmp_path_factory.mktemp("evidence")
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


@dataclass(frozen=True)
class Told:
    """What the command said of the incident: as JSON, as text, as a page; the first is in the case `orders`."""

    home: Path
    answer: dict[str, Any]
    text: str
    page: str


@pytest.fixture(scope="module")
def told(incident: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    home = tmp_path_factory.mktemp("home")
    answer = investigate(incident, "--case", "orders", home=home, seed="1")
    shown = dcr("investigate", incident, "--html", home / "page.html", home=home)
    assert shown.returncode == 0, shown.stderr
    return Told(home, answer, shown.stdout, (home / "page.html").read_text("utf-8"))


def investigate(incident: Path, *words: str, **where: Any) -> dict[str, Any]:
    done = dcr("investigate", incident, "--format", "json", *words, **where)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_incident_is_investigated_and_every_citation_resolves(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = told.answer
    assert answer["case"]["title"] == "Orders fail"
    assert answer["case"]["noticed_at"] == stamp(440)
    assert answer["verdict"] == "cause_found"
    cause = answer["causes"][0]
    assert (cause["service"], cause["mechanism"]) == ("stock", "exception")
    assert cause["change"] is None
    assert cause["citations"]
    monkeypatch.setenv("DCR_HOME", str(told.home))
    for citation in {citation for finding in answer["findings"] for citation in finding["citations"]}:
        shown = CliRunner().invoke(cli, ["case", "show", "orders", citation, "--format", "json"])
        assert shown.exit_code == 0, shown.stderr
        assert json.loads(shown.stdout)[0]["source_line"]


def test_what_was_not_read_is_said(told: Told) -> None:
    evidence = {source["source"]: source for source in told.answer["case"]["evidence"]}
    assert evidence["logs.ndjson"]["rows"] == 200
    assert evidence["logs.ndjson"]["rejected"] == 1
    assert "logs.ndjson" in told.text
    assert "1 rejected row" in told.text


def test_the_same_evidence_gives_the_same_bytes_whatever_the_hash_seed(incident: Path, told: Told) -> None:
    again = investigate(incident, "--case", "orders", seed="2")
    one, other = (
        {name: value for name, value in answer.items() if name != "elapsed_s"} for answer in (told.answer, again)
    )
    assert json.dumps(one) == json.dumps(other)


def test_the_forms_agree_on_the_cause(told: Told, incident: Path) -> None:
    assert "stock" in told.text
    assert "stock" in told.page
    assert "stock" in CliRunner().invoke(cli, ["investigate", str(incident), "--format", "markdown"]).stdout


def test_a_case_is_listed_queried_and_deleted(told: Told, tmp_path: Path) -> None:
    home = tmp_path / "copied"
    shutil.copytree(told.home, home)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return dcr(*words, home=home)

    listed = run("case", "list").stdout
    assert "orders" in listed
    assert "Orders fail" in listed
    rows = json.loads(run("case", "query", "orders", "SELECT count() AS n FROM spans", "--format", "json").stdout)
    assert rows == [{"n": 400}]
    assert run("case", "query", "orders", "SELECT * FROM file('/etc/passwd')").returncode == 2
    assert "stock" in run("report", "orders").stdout
    assert run("case", "delete", "orders").returncode == 0
    missing = run("case", "show", "orders")
    assert missing.returncode == 2
    assert f"there is no case 'orders' in {home}" in missing.stderr


def test_a_folder_that_is_no_case_is_not_deleted_for_its_manifest(told: Told, tmp_path: Path) -> None:
    ours = tmp_path / "app"
    ours.mkdir()
    (ours / "manifest.json").write_text('{"name": "app"}')
    refused = dcr("case", "delete", ours, home=tmp_path / "home")
    assert refused.returncode == 1
    assert f"{ours / 'manifest.json'}: not format" in refused.stderr
    assert (ours / "manifest.json").is_file()
    moved = shutil.copytree(told.home / "cases" / "orders", tmp_path / "moved")
    assert dcr("case", "delete", moved, home=tmp_path / "home").returncode == 0
    assert not moved.exists()
    damaged = shutil.copytree(moved.parent / "app", tmp_path / "home" / "cases" / "damaged")
    assert dcr("case", "delete", "damaged", home=tmp_path / "home").returncode == 0
    assert not damaged.exists()


def test_a_commit_that_is_cited_is_shown_with_the_lines_of_its_diff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha, patch = "a" * 40, "@@ -1,2 +1,2 @@\n def load():\n-    one()\n+\teach()\x1b[2J\n"
    commit = {"sha": sha, "repo": "shop", "committed_at": stamp(1), "message": "load each", "diff": patch}
    (tmp_path / "commits.json").write_text(json.dumps([commit]))
    (tmp_path / "no_repository").mkdir()
    monkeypatch.setenv("DCR_HOME", str(tmp_path / "home"))
    found = ["investigate", str(tmp_path / "commits.json"), "--repo", str(tmp_path / "no_repository"), "--case", "c"]
    assert "no git repository: give the folder that holds .git" in CliRunner().invoke(cli, found).stdout
    lines = CliRunner().invoke(cli, ["case", "show", "c", f"commit:shop@{sha}"]).stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if "@@ -1,2" in line)
    assert [line[21:] for line in lines[at + 1 : at + 3]] == [" def load():", "-    one()"]
    assert lines[at + 3][21:].startswith("+   each()")
    assert "\x1b[2J" not in "".join(lines)


def test_a_case_says_what_its_records_were_taken_for_and_why_others_were_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"head_sha": "a" * 40, "run_number": 1, "status": "completed", "created_at": stamp(1)}
    runs = {"workflow_runs": [{**run, "name": "Deploy cart"}, {**run, "name": "Tests"}, {**run, "name": "Lint"}]}
    (tmp_path / "runs.json").write_text(json.dumps(runs))
    monkeypatch.setenv("DCR_HOME", str(tmp_path / "home"))
    CliRunner().invoke(cli, ["investigate", str(tmp_path / "runs.json"), "--case", "c"])
    shown = CliRunner().invoke(cli, ["case", "show", "c"]).stdout
    assert "GitHub workflow run: 1\n    rejected: GitHub workflow run: no deploy: 2\n" in shown


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
        (["investigate", ".", "--repo", "/no/such/place"], 2),
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


def test_what_may_not_be_opened_is_said_and_the_rest_is_read(incident: Path, tmp_path: Path) -> None:
    # The superuser may open everything, unless it gives that right away.
    rights = "-dac_override,-dac_read_search"
    bound = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    if bound and not shutil.which("setpriv"):
        pytest.skip("needs util-linux's setpriv, as the superuser may read everything")
    evidence = shutil.copytree(incident, tmp_path / "evidence")
    (evidence / "locked.ndjson").write_text((incident / "logs.ndjson").read_text())
    (evidence / "locked").mkdir()
    (evidence / "elsewhere.log").symlink_to(incident / "logs.ndjson")
    (evidence / "again.log").symlink_to("logs.ndjson")
    (evidence / "round").symlink_to("round")
    for closed in ("locked.ndjson", "locked"):
        (evidence / closed).chmod(0)
    words = ["investigate", str(evidence), "--baseline", str(tmp_path / "calm"), "--format", "json"]
    (tmp_path / "calm").mkdir()
    environment = {**os.environ, "DCR_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [*bound, *DCR, *words], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    (evidence / "locked").chmod(0o700)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["causes"][0]["service"] == "stock"
    notes = {source["source"]: source["note"] for source in answer["case"]["evidence"] if not source["rows"]}
    assert {name: note.removeprefix("not read: ") for name, note in notes.items()} == {
        "locked.ndjson": "cannot be read: Permission denied",
        "locked": "the folder cannot be read: Permission denied",
        "elsewhere.log": "a link out of what was given; give what it leads to",
        "baseline/calm": "a folder without files",
    }


def test_a_page_that_cannot_be_written_costs_no_reading_and_no_answer(incident: Path, tmp_path: Path) -> None:
    at_once = dcr("investigate", incident, "--html", tmp_path / "none" / "page.html", home=tmp_path / "home")
    assert at_once.returncode == 2
    assert "none/page.html cannot be written" in at_once.stderr
    assert not (tmp_path / "home").exists()
    full = dcr("investigate", incident, "--html", "/dev/full", "--format", "json", home=tmp_path / "home")
    assert full.returncode == 2
    assert "No space left on device" in full.stderr
    assert json.loads(full.stdout)["causes"][0]["service"] == "stock"


def test_a_home_that_cannot_be_written_is_named(incident: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = dcr("investigate", incident, home=tmp_path / "taken" / "home")
    assert done.returncode == 1
    assert f"cases cannot be kept in {tmp_path / 'taken' / 'home'}: Not a directory" in done.stderr
    assert "DCR_HOME" in done.stderr


@pytest.mark.parametrize("gone", [True, False])
def test_a_case_whose_tables_are_damaged_is_to_be_read_again(told: Told, tmp_path: Path, gone: bool) -> None:
    home = shutil.copytree(told.home, tmp_path / "copied")
    table = next((home / "cases" / "orders").rglob("spans-*.parquet"))
    table.unlink() if gone else table.write_text("junk")
    done = dcr("report", "orders", home=home)
    assert done.returncode == 1
    assert str(home / "cases" / "orders") in done.stderr
    assert "read the evidence again" in done.stderr


def test_ctrl_c_leaves_no_half_written_case(incident: Path, tmp_path: Path) -> None:
    record = (incident / "logs.ndjson").read_text().splitlines()[0] + "\n"
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "big.ndjson").write_text(record * 400_000)
    home, scratch = tmp_path / "interrupted", tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [*DCR, "investigate", str(evidence), "--case", "half"],
        env={**os.environ, "DCR_HOME": str(home), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    tables = home / "cases" / "half" / "tables"
    deadline = time.monotonic() + 60
    while not tables.is_dir() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (home / "cases" / "half").exists()
    assert list(scratch.iterdir()) == []
