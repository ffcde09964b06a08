"""Structured logs: JSON lines (with plain-text lines among them), lists of records, and what stores of logs export.

Any logger's members are understood, see `log_records`. Exports: Elasticsearch's hits, CloudWatch's events, Datadog's
list, Loki's streams (each line of a stream is read as the JSON or text that it is).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, read_head
from .json_records import JsonRecord, head_records, iterate_json
from .line_batches import Batch, clean, encoding_of, iterate_batches
from .log_clock import Clock
from .log_headers import HeaderReader
from .log_layouts import learn
from .log_lines import LineJoiner
from .log_origin import origin_of
from .log_records import looks_like_log, row_of
from .log_times import read_time
from .values import ItemCounter, text_of

# Where exports keep their records; a document without one of them is one record.
_LISTS: Final = (
    "hits.hits",
    "data.result",
    "logs",
    "records",
    "events",
    "entries",
    "items",
    "data",
    "results",
    "messages",
)
_LINE_DECODER: Final = json.JSONDecoder().decode


def sniff(head: Head) -> float:
    """Records with a message and a level or a time; spans, metrics, changes and alerts have other readers."""
    certainties = [_certainty(record.value) for record in head_records(head, _LISTS)]
    if not certainties:
        return 0.0
    certain = [certainty for certainty in certainties if certainty]
    return sum(certain) / len(certainties) if 2 * len(certain) >= len(certainties) else 0.0


def _certainty(record: Any) -> float:
    if _is_loki(record):
        return 0.9
    return looks_like_log(record)


def _is_loki(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(record.get("stream"), dict)
        and isinstance(record.get("values"), list)
        and all(isinstance(pair, list) and len(pair) >= 2 for pair in record["values"][:3])
    )


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read structured logs."""
    for file in files:
        head, _ = read_head(file.path)
        common = {**origin_of(file).columns(), "source_id": file.source_id}
        if _is_lines(head):
            _read_lines(file, common, head, writer)
        else:
            _read_records(file, common, writer)


def _is_lines(head: Head) -> bool:
    """Whether objects stand on lines of their own, not within an export's document."""
    lines = [line.lstrip("\ufeff") for line in head.lines]
    starts = [line for line in lines if line[0] == "{"]
    if not starts or lines[0][0] == "[":
        return False
    whole = [record for line in starts[:20] if (record := _decode(line)) is not None]
    if whole:
        return any(map(looks_like_log, whole))
    # Where not even one is whole, all may be torn; or the first opens a document.
    return len(starts) == len(lines) and not starts[0].rstrip().endswith(("[", "{", ","))


def _decode(line: str) -> dict[str, Any] | None:
    try:
        record = _LINE_DECODER(line)
    except (ValueError, RecursionError):
        return None
    return record if type(record) is dict else None


def _read_lines(file: EvidenceFile, common: Mapping[str, Any], head: Head, writer: CaseWriter) -> None:
    plain = [clean(line) for line in head.lines if line.lstrip()[:1] != "{"]
    joiner = LineJoiner(HeaderReader(learn(plain), Clock()), common)
    for batch in iterate_batches(file, writer, encoding_of(head)):
        for number, line in enumerate(batch.lines, batch.first_line):
            _add_line(number, line, joiner, batch, file, writer)
        writer.rows("logs", joiner.take())
    writer.rows("logs", joiner.take(end=True))


def _add_line(
    number: int, line: str | None, joiner: LineJoiner, batch: Batch, file: EvidenceFile, writer: CaseWriter
) -> None:
    if line is None or (line[:1] != "{" and line.lstrip()[:1] != "{"):
        # Frameworks and crashing processes write text between the records.
        joiner.add(number, line, 0)
        return
    try:
        record = _LINE_DECODER(line)
    except (ValueError, RecursionError) as fault:
        reason = f"not JSON: {fault}"
        writer.reject(file.source_id, number, reason, line, batch.offset_of(number))
        return
    if type(record) is dict and record:
        joiner.add_row(number, row_of(record))
    else:
        writer.reject(file.source_id, number, "not a log record: an empty object", line, batch.offset_of(number))


def _read_records(file: EvidenceFile, common: Mapping[str, Any], writer: CaseWriter) -> None:
    rows: list[dict[str, Any]] = []
    items = ItemCounter()
    last_ns = 0
    for record in iterate_json(file, writer, _LISTS):
        value = record.value
        if type(value) is not dict or not value:
            writer.reject(file.source_id, record.line, "not a log record: no object", text_of(value), record.offset)
            continue
        if _is_loki(value):
            stream = _loki_rows(value, common, file, record, writer)
            rows.extend({**row, "item": items.of(record.line)} for row in stream)
            continue
        row = {**common, **row_of(value), "line": record.line, "item": items.of(record.line)}
        if row.get("time_ns"):
            last_ns = row["time_ns"]
        elif last_ns:
            row["time_ns"], row["time_guess"] = last_ns, "neighbour"
        rows.append(row)
        if len(rows) >= 10_000:
            writer.rows("logs", rows)
            rows.clear()
    writer.rows("logs", rows)


def _loki_rows(
    stream: dict[str, Any], common: Mapping[str, Any], file: EvidenceFile, record: JsonRecord, writer: CaseWriter
) -> list[dict[str, Any]]:
    """A Loki stream: labels, and pairs of nanoseconds and line, newest or oldest first."""
    labels = row_of({**stream["stream"], "message": ""})
    shared = {**common, **{name: value for name, value in labels.items() if value and name != "time_ns"}}
    pairs: list[tuple[int, str]] = []
    for pair in stream["values"]:
        time = read_time(pair[0]) if isinstance(pair, list) and len(pair) >= 2 else None
        if time is None:
            writer.reject(file.source_id, record.line, "no entry of a stream", text_of(pair), record.offset)
        else:
            pairs.append((time[0], clean(text_of(pair[1]).rstrip("\n"))))
    pairs.sort(key=lambda pair: pair[0])
    joiner = LineJoiner(HeaderReader(learn([text for _, text in pairs]), Clock(), dated=True), shared)
    for at_ns, text in pairs:
        joiner.add(record.line, text, at_ns)
    return joiner.take(end=True)


READER = Reader("json-logs", "logs", sniff, read)
