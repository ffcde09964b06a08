"""From a report to files, functions and lines: brings the source index up to date and asks it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Final

from ..errors import SourceError, UsageError
from ..packing.pieces.code_places import report
from ..packing.subject import Subject
from ..source import Roots
from ..source.anchors import moved_line
from ..source.blobs import revision_contents, revision_files, why_not_text
from ..source.failing_tests import TextOf
from ..source.index import Progress, SourceIndex
from ..source.localise import Place, localise
from ..source.located import Located
from ..source.roots import MAX_LISTED, SourceFile, SourcePath
from ..source.selection import Candidate, Lead
from ..source.telemetry import LogOrigin, log_origins
from ..source.words import words
from ..store.library import home

# What says where to look is in some pages; a whole log drowns it.
_MAX_REPORT: Final = 200_000
# Files that code is chosen of; more never fit.
_MAX_CANDIDATES: Final = 60
# How long a pack waits for files that are new to the index: some thousand.
_MAX_WAIT_S: Final = 20.0
# Lines of a report that may be a log's; of fewer words than this nobody can tell.
_MAX_LOG_LINES: Final = 50
_MIN_CONSTANT_WORDS: Final = 3


def index_path() -> Path:
    """The file of the source index; all folders and revisions share it."""
    return home() / "cache" / "source-index.db"


def with_code(subject: Subject, said: Sequence[str] = ()) -> Subject:
    """A subject with the files that its evidence, and those that its question and scope lead to.

    `said` is what else the asker said: what was tried and found.

    The index is brought up to date for as long as a caller can wait; what is unread then comes the next time. Without
    an index that can be used there are none.
    """
    if not subject.roots:
        return subject
    question = "\n".join((subject.question, *said, *subject.scope.entry_points, *subject.scope.files))
    until = time.monotonic() + _MAX_WAIT_S
    with suppress(SourceError), SourceIndex(index_path()) as index:
        trees = [
            index.add_folder(name, subject.roots, stop=lambda: time.monotonic() > until).tree
            for name in subject.roots.names
        ]
        told, asked = (_lead(index, trees, subject.roots, text) for text in (report(subject), question))
        return replace(subject, told=told, asked=asked)
    return subject


def lead(text: str, roots: Roots) -> Lead:
    """The files that a text leads to.

    Raises:
        UnreadableSourceError: when the index cannot be used.
    """
    with SourceIndex(index_path()) as index:
        trees = [index.add_folder(name, roots).tree for name in roots.names]
        return _lead(index, trees, roots, text)


def _lead(index: SourceIndex, trees: Sequence[int], roots: Roots, text: str) -> Lead:
    places = localise(index, trees, text[:_MAX_REPORT], _MAX_CANDIDATES, reader(roots))
    return Lead(text, tuple(_candidates(index, trees, roots, places)))


def _candidates(index: SourceIndex, trees: Sequence[int], roots: Roots, places: Iterable[Place]) -> Iterator[Candidate]:
    for place in places:
        with suppress(SourceError):  # it is gone by now, or refused
            lines = roots.read(SourcePath(place.repo, place.path)).lines
            yield Candidate(place, lines, index.units(place.repo, place.path, trees))


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
        places = localise(index, trees, report, limit, reader(roots, revision))
        written_by = tuple(_written_by(index, trees, report))
    lines = {(place.repo, place.path, line) for place in places for line in place.lines}
    lines |= {(origin.repo, origin.path, origin.line) for _, origin in written_by}
    now = _lines_now(roots, revision, lines) if revision else {}
    return Located(tuple(places), written_by, tuple(indexed), not revision and len(roots.files) >= MAX_LISTED, now)


def _lines_now(
    roots: Roots, revision: str, lines: Iterable[tuple[str, str, int]]
) -> dict[tuple[str, str, int], int | None]:
    """Where lines of a revision are in the folders as they stand."""
    now: dict[tuple[str, str, int], int | None] = {}
    of_revision, of_folder = reader(roots, revision), reader(roots)
    for (repo, path), some in groupby(sorted(lines), key=itemgetter(0, 1)):
        old, new = (read(repo, path) for read in (of_revision, of_folder))
        now.update({at: moved_line(old.lines if old else [], new.lines if new else [], at[2]) for at in some})
    return now


def reader(roots: Roots, revision: str = "") -> TextOf:
    """Reads files of a revision, or as they stand in their folders."""

    def of_folder(repo: str, path: str) -> SourceFile | None:
        with suppress(SourceError):  # it is gone, or refused
            return roots.read(SourcePath(repo, path))
        return None

    @cache
    def ids(repo: str) -> Mapping[str, str]:
        return revision_files(roots.folder(repo), revision)[0]

    def of_revision(repo: str, path: str) -> SourceFile | None:
        if path not in ids(repo):
            return None
        ((_, content),) = revision_contents(roots.folder(repo), [ids(repo)[path]])
        if content is None or why_not_text(content):
            return None
        return SourceFile(SourcePath(repo, path), content.decode("utf-8", "replace").replace("\r\n", "\n"))

    return of_revision if revision else of_folder


def _written_by(index: SourceIndex, trees: Sequence[int], report: str) -> Iterator[tuple[str, LogOrigin]]:
    lines = dict.fromkeys(line.strip() for line in report.splitlines() if line.strip())
    for line in islice(lines, _MAX_LOG_LINES):
        for origin in log_origins(index, trees, line, limit=1):
            if len(list(words(origin.template))) >= _MIN_CONSTANT_WORDS:
                yield line, origin
