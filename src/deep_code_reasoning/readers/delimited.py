"""Delimited text (CSV and its kin, RFC 4180): the delimiter and the header from a head, then rows with their lines.

Cells do not span lines here: a quote left open would otherwise swallow the rest of the file, so its line is rejected.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .base import Complaints, EvidenceFile, Head, iterate_lines, read_head

DELIMITERS: Final = (",", "\t", ";", "|")
_SAMPLED_LINES: Final = 20
_BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a delimited file is laid out: its delimiter, its columns, and the first rows below them."""

    delimiter: str
    columns: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class DelimitedRow:
    """One row: its 1-based line, the byte offset of that line, one cell a column."""

    line: int
    offset: int
    cells: list[str]


@functools.lru_cache(maxsize=16)
def layout_of(head: Head) -> Layout | None:
    """The layout of a head, or None when it is no delimited text with a header and two columns at least."""
    lines = [line.lstrip(_BYTE_ORDER_MARK) for line in head.lines[: _SAMPLED_LINES + 1]]
    if len(lines) < 2 or "\0" in lines[0] or lines[0][0] in "{[<#":
        return None
    for delimiter in sorted(DELIMITERS, key=lambda mark: -lines[0].count(mark)):
        columns = split_row(lines[0], delimiter)
        if columns is None or len(columns) < 2 or not all(columns[1:]):
            continue
        below = [line for line in lines[1:] if "\0" not in line and "\ufffd" not in line]
        rows = [cells for line in below if (cells := split_row(line, delimiter)) is not None]
        sample = tuple(tuple(cells) for cells in rows if len(cells) == len(columns))
        # A header may stand above a few damaged rows, not above mostly other things.
        if sample and len(sample) * 2 >= len(below) and len(set(columns)) == len(columns):
            return Layout(delimiter, tuple(columns), sample)
    return None


def split_row(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line without space around them; None when its quotes do not close."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True)
    except (csv.Error, ValueError):
        return None
    return [cell.strip() for cell in cells]


def iterate_rows(file: EvidenceFile, writer: Complaints) -> tuple[Layout | None, Iterator[DelimitedRow]]:
    """The layout of a file and its rows, streamed; lines that are no row of it are rejected here."""
    layout = layout_of(read_head(file.path)[0])
    return layout, _rows(file, writer, layout)


def _rows(file: EvidenceFile, writer: Complaints, layout: Layout | None) -> Iterator[DelimitedRow]:
    header_seen = False
    for line in iterate_lines(file, writer):
        if not line.data.strip():
            continue
        cells, reason = _cells(line.data, layout)
        if layout is not None and not header_seen:
            header_seen = True
        elif not reason and layout is not None and tuple(cells) == layout.columns:
            # Files that were joined repeat the header.
            continue
        elif reason:
            excerpt = line.data[:200].decode("utf-8", "replace")
            writer.reject(file.source_id, line.number, reason, excerpt, line.offset)
        else:
            yield DelimitedRow(line.number, line.offset, cells)


def _cells(data: bytes, layout: Layout | None) -> tuple[list[str], str]:
    """The cells of a line, or the reason why it is no row."""
    if layout is None:
        return [], "no delimited text with a header"
    if b"\0" in data:
        return [], "NUL bytes in a line of text"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        return [], f"invalid UTF-8 at byte {fault.start} of the line"
    cells = split_row(text.lstrip(_BYTE_ORDER_MARK), layout.delimiter)
    if cells is None:
        return [], "quotes that do not close on the line"
    if len(cells) != len(layout.columns):
        return [], f"{len(cells)} cells under {len(layout.columns)} columns"
    return cells, ""
