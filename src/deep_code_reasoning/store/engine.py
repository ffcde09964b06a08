"""The analytical engine (chDB: ClickHouse in the process), behind a `Database` with two verbs: execute and query.

One in-memory engine lives in a process; every open case is a database in it. Statements may run from several
threads at once; the interpreter's lock is free while one runs.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final

from ..errors import EngineError

Parameter = str | int | float | bool | Sequence[str] | Sequence[int] | Sequence[float]
Row = dict[str, Any]

# Above this a query is refused instead of taking the machine down; ingest and detectors stay far below it.
_MAX_MEMORY_BYTES: Final = 1_600_000_000
_SETTINGS: Final = (
    f"max_memory_usage = {_MAX_MEMORY_BYTES}",
    # Filters on a map's keys, pushed into the Parquet reader, fail in 26.5 ("Not found column in block").
    "optimize_move_to_prewhere = 0",
    # Answers are small: to start threads that write them takes longer than to write them, 0.15 ms a query.
    "output_format_parallel_formatting = 0",
)
_DROP_TRIES: Final = 5


class EngineRefusal(EngineError):  # noqa: N818 - it is the engine's word, mapped to a user's or our error by the caller
    """The engine refused a statement; `message` holds its first line."""


class Database:
    """One named database of the process's engine; every thread gets a connection of its own.

    Args:
        name: created when it is not there; '' is the engine's default database, for statements that need no tables.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._local = threading.local()
        if name:
            _shared().execute(f"CREATE DATABASE IF NOT EXISTS {identifier(name)} ENGINE = Memory")

    def execute(self, sql: str, **parameters: Parameter) -> None:
        """Run a statement for its effect.

        Raises:
            EngineRefusal: when the engine refuses it.
        """
        self._run(sql, "Null", parameters)

    def query(self, sql: str, **parameters: Parameter) -> list[Row]:
        """Run a query whose answer is small enough for Python: a list of rows as dicts, NaN as None.

        `{name:Type}` in the text stands for the parameter of that name; values never become part of the text.

        Raises:
            EngineRefusal: when the engine refuses it.
        """
        raw = self._run(sql, "JSONCompact", parameters)
        if not raw:
            return []
        answer = json.loads(raw.decode("utf-8", errors="replace"))
        names = [column["name"] for column in answer["meta"]]
        return [dict(zip(names, row, strict=True)) for row in answer["data"]]

    def keep(self, table: str, columns: tuple[str, str], pairs: Mapping[str, str]) -> None:
        """Keep a mapping as a table of two columns, in memory."""
        first, second = columns
        self.execute(
            f"CREATE TABLE {table} ENGINE = Memory AS SELECT pair.1 AS {first}, pair.2 AS {second} "
            "FROM (SELECT arrayJoin(arrayZip({first:Array(String)}, {second:Array(String)})) AS pair)",
            first=list(pairs),
            second=list(pairs.values()),
        )

    def drop(self) -> None:
        """Let the database and all that is in it go, also while a thread that nobody waits for any more works in it."""
        for tries_left in reversed(range(_DROP_TRIES)):
            try:
                _shared().execute(f"DROP DATABASE IF EXISTS {identifier(self.name)}")
                return
            except EngineRefusal as refusal:
                # Such a thread has made a table meanwhile; it makes a handful of them at most.
                if "DATABASE_NOT_EMPTY" not in refusal.message or not tries_left:
                    raise

    def _run(self, sql: str, output_format: str, parameters: Mapping[str, Parameter]) -> bytes:
        encoded = {name: encode(value) for name, value in parameters.items()}
        try:
            return bytes(self._connection().query(sql, output_format, params=encoded).bytes())
        except RuntimeError as refusal:
            raise EngineRefusal(_first_line(str(refusal))) from refusal

    def _connection(self) -> Any:
        if not hasattr(self._local, "connection"):
            with _connect_lock:
                self._local.connection = _chdb().connect(":memory:")
            for setting in _SETTINGS:
                self._local.connection.query(f"SET {setting}")
            if self.name:
                self._local.connection.query(f"USE {identifier(self.name)}")
        return self._local.connection


_connect_lock = threading.Lock()


def _chdb() -> Any:
    """chDB's extension module, without its package, which takes three times as long to load as the engine to start.

    The package loads Arrow and NumPy for answers that nothing here asks for, and starts an engine of its own to ask it
    for its version.
    """
    name = "chdb._chdb"
    if name not in sys.modules:
        package = importlib.util.find_spec("chdb")
        places = package.submodule_search_locations if package else None
        found = PathFinder.find_spec(name, places)
        if found is None or found.loader is None:
            raise ModuleNotFoundError(f"no module {name}", name=name)
        module = importlib.util.module_from_spec(found)
        flags = sys.getdlopenflags()
        # As the package has it: the library takes its own allocator, whatever else is loaded.
        sys.setdlopenflags(flags | getattr(os, "RTLD_DEEPBIND", 0))
        try:
            found.loader.exec_module(module)
        finally:
            sys.setdlopenflags(flags)
        sys.modules[name] = module
    return sys.modules[name]


@functools.cache
def _shared() -> Database:
    # The engine ends with its last connection; this one keeps it for the life of the process.
    database = Database()
    _folders.extend(Path(row["path"]) for row in database.query("SELECT path FROM system.disks"))
    return database


_folders: Final[list[Path]] = []


def tidy_up() -> None:
    """Remove the folder that the engine has while a process lives, which stays when that is interrupted.

    Nothing else can be asked of the engine afterwards.
    """
    for folder in _folders:
        # It is the engine's own; where it was told to keep its data elsewhere that is somebody else's.
        if folder.name.startswith("clickhouse-embedded-"):
            shutil.rmtree(folder, ignore_errors=True)


def literal(text: str) -> str:
    """Quote text as an SQL string; for places where the engine takes no parameter (paths, view definitions)."""
    return "'" + _escaped(text).replace("'", "\\'") + "'"


def scan_of(paths: Sequence[Path], structure: str) -> str:
    """A SELECT of all rows of Parquet files that share a structure."""
    return " UNION ALL ".join(
        f"SELECT * FROM file({literal(str(path))}, Parquet, {literal(structure)})" for path in paths
    )


def identifier(name: str) -> str:
    """Quote a name as an SQL identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def encode(value: Parameter) -> str:
    """Write a parameter as the engine reads it: escaped text, or a bracketed list of quoted values."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, int | float):
        return repr(value)
    items = (literal(item) if isinstance(item, str) else repr(item) for item in value)
    return "[" + ",".join(items) + "]"


def _escaped(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        text = text.replace(plain, escaped)
    return text


_GLOB_CHARACTERS: Final = frozenset("*?{}[]|'\\")


def is_plain_path(path: Path) -> bool:
    """Whether the engine takes the path as it is; others (with glob characters) need a link with a plain name."""
    return not _GLOB_CHARACTERS.intersection(str(path))


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:1000]
