"""Parquet and Arrow files as the text that other readers know: a row a line.

Warehouses and columnar stores export what others write as JSON lines or CSV: spans, log records, metrics, deploys. A
table is therefore unfolded, and read by whoever knows its columns. Rows become JSON; those of a table of metrics, which
teams write as CSV, become that.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ..store.tables import table_batches
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
    for rows in table_batches(path):
        if rows and _OF_RECORDS.isdisjoint(map(plain_name, rows[0])):
            yield _as_csv(rows, with_header=first)
        elif rows:
            yield b"".join(_as_json(row) for row in rows)
        first = first and not rows


def _as_json(row: dict[str, Any]) -> bytes:
    return json.dumps({name: _named(value) for name, value in row.items()}, default=_text).encode() + b"\n"


def _as_csv(rows: Sequence[dict[str, Any]], with_header: bool) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    if with_header:
        lines.writerow(rows[0])
    lines.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(_named(value), default=_text)
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
