"""Commits and their deploys, deploys of unknown commits, and flips of flags, as a case has them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from ...domain.citation import Citation, change_citation
from ...domain.rollout import NEVER_LIVE, PARTIAL, is_rehearsal
from ...store import CaseStore
from ..timeline.services import running_services, service_names
from .deeds import History
from .diff import parse_diff
from .orchestrated import told_rollouts
from .paths import file_kind
from .printed import with_printed
from .trial import Change, Rollout

# OpenTelemetry's names for where telemetry comes from, the older one among them.
_OF_TELEMETRY: Final = ("deployment.environment.name", "deployment.environment", "k8s.namespace.name")


def history(store: CaseStore) -> History:
    """All commits with their deploys; a deploy whose commit is not known, and a flag, as a change of its own.

    Such a deploy has the diff that it carries along, if any, and a flag has none.
    """
    return store.once("history of changes", lambda: History(with_printed(store, _read_changes(store))))


def is_any_before(store: CaseStore, until_ns: int) -> bool:
    """Whether some change went out up to a moment, or was made up to it where nobody says when it went out."""
    return any(
        min((rollout.time_ns for rollout in change.rollouts), default=change.time_ns) <= until_ns
        for change in history(store).changes
        if change.rollouts or not change.attempts
    )


def _read_changes(store: CaseStore) -> tuple[Change, ...]:
    rows = store.query(
        "SELECT kind, id, time_ns, repo, service, commit_sha, message, files, diff, attributes['flag'] AS flag, "
        "attributes['parents'] != '' AS merges, attributes['outcome'] AS outcome, "
        "attributes['environment'] AS environment "
        "FROM changes WHERE kind IN ('commit', 'deploy', 'flag') ORDER BY time_ns, kind, id, repo"
    )
    services = service_names(store)
    running = running_services(store)
    rollouts: dict[str, list[Rollout]] = {}
    attempts: dict[str, list[Rollout]] = {}
    for row in rows:
        if row["kind"] == "commit":
            continue
        if row["kind"] == "deploy":
            row["service"] = row["service"] or _called_so(row["repo"], services)
        rollout = row["rollout"] = _rollout(row, running, store)
        if row["kind"] == "deploy" and row["commit_sha"]:
            (attempts if rollout.void else rollouts).setdefault(row["commit_sha"], []).append(rollout)
    commits = _commits(rows)
    rollouts |= told_rollouts(store, commits, {row["service"] for row in rows if row["kind"] == "deploy"})
    carried = _carried(commits, rollouts, attempts.keys())
    merged = _merged(commits)
    for one, merge in merged.items():
        rollouts[one] = rollouts.get(merge, carried.get(merge, [])) or rollouts.get(one, carried.get(one, []))
    commits = [row for row in commits if _sha(row) not in merged.values()]
    rehearsed = _rehearsed(commits, running)
    found = [
        replace(
            _commit(row, rollouts.get(_sha(row), carried.get(_sha(row), [])), running),
            rehearsed=rehearsed.get(row["repo"], frozenset()).intersection(row["files"]),
            attempts=tuple(attempts.get(_sha(row), ())),
        )
        for row in commits
    ]
    flips = [
        (row["flag"], row["rollout"])
        for row in rows
        if row["kind"] == "flag" and row["flag"] and not row["rollout"].void and not _OFF.search(row["message"])
    ]
    found = [_opened(change, flips) for change in found]
    met = {rollout.id for change in found for rollout in (*change.rollouts, *change.attempts)}
    found += [
        _uncommitted(row) for row in rows if row["kind"] == "flag" or (row["kind"] == "deploy" and row["id"] not in met)
    ]
    return tuple({(change.kind, change.repo, change.sha): change for change in found}.values())


def _commits(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The commits; one that is told without its diff has the one that its deploy carries along."""
    along = {row["commit_sha"]: row for row in rows if row["kind"] == "deploy" and row["diff"]}
    commits = [row for row in rows if row["kind"] == "commit"]
    told = (row if row["diff"] else along.get(_sha(row), row) for row in commits)
    return [{**row, "files": of["files"], "diff": of["diff"]} for row, of in zip(commits, told, strict=True)]


_OFF: Final = re.compile(r"(?i)(?:off|false|disabled|\b0%?)\s*$")


def _opened(change: Change, flips: Sequence[tuple[str, Rollout]]) -> Change:
    """The change, live anew with each flip of a flag that its new lines ask for, where it was deployed before."""
    live = list(change.rollouts)
    for flag, flip in flips:
        if flag not in change.diff or not _asks_for(flag).search(change.diff):
            continue
        before = [one for one in change.rollouts if one.service == flip.service and one.time_ns < flip.time_ns]
        if before:
            latest = max(before, key=lambda one: one.time_ns)
            live.append(replace(latest, time_ns=flip.time_ns, opened_by=flip.id))
    return replace(change, rollouts=tuple(live)) if len(live) > len(change.rollouts) else change


