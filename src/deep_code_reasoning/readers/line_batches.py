"""Lines of a text file in batches of a megabyte: for logs, whose readers should spend their time on what lines say.

What `base.iterate_lines` does line by line is done here a batch at a time, decoded and cleaned: terminal colours and
carriage returns are gone, lines that are no text are rejected and stand as None.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO, Final

from ..store.writer import CaseWriter
from .base import MAX_LINE_BYTES, EvidenceFile, Head, Progress, TruncatedError, open_decompressed

BATCH_BYTES: Final = 1024 * 1024
# ECMA-48 control sequences: colours and cursor movements, as loggers write them to terminals.
_TERMINAL: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UTF8: Final = "utf-8"
_LEGACY: Final = "cp1252"


@dataclass(frozen=True)
class Batch:
    """Consecutive lines; `lines[i]` is line `first_line + i` of the file. Rejected lines are None."""

    first_line: int
    first_offset: int
    lines: list[str | None]
    block: bytes = field(repr=False)

    def offset_of(self, number: int) -> int:
        """The byte offset, in the decompressed file, at which a line of the batch begins."""
        return self.first_offset + self._offsets[number - self.first_line]

    @cached_property
    def _offsets(self) -> list[int]:
        return [0, *itertools.accumulate(len(line) + 1 for line in self.block.split(b"\n"))]


def iterate_batches(file: EvidenceFile, writer: CaseWriter, encoding: str = _UTF8) -> Iterator[Batch]:
    """Stream a file's lines in batches; what is no text, too long, or lost with a damaged end is rejected here."""
    progress = Progress(file, writer)
    with open_decompressed(file.path, file.compression) as stream:
        blocks = _Blocks(stream, file, writer)
        for first_line, offset, block in blocks.whole_lines():
            lines = _decode(block, encoding, file, writer, first_line, offset)
            yield Batch(first_line, offset, lines, block)
            progress.at(offset + len(block))
    progress.end()


def encoding_of(head: Head) -> str:
    """The encoding of a text file: UTF-8, or Windows-1252 where most lines with other than ASCII are no UTF-8."""
    good = bad = 0
    for line in head.data.split(b"\n")[:-1]:
        if not line.isascii():
            try:
                line.decode(_UTF8)
                good += 1
            except UnicodeDecodeError:
                bad += 1
    return _LEGACY if bad >= 2 and bad > good else _UTF8


def clean(text: str) -> str:
    """Text without terminal control sequences and NUL bytes."""
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    return text.replace("\0", "") if "\0" in text else text


class _Blocks:
    """Cuts a stream into blocks of whole lines."""

    def __init__(self, stream: BinaryIO, file: EvidenceFile, writer: CaseWriter) -> None:
        self._stream = stream
        self._file = file
        self._writer = writer
        self._line = 1
        self._offset = 0
        self._ended = False
        self._damage = ""

    def whole_lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Yields (first line, byte offset, bytes that end where a line ends)."""
        waiting = b""
        while waiting or not self._ended:
            data = waiting if self._ended else waiting + self._read()
            # A line that the damage has cut is not taken for a whole one.
            cut = len(data) if self._ended and not self._damage else data.rfind(b"\n") + 1
            if cut:
                yield self._line, self._offset, data[:cut]
                self._line += data.count(b"\n", 0, cut)
                self._offset += cut
            waiting = data[cut:]
            if self._ended:
                break
            if len(waiting) > MAX_LINE_BYTES:
                waiting = self._skip_line(waiting)
        if self._damage:
            reason = f"the compressed file is damaged or ends too early: {self._damage}"
            excerpt = waiting[:200].decode(_UTF8, "replace")
            self._writer.reject(self._file.source_id, self._line, reason, excerpt, self._offset)
            self._writer.note(self._file.source_id, f"partial: {reason}; read up to line {self._line - 1}")

    def _read(self) -> bytes:
        pieces: list[bytes] = []
        wanted = BATCH_BYTES
        while wanted > 0 and not self._ended:
            try:
                # read1: one read of the stream below, so that nothing good is lost when the next one fails.
                piece = self._stream.read1(wanted)  # type: ignore[attr-defined]
            except TruncatedError as fault:
                self._damage = str(fault) or "no reason given"
                piece = b""
            self._ended = not piece
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def _skip_line(self, start: bytes) -> bytes:
        """Reject a line that is too long; returns what follows it."""
        length = len(start)
        rest = b""
        while not self._ended:
            data = self._read()
            end = data.find(b"\n")
            if end >= 0:
                length += end
                rest = data[end + 1 :]
                break
            length += len(data)
        reason = f"a line of {length} bytes; the limit for text is {MAX_LINE_BYTES}"
        excerpt = start[:200].decode(_UTF8, "replace")
        self._writer.reject(self._file.source_id, self._line, reason, excerpt, self._offset)
        self._line += 1
        self._offset += length + 1
        return rest


def _decode(
    block: bytes, encoding: str, file: EvidenceFile, writer: CaseWriter, first_line: int, offset: int
) -> list[str | None]:
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        return _decode_each(block, encoding, file, writer, first_line, offset)
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    if first_line == 1:
        text = text.removeprefix("\ufeff")
    lines: list[str | None] = [*text.split("\n")]
    if text.endswith("\n"):
        lines.pop()
    if "\r" in text:
        lines = [line.rstrip("\r") for line in lines if line is not None]
    if "\0" in text:
        lines = [_without_nul(line or "", file, writer, first_line + i) for i, line in enumerate(lines)]
    return lines


def _decode_each(
    block: bytes, encoding: str, file: EvidenceFile, writer: CaseWriter, first_line: int, offset: int
) -> list[str | None]:
    """The slow way, for a block with a line that is no text."""
    lines: list[str | None] = []
    pieces = block.split(b"\n")
    if block.endswith(b"\n"):
        pieces.pop()
    for number, data in enumerate(pieces, start=first_line):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as fault:
            if fault.end == len(data) and fault.reason == "unexpected end of data":
                # A logger that cuts lines at a number of bytes: only the last character is lost.
                text = data.decode(encoding, "replace")
            else:
                reason = f"not {encoding.upper()} at byte {fault.start} of the line"
                writer.reject(file.source_id, number, reason, data.decode(_UTF8, "replace"), offset)
                lines.append(None)
                offset += len(data) + 1
                continue
        offset += len(data) + 1
        text = clean(text).rstrip("\r")
        lines.append(text.removeprefix("\ufeff") if number == 1 else text)
    return lines


def _without_nul(line: str, file: EvidenceFile, writer: CaseWriter, number: int) -> str | None:
    """Rotation by copying leaves runs of NUL bytes: a line that holds nothing else is rejected."""
    if "\0" not in line:
        return line
    rest = line.replace("\0", "")
    if not rest.strip():
        writer.reject(file.source_id, number, "a line of NUL bytes")
        return None
    return rest
