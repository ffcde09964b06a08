"""The law that every reader keeps, tried on every file of the corpus.

All variants of a file are read in one call, as a reader reads a folder of its format; the tests look at what became of
each of them.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from deep_code_reasoning.readers.base import Head, Reader, detect_compression, read_head
from deep_code_reasoning.readers.registry import MIN_CERTAINTY, choose, readers

NUMBER = re.compile(rb"(?<![\w.])\d{2,}(?![\w.])")


def put_into_line(data: bytes, number: int, what: bytes) -> bytes:
    """Put bytes into the middle of a line, counted from 1."""
    lines = data.split(b"\n")
    line = lines[number - 1]
    lines[number - 1] = line[: len(line) // 2] + what + line[len(line) // 2 :]
    return b"\n".join(lines)


def torn(data: bytes) -> bytes:
    """Cut within the last record."""
    body = data.rstrip()
    start = body.rfind(b"\n") + 1
    return body[: start + (len(body) - start) // 2] if len(body) - start > 20 else body[: -len(body) // 4]


def in_members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:])


def stored(data: bytes) -> bytes:
    """A gzip file that holds its bytes as they are, so that what comes before a cut can be read."""
    return gzip.compress(data, compresslevel=0)


def frames(data: bytes) -> bytes:
    """A zstd file of three frames."""
    third = len(data) // 3
    pieces = (data[:third], data[third : 2 * third], data[2 * third :])
    return b"".join(map(zstandard.compress, pieces))


def readable_part(name: str, data: bytes) -> bytes:
    """What of a cut file can be read."""
    if name == "torn":
        return torn(data)
    # Behind ten bytes of header and five of the stored block's; of the zstd file, the first two frames.
    return data[: len(data) * 2 // 3 - 15] if name == "truncated-gzip" else data[: len(data) // 3 * 2]


SAME: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip-in-members": in_members,
    "zstd": zstandard.compress,
    "zstd-in-frames": lambda data: zstandard.compress(data[:30]) + zstandard.compress(data[30:]),
}
SAME_TEXT: dict[str, Callable[[bytes], bytes]] = {
    "windows-line-ends": lambda data: data.replace(b"\n", b"\r\n"),
    "byte-order-mark": lambda data: b"\xef\xbb\xbf" + data,
    "blank-end": lambda data: data.rstrip() + b"\n\n  \n",
    "no-line-end": lambda data: data.rstrip(),
}
CUT: dict[str, Callable[[bytes], bytes]] = {
    "torn": torn,
    "truncated-gzip": lambda data: stored(data)[: len(data) * 2 // 3],
    "truncated-zstd": lambda data: frames(data)[: len(frames(data)) - 20],
}
DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "damaged-gzip": lambda data: gzip.compress(data)[:20] + b"\xff" * 40 + gzip.compress(data)[60:],
    "absurd-numbers": lambda data: NUMBER.sub(b"9" * 40, data),
    "huge-numbers": lambda data: NUMBER.sub(b"1e999", data),
    "negative-numbers": lambda data: NUMBER.sub(rb"-9223372036854775809", data),
}
IN_A_LINE: dict[str, bytes] = {"invalid-utf8": b"\xff\xfe", "nul-bytes": b"\0\0"}
FOREIGN: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + random.Random(1).randbytes(3000),
    "nul": b"\0" * 5000,
    "opened": b"[" * 3000,
    "null": b"null",
    "number": b"17\n",
    "text": b"It was a dark and stormy night; the rain fell in torrents.\n" * 3,
}


@functools.cache
def variants(case: Any) -> dict[str, bytes]:
    made = {name: make(case.data) for name, make in {**SAME, **CUT, **DAMAGED}.items()}
    if case.is_text:
        made |= {name: make(case.data) for name, make in SAME_TEXT.items()}
    if case.has_lines and case.golden.exists():
        line = case.record_lines[len(case.record_lines) // 2]
        made |= {name: put_into_line(case.data, line, what) for name, what in IN_A_LINE.items()}
    return made | FOREIGN


@functools.cache
def read_variants(read_evidence: Any, case: Any) -> dict[str, Any]:
    files = {f"{name}/{case.path.name}": data for name, data in variants(case).items()}
    outcomes = read_evidence(case.format, files)
    return {name.split("/")[0]: outcome for name, outcome in outcomes.items()}


@pytest.fixture
def outcomes(read_evidence: Any, case: Any) -> dict[str, Any]:
    return read_variants(read_evidence, case)


def test_every_format_has_cases(reader: Reader) -> None:
    folder = Path(__file__).parent / "cases" / reader.format
    assert list(folder.glob("*.rows.json")), f"a format is tried on cases of its own: write some into {folder}"


def test_the_rows_are_the_expected_ones(outcomes: dict[str, Any], case: Any) -> None:
    golden = json.loads(json.dumps(outcomes["plain"].as_golden()))
    if os.environ.get("DCR_UPDATE_CASES"):
        case.golden.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert golden == json.loads(case.golden.read_text("utf-8"))


def test_the_right_reader_is_chosen_and_no_other_is_surer(case: Any) -> None:
    head, _ = read_head(case.path)
    certainty = {reader.format: reader.sniff(head) for reader in readers()}
    assert all(0 <= sure <= 1 for sure in certainty.values())
    assert certainty[case.format] >= MIN_CERTAINTY
    others = {name: sure for name, sure in certainty.items() if name != case.format}
    assert max(others.values()) < certainty[case.format], certainty


def test_the_choice_does_not_hang_on_the_name(case: Any) -> None:
    for name in ("x", "data.json", "export.csv", "app.log", "traces.pb"):
        chosen = choose(Head(name, case.data, True))
        assert chosen is not None
        assert chosen.format == case.format


def test_the_choice_does_not_hang_on_how_the_text_is_wrapped(case: Any, tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    for name in (*SAME, *SAME_TEXT) if case.is_text else SAME:
        path.write_bytes(variants(case)[name])
        head, compression = read_head(path)
        assert compression == detect_compression(path.read_bytes())
        chosen = choose(head)
        assert (name, chosen and chosen.format) == (name, case.format)


def test_the_same_evidence_in_another_wrapping_gives_the_same_rows(outcomes: dict[str, Any], case: Any) -> None:
    for wrapping in (*SAME, *SAME_TEXT) if case.is_text else SAME:
        assert outcomes[wrapping].content == outcomes["plain"].content, wrapping
        assert len(outcomes[wrapping].rejected) == len(outcomes["plain"].rejected), wrapping


def test_reading_a_file_alone_gives_the_same_rows(read_evidence: Any, outcomes: dict[str, Any], case: Any) -> None:
    name = f"plain/{case.path.name}"
    alone = read_evidence(case.format, {name: case.data})[name]
    assert alone.as_golden() == outcomes["plain"].as_golden()


def test_every_row_leads_back_to_a_line_of_the_file(outcomes: dict[str, Any], case: Any) -> None:
    for name in ("plain", *SAME_TEXT):
        if name in outcomes and case.is_text:  # a binary file has ordinals of records, which no byte marks
            lines = variants(case)[name].split(b"\n")
            for row in (*outcomes[name].rows, *outcomes[name].rejected):
                assert 1 <= row["line"] <= len(lines)
                assert lines[row["line"] - 1].strip()
    places = [(table, row["line"], row["item"]) for table, rows in outcomes["plain"].tables.items() for row in rows]
    once = [place for place in places if place[0] not in ("span_events", "span_links")]
    assert len(set(once)) == len(once)


def test_what_is_rejected_has_a_reason_and_a_place(outcomes: dict[str, Any], case: Any) -> None:
    for name, outcome in outcomes.items():
        for piece in outcome.rejected:
            assert piece["reason"].strip(), name
            assert len(piece["excerpt"]) <= 200
            assert piece["line"] >= 0


@pytest.mark.parametrize("cut", CUT)
def test_of_a_file_that_ends_too_early_the_good_rows_are_kept(outcomes: dict[str, Any], case: Any, cut: str) -> None:
    outcome, plain = outcomes[cut], outcomes["plain"]
    if case.is_summed_up:
        assert outcome.rejected
        return
    last_line = readable_part(cut, case.data).count(b"\n") + 1
    begun = max((line for line in plain.lines if line <= last_line), default=0)
    whole = placed(row for row in plain.rows if row["line"] < begun)
    assert not whole - placed(outcome.rows)
    # Of the record that is cut, what is left may still be one: half a message is a message.
    assert sum((outcome.content - plain.content).values()) <= 1
    if cut != "torn":
        assert any("ends too early" in piece["reason"] for piece in outcome.rejected), outcome.rejected
        assert "partial" in outcome.note
    elif case.path.suffix in (".json", ".jsonl"):
        assert len(outcome.rejected) > sum(piece["line"] < begun for piece in plain.rejected)


@pytest.mark.parametrize("damage", IN_A_LINE)
def test_bytes_that_are_no_text_cost_their_own_record_alone(outcomes: dict[str, Any], case: Any, damage: str) -> None:
    if damage not in outcomes:
        pytest.skip("only where a record is a line is it known what one record is")
    line = case.record_lines[len(case.record_lines) // 2]
    others = placed(row for row in outcomes["plain"].rows if row["line"] != line)
    assert not others - placed(outcomes[damage].rows)


def placed(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    """Rows with their places, but for the source's number."""
    kept = ({name: cell for name, cell in row.items() if name not in ("source_id", "dump")} for row in rows)
    return Counter(json.dumps(row, sort_keys=True) for row in kept)


def test_no_line_is_lost(outcomes: dict[str, Any], case: Any) -> None:
    if not case.has_lines:
        pytest.skip("only where a record is a line is it known which are lost")
    for name in ("plain", *SAME_TEXT, *IN_A_LINE, "torn", "absurd-numbers", "huge-numbers", "negative-numbers"):
        assert case.lost_lines(variants(case)[name], outcomes[name]) == [], name


def test_what_is_no_evidence_is_chosen_by_nobody() -> None:
    for name, data in FOREIGN.items():
        if name != "text":
            assert choose(Head(name, data, True)) is None, name


def test_what_is_no_evidence_gives_no_rows(outcomes: dict[str, Any], case: Any) -> None:
    for name in ("empty", "blank"):
        assert outcomes[name].rows == []
        assert outcomes[name].rejected == []
    for name in ("picture", "nul", "opened", "null", "number"):
        assert outcomes[name].rejected or outcomes[name].rows, name
