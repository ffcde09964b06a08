"""Class histograms of Java: `jmap -histo PID` and `jcmd PID GC.class_histogram`, as text.

Shape: a line a class, ` 1:  4632416  392305928  [B (java.base@17)`: rank, objects, bytes, class; a header before and a
`Total` line after. Source: OpenJDK `src/hotspot/share/memory/heapInspection.cpp`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ..heap.java_names import java_name
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, iterate_lines
from .heap_origin import heap_origin
from .heap_rows import note_time

_HEADER: Final = re.compile(rb"^\s*num\s+#instances\s+#bytes\s+class name", re.MULTILINE)
# The process, where the output of `jcmd` begins with it.
_PROCESS: Final = re.compile(r"\d+:")
_ROW: Final = re.compile(r"\s*\d+:\s+(\d+)\s+(\d+)\s+(\S+)")
_NO_ROW: Final = re.compile(r"\s*(?:num\s+#instances|-+\s*$|Total\s+\d+|$)")


def sniff(head: Head) -> float:
    """By the heading of its columns."""
    return 0.95 if _HEADER.search(head.data) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read a row a class."""
    for file in files:
        origin = heap_origin(file)
        note_time(origin, file, writer)
        common = {**origin.columns(), "source_id": file.source_id}
        writer.rows("heap_classes", _rows(file, common, writer))


def _rows(file: EvidenceFile, common: dict[str, Any], writer: CaseWriter) -> Iterator[dict[str, Any]]:
    for line in iterate_lines(file, writer):
        text = line.data.decode("utf-8", "replace")
        row = _ROW.match(text)
        if row is not None:
            counts = {"objects": float(row[1]), "bytes": float(row[2])}
            yield {**common, **counts, "class_name": java_name(row[3]), "line": line.number}
        elif not (_NO_ROW.match(text) or (line.number == 1 and _PROCESS.fullmatch(text))):
            writer.reject(file.source_id, line.number, "no row of a class histogram", text, line.offset)


READER: Final = Reader("java-class-histogram", "heap", sniff, read)
