"""OTLP JSON: traces, logs and metrics, as lines (the Collector's file exporter) or as documents.

Also Tempo's trace answers, whose list of resources is called `batches`. What is usual is read by the engine
(`otlp_scan`); what is not, and what the engine puts aside, record by record (`otlp_records`), which takes every dialect
of names, ids and numbers, and says of what it cannot take where and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..store.engine import EngineRefusal, literal
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, TruncatedError, open_decompressed, read_head
from .json_records import JsonRecord, iterate_json, values_of_line
from .otlp_records import Output, Refused, get, log_rows, metric_rows, trace_rows
from .otlp_scan import Plan, Scan, plan_of
from .values import ItemCounter, text_of
from .zstd_frames import ends_within_a_frame

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
# The engine takes 0.1 to 0.2 s to understand a statement, whatever it reads; in that time Python reads this much.
WORTH_A_STATEMENT_BYTES: Final = 1_500_000
# Of so little text two groups are read at once: it is understanding a statement that takes long, which one processor
# does. What is larger keeps all processors busy by itself, and would take twice the memory.
_AT_ONCE_BYTES: Final = 50_000_000
_AT_ONCE: Final = 2
# Telemetry is repetitive: OTLP JSON shrinks to about a tenth.
_COMPRESSION: Final = 10

_Group = tuple[Plan, Sequence[EvidenceFile]]
"""Files that are read by one plan."""


def sniff(head: Head) -> float:
    """Sure when a list of resource groups is there, under any of its names."""
    if head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return 0.0
    return 0.95 if _ROOT.search(head.data) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every resource group of every file."""
    by_plan: dict[Plan | None, list[EvidenceFile]] = {}
    for file in files:
        plan = plan_of(read_head(file.path)[0], file.size_bytes)
        if file.compression == "zstd" and plan is not None and ends_within_a_frame(file.path):
            read_apart(plan, [file], writer)
        else:
            by_plan.setdefault(plan, []).append(file)
    for_engine: list[_Group] = []
    thoroughly: list[EvidenceFile] = []
    for plan, group in by_plan.items():
        if plan is None or _text_bytes(group) < WORTH_A_STATEMENT_BYTES:
            thoroughly.extend(group)
        else:
            for_engine.append((plan, group))
    _read_by_engine(for_engine, writer, thoroughly)


def _text_bytes(files: Sequence[EvidenceFile]) -> int:
    """About how long files are when they are decompressed."""
    return sum(file.size_bytes * (_COMPRESSION if file.compression else 1) for file in files)


def _read_by_engine(groups: Sequence[_Group], writer: CaseWriter, thoroughly: Sequence[EvidenceFile] = ()) -> None:
    """Read groups of files, each of one plan: two at once where they are small, else one after the other.

    Meanwhile other files are read thoroughly: the interpreter's lock is free while the engine reads.
    """
    at_once = _AT_ONCE if sum(_text_bytes(files) for _, files in groups) <= _AT_ONCE_BYTES else 1
    with ExitStack() as stack:
        scans = [stack.enter_context(Scan(writer)) for _ in groups]
        pool = stack.enter_context(ThreadPoolExecutor(at_once, "reader"))
        all_taken = pool.map(scan_takes, scans, groups)
        for file in thoroughly:
            read_thoroughly(file, writer)
        for (plan, files), scan, taken in zip(groups, scans, all_taken, strict=True):
            if not taken:
                read_apart(plan, files, writer)
                continue
            for rows in scan.left:
                _read_left(rows, writer)
            for file in files:
                writer.advance(file.size_bytes)


def scan_takes(scan: Scan, group: _Group) -> bool:
    """Let the engine read files of one plan; whether it could: else nothing of them is kept."""
    try:
        scan.read(*group)
    except EngineRefusal:
        return False
    return True


