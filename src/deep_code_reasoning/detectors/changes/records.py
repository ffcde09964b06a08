"""Commits and their deploys, as a case has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...domain.citation import Citation, change_citation
from ...store import CaseStore
from .trial import Change, Rollout


def changes(store: CaseStore) -> tuple[Change, ...]:
    """All commits with their deploys; a deploy whose commit is not known stands as a change without a diff."""
    rows = store.query(
        "SELECT kind, id, time_ns, repo, service, commit_sha, message, files, diff FROM changes "
        "WHERE kind IN ('commit', 'deploy') ORDER BY time_ns, kind, id, repo"
    )
    rollouts: dict[str, list[Rollout]] = {}
    for row in rows:
        if row["kind"] == "deploy" and row["commit_sha"]:
            rollouts.setdefault(row["commit_sha"], []).append(Rollout(row["id"], row["service"], int(row["time_ns"])))
    commits = [row for row in rows if row["kind"] == "commit"]
    found = [_commit(row, _rollouts_of(row["commit_sha"] or row["id"], rollouts)) for row in commits]
    return tuple({(change.repo, change.sha): change for change in found}.values())


def _rollouts_of(sha: str, rollouts: dict[str, list[Rollout]]) -> tuple[Rollout, ...]:
    # Deploys often carry the short form of a commit's name; git's shortest is seven letters.
    exact = rollouts.get(sha)
    if exact:
        return tuple(exact)
    return tuple(
        r for short, found in rollouts.items() if 7 <= len(short) < len(sha) and sha.startswith(short) for r in found
    )


def _commit(row: dict[str, Any], rollouts: Sequence[Rollout]) -> Change:
    return Change(
        row["commit_sha"] or row["id"],
        row["message"],
        tuple(row["files"]),
        row["diff"],
        int(row["time_ns"]),
        row["repo"],
        tuple(rollouts),
    )


def cite_change(change: Change) -> tuple[Citation, ...]:
    """The commit and its deploys."""
    return (
        change_citation("commit", change.sha, change.repo),
        *(change_citation("deploy", r.id) for r in change.rollouts[:2]),
    )
