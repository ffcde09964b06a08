"""Writing a case: rows and scans in, Parquet files and a manifest out.

Readers hand over evidence in one of two ways, whatever suits their format:

    rows(table, rows)      rows that Python parsed, as dicts; missing columns take their empty value
    scan(table, select)    a SELECT over the source's file that the engine runs: for formats that come by the gigabyte

and `reject(...)` for what they could not take. Nothing is visible to readers of the case until `commit`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..domain.case import CaseInfo, Source
from . import engine
from .arrow import load_arrow
from .layout import MANIFEST, Manifest, write_atomically
from .schema import EVIDENCE_TABLES, TABLES, Table
from .spellings import proxies_of, spellings_of

# Rows are buffered up to this many a table, then written as a row group: large enough to compress well and to be read
# fast, small enough to bound memory (a log row is about 1 KB in Python).
_BUFFER_ROWS: Final = 50_000
_EXCERPT_CHARACTERS: Final = 200
# So many rows are worth a row group of their own.
_ROW_GROUP_ROWS: Final = 2_000


_at_work: set[CaseWriter] = set()


def abandon_all() -> None:
    """Remove what all unfinished writers of this process have written: for a process that has to end now."""
    for writer in list(_at_work):
        writer.abandon()


class CaseWriter:
    """Writes one generation of a case. Use as a context manager: without `commit` nothing remains of it.

    Args:
        folder: the case's folder; created when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = engine.Database()
        self._generation = _fresh_generation(folder)
        self._sources: list[Source] = []
        self._buffers: dict[str, list[Mapping[str, Any]]] = {}
        self._parquet: dict[str, _ParquetFile] = {}
        self._files: dict[str, list[str]] = {}
        self._naming = threading.Lock()
        self._without_shapes: list[Path] = []
        self._committed = False
        self.notes: dict[int, str] = {}
        # An instant near the incident, as the caller says: undated evidence is placed by it when nothing else is dated.
        self.anchor_ns: int | None = None
        self.on_progress: Callable[[int], None] | None = None

    def __enter__(self) -> CaseWriter:
        _at_work.add(self)  # first: whoever stops the process meanwhile finds what there is to remove
        self._tables.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._parquet.values():
            file.close()
        _at_work.discard(self)
        if not self._committed:
            self.abandon()

    def abandon(self) -> None:
        """Remove everything that was written; the case stays, or stays absent, as it was before."""
        # Under another name first, so that a thread that is still at work finds no folder to write on in.
        gone = self._tables.with_name(f"{self._tables.name}.gone")
        with suppress(FileNotFoundError):
            self._tables.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        for folder in (self._tables.parent, self.folder):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    @property
    def _tables(self) -> Path:
        return self.folder / "tables" / self._generation

    def rows(self, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Add rows to a table; returns how many. Unknown columns are a programming error (KeyError)."""
        buffer = self._buffers.setdefault(table, [])
        added = 0
        for row in rows:
            buffer.append(row)
            added += 1
            if len(buffer) >= _BUFFER_ROWS:
                self._flush(table)
        return added

    def columns(self, table: str, columns: Mapping[str, list[Any]]) -> None:
        """Add rows to a table as columns of one length; for the rest as `rows`."""
        size = len(next(iter(columns.values())))
        if size < _ROW_GROUP_ROWS:
            self.rows(table, (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)))
        else:
            self._buffers.setdefault(table, [])
            self._file_of(table).write_columns(columns)

    def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
        """Keep a note of something that could not be read: nothing is dropped in silence."""
        row = {"source_id": source_id, "line": line, "offset_bytes": offset_bytes, "reason": reason}
        self.rows("rejected", [{**row, "excerpt": excerpt[:_EXCERPT_CHARACTERS]}])

    def scan(self, table: str, select: str) -> None:
        """Run a SELECT that yields exactly the table's columns, in order, and keep its rows.

        Logs come with their shapes (`log_shapes.py`).

        Raises:
            EngineRefusal: when the engine refuses or fails; rows written before a failure are not kept.
        """
        spec = TABLES[table]
        path = self.new_file(table)
        target = f"file({engine.literal(str(path))}, Parquet, {engine.literal(spec.structure)})"
        self.database.execute(f"INSERT INTO FUNCTION {target} {select}")

    def note(self, source_id: int, text: str) -> None:
        """Say in words what is partial or odd about a source; shown with it in the answer."""
        known = self.notes.get(source_id)
        self.notes[source_id] = f"{known}; {text}" if known else text

    def advance(self, read_bytes: int) -> None:
        """Tell whoever waits that so many more bytes of the sources (as stored) were read."""
        if self.on_progress is not None:
            self.on_progress(read_bytes)

    def new_file(self, table: str) -> Path:
        """A path for a table's next Parquet file, already entered in the manifest-to-be; several threads may ask."""
        with self._naming:
            names = self._files.setdefault(table, [])
            names.append(f"tables/{self._generation}/{table}-{len(names) + 1:04d}.parquet")
            return self.folder / names[-1]

    @property
    def scratch(self) -> Path:
        """A folder for what is needed while reading; it is gone with the writer."""
        folder = self._tables / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def finished(self, table: str) -> list[Path]:
        """The files of a table with all rows written so far, closed, so that the engine can read them."""
        self._flush(table)
        if table in self._parquet:
            self._parquet.pop(table).close()
        paths = [self.folder / name for name in self._files.get(table, ())]
        return [path for path in paths if path.exists()]

    def add_source(self, source: Source) -> None:
        """Enter a source in the manifest."""
        self._sources.append(source)

    def commit(self, info: CaseInfo) -> Manifest:
        """Make the generation the case's content, in one step, and remove what it replaces."""
        self._shape_logs()
        for table in list(self._buffers):
            self.finished(table)
        files = {
            name: tuple(path for path in paths if (self.folder / path).exists()) for name, paths in self._files.items()
        }
        self._files = {name: list(paths) for name, paths in files.items()}
        sources, services = self._summed_up()
        spellings = spellings_of(services, self._proxies(services))
        manifest = Manifest(info, sources, files, self._generation, dict(spellings))
        shutil.rmtree(self._tables / "scratch", ignore_errors=True)
        write_manifest(self.folder, manifest)
        self._committed = True
        _remove_stale_generations(self.folder, self._generation)
        return manifest

    def _shape_logs(self) -> None:
        """Fill in the shapes of the log records that Python parsed, and mine the templates that all shapes lead to."""
        from .log_shapes import shape_rows, with_shapes  # its patterns take as long as the rest of this room

        self.finished("logs")
        if self._without_shapes:
            self.scan("logs", with_shapes(engine.scan_of(self._without_shapes, TABLES["logs"].structure)))
            for path in self._without_shapes:
                path.unlink()
        paths = self.finished("logs")
        if paths:
            self.rows("log_shapes", shape_rows(self.database, paths))

    def _summed_up(self) -> tuple[tuple[Source, ...], list[str]]:
        """The sources, with what became of each: rows, rejected rows, first and last moment, notes; and services."""
        rows: dict[int, int] = {}
        rejected: dict[int, int] = {}
        times: dict[int, list[int]] = {}
        services: list[str] = []
        for table in (*EVIDENCE_TABLES, "rejected"):
            for found in self._count_by_source(TABLES[table]):
                counts = rejected if table == "rejected" else rows
                counts[found["source_id"]] = counts.get(found["source_id"], 0) + found["n"]
                if found["last"]:
                    times.setdefault(found["source_id"], []).extend((found["first"], found["last"]))
                services.extend(found["services"])
        sources = tuple(
            replace(
                source,
                rows=rows.get(source.id, 0),
                rejected=rejected.get(source.id, 0),
                from_ns=min(times[source.id]) if source.id in times else None,
                to_ns=max(times[source.id]) if source.id in times else None,
                note="; ".join(filter(None, (source.note, self.notes.get(source.id)))),
            )
            for source in self._sources
        )
        return sources, services

    def _proxies(self, services: Iterable[str]) -> Mapping[str, str]:
        paths = self.finished("spans")
        if not paths:
            return {}
        spans = engine.scan_of(paths, TABLES["spans"].structure_of("service", "attributes"))
        return proxies_of(self.database, spans, services)

    def _count_by_source(self, table: Table) -> list[engine.Row]:
        paths = [self.folder / name for name in self._files.get(table.name, ())]
        if not paths:
            return []
        time = table.time or "0"
        services = "arraySort(groupUniqArray(toString(service)))" if table.has("service") else "emptyArrayString()"
        asked = table.structure_of("source_id", time, "service")
        return self.database.query(
            f"SELECT source_id, count() AS n, minIf({time}, {time} > 0) AS first, max({time}) AS last, "
            f"{services} AS services "
            f"FROM ({engine.scan_of(paths, asked)}) GROUP BY source_id ORDER BY source_id"
        )

    def _flush(self, table: str) -> None:
        buffer = self._buffers.get(table)
        if not buffer:
            return
        self._file_of(table).write(buffer)
        buffer.clear()

    def _file_of(self, table: str) -> _ParquetFile:
        if table not in self._parquet:
            path = self.new_file(table)
            self._parquet[table] = _ParquetFile(path, TABLES[table])
            if table == "logs":
                self._without_shapes.append(path)
        return self._parquet[table]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace a case's manifest in one step."""
    import json

    write_atomically(folder / MANIFEST, json.dumps(manifest.as_json(), indent=1, sort_keys=True))


class _ParquetFile:
    """One Parquet file of a table, written a row group at a time."""

    def __init__(self, path: Path, table: Table) -> None:
        self._columns = {column.name: _EMPTY[column.type] for column in table.columns}
        self._schema = _arrow_schema(table)
        self._writer = load_arrow().parquet.ParquetWriter(path, self._schema, compression="lz4")

    def write(self, rows: list[Mapping[str, Any]]) -> None:
        used: set[str] = set()
        for names in {tuple(row) for row in rows}:
            used.update(names)
        empties = ((name, self._columns.get(name)) for name in used)
        self.write_columns({name: [row.get(name, empty) for row in rows] for name, empty in empties})

    def write_columns(self, columns: Mapping[str, list[Any]]) -> None:
        if not columns.keys() <= self._columns.keys():
            raise KeyError(f"no such column: {sorted(columns.keys() - self._columns.keys())}")
        size = len(next(iter(columns.values())))
        arrays = [
            _array(columns[name] if name in columns else [empty] * size, kind.type)
            for (name, empty), kind in zip(self._columns.items(), self._schema, strict=True)
        ]
        self._writer.write_table(load_arrow().Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _array(values: list[Any], kind: Any) -> Any:
    """A column of Arrow; cell by cell only where the fast way refuses."""
    pyarrow = load_arrow()
    if pyarrow.types.is_map(kind):
        # Keys and items laid end to end: three times as fast as to hand over pairs.
        offsets = [0, *itertools.accumulate(map(len, values))]
        keys = _array([key for value in values for key in value], kind.key_type)
        items = _array([item for value in values for item in value.values()], kind.item_type)
        return pyarrow.MapArray.from_arrays(pyarrow.array(offsets, pyarrow.int32()), keys, items)
    try:
        return pyarrow.array(values, type=kind)
    except UnicodeEncodeError:
        return pyarrow.array([_cell(value) for value in values], type=kind)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        # Lone surrogates (from broken input) cannot be written as UTF-8.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    return [_cell(item) for item in value] if isinstance(value, list | tuple) else value


def _arrow_schema(table: Table) -> Any:
    pa = load_arrow()
    text = pa.string()
    types = {
        "String": text,
        "LowCardinality(String)": text,
        "Int64": pa.int64(),
        "UInt64": pa.uint64(),
        "UInt32": pa.uint32(),
        "Float64": pa.float64(),
        "Map(LowCardinality(String), String)": pa.map_(text, text),
        "Array(String)": pa.list_(text),
        "Array(LowCardinality(String))": pa.list_(text),
        "Array(Float64)": pa.list_(pa.float64()),
    }
    return pa.schema([(column.name, types[column.type]) for column in table.columns])


_EMPTY: Final[dict[str, Any]] = {
    "String": "",
    "LowCardinality(String)": "",
    "Int64": 0,
    "UInt64": 0,
    "UInt32": 0,
    "Float64": float("nan"),
    "Map(LowCardinality(String), String)": {},
    "Array(String)": (),
    "Array(LowCardinality(String))": (),
    "Array(Float64)": (),
}


def _fresh_generation(folder: Path) -> str:
    """A name no other writer uses: a counter, and the process so that two writers at once cannot meet."""
    tables = folder / "tables"
    taken = {path.name for path in tables.iterdir()} if tables.is_dir() else set()
    number = 1
    while any(name.split("-")[0] == f"{number:04d}" for name in taken):
        number += 1
    return f"{number:04d}-{os.getpid()}"


def _remove_stale_generations(folder: Path, current: str) -> None:
    """Remove generations that no manifest names, unless the process that writes one still lives."""
    for path in (folder / "tables").iterdir():
        owner = path.name.rpartition("-")[2]
        alive = owner.isdecimal() and int(owner) != os.getpid() and Path(f"/proc/{owner}").exists()
        if path.name != current and not alive:
            shutil.rmtree(path, ignore_errors=True)