def _asks_for(flag: str) -> re.Pattern[str]:
    """Added lines of code that have a flag's name as a whole, and set it to nothing; one of a single word in quotes."""
    name = re.escape(flag)
    whole = rf"(?<![\w-]){name}(?![\w-])" if re.search(r"[_-]", flag) else rf"[\"'`]{name}(?=[\"'`])"
    return re.compile(rf"^\+(?!\+\+).*{whole}(?![\"']?\s*[:=](?!=))", re.M)


def _called_so(repo: str, services: frozenset[str]) -> str:
    """The service that a repository is called like, '' where there is none: a deploy of it is one of that service."""
    name = repo.rpartition("/")[2]
    return name if name in services else ""


def _running(name: str, running: frozenset[str]) -> str:
    """The running service that a deploy is of by its name: `cart` of `cart-charts`, which nobody else knows."""
    if name in running:
        return name
    return max((service for service in running if name.startswith(f"{service}-")), key=len, default=name)


def _rollout(row: dict[str, Any], running: frozenset[str], store: CaseStore) -> Rollout:
    """The rollout that a deploy or a flip of a flag is, of the service that runs, void where it served nobody."""
    name, time_ns = row["service"], int(row["time_ns"])
    service = _running(name, running) if row["kind"] == "deploy" else name
    # What is deployed may be called for the service and the environment that it goes to: `cart-staging`.
    environment = row["environment"] or name.removeprefix(service).strip("-")
    void = NEVER_LIVE.get(row["outcome"], "") if row["kind"] == "deploy" else ""
    if not void and is_rehearsal(environment) and environment.lower() not in _environments(store):
        void = f"it went to {environment} alone"
    return Rollout(row["id"], service, time_ns, void, row["outcome"] == PARTIAL)


def _environments(store: CaseStore) -> frozenset[str]:
    """The environments that telemetry is of, by what its resources say, in lower case."""
    names = ", ".join(f"resource['{name}']" for name in _OF_TELEMETRY)
    tables = " UNION ALL ".join(f"SELECT resource FROM {table}" for table in ("spans", "logs", "metrics"))
    query = f"SELECT DISTINCT lower(arrayJoin([{names}])) AS name FROM ({tables}) WHERE name != ''"
    return store.once("environments", lambda: frozenset(row["name"] for row in store.query(query)))


def _uncommitted(row: dict[str, Any]) -> Change:
    rollout: Rollout = row["rollout"]
    message = f"{row['flag'] or row['id']}: {row['message']}" if row["kind"] == "flag" else row["message"]
    live, void = ((), (rollout,)) if rollout.void else ((rollout,), ())
    told = tuple(row["files"]), row["diff"]  # a deploy may carry along what went out with it
    return Change(row["id"], message, *told, rollout.time_ns, row["repo"], live, row["kind"], attempts=void)


def _sha(row: dict[str, Any]) -> str:
    return str(row["commit_sha"] or row["id"])


def _carried(
    commits: Sequence[dict[str, Any]], rollouts: dict[str, list[Rollout]], attempted: Collection[str]
) -> dict[str, list[Rollout]]:
    """Commits that went out with a later one of their repository: a deploy brings all since the service's last one.

    A service whose first deploy is the only one known of may have had what was committed before any deploy is known,
    but for what somebody `attempted` to deploy.
    What is of some of the repository's services alone, by its paths (`envs/prod/cart.yaml`), goes out when one of them
    does.
    """
    carried: dict[str, list[Rollout]] = {}
    first_ns = min((rollout.time_ns for found in rollouts.values() for rollout in found), default=0)
    by_repo: dict[str, list[dict[str, Any]]] = {}
    for row in commits:
        by_repo.setdefault(row["repo"], []).append(row)
    for history in by_repo.values():  # in the order in which they were committed
        waiting: dict[frozenset[str], list[dict[str, Any]]] = {}
        live: set[str] = set()
        names = {rollout.service for row in history for rollout in rollouts.get(_sha(row), ())} - {""}
        for row in history:
            own = rollouts.get(_sha(row), [])
            if not own:
                waiting.setdefault(_named_by(row["files"], names), []).append(row)
                continue
            for of in tuple(waiting):
                if going := [rollout for rollout in own if not of or rollout.service in of]:
                    for other in waiting.pop(of):
                        is_new = int(other["time_ns"]) > first_ns or _sha(other) in attempted
                        carried[_sha(other)] = [rollout for rollout in going if is_new or rollout.service in live]
            live.update(rollout.service for rollout in own)
    return carried


