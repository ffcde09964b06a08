"""The source index: an SQLite file that finds functions by their words, names and calls.

It holds structure and words, no text: the text stays where it is. Contents are keyed by git's id, so repositories,
revisions and folders share what they have in common, and a second revision costs its new files alone. Words are ranked
by SQLite's FTS5 with BM25 (Robertson and Zaragoza 2009; k1 1.2, b 0.75 are FTS5's constants).
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from ..errors import SourceIndexError
from .blobs import LeftOut, folder_content, git_id, is_text, revision_contents, revision_files
from .languages import is_searched
from .outline import Outline, outline, unit_words
from .roots import Roots, SourcePath

# Raised with every change of the tables or of what is put into them: an older index is made anew.
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE blobs (id INTEGER PRIMARY KEY, sha TEXT NOT NULL UNIQUE, language TEXT NOT NULL, lines INTEGER NOT NULL,
    note TEXT NOT NULL);
CREATE TABLE units (id INTEGER PRIMARY KEY, blob INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    own_name TEXT NOT NULL, first_line INTEGER NOT NULL, last_line INTEGER NOT NULL);
CREATE INDEX units_by_blob ON units (blob);
CREATE INDEX units_by_name ON units (own_name COLLATE NOCASE) WHERE own_name <> '';
CREATE TABLE calls (name TEXT NOT NULL, unit INTEGER NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (name, unit, line)) WITHOUT ROWID;
CREATE VIRTUAL TABLE unit_words USING fts5(name, body, content='', tokenize="unicode61 tokenchars '_'");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(unit_words, 'row');
CREATE TABLE trees (id INTEGER PRIMARY KEY, repo TEXT NOT NULL, revision TEXT NOT NULL, UNIQUE (repo, revision));
CREATE TABLE tree_files (tree INTEGER NOT NULL, path TEXT NOT NULL, blob INTEGER NOT NULL,
    PRIMARY KEY (tree, path)) WITHOUT ROWID;
CREATE INDEX tree_files_by_blob ON tree_files (blob, tree);
CREATE TABLE stats (repo TEXT NOT NULL, path TEXT NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL,
    sha TEXT NOT NULL, PRIMARY KEY (repo, path)) WITHOUT ROWID;
"""
_FILES_AT_ONCE: Final = 200
# Below this many new files a second process takes longer to start than it saves.
_PARALLEL_FROM: Final = 1_000
_BUSY_TIMEOUT_S: Final = 60.0
# A word in the name of a function says more than one in its text; 3 was best on half of the labelled issues, and 2 to
# 6 are within a point of it.
_NAME_WEIGHT: Final = 3.0

_UNIT: Final = "t.repo, f.path, u.kind, u.name, u.first_line, u.last_line"
_TREES: Final = "JOIN tree_files f ON f.blob = u.blob AND f.tree IN ({trees}) JOIN trees t ON t.id = f.tree"
_PLACE: Final = "t.repo, f.path, u.first_line, u.last_line DESC"
_SEARCH: Final = (
    f"SELECT {_UNIT}, -bm25(unit_words, {_NAME_WEIGHT}, 1.0) AS score FROM unit_words JOIN units u ON u.id = "
    f"unit_words.rowid {_TREES} WHERE unit_words MATCH ? ORDER BY score DESC, {_PLACE} LIMIT ?"
)
_NAMED: Final = (
    f"SELECT {_UNIT} FROM units u {_TREES} WHERE u.own_name COLLATE NOCASE IN ({{names}}) AND u.own_name <> '' "
    f"ORDER BY {_PLACE}"
)
_CALLERS: Final = (
    f"SELECT {_UNIT}, c.line FROM calls c JOIN units u ON u.id = c.unit {_TREES} WHERE c.name = ? "
    f"ORDER BY {_PLACE}, c.line LIMIT ?"
)
_UNITS: Final = f"SELECT {_UNIT} FROM units u {_TREES} WHERE t.repo = ? AND f.path = ? ORDER BY {_PLACE}"
_FILES: Final = (
    "SELECT t.repo, f.path, b.language FROM tree_files f JOIN trees t ON t.id = f.tree JOIN blobs b ON b.id = f.blob "
    "WHERE f.tree IN ({trees}) ORDER BY t.repo, f.path"
)

Item = TypeVar("Item")
# A file that is new: its path, git's id of its content, and the content.
_Content: TypeAlias = tuple[str, str, bytes]

Progress = Callable[[int, int], None]
"""Called with (new files read so far, new files in all)."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of a tree: how many files it has, how many were new to the index, and those left out and why."""

    tree: int
    files: int
    new_files: int
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


