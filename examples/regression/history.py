"""Two weeks of commits in ten repositories and a week of deploys, written with `git fast-import`.

Authors, dates and contents follow from the seed, so that the same seed gives the same commit ids.
"""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .blueprint import REPOSITORIES, Files, Repository
from .changes import decoy, innocent
from .culprits import Culprit, edits_of

DAY_S = 86_400
COMMITS = 200
AUTHORS = 14
CULPRIT_COMPANIONS = 2  # commits at least that go out with the culprit


@dataclass
class Commit:
    """A commit that is planned; `sha` is known once it is written."""

    role: str
    at_s: int
    author: str
    message: str
    changed: Files
    kind: str  # innocent, decoy, culprit
    sha: str = ""


@dataclass(frozen=True)
class Deploy:
    """A version that went live, with the commits that are new in it."""

    role: str
    at_s: int
    version: str
    commits: tuple[Commit, ...]


@dataclass(frozen=True)
class History:
    """Everything that was changed, and when the culprit (or nothing) went live."""

    commits: list[Commit]
    deploys: list[Deploy]
    onset_s: int
    culprit: Commit | None


def plan(culprit: Culprit, end_s: int, chance: random.Random, since_s: int | None = None) -> History:
    """Commits of the fourteen days before `end_s`, and the deploys of the last eight.

    The culprit goes live `since_s` before the end, or else some days.
    """
    onset_s = end_s - (since_s or int(chance.uniform(2.2, 4.8) * DAY_S))
    deployed = culprit.hurt if culprit.role == "contracts" else culprit.role
    times = _deploy_times(end_s, onset_s, deployed, chance)
    slots = _commit_slots(end_s, chance)
    if culprit.message:
        since = max((at for at in times[deployed] if at < onset_s), default=onset_s - DAY_S)
        since = max(since, onset_s - 2 * DAY_S)
        for _ in range(CULPRIT_COMPANIONS):
            slots.append((chance.randint(since + 600, onset_s - 700), culprit.role, "innocent"))
        slots.append((chance.randint(since + 600, onset_s - 700), culprit.role, "culprit"))
        slots = slots[CULPRIT_COMPANIONS + 1 :]
    commits = _write_commits(sorted(slots), culprit, end_s, chance)
    found = next((commit for commit in commits if commit.kind == "culprit"), None)
    return History(commits, _deploys(times, commits, chance), onset_s, found)


def _deploy_times(end_s: int, onset_s: int, deployed: str, chance: random.Random) -> dict[str, list[int]]:
    """When each service is deployed: every day or two, and some right around the onset."""
    times: dict[str, list[int]] = {}
    for repository in REPOSITORIES:
        if repository.role == "contracts":
            continue
        at, own = end_s - 8 * DAY_S + chance.randint(0, DAY_S), []
        while at < end_s - 3600:
            if repository.role != deployed or abs(at - onset_s) > DAY_S // 4:
                own.append(at)
            at += int(chance.uniform(0.7, 2.0) * DAY_S)
        times[repository.role] = own
    times[deployed].append(onset_s)
    others = sorted(role for role in times if role != deployed)
    for role in chance.sample(others, 3):  # innocents right before and after
        times[role].append(onset_s + chance.randint(-5400, 3600))
    return {role: sorted(own) for role, own in times.items()}


def _commit_slots(end_s: int, chance: random.Random) -> list[tuple[int, str, str]]:
    roles = [repository.role for repository in REPOSITORIES]
    return [
        (end_s - chance.randint(3600, 14 * DAY_S), chance.choice(roles), "decoy" if place % 8 == 0 else "innocent")
        for place in range(COMMITS - len(REPOSITORIES))
    ]


def _write_commits(
    slots: list[tuple[int, str, str]], culprit: Culprit, end_s: int, chance: random.Random
) -> list[Commit]:
    repositories = {repository.role: repository for repository in REPOSITORIES}
    trees: dict[str, Files] = {}
    commits = []
    for repository in REPOSITORIES:
        trees[repository.role] = dict(repository.start)
        at = end_s - 15 * DAY_S + chance.randint(0, 3600)
        commits.append(
            Commit(
                repository.role,
                at,
                _author(chance),
                f"Start of {repository.name}",
                dict(trees[repository.role]),
                "innocent",
            )
        )
    for at, role, kind in slots:
        tree = trees[role]
        changed, message, kind = _change(repositories[role], tree, kind, culprit, chance)
        tree.update(changed)
        commits.append(Commit(role, at, _author(chance), message, changed, kind))
    return commits


def _change(
    repository: Repository, tree: Files, kind: str, culprit: Culprit, chance: random.Random
) -> tuple[Files, str, str]:
    if kind == "culprit":
        changed: Files = {}
        for edit in edits_of(culprit):
            text = changed.get(edit.path, tree.get(edit.path, ""))
            if edit.old not in text:
                raise ValueError(f"{edit.path} no longer has {edit.old!r}")
            changed[edit.path] = text.replace(edit.old, edit.new, 1) if edit.old else edit.new
        return changed, culprit.message, kind
    if kind == "decoy" and (change := decoy(repository, tree, chance)):
        return *change, kind
    return *innocent(repository, tree, chance), "innocent"


def _author(chance: random.Random) -> str:
    return f"dev-{chance.randint(1, AUTHORS):02}"


def _deploys(times: dict[str, list[int]], commits: list[Commit], chance: random.Random) -> list[Deploy]:
    deploys = []
    for role, own in times.items():
        major, minor = chance.randint(1, 5), chance.randint(0, 30)
        since = 0
        for at in own:
            sources = (role, "contracts") if role in ("orders", "payments") else (role,)
            new = tuple(commit for commit in commits if commit.role in sources and since < commit.at_s <= at)
            since = at
            minor += 1
            deploys.append(Deploy(role, at, f"{major}.{minor}.0", new))
    return sorted(deploys, key=lambda deploy: (deploy.at_s, deploy.role))


def write_repositories(history: History, folder: Path) -> None:
    """Make the ten repositories and note the ids of their commits."""
    for repository in REPOSITORIES:
        own = [commit for commit in history.commits if commit.role == repository.role]
        own.sort(key=lambda commit: commit.at_s)
        _import(folder / repository.name, own)


def _import(path: Path, commits: list[Commit]) -> None:
    path.mkdir(parents=True)
    plain = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    stream = bytearray()
    for mark, commit in enumerate(commits, 1):
        person = f"{commit.author} <{commit.author}@example.com> {commit.at_s} +0000"
        message = commit.message.encode()
        stream += (
            f"commit refs/heads/main\nmark :{mark}\nauthor {person}\ncommitter {person}\ndata {len(message)}\n".encode()
        )
        stream += message + b"\n"
        for name, text in sorted(commit.changed.items()):
            content = text.encode()
            stream += f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n"
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", "--template=", str(path)], check=True, env=plain)
    git = ["git", "-C", str(path)]
    marks = path / ".git" / "marks"
    subprocess.run(
        [*git, "fast-import", "--quiet", f"--export-marks={marks}"], input=bytes(stream), check=True, env=plain
    )
    for line in marks.read_text().splitlines():
        mark_text, sha = line.split()
        commits[int(mark_text[1:]) - 1].sha = sha
    marks.unlink()
    subprocess.run([*git, "reset", "--quiet", "--hard", "main"], check=True, env=plain)
