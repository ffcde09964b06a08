"""The source index: an SQLite file that finds functions by their words, names and calls.

It holds structure and words, no text: the text stays where it is. Contents are keyed by git's id, so repositories,
revisions and folders share what they have in common, and a second revision costs its new files alone. Files that stand
apart (tests, examples, vendored and generated code) are known by their paths alone. Words are ranked
by SQLite's FTS5 with BM25 (Robertson and Zaragoza 2009; k1 1.2, b 0.75 are FTS5's constants).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, count, islice
from pathlib import Path
from typing import Any, Final, TypeVar

from .apart import stands_apart
from .blobs import LeftOut, folder_content, git_id, revision_contents, revision_files, why_not_text
from .database import NOT_READ, IndexFile, naming
from .languages import is_searched
from .parsing import Content, Parsed, parse
from .roots import Roots, SourcePath
from .words import joined_words, words

# A word in the name of a function says more than one in its text; 3 was best on half of the labelled issues, and 2 to
# 6 are within a point of it.
_NAME_WEIGHT: Final = 3.0
# What `parse` gives at a time, so many times, is written at once: at most about 50 MB of contents.
BATCHES_AT_ONCE: Final = 8
# Values that a statement takes at once.
_AT_ONCE: Final = 500

_UNIT: Final = "t.repo, p.path, u.kind, u.name, u.first_line, u.last_line"
_FILES_OF: Final = "JOIN trees t ON t.id = f.tree JOIN paths p ON p.id = f.path"
_TREES: Final = f"JOIN tree_files f ON f.blob = u.blob AND f.tree IN ({{trees}}) {_FILES_OF}"
_PLACE: Final = "t.repo, p.path, u.first_line, u.last_line DESC"
_SEARCH: Final = (
    f"SELECT {_UNIT}, -bm25(unit_words, {_NAME_WEIGHT}, 1.0) AS score FROM unit_words JOIN units u ON u.id = "
    f"unit_words.rowid {_TREES} WHERE unit_words MATCH ? ORDER BY score DESC, {_PLACE} LIMIT ?"
)
_NAMED: Final = (
    f"SELECT {_UNIT} FROM units u {_TREES} WHERE u.own_name COLLATE NOCASE IN ({{values}}) AND u.own_name <> '' "
    f"ORDER BY {_PLACE}"
)
_CALLERS: Final = (
    f"SELECT {_UNIT}, c.line FROM calls c JOIN units u ON u.id = c.unit {_TREES} WHERE c.name = ? "
    f"ORDER BY {_PLACE}, c.line LIMIT ?"
)
_UNITS: Final = f"SELECT {_UNIT} FROM units u {_TREES} WHERE t.repo = ? AND p.path = ? ORDER BY {_PLACE}"
_FILES: Final = f"SELECT t.repo, p.path FROM tree_files f {_FILES_OF} WHERE f.tree IN ({{trees}})"
# CROSS JOIN keeps SQLite from walking all files of the trees and asking for the words of each.
_BY_PATH_WORD: Final = (
    "SELECT t.repo, p.path FROM path_words CROSS JOIN tree_files f ON f.path = path_words.rowid "
    f"AND f.tree IN ({{trees}}) {_FILES_OF} WHERE path_words MATCH ? LIMIT ?"
)

_STATEMENTS: Final = (
    "SELECT t.repo, p.path, u.line, u.template FROM statement_words JOIN statements u ON u.id = statement_words.rowid "
    f"{_TREES} WHERE statement_words MATCH ? ORDER BY bm25(statement_words), t.repo, p.path, u.line LIMIT ?"
)

Item = TypeVar("Item")
File = tuple[str, str]
"""A file as (repo, path)."""

Progress = Callable[[int, int], None]
"""Called with (new files read so far, new files in all)."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of a tree: how many files it has, how many were new to the index, and those left out and why.

    `apart` are those of its files that are known by their paths alone, `unread` those that there was no time for.
    """

    tree: int
    files: int
    new_files: int
    apart: int
    unread: int
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class UnitHit:
    """A unit of a file that was found; `score` is BM25 for words (higher is better), 0 when found by name."""

    repo: str
    path: str
    kind: str
    name: str
    first_line: int
    last_line: int
    score: float = 0.0

    @property
    def own_name(self) -> str:
        """Its name without that of what it is in."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class StatementHit:
    """A log statement: where it begins, and its template (see `log_statements`)."""

    repo: str
    path: str
    line: int
    template: str


