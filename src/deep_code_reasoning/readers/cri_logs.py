"""Containers' logs as Kubernetes and Docker keep them: each line of a container's output, with its time and stream.

    2026-01-02T03:04:05.123456789Z stdout F message            Kubernetes CRI; P instead of F: the line goes on
    {"log": "message\\n", "stream": "stdout", "time": "..."}     Docker json-file, Fluent Bit with its metadata

Lines that were cut are joined; the messages are then read as the JSON, logfmt or text that they are, and stack traces
joined, for each stream of each container apart. The time is the container runtime's, unless a structured message has
its own.

Sources: Kubernetes design proposal "CRI: Log management" (kubelet-cri-logging), Docker's json-file logging driver.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, read_head
from .json_records import head_records
from .line_batches import Batch, clean, encoding_of, iterate_batches
from .log_clock import Clock
from .log_headers import HeaderReader
from .log_layouts import learn
from .log_lines import LineJoiner
from .log_origin import origin_of
from .log_records import row_of
from .log_times import read_time

_CRI: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP])(?::\S*)?(?: (.*))?",
    re.DOTALL,
)
_SNIFFED_LINES: Final = 40
# A line that was cut into more than this is given out in pieces.
_MAX_CUT_CHARACTERS: Final = 1_048_576
_decode: Final = json.JSONDecoder().decode


def sniff(head: Head) -> float:
    """Most lines are those of a container's log."""
    lines = head.lines[:_SNIFFED_LINES]
    if not lines:
        return 0.0
    if sum(_CRI.fullmatch(line.lstrip("\ufeff")) is not None for line in lines) > 0.5 * len(lines):
        return 0.98
    records = [record.value for record in head_records(head)]
    return 0.95 if records and sum(map(_is_docker, records)) > 0.5 * len(records) else 0.0


def _is_docker(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(record.get("log"), str)
        and record.get("stream") in ("stdout", "stderr")
        and isinstance(record.get("time", record.get("@timestamp")), str | int | float)
    )


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read containers' logs."""
    for file in files:
        head, _ = read_head(file.path)
        messages = [parsed[2] for line in head.lines if (parsed := _parse(line))]
        headers = HeaderReader(learn([clean(message) for message in messages]), Clock(), dated=True)
        container = _Container(file, headers, writer)
        for batch in iterate_batches(file, writer, encoding_of(head)):
            container.add(batch)
            container.write()
        container.write(end=True)


_Parsed = tuple[int, str, str, bool, Mapping[str, Any]]
"""Time in nanoseconds, stream, text, whether the line goes on, columns that its metadata fill."""


def _parse(line: str) -> _Parsed | None:
    match = _CRI.fullmatch(line)
    if match is not None:
        time = read_time(match[1])
        return (time[0], match[2], match[4] or "", match[3] == "P", {}) if time else None
    if not line.lstrip().startswith("{"):
        return None
    try:
        record = _decode(line)
    except (ValueError, RecursionError):
        return None
    if not _is_docker(record):
        return None
    time = read_time(record.get("time", record.get("@timestamp")))
    if time is None:
        return None
    text = record["log"]
    columns: Mapping[str, Any] = {}
    if len(record) > 3:
        rest = {name: value for name, value in record.items() if name not in ("log", "stream", "time", "@timestamp")}
        columns = {name: value for name, value in row_of(rest).items() if name != "body" and value}
    return time[0], record["stream"], text.rstrip("\r\n"), not text.endswith("\n"), columns


class _Container:
    """Joins the lines of a file, stream by stream."""

    def __init__(self, file: EvidenceFile, headers: HeaderReader, writer: CaseWriter) -> None:
        self._file = file
        self._headers = headers
        self._writer = writer
        self._common = {**origin_of(file).columns(), "source_id": file.source_id}
        self._joiners: dict[tuple[str, str], LineJoiner] = {}
        # Lines that go on: where and when they began, and their pieces.
        self._cut: dict[tuple[str, str], tuple[int, int, list[str]]] = {}

    def add(self, batch: Batch) -> None:
        for number, line in enumerate(batch.lines, batch.first_line):
            if line is None:
                for joiner in self._joiners.values():
                    joiner.add(number, None, 0)
                continue
            if not line or line.isspace():
                continue
            parsed = _parse(line)
            if parsed is None:
                reason = "no line of a container's log"
                self._writer.reject(self._file.source_id, number, reason, line, batch.offset_of(number))
                continue
            self._add(number, *parsed)

    def _add(self, number: int, at_ns: int, stream: str, text: str, goes_on: bool, columns: Mapping[str, Any]) -> None:
        key = (stream, columns.get("instance", ""))
        if key not in self._joiners:
            attributes = {**columns.get("attributes", {}), "log.iostream": stream}
            self._joiners[key] = LineJoiner(self._headers, {**self._common, **columns, "attributes": attributes})
        if key in self._cut:
            number, at_ns, pieces = self._cut[key]
            pieces.append(text)
            if goes_on and sum(map(len, pieces)) < _MAX_CUT_CHARACTERS:
                return
            del self._cut[key]
            text = "".join(pieces)
        elif goes_on:
            self._cut[key] = (number, at_ns, [text])
            return
        self._joiners[key].add(number, text, at_ns)

    def write(self, end: bool = False) -> None:
        """Hand over the rows that are done; at the end, also those of lines that never ended."""
        for key, joiner in self._joiners.items():
            if end and key in self._cut:
                number, at_ns, pieces = self._cut.pop(key)
                joiner.add(number, "".join(pieces), at_ns)
            self._writer.rows("logs", joiner.take(end))


READER = Reader("container-log", "logs", sniff, read)
