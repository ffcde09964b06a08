"""Commits, deploys and flag changes are told by their content and read whole, whoever exported them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.readers.base import read_head
from deep_code_reasoning.readers.change_records import kind_of, rows_of
from deep_code_reasoning.readers.registry import choose

T0 = 1781791200_000_000_000
SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
DIFF = "diff --git a/cart/a.py b/cart/a.py\n--- a/cart/a.py\n+++ b/cart/a.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n"

RECORDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a webhook's commit": (
        {
            "id": SHA,
            "message": "Fix",
            "timestamp": "2026-06-18T14:00:00Z",
            "url": f"https://github.com/example/shop/commit/{SHA}",
            "author": {"name": "Ada", "email": "ada@example.com", "username": "ada"},
            "added": ["a.py"],
            "removed": [],
            "modified": ["b.py"],
        },
        {
            "kind": "commit",
            "id": SHA,
            "commit_sha": SHA,
            "time_ns": T0,
            "repo": "example/shop",
            "author": "Ada",
            "message": "Fix",
            "files": ["a.py", "b.py"],
            "attributes": {"author.email": "ada@example.com", "author.username": "ada"},
        },
    ),
    "a change feed's commit": (
        {
            "type": "commit",
            "id": SHA,
            "service": "cart",
            "at": "2026-06-18T14:00:00Z",
            "by": "ada",
            "repo": "shop",
            "title": "Fix",
            "paths": ["a.py"],
        },
        {
            "kind": "commit",
            "id": SHA,
            "commit_sha": SHA,
            "time_ns": T0,
            "repo": "shop",
            "author": "ada",
            "message": "Fix",
            "files": ["a.py"],
            "attributes": {"type": "commit", "service": "cart"},
        },
    ),
    "a change feed's deploy": (
        {"type": "deploy", "id": "d-7", "service": "cart", "at": "2026-06-18T14:00:00Z", "by": "ada", "sha": SHA},
        {
            "kind": "deploy",
            "id": "d-7",
            "time_ns": T0,
            "service": "cart",
            "commit_sha": SHA,
            "author": "ada",
            "attributes": {"type": "deploy"},
        },
    ),
    "a deploy that carries along the commit that it is of": (
        {
            "ts": "2026-06-18T14:00:00Z",
            "event": "deploy",
            "event_id": "d-8",
            "target": "cart",
            "actor": "ada",
            "summary": "Fix",
            "revision": SHA,
            "tag": "b-77",
            "patch": DIFF,
        },
        {
            "kind": "deploy",
            "id": "d-8",
            "time_ns": T0,
            "service": "cart",
            "commit_sha": SHA,
            "version": "b-77",
            "author": "ada",
            "message": "Fix",
            "files": ["cart/a.py"],
            "diff": DIFF,
            "attributes": {"event": "deploy"},
        },
    ),
    "a setting that went live, with a diff": (
        {
            "id": "cm-3",
            "kind": "config",
            "service": "cart",
            "commit": SHA,
            "at": "2026-06-18T14:00:00Z",
            "summary": "Fix",
            "diff": DIFF,
        },
        {
            "kind": "deploy",
            "id": "cm-3",
            "time_ns": T0,
            "service": "cart",
            "commit_sha": SHA,
            "message": "Fix",
            "files": ["cart/a.py"],
            "diff": DIFF,
            "attributes": {"kind": "config"},
        },
    ),
    "a deploy with a link to what it brought": (
        {
            "service": "cart",
            "version": "v7",
            "deployed_at": "2026-06-18T14:00:00Z",
            "diff": "https://example.com/compare/v6...v7",
        },
        {
            "kind": "deploy",
            "id": "cart@v7",
            "time_ns": T0,
            "service": "cart",
            "version": "v7",
            "attributes": {"diff": "https://example.com/compare/v6...v7"},
        },
    ),
    "GitLab's commit": (
        {
            "id": SHA,
            "short_id": "6dcb09b",
            "title": "Fix",
            "message": "Fix\n\nIt was broken.",
            "author_name": "Ada",
            "committed_date": "2026-06-18T16:00:00.000+02:00",
            "diffs": [{"old_path": "a.py", "new_path": "a.py", "diff": "@@ -1 +1 @@\n-x\n+y"}],
        },
        {
            "kind": "commit",
            "id": SHA,
            "commit_sha": SHA,
            "time_ns": T0,
            "author": "Ada",
            "message": "Fix\n\nIt was broken.",
            "files": ["a.py"],
            "diff": "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y",
            "attributes": {"short_id": "6dcb09b", "title": "Fix"},
        },
    ),
    "Bitbucket's commit": (
        {
            "hash": SHA,
            "date": "2026-06-18T14:00:00+00:00",
            "message": "Fix",
            "author": {"raw": "Ada <ada@example.com>"},
            "repository": {"full_name": "example/shop"},
        },
        {
            "kind": "commit",
            "id": SHA,
            "commit_sha": SHA,
            "time_ns": T0,
            "repo": "example/shop",
            "author": "Ada <ada@example.com>",
            "message": "Fix",
        },
    ),
    "a diff that names its files": (
        {
            "sha": SHA,
            "message": "Fix",
            "time": 1781791200,
            "patch": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n",
        },
        {
            "kind": "commit",
            "id": SHA,
            "commit_sha": SHA,
            "time_ns": T0,
            "message": "Fix",
            "files": ["a.py"],
            "diff": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n",
        },
    ),
    "GitHub's deployment": (
        {
            "id": 42,
            "sha": SHA,
            "ref": "main",
            "task": "deploy",
            "environment": "production",
            "created_at": "2026-06-18T14:00:00Z",
            "creator": {"login": "ada"},
            "repository_url": "https://api.github.com/repos/example/shop",
        },
        {
            "kind": "deploy",
            "id": "42",
            "time_ns": T0,
            "repo": "example/shop",
            "commit_sha": SHA,
            "version": "main",
            "author": "ada",
            "attributes": {"read_as": "GitHub deployment", "environment": "production"},
        },
    ),
    "GitHub's deployment, with the service in its payload": (
        {
            "id": 43,
            "sha": SHA,
            "ref": "main",
            "task": "deploy",
            "created_at": "2026-06-18T14:00:00Z",
            "repository": {"full_name": "example/environments"},
            "payload": {"service": "cart", "version": "1.2.3"},
        },
        {
            "kind": "deploy",
            "id": "43",
            "time_ns": T0,
            "repo": "example/environments",
            "service": "cart",
            "commit_sha": SHA,
            "version": "1.2.3",
            "attributes": {"read_as": "GitHub deployment"},
        },
    ),
    "GitHub's deployment, with its payload as text": (
        {
            "id": 44,
            "sha": SHA,
            "task": "deploy",
            "created_at": "2026-06-18T14:00:00Z",
            "environment": "production",
            "payload": '{"app": "cart"}',
        },
        {
            "kind": "deploy",
            "id": "44",
            "time_ns": T0,
            "service": "cart",
            "commit_sha": SHA,
            "attributes": {"read_as": "GitHub deployment", "environment": "production"},
        },
    ),
    "Helm's history": (
        {
            "revision": 3,
            "updated": "2026-06-18T14:00:00.5Z",
            "status": "deployed",
            "chart": "cart-1.2.3",
            "app_version": "7.1",
            "description": "Upgrade complete",
        },
        {
            "kind": "deploy",
            "id": "cart@7.1",
            "time_ns": T0 + 500_000_000,
            "service": "cart",
            "version": "7.1",
            "message": "Upgrade complete",
            "attributes": {"read_as": "Helm revision", "state": "deployed"},
        },
    ),
    "a revision of the configuration goes out": (
        {"service": "cart", "started_at": "2026-06-18T14:00:00Z", "config_revision": "ops-config@1254973f"},
        {
            "kind": "deploy",
            "id": "cart@ops-config@1254973f",
            "time_ns": T0,
            "service": "cart",
            "version": "ops-config@1254973f",
        },
    ),
    "milliseconds since the epoch": (
        {"deployed_at_ms": "1781791200000", "application": "cart", "revision": SHA, "phase": "Succeeded"},
        {
            "kind": "deploy",
            "id": f"cart@{SHA}",
            "time_ns": T0,
            "service": "cart",
            "commit_sha": SHA,
            "version": SHA,
            "attributes": {"phase": "Succeeded"},
        },
    ),
    "a deploy from one version to another": (
        {"app": "cart", "old_version": "v6", "new_version": "v7", "deployed_at": 1781791200000, "user": "ci"},
        {
            "kind": "deploy",
            "id": "cart@v7",
            "time_ns": T0,
            "service": "cart",
            "version": "v7",
            "author": "ci",
            "message": "v6->v7",
        },
    ),
    "a deploy without a version": (
        {"service": "cart", "type": "deployment", "timestamp": "2026-06-18T14:00:00Z"},
        {
            "kind": "deploy",
            "id": "cart@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "service": "cart",
            "attributes": {"type": "deployment"},
        },
    ),
    "a flag that was switched": (
        {"feature": "fast_cart", "enabled": True, "updatedAt": "2026-06-18T14:00:00Z", "user": "ada"},
        {
            "kind": "flag",
            "id": "fast_cart@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "author": "ada",
            "message": "on",
            "attributes": {"flag": "fast_cart"},
        },
    ),
    "a switch known by what stood before and after": (
        {
            "id": "f-1",
            "name": "fast-cart",
            "service": "cart",
            "changed_at": "2026-06-18T14:00:00Z",
            "from": "off",
            "to": "10%",
            "actor": "ci",
        },
        {
            "kind": "flag",
            "id": "f-1",
            "time_ns": T0,
            "service": "cart",
            "author": "ci",
            "message": "off->10%",
            "attributes": {"flag": "fast-cart"},
        },
    ),
    "a setting of which whole objects were written down": (
        {
            "key": "fast-cart",
            "at": "2026-06-18T14:00:00Z",
            "before": {"enabled": False, "pct": 5},
            "after": {"enabled": True, "pct": 5},
        },
        {
            "kind": "flag",
            "id": "fast-cart@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "message": "enabled=false->enabled=true",
            "attributes": {"flag": "fast-cart"},
        },
    ),
    "OpenFeature's variants": (
        {"flagKey": "fast-cart", "ts": 1781791200, "previousVariant": "control", "variant": "blue"},
        {
            "kind": "flag",
            "id": "fast-cart@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "message": "control->blue",
            "attributes": {"flag": "fast-cart"},
        },
    ),
    "LaunchDarkly's audit log": (
        {
            "_id": "5f",
            "date": 1781791200000,
            "kind": "flag",
            "name": "Fast cart",
            "titleVerb": "turned on the flag",
            "member": {"email": "ada@example.com"},
        },
        {
            "kind": "flag",
            "id": "5f",
            "time_ns": T0,
            "author": "ada@example.com",
            "message": "turned on the flag",
            "attributes": {"read_as": "LaunchDarkly entry", "flag": "Fast cart"},
        },
    ),
    "Unleash's event": (
        {
            "id": 7,
            "type": "feature-environment-enabled",
            "createdBy": "ada",
            "createdAt": "2026-06-18T14:00:00Z",
            "featureName": "fast-cart",
            "environment": "production",
        },
        {
            "kind": "flag",
            "id": "7",
            "time_ns": T0,
            "author": "ada",
            "message": "feature-environment-enabled",
            "attributes": {"read_as": "Unleash event", "flag": "fast-cart", "environment": "production"},
        },
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_change_is_known_whoever_exported_it(name: str) -> None:
    record, expected = RECORDS[name]
    told = [{column: cell for column, cell in row.items() if cell} for row in rows_of(record, {})[0]]
    rows = [{column: cell for column, cell in row.items() if column != "key"} for row in told]
    assert rows == [expected]
    assert kind_of(record)[1] >= 0.5


@pytest.mark.parametrize(
    "record",
    [
        {"timestamp": "2026-06-18T14:00:00Z", "service": "cart", "level": "info", "msg": "v7 is up", "version": "v7"},
        {"timestamp": "2026-06-18T14:00:00Z", "service": "cart", "metric": "p99", "value": 1, "version": "v7"},
        {"trace_id": "a", "span_id": "b", "service": "cart", "version": "v7", "timestamp": "2026-06-18T14:00:00Z"},
        {"service": "cart", "fired_at": "2026-06-18T14:00:00Z", "summary": "down", "version": "v7"},
        {"name": "cart", "id": "7"},
        {"name": "cart", "from": "v1.2.3", "to": "v1.2.4", "at": "2026-06-18T14:00:00Z"},
        {"name": "cart", "from": "off", "at": "2026-06-18T14:00:00Z"},
    ],
)
def test_what_is_no_change_is_not_taken_for_one(record: dict[str, Any]) -> None:
    assert kind_of(record) == ("", 0.0)


def test_the_document_around_commits_says_their_repository(read_evidence: Any) -> None:
    push = {
        "ref": "refs/heads/main",
        "repository": {"full_name": "example/shop"},
        "commits": [{"id": SHA, "message": "Fix", "timestamp": "2026-06-18T14:00:00Z", "author": {"name": "Ada"}}],
    }
    rows = read_evidence("changes-json", {"push.json": json.dumps(push).encode()})["push.json"].rows
    assert [(row["repo"], row["id"], row["author"]) for row in rows] == [("example/shop", SHA, "Ada")]


def test_what_is_neither_is_rejected_beside_what_is(read_evidence: Any) -> None:
    text = f'[\n{{"sha": "{SHA}", "message": "Fix", "author": "Ada"}},\n{{"note": "nothing"}},\n17\n]'
    outcome = read_evidence("changes-json", {"x.json": text.encode()})["x.json"]
    assert [(row["line"], row["id"]) for row in outcome.rows] == [(2, SHA)]
    assert [(piece["line"], piece["reason"]) for piece in outcome.rejected] == [
        (3, "neither a commit, a deploy nor a flag change"),
        (4, "neither a commit, a deploy nor a flag change"),
    ]


def test_the_incidents_of_the_labelled_suite_are_read_without_a_reject(labelled_data: Path, read_evidence: Any) -> None:
    paths = sorted((labelled_data / "rootcausebench").glob("case-*/**/*.json"))
    own = [(path, reader) for path in paths if (reader := choose(read_head(path)[0])) is not None]
    for format_name, names in (
        ("changes-json", {"commits.json", "deploys.json", "flags.json"}),
        ("notices-json", {"alert.json", "patterns.json", "status_feed.json"}),
    ):
        files = {path.relative_to(labelled_data).as_posix(): path.read_bytes() for path in paths if path.name in names}
        chosen = {path.relative_to(labelled_data).as_posix() for path, reader in own if reader.format == format_name}
        assert chosen == set(files)
        for name, outcome in read_evidence(format_name, files).items():
            records = json.loads(files[name])
            count = len(records.get("events", [records]) if isinstance(records, dict) else records)
            assert (len(outcome.rows), outcome.rejected) == (count, []), name
            assert all(row["time_ns"] or row["kind"] == "pattern" for row in outcome.rows), name
            assert len({row["id"] for row in outcome.rows}) == count, name
