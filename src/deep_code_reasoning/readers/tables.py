"""Parquet and Arrow files as the text that other readers know: a row a line.

Warehouses and columnar stores export what others write as JSON lines or CSV: spans, log records, metrics, deploys. A
table is therefore unfolded, and read by whoever knows its columns. Rows become JSON; those of a table of metrics, which
teams write as CSV, become that.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ..store.tables import TableBatch, table_batches
from .span_fields import plain_name

# What records of spans, logs and changes have, and metrics have not.
_OF_RECORDS: Final = frozenset(
    "traceid spanid message msg body content log line sha commit commitsha diff author version".split()
)


class TableLines:
    """The lines of a table, as a stream of bytes."""

    def __init__(self, path: Path) -> None:
        self._pieces = _pieces(path)
        self._ready = io.BytesIO()

    def read1(self, size: int, /) -> bytes:
        """At most so many of the next bytes; none at the end."""
        while not (data := self._ready.read(size)):
            piece = next(self._pieces, b"")
            if not piece:
                return b""
            self._ready = io.BytesIO(piece)
        return data


def _pieces(path: Path) -> Iterator[bytes]:
    first = True
    for batch in table_batches(path):
        if len(batch) and _OF_RECORDS.isdisjoint(map(plain_name, batch.columns)):
            yield _as_csv(batch, with_header=first)
        elif len(batch):
            yield _as_json(batch)
        first = first and not len(batch)


def json_batches(path: Path) -> Iterator[tuple[dict[str, list[Any]], dict[str, list[int | None]]]]:
    """The columns of a table that reads as JSON, a batch at a time: a value for each row, as its line would say it.

    With them go, of columns of times, nanoseconds since the epoch.

    Raises:
        EOFError: as `table_batches`.
    """
    for batch in table_batches(path):
        if len(batch):
            columns = {
                name: values if name in batch.plain else json.loads(_encode(_named(values)))
                for name, values in batch.columns.items()
            }
            yield columns, batch.moments


def _as_json(batch: TableBatch) -> bytes:
    columns = [v if name in batch.plain else map(_named, v) for name, v in batch.columns.items()]
    rows = zip(*columns, strict=True)
    return "".join([_encode(dict(zip(batch.columns, row, strict=True))) + "\n" for row in rows]).encode()


def _as_csv(batch: TableBatch, with_header: bool) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    if with_header:
        lines.writerow(batch.columns)
    lines.writerows(zip(*[map(_cell, values) for values in batch.columns.values()], strict=True))
    return text.getvalue().encode("utf-8", "surrogatepass")


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return _encode(_named(value))
    return _text(value) if isinstance(value, bytes) else value


def _named(value: Any) -> Any:
    """A value whose members go by text, as those of JSON have to."""
    if isinstance(value, dict):
        return {str(_text(name) if isinstance(name, bytes) else name): _named(inner) for name, inner in value.items()}
    return [_named(inner) for inner in value] if isinstance(value, list) else value


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return float(value) if isinstance(value, Decimal) else str(value)


_encode: Final = json.JSONEncoder(default=_text).encode
