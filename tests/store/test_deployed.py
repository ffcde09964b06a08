"""Deploys say which commit they brought in many ways; each leads to that commit, or to none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.store import CaseStore

Build = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]

DAY = 86_400 * 10**9


def commit(sha: str, repo: str, day: int, tags: str = "", message: str = "work") -> dict[str, Any]:
    sha = sha.ljust(40, "0")
    return {
        "kind": "commit", "id": sha, "commit_sha": sha, "repo": repo, "time_ns": day * DAY, "message": message,
        "attributes": {"tags": tags} if tags else {}, "source_id": 1,
    }  # fmt: skip


COMMITS = [
    commit("a1a1a1a1", "shop", 1, "v1.4.0"),
    commit("a2a2a2a2", "shop", 3, "v1.5.0, latest-good"),
    commit("7894279", "shop", 4),
    commit("b1b1b1b1", "acme/stock", 1, "v1.4.0"),
    commit("b2b2b2b2", "acme/stock", 2, "v1.5.0"),
    commit("b3b3b3b3", "acme/stock", 9, "v2.0.0"),
    commit("c1c1c1c1", "all", 2, "billing@2.2.0, mailer-v0.9.1"),
    commit("c2c2c2c2", "all", 3, "", "chore(release): 3.1.0\n\nmore"),
    commit("c4c4c4c4", "all", 1, "mailer@2.2.0, services/stock/v2.2.0"),
    commit("c3c3c3c3", "all", 4, "", "Handle 9.9.0 of the protocol"),
    commit("d1d1d1d1", "config", 3),
]


def deployed(build_case: Build, deploys: Sequence[dict[str, Any]], commits: Sequence[dict[str, Any]] = ()) -> list[str]:
    rows = [
        {"kind": "deploy", "id": f"d{n}", "time_ns": 5 * DAY, "source_id": 1, **deploy}
        for n, deploy in enumerate(deploys)
    ]
    with build_case({"changes": [*COMMITS, *commits, *rows]}) as store:
        found = store.query("SELECT commit_sha FROM changes WHERE kind = 'deploy' ORDER BY id")
    return [row["commit_sha"].rstrip("0") for row in found]


@pytest.mark.parametrize(
    ("deploy", "sha"),
    [
        ({"service": "shop", "version": "v1.5.0"}, "a2a2a2a2"),
        ({"service": "shop", "version": "1.5.0"}, "a2a2a2a2"),
        ({"service": "shop-api", "version": "v1.4.0"}, "a1a1a1a1"),
        ({"service": "inventory", "repo": "stock", "version": "v1.4.0"}, "b1b1b1b1"),
        ({"service": "inventory", "repo": "git@git.example:stock.git", "version": "v1.4.0"}, "b1b1b1b1"),
        ({"service": "billing", "version": "2.2.0"}, "c1c1c1c1"),
        ({"service": "mailer", "version": "v2.2.0"}, "c4c4c4c4"),
        ({"service": "mailer", "version": "mailer-v0.9.1"}, "c1c1c1c1"),
        ({"service": "anything", "version": "v3.1.0"}, "c2c2c2c2"),
        ({"service": "anything", "version": "9.9.0"}, ""),
        ({"service": "anything", "version": "v1.5.0"}, ""),
        ({"service": "stock", "version": "v2.0.0"}, ""),
        ({"service": "shop", "version": "main-a2a2a2a2"}, "a2a2a2a2"),
        ({"service": "shop", "version": "main-7894279"}, "7894279"),
        ({"service": "shop", "version": "1.5.0-3-ga1a1a1a1"}, "a1a1a1a1"),
        ({"service": "shop", "version": "config@d1d1d1d1"}, "d1d1d1d1"),
        ({"service": "shop", "version": "20260926.1"}, ""),
        ({"service": "shop", "commit_sha": "a1a1a1a", "version": "v1.5.0"}, "a1a1a1a1"),
        ({"service": "shop", "commit_sha": "e1e1e1e1", "version": "v1.5.0"}, "e1e1e1e1"),
    ],
    ids=[
        "a tag", "a tag without its v", "a repository whose name the service's begins with", "a named repository",
        "an address",
        "one package of many", "another of the same version",
        "a whole tag", "a release that a message announces", "a version that a message mentions",
        "a tag of two repositories", "a tag from after the deploy", "an image's tag with a commit",
        "a commit all in digits", "git describe", "a revision of a configuration", "a date", "a short name",
        "a commit that is not known",
    ],
)  # fmt: skip
def test_a_deploy_leads_to_the_commit_that_it_brought(deploy: dict[str, Any], sha: str, build_case: Build) -> None:
    assert deployed(build_case, [deploy]) == [sha]


def test_a_service_is_of_the_repository_that_has_most_of_its_versions(build_case: Build) -> None:
    commits = [commit("f1f1f1f1", "warehouse", 2, "v1.7.0"), commit("f2f2f2f2", "warehouse", 3, "v1.5.0")]
    deploys = [{"service": "depot", "version": version} for version in ("v1.7.0", "v1.5.0")]
    assert deployed(build_case, deploys, commits) == ["f1f1f1f1", "f2f2f2f2"]
