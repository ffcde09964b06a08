"""A heap dump's graph, summed up into rows: the same for every format of dumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, TruncatedError, open_decompressed
from .heap_origin import HeapOrigin, heap_origin

if TYPE_CHECKING:
    from ..heap.graph import HeapGraph
    from ..heap.holders import Holder


GraphOf = Callable[[Path, EvidenceFile, CaseWriter], "tuple[HeapGraph, int]"]
"""Reads a plain file as a graph, with the time that the dump says itself (ns, 0 for none); raises `DumpError`."""


def read_dumps(files: Sequence[EvidenceFile], writer: CaseWriter, graph_of: GraphOf) -> None:
    """Read one dump after the other; what is none is rejected as a whole."""
    from ..heap.graph import DumpError

    for file in files:
        with _as_plain_file(file, writer) as path:
            if not _is_blank(path):
                try:
                    graph, time_ns = graph_of(path, file, writer)
                except DumpError as fault:
                    writer.reject(file.source_id, 0, str(fault))
                else:
                    _write(graph, heap_origin(file, time_ns), file, writer)
        writer.advance(file.size_bytes)


def _write(graph: HeapGraph, origin: HeapOrigin, file: EvidenceFile, writer: CaseWriter) -> None:
    """Write the classes and the holders of a heap, and say what else there is to say about it."""
    from ..heap.holders import summarise

    summary = summarise(graph)
    common = {**origin.columns(), "source_id": file.source_id}
    classes = (
        {**common, "class_name": c.class_name, "objects": float(c.objects), "bytes": float(c.bytes), "line": place}
        for place, c in enumerate(summary.classes, 1)
    )
    writer.rows("heap_classes", classes)
    holders = ({**common, **_holder(h), "heap_bytes": float(summary.bytes)} for h in summary.holders)
    writer.rows("heap_holders", ({**row, "line": place} for place, row in enumerate(holders, 1)))
    if summary.garbage:
        writer.note(file.source_id, f"{summary.garbage} of {len(graph)} objects are kept alive by nothing: not counted")
    if not summary.settled:
        writer.note(file.source_id, "what objects retain is an upper bound: references among them are too entangled")
    note_time(origin, file, writer)


def note_time(origin: HeapOrigin, file: EvidenceFile, writer: CaseWriter) -> None:
    """Say so when nothing but the file's own date tells when a dump was taken: a copy may have another."""
    if origin.time_guess == "modified":
        writer.note(
            file.source_id, "neither the dump nor its name says when it was taken: dated by when it was written"
        )


def _holder(holder: Holder) -> dict[str, Any]:
    return {
        "node": holder.node,
        "class_name": holder.class_name,
        "root": holder.root,
        "path": [str(step) for step in holder.path],
        "retained_bytes": float(holder.retained_bytes),
        "objects": float(holder.objects),
        "parts": float(holder.parts),
        "content_classes": [name for name, _ in holder.contents],
        "content_counts": [float(count) for _, count in holder.contents],
        "attributes": holder.names,
        "ids": list(holder.ids),
    }


def _is_blank(path: Path) -> bool:
    """Whether there is nothing in a file: no evidence, and nothing to reject."""
    return path.stat().st_size < _BLANK_BYTES and not path.read_bytes().strip()


_BLANK_BYTES: Final = 4096
# What a heap of sixteen gigabytes takes on disk for as long as it is read; a few kilobytes may be made to yield more.
_PLAIN_BYTES: Final = 16 << 30


@contextmanager
def _as_plain_file(file: EvidenceFile, writer: CaseWriter) -> Iterator[Path]:
    """The file, decompressed where it has to be: graphs are read in no order, so a stream would not do."""
    if not file.compression:
        yield file.path
        return
    plain = writer.scratch / f"dump-{file.source_id}"
    try:
        with open_decompressed(file.path, file.compression) as stream, plain.open("wb") as target:
            try:
                # read1, so that what came before a damage is kept.
                while piece := stream.read1(1 << 20):  # type: ignore[attr-defined]
                    if target.tell() + len(piece) > _PLAIN_BYTES:
                        raise TruncatedError(f"more than {_PLAIN_BYTES:,} bytes come out of it")
                    target.write(piece)
            except TruncatedError as fault:
                reason = f"the compressed file is damaged or ends too early: {fault}"
                writer.reject(file.source_id, 0, reason, offset_bytes=target.tell())
                writer.note(file.source_id, f"partial: {reason}")
        yield plain
    finally:
        plain.unlink(missing_ok=True)
