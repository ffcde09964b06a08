"""HPROF heap dumps (Java, Android), read into classes and holders (`heap/hprof.py` has the layout)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .heap_origin import heap_origin
from .heap_rows import as_plain_file, is_blank, write_heap

_MAGIC: Final = b"JAVA PROFILE 1.0."


def sniff(head: Head) -> float:
    """By the first bytes, which no other format has."""
    return 1.0 if head.data.startswith(_MAGIC) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read one dump after the other; a damaged one up to where it is."""
    from ..heap.graph import DumpError
    from ..heap.hprof import HprofDump
    from ..heap.hprof_graph import hprof_graph

    for file in files:
        with as_plain_file(file, writer) as path:
            if is_blank(path):
                continue
            try:
                dump = HprofDump(path)
            except DumpError as fault:
                writer.reject(file.source_id, 0, str(fault))
                continue
            if dump.fault:
                writer.reject(file.source_id, 0, dump.fault, offset_bytes=dump.fault_at)
                writer.note(file.source_id, f"partial: {dump.fault}; read up to byte {dump.fault_at}")
            write_heap(hprof_graph(dump), heap_origin(file, dump.time_ns), file, writer)
        writer.advance(file.size_bytes)


READER: Final = Reader("hprof", "heap", sniff, read)
