"""The contract between evidence files and the case: what a reader gets, gives and owes.

A reader is a module with one `READER` record in it, and a line in `registry.py`. It

- **sniffs** the first bytes of a file, decompressed, and says how sure it is (0 to 1) that the format is its own;
- **reads** all files of its format in one call (so that it may batch them), writing rows to the `CaseWriter`. It owns
  the file's handle, streams, and holds no more than one buffer of rows, whatever the file's size;
- **rejects** what it cannot take: one rejected row a piece, with its line, its byte offset where known, and the reason.
  Good rows around a bad one are kept. A file that ends too early is read up to there, rejected from there, and noted.
  A reader raises only for faults of ours: whatever a file holds is data;
- **places** every row: `source_id`, `line` and `item` lead back to the file.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from ..domain.case import SourceRole
from ..store.tables import MAGIC
from ..store.writer import CaseWriter
from .tables import TableLines

HEAD_BYTES: Final = 65_536
# A line longer than this is not taken as text: it would have to be held whole. Formats whose documents are one line
# (OTLP, Jaeger) are read by the engine, or parse the document by other means.
MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PROGRESS_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file to be read.

    `name` is unique in the case and goes into citations; `compression`, by content, is '', 'gzip', 'zstd', or 'parquet'
    or 'arrow' for a table, which reads as lines (`tables.py`).
    """

    source_id: int
    path: Path
    name: str
    size_bytes: int
    compression: str
    role: SourceRole = "incident"


@dataclass(frozen=True)
class Head:
    """The beginning of a file, decompressed: what a reader sniffs at."""

    name: str
    data: bytes
    complete: bool
    """Whether `data` is the whole file."""

    @cached_property
    def text(self) -> str:
        """The head as text; bytes that are no UTF-8 become U+FFFD."""
        return self.data.decode("utf-8", errors="replace")

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The whole lines of the head that are not blank (the last one only when the file ends there)."""
        lines = self.text.splitlines()
        if not self.complete and len(lines) > 1:
            lines = lines[:-1]
        return tuple(line for line in lines if line.strip())


@dataclass(frozen=True, slots=True)
class Reader:
    """The record by which a format is known.

    Attributes:
        format: its name in the answer's `evidence` list, for example `otlp-json`.
        kind: traces, logs, metrics, changes, notices, heap, or mixed.
        sniff: how sure, 0 to 1, that a head is of this format. Cheap, and never raises on any bytes.
        read: reads files of this format into the writer.
    """

    format: str
    kind: str
    sniff: Callable[[Head], float]
    read: Callable[[Sequence[EvidenceFile], CaseWriter], None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: its 1-based number, its byte offset in the decompressed file, its bytes without the end."""

    number: int
    offset: int
    data: bytes


class TruncatedError(Exception):
    """A compressed file ended too early; internal to readers, which turn it into a rejected row and a note."""


def detect_compression(head: bytes) -> str:
    """'gzip', 'zstd', 'parquet', 'arrow' or '' by the first bytes (RFC 1952, RFC 8878, `MAGIC`)."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    for magic, table in MAGIC.items():
        if head.startswith(magic):
            return table
    return "zstd" if head.startswith(b"\x28\xb5\x2f\xfd") else ""


@contextmanager
def open_decompressed(path: Path, compression: str) -> Iterator[BinaryIO]:
    """Open a file for streaming; reading a damaged one raises `TruncatedError` where the good part ends."""
    with path.open("rb") as raw:
        if compression == "gzip":
            yield io.BufferedReader(_Guarded(gzip.GzipFile(fileobj=raw)))
        elif compression == "zstd":
            yield io.BufferedReader(_Guarded(_ZstdFrames(raw)))
        elif compression:
            yield io.BufferedReader(_Guarded(TableLines(path)))
        else:
            yield raw


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class _ZstdFrames:
    """The frames of a zstd file, one after the other; unlike the library's own stream it tells when the last is cut."""

    # A compressed block of 4 bytes may stand for 128 KiB, so this bounds what one step puts into memory.
    _STEP_BYTES = 4096

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._pending = b""
        self._ready = io.BytesIO()
        self._frame: Any = None

    def read1(self, size: int, /) -> bytes:
        import zstandard

        while not (piece := self._ready.read(size)):
            data = self._pending or self._raw.read(self._STEP_BYTES)
            self._pending = b""
            if not data:
                if self._frame is not None:
                    raise EOFError("Compressed file ended before the end of a frame was reached")
                return b""
            self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            self._ready = io.BytesIO(self._frame.decompress(data))
            if self._frame.eof:
                self._pending, self._frame = self._frame.unused_data, None
        return piece


