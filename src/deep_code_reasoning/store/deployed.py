"""Which commit a deploy brought, where it names a version, an image's tag or the beginning of a commit's name.

A pipeline writes of a deploy what it has at hand: `v2.27.6`, `shop:main-69fc29f`, `config@1254973f`. The commits of
the case tell what that is: by their own names, by the tags that git has on them, by the release that their message
announces.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..domain.rollout import NEVER_LIVE
from .engine import Database, Row

# Of changes: those that are not known never to have gone live.
WENT_LIVE: Final = f"attributes['outcome'] NOT IN {tuple(NEVER_LIVE)}"

# Git's shortest form has seven letters. A number so long is hardly ever how some commit's name happens to begin.
_SHORT: Final = re.compile(r"(?<![0-9a-z])g?([0-9a-f]{7,40})(?![0-9a-z])")
# A version, and what it is of: `v1.2.0`, `shop-1.2.0`, `services/shop/v1.2.0`, `shop@1.2.0-rc.1`.
_VERSION: Final = re.compile(r"(?:(.*)[-_/@])?v?(\d+(?:\.\d+)+(?:[-+.][0-9a-z.]+)?)")
# What tells nothing of whose version it is.
_ANYONES: Final = frozenset({"", "release", "rel", "version", "ver", "stable"})
# How a commit is told that makes a release of what came before: `chore(release): 1.2.0`, `Release v1.2.0`.
_RELEASE: Final = re.compile(r"\b(?:release|version|bump|prepare|tag)\b")
# Longer than any name of a version, or of a commit that announces one.
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class _Commit:
    sha: str
    repo: str
    time_ns: int


def deployed_commits(database: Database) -> Mapping[str, str]:
    """Find the commits that deploys brought: ids of deploys with a commit's whole name; those without are absent."""
    deploys = database.query(
        "SELECT id, time_ns, toString(repo) AS repo, toString(service) AS service, lower(commit_sha) AS sha, "
        "lower(version) AS version FROM changes WHERE kind = 'deploy' ORDER BY time_ns, id"
    )
    if not deploys:
        return {}
    commits = database.query(
        "SELECT commit_sha AS sha, time_ns, toString(repo) AS repo, lower(splitByChar('\n', message)[1]) AS title, "
        "lower(attributes['tags']) AS tags FROM changes WHERE kind = 'commit' ORDER BY time_ns, sha"
    )
    by_beginning: dict[str, set[str]] = defaultdict(set)
    for row in commits:
        by_beginning[row["sha"][:7].lower()].add(row["sha"])
    by_version = _by_version(commits)
    homes = _homes(deploys, {row["repo"] for row in commits}, by_version)
    found = {}
    for deploy in deploys:
        words = [deploy["sha"]] if deploy["sha"] else _SHORT.findall(deploy["version"])
        sha = _only({sha for word in words for sha in by_beginning.get(word[:7], ()) if sha.lower().startswith(word)})
        if not sha and not deploy["sha"]:
            repo = homes.get((deploy["service"], deploy["repo"]), "")
            sha = next((c.sha for c in _candidates(deploy, by_version) if c.repo == repo), "")
        if sha:
            found[deploy["id"]] = sha
    return found


def brought(scan: str) -> str:
    """A scan of the changes with the commits that deploys brought (the table `deployed_commits`)."""
    return (
        "SELECT t.* REPLACE (if(t.kind = 'deploy' AND d.sha != '', d.sha, t.commit_sha) AS commit_sha) "
        f"FROM ({scan}) AS t LEFT ANY JOIN deployed_commits AS d ON t.id = d.deploy"
    )


def _only(found: set[str]) -> str:
    return found.pop() if len(found) == 1 else ""


def _by_version(commits: Sequence[Row]) -> dict[str, list[_Commit]]:
    """The commits that bear a version; a tag says it with more right than a message."""
    found: dict[str, list[_Commit]] = defaultdict(list)
    for versions_of in (_tagged, _announced):
        for row in commits:
            commit = _Commit(row["sha"], row["repo"], int(row["time_ns"]))
            for version in versions_of(row):
                if all(other.repo != commit.repo for other in found[version]):
                    found[version].append(commit)
    return found


def _tagged(row: Row) -> Iterator[str]:
    for tag in row["tags"].split(", "):
        yield from _keys(tag, row["repo"])


def _announced(row: Row) -> Iterator[str]:
    if len(row["title"]) <= _LONGEST and _RELEASE.search(row["title"]):
        yield from _keys(row["title"].split()[-1], row["repo"])


def _keys(tag: str, repo: str) -> Iterator[str]:
    """What a tag is found by: itself, and its number, which is that of one package where it names one."""
    if 0 < len(tag) <= _LONGEST:
        yield tag
        if number := _VERSION.fullmatch(tag):
            package = _plain(number[1] or "")
            yield number[2] if package in _ANYONES | {_plain(repo)} else f"{package}@{number[2]}"


def _candidates(deploy: Row, by_version: Mapping[str, Sequence[_Commit]]) -> Iterator[_Commit]:
    """The commits that a deploy may have brought by its version, those that bear it as the service's own first."""
    service, keys = _plain(deploy["service"]), tuple(_keys(deploy["version"], deploy["service"]))
    for key in (*(f"{service}@{key.removeprefix('v')}" for key in keys), *keys):
        yield from (c for c in by_version.get(key, ()) if c.time_ns <= deploy["time_ns"])


def _homes(
    deploys: Sequence[Row], repositories: set[str], by_version: Mapping[str, Sequence[_Commit]]
) -> dict[tuple[str, str], str]:
    """By a service and the repository its deploys name: the repository of the case that its versions are of.

    It is the one that bears the name, else the one that has most of the versions, and had them when they went out.
    """
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for deploy in deploys:
        met = {commit.repo for commit in _candidates(deploy, by_version)}
        votes[deploy["service"], deploy["repo"]].update(met)
    homes = {}
    for (service, said), counted in votes.items():
        named = _namesake(said or service, repositories)
        best = counted.most_common(2)
        if named in counted:
            homes[service, said] = named
        elif not (said and named) and best and (len(best) == 1 or best[0][1] > best[1][1]):
            homes[service, said] = best[0][0]
    return homes


def _namesake(name: str, repositories: set[str]) -> str:
    """The repository that is called so, with or without an owner, or that the name begins with (`shop-api`, `shop`)."""
    last = _plain(name)
    alike = [repo for repo in repositories if last == _plain(repo) or last.startswith(f"{_plain(repo)}-")]
    return max(alike, key=lambda repo: (len(_plain(repo)), repo), default="")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", re.split("[/:]", name.lower().removesuffix(".git"))[-1]).strip("-")
