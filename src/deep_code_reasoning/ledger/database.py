"""A connection to the ledger's database: SQLite in a file, or PostgreSQL by URL, behind the same two calls.

`read` and `write` run a function inside one transaction. Several processes write at once: on SQLite a writer takes
the write lock when its transaction begins (BEGIN IMMEDIATE), so that none can fail half-way because another was
faster; on PostgreSQL a writer may name what it must be alone with, and gets an advisory lock on it. A transaction that
the database gave up on is run again, for a bounded time, so the function must have no effect outside of it.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Executable, Table, create_engine, event, func, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ..errors import LedgerBusyError, LedgerError, UsageError
from .migrations import is_current, migrate

T = TypeVar("T")

# A transaction here takes about a millisecond; hundreds of writers may wait before it for one lock.
PATIENCE_S: Final = 60.0
_BUSY_TIMEOUT_S: Final = 2.0
_CONNECT_TIMEOUT_S: Final = 10
# Full: a commit is on the disk when it returns (half a millisecond on a quiet disk), for answers were paid for.
# Normal: it survives the end of any process, but the last ones may be lost when the power goes.
_SYNCHRONOUS: Final = {"full": "PRAGMA synchronous = FULL", "normal": "PRAGMA synchronous = NORMAL"}
_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.5
_SQLITE_TRANSIENT: Final = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED (sqlite.org/rescode.html)
# Serialisation failure, deadlock, lock not available (PostgreSQL manual, appendix A).
_POSTGRES_TRANSIENT: Final = ("40001", "40P01", "55P03")


class Database:
    """One database, shared by the threads of a process. A child process after a fork gets connections of its own."""

    def __init__(self, target: str | Path, patience_s: float = PATIENCE_S) -> None:
        """Connect, and bring the database up to this version.

        Args:
            target: a file for SQLite, or a URL (`sqlite:///FILE[?synchronous=normal]`, `postgresql://...`).
            patience_s: for how long a transaction is tried again while others hold the database.

        Raises:
            UsageError: when the URL names no database that we can reach.
            LedgerError: when the database fails, or is of a newer version.
        """
        self._url = _as_url(target)
        self._patience_s = patience_s
        self._is_postgres = self._url.get_backend_name() == "postgresql"
        self._engine = self._connect()
        self._writer = self._engine.execution_options(ledger_writes=True)
        self._process = os.getpid()
        try:
            if not self.read(is_current):
                self.write(lambda connection: migrate(connection, time.time_ns()), alone_with="migration")
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Where the database is, without a password."""
        return self._url.render_as_string(hide_password=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function in a read-only view of one moment.

        Raises:
            LedgerBusyError: when the database stays locked.
            LedgerError: when it fails.
        """
        return self._run(self._engine, work, None)

    def write(self, work: Callable[[Connection], T], alone_with: str | None = None) -> T:
        """Run a function in a transaction that is kept whole or not at all.

        Args:
            work: what to do; it may run more than once.
            alone_with: a subject with which only one writer may be busy at a time.

        Raises:
            LedgerBusyError: when the database stays locked.
            LedgerError: when it fails.
        """
        return self._run(self._writer, work, alone_with)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _run(self, engine: Engine, work: Callable[[Connection], T], alone_with: str | None) -> T:
        self._heed_fork()
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                with engine.begin() as connection:
                    if alone_with is not None and self._is_postgres:
                        connection.execute(
                            text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))"), {"subject": alone_with}
                        )
                    return work(connection)
            except (SQLAlchemyError, sqlite3.Error) as fault:
                if not _is_transient(fault):
                    raise LedgerError(
                        f"the ledger at {self.name} failed: {_reason(fault)}",
                        "'dcr doctor' tries the ledger; DCR_LEDGER_URL chooses another",
                    ) from fault
                if time.monotonic() > deadline:
                    raise LedgerBusyError(
                        f"the ledger at {self.name} was locked for {self._patience_s:.0f} s", "try again"
                    ) from fault
            time.sleep(random.uniform(0, pause_s))  # noqa: S311 - only so that writers do not come back in step
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _heed_fork(self) -> None:
        if os.getpid() != self._process:
            # The parent's sockets and file handles are not ours to use, nor to close.
            self._engine.dispose(close=False)
            self._process = os.getpid()

    def _connect(self) -> Engine:
        if self._is_postgres:
            return _postgres(self._url)
        return _sqlite(self._url, min(_BUSY_TIMEOUT_S, self._patience_s))


def upsert(
    connection: Connection,
    table: Table,
    values: dict[str, Any],
    *,
    changed: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
) -> None:
    """Insert a row, or change the one with its key.

    Args:
        connection: of a writing transaction.
        table: the table.
        values: column -> value.
        changed: columns that are changed in a row that is there; all when empty.
        kept: columns whose old value stays when the new one is NULL.
    """
    connection.execute(_upsert_statement(connection.dialect.name, table, tuple(values), changed, kept), values)


@lru_cache(maxsize=64)
def _upsert_statement(
    dialect_name: str, table: Table, names: tuple[str, ...], changed: tuple[str, ...], kept: tuple[str, ...]
) -> Executable:
    # Building the statement takes several times as long as running it.
    statement: Any = postgresql.insert(table) if dialect_name == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    new = statement.excluded
    values = {
        name: func.coalesce(new[name], table.c[name]) if name in kept else new[name]
        for name in changed or names
        if name not in keys
    }
    upserting: Executable = statement.on_conflict_do_update(index_elements=keys, set_=values)
    return upserting


def _as_url(target: str | Path) -> URL:
    if isinstance(target, Path):
        return URL.create("sqlite", database=str(target))
    try:
        url = make_url(target)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as fault:
        # The text of the fault repeats the URL, password and all.
        raise UsageError("the ledger's URL cannot be read", "for example postgresql://USER@HOST/NAME") from fault
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise UsageError(f"a ledger cannot be kept in '{backend}'", "use sqlite:///FILE or postgresql://USER@HOST/NAME")
    if not url.database or url.database == ":memory:":
        raise UsageError("a ledger in memory would be lost", "use sqlite:///FILE")
    return url.set(drivername="sqlite")


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "dcr"}
        )
    except ModuleNotFoundError as fault:
        raise UsageError(
            "the driver for PostgreSQL is not installed", "pip install 'deep-code-reasoning-mcp[postgres]'"
        ) from fault


def _sqlite(url: URL, busy_timeout_s: float) -> Engine:
    path = Path(url.database or "")
    synchronous = str(url.query.get("synchronous", "full"))
    if synchronous not in _SYNCHRONOUS or set(url.query) - {"synchronous"}:
        raise UsageError("the ledger's URL has an option that is not known", "sqlite:///FILE?synchronous=full|normal")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Questions and answers are nobody else's business; SQLite gives its side files the same mode.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as fault:
        raise LedgerError(
            f"the ledger {path} cannot be made: {fault.strerror}", "set DCR_HOME or DCR_LEDGER_URL"
        ) from fault
    engine = create_engine(url.set(query={}), connect_args={"timeout": busy_timeout_s})
    event.listen(engine, "connect", lambda connection, _record: _prepare_sqlite(connection, synchronous))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, synchronous: str) -> None:
    # The driver must not begin transactions of its own accord (it would begin them deferred).
    connection.isolation_level = None
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(_SYNCHRONOUS[synchronous])
        # The mode is kept in the file; asking costs no lock, changing it needs the file alone.
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ledger_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _is_transient(fault: Exception) -> bool:
    cause = fault.orig if isinstance(fault, DBAPIError) else fault
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in _SQLITE_TRANSIENT
    return getattr(cause, "sqlstate", None) in _POSTGRES_TRANSIENT


def _reason(fault: Exception) -> str:
    """What the database said, without the statement and its values: they may hold evidence."""
    said = str(fault.orig if isinstance(fault, DBAPIError) else fault)
    return next(iter(said.strip().splitlines()), type(fault).__name__)
