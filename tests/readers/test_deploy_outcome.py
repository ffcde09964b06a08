"""What became of a deploy is kept, whoever writes it down; where it went half-way, what says so is believed."""

from __future__ import annotations

from typing import Any

import pytest

from deep_code_reasoning.readers.change_records import rows_of

AT = {"service": "cart", "version": "v7", "timestamp": "2026-06-18T14:00:00Z"}

OUTCOMES: dict[str, list[dict[str, Any]]] = {
    "": [
        {},
        {"status": "SUCCEEDED"},
        {"state": "active"},
        {"status": "completed", "conclusion": "success"},
        {"status": "in_progress"},
        {"status": "superseded"},
        {"status": "whatever"},
    ],
    "failed": [
        {"status": "FAILED"},
        {"status": "completed", "conclusion": "failure"},
        {"result": "FAILURE", "message": "unit tests"},
        {"status": "failed: could not pull the image"},
        {"status": "failed", "message": "rolled back before it took any traffic"},
        {"status": "failed", "message": "health check: 0 of 6 pods became ready"},
        {"status": "failed", "jobs": [{"name": "test", "status": "failed"}, {"name": "deploy", "status": "skipped"}]},
        {"status": "failed", "updated_replicas": 0},
    ],
    "cancelled": [
        {"status": "canceled"},
        {"result": "ABORTED"},
        {"outcome": "rejected"},
        {"status": "rolled_back", "reason": "went back before it took effect"},
    ],
    "pending": [{"status": "queued"}, {"state": "on_hold"}, {"status": "NOT_STARTED"}],
    "partial": [
        {"status": "partially_succeeded"},
        {"status": "failed", "updatedReplicas": 2},
        {"status": "failed", "message": "2/6 pods updated, then the readiness probe failed"},
        {"status": "failed", "reason": "timed out waiting for the condition"},
        {"status": "aborted", "percent": "25%"},
        {"status": "failed", "stages": [{"type": "deploy", "name": "Deploy", "status": "TERMINAL"}]},
    ],
    "rolled_back": [{"status": "rolled_back"}, {"state": "rolled back", "message": "errors went up"}],
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_outcome_of_a_deploy_is_kept(outcome: str) -> None:
    for told in OUTCOMES[outcome]:
        ((row,), _) = rows_of({**AT, **told}, {})
        assert (row["kind"], row["attributes"].get("outcome", "")) == ("deploy", outcome), told


@pytest.mark.parametrize(
    ("told", "environment"),
    [
        ({"env": "Staging"}, "Staging"),
        ({"environment": {"name": "eu", "tier": "production"}}, "eu"),
        ({"namespace": "shop"}, ""),
        ({"namespace": "shop-staging"}, "shop-staging"),
        ({"stage": "deploy"}, ""),
        ({"stage": "preview"}, "preview"),
    ],
)
def test_its_environment_too_by_a_name_that_may_mean_others_only_where_it_does(
    told: dict[str, Any], environment: str
) -> None:
    ((row,), _) = rows_of({**AT, **told}, {})
    assert row["attributes"].get("environment", "") == environment


def test_delimited_text_says_it_in_a_column(read_evidence: Any) -> None:
    text = b"timestamp,service,version,status,env\n2026-06-18T14:00:00Z,cart,v7,FAILED,production\n"
    rows = read_evidence("changes-csv", {"deploys.csv": text})["deploys.csv"].rows
    assert [row["attributes"]["outcome"] for row in rows] == ["failed"]
