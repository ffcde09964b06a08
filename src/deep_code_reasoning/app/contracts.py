"""The contracts of folders of code, or of what is deployed, and how their graph differs from that of a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..detectors.timeline.graph import service_graph
from ..errors import SourceError, UsageError
from ..source import Roots
from ..source.blobs import commit_of
from ..source.code_files import Revised
from ..source.contracts.compare import GraphDifference, graph_differences
from ..source.contracts.edges import plain_name
from ..source.contracts.read import Contracts
from ..store import CaseStore
from .cases import open_named
from .code_references import kept_contracts
from .operation_code import deployed


def contracts_of(
    folders: Sequence[Path], case: str = "", revisions: Sequence[str] = (), *, as_deployed: bool = False
) -> tuple[Contracts, list[GraphDifference]]:
    """Read the contracts of folders; with a case, compare who calls whom with what its traces saw.

    Args:
        folders: of code, or git repositories where a revision is given.
        case: its name.
        revisions: a commit, branch or tag that all have, or `NAME=REV` each; the others are read as they stand.
        as_deployed: read each repository at the revision that the case says its services run, where it says one.

    Raises:
        SourceError: when a folder does not exist, or has no such revision.
        CaseNotFoundError: when there is no such case.
        UsageError: when a name is none of the folders', or nothing says what is deployed.
    """
    roots = Roots(folders)
    named = _by_name(revisions, roots)
    if as_deployed and not case:
        raise UsageError("nothing says what is deployed", "give a case, whose traces and deploys do")
    with open_named(case) as store:
        if store is not None and as_deployed:
            named = {**deployed_revisions(store, roots), **named}
        contracts = kept_contracts(Revised(roots, named) if named else roots)
        return contracts, graph_differences(contracts, service_graph(store)) if store is not None else []


def deployed_revisions(store: CaseStore, roots: Roots) -> dict[str, str]:
    """By the names of roots: the revision that most of a repository's services run, of those that the repository has.

    A repository is that of a service when the service names it, else when it bears the service's name.
    """
    found: dict[str, str] = {}
    running = deployed(store)
    for name in roots.names:
        own = plain_name(name.rpartition("/")[2])
        run = Counter(
            named["revision"]
            for service, named in running.items()
            if "revision" in named and plain_name(_last(named.get("repository", service))) == own
        )
        for revision, _ in sorted(run.items(), key=lambda item: (-item[1], item[0])):
            with suppress(SourceError):
                found.setdefault(name, commit_of(roots.folder(name), revision))
    return found


def _last(repository: str) -> str:
    """The own name of a repository: of `https://host/shop/cart.git` it is `cart`."""
    return repository.rstrip("/").rpartition("/")[2].removesuffix(".git")


def _by_name(revisions: Sequence[str], roots: Roots) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for given in revisions:
        name, equals, revision = given.rpartition("=")
        if equals and name not in roots.names:
            raise UsageError(f"{name} is none of the folders", f"folders: {', '.join(roots.names)}")
        found.update({name: revision} if equals else dict.fromkeys(roots.names, revision))
    return found
