"""An open case: its tables, to be queried."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..domain.case import CaseInfo, Source
from ..domain.window import Window
from . import engine
from .baseline import BaselineShift
from .engine import Database, Parameter, Row
from .layout import Manifest, read_manifest
from .owners import OWNERS, owned, owners_of
from .schema import METRICS, TABLES, Table

# Tables of at most this many bytes of Parquet are held in memory, decoded: a query on them takes a millisecond where
# opening the file takes five. Larger ones stay on disk and are streamed.
_IN_MEMORY_BYTES: Final = 8_000_000

_numbers = itertools.count(1)


class CaseStore:
    """Read access to one case. Use `open_case`; an instance belongs to one engine database.

    Tables (see `schema.py`) are named plainly in queries: `SELECT count() FROM spans`. Every table of the schema
    exists, empty where the case has no such evidence. Results must fit in Python: aggregate in SQL.
    """

    def __init__(self, folder: Path, manifest: Manifest, database: Database, shift: BaselineShift) -> None:
        self.folder = folder
        self.manifest = manifest
        self.baseline_shift = shift
        self._database = database
        self._counts: dict[str, int] = {}
        self._ranges: dict[str, Window | None] = {}
        self._derived: set[str] = set()
        self._deriving = threading.Lock()

    @property
    def info(self) -> CaseInfo:
        """What is known of the case."""
        return self.manifest.info

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files that were read."""
        return self.manifest.sources

    def source(self, source_id: int) -> Source:
        """The source of that number."""
        return next(source for source in self.sources if source.id == source_id)

    def query(self, sql: str, **parameters: Parameter) -> list[Row]:
        """Run a query on this case: rows as dicts, NaN as None.

        `{name:Type}` in the text stands for a parameter, for example `{service:String}` or `{ids:Array(String)}`.

        Raises:
            EngineRefusal: when the engine refuses the query.
        """
        return self._database.query(sql, **parameters)

    def derive(self, table: str, select: str, **parameters: Parameter) -> None:
        """Keep the answer to a query as a table for later queries, in memory; once it is there, nothing is done.

        Raises:
            EngineRefusal: when the engine refuses the query.
        """
        # Several threads may look at one case, as the tests of rival hypotheses do.
        with self._deriving:
            if table not in self._derived:
                statement = f"CREATE TABLE {engine.identifier(table)} ENGINE = Memory AS {select}"
                self._database.execute(statement, **parameters)
                self._derived.add(table)

    def execute(self, sql: str, **parameters: Parameter) -> None:
        """Run a statement on this case's database, for its effect."""
        self._database.execute(sql, **parameters)

    def count(self, table: str) -> int:
        """Rows in a table."""
        if table not in self._counts:
            self._counts[table] = int(self.query(f"SELECT count() AS n FROM {TABLES[table].name}")[0]["n"])
        return self._counts[table]

    def time_range(self, table: str) -> Window | None:
        """From the first to just after the last moment of a table; None when it is empty or untimed."""
        if table not in self._ranges:
            self._ranges[table] = self._look_up_range(table)
        return self._ranges[table]

    def _look_up_range(self, table: str) -> Window | None:
        column = TABLES[table].time
        if not column or not self.count(table):
            return None
        row = self.query(
            f"SELECT min({column}) AS a, max({column}) AS b, count() AS n FROM {table} WHERE {column} > 0"
        )[0]
        return Window(int(row["a"]), int(row["b"]) + 1) if row["n"] else None


def _define(database: Database, folder: Path, manifest: Manifest, table: Table, shift: BaselineShift) -> None:
    paths = [folder / name for name in manifest.files.get(table.name, ())]
    if not paths:
        database.execute(f"CREATE TABLE {table.name} ({table.structure}) ENGINE = Memory")
        return
    scan = shift.select(table, engine.scan_of(paths, table.structure))
    size = sum(path.stat().st_size for path in paths)
    _create(database, table, scan, size)
    if table is METRICS and (owners := owners_of(database)):
        database.execute(OWNERS, keys=list(owners), owners=list(owners.values()))
        database.execute(f"DROP TABLE {table.name}")
        _create(database, table, owned(scan), size)


def _create(database: Database, table: Table, scan: str, size: int) -> None:
    if size <= _IN_MEMORY_BYTES:
        database.execute(f"CREATE TABLE {table.name} ENGINE = Memory AS {scan}")
    else:
        database.execute(f"CREATE VIEW {table.name} AS {scan}")


@contextmanager
def open_case(folder: Path, join_baseline: bool = False) -> Iterator[CaseStore]:
    """Open a case folder for queries and let it go at the end.

    Args:
        folder: the case.
        join_baseline: see the baseline's rows right before the incident's, as an analysis needs them (`baseline.py`);
            otherwise all times are as recorded.

    Raises:
        CaseNotFoundError: when the folder is no case.
        CaseFormatError: when it is damaged or of another version.
    """
    manifest = read_manifest(folder)
    database = Database(f"case_{next(_numbers)}")
    shift = BaselineShift.of(manifest.sources) if join_baseline else BaselineShift()
    try:
        for table in TABLES.values():
            _define(database, folder, manifest, table, shift)
        yield CaseStore(folder, manifest, database, shift)
    finally:
        database.drop()
