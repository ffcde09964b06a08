"""How a ledger's database gets from any earlier version to this one: an ordered list of functions.

Each runs once, inside the transaction that also notes its number in `ledger_version`: a crash leaves the database
before it or after it. A new one is a module here and a line in `MIGRATIONS`; those that were released never change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, func, insert, inspect, select
from sqlalchemy.engine import Connection

from ...errors import LedgerError
from . import m001_first_tables, m002_investigation_outcomes

MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (
    m001_first_tables.migrate,
    m002_investigation_outcomes.migrate,
)

# Apart from the ledger's tables: this one must be readable in every version.
VERSIONS: Final = Table(
    "ledger_version",
    MetaData(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_ns", BigInteger, nullable=False),
)


def version(connection: Connection) -> int:
    """The number of migrations that a database has been through; 0 for an empty one."""
    if not inspect(connection).has_table(VERSIONS.name):
        return 0
    return int(connection.scalar(select(func.max(VERSIONS.c.version))) or 0)


def is_current(connection: Connection) -> bool:
    """Whether a database is of this version.

    Raises:
        LedgerError: when it is of a later one.
    """
    found = version(connection)
    if found > len(MIGRATIONS):
        raise LedgerError(
            f"the ledger is of version {found}, and this program knows up to {len(MIGRATIONS)}",
            "use the newer version of this program that wrote it",
        )
    return found == len(MIGRATIONS)


def migrate(connection: Connection, now_ns: int) -> int:
    """Bring a database up to this version, inside the transaction at hand; returns how many steps that took.

    Raises:
        LedgerError: when the database is of a later version.
    """
    if is_current(connection):
        return 0
    found = version(connection)
    if found == 0:
        VERSIONS.create(connection, checkfirst=True)
    for number, step in enumerate(MIGRATIONS[found:], start=found + 1):
        step(connection)
        connection.execute(insert(VERSIONS).values(version=number, applied_ns=now_ns))
    return len(MIGRATIONS) - found
