"""The code of what telemetry saw: operations of a case joined with the folders that may be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..domain.cause import Cause
from ..domain.finding import Check
from ..errors import SourceError
from ..source import Roots
from ..source.contracts.edges import plain_name
from ..source.contracts.read import Contracts
from ..source.operations import Operation, OperationPlace, Operations
from ..source.references import References
from ..store import WENT_LIVE, CaseStore
from .code_references import kept_contracts, references
from .code_telemetry import milliseconds

# Operations that are looked at, those with the most spans first.
_MAX_OPERATIONS: Final = 500
# How long an investigation waits for code to be read; what was read in that time is joined after it, which takes about
# as long at most. To list and look through more files than this takes seconds before the first is read.
MAX_WAIT_S: Final = 5.0
MAX_FILES: Final = 4_000
# What the longest span of each kind says stands for its operation; attributes of one operation have the same names.
_OPERATIONS: Final = """
    SELECT toString(service) AS service, toString(name) AS name, toString(kind) AS kind, count() AS spans,
           countIf(status = 'error') AS failed, quantilesExact(0.5, 0.95)(duration_ns) AS q,
           argMax((attributes, trace_id, span_id), (length(attributes), duration_ns, trace_id, span_id)) AS typical
    FROM spans WHERE empty({services:Array(String)}) OR service IN {services:Array(String)}
    GROUP BY service, name, kind ORDER BY spans DESC, service, name, kind LIMIT {most:UInt32}
"""
_REVISIONS: Final = """
    SELECT toString(service) AS service, repository, revision, count() AS spans FROM (
        SELECT service, concat(resource['vcs.repository.url.full'], resource['vcs.repository.name']) AS repository,
               if(resource['vcs.ref.head.revision'] != '', resource['vcs.ref.head.revision'],
                  resource['service.version']) AS revision FROM spans)
    GROUP BY service, repository, revision ORDER BY service, spans DESC, repository, revision LIMIT 500
"""
_DEPLOYS: Final = f"""
    SELECT toString(service) AS service, toString(repo) AS repository, version, commit_sha FROM changes
    WHERE kind = 'deploy' AND service != '' AND {WENT_LIVE} ORDER BY time_ns DESC, id LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """An operation that ran: its code places, and what its spans say."""

    operation: Operation
    places: tuple[OperationPlace, ...]
    spans: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    slowest: str

    @property
    def facts(self) -> dict[str, Any]:
        """What its spans say, for an answer."""
        return {
            "service": self.operation.service,
            "operation": self.operation.name,
            "spans": self.spans,
            "failed": self.failed,
            "p50_ms": self.p50_ms,
            "p95_ms": self.p95_ms,
            "slowest": self.slowest,
        }


def operations(store: CaseStore, contracts: Contracts, names: References, roots: Roots) -> Operations:
    """What finds the code of a case's operations."""
    named = {service: of_it["repository"] for service, of_it in deployed(store).items() if "repository" in of_it}
    return Operations(contracts, names, roots, named)


def what_ran(
    store: CaseStore, finder: Operations, services: Iterable[str] = (), stop: Callable[[], bool] = lambda: False
) -> list[Ran]:
    """The operations of a case, of some services or of all, with their code where something leads to it.

    `stop` is asked before each; the others are left out when it says yes.
    """
    found = []
    for row in store.query(_OPERATIONS, services=sorted(set(services)), most=_MAX_OPERATIONS):
        if stop():
            break
        attributes, trace_id, span_id = row["typical"]
        operation = Operation(row["service"], row["name"], row["kind"], dict(attributes))
        places = tuple(finder.places(operation))
        p50_ms, p95_ms = (milliseconds(ns) for ns in row["q"])
        slowest = f"span:{trace_id}/{span_id}"
        found.append(Ran(operation, places, row["spans"], row["failed"], p50_ms, p95_ms, slowest))
    return found


def with_code(store: CaseStore, causes: Sequence[Cause]) -> tuple[tuple[Cause, ...], tuple[Check, ...]]:
    """Causes with the place of their operation in the repositories of the case, where one place alone is found.

    Only the repositories of the causes' services are read. What would take longer than an investigation may wait is
    given up: the causes are then as they were, and a check says so, for the first of two places is no place.
    """
    folders = [Path(source.path) for source in store.sources if source.format == "git" and Path(source.path).is_dir()]
    open_ones = [cause for cause in causes if cause.operation and not cause.code_region]
    if not folders or not open_ones:
        return tuple(causes), ()
    until = time.monotonic() + MAX_WAIT_S

    def is_late() -> bool:
        return time.monotonic() > until

    try:
        roots = Roots(_of_services(folders, {cause.service for cause in open_ones}, deployed(store)))
        if len(roots.files) > MAX_FILES:
            return tuple(causes), (_given_up(f"{len(roots.files):,} files, more than {MAX_FILES:,}"),)
        with references(roots, is_late) as names:
            finder = operations(store, kept_contracts(roots, is_late), names, roots)
            services = {cause.service for cause in open_ones}
            ran = [] if is_late() else what_ran(store, finder, services, is_late)
    except SourceError:
        return tuple(causes), ()  # a repository that cannot be read is told where its commits are read
    if is_late():
        return tuple(causes), (_given_up(f"{len(roots.files):,} files, not read within {MAX_WAIT_S:.0f} s"),)
    regions: dict[tuple[str, str], set[str]] = {}
    for each in ran:
        for place in each.places:
            regions.setdefault((each.operation.service, each.operation.name), set()).add(str(place))
    return tuple(_placed(cause, regions.get((cause.service, cause.operation or ""), set())) for cause in causes), ()


def _given_up(why: str) -> Check:
    return Check("code_places", "skipped", f"the repositories of the causes' services have {why}")


def _of_services(
    folders: Sequence[Path], services: set[str], running: Mapping[str, Mapping[str, str]]
) -> Sequence[Path]:
    """The repositories that services are named after or are deployed from; all where no service tells."""
    named = {plain_name(service) for service in services}
    named |= {plain_name(running.get(service, {}).get("repository", "").rpartition("/")[2]) for service in services}
    return [folder for folder in folders if plain_name(folder.name) in named] or folders


def deployed(store: CaseStore) -> dict[str, dict[str, str]]:
    """By service: the repository and revision that its spans name, else its last deploy; else it is absent."""
    found: dict[str, dict[str, str]] = {}
    for row in store.query(_REVISIONS):
        own = found.setdefault(row["service"], {})
        for key in ("repository", "revision"):
            if row[key]:
                own.setdefault(key, row[key])
    for row in store.query(_DEPLOYS):
        own = found.setdefault(row["service"], {})
        if row["repository"]:
            own.setdefault("repository", row["repository"])
        if row["commit_sha"] and own.get("revision", row["version"]) == row["version"]:
            own["revision"] = row["commit_sha"]
    return {service: named for service, named in found.items() if named}


def _placed(cause: Cause, places: set[str]) -> Cause:
    return replace(cause, code_region=next(iter(places))) if len(places) == 1 and not cause.code_region else cause
