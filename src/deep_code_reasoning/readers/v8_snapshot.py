"""Heap snapshots of Node.js and Chrome, read into classes and holders (`heap/v8_snapshot.py` has the layout)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .heap_origin import heap_origin
from .heap_rows import as_plain_file, is_blank, write_heap

_START: Final = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{\s*"snapshot"\s*:\s*\{')


def sniff(head: Head) -> float:
    """By its first key and the description of its fields."""
    return 0.98 if _START.search(head.data) and b'"node_fields"' in head.data else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read one snapshot after the other; one that is cut off is rejected as a whole."""
    from ..heap.graph import DumpError
    from ..heap.v8_snapshot import read_v8_snapshot

    for file in files:
        with as_plain_file(file, writer) as path:
            if is_blank(path):
                continue
            try:
                graph = read_v8_snapshot(path)
            except DumpError as fault:
                writer.reject(file.source_id, 0, str(fault))
                continue
            write_heap(graph, heap_origin(file), file, writer)
        writer.advance(file.size_bytes)


READER: Final = Reader("v8-heap-snapshot", "heap", sniff, read)
