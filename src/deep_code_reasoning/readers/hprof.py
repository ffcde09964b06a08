"""HPROF heap dumps (Java, Android), read into classes and holders (`heap/hprof.py` has the layout)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .heap_rows import read_dumps

if TYPE_CHECKING:
    from ..heap.graph import HeapGraph

_MAGIC: Final = b"JAVA PROFILE 1.0."


def sniff(head: Head) -> float:
    """By the first bytes, which no other format has."""
    return 1.0 if head.data.startswith(_MAGIC) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read one dump after the other; a damaged one up to where it is."""
    read_dumps(files, writer, _graph)


def _graph(path: Path, file: EvidenceFile, writer: CaseWriter) -> tuple[HeapGraph, int]:
    from ..heap.hprof import HprofDump
    from ..heap.hprof_graph import hprof_graph

    dump = HprofDump(path)
    if dump.fault:
        writer.reject(file.source_id, 0, dump.fault, offset_bytes=dump.fault_at)
        writer.note(file.source_id, f"partial: {dump.fault}; read up to byte {dump.fault_at}")
    return hprof_graph(dump), dump.time_ns


READER: Final = Reader("hprof", "heap", sniff, read)