def _merged(commits: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Commits that a merge brought, with that merge, which is nothing besides them: they went out with it.

    A merge of which some line is of no commit that is known (a conflict that was resolved) stands for itself.
    """
    # Lines are looked at where there are merges alone: most histories have none.
    merging = {row["repo"] for row in commits if row["merges"] and row["diff"]}
    runs = {_sha(row): _runs(row) for row in commits if row["diff"] and row["repo"] in merging}
    merges: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in commits:
        if row["merges"] and row["diff"]:
            for path in {path for side in runs[_sha(row)] for path, _ in side}:
                merges.setdefault((row["repo"], path), []).append(row)
    brought: dict[str, list[str]] = {}
    for row in commits:
        own = runs.get(_sha(row))
        if row["merges"] or not own or not any(own):
            continue
        path, _ = min(own[0] | own[1])
        for merge in merges.get((row["repo"], path), ()):
            whole = runs[_sha(merge)]
            contains = all(part <= of for part, of in zip(own, whole, strict=True))
            if contains and int(row["time_ns"]) <= int(merge["time_ns"]) and set(row["files"]) <= set(merge["files"]):
                brought.setdefault(_sha(merge), []).append(_sha(row))
                break
    return {
        one: merge
        for merge, ones in brought.items()
        if all(frozenset().union(*(runs[one][side] for one in ones)) >= runs[merge][side] for side in (0, 1))
        for one in ones
    }


_Runs = tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]


def _runs(row: dict[str, Any]) -> _Runs:
    """The lines of running code that a commit takes away and adds, be it to move them, with their paths."""
    hunks = parse_diff(row["diff"], row["files"]).running
    lines = [(line.sign, hunk.path, line.code) for hunk in hunks for line in hunk.lines if line.code]
    taken, added = (frozenset((path, code) for sign, path, code in lines if sign == side) for side in "-+")
    return taken, added


# What the environment that serves people is called among its siblings.
_PRODUCTION: Final = ("prod", "production", "prd", "live")


def _rehearsed(commits: Sequence[dict[str, Any]], running: frozenset[str]) -> dict[str, frozenset[str]]:
    """By repository: settings of services in a folder that stands beside the one of production.

    Such as `alps/cart.yaml`, where there is `live/shop.yaml`, or the same names are in both.
    """
    paths: dict[str, set[str]] = {}
    for row in commits:
        paths.setdefault(row["repo"], set()).update(path for path in row["files"] if file_kind(path) == "config")
    return {repo: _beside_production(of, running) for repo, of in paths.items()}


def _beside_production(paths: set[str], running: frozenset[str]) -> frozenset[str]:
    within: dict[str, set[str]] = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            within.setdefault("/".join(parts[:depth]), set()).add("/".join(parts[depth:]))
    beside = set()
    for folder, names in within.items():
        parent, _, name = folder.rpartition("/")
        real = set().union(*(within.get(f"{parent}/{of}" if parent else of, set()) for of in _PRODUCTION))
        of_services = all(any(one.split(".")[0] in running for one in of) for of in (names, real))
        if name not in _PRODUCTION and (names & real or of_services):
            beside.add(folder)
    return frozenset(path for path in paths if any(path.startswith(f"{folder}/") for folder in beside))


def _named_by(files: Sequence[str], names: set[str]) -> frozenset[str]:
    """The services that each of the files is named for, by a folder or its own name; none where one file is not."""
    of = [{part for part in re.split(r"[/.]", path) if part in names} for path in files]
    return frozenset().union(*of) if all(of) else frozenset()


def _commit(row: dict[str, Any], rollouts: Sequence[Rollout], running: frozenset[str]) -> Change:
    """The commit; one of a repository of which nothing runs is felt where its files say (`values/cart.yaml`)."""
    of = {part for path in row["files"] for part in re.split(r"[/.]", path.replace("_", "-")) if part in running}
    if len(of) == 1:
        rollouts = [one if one.service in running else replace(one, service=min(of)) for one in rollouts]
    return Change(
        _sha(row),
        row["message"],
        tuple(row["files"]),
        row["diff"],
        int(row["time_ns"]),
        row["repo"],
        tuple(rollouts),
    )


def cite_change(change: Change) -> tuple[Citation, ...]:
    """The commit and its deploys; the deploy or the flag itself."""
    if change.kind != "commit":
        return (change_citation(change.kind, change.sha),)
    return (
        change_citation("commit", change.sha, change.repo),
        *dict.fromkeys(r.told_by or change_citation("deploy", r.id) for r in (change.rollouts or change.attempts)[:2]),
        *(change_citation("flag", r.opened_by) for r in change.rollouts if r.opened_by),
    )
