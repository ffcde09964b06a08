"""The file of the source index: its tables, and how it is opened.

An index can always be made again, so one of another version is emptied, and what a crash loses is no loss.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from ..errors import UnreadableSourceError

# Raised with every change of the tables or of what is put into them.
_VERSION: Final = 5
_TABLES: Final = ("blobs", "units", "calls", "statements", "paths", "trees", "tree_files", "stats", "readings")
NOT_READ: Final = "-"
"""Stands for the id of a content that is not read, because the file stands apart."""

# Bytes of new words that are held before they are written (FTS5, "The 'hashsize' Configuration Option"), and pages of
# the file in KiB. With SQLite's own 1 MB and 2 MB, writing takes a quarter longer: segments are merged and pages read
# again.
_WORDS_IN_MEMORY: Final = 32_000_000
_PAGES_KIB: Final = 64_000
_TOKENS: Final = "tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\""
_SCHEMA: Final = f"""
CREATE TABLE blobs (id INTEGER PRIMARY KEY, sha TEXT NOT NULL UNIQUE, language TEXT NOT NULL, lines INTEGER NOT NULL,
    note TEXT NOT NULL);
INSERT INTO blobs VALUES (0, '{NOT_READ}', '', 0, '');
CREATE TABLE units (id INTEGER PRIMARY KEY, blob INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    own_name TEXT NOT NULL, first_line INTEGER NOT NULL, last_line INTEGER NOT NULL);
CREATE INDEX units_by_blob ON units (blob);
CREATE INDEX units_by_name ON units (own_name COLLATE NOCASE) WHERE own_name <> '';
CREATE TABLE calls (name TEXT NOT NULL, unit INTEGER NOT NULL, line INTEGER NOT NULL,
    PRIMARY KEY (name, unit, line)) WITHOUT ROWID;
CREATE TABLE statements (id INTEGER PRIMARY KEY, blob INTEGER NOT NULL, line INTEGER NOT NULL, template TEXT NOT NULL);
CREATE VIRTUAL TABLE statement_words USING fts5(words, content='', {_TOKENS});
CREATE VIRTUAL TABLE unit_words USING fts5(name, body, content='', {_TOKENS});
INSERT INTO unit_words (unit_words, rank) VALUES ('hashsize', {_WORDS_IN_MEMORY});
CREATE VIRTUAL TABLE unit_vocabulary USING fts5vocab(unit_words, 'row');
CREATE TABLE paths (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, stem TEXT NOT NULL);
CREATE INDEX paths_by_stem ON paths (stem);
CREATE VIRTUAL TABLE path_words USING fts5(words, content='', {_TOKENS});
CREATE TABLE trees (id INTEGER PRIMARY KEY, repo TEXT NOT NULL, folder TEXT NOT NULL, revision TEXT NOT NULL,
    UNIQUE (repo, folder, revision));
CREATE TABLE tree_files (tree INTEGER NOT NULL, path INTEGER NOT NULL, blob INTEGER NOT NULL,
    PRIMARY KEY (tree, path)) WITHOUT ROWID;
CREATE INDEX tree_files_by_blob ON tree_files (blob, tree);
CREATE TABLE stats (folder TEXT NOT NULL, path TEXT NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL,
    sha TEXT NOT NULL, PRIMARY KEY (folder, path)) WITHOUT ROWID;
CREATE TABLE readings (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, found TEXT NOT NULL);
"""
# Another process writes for as long as some hundred files take.
_BUSY_TIMEOUT_S: Final = 60.0


class IndexFile:
    """The opened file of the index; several processes may use it at once. Use it in a `with` block.

    Raises:
        UnreadableSourceError: here and later, when the file is no index and cannot be made one, or its database fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()


def connect(path: Path) -> sqlite3.Connection:
    """Open an index, or make it.

    Raises:
        UnreadableSourceError: when the file is no database, or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        try:
            # Nobody may see tables that are half made, so this comes before any other use.
            db.execute("BEGIN IMMEDIATE")
            ((version,),) = db.execute("PRAGMA user_version").fetchall()
            if version != _VERSION:
                _make(db)
            db.execute("COMMIT")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")
            db.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
        except sqlite3.Error:
            db.close()
            raise
    return db


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn the database's errors into ours, which name the file."""
    try:
        yield
    except sqlite3.Error as fault:
        raise UnreadableSourceError(f"{path} cannot be used: {fault}", "delete it; it is made anew") from fault


def _make(db: sqlite3.Connection) -> None:
    found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    virtual = db.execute("SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL%'").fetchall()
    for (name,) in [*virtual, *(row for row in found if row[0] in _TABLES)]:
        db.execute(f"DROP TABLE {name}")
    for statement in filter(str.strip, _SCHEMA.split(";\n")):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {_VERSION}")
