"""OTLP JSON: traces, logs and metrics, as lines (the Collector's file exporter) or as documents.

Also Tempo's trace answers, whose list of resources is called `batches`. What is usual is read by the engine
(`otlp_scan`); what is not, and what the engine puts aside, record by record (`otlp_records`), which takes every dialect
of names, ids and numbers, and says of what it cannot take where and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..store.engine import EngineRefusal, literal
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, TruncatedError, open_decompressed, read_head
from .json_records import JsonRecord, iterate_json
from .otlp_records import Output, Refused, get, log_rows, metric_rows, trace_rows
from .otlp_scan import Plan, Scan, plan_of
from .values import ItemCounter, text_of

_LISTS: Final = tuple(
    prefix + name
    for prefix in ("", "trace.", "data.")
    for signal in ("Spans", "Logs", "Metrics")
    for name in (f"resource{signal}", f"resource_{signal.lower()}", "batches")
)
_ROOT: Final = re.compile(rb'"(?:resource_?(?:[sS]pans|[lL]ogs|[mM]etrics)|batches)"\s*:\s*\[')
_READINGS: Final[tuple[tuple[tuple[str, ...], str, Callable[[Any], Iterator[Output]]], ...]] = (
    (("scopeSpans", "instrumentationLibrarySpans"), "traces", trace_rows),
    (("scopeLogs", "instrumentationLibraryLogs"), "logs", log_rows),
    (("scopeMetrics", "instrumentationLibraryMetrics"), "metrics", metric_rows),
)
_COPY_BYTES: Final = 1 << 20


def sniff(head: Head) -> float:
    """Sure when a list of resource groups is there, under any of its names."""
    if head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return 0.0
    return 0.95 if _ROOT.search(head.data) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every resource group of every file."""
    by_plan: dict[Plan | None, list[EvidenceFile]] = {}
    for file in files:
        by_plan.setdefault(plan_of(read_head(file.path)[0], file.size_bytes), []).append(file)
    for file in by_plan.pop(None, ()):
        _read_thoroughly(file, writer)
    for plan, group in by_plan.items():
        if plan is not None:
            _read_by_engine(plan, group, writer)


def _read_by_engine(plan: Plan, files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    with Scan(writer) as scan:
        try:
            scan.read(plan, files)
        except EngineRefusal:
            _read_apart(plan, files, writer)
            return
        for rows in scan.left:
            _read_left(rows, writer)
    for file in files:
        writer.advance(file.size_bytes)


def _read_apart(plan: Plan, files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """The engine stumbles over one of the files: find it by halves, and read what can be read of it."""
    if len(files) > 1:
        middle = len(files) // 2
        _read_by_engine(plan, files[:middle], writer)
        _read_by_engine(plan, files[middle:], writer)
        return
    (file,) = files
    sound = _sound_part(file, writer) if file.compression and plan.layout == "lines" else None
    if sound is None:
        _read_thoroughly(file, writer)
        return
    _read_by_engine(plan, [sound], writer)
    sound.path.unlink()


def _sound_part(file: EvidenceFile, writer: CaseWriter) -> EvidenceFile | None:
    """The whole lines of a compressed file that is damaged, as a plain file; None when it is not damaged."""
    path = writer.scratch / f"sound-{file.source_id}.json"
    lines = offset = 0
    with path.open("wb") as copy, open_decompressed(file.path, file.compression) as stream:
        try:
            while piece := stream.read1(_COPY_BYTES):  # type: ignore[attr-defined]
                copy.write(piece)
                lines += piece.count(b"\n")
        except TruncatedError as fault:
            reason = f"the compressed file is damaged or ends too early: {fault}"
        else:
            path.unlink()
            return None
    offset = _cut_at_line_end(path)
    writer.reject(file.source_id, lines + 1, reason, offset_bytes=offset)
    writer.note(file.source_id, f"partial: {reason}; read up to line {lines}")
    return replace(file, path=path, compression="")


def _cut_at_line_end(path: Path) -> int:
    """Cut a file after its last whole line; returns its new size."""
    with path.open("rb+") as file:
        end = file.seek(0, 2)
        while end:
            start = max(0, end - _COPY_BYTES)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        file.truncate(end)
    return end


# --- the thorough way ---------------------------------------------------------------------------------------------


def _read_thoroughly(file: EvidenceFile, writer: CaseWriter) -> None:
    counter = ItemCounter()
    for record in iterate_json(file, writer, _LISTS):
        _write_group(record, file.source_id, counter, writer)


class _Elsewhere:
    """Takes complaints about a copied line and passes them on under the line's own place."""

    def __init__(self, places: Sequence[tuple[int, int, str]], writer: CaseWriter) -> None:
        self.places = places
        self._writer = writer

    def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
        """Pass it on, without the offset, which is the copy's."""
        source_id, line, _ = self.places[min(line, len(self.places)) - 1]
        self._writer.reject(source_id, line, reason, excerpt)

    def note(self, source_id: int, text: str) -> None:
        """Forget it: it is about the copy."""

    def advance(self, read_bytes: int) -> None:
        """Forget it: it is about the copy."""


def _read_left(rows: str, writer: CaseWriter) -> None:
    """Read the lines that the engine left, from a copy of them."""
    path = writer.scratch / "left.json"
    # A line that is not UTF-8 is worth reading with its bad bytes replaced. A blank one, or {}, is no loss.
    ordered = f"FROM {rows} WHERE trim(text) NOT IN ('', '{{}}', '\\r', '\\xEF\\xBB\\xBF') ORDER BY source_id, line"
    found = writer.database.query(f"SELECT source_id, line, done {ordered}")
    if not found:
        return
    writer.database.execute(
        f"INSERT INTO FUNCTION file({literal(str(path))}, TSVRaw, 'text String') "
        f"SELECT toValidUTF8(replaceAll(text, '\\n', ' ')) AS text {ordered}"
    )
    places = [(int(row["source_id"]), int(row["line"]), str(row["done"])) for row in found]
    elsewhere = _Elsewhere(places, writer)
    counter = ItemCounter()
    copy = EvidenceFile(0, path, "", path.stat().st_size, "")
    for record in iterate_json(copy, elsewhere, _LISTS):
        source_id, line, done = places[min(record.line, len(places)) - 1]
        _write_group(replace(record, line=line, offset=-1), source_id, counter, writer, done)
    path.unlink()


def _write_group(record: JsonRecord, source_id: int, counter: ItemCounter, writer: CaseWriter, done: str = "") -> None:
    reading = _reading_of(record.value)
    if reading is None:
        if not _is_empty(record.value):
            writer.reject(source_id, record.line, "no resource group of OTLP", text_of(record.value), record.offset)
        return
    signal, rows_of = reading
    if signal in done.split():
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


def _reading_of(group: Any) -> tuple[str, Callable[[Any], Iterator[Output]]] | None:
    for names, signal, rows_of in _READINGS:
        if any(get(group, name) is not None for name in names):
            return signal, rows_of
    return None


def _is_empty(value: Any) -> bool:
    """A resource without any records, which some exporters write, is no loss."""
    return isinstance(value, dict) and value.keys() <= {"resource", "schemaUrl", "schema_url"}


READER = Reader(format="otlp-json", kind="mixed", sniff=sniff, read=read)
