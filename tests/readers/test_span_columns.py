"""Flat spans read by the column are those that are read one by one, whatever columns they have."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from deep_code_reasoning.readers import flat_spans
from deep_code_reasoning.readers.base import EvidenceFile, detect_compression
from deep_code_reasoning.readers.span_columns import UnsuitedError
from deep_code_reasoning.readers.tables import TableLines

NOON = datetime(2026, 6, 18, 12, tzinfo=UTC)
NOON_NS = round(NOON.timestamp()) * 10**9


class Recorder:
    """Takes what a reader writes, in place of a case."""

    def __init__(self) -> None:
        self.written: dict[str, list[dict[str, Any]]] = {}
        self.rejected: list[tuple[int, str, str]] = []
        self.notes: list[str] = []

    def rows(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.written.setdefault(table, []).extend(map(dict, rows))

    def columns(self, table: str, columns: Mapping[str, list[Any]]) -> None:
        self.rows(table, (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)))

    def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
        self.rejected.append((line, reason, excerpt))

    def note(self, source_id: int, text: str) -> None:
        self.notes.append(text)

    def advance(self, read_bytes: int) -> None:
        pass

    def told(self) -> Any:
        def order(row: dict[str, Any]) -> tuple[int, int]:
            return row["line"], row["item"]

        tables = {name: sorted(rows, key=order) for name, rows in self.written.items() if rows}
        for row in (row for rows in tables.values() for row in rows if "number_names" in row):
            row["number_names"] = sorted(row["number_names"])
        return tables, sorted(self.rejected), self.notes


def read(path: Path, data: bytes) -> Any:
    path.write_bytes(data)
    writer = Recorder()
    file = EvidenceFile(1, path, path.name, len(data), detect_compression(data))
    flat_spans.read([file], writer)  # type: ignore[arg-type]
    return writer.told()


def one_by_one(path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> Any:
    def unsuited(*_: Any) -> Any:
        raise UnsuitedError

    with monkeypatch.context() as patched:
        patched.setattr(flat_spans, "spans_of", unsuited)
        return read(path, data)


def text_of(dice: random.Random) -> str:
    return dice.choice(
        ["", "x", "cart", "ok", "Error", "STATUS_CODE_UNSET", "500", "2", "same", "null", "é", "{}", "[]"]
    )


def time_of(dice: random.Random) -> Any:
    at = NOON + timedelta(milliseconds=dice.randrange(10**6))
    seconds = at.timestamp()
    return dice.choice(
        [at.isoformat(), str(at), round(seconds), round(seconds * 1e3), round(seconds * 1e9), seconds,
         [round(seconds), 5], "no time", "", str(round(seconds * 1e6))]
    )  # fmt: skip


def loose(dice: random.Random, depth: int = 0) -> Any:
    kinds = 7 if depth < 2 else 5
    match dice.randrange(kinds):
        case 0:
            return None
        case 1:
            return text_of(dice)
        case 2:
            return dice.choice([0, 1, -5, 2**70, True, False, 1.0, 2.5, 1e300, float("nan")])
        case 3:
            return time_of(dice)
        case 4:
            return f"{dice.randrange(3):016x}"
        case 5:
            return {text_of(dice): loose(dice, depth + 1) for _ in range(dice.randrange(3))}
        case _:
            return [loose(dice, depth + 1) for _ in range(dice.randrange(3))]


def attributes(dice: random.Random) -> Any:
    names = ["http.route", "n", "k8s.pod.name", "host.name", "attributes", "service.name", ""]
    found = {dice.choice(names): loose(dice, 1) for _ in range(dice.randrange(4))}
    listed = [{"key": name, "value": {"stringValue": value}} for name, value in found.items()]
    return dice.choice([found, found, json.dumps(found), str(found), listed])


def event(dice: random.Random) -> Any:
    if dice.random() < 0.1:
        return loose(dice, 1)
    return {
        "time": time_of(dice),
        "name": text_of(dice),
        "attributes": attributes(dice),
        "span_id": f"{dice.randrange(9)}",
    }


USUAL = {
    "trace_id": lambda dice: f"{dice.randrange(4):032x}",
    "span_id": lambda dice: f"{dice.randrange(100):016X}",
    "parent_span_id": lambda dice: dice.choice(["", "0" * 16, "0x12", "12"]),
    "name": text_of,
    "start_time": time_of,
    "duration_ms": lambda dice: dice.choice([0, 5, 2.5, "7", -3, 1e300]),
}
OTHERS = {
    "Duration": lambda dice: dice.choice([5, 2.5, "3ms", "x", [1, 2]]),
    "end_time": time_of,
    "ts": time_of,
    "SpanName": text_of,
    "service": text_of,
    "service.name": text_of,
    "kind": lambda dice: dice.choice(["server", "SPAN_KIND_CLIENT", 2, 3.0, True, None, {"a": 1}]),
    "status": lambda dice: dice.choice([text_of(dice), 500, 2, True, {"code": 2, "message": "no"}, None]),
    "status_message": text_of,
    "error": lambda dice: dice.choice([None, "", "timeout", True, 0, "1", {"kind": "x"}]),
    "attributes": attributes,
    "tags": attributes,
    "resource": attributes,
    "events": lambda dice: [event(dice) for _ in range(dice.randrange(3))],
    "links": lambda dice: [event(dice) for _ in range(dice.randrange(2))],
    "logs": loose,
    "scope_name": text_of,
    "pod": text_of,
    "host": text_of,
    "hostname": text_of,
    "node": text_of,
    "version": loose,
    "odd": loose,
    "traceId": text_of,
    "context": lambda dice: dice.choice([None, {"trace_id": "c", "span_id": "d"}]),
}


def records(dice: random.Random) -> list[Any]:
    """Some spans alike, as an exporter writes them, and here and there one that is not."""
    usual = {name: make for name, make in USUAL.items() if dice.random() < 0.97}
    others = {name: make for name, make in OTHERS.items() if dice.random() < 0.3}
    makers = list({**usual, **others}.items())
    dice.shuffle(makers)
    missing, strange = dice.choice([0, 0.02, 0.3]), dice.choice([0, 0.02, 0.2])
    return [
        {
            name: loose(dice) if dice.random() < strange else make(dice)
            for name, make in makers
            if dice.random() >= missing
        }
        for _ in range(dice.randrange(1, 60))
    ]


@pytest.mark.parametrize("seed", range(150))
def test_records_by_the_column_are_those_read_one_by_one(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    lines = [json.dumps(record) for record in records(dice)]
    if dice.random() < 0.2:
        lines = [json.dumps({"trace_id": "abc", "spans": list(map(json.loads, lines))}), "[1]", *lines]
    data = "\n".join([json.dumps({"trace_id": "a", "span_id": "b"}), *lines, ""]).encode()
    path = tmp_path / "spans.jsonl"
    assert read(path, data) == one_by_one(path, data, monkeypatch)


def test_records_that_share_no_name_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: Any) -> Any:
        raise AssertionError

    usual = {"trace_id": "a", "span_id": "b", "name": "n", "start_time": NOON_NS, "duration_ms": 1}
    lines = [json.dumps({**usual, **{f"{n}-{m}": m for m in range(20)}}) for n in range(200)]
    monkeypatch.setattr(flat_spans, "spans_of", unwanted)
    tables, rejected, _ = read(tmp_path / "spans.jsonl", "\n".join(lines).encode())
    assert [row["line"] for row in tables["spans"]] == list(range(1, 201))
    assert not rejected


def typed(dice: random.Random, name: str, size: int) -> Any:
    """A column of some type of Arrow that suits the name, or not."""
    texts = pa.map_(pa.string(), pa.string())

    def of(kind: Any, make: Any) -> Any:
        missing = dice.choice([0, 0.2])
        return pa.array([None if dice.random() < missing else make() for _ in range(size)], kind)

    def pairs(value: Any) -> Any:
        return lambda: [(dice.choice(["a", "http.route", "host.name"]), value()) for _ in range(dice.randrange(3))]

    def moment() -> int:
        return NOON_NS + dice.randrange(10**12)

    def unit_of() -> tuple[str, int]:
        return dice.choice([("s", 10**9), ("ms", 10**6), ("us", 1000), ("ns", 1)])

    unit, scale = unit_of()
    zone = dice.choice([None, "UTC", "Europe/Oslo"])
    times = [lambda: of(pa.timestamp(unit, zone), lambda: moment() // scale), lambda: of(pa.int64(), moment)]
    structure = pa.struct([("code", pa.int32()), ("message", pa.string()), ("at", pa.timestamp("us"))])
    entry = pa.struct([("time", pa.timestamp("ns")), ("name", pa.string()), ("attributes", texts)])
    strange = [
        lambda: of(pa.decimal128(10, 2), lambda: Decimal(dice.randrange(10**6)) / 100),
        lambda: of(pa.float32(), dice.random),
        lambda: of(pa.float16(), lambda: 0.5),
        lambda: of(pa.bool_(), lambda: dice.random() < 0.5),
        lambda: of(pa.binary(), lambda: dice.randbytes(8)),
        lambda: of(pa.binary(8), lambda: dice.randbytes(8)),
        lambda: of(pa.duration(unit), lambda: dice.randrange(10**6)),
        lambda: of(pa.date32(), lambda: 20000),
        lambda: of(pa.time64("us"), lambda: 5),
        lambda: of(pa.month_day_nano_interval(), lambda: (1, 2, 3)),
        lambda: of(structure, lambda: {"code": dice.choice([None, 2, 500]), "message": "m", "at": moment() // 1000}),
        lambda: of(texts, pairs(lambda: text_of(dice))),
        lambda: of(pa.map_(pa.int64(), pa.float64()), lambda: [(dice.randrange(3), 1.5)]),
        lambda: of(pa.map_(pa.binary(), pa.duration("s")), lambda: [(b"\xff", 4)]),
        lambda: of(pa.list_(entry), lambda: [{"time": moment(), "name": "n", "attributes": pairs(lambda: "v")()}]),
        lambda: of(pa.list_(pa.list_(pa.int64())), lambda: [[1, None], None, []]),
        lambda: of(pa.string(), lambda: json.dumps({"n": dice.randrange(3), "t": "x"})).dictionary_encode(),
        lambda: pa.nulls(size),
    ]
    ids = [
        lambda: of(pa.string(), lambda: f"{dice.randrange(99):016x}"),
        lambda: of(pa.string(), lambda: f"{dice.randrange(99):016x}").dictionary_encode(),
        lambda: of(pa.binary(), lambda: dice.randbytes(8)),
    ]
    usual = {
        "trace_id": ids,
        "span_id": ids,
        "parent_span_id": ids,
        "start_time": times,
        "end_time": times,
        "duration_ms": [lambda: of(pa.int64(), lambda: dice.randrange(10**4)), lambda: of(pa.float64(), dice.random)],
        "attributes": strange[11:12],
        "events": strange[14:15],
        "status": [lambda: of(pa.string(), lambda: text_of(dice)), strange[10]],
    }
    fitting = usual.get(name, [lambda: of(pa.string(), lambda: text_of(dice))])
    return dice.choice(fitting if dice.random() < 0.8 else strange)()


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("seed", range(60))
def test_a_table_by_the_column_is_its_lines(
    seed: int, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    size = dice.randrange(1, 50)
    others = [name for name in (*OTHERS, "spans") if name != "logs" and dice.random() < 0.2]
    names = [*USUAL, *others]
    dice.shuffle(names)
    table = pa.table({name: typed(dice, name, size) for name in names})
    out = io.BytesIO()
    path = tmp_path / "spans"
    if kind == "arrow":
        with pa.ipc.new_file(out, table.schema) as written:
            written.write_table(table, max_chunksize=7)
    else:
        try:
            pyarrow.parquet.write_table(table, out, row_group_size=20)
        except pa.ArrowNotImplementedError:
            pytest.skip("Parquet has no such type")
    path.write_bytes(out.getvalue())
    stream = TableLines(path)
    lines = b"".join(iter(lambda: stream.read1(1 << 20), b""))
    assert read(path, out.getvalue()) == one_by_one(tmp_path / "lines", lines, monkeypatch)
