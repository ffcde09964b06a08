"""Parquet and Arrow files: a table reads as the lines it would have been written as."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from deep_code_reasoning.readers.base import read_head
from deep_code_reasoning.readers.registry import choose

NOON = datetime(2026, 6, 18, 12, tzinfo=UTC)
SPANS = [
    {"trace_id": f"{7 + number // 2:032x}", "span_id": f"{number + 1:016x}", "parent_span_id": "", "service": "cart",
     "name": "GET /cart", "kind": "server", "start_time": (NOON + timedelta(seconds=number)).isoformat(),
     "duration_ms": 2.5 + number, "status": "error" if number == 3 else "ok",
     "attributes": {"http.route": "/cart", "n": str(number)}}
    for number in range(5)
]  # fmt: skip
LOGS = [
    {"timestamp": (NOON + timedelta(seconds=number)).isoformat(), "service": "cart", "level": "error",
     "message": f"no stock of {number}", "trace_id": f"{number:032x}"}
    for number in range(5)
]  # fmt: skip
METRICS = [
    {
        "timestamp": (NOON + timedelta(minutes=number)).isoformat(),
        "service": "cart",
        "metric": "cpu",
        "value": 0.5 * number,
    }
    for number in range(5)
]
DEPLOYS = [
    {"id": f"d{number}", "service": "cart", "version": f"1.{number}", "deployed_at": NOON.isoformat()}
    for number in range(3)
]


def stored(rows: list[dict[str, Any]], kind: str, times: bool = True) -> bytes:
    """A file of such rows; what is a time becomes one, and a member of text pairs a map."""
    table = pa.Table.from_pylist(rows)
    for number, name in enumerate(table.column_names):
        if times and name in ("start_time", "timestamp", "deployed_at"):
            moments = pa.array([datetime.fromisoformat(row[name]) for row in rows], pa.timestamp("us", "Europe/Oslo"))
            table = table.set_column(number, name, moments)
        elif name == "attributes":
            pairs = [list(row[name].items()) for row in rows]
            table = table.set_column(number, name, pa.array(pairs, pa.map_(pa.string(), pa.string())))
    out = io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(table, out, row_group_size=2)
    else:
        pyarrow.feather.write_feather(table, out, compression="zstd", chunksize=2)
    return out.getvalue()


def format_of(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    reader = choose(read_head(path)[0])
    return reader.format if reader else ""


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize(
    ("rows", "written", "name"),
    [
        (SPANS, "lines", "flat-spans"),
        (LOGS, "lines", "json-logs"),
        (METRICS, "csv", "metrics-csv"),
        (DEPLOYS, "lines", "changes-json"),
    ],
    ids=["spans", "logs", "metrics", "deploys"],
)
def test_a_table_reads_as_the_lines_it_would_have_been(
    kind: str, rows: list[dict[str, Any]], written: str, name: str, read_evidence: Any, tmp_path: Path
) -> None:
    if written == "csv":
        text = "\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)])
    else:
        text = "\n".join(json.dumps(row) for row in rows)
    data = stored(rows, kind)
    assert format_of(tmp_path / "export", data) == name
    outcomes = read_evidence(name, {"plain": text.encode(), "table": data})
    plain, table = outcomes["plain"], outcomes["table"]
    assert len(table.rows) == len(rows)
    assert table.as_golden() == plain.as_golden()


def test_the_columns_of_a_warehouse_are_understood(read_evidence: Any, tmp_path: Path) -> None:
    """Those of ClickHouse's `otel_traces`: nanoseconds, maps, nested events."""
    at = pa.array([1_781_784_000_123_456_789], pa.timestamp("ns"))
    pairs = pa.map_(pa.string(), pa.string())
    table = pa.table(
        {
            "Timestamp": at,
            "TraceId": ["5b8efff798038103d269b633813fc60c"],
            "SpanId": ["eee19b7ec3c1b174"],
            "ParentSpanId": [""],
            "SpanName": ["GET /"],
            "SpanKind": pa.array(["Server"]).dictionary_encode(),
            "ServiceName": ["cart"],
            "ResourceAttributes": pa.array([[("host.name", "h1")]], pairs),
            "SpanAttributes": pa.array([[("http.route", "/")]], pairs),
            "Duration": pa.array([2_000_001], pa.uint64()),
            "StatusCode": ["Error"],
            "Events.Timestamp": pa.array([[1_781_784_000_123_456_790]], pa.list_(pa.timestamp("ns"))),
        }
    )
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    assert format_of(tmp_path / "otel_traces", out.getvalue()) == "flat-spans"
    (row,) = read_evidence("flat-spans", {"otel_traces": out.getvalue()})["otel_traces"].rows
    assert (row["start_ns"], row["duration_ns"]) == (1_781_784_000_123_456_789, 2_000_001)
    assert (row["service"], row["host"], row["kind"], row["status"]) == ("cart", "h1", "server", "error")
    assert row["attributes"]["http.route"] == "/"


