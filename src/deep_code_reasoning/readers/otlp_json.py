"""OTLP JSON: traces, logs and metrics, as lines (the Collector's file exporter) or as documents.

Also Tempo's trace answers, whose list of resources is called `batches`. Every dialect of names, ids and numbers is
taken; see `otlp_records.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .json_records import JsonRecord, iterate_json
from .otlp_records import Output, Refused, get, log_rows, metric_rows, trace_rows
from .values import ItemCounter, text_of

_LISTS: Final = tuple(
    prefix + name
    for prefix in ("", "trace.", "data.")
    for signal in ("Spans", "Logs", "Metrics")
    for name in (f"resource{signal}", f"resource_{signal.lower()}", "batches")
)
_ROOT: Final = re.compile(rb'"(?:resource_?(?:[sS]pans|[lL]ogs|[mM]etrics)|batches)"\s*:\s*\[')
_READINGS: Final[tuple[tuple[tuple[str, ...], Callable[[Any], Iterator[Output]]], ...]] = (
    (("scopeSpans", "instrumentationLibrarySpans"), trace_rows),
    (("scopeLogs", "instrumentationLibraryLogs"), log_rows),
    (("scopeMetrics", "instrumentationLibraryMetrics"), metric_rows),
)


def sniff(head: Head) -> float:
    """Sure when a list of resource groups is there, under any of its names."""
    if head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return 0.0
    return 0.95 if _ROOT.search(head.data) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every resource group of every file."""
    for file in files:
        counter = ItemCounter()
        for record in iterate_json(file, writer, _LISTS):
            _write_group(record, file.source_id, counter, writer)


def _write_group(record: JsonRecord, source_id: int, counter: ItemCounter, writer: CaseWriter) -> None:
    rows_of = _reading_of(record.value)
    if rows_of is None:
        if not _is_empty(record.value):
            writer.reject(source_id, record.line, "no resource group of OTLP", text_of(record.value), record.offset)
        return
    for output in rows_of(record.value):
        if isinstance(output, Refused):
            writer.reject(source_id, record.line, output.reason, output.excerpt, record.offset)
            continue
        table, row = output
        row["source_id"], row["line"] = source_id, record.line
        # What hangs on a span carries the span's place.
        if table not in ("span_events", "span_links"):
            item = counter.of(record.line)
        row["item"] = item
        writer.rows(table, (row,))


def _reading_of(group: Any) -> Callable[[Any], Iterator[Output]] | None:
    for names, rows_of in _READINGS:
        if any(get(group, name) is not None for name in names):
            return rows_of
    return None


def _is_empty(value: Any) -> bool:
    """A resource without any records, which some exporters write, is no loss."""
    return isinstance(value, dict) and value.keys() <= {"resource", "schemaUrl", "schema_url"}


READER = Reader(format="otlp-json", kind="mixed", sniff=sniff, read=read)