class SourceIndex(IndexFile):
    """Functions by their words, names and calls, of many folders and revisions."""

    def add_folder(
        self, repo: str, roots: Roots, progress: Progress | None = None, stop: Callable[[], bool] = lambda: False
    ) -> Indexed:
        """Read the files of one root as they stand in its folder; those whose size and time are known are not read.

        Args:
            repo: the root's name.
            roots: the folders.
            progress: told of what was read.
            stop: asked before each file; what is unread when it says yes comes with the next time.
        """
        folder = str(roots.folder(repo))
        rows = self._rows("SELECT path, mtime_ns, size, sha FROM stats WHERE folder = ?", (folder,))
        known = {path: (sha, (mtime_ns, size)) for path, mtime_ns, size, sha in rows}
        now: dict[str, tuple[str, tuple[int, int]]] = {}
        changed: dict[SourcePath, tuple[int, int]] = {}
        left_out: list[LeftOut] = []
        for where in roots.files:
            status = roots.status(where) if where.repo == repo and is_searched(where.path) else None
            if status is None:
                continue
            if stands_apart(where.path) and where.path.isprintable():
                now[where.path] = (NOT_READ, status)
            elif known.get(where.path, ("", None))[1] == status:
                now[where.path] = known[where.path]
            elif not where.path.isprintable():
                left_out.append(LeftOut(ascii(where.path), "its name is no text"))
            else:
                changed[where] = status

        def contents() -> Iterator[Content]:
            for where, status in changed.items():
                if stop():
                    return
                content = folder_content(roots, where)
                if isinstance(content, LeftOut):
                    left_out.append(content)
                else:
                    now[where.path] = (git_id(content), status)
                    yield Content(where.path, now[where.path][0], content)

        new = self._take(contents(), len(changed), progress)
        with self._writing():
            gone = [(folder, path) for path in known.keys() - now.keys()]
            self._db.executemany("DELETE FROM stats WHERE folder = ? AND path = ?", gone)
            fresh = [
                (folder, path, *status, sha) for path, (sha, status) in now.items() if known.get(path) != now[path]
            ]
            self._db.executemany("INSERT OR REPLACE INTO stats VALUES (?, ?, ?, ?, ?)", fresh)
        done = self._plant((repo, folder, ""), {path: sha for path, (sha, _) in now.items()}, new, left_out)
        refused = {item.path for item in left_out}
        return replace(done, unread=sum(where.path not in now and where.path not in refused for where in changed))

    def add_revision(self, repo: str, repository: Path, revision: str, progress: Progress | None = None) -> Indexed:
        """Read the files of a revision from git's objects.

        Raises:
            SourceError: when there is no such revision, or the repository is broken.
        """
        listed, left_out = revision_files(repository, revision)
        files = {path: NOT_READ if stands_apart(path) else sha for path, sha in listed.items() if is_searched(path)}
        known = self._known(files.values())
        wanted = {sha: path for path, sha in files.items() if sha not in known}

        def contents() -> Iterator[Content]:
            for sha, content in revision_contents(repository, list(wanted)):
                refusal = "missing, or broken" if content is None else why_not_text(content)
                if content is None or refusal:
                    left_out.append(LeftOut(wanted[sha], refusal))
                else:
                    yield Content(wanted[sha], sha, content)

        new = self._take(contents(), len(wanted), progress)
        return self._plant((repo, str(repository.resolve()), revision), files, new, left_out)

    def search(self, wanted: Sequence[str], trees: Sequence[int], limit: int) -> list[UnitHit]:
        """The units that the words speak for most, best first; a word that is given twice counts twice.

        The words must be of `words.words`.
        """
        if not wanted:
            return []
        terms = " OR ".join(f'"{word}"' for word in wanted)
        return [UnitHit(*row) for row in self._rows(_SEARCH.format(trees=_marks(trees)), (*trees, terms, limit))]

    def rare(self, wanted: Iterable[str], max_units: int) -> list[str]:
        """Those of the words that occur in the index, the rarest first, as many as occur in `max_units` units in all.

        What a search costs goes by that number, not by the size of the index.
        """
        rows = self._rows_of("SELECT doc, term FROM unit_vocabulary WHERE term IN ({values})", (), wanted)
        in_all = accumulate(units for units, _ in sorted(rows))
        return [term for (_, term), units in zip(sorted(rows), in_all, strict=True) if units <= max_units]

    def definitions(self, names: Iterable[str], trees: Sequence[int]) -> list[UnitHit]:
        """Units that define one of the names (without what they are in; case does not matter)."""
        lower = {name.lower() for name in names}
        return [UnitHit(*row) for row in self._rows_of(_NAMED, trees, lower)]

    def callers(self, name: str, trees: Sequence[int], limit: int) -> list[tuple[UnitHit, int]]:
        """Units that call a name, with the line of each call; whose function it is cannot be told by the name alone."""
        rows = self._rows(_CALLERS.format(trees=_marks(trees)), (*trees, name, limit))
        return [(UnitHit(*row[:-1]), row[-1]) for row in rows]

    def units(self, repo: str, path: str, trees: Sequence[int]) -> list[UnitHit]:
        """The units of a file, in the order of their lines."""
        return [UnitHit(*row) for row in self._rows(_UNITS.format(trees=_marks(trees)), (*trees, repo, path))]

    def statements(self, message_words: Iterable[str], trees: Sequence[int], limit: int) -> list[StatementHit]:
        """Log statements whose constant text shares words with a message, those that fit best first."""
        terms = " OR ".join(f'"{word}"' for word in sorted(set(message_words)))
        rows = self._rows(_STATEMENTS.format(trees=_marks(trees)), (*trees, terms, limit)) if terms else []
        return [StatementHit(*row) for row in rows]

    def files(self, trees: Sequence[int]) -> list[File]:
        """All files of trees, sorted."""
        return sorted(self._rows(_FILES.format(trees=_marks(trees)), tuple(trees)))

    def count_files(self, trees: Sequence[int]) -> int:
        """How many files trees have."""
        ((count,),) = self._rows(f"SELECT count(*) FROM tree_files WHERE tree IN ({_marks(trees)})", tuple(trees))
        return int(count)

    def files_with_stem(self, stems: Iterable[str], trees: Sequence[int]) -> list[File]:
        """Files of a name without its ending (`path_stem`)."""
        return self._rows_of(f"{_FILES} AND p.stem IN ({{values}})", trees, stems)

    def files_by_path_word(self, word: str, trees: Sequence[int], limit: int) -> list[File]:
        """Files whose path has a word of `words.words`; any of them when there are more than the limit."""
        return self._rows(_BY_PATH_WORD.format(trees=_marks(trees)), (*trees, f'"{word}"', limit))

    def _take(self, contents: Iterator[Content], total: int, progress: Progress | None) -> int:
        """Put new contents into the index, some thousand files at once: the fewer writings, the less is merged later.

        They are read before others have to wait.
        """
        new = done = 0
        for batches in _batches(parse(contents, total), BATCHES_AT_ONCE):
            read = {file.sha: file for batch in batches for file in batch}
            with self._writing():
                known = self._known(read)
                self._insert_all([file for sha, file in read.items() if sha not in known])
            new += len(read.keys() - known)
            done += sum(map(len, batches))
            if progress is not None:
                progress(done, total)
        return new

    def _insert_all(self, files: Sequence[Parsed]) -> None:
        """Put new contents in, a table at a time, calls by their names: so each page of the index is met but once."""
        blob_ids, unit_ids, statement_ids = (self._next_ids(table) for table in ("blobs", "units", "statements"))
        blobs, units, unit_words, calls, statements, statement_words = [], [], [], [], [], []
        for file, blob in zip(files, blob_ids, strict=False):
            outline = file.outline
            blobs.append((blob, file.sha, outline.language, outline.lines, outline.note))
            for found, said in zip(outline.units, file.words, strict=True):
                unit = next(unit_ids)
                units.append((unit, blob, found.kind, found.name, found.own_name, found.first_line, found.last_line))
                unit_words.append((unit, *said))
                calls += [(name, unit, line) for name, line in found.calls]
            for written in outline.statements:
                statement = next(statement_ids)
                statements.append((statement, blob, written.line, written.template))
                statement_words.append((statement, joined_words(written.template)))
        insert = self._db.executemany
        insert("INSERT INTO blobs VALUES (?, ?, ?, ?, ?)", blobs)
        insert("INSERT INTO units VALUES (?, ?, ?, ?, ?, ?, ?)", units)
        insert("INSERT INTO unit_words (rowid, name, body) VALUES (?, ?, ?)", unit_words)
        insert("INSERT OR IGNORE INTO calls VALUES (?, ?, ?)", sorted(calls))
        insert("INSERT INTO statements VALUES (?, ?, ?, ?)", statements)
        insert("INSERT INTO statement_words (rowid, words) VALUES (?, ?)", statement_words)

    def _next_ids(self, table: str) -> Iterator[int]:
        ((last,),) = self._rows(f"SELECT ifnull(max(id), 0) FROM {table}")
        return count(int(last) + 1)

    def _plant(
        self, tree_of: tuple[str, str, str], files: dict[str, str], new: int, left_out: Sequence[LeftOut]
    ) -> Indexed:
        """Make the tree of (repo, folder, revision) what these files are: only what differs is written."""
        with self._writing():
            self._db.execute("INSERT OR IGNORE INTO trees (repo, folder, revision) VALUES (?, ?, ?)", tree_of)
            ((tree,),) = self._rows("SELECT id FROM trees WHERE repo = ? AND folder = ? AND revision = ?", tree_of)
            rows = self._rows(
                "SELECT p.path, b.sha FROM tree_files f JOIN paths p ON p.id = f.path JOIN blobs b ON b.id = f.blob "
                "WHERE f.tree = ?",
                (tree,),
            )
            before = dict(rows)
            gone = [(tree, path) for path in before.keys() - files.keys()]
            fresh = {path: sha for path, sha in files.items() if before.get(path) != sha}
            self._add_paths(fresh)
            self._db.executemany(
                "DELETE FROM tree_files WHERE tree = ? AND path = (SELECT id FROM paths WHERE path = ?)", gone
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO tree_files SELECT ?, p.id, b.id FROM paths p, blobs b "
                "WHERE p.path = ? AND b.sha = ?",
                ((tree, path, sha) for path, sha in fresh.items()),
            )
        notes = self._rows(
            "SELECT p.path, b.note FROM tree_files f JOIN paths p ON p.id = f.path JOIN blobs b ON b.id = f.blob "
            "WHERE f.tree = ? AND b.note <> '' ORDER BY p.path",
            (tree,),
        )
        apart = sum(sha == NOT_READ for sha in files.values())
        return Indexed(int(tree), len(files), new, apart, 0, (*left_out, *(LeftOut(*row) for row in notes)))

    def _add_paths(self, files: Iterable[str]) -> None:
        known = {path for (path,) in self._rows_of("SELECT path FROM paths WHERE path IN ({values})", (), files)}
        for path in files:
            if path not in known:
                row = self._db.execute(
                    "INSERT INTO paths (path, stem) VALUES (?, ?)", (path, path_stem(path))
                ).lastrowid
                self._db.execute(
                    "INSERT INTO path_words (rowid, words) VALUES (?, ?)", (row, " ".join(path_words(path)))
                )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with naming(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _known(self, shas: Iterable[str]) -> set[str]:
        return {sha for (sha,) in self._rows_of("SELECT sha FROM blobs WHERE sha IN ({values})", (), shas)}

    def _rows_of(self, statement: str, trees: Sequence[int], values: Iterable[str]) -> list[Any]:
        """All rows for many values, some hundred at a time, in the order of the values."""
        rows = []
        for some in _batches(sorted(set(values)), _AT_ONCE):
            rows += self._rows(statement.format(trees=_marks(trees), values=_marks(some)), (*trees, *some))
        return rows

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with naming(self._path), closing(self._db.execute(statement, values)) as cursor:
            return cursor.fetchall()


def path_stem(path: str) -> str:
    """A file's name without its ending; for `__init__` that of its folder, which is what others call it."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return folder.rpartition("/")[2] if stem == "__init__" and folder else stem


def path_words(path: str) -> frozenset[str]:
    """The words of a path without its ending."""
    return frozenset(words(path.rpartition(".")[0].replace("/", " ")))


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
