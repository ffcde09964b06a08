"""From a report to files, functions and lines: brings the source index up to date and asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..source import Roots
from ..source.index import Indexed, Progress, SourceIndex
from ..source.localise import Place, localise
from ..source.roots import MAX_LISTED
from ..store.library import home

# What says where to look is in some pages; a whole log drowns it.
_MAX_REPORT: Final = 200_000


@dataclass(frozen=True, slots=True)
class Located:
    """Places, best first, and what was looked at: (repository, what became of its files), in the order given.

    `unlisted` says that the folders hold more files than are listed.
    """

    places: tuple[Place, ...]
    indexed: tuple[tuple[str, Indexed], ...]
    unlisted: bool


def index_path() -> Path:
    """The file of the source index; all folders and revisions share it."""
    return home() / "cache" / "source-index.db"


def locate(
    report: str, folders: Sequence[Path], revision: str = "", limit: int = 20, progress: Progress | None = None
) -> Located:
    """Find what a report is about.

    Args:
        report: free text: an error, stack traces, log lines, names.
        folders: folders of code, or of git repositories when a revision is given.
        revision: a commit, branch or tag that each of them has; '' for the files as they stand.
        limit: how many files at most.
        progress: told of the files that are new to the index, folder by folder.

    Raises:
        UsageError: when there is nothing to look for or in, or the report is too long.
        SourceError: when a folder is none, or has no such revision.
        SourceIndexError: when the index cannot be used.
    """
    if not report.strip() or not folders:
        raise UsageError("there is nothing to look for, or nowhere to look", "give a text and folders of code")
    if len(report) > _MAX_REPORT:
        raise UsageError(
            f"a report of {len(report):,} characters is too long", f"give what failed, at most {_MAX_REPORT:,}"
        )
    roots = Roots(folders)
    with SourceIndex(index_path()) as index:
        indexed = [
            (
                name,
                index.add_revision(name, roots.folder(name), revision, progress)
                if revision
                else index.add_folder(name, roots, progress),
            )
            for name in roots.names
        ]
        places = localise(index, [done.tree for _, done in indexed], report, limit)
    return Located(tuple(places), tuple(indexed), not revision and len(roots.files) >= MAX_LISTED)
