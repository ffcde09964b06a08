"""Rollouts that no record of deploys tells of: Kubernetes says in its events that it starts a new replica set.

Each version of a Deployment's pods is a replica set of its own, which the controller scales up from nothing when the
version goes live (Kubernetes, *Deployments*: "Updating a Deployment"). An autoscaler scales the one that runs: such an
event tells from how many, or stands beside the rescale. A rollout goes to the latest commit before it, of the
repository that is called like the Deployment; where deploys of that service are recorded, events say nothing new.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from ...domain.citation import log_citation
from ...domain.instant import NS_PER_S
from ...store import CaseStore
from .trial import Rollout

_SCALED_UP: Final = re.compile(
    r"Scaled up replica set (?P<set>(?P<name>[\w.-]+)-[0-9a-z]{5,10})"
    r"(?: from (?P<was>\d+))? to \d+(?: from (?P<of>\d+))?"
)
_RESCALED: Final = "New size: "
# The autoscaler's event and that of the controller which obeys it come in one breath.
_TOGETHER_NS: Final = 30 * NS_PER_S


def told_rollouts(
    store: CaseStore, commits: Sequence[dict[str, Any]], deployed: Collection[str]
) -> Mapping[str, list[Rollout]]:
    """By hash of a commit, the rollouts that Kubernetes tells of.

    Args:
        store: the case.
        commits: rows of `changes`, in the order of their time.
        deployed: the services whose deploys are recorded.
    """
    repositories = {row["repo"].rpartition("/")[2] for row in commits} - {"", *deployed}
    told: dict[str, list[Rollout]] = {}
    if not repositories:
        return told
    rows = store.query(
        "SELECT time_ns, source_id, line, item, body FROM logs "
        f"WHERE position(body, 'Scaled up replica set ') > 0 OR position(body, '{_RESCALED}') > 0 "
        "ORDER BY time_ns, source_id, line, item LIMIT 10000"
    )
    rescaled = [int(row["time_ns"]) for row in rows if _RESCALED in row["body"]]
    known: set[str] = set()
    for row in rows:
        event = _SCALED_UP.search(row["body"])
        if event is None or event["set"] in known:
            continue
        known.add(event["set"])
        time_ns, before = int(row["time_ns"]), event["was"] or event["of"]
        grown = any(abs(time_ns - other) <= _TOGETHER_NS for other in rescaled)
        if event["name"] not in repositories or (grown if before is None else before != "0"):
            continue
        own = [one for one in commits if one["repo"].rpartition("/")[2] == event["name"]]
        latest = [one for one in own if int(one["time_ns"]) <= time_ns][-1:]
        for one in latest:
            place = log_citation(store.source(int(row["source_id"])).name, int(row["line"]), int(row["item"]))
            rollout = Rollout(event["set"], event["name"], time_ns, told_by=place)
            told.setdefault(one["commit_sha"] or one["id"], []).append(rollout)
    return told
