"""Commits, deploys and flag changes as delimited text: a row a change, told by its columns as JSON is by its members.

See `change_records` for the names that are understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .change_join import ChangeJoin, Origin
from .change_records import kind_of, rows_of
from .delimited import iterate_rows, layout_of


def sniff(head: Head) -> float:
    """Most of the first rows are commits, deploys or flag changes."""
    layout = layout_of(head)
    if layout is None:
        return 0.0
    certain = [certainty for row in layout.sample if (certainty := kind_of(_record(layout.columns, row))[1])]
    return sum(certain) / len(layout.sample) if 2 * len(certain) >= len(layout.sample) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read changes; a row that is none is rejected."""
    join = ChangeJoin(writer)
    for file in files:
        layout, rows = iterate_rows(file, writer)
        for row in rows:
            record = _record(layout.columns, row.cells) if layout is not None else {}
            changes, reason = rows_of(record, {})
            if not changes:
                writer.reject(file.source_id, row.line, reason, ",".join(row.cells), row.offset)
            origin = Origin(file.source_id, row.line, row.offset, ",".join(row.cells)[:200])
            for item, change in enumerate(changes):
                join.add(change, origin, item)
    join.end()


def _record(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    return {column: cell for column, cell in zip(columns, cells, strict=True) if cell}


READER = Reader("changes-csv", "changes", sniff, read)
