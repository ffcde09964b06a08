"""Protobuf as the official library writes it gives the rows that the same document gives as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from deep_code_reasoning.app.ingest import Evidence, ingest
from deep_code_reasoning.store import Row, open_case

MESSAGES = {"resourceSpans": TracesData, "resourceLogs": LogsData, "resourceMetrics": MetricsData}
IDS = frozenset({"traceId", "spanId", "parentSpanId"})

WHO = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}},
                      {"key": "args", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}}]}  # fmt: skip
VALUES = [
    {"key": "text", "value": {"stringValue": "ünï"}},
    {"key": "whole", "value": {"intValue": "-9007199254740993"}},
    {"key": "real", "value": {"doubleValue": 0.25}},
    {"key": "yes", "value": {"boolValue": True}},
    {"key": "no", "value": {"boolValue": False}},
    {"key": "raw", "value": {"bytesValue": "AAEC"}},
    {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}}},
]
T, S = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
AT = "1718000200000000001"
TRACES = {"resourceSpans": [{"resource": WHO, "scopeSpans": [{"scope": {"name": "lib"}, "spans": [
    {"traceId": T, "spanId": S, "parentSpanId": "00f067aa0ba902b8", "name": "GET /", "kind": 2, "startTimeUnixNano": AT,
     "endTimeUnixNano": "1718000200500000001", "attributes": VALUES, "status": {"code": 2, "message": "broke"},
     "events": [{"timeUnixNano": AT, "name": "exception", "attributes": VALUES[:2]}],
     "links": [{"traceId": T, "spanId": "00f067aa0ba902b9", "attributes": VALUES[:1]}]},
    {"traceId": T, "spanId": "00f067aa0ba902c0", "name": "bare", "startTimeUnixNano": AT, "endTimeUnixNano": AT},
]}]}]}  # fmt: skip
LOGS = {"resourceLogs": [{"resource": WHO, "scopeLogs": [{"logRecords": [
    {"timeUnixNano": AT, "severityNumber": 17, "severityText": "ERROR", "body": {"stringValue": "no stock"},
     "attributes": VALUES, "traceId": T, "spanId": S},
    {"observedTimeUnixNano": AT, "body": {"kvlistValue": {"values": [{"key": "m", "value": {"stringValue": "x"}}]}}},
]}]}]}  # fmt: skip
METRICS = {"resourceMetrics": [{"resource": WHO, "scopeMetrics": [{"metrics": [
    {"name": "cpu", "unit": "1", "gauge": {"dataPoints": [
        {"timeUnixNano": AT, "asDouble": 0.5, "attributes": VALUES[:3]}]}},
    {"name": "hits", "sum": {"aggregationTemporality": 1, "isMonotonic": True,
                             "dataPoints": [{"timeUnixNano": AT, "asInt": "-3"}]}},
    {"name": "t", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": AT, "count": "3", "sum": 6.5, "min": 1, "max": 4,
         "bucketCounts": ["1", "2"], "explicitBounds": [2.5]}]}},
    {"name": "e", "exponentialHistogram": {"dataPoints": [
        {"timeUnixNano": AT, "count": "3", "sum": 6.5, "scale": -1,
         "positive": {"offset": -2, "bucketCounts": ["1", "2"]}}]}},
    {"name": "q", "summary": {"dataPoints": [
        {"timeUnixNano": AT, "count": "3", "sum": 6.5, "quantileValues": [{"quantile": 0.5, "value": 2}]}]}},
]}]}]}  # fmt: skip
DOCUMENTS = {"traces": TRACES, "logs": LOGS, "metrics": METRICS}


def message(document: dict[str, Any]) -> bytes:
    """The document as the official library writes it; protobuf's own JSON has ids as base64."""

    def with_base64(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: with_base64(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [with_base64(item) for item in value]
        return base64.b64encode(bytes.fromhex(value)).decode() if key in IDS else value

    (root,) = document
    parsed = json_format.ParseDict(with_base64(document), MESSAGES[root]())
    return bytes(parsed.SerializeToString())


def prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "single": lambda data: data,
    "prefixed": prefixed,
    "prefixed-zstd": lambda data: prefixed(zstandard.ZstdCompressor().compress(data)),
}


def rows(path: Path) -> dict[str, list[Row]]:
    found = {}
    with open_case(ingest(Evidence((path,)))) as store:
        for table in ("spans", "span_events", "span_links", "logs", "metrics", "rejected"):
            found[table] = store.query(f"SELECT * EXCEPT (source_id, line) FROM {table} ORDER BY ALL")
    return found


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("signal", DOCUMENTS)
def test_protobuf_and_json_of_one_document_give_the_same_rows(signal: str, frame: str, tmp_path: Path) -> None:
    document = DOCUMENTS[signal]
    (tmp_path / "data.json").write_text(json.dumps(document))
    (tmp_path / "data.bin").write_bytes(FRAMES[frame](message(document)))
    assert rows(tmp_path / "data.bin") == rows(tmp_path / "data.json")


def test_messages_after_one_another_are_all_read(tmp_path: Path) -> None:
    (tmp_path / "many.bin").write_bytes(prefixed(message(TRACES)) * 3 + prefixed(message(LOGS)))
    found = rows(tmp_path / "many.bin")
    assert (len(found["spans"]), len(found["logs"]), len(found["rejected"])) == (6, 2, 0)


@pytest.mark.parametrize("frame", ["single", "prefixed"])
def test_a_file_that_ends_early_is_read_up_to_there(frame: str, tmp_path: Path) -> None:
    data = prefixed(message(TRACES)) * 2 if frame == "prefixed" else message(TRACES) * 2
    (tmp_path / "torn.bin").write_bytes(data[:-9])
    found = rows(tmp_path / "torn.bin")
    assert len(found["spans"]) == 2
    assert "too early" in found["rejected"][0]["reason"]


def test_damage_inside_a_message_costs_that_message_alone(tmp_path: Path) -> None:
    broken = b"\x0a\x05\x0a\x7fabc"  # a group whose resource is longer than the group
    (tmp_path / "hurt.bin").write_bytes(b"".join(map(prefixed, (message(TRACES), broken, message(TRACES)))))
    found = rows(tmp_path / "hurt.bin")
    assert len(found["spans"]) == 4
    assert len(found["rejected"]) == 1
