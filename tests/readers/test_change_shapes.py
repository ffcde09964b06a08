"""What tools export of deploys is read by its shape, in whatever envelope, order and company it comes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deep_code_reasoning.readers.base import Head
from deep_code_reasoning.readers.change_records import NEITHER, rows_of
from deep_code_reasoning.readers.change_shapes import SHAPES
from deep_code_reasoning.readers.registry import choose
from deep_code_reasoning.readers.shaped_changes import shaped

CASES = Path(__file__).parent / "cases" / "changes-json"
DOCUMENTS = ("github-deploys", "pipelines", "cluster", "amazon", "markers")
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, the outer ones first."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def known(document: Any) -> list[dict[str, Any]]:
    return [record for record in objects(document) if shaped(record, {}) is not None]


RECORDS = [record for name in DOCUMENTS for record in known(json.loads((CASES / f"{name}.json").read_text("utf-8")))]


def test_no_row_of_the_table_lies_idle() -> None:
    seen = {id(found.shape) for record in RECORDS if (found := shaped(record, {})) is not None}
    told = {shape.tool for shape in SHAPES if id(shape) in seen}
    # Other forms of what is here, or in the tests of this file.
    others = {"Jenkins commit", "Argo CD sync", "CircleCI job", "CircleCI build", "GitHub workflow job"}
    others |= {"GitHub deployment event", "GitLab pipeline", "ECS service deployment", "Sentry deploy"}
    assert {shape.tool for shape in SHAPES} - told - others == set()


AT = "2026-06-18T14:00:00Z"
SHA = "5be1c0ffee4a7b2d9c8e7f6a5b4c3d2e1f0a9b8c"
FURTHER: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a webhook's deployment status": (
        {
            "deployment": {"id": 9, "sha": SHA, "environment": "production", "created_at": AT},
            "deployment_status": {"state": "failure", "created_at": AT},
            "repository": {"full_name": "harbor/cart"},
        },
        {"id": "9", "commit_sha": SHA, "repo": "harbor/cart", "outcome": "failed", "environment": "production"},
    ),
    "GitHub's GraphQL": (
        {
            "commitOid": SHA,
            "createdAt": AT,
            "environment": "production",
            "latestStatus": {"state": "INACTIVE"},
            "repository": {"nameWithOwner": "harbor/cart"},
        },
        {"commit_sha": SHA, "repo": "harbor/cart", "outcome": ""},
    ),
    "a job of a workflow": (
        {"id": 1, "run_id": 2, "head_sha": SHA, "name": "deploy (staging)", "workflow_name": "ci", "status":
         "completed", "conclusion": "cancelled", "started_at": AT, "steps": []},
        {"commit_sha": SHA, "outcome": "cancelled"},
    ),
    "CircleCI's first interface": (
        {"vcs_revision": SHA, "build_num": 7, "reponame": "cart", "username": "harbor", "subject": "Fix", "status":
         "success", "start_time": AT, "workflows": {"job_name": "deploy-cart"}},
        {"commit_sha": SHA, "service": "cart", "repo": "cart"},
    ),
    "a deployment of an ECS service": (
        {"serviceDeploymentArn": "arn:aws:ecs:r:1:service-deployment/shop/cart/abc", "serviceArn":
         "arn:aws:ecs:r:1:service/shop/cart", "startedAt": AT, "status": "ROLLBACK_SUCCESSFUL"},
        {"id": "abc", "service": "cart", "outcome": "partial"},
    ),
    "a deploy of a Sentry release": (
        {"id": "3", "environment": "production", "dateStarted": AT, "dateFinished": AT, "release": "cart@1.2.3"},
        {"id": "3", "service": "cart", "version": "1.2.3", "environment": "production"},
    ),
    "a pipeline that is called for it": (
        {"id": 4, "iid": 2, "sha": SHA, "ref": "main", "status": "manual", "source": "web", "name":
         "Release cart 1.2.3", "web_url": "https://gitlab.example/harbor/cart/-/pipelines/4", "created_at": AT},
        {"commit_sha": SHA, "repo": "harbor/cart", "service": "cart", "outcome": "pending"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FURTHER)
def test_other_forms_are_read_too(name: str) -> None:
    record, expected = FURTHER[name]
    rows, reason = rows_of(record, {})
    assert reason == ""
    told = {**rows[0], **rows[0]["attributes"]}
    assert {column: told.get(column, "") for column in expected} == expected
    assert rows[0]["time_ns"] == 1781791200_000_000_000


def test_a_run_of_tests_is_rejected_for_what_it_is(read_evidence: Any) -> None:
    run = {"head_sha": SHA, "run_number": 1, "status": "completed", "name": "Tests", "created_at": AT}
    document = json.dumps({"workflow_runs": [run, {**run, "name": "Deploy"}, {"a": 1}]}).encode()
    outcome = read_evidence("changes-json", {"runs.json": document})["runs.json"]
    assert len(outcome.rows) == 1
    assert [piece["reason"] for piece in outcome.rejected] == ["GitHub workflow run: no deploy", NEITHER]


def test_what_stands_around_an_event_is_no_record_and_tells_its_repository(read_evidence: Any) -> None:
    run = {"id": 1, "name": "Deploy", "head_sha": SHA, "run_number": 4, "status": "completed", "created_at": AT}
    event = {"action": "completed", "workflow_run": run, "repository": {"id": 5, "full_name": "harbor/cart"}}
    outcome = read_evidence("changes-json", {"event.json": json.dumps(event).encode()})["event.json"]
    assert [(row["repo"], row["commit_sha"]) for row in outcome.rows] == [("harbor/cart", SHA)]
    assert outcome.rejected == []


def test_states_in_a_file_of_their_own_belong_to_the_deployments_of_the_other(read_evidence: Any) -> None:
    whole = json.loads((CASES / "github-deploys.json").read_text("utf-8"))
    apart = {name: json.dumps(whole[name]).encode() for name in ("deployments", "deployment_statuses")}
    outcomes = read_evidence("changes-json", apart)
    told = {row["id"]: row["attributes"].get("outcome", "") for row in outcomes["deployments"].rows}
    assert told == {"910": "", "909": "failed", "908": ""}
    assert outcomes["deployment_statuses"].rows == []
    assert len(outcomes["deployment_statuses"].rejected) == 1


def test_deploys_among_alerts_are_deploys(read_evidence: Any) -> None:
    alert = {"title": "[Triggered] latency is high", "text": "p95", "date_happened": 1781791200, "alert_type": "error"}
    deploy = {"title": "Deployed cart 1.2.3", "text": "", "date_happened": 1781791100, "tags": ["service:cart"]}
    events = json.dumps({"events": [alert, {**alert, "title": "[Triggered] disk"}, alert, deploy]}).encode()
    reader = choose(Head("events.json", events, True))
    assert reader is not None
    assert reader.format == "notices-json"
    tables = read_evidence(reader.format, {"events.json": events})["events.json"].tables
    assert [(row["service"], row["version"]) for row in tables["changes"]] == [("cart", "1.2.3")]
    assert len(tables["notices"]) == 3


def disordered(draw: Any, value: Any) -> Any:
    """The same with its members and lists in another order, and members that nobody knows."""
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        mixed = {name: disordered(draw, value[name]) for name in names}
        return {**mixed, f"x_{draw(st.integers(0, 99))}": draw(JSON)} if draw(st.booleans()) else mixed
    return [disordered(draw, item) for item in value] if isinstance(value, list) else value


def wrapped(draw: Any, value: Any) -> Any:
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(("data", "response", "page", "deployments", "body")))
        value = draw(st.sampled_from(([value], {name: value}, {name: [value], "total": 1})))
    return value


def test_in_any_envelope_and_order_all_is_read_or_rejected_with_a_reason(read_evidence: Any) -> None:
    rest = {"phases": [Phase.generate], "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}

    @settings(max_examples=25, derandomize=True, database=None, deadline=None, **rest)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        records = data.draw(st.lists(st.sampled_from(RECORDS), min_size=1, max_size=4))
        strange = data.draw(st.lists(JSON | st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=2))
        mixed = [*(disordered(data.draw, record) for record in records), *strange]
        random.Random(data.draw(st.integers(0, 99))).shuffle(mixed)
        document = json.dumps(wrapped(data.draw, mixed)).encode()
        outcome = read_evidence("changes-json", {"x.json": document})["x.json"]
        assert all(piece["reason"] for piece in outcome.rejected)
        expected = sum(len([row for row in rows_of(record, {})[0] if row["kind"] != "part"]) for record in records)
        repeated = len(records) - len({json.dumps(record) for record in records})
        merging = sum(row.get("merges", False) for record in records for row in rows_of(record, {})[0])
        assert len(outcome.rows) >= expected - repeated - merging
        assert len(outcome.rows) <= expected

    check()


def test_half_a_record_is_no_fault_of_ours() -> None:
    @settings(max_examples=200, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        record = dict(data.draw(st.sampled_from(RECORDS)))
        for name in data.draw(st.lists(st.sampled_from(sorted(record)), max_size=4)):
            record[name] = data.draw(
                JSON | st.dictionaries(st.sampled_from(("id", "name", "status")), JSON, max_size=3)
            )
        rows, reason = rows_of(record, {})
        assert bool(rows) != bool(reason)
        assert all(row["time_ns"] > 0 or row["kind"] == "part" for row in rows if row["kind"] != "commit")

    check()
