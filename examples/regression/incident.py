"""The whole incident: repositories, deploys, curves, traces of before and after, and the answer beside them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from examples.simulator.kernel import SECOND
from examples.simulator.simulate import instant

from .blueprint import REPOSITORIES
from .culprits import KINDS, Culprit, edits_of
from .evidence import Stretch, curves, record, rise_of
from .history import DAY_S, History, plan, write_repositories

RISE = 0.4
RECORDED_BEFORE_END_S = 1500  # the stretch of after begins so long before somebody notices
ATTEMPTS = 5
TOLERANCE = 0.12


@dataclass(frozen=True)
class Wish:
    """Which incident to make; `continuous`: its two stretches are one recording, with the deploy in the middle."""

    kind: str
    seed: int
    size_bytes: int
    continuous: bool = False


def make(wish: Wish, folder: Path) -> dict[str, Any]:
    """Write `repos/`, `evidence/` and `answer.json` into a folder; returns the answer."""
    culprit = KINDS[wish.kind]
    chance = random.Random(f"{wish.seed}/{wish.kind}/history")
    end = datetime(
        2026, chance.randint(2, 10), chance.randint(1, 28), chance.randint(9, 18), chance.randint(0, 59), tzinfo=UTC
    )
    end_s = int(end.timestamp())
    history = plan(culprit, end_s, chance, RECORDED_BEFORE_END_S if wish.continuous else None)
    write_repositories(history, folder / "repos")
    evidence = folder / "evidence"
    before, after = _stretches(wish, culprit, history, end_s, evidence)
    names = {repository.role: repository.name for repository in REPOSITORIES if repository.role != "contracts"}
    names = {"edge": "gateway", **names}
    names.pop("ledger")
    names.pop("notify")  # they serve no requests on the way of the API
    (evidence / "metrics.csv").write_text(curves(before, after, history, names, end_s, chance))
    _write(evidence / "deploys.json", _told(history))
    _write(
        evidence / "incident.json",
        {"title": "API latency is up 40 % since last week", "noticed_at": instant(end_s * SECOND)},
    )
    answer = _answer(wish, culprit, history, before, after)
    _write(folder / "answer.json", answer)
    return answer


def _write(path: Path, what: Any) -> None:
    path.write_text(json.dumps(what, indent=1) + "\n")


def _stretches(wish: Wish, culprit: Culprit, history: History, end_s: int, evidence: Path) -> tuple[Stretch, Stretch]:
    """The stretch of before, and that of after, again until the API is as slow as it should be."""
    size = wish.size_bytes // 2
    after_s = end_s - RECORDED_BEFORE_END_S
    before_s = after_s - ((end_s - history.onset_s) // DAY_S + 1) * DAY_S
    before = record("before", culprit, wish.seed, before_s, size, history, evidence / "before", None)
    if wish.continuous:  # it takes as long whenever it begins
        before_s = after_s - before.length_s
        before = record("before", culprit, wish.seed, before_s, size, history, evidence / "before", None)
    rise = rise_of(culprit, before, RISE)
    for _ in range(ATTEMPTS):
        after = record("after", culprit, wish.seed, after_s, size, history, evidence / "after", rise)
        got = after.api_ms() / before.api_ms() - 1
        if abs(got - RISE) < TOLERANCE:
            break
        rise *= min(2.5, max(0.4, RISE / max(0.05, got)))
    return before, after


def _told(history: History) -> list[dict[str, Any]]:
    names = {repository.role: repository.name for repository in REPOSITORIES}
    told = []
    for deploy in history.deploys:
        for commit in deploy.commits:
            told.append(
                {
                    "timestamp": instant(deploy.at_s * SECOND),
                    "service": names[deploy.role],
                    "version": deploy.version,
                    "commit_sha": commit.sha,
                    "repo": names[commit.role],
                }
            )
    return told


def _answer(wish: Wish, culprit: Culprit, history: History, before: Stretch, after: Stretch) -> dict[str, Any]:
    names = {repository.role: repository.name for repository in REPOSITORIES}
    one, other = before.api_ms(), after.api_ms()
    commit = history.culprit
    return {
        "kind": wish.kind,
        "seed": wish.seed,
        "verdict": "cause_found",
        "mechanism": culprit.mechanism,
        "service": names[culprit.hurt],
        "resource": culprit.resource,
        "onset": instant(history.onset_s * SECOND),
        "change": {"kind": "commit", "id": commit.sha, "repo": names[commit.role]} if commit else None,
        "files": sorted({edit.path for edit in edits_of(culprit)}),
        "latency_ms": {"before": round(one, 1), "after": round(other, 1), "rise": round(other / one - 1, 3)},
        "decoys": [each.sha for each in history.commits if each.kind == "decoy"],
        "commits": len(history.commits),
    }
