"""An open case: its tables, to be queried."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from ..domain.case import CaseInfo, Source
from ..domain.window import Window
from ..errors import CaseFormatError
from . import engine
from .baseline import BaselineShift
from .counters import counted, counters_of
from .deployed import brought, deployed_commits
from .engine import Database, EngineRefusal, Parameter, Row
from .layout import Manifest, read_manifest
from .owners import owned, owners_of, placed, places_of, writers_of, written
from .schema import CHANGES, LOGS, METRICS, TABLES, Table
from .spellings import respelled

# Tables of at most this many bytes of Parquet are held in memory, decoded: a query on them takes a millisecond where
# opening the file takes five. Larger ones stay on disk and are streamed.
IN_MEMORY_BYTES: Final = 8_000_000
# An analysis asks some hundred questions, a score of which read the maps of all spans: that takes a fifth of the time
# in memory. Larger tables are held for it, too, as long as they come to no more than this when they are decompressed
# (the spans of 500 MB of OTLP JSON: 640 MB, which take 380 MB of memory, as most words are the same). Held compressed
# they would take a third of that, and be no quicker than on disk.
HELD_FOR_ANALYSIS_BYTES: Final = 750_000_000

# Conventions know some hundreds of names. More than so many have identifiers in them: they are not listed.
_MOST_NAMES: Final = 10_000
# How an analysis asks for an attribute by its name.
_LOOKUP: Final = re.compile(r"(?:\b[a-z]\w*\.)?\battributes\['([^'\\{}]+)'\]")

_numbers = itertools.count(1)

Answer = TypeVar("Answer")


class CaseStore:
    """Read access to one case. Use `open_case`; an instance belongs to one engine database.

    Tables (see `schema.py`) are named plainly in queries: `SELECT count() FROM spans`. Every table of the schema
    exists, empty where the case has no such evidence. Results must fit in Python: aggregate in SQL.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        database: Database,
        shift: BaselineShift,
        in_memory: bool = False,
        for_analysis: bool = False,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.baseline_shift = shift
        self.in_memory = in_memory
        """Whether every table is held in memory; else a query on a large one is streamed, and takes all processors."""
        self._for_analysis = for_analysis
        self._database = database
        self._once: dict[Hashable, _Once] = {}
        self._registering = threading.Lock()

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
        return self._database.query(self._of_known_names(sql), **parameters)

    def derive(self, table: str, select: str, columns: str = "", **parameters: Parameter) -> None:
        """Keep the answer to a query as a table for later queries, in memory; once it is there, nothing is done.

        Args:
            table: its name.
            select: the query.
            columns: the table's columns, `name type, ...`, in the query's order. Where they are not given the engine
                works them out, for which it analyses the query once more: a long one takes longer for that than to run.
            parameters: of the query.

        Raises:
            EngineRefusal: when the engine refuses the query.
        """
        structure = f"({columns})" if columns else ""
        statement = f"CREATE TABLE {engine.identifier(table)} {structure} ENGINE = Memory AS {select}"
        self.once(("table", table), lambda: self.execute(statement, **parameters))

    def forget(self, *tables: str) -> None:
        """Let go of derived tables that take room and that nobody else asks for; derived again, they are made anew."""
        for table in tables:
            self.execute(f"DROP TABLE IF EXISTS {engine.identifier(table)}")
            with self._registering:
                self._once.pop(("table", table), None)

    def once(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """What `make` answers, asked once as long as the case is open: detectors look at one case from several threads.

        Whoever asks for the same key meanwhile waits for it, and for nothing else. A `make` may ask for other keys, as
        long as none of these leads back to its own. When it raises, the next one who asks tries again.
        """
        with self._registering:
            known = self._once.setdefault(key, _Once())
        answer: Answer = known.get(make)
        return answer

    def execute(self, sql: str, **parameters: Parameter) -> None:
        """Run a statement on this case's database, for its effect."""
        self._database.execute(self._of_known_names(sql), **parameters)

    def may_say(self, table: str, names: Iterable[str]) -> bool:
        """Whether any row of a table has one of these attributes, as far as that is known: False is certain."""
        known = self.attribute_names(table)
        return known is None or not known.isdisjoint(names)

    def attribute_names(self, table: str = "") -> frozenset[str] | None:
        """The names of all attributes of a table's rows, of all tables' without one; None for too many to be listed."""
        return self.once(("attribute names", table), lambda: self._pick_names(table))

    def _pick_names(self, table: str) -> frozenset[str] | None:
        known = self.once("attribute names", self._read_attribute_names)
        asked = [known.get(table, frozenset())] if table else known.values()
        return None if any(len(names) > _MOST_NAMES for names in asked) else frozenset().union(*asked)

    def _read_attribute_names(self) -> dict[str, frozenset[str]]:
        tables = [
            table.name for table in TABLES.values() if self.manifest.files.get(table.name) and table.has("attributes")
        ]
        names = f"arraySort(groupUniqArrayArray({_MOST_NAMES + 1})(mapKeys(attributes)))"
        parts = (f"SELECT '{table}' AS at, {names} AS names FROM {table}" for table in tables)
        rows = self._database.query(" UNION ALL ".join(parts)) if tables else []
        return {row["at"]: frozenset(row["names"]) for row in rows}

    def _of_known_names(self, sql: str) -> str:
        """The statement with '' for every attribute that no row has, by its name of today or of years ago.

        Looking a name up takes 25 ms of 700,000 rows, whether it is there or not, and most ways to say a thing are
        not; where none is, the maps are not read. It is no constant: the engine fails to plan some joins over those.
        """
        if not self._for_analysis or "attributes['" not in sql:
            return sql
        known = self.attribute_names()
        if known is None:
            return sql
        return _LOOKUP.sub(lambda lookup: lookup[0] if lookup[1] in known else "materialize('')", sql)

    def count(self, table: str) -> int:
        """Rows in a table."""
        if not self.manifest.files.get(table):
            return 0  # asked of a dozen tables, most of which most cases have not
        statement = f"SELECT count() AS n FROM {TABLES[table].name}"
        return self.once(("count", table), lambda: int(self.query(statement)[0]["n"]))

    def time_range(self, table: str) -> Window | None:
        """From the first to just after the last moment of a table; None when it is empty or untimed."""
        return self.once(("time range", table), lambda: self._look_up_range(table))

    def _look_up_range(self, table: str) -> Window | None:
        column = TABLES[table].time
        if not column or not self.count(table):
            return None
        row = self.query(
            f"SELECT min({column}) AS a, max({column}) AS b, count() AS n FROM {table} WHERE {column} > 0"
        )[0]
        return Window(int(row["a"]), int(row["b"]) + 1) if row["n"] else None


class _Once:
    """An answer that one thread finds while the others wait for it."""

    def __init__(self) -> None:
        # Reentrant: a key that leads back to itself is an error at once, and not a wait for ever.
        self._finding = threading.RLock()
        self._answers: list[Any] = []

    def get(self, make: Callable[[], Any]) -> Any:
        with self._finding:
            if not self._answers:
                self._answers.append(make())
        return self._answers[0]


def _held(database: Database, files: Mapping[str, Sequence[Path]], for_analysis: bool) -> frozenset[str]:
    """The tables that are held in memory: small ones, and for an analysis larger ones, the smallest first."""
    sizes = {name: sum(path.stat().st_size for path in paths) for name, paths in files.items()}
    held = {name for name, size in sizes.items() if size <= IN_MEMORY_BYTES}
    if for_analysis:
        room = HELD_FOR_ANALYSIS_BYTES
        for name in sorted(sizes.keys() - held, key=lambda name: (sizes[name], name)):
            room -= sum(_decompressed_bytes(database, path) for path in files[name])
            if room >= 0:
                held.add(name)
    return frozenset(held)


def _decompressed_bytes(database: Database, path: Path) -> int:
    """How large a Parquet file is when it is decompressed."""
    column = "total_uncompressed_size"
    file = f"file({engine.literal(str(path))}, ParquetMetadata, '{column} UInt64')"
    return int(database.query(f"SELECT {column} AS bytes FROM {file}")[0]["bytes"])


def _define(
    database: Database, table: Table, paths: Sequence[Path], shift: BaselineShift, in_memory: bool, manifest: Manifest
) -> None:
    """Make a table known to the engine."""
    if not paths:
        database.execute(f"CREATE TABLE {table.name} ({table.structure}) ENGINE = Memory")
        return
    scan = engine.scan_of(paths, table.structure)
    if manifest.spellings:
        scan = respelled(table, scan)
    scan = shift.select(table, scan)
    _create(database, table, scan, in_memory)
    if table is LOGS and (writers := writers_of(database)):
        database.keep("log_writers", ("name", "service"), writers)
        _replace(database, table, written(scan), in_memory)
    if table is METRICS and (places := places_of(database)):
        database.keep("metric_places", ("name", "place"), places)
        scan = placed(scan)
        _replace(database, table, scan, in_memory)
    if table is METRICS and (owners := owners_of(database, manifest.sources)):
        database.keep("metric_owners", ("key", "owner"), owners)
        scan = owned(scan)
        _replace(database, table, scan, in_memory)
    if table is METRICS and (counters := counters_of(database)):
        database.keep("metric_counters", ("name", "kind"), dict.fromkeys(counters, "sum"))
        _replace(database, table, counted(scan), in_memory)
    if table is CHANGES and (commits := deployed_commits(database)):
        database.keep("deployed_commits", ("deploy", "sha"), commits)
        _replace(database, table, brought(scan), in_memory)


def _replace(database: Database, table: Table, scan: str, in_memory: bool) -> None:
    database.execute(f"DROP TABLE {table.name}")
    _create(database, table, scan, in_memory)


def _create(database: Database, table: Table, scan: str, in_memory: bool) -> None:
    kind = f"TABLE {table.name} ({table.structure}) ENGINE = Memory" if in_memory else f"VIEW {table.name}"
    database.execute(f"CREATE {kind} AS {scan}")


@contextmanager
def open_case(folder: Path, for_analysis: bool = False) -> Iterator[CaseStore]:
    """Open a case folder for queries and let it go at the end.

    Args:
        folder: the case.
        for_analysis: see the baseline's rows right before the incident's (`baseline.py`), and hold larger tables in
            memory; otherwise all times are as recorded, and opening costs little.

    Raises:
        CaseNotFoundError: when the folder is no case.
        CaseFormatError: when it is damaged or of another version.
    """
    manifest = read_manifest(folder)
    database = Database(f"case_{next(_numbers)}")
    shift = BaselineShift.of(manifest.sources) if for_analysis else BaselineShift()
    files = {name: [folder / path for path in manifest.files.get(name, ())] for name in TABLES}
    try:
        try:
            held = _held(database, files, for_analysis)
            if manifest.spellings:
                database.keep("service_spellings", ("spelling", "name"), manifest.spellings)
            for name, table in TABLES.items():
                _define(database, table, files[name], shift, name in held, manifest)
        except (FileNotFoundError, EngineRefusal) as fault:
            raise CaseFormatError(f"{folder}: {fault}", "delete the case and read the evidence again") from fault
        yield CaseStore(folder, manifest, database, shift, held == TABLES.keys(), for_analysis)
    finally:
        database.drop()
