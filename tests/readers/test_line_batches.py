"""Lines in batches: numbers and offsets stay right over blocks, packed files and what is rejected."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from deep_code_reasoning.readers import line_batches
from deep_code_reasoning.readers.base import EvidenceFile, Head, detect_compression
from deep_code_reasoning.readers.line_batches import encoding_of, iterate_batches


class Notebook:
    """Takes what is rejected, noted and read, as a `CaseWriter` would."""

    def __init__(self) -> None:
        self.rejected: list[tuple[int, int, str]] = []
        self.notes: list[str] = []
        self.read_bytes = 0

    def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
        self.rejected.append((line, offset_bytes, reason))

    def note(self, source_id: int, text: str) -> None:
        self.notes.append(text)

    def advance(self, read_bytes: int) -> None:
        self.read_bytes += read_bytes


def lines_of(folder: Path, data: bytes) -> tuple[dict[int, str | None], dict[int, int], Notebook]:
    """Lines and their offsets by number, and what was complained of."""
    path = folder / "evidence"
    path.write_bytes(data)
    book = Notebook()
    lines: dict[int, str | None] = {}
    offsets: dict[int, int] = {}
    for batch in iterate_batches(EvidenceFile(1, path, "evidence", len(data), detect_compression(data)), book):  # type: ignore[arg-type]
        for number, line in enumerate(batch.lines, batch.first_line):
            assert number not in lines
            lines[number] = line
            offsets[number] = batch.offset_of(number)
    return lines, offsets, book


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_and_offsets_are_right_over_many_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: type[bytes], end: bytes
) -> None:
    monkeypatch.setattr(line_batches, "BATCH_BYTES", 100)
    expected = [f"line {number} " + "é" * (number % 90) for number in range(200)]
    data = "\n".join(expected).encode() + end
    packed = pack(data)
    lines, offsets, book = lines_of(tmp_path, packed)
    assert list(lines.values()) == expected
    assert list(lines) == list(range(1, 201))
    assert [data[offset:].split(b"\n")[0].decode() for offset in offsets.values()] == expected
    assert (book.rejected, book.notes, book.read_bytes) == ([], [], len(packed))


def test_a_line_that_is_too_long_is_passed_over_wherever_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_batches, "BATCH_BYTES", 64)
    monkeypatch.setattr(line_batches, "MAX_LINE_BYTES", 256)
    for tail in (b"", b"\n", b"\nafter", b"\nafter\n"):
        lines, _, book = lines_of(tmp_path, b"before\n" + b"x" * 1000 + tail)
        assert lines == {1: "before", **({3: "after"} if b"after" in tail else {})}
        assert book.rejected == [(2, 7, "a line of 1000 bytes; the limit for text is 256")]


def test_lines_that_are_no_text_are_rejected_and_cut_characters_are_not(tmp_path: Path) -> None:
    lines, _, book = lines_of(
        tmp_path, b"\xef\xbb\xbfone\r\ntwo \xff bytes\nthree \xc3\n\0\0\0\nfi\0ve\n\x1b[31msix\x1b[0m"
    )
    assert lines == {1: "one", 2: None, 3: "three \ufffd", 4: "", 5: "five", 6: "six"}
    assert [(line, offset) for line, offset, _ in book.rejected] == [(2, 8)]


def test_a_line_of_nul_bytes_is_rejected(tmp_path: Path) -> None:
    lines, _, book = lines_of(tmp_path, b"one\n\0\0\0\ntwo\n")
    assert (lines, [line for line, _, _ in book.rejected]) == ({1: "one", 2: None, 3: "two"}, [2])


def test_what_a_damaged_end_has_cut_is_rejected(tmp_path: Path) -> None:
    packed = gzip.compress(b"one\ntwo\nthree and more\n", compresslevel=0)
    lines, _, book = lines_of(tmp_path, packed[:-15])
    assert lines == {1: "one", 2: "two"}
    assert [(line, offset) for line, offset, _ in book.rejected] == [(3, 8)]
    assert "read up to line 2" in book.notes[0]


def test_the_encoding_is_told_by_most_lines() -> None:
    assert encoding_of(Head("x", "für\nalle\nÄpfel\n".encode("cp1252"), True)) == "cp1252"
    assert encoding_of(Head("x", "für\nalle\nÄpfel\n".encode() + b"\xff\n", True)) == "utf-8"
    assert encoding_of(Head("x", b"plain\n\xff\n", True)) == "utf-8"
