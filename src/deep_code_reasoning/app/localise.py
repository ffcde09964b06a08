"""From a report to files, functions and lines: brings the source index up to date and asks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..source import Roots
from ..source.index import Progress, SourceIndex
from ..source.localise import localise
from ..source.located import Located
from ..source.roots import MAX_LISTED
from ..source.telemetry import LogOrigin, log_origins
from ..source.words import words
from ..store.library import home

# What says where to look is in some pages; a whole log drowns it.
_MAX_REPORT: Final = 200_000
# Lines of a report that may be a log's; of fewer words than this nobody can tell.
_MAX_LOG_LINES: Final = 50
_MIN_CONSTANT_WORDS: Final = 3


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
        UnreadableSourceError: when the index cannot be used.
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
        trees = [done.tree for _, done in indexed]
        places = localise(index, trees, report, limit)
        written_by = tuple(_written_by(index, trees, report))
    return Located(tuple(places), written_by, tuple(indexed), not revision and len(roots.files) >= MAX_LISTED)


def _written_by(index: SourceIndex, trees: Sequence[int], report: str) -> Iterator[tuple[str, LogOrigin]]:
    lines = dict.fromkeys(line.strip() for line in report.splitlines() if line.strip())
    for line in islice(lines, _MAX_LOG_LINES):
        for origin in log_origins(index, trees, line, limit=1):
            if len(list(words(origin.template))) >= _MIN_CONSTANT_WORDS:
                yield line, origin
