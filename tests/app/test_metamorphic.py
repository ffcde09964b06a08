"""What must not change an answer, over all detectors and the ranking at once: on a real incident.

Each test changes the evidence in a way that means nothing, or whose meaning is known, and compares the causes whole.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.ingest import Evidence, ingest
from deep_code_reasoning.app.investigate import investigate, investigate_case
from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.domain.instant import parse_instant
from deep_code_reasoning.report.answer import as_json

EXAMPLE = Path(__file__).parents[2] / "examples" / "ticket-booking" / "evidence"
NAMES = ("traces.otlp.jsonl.gz", "logs.otlp.jsonl.gz", "metrics.otlp.jsonl.gz")
Documents = dict[str, list[dict[str, Any]]]


def load() -> Documents:
    return {name: [json.loads(line) for line in gzip.open(EXAMPLE / name, "rt")] for name in NAMES}


def save(folder: Path, documents: Documents) -> Path:
    folder.mkdir()
    shutil.copy(EXAMPLE / "incident.json", folder)
    for name, lines in documents.items():
        (folder / name.removesuffix(".gz")).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def answer(*paths: Path, info: CaseInfo | None = None) -> dict[str, Any]:
    return as_json(investigate(Evidence(paths, info=info or CaseInfo(""))))


def causes(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The causes without what names lines of files."""
    kept = []
    for cause in told["causes"]:
        citations = [c for c in cause["citations"] if not c.startswith("log:")]
        kept.append({**cause, "citations": citations})
    return kept


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence as it is, read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCR_HOME", str(tmp_path_factory.mktemp("home")))
        return ingest(Evidence((EXAMPLE,)))


@pytest.fixture(scope="module")
def plain(case: Path) -> dict[str, Any]:
    return asked_anew(case)


def asked_anew(case: Path, noticed_at_ns: int | None = None) -> dict[str, Any]:
    return as_json(investigate_case(case, CaseInfo("", noticed_at_ns=noticed_at_ns)))


def test_the_order_of_rows_and_files_means_nothing(plain: dict[str, Any], tmp_path: Path) -> None:
    chance = random.Random(7)
    documents = load()
    inner = {"resourceSpans": ("scopeSpans", "spans"), "resourceLogs": ("scopeLogs", "logRecords")}
    for lines in documents.values():
        for line in lines:
            for root, (scope, records) in inner.items():
                for resource in line.get(root, []):
                    for group in resource[scope]:
                        chance.shuffle(group[records])
        chance.shuffle(lines)
    assert causes(answer(save(tmp_path / "shuffled", documents))) == causes(plain)


def test_a_service_that_has_nothing_to_do_with_it_changes_no_cause(plain: dict[str, Any], tmp_path: Path) -> None:
    documents = load()
    start = parse_instant("2023-01-29T10:03:00Z") or 0
    who = {"attributes": [{"key": "service.name", "value": {"stringValue": "weather"}}]}
    spans = [
        {"traceId": f"{n:032x}", "spanId": f"{n:016x}", "name": "forecast", "startTimeUnixNano": str(start + n * 10**9),
         "endTimeUnixNano": str(start + n * 10**9 + 7_000_000 + n % 5 * 100_000)}
        for n in range(1, 360)
    ]  # fmt: skip
    documents[NAMES[0]].append({"resourceSpans": [{"resource": who, "scopeSpans": [{"spans": spans}]}]})
    told = causes(answer(save(tmp_path / "more", documents)))
    assert [essence(cause) for cause in told] == [essence(cause) for cause in causes(plain)]


def essence(cause: dict[str, Any]) -> tuple[Any, ...]:
    return cause["service"], cause["mechanism"], cause["operation"], cause["code_region"], cause["resource"]


def test_the_same_file_twice_is_the_same_case(plain: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "twice"
    shutil.copytree(EXAMPLE, folder)
    shutil.copytree(EXAMPLE, folder / "copy")
    told = answer(folder)
    assert causes(told) == causes(plain)
    assert [source["rows"] for source in told["case"]["evidence"] if source["source"].startswith("copy/")] == [0] * 4


def test_names_of_services_mean_nothing(plain: dict[str, Any], tmp_path: Path) -> None:
    chance = random.Random(11)
    words: dict[str, str] = {}

    def rename(text: str) -> str:
        # As long as it was: the texts of log lines are cut at a length.
        return re.sub(r"\bts-[a-z0-9-]+-service", lambda m: words.setdefault(m[0], new_word(m[0])), text)

    def new_word(old: str) -> str:
        return "".join(chance.choices("bcdfghjklmnpqrstvwxz", k=len(old)))

    renamed = {name: [json.loads(rename(json.dumps(line))) for line in lines] for name, lines in load().items()}
    told = causes(answer(save(tmp_path / "renamed", renamed)))
    expected = [json.loads(rename(json.dumps(cause))) for cause in causes(plain)]
    assert [essence(cause) for cause in told] == [essence(cause) for cause in expected]


@pytest.mark.parametrize("shift_s", [-60, 60])
def test_a_wrong_time_of_notice_changes_no_first_cause(case: Path, plain: dict[str, Any], shift_s: int) -> None:
    noticed = (parse_instant(plain["case"]["noticed_at"]) or 0) + shift_s * 10**9
    told = causes(asked_anew(case, noticed))
    assert essence(told[0]) == essence(causes(plain)[0])


@pytest.mark.parametrize(
    ("deployed", "is_suspected"), [("2023-01-29T10:20:00Z", False), ("2023-01-29T09:50:00Z", True)]
)
def test_a_deploy_takes_confidence_from_a_cause_without_a_change_only_where_it_came_before_it(
    plain: dict[str, Any], tmp_path: Path, deployed: str, is_suspected: bool
) -> None:
    deploys = [{"service": "ts-station-service", "timestamp": deployed, "commit_sha": "c0ffee1"}]
    (tmp_path / "deploys.json").write_text(json.dumps(deploys))
    (told, *_), (known, *_) = causes(answer(EXAMPLE, tmp_path / "deploys.json")), causes(plain)
    assert essence(told) == essence(known)
    assert told["change"] is None
    assert (told["confidence"] < known["confidence"]) is is_suspected


def test_all_at_another_time_is_the_same_story(plain: dict[str, Any], tmp_path: Path) -> None:
    def shifted(value: Any, move: Callable[[str], str]) -> Any:
        if isinstance(value, dict):
            return {k: move(v) if k.endswith("UnixNano") else shifted(v, move) for k, v in value.items()}
        return [shifted(item, move) for item in value] if isinstance(value, list) else value

    later = {name: shifted(lines, lambda ns: str(int(ns) + 86_400 * 10**9)) for name, lines in load().items()}
    folder = save(tmp_path / "later", later)
    noticed = (parse_instant(plain["case"]["noticed_at"]) or 0) + 86_400 * 10**9
    told = causes(answer(folder, info=CaseInfo("", noticed_at_ns=noticed)))
    assert [essence(cause) for cause in told] == [essence(cause) for cause in causes(plain)]


def test_tables_on_disk_and_in_memory_give_the_same_answer(
    case: Path, plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deep_code_reasoning.store.case.IN_MEMORY_BYTES", 0)
    monkeypatch.setattr("deep_code_reasoning.store.case.HELD_FOR_ANALYSIS_BYTES", 0)
    assert causes(asked_anew(case)) == causes(plain)


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("timestamp,service,metric,value\n2026-01-01T00:00:00Z,a,b,1\n")
    told = answer(tmp_path / "metrics.csv")
    assert told["causes"] == []
    assert told["findings"] == []
    assert told["verdict"] in ("healthy", "insufficient_evidence")