class SourceIndex:
    """The index in one file; several processes may use it at once. Use it in a `with` block.

    Raises:
        SourceIndexError: when the file is no index and cannot be made one.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _connect(path)
        except sqlite3.DatabaseError as fault:
            raise SourceIndexError(f"{path} cannot be used: {fault}", "delete it; it is made anew") from fault

    def __enter__(self) -> SourceIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add_folder(self, repo: str, roots: Roots, progress: Progress | None = None) -> Indexed:
        """Read the files of one root as they stand in its folder; those whose size and time are known are not read."""
        rows = self._rows("SELECT path, mtime_ns, size, sha FROM stats WHERE repo = ?", (repo,))
        known = {path: (sha, (mtime_ns, size)) for path, mtime_ns, size, sha in rows}
        now: dict[str, tuple[str, tuple[int, int]]] = {}
        changed: dict[SourcePath, tuple[int, int]] = {}
        for where in roots.files:
            status = roots.status(where) if where.repo == repo and is_searched(where.path) else None
            if status is None:
                continue
            if known.get(where.path, ("", None))[1] == status:
                now[where.path] = known[where.path]
            else:
                changed[where] = status
        left_out: list[LeftOut] = []

        def contents() -> Iterator[_Content]:
            for where, status in changed.items():
                content = folder_content(roots, where)
                if isinstance(content, LeftOut):
                    left_out.append(content)
                else:
                    now[where.path] = (git_id(content), status)
                    yield where.path, now[where.path][0], content

        new = self._take(contents(), len(changed), progress)
        with self._writing():
            self._db.execute("DELETE FROM stats WHERE repo = ?", (repo,))
            self._db.executemany(
                "INSERT INTO stats VALUES (?, ?, ?, ?, ?)",
                ((repo, path, *status, sha) for path, (sha, status) in now.items()),
            )
        return self._plant(repo, "", {path: sha for path, (sha, _) in now.items()}, new, left_out)

    def add_revision(self, repo: str, repository: Path, revision: str, progress: Progress | None = None) -> Indexed:
        """Read the files of a revision from git's objects.

        Raises:
            SourceError: when there is no such revision, or the repository is broken.
        """
        listed, left_out = revision_files(repository, revision)
        files = {path: sha for path, sha in listed.items() if is_searched(path)}
        known = self._known(files.values())
        wanted = {sha: path for path, sha in files.items() if sha not in known}
        broken: set[str] = set()

        def contents() -> Iterator[_Content]:
            for sha, content in revision_contents(repository, list(wanted)):
                if content is None or not is_text(content):
                    broken.add(sha)
                    left_out.append(LeftOut(wanted[sha], "no text" if content is not None else "missing, or broken"))
                else:
                    yield wanted[sha], sha, content

        new = self._take(contents(), len(wanted), progress)
        return self._plant(repo, revision, {p: s for p, s in files.items() if s not in broken}, new, left_out)

    def search(self, wanted: Sequence[str], trees: Sequence[int], limit: int) -> list[UnitHit]:
        """The units that the words speak for most, best first; a word that is given twice counts twice.

        The words must be of `words.words`.
        """
        if not wanted:
            return []
        terms = " OR ".join(f'"{word}"' for word in wanted)
        return [UnitHit(*row) for row in self._rows(_SEARCH.format(trees=_marks(trees)), (*trees, terms, limit))]

    def rare(self, wanted: Iterable[str], count: int) -> list[str]:
        """Those of the words that occur in the index, the rarest first, `count` at most."""
        wanted = sorted(set(wanted))
        rows = []
        for some in _batches(wanted, 500):
            rows += self._rows(f"SELECT doc, term FROM vocabulary WHERE term IN ({_marks(some)})", some)
        return [term for _, term in sorted(rows)[:count]]

    def definitions(self, names: Iterable[str], trees: Sequence[int]) -> list[UnitHit]:
        """Units that define one of the names (without what they are in; case does not matter)."""
        hits: list[UnitHit] = []
        for some in _batches(sorted({name.lower() for name in names}), 500):
            statement = _NAMED.format(names=_marks(some), trees=_marks(trees))
            hits += (UnitHit(*row) for row in self._rows(statement, (*trees, *some)))
        return hits

    def callers(self, name: str, trees: Sequence[int], limit: int) -> list[tuple[UnitHit, int]]:
        """Units that call a name, with the line of each call; whose function it is cannot be told by the name alone."""
        rows = self._rows(_CALLERS.format(trees=_marks(trees)), (*trees, name, limit))
        return [(UnitHit(*row[:-1]), row[-1]) for row in rows]

    def files(self, trees: Sequence[int]) -> list[tuple[str, str, str]]:
        """Files of trees as (repo, path, language), sorted; the language is '' where we have no grammar."""
        return self._rows(_FILES.format(trees=_marks(trees)), tuple(trees))

    def units(self, repo: str, path: str, trees: Sequence[int]) -> list[UnitHit]:
        """The units of a file, in the order of their lines."""
        return [UnitHit(*row) for row in self._rows(_UNITS.format(trees=_marks(trees)), (*trees, repo, path))]

    def _take(self, contents: Iterator[_Content], total: int, progress: Progress | None) -> int:
        """Put new contents into the index; one transaction for some hundred files, so that others get their turn."""
        new = done = 0
        with _parsing(total) as parse:
            for batch in parse(_batches(contents, _FILES_AT_ONCE)):
                with self._writing():
                    known = self._known(file.sha for file in batch)
                    for file in batch:
                        if file.sha not in known:
                            self._insert(file)
                            known.add(file.sha)
                            new += 1
                done += len(batch)
                if progress is not None:
                    progress(min(done, total), total)
        return new

    def _insert(self, file: _Parsed) -> None:
        insert = self._db.execute
        blob = insert(
            "INSERT INTO blobs (sha, language, lines, note) VALUES (?, ?, ?, ?)",
            (file.sha, file.outline.language, file.outline.lines, file.outline.note),
        ).lastrowid
        for unit, (name_words, body_words) in zip(file.outline.units, file.words, strict=True):
            row = insert(
                "INSERT INTO units (blob, kind, name, own_name, first_line, last_line) VALUES (?, ?, ?, ?, ?, ?)",
                (blob, unit.kind, unit.name, unit.own_name, unit.first_line, unit.last_line),
            ).lastrowid
            insert("INSERT INTO unit_words (rowid, name, body) VALUES (?, ?, ?)", (row, name_words, body_words))
            calls = [(name, row, line) for name, line in unit.calls]
            self._db.executemany("INSERT OR IGNORE INTO calls VALUES (?, ?, ?)", calls)

    def _plant(self, repo: str, revision: str, files: dict[str, str], new: int, left_out: Sequence[LeftOut]) -> Indexed:
        """Make a tree what these files are."""
        with self._writing():
            self._db.execute("INSERT OR IGNORE INTO trees (repo, revision) VALUES (?, ?)", (repo, revision))
            ((tree,),) = self._rows("SELECT id FROM trees WHERE repo = ? AND revision = ?", (repo, revision))
            self._db.execute("DELETE FROM tree_files WHERE tree = ?", (tree,))
            self._db.executemany(
                "INSERT INTO tree_files SELECT ?, ?, id FROM blobs WHERE sha = ?",
                ((tree, path, sha) for path, sha in files.items()),
            )
        return Indexed(int(tree), len(files), new, tuple(left_out))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _known(self, shas: Iterable[str]) -> set[str]:
        known: set[str] = set()
        for some in _batches(set(shas), 500):
            known.update(sha for (sha,) in self._rows(f"SELECT sha FROM blobs WHERE sha IN ({_marks(some)})", some))
        return known

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with closing(self._db.execute(statement, values)) as cursor:
            return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A content that was read: its outline without text, and the words of each unit."""

    sha: str
    outline: Outline
    words: tuple[tuple[str, str], ...]


