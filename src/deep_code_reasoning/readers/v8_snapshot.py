"""Heap snapshots of Node.js and Chrome, read into classes and holders (`heap/v8_snapshot.py` has the layout)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .heap_rows import read_dumps

if TYPE_CHECKING:
    from ..heap.graph import HeapGraph

_START: Final = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{\s*"snapshot"\s*:\s*\{')


def sniff(head: Head) -> float:
    """By its first key and the description of its fields."""
    return 0.98 if _START.search(head.data) and b'"node_fields"' in head.data else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read one snapshot after the other; one that is cut off is rejected as a whole."""
    read_dumps(files, writer, _graph)


def _graph(path: Path, _file: EvidenceFile, _writer: CaseWriter) -> tuple[HeapGraph, int]:
    from ..heap.v8_snapshot import read_v8_snapshot

    return read_v8_snapshot(path), 0


READER: Final = Reader("v8-heap-snapshot", "heap", sniff, read)
