"""Looking into cases that were read before: list, schema, query, citations, deletion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from ..domain.case import Source
from ..domain.citation import Citation
from ..errors import EngineError, QueryError
from ..readers.base import EvidenceFile, TruncatedError, detect_compression, open_decompressed
from ..store import CaseStore, Row, open_case
from ..store.layout import Manifest
from ..store.library import cases, delete_case, find_case
from ..store.resolve import resolve
from ..store.user_query import checked, run_bounded

__all__ = ["CitedRow", "delete_case", "find_case", "list_cases", "query_case", "read_as", "show_citation"]


@dataclass(frozen=True, slots=True)
class CitedRow:
    """A row that a citation stands for, and the line of the source that it came from (None when it is gone)."""

    row: Row
    source: Source | None
    source_line: str | None


@contextmanager
def open_named(name: str | None) -> Iterator[CaseStore | None]:
    """The case of that name, for as long as the block runs; None where none is named.

    Raises:
        CaseNotFoundError: when there is no such case.
    """
    if not name:
        yield None
        return
    with open_case(find_case(name)) as store:
        yield store


def list_cases() -> Iterator[tuple[Path, Manifest]]:
    """Every case, by name."""
    return cases()


def read_as(folder: Path, most: int = 8) -> dict[int, list[str]]:
    """What the records of a source were taken for, and why others were rejected, the most frequent first.

    Args:
        folder: the case.
        most: how many of either are told of a source.

    Returns:
        By the id of a source: `GitHub deployment: 12`, `rejected: GitHub workflow run: no deploy: 30`.
    """
    found: dict[int, list[str]] = {}
    with open_case(folder) as store:
        for row in store.query(
            "SELECT * FROM (SELECT source_id, attributes['read_as'] AS what, count() AS n, 0 AS last FROM changes "
            "GROUP BY source_id, what HAVING what != '' UNION ALL "
            "SELECT source_id, concat('rejected: ', reason) AS what, count() AS n, 1 AS last FROM rejected "
            "GROUP BY source_id, what) ORDER BY source_id, last, n DESC, what LIMIT {most:UInt32} BY source_id, last",
            most=most,
        ):
            found.setdefault(int(row["source_id"]), []).append(f"{row['what']}: {row['n']}")
    return found


# A line longer than this holds many records: its beginning would show another one.
_LINE_BYTES: Final = 65_536
# What is one binary piece, or one line of a hundred megabytes.
_WITHOUT_LINES: Final = frozenset({"hprof", "v8-heap-snapshot", "otlp-protobuf"})


def show_citation(name: str, citation: str) -> list[CitedRow]:
    """The rows behind a citation of a case, each with its source line.

    Raises:
        CaseNotFoundError: when there is no such case.
        CitationError: when the citation cannot be parsed or resolves to nothing.
    """
    with open_case(find_case(name)) as store:
        shown = []
        for row in resolve(store, Citation.parse(citation)):
            source = next((s for s in store.sources if s.id == row["source_id"]), None)
            shown.append(CitedRow(row, source, _source_line(source, row) if source else None))
        return shown


def query_case(name: str, sql: str, limit: int) -> list[Row]:
    """Run one read-only SELECT of the user's over a case; at most `limit` rows come back.

    Raises:
        CaseNotFoundError: when there is no such case.
        QueryError: when the SQL is no plain SELECT over the case's tables, or the engine refuses it.
    """
    statement = checked(sql)
    with open_case(find_case(name)) as store:
        try:
            return run_bounded(store, statement, limit)
        except EngineError as refusal:
            raise QueryError(refusal.message, "the tables: 'dcr case show CASE'") from refusal


def _source_line(source: Source, row: Row) -> str | None:
    """Read the line of a row again; None when the file has none, is gone, or is shorter than it was.

    Of a document of many records in one line that says where in it the row's record is.
    """
    number, path = int(row["line"]), Path(source.path)
    if number < 1 or source.format in _WITHOUT_LINES or not path.is_file():
        return None
    with path.open("rb") as raw:
        compression = detect_compression(raw.read(8))
    file = EvidenceFile(source.id, path, source.name, source.bytes, compression)
    with open_decompressed(file.path, file.compression) as stream:
        try:
            line = next(islice(stream, number - 1, number), None)
        except TruncatedError:
            return None
    if line is None or len(line) <= _LINE_BYTES:
        return None if line is None else line.decode("utf-8", errors="replace").rstrip("\r\n")
    return f"(record {row['item'] + 1} of a line of {len(line):,} bytes)"