def _parse_batch(batch: Sequence[_Content]) -> list[_Parsed]:
    parsed = []
    for path, sha, content in batch:
        found = outline(path, content)
        parsed.append(_Parsed(sha, found, tuple(map(unit_words, found.units))))
        for unit in found.units:
            unit.body = ""
    return parsed


@contextmanager
def _parsing(files: int) -> Iterator[Callable[[Iterable[list[_Content]]], Iterator[list[_Parsed]]]]:
    """A way to parse batches in order: in this process, or for many files in others beside it."""
    workers = min(os.cpu_count() or 1, 4) if files >= _PARALLEL_FROM else 1
    if workers == 1:
        yield lambda batches: map(_parse_batch, batches)
        return
    # Spawned, not forked: the caller may have threads, and an engine within them.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:

        def parse(batches: Iterable[list[_Content]]) -> Iterator[list[_Parsed]]:
            waiting: deque[Future[list[_Parsed]]] = deque()
            for batch in batches:
                waiting.append(pool.submit(_parse_batch, batch))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        yield parse


def _connect(path: Path) -> sqlite3.Connection:
    """Open an index; one of another version is emptied, for it can be made again."""
    db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    # What a crash of the machine may lose can be read again.
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN IMMEDIATE")
    ((version,),) = db.execute("PRAGMA user_version").fetchall()
    if version != _VERSION:
        tables = db.execute(
            "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL%' OR name IN "
            "('blobs', 'units', 'calls', 'trees', 'tree_files', 'stats')"
        ).fetchall()
        for (name,) in tables:
            db.execute(f"DROP TABLE {name}")
        for statement in filter(str.strip, _SCHEMA.split(";\n")):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {_VERSION}")
    db.execute("COMMIT")
    return db


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
