"""A folder of traces, what GitHub says of deployments, and commits: the commit is named, whatever else was tried."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.domain.instant import NS_PER_S, format_instant
from deep_code_reasoning.report.answer import as_json

T0 = 1_781_791_200 * NS_PER_S
MINUTE = 60 * NS_PER_S
ONSET_MIN = 30
GUILTY, RIVAL = "5be1c0ffee4a7b2d9c8e7f6a5b4c3d2e1f0a9b8c", "0d15ea5e4a7b2d9c8e7f6a5b4c3d2e1f0a9b8c77"
ERROR = 'relation "baskets_v2" does not exist'


def diff_of(table: str) -> str:
    return (
        "--- a/cart/db.py\n+++ b/cart/db.py\n@@ -3,2 +3,2 @@ def load(id):\n"
        "-    return db.one('SELECT name FROM baskets WHERE id = %s', id)\n"
        f"+    return db.one('SELECT name, tier FROM {table} WHERE id = %s', id)\n"
    )


def moment(minute: float) -> str:
    return format_instant(T0 + int(minute * MINUTE))


def spans() -> list[dict[str, Any]]:
    """An hour of requests to a shop that asks its cart; since the onset the cart fails."""
    found = []
    for number in range(600):
        start_ns, failing = T0 + number * 6 * NS_PER_S, number >= ONSET_MIN * 10
        for depth, service in enumerate(("web", "cart")):
            span = {
                "trace_id": f"{number:032x}",
                "span_id": f"{number:08x}{depth:08x}",
                "parent_span_id": f"{number:08x}{0:08x}" if depth else "",
                "service": service,
                "name": "GET /basket",
                "kind": "server",
                "start_time": format_instant(start_ns + depth * 1_000_000),
                "duration_ms": 20 - 5 * depth,
                "status": "error" if failing else "ok",
            }
            found.append({**span, "status_message": ERROR} if failing and depth else span)
    return found


def commit(sha: str, minute: float, table: str) -> dict[str, Any]:
    return {
        "sha": sha,
        "commit": {"message": "Read tiers of baskets", "committer": {"date": moment(minute)}},
        "html_url": f"https://github.com/harbor/cart/commit/{sha}",
        "author": {"login": "ines-k"},
        "files": [{"filename": "cart/db.py", "patch": diff_of(table).partition("+++ b/cart/db.py\n")[2]}],
    }


def deployment(name: int, sha: str, minute: float, environment: str = "production") -> dict[str, Any]:
    return {
        "id": name,
        "sha": sha,
        "ref": "main",
        "task": "deploy",
        "environment": environment,
        "created_at": moment(minute),
        "creator": {"login": "ines-k"},
        "statuses_url": f"https://api.github.com/repos/harbor/cart/deployments/{name}/statuses",
        "repository_url": "https://api.github.com/repos/harbor/cart",
    }


def state(of: int, word: str, minute: float) -> dict[str, Any]:
    url = f"https://api.github.com/repos/harbor/cart/deployments/{of}"
    return {"id": of, "state": word, "created_at": moment(minute), "deployment_url": url}


Answer = Callable[[list[dict[str, Any]], list[dict[str, Any]]], dict[str, Any]]


@pytest.fixture
def answer(tmp_path: Path) -> Answer:
    def given(deployments: list[dict[str, Any]], states: list[dict[str, Any]]) -> dict[str, Any]:
        commits = [commit(RIVAL, 5, "baskets_v2"), commit(GUILTY, 10, "baskets_v2")]
        evidence = {"commits": commits, "deployments": deployments, "statuses": states}
        for name, records in evidence.items():
            (tmp_path / f"{name}.json").write_text(json.dumps([records]), "utf-8")
        (tmp_path / "spans.jsonl").write_text("\n".join(map(json.dumps, spans())), "utf-8")
        return as_json(investigate(Evidence((tmp_path,))))

    return given


def test_the_commit_that_went_live_is_named_and_the_one_whose_deploy_failed_is_not(answer: Answer) -> None:
    told = answer(
        [deployment(8, RIVAL, 28.5), deployment(9, GUILTY, 29), deployment(7, RIVAL, 29.5, "staging")],
        [
            state(8, "failure", 28.8),
            state(9, "in_progress", 29.1),
            state(9, "success", 29.6),
            state(7, "success", 29.8),
        ],
    )
    cause = told["causes"][0]
    assert cause["change"] == {"kind": "commit", "id": GUILTY, "repo": "harbor/cart"}
    assert (cause["service"], cause["mechanism"]) == ("cart", "schema_mismatch")
    assert "deploy:9" in cause["citations"]
    assert {source["source"]: source["rejected"] for source in told["case"]["evidence"]} == dict.fromkeys(
        ("commits.json", "deployments.json", "statuses.json", "spans.jsonl"), 0
    )


@pytest.mark.parametrize("word", ["failure", "cancelled", "queued"])
def test_where_nothing_went_live_no_change_is_blamed_and_it_is_said_why(answer: Answer, word: str) -> None:
    told = answer([deployment(8, RIVAL, 28), deployment(9, GUILTY, 29)], [state(8, word, 28.5), state(9, word, 29.1)])
    assert [cause["change"] for cause in told["causes"]] == [None] * len(told["causes"])
    assert any("its deploy" in line for line in told["causes"][0]["against"])
