"""The stream of JSON records: shapes of files, places of records, and what is broken between good ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.readers import json_source
from deep_code_reasoning.readers.base import EvidenceFile, Head, detect_compression
from deep_code_reasoning.readers.json_records import JsonRecord, head_records, iterate_json


class Notebook:
    """Takes what a reader rejects and notes, as a `CaseWriter` would."""

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


def records_of(folder: Path, content: bytes | str, lists: Sequence[str] = ()) -> tuple[list[JsonRecord], Notebook]:
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    path = folder / "evidence"
    path.write_bytes(data)
    book = Notebook()
    file = EvidenceFile(1, path, "evidence", len(data), detect_compression(data))
    return list(iterate_json(file, book, lists)), book


def places(records: list[JsonRecord]) -> list[tuple[int, int, int]]:
    return [(record.line, record.item, record.offset) for record in records]


def values(records: list[JsonRecord]) -> list[Any]:
    return [record.value for record in records]


A, B, C = {"a": 1}, {"a": 2}, {"a": 3}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}\n{"a": 2}\n\n{"a": 3}\n', [(1, 0, 0), (2, 0, 9), (4, 0, 19)]),
        ('{"a": 1}\r\n{"a": 2}\r\n{"a": 3}', [(1, 0, 0), (2, 0, 10), (3, 0, 20)]),
        ('[{"a": 1}, {"a": 2}, {"a": 3}]', [(1, 0, 0), (1, 1, 0), (1, 2, 0)]),
        ('[\n{"a": 1},\n{"a": 2},\n{"a": 3}\n]\n', [(2, 0, 2), (3, 0, 12), (4, 0, 22)]),
        ('[\n  {\n    "a": 1\n  },\n  {"a": 2}, {"a": 3}\n]', [(2, 0, 4), (5, 0, 24), (5, 1, 34)]),
        ('{"a": 1}{"a": 2} {"a": 3}', [(1, 0, 0), (1, 1, 8), (1, 2, 17)]),
        ('{"a": 1},\n{"a": 2},\n{"a": 3},\n', [(1, 0, 0), (2, 0, 10), (3, 0, 20)]),
        ('{\n  "a": 1\n}\n{\n  "a": 2\n}\n{"a": 3}', [(1, 0, 0), (4, 0, 13), (7, 0, 26)]),
        ('{"data": [{"a": 1},\n{"a": 2},\n{"a": 3}\n]}', [(1, 0, 10), (2, 0, 20), (3, 0, 30)]),
        ('{"n": 7, "data":\n[{"a": 1}, {"a": 2},\n{"a": 3}]}', [(2, 0, 18), (2, 1, 28), (3, 0, 38)]),
        ('\ufeff{"a": 1}\n{"a": 2}\n{"a": 3}\n', [(1, 0, 3), (2, 0, 12), (3, 0, 21)]),
    ],
)
def test_every_shape_of_file_gives_the_same_records(
    tmp_path: Path, content: str, expected: list[tuple[int, int, int]]
) -> None:
    records, book = records_of(tmp_path, content, ["data"])
    assert values(records) == [A, B, C]
    assert places(records) == expected
    assert book.rejected == []


def test_offsets_count_bytes_and_not_characters(tmp_path: Path) -> None:
    records, book = records_of(tmp_path, '[\n{"a": "äö𝄞"},\n{"a": 2}]')
    assert places(records) == [(2, 0, 2), (3, 0, 21)]
    assert book.rejected == []


def test_members_around_a_list_come_with_its_records(tmp_path: Path) -> None:
    content = '{\n"status": "success",\n"data": {"resultType": "matrix", "result": [{"a": 1}]}}'
    records, _ = records_of(tmp_path, content, ["data.result"])
    assert values(records) == [A]
    assert records[0].members["status"] == "success"
    assert records[0].members["data"]["resultType"] == "matrix"


def test_a_document_without_the_list_is_one_record(tmp_path: Path) -> None:
    content = '{\n"data": {"x": [1]},\n"n": 2}'
    records, book = records_of(tmp_path, content, ["data.result", "spans"])
    assert values(records) == [{"data": {"x": [1]}, "n": 2}]
    assert book.rejected == []


@pytest.mark.parametrize(
    ("content", "kept", "rejected_lines"),
    [
        ('{"a": 1}\n{"a": 2, "b": {"c\n{"a": 3}\n', [A, C], [2]),
        ('{"a": 1}\nnot json at all\n\n17,\n{"a": 3}\n', [A, 17, C], [2]),
        ('{"a": \n{"a": 2}\n{"a": 3}\n', [B, C], [1]),
        ('{"a": 1}\n{"a": 2}\n{"a": 3', [A, B], [3]),
        ('[{"a": 1}, {"a": oops}, {"a": 3}]', [A, C], [1]),
        ('[\n  {"a": 1},\n  {"a": "x, "b": {"a": 7}},\n  {"a": 3}\n]', [A, C], [3]),
        ('[{"a": 1}, {"a": 2}, {"a": 3', [A, B], [1]),
        ('[{"a": 1}, {"a": 2}', [A, B], [1]),
        ('{"n": 1, "data": [{"a": 1}, {"a": 2}]', [A, B], [1]),
        ('{\n "a": 1,\n oops\n}\n{"a": 2}\n[{"a": 3}]', [B, C], [1]),
        ('{"a": 1, "b": 2\n{"a": 2, "b": 2', [], [1, 2]),
        (b'{"a": 1}\n{"a": "\xff\xfe"}\n{"a": 3}\n', [A, C], [2]),
        (b'[\n{"a": 1},\n{"a": "\xff\xfe"},\n{"a": 3}]', [A, C], [3]),
        ('{"a": 1}\n' + '{"a": ' + "9" * 5000 + '}\n{"a": 3}', [A, C], [2]),
        ('[{"a": 1}, {"a": ' + "9" * 5000 + '}, {"a": 3}]', [A, C], [1]),
        ('{"a": 1}\n' + "[" * 200_000 + '\n{"a": 3}', [A, C], [2]),
        ('[{"a": 1},{"a": ' + "[" * 200_000 + '},{"a": 3}]', [A, C], [1]),
    ],
)
def test_what_is_broken_is_rejected_and_what_is_around_it_is_kept(
    tmp_path: Path, content: bytes | str, kept: list[Any], rejected_lines: list[int]
) -> None:
    records, book = records_of(tmp_path, content, ["data"])
    assert values(records) == kept
    assert [line for line, _, _ in book.rejected] == rejected_lines
    assert all(offset >= 0 and reason for _, offset, reason in book.rejected)


def test_lines_that_are_passed_over_are_told(tmp_path: Path) -> None:
    _, book = records_of(tmp_path, '{\n "a": 1,\n oops\n}\n{"a": 2}')
    assert book.rejected == [(1, 0, "not JSON: a member's name expected; lost up to line 4")]


def test_a_file_that_ends_too_early_is_noted(tmp_path: Path) -> None:
    _, book = records_of(tmp_path, '[\n{"a": 1},\n{"a": 2')
    assert book.rejected == [(3, 12, "the file ends within a record")]
    assert book.notes == ["partial: the file ends within a record; read up to line 2"]


@pytest.mark.parametrize("as_lines", [True, False])
def test_a_truncated_gzip_is_read_up_to_its_end(tmp_path: Path, as_lines: bool) -> None:
    count = 20_000
    texts = [json.dumps({"a": number, "b": str(number * 7919 % 10007)}) for number in range(count)]
    whole = gzip.compress(("\n".join(texts) if as_lines else f"[{','.join(texts)}]").encode())
    records, book = records_of(tmp_path, whole[: len(whole) // 2])
    assert 0.3 * count < len(records) < 0.7 * count
    assert [record.value["a"] for record in records] == list(range(len(records)))
    assert len(book.rejected) == 1
    assert "compressed" in book.rejected[0][2]
    assert len(book.notes) == 1


def test_records_across_the_buffers_edges_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [{"a": n, "t": "ü" * (n % 50), "f": n / 7, "flag": n % 2 == 0, "none": None} for n in range(300)]
    content = json.dumps({"data": items, "tail": [1]}, ensure_ascii=False, indent=1)
    whole, _ = records_of(tmp_path, content, ["data"])
    for chunk in (33, 64, 1000):
        monkeypatch.setattr(json_source, "CHUNK_BYTES", chunk)
        records, book = records_of(tmp_path, content, ["data"])
        assert records == whole
        assert book.rejected == []
    assert values(whole) == items


def test_a_record_beyond_the_limit_is_rejected_and_the_next_one_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_source, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(json_source, "MAX_RECORD_CHARACTERS", 5000)
    records, book = records_of(tmp_path, '[{"a": 1}, {"a": "' + "x" * 100_000 + '"}, {"a": 3}]')
    assert values(records) == [A, C]
    assert [(line, offset) for line, offset, _ in book.rejected] == [(1, 11)]


def test_a_list_of_any_length_on_one_line_is_held_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_source, "CHUNK_BYTES", 10_000)
    longest = 0
    fill = json_source.JsonSource.fill

    def measured_fill(source: json_source.JsonSource) -> bool:
        nonlocal longest
        filled = fill(source)
        longest = max(longest, len(source.text))
        return filled

    monkeypatch.setattr(json_source.JsonSource, "fill", measured_fill)
    records, book = records_of(tmp_path, "[" + ",".join('{"a": 1}' for _ in range(50_000)) + "]")
    assert len(records) == 50_000
    assert book.read_bytes == (tmp_path / "evidence").stat().st_size
    assert longest < 30_000


def test_a_head_gives_its_whole_records_only() -> None:
    document = json.dumps([A, B, C])
    assert [r.value for r in head_records(Head("x", document[:-5].encode(), False))] == [A, B]
    lines = "\n".join(json.dumps(record) for record in (A, B, C))
    assert [r.value for r in head_records(Head("x", lines[:-2].encode(), False))] == [A, B]
    assert head_records(Head("x", b"timestamp,value\n1,2\n", True)) == ()
    assert head_records(Head("x", b"", True)) == ()