def test_ids_in_binary_and_attributes_in_json_are_as_others_write_them(read_evidence: Any) -> None:
    rows = [
        {**span, "attributes": json.dumps(span["attributes"]), "span_id": bytes.fromhex(span["span_id"])}
        for span in SPANS
    ]
    outcomes = read_evidence("flat-spans", {"a": stored(SPANS, "parquet"), "b": stored_plain(rows)})
    assert outcomes["b"].as_golden() == outcomes["a"].as_golden()


def test_text_that_a_store_keeps_as_bytes_is_text(read_evidence: Any) -> None:
    def as_bytes(value: Any) -> Any:
        return value.encode() if isinstance(value, str) else value

    rows = [{name: as_bytes(value) for name, value in log.items()} for log in LOGS]
    outcomes = read_evidence("json-logs", {"a": stored(LOGS, "parquet"), "b": stored_plain(rows)})
    assert outcomes["b"].as_golden() == outcomes["a"].as_golden()


def test_lengths_of_time_keep_their_unit(read_evidence: Any) -> None:
    table = pa.Table.from_pylist([{name: span[name] for name in span if name != "duration_ms"} for span in SPANS])
    lengths = pa.array([round(1000 * span["duration_ms"]) for span in SPANS], pa.duration("us"))
    out = io.BytesIO()
    pyarrow.parquet.write_table(table.append_column("duration", lengths), out)
    rows = read_evidence("flat-spans", {"a": out.getvalue()})["a"].rows
    assert [row["duration_ns"] for row in rows] == [round(1_000_000 * span["duration_ms"]) for span in SPANS]


HOSTILE: dict[str, tuple[Any, str]] = {
    "text that is no UTF-8": (
        pa.Array.from_buffers(pa.string(), 5, [None, *pa.array([b"a\xff"] * 5, pa.binary()).buffers()[1:]]), "a\ufffd"
    ),
    "names of members in bytes": (
        pa.array([[(b"\xff", "v")]] * 5, pa.map_(pa.binary(), pa.string())), '{"ff":"v"}'
    ),
    "a time too far away": (pa.array([2**60] * 5, pa.timestamp("ms")), ""),
    "times deep inside": (
        pa.array([[{"at": 1}]] * 5, pa.list_(pa.struct([("at", pa.timestamp("ns"))]))),
        '[{"at":"1970-01-01 00:00:00.000000001"}]',
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("what", HOSTILE)
def test_a_column_of_anything_costs_no_row(what: str, kind: str, read_evidence: Any) -> None:
    column, told = HOSTILE[what]
    table = pa.Table.from_pylist([{**span, "attributes": None} for span in SPANS]).drop_columns("attributes")
    out = io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(table.append_column("odd", column), out)
    else:
        pyarrow.feather.write_feather(table.append_column("odd", column), out, compression="uncompressed")
    rows = read_evidence("flat-spans", {"a": out.getvalue()})["a"].rows
    assert len(rows) == len(SPANS)
    assert not told or {row["attributes"]["odd"].replace(": ", ":") for row in rows} == {told}


def test_keys_that_have_no_plain_form_are_said(read_evidence: Any, tmp_path: Path) -> None:
    odd = pa.array([[({"x": 1}, "v")]], pa.map_(pa.struct([("x", pa.int64())]), pa.string()))
    out = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"trace_id": ["a"], "odd": odd}), out, compression="uncompressed")
    assert format_of(tmp_path / "odd", out.getvalue()) == ""
    assert "no sound table" in read_evidence("flat-spans", {"a": out.getvalue()})["a"].rejected[0]["reason"]


def stored_plain(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


@pytest.mark.parametrize("kept", [0.3, 0.8, 0.99])
def test_a_table_that_is_cut_off_is_not_read_in_silence(kept: float, read_evidence: Any, tmp_path: Path) -> None:
    data = stored(SPANS, "parquet")
    cut = data[: round(len(data) * kept)]
    assert format_of(tmp_path / "cut", cut) == ""
    outcome = read_evidence("flat-spans", {"cut": cut})["cut"]
    assert not outcome.rows
    assert "no sound table" in outcome.rejected[0]["reason"]


def test_an_empty_table_is_an_empty_file(tmp_path: Path) -> None:
    table = pa.table({"trace_id": pa.array([], pa.string())})
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    assert format_of(tmp_path / "empty", out.getvalue()) == ""