class _Guarded(io.RawIOBase):
    """Maps the many errors of decompressors to one, after all good bytes were given out."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        import zstandard

        try:
            # read1 and not read: that loses what it already had when the stream turns out to be damaged.
            data = self._stream.read1(len(buffer))
        except (EOFError, OSError, zlib.error, zstandard.ZstdError) as fault:
            raise TruncatedError(str(fault)) from fault
        buffer[: len(data)] = data
        return len(data)


def read_head(path: Path) -> tuple[Head, str]:
    """The head of a file and its compression."""
    with path.open("rb") as raw:
        start = raw.read(8)
    compression = detect_compression(start)
    data = b""
    complete = False
    with open_decompressed(path, compression) as stream:
        try:
            while len(data) <= HEAD_BYTES:
                # read1: one read of the stream below, so that nothing good is lost when the next one fails.
                piece = stream.read1(HEAD_BYTES + 1 - len(data))  # type: ignore[attr-defined]
                if not piece:
                    complete = True
                    break
                data += piece
        except TruncatedError:
            pass
    return Head(path.name, data[:HEAD_BYTES], complete), compression


class Complaints(Protocol):
    """Who takes what cannot be read: a `CaseWriter`, or nobody while a file is only looked through."""

    def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
        """Take one piece that cannot be read."""

    def note(self, source_id: int, text: str) -> None:
        """Take a word about a source as a whole."""

    def advance(self, read_bytes: int) -> None:
        """Take word of progress: so many more bytes of the sources, as stored, were read."""


class Unheard:
    """Takes complaints and forgets them: for a first look at a file that is read again."""

    def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
        """Forget it."""

    def note(self, source_id: int, text: str) -> None:
        """Forget it."""

    def advance(self, read_bytes: int) -> None:
        """Forget it."""


class Progress:
    """Tells how far a file is read, about a megabyte at a time; of a compressed file, only its end can be told."""

    def __init__(self, file: EvidenceFile, listener: Complaints) -> None:
        self._file = file
        self._listener = listener
        self._told = 0

    def at(self, offset: int) -> None:
        """The file is read up to this offset of its decompressed bytes."""
        if offset - self._told >= _PROGRESS_BYTES and not self._file.compression:
            self._tell(min(offset, self._file.size_bytes))

    def end(self) -> None:
        """The file is read."""
        self._tell(self._file.size_bytes)

    def _tell(self, offset: int) -> None:
        self._listener.advance(offset - self._told)
        self._told = offset


def iterate_lines(file: EvidenceFile, writer: Complaints) -> Iterator[Line]:
    """Stream a file's lines; over-long lines and an early end are rejected here, so that readers need not."""
    progress = Progress(file, writer)
    with open_decompressed(file.path, file.compression) as stream:
        for line in _lines_of(stream, file, writer):
            progress.at(line.offset)
            yield line
    progress.end()


def reject_rest(file: EvidenceFile, writer: Complaints, line: int, offset: int, fault: Exception) -> None:
    """Say that a file is damaged from a line on."""
    reason = f"the compressed file is damaged or ends too early: {fault}"
    writer.reject(file.source_id, line, reason, offset_bytes=offset)
    writer.note(file.source_id, f"partial: {reason}; read up to line {line - 1}")


def _lines_of(stream: BinaryIO, file: EvidenceFile, writer: Complaints) -> Iterator[Line]:
    number = offset = 0
    while True:
        number += 1
        try:
            data = stream.readline(MAX_LINE_BYTES + 1)
            length = len(data)
            excerpt = data[:200]
            while len(data) > MAX_LINE_BYTES and not data.endswith(b"\n"):
                data = stream.readline(MAX_LINE_BYTES + 1)
                length += len(data)
                if not data:
                    break
        except TruncatedError as fault:
            reject_rest(file, writer, number, offset, fault)
            return
        if not length:
            return
        if length > MAX_LINE_BYTES:
            reason = f"a line of {length} bytes; the limit for text is {MAX_LINE_BYTES}"
            writer.reject(file.source_id, number, reason, excerpt.decode("utf-8", "replace"), offset)
        else:
            text = data.removeprefix(_BYTE_ORDER_MARK) if number == 1 else data
            yield Line(number, offset + len(data) - len(text), text.rstrip(b"\r\n"))
        offset += length
