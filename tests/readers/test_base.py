"""Files opened, decompressed and cut into lines, whatever state they are in."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from deep_code_reasoning.readers import base
from deep_code_reasoning.readers.base import (
    EvidenceFile,
    Head,
    TruncatedError,
    iterate_lines,
    open_decompressed,
    read_head,
)

LINES = b"".join(b"line %d of many, with some more to it\n" % number for number in range(40_000))


class Book(base.Unheard):
    """Keeps what is rejected, noted and advanced."""

    def __init__(self) -> None:
        self.rejected: list[tuple[int, int, str]] = []
        self.notes: list[str] = []
        self.advances: list[int] = []

    def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
        self.rejected.append((line, offset_bytes, reason))

    def note(self, source_id: int, text: str) -> None:
        self.notes.append(text)

    def advance(self, read_bytes: int) -> None:
        self.advances.append(read_bytes)


def written(folder: Path, data: bytes) -> EvidenceFile:
    path = folder / "evidence"
    path.write_bytes(data)
    return EvidenceFile(1, path, "evidence", len(data), base.detect_compression(data))


COMPRESSORS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip members": lambda data: gzip.compress(data[:999]) + gzip.compress(data[999:]),
    "zstd": zstandard.compress,
    "zstd frames": lambda data: zstandard.compress(data[:999]) + zstandard.compress(data[999:]),
}


@pytest.mark.parametrize("name", COMPRESSORS)
def test_lines_are_the_same_in_every_compression(tmp_path: Path, name: str) -> None:
    book = Book()
    file = written(tmp_path, COMPRESSORS[name](LINES))
    lines = list(iterate_lines(file, book))
    assert b"".join(line.data + b"\n" for line in lines) == LINES
    assert [line.number for line in lines] == list(range(1, 40_001))
    assert all(LINES[line.offset :].startswith(line.data) for line in lines[::997])
    assert book.rejected == []
    assert sum(book.advances) == file.size_bytes


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_cut_file_gives_all_that_comes_before_the_cut(tmp_path: Path, name: str) -> None:
    data = COMPRESSORS[name](LINES)
    file = written(tmp_path, data[: len(data) // 2])
    good = b""
    with open_decompressed(file.path, file.compression) as stream, pytest.raises(TruncatedError):
        while piece := stream.read1(1 << 20):  # type: ignore[attr-defined]
            good += piece
    assert LINES.startswith(good)
    assert len(good) > len(LINES) // 4
    book = Book()
    lines = list(iterate_lines(file, book))
    assert lines
    assert len(lines) <= good.count(b"\n") + 1
    ((line, offset, reason),) = book.rejected
    assert (line, offset) == (lines[-1].number + 1, lines[-1].offset + len(lines[-1].data) + 1)
    assert "ends too early" in reason
    assert book.notes == [f"partial: {reason}; read up to line {lines[-1].number}"]


def test_the_head_of_a_cut_file_is_what_can_be_read(tmp_path: Path) -> None:
    small = LINES[:5000]
    file = written(tmp_path, gzip.compress(small, compresslevel=0)[:3000])
    head, compression = read_head(file.path)
    assert compression == "gzip"
    assert not head.complete
    assert small.startswith(head.data)
    assert len(head.data) > 2900


def test_a_head_is_the_beginning_of_a_file(tmp_path: Path) -> None:
    head, _ = read_head(written(tmp_path, LINES).path)
    assert head.data == LINES[: base.HEAD_BYTES]
    assert not head.complete
    assert read_head(written(tmp_path, b"a\n\n b").path)[0].lines == ("a", " b")
    assert read_head(written(tmp_path, b"").path)[0] == Head("evidence", b"", True)


def test_a_line_beyond_the_limit_is_rejected_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_LINE_BYTES", 1000)
    content = b"first\n" + b"x" * 25_000 + b"\nlast\n" + b"y" * 1001 + b"\n" + b"z" * 1000
    book = Book()
    lines = list(iterate_lines(written(tmp_path, content), book))
    assert [(line.number, line.offset, line.data) for line in lines] == [
        (1, 0, b"first"),
        (3, 25_007, b"last"),
        (5, 26_014, b"z" * 1000),
    ]
    assert [(line, offset) for line, offset, _ in book.rejected] == [(2, 6), (4, 25_012)]


def test_a_small_file_that_stands_for_much_is_read_piece_by_piece(tmp_path: Path) -> None:
    file = written(tmp_path, zstandard.compress(b"0" * 50_000_000))
    longest = total = 0
    with open_decompressed(file.path, file.compression) as stream:
        while piece := stream.read1(65_536):  # type: ignore[attr-defined]
            longest, total = max(longest, len(piece)), total + len(piece)
    assert total == 50_000_000
    assert longest <= 65_536