def read_apart(plan: Plan, files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """The engine stumbles over one of the files: find it by halves, and read what can be read of it."""
    if len(files) > 1:
        middle = len(files) // 2
        _read_by_engine([(plan, files[:middle])], writer)
        _read_by_engine([(plan, files[middle:])], writer)
        return
    (file,) = files
    sound = _sound_part(file, writer) if file.compression and plan.layout == "lines" else None
    if sound is None:
        read_thoroughly(file, writer)
        return
    _read_by_engine([(plan, [sound])], writer)
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


def read_thoroughly(file: EvidenceFile, writer: CaseWriter) -> None:
    """Read a file group by group, without the engine."""
    counter = ItemCounter()
    for record in iterate_json(file, writer, _LISTS):
        write_group(record, file.source_id, counter, writer)


def _read_left(rows: str, writer: CaseWriter) -> None:
    """Read the lines that the engine left, from a copy of them."""
    # A blank line is no loss.
    ordered = f"FROM {rows} WHERE trim(text) NOT IN ('', '\\r', '\\xEF\\xBB\\xBF') ORDER BY source_id, line"
    places = writer.database.query(f"SELECT source_id, line, done {ordered}")
    if not places:
        return
    path = writer.scratch / "left.json"
    writer.database.execute(
        f"INSERT INTO FUNCTION file({literal(str(path))}, TSVRaw, 'text String') "
        f"SELECT replaceAll(text, '\\n', ' ') AS text {ordered}"
    )
    with path.open("rb") as copy:
        for place, data in zip(places, copy, strict=True):
            read_left_line(data, place["source_id"], place["line"], place["done"].split(), writer)
    path.unlink()


def read_left_line(data: bytes, source_id: int, line: int, done: Sequence[str], writer: CaseWriter) -> None:
    """Read what the engine left of a line: the tables in `done` have theirs of it."""
    counter = ItemCounter()
    # What is not UTF-8 is still worth reading, with its bad bytes replaced.
    text = data.decode("utf-8", errors="replace").strip()
    values, reason = values_of_line(text)
    spoken = False
    for group in (group for value in values for group in _groups_of(value)):
        spoken |= write_group(JsonRecord(group, line, 0, -1), source_id, counter, writer, done)
    if reason or not (spoken or done):
        writer.reject(source_id, line, reason or "a document without records", text)


def _groups_of(value: Any) -> Iterator[Any]:
    """The resource groups of a document, of all signals; of what is none, itself."""
    if isinstance(value, list):
        for inner in value:
            yield from _groups_of(inner)
        return
    found = False
    for path in dict.fromkeys(_LISTS):
        holder = value
        for key in path.split("."):
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, list):
            found = True
            yield from holder
    if not found:
        yield value


def write_group(
    record: JsonRecord, source_id: int, counter: ItemCounter, writer: CaseWriter, done: Sequence[str] = ()
) -> bool:
    """Write a resource group's records; whether there was anything to write or to reject."""
    reading = _reading_of(record.value)
    if reading is not None and reading[0] in done:
        return True
    some = False
    for output in reading[1](record.value) if reading else ():
        some = True
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
    if some or _is_empty(record.value):
        return some
    reason = "a resource group without records that can be read" if reading else "no resource group of OTLP"
    writer.reject(source_id, record.line, reason, text_of(record.value), record.offset)
    return True


def _reading_of(group: Any) -> tuple[str, Callable[[Any], Iterator[Output]]] | None:
    for names, signal, rows_of in _READINGS:
        if any(get(group, name) is not None for name in names):
            return signal, rows_of
    return None


def _is_empty(group: Any) -> bool:
    """Whether a resource group has no records, which some exporters write and is no loss."""
    if not isinstance(group, dict):
        return False
    lists = [member for key, member in group.items() if key not in _ABOUT]
    return all(isinstance(inner, list) and all(map(_is_empty, inner)) for inner in lists)


_ABOUT: Final = frozenset(
    ("resource", "scope", "instrumentationLibrary", "instrumentation_library", "schemaUrl", "schema_url")
)

READER = Reader(format="otlp-json", kind="mixed", sniff=sniff, read=read)
