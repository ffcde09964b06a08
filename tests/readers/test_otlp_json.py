"""OTLP JSON: the engine's way and the thorough way give the same rows, and nothing is lost in silence."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.ingest import Evidence, ingest
from deep_code_reasoning.domain.case import Source
from deep_code_reasoning.readers import otlp_json, otlp_scan
from deep_code_reasoning.readers.base import HEAD_BYTES
from deep_code_reasoning.store import open_case

TABLES = ("spans", "span_events", "span_links", "logs", "metrics", "rejected")
TRACE, SPAN, PARENT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173"
START = 1_700_000_000_000_000_000

Read = dict[str, list[dict[str, Any]]]


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def pair(key: str, value: dict[str, Any] | None) -> dict[str, Any]:
    return {"key": key, "value": value}


def resource(service: str) -> dict[str, Any]:
    names = [pair("service.name", text(service)), pair("k8s.pod.name", text(f"{service}-0"))]
    return {"attributes": [*names, pair("host.ip", {"arrayValue": {"values": [text("10.0.0.1"), text("10.0.0.2")]}})]}


def span(number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": f"{int(SPAN, 16) + number:016x}",
        "parentSpanId": PARENT,
        "name": f"GET /{number}",
        "kind": 2,
        "startTimeUnixNano": str(START + number),
        "endTimeUnixNano": str(START + number + 1_000_000),
        "attributes": [pair("http.route", text("/é\n\"'")), pair("http.status_code", {"intValue": "503"})],
        "status": {"code": 2, "message": "upstream"},
        **more,
    }


def traces(*spans: dict[str, Any], service: str = "cart") -> dict[str, Any]:
    scoped = {"scope": {"name": "tracer"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": resource(service), "scopeSpans": [scoped]}]}


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    scoped = {"scope": {"name": "logger"}, "logRecords": list(records)}
    return {"resourceLogs": [{"resource": resource("cart"), "scopeLogs": [scoped]}]}


def metrics(*found: dict[str, Any]) -> dict[str, Any]:
    return {"resourceMetrics": [{"resource": resource("cart"), "scopeMetrics": [{"metrics": list(found)}]}]}


def lines(*documents: Any) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[Read, tuple[Source, ...]]]:
    """Ingest files, given by name and content, and give back what is in the case."""

    def run(**files: bytes) -> tuple[Read, tuple[Source, ...]]:
        folder = tmp_path / f"evidence{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        with open_case(ingest(Evidence((folder,), case_name=folder.name))) as store:
            tables = {
                table: store.query(f"SELECT * FROM {table} ORDER BY source_id, line, {order_of(table)}")
                for table in TABLES
            }
            return tables, store.sources

    return run


def order_of(table: str) -> str:
    return {"rejected": "reason", "metrics": "name, time_ns", "span_events": "item, time_ns"}.get(table, "item")


@pytest.fixture
def only_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would be read the thorough way fails the test."""

    for name in ("read_thoroughly", "read_left_line", "read_apart"):
        monkeypatch.setattr(otlp_json, name, refuse)


def refuse(*_: Any) -> None:
    raise AssertionError("the engine's way was left")


VALUES = {
    "text": text("plain"),
    "quote": text('a "quoted" ]}} {"stringValue":"x"}'),
    "int": {"intValue": 5},
    "int_text": {"intValue": "-9007199254740993"},
    "double": {"doubleValue": 0.25},
    "true": {"boolValue": True},
    "false": {"boolValue": False},
    "bytes": {"bytesValue": "AAEC"},
    "list": {"arrayValue": {"values": [text('q"]'), {"intValue": "1"}, {"boolValue": True}, {"doubleValue": 1.5}]}},
    "map": {"kvlistValue": {"values": [pair("k", text("v")), pair("n", {"intValue": "2"})]}},
    "nested": {
        "arrayValue": {"values": [{"kvlistValue": {"values": [pair("l", {"arrayValue": {"values": [text("x")]}})]}}]}
    },
    "empty_list": {"arrayValue": {"values": []}},
    "empty_map": {"kvlistValue": {"values": []}},
    "empty": {},
    "absent": None,
}
EVERY_VALUE = [pair(key, value) for key, value in VALUES.items()]

EVENT = {
    "timeUnixNano": str(START + 5),
    "name": "exception",
    "attributes": [pair("exception.type", text("IOError")), pair("tries", {"intValue": "3"})],
}
LINK = {"traceId": "A" * 32, "spanId": "b" * 16, "attributes": EVERY_VALUE}
POINT = {"timeUnixNano": str(START), "attributes": [pair("pod", text("a"))]}
HISTOGRAM = {
    **POINT,
    "count": "4",
    "sum": 10.0,
    "min": 1.0,
    "max": 4.0,
    "explicitBounds": [1, 2.5],
    "bucketCounts": ["1", "1", 2],
}
METRICS = [
    {"name": "cpu", "unit": "1", "gauge": {"dataPoints": [{**POINT, "asDouble": 0.5}, {**POINT, "asInt": "7"}]}},
    {
        "name": "requests",
        "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [{**POINT, "asInt": 3}]},
    },
    {
        "name": "delta",
        "sum": {
            "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA",
            "dataPoints": [{**POINT, "asDouble": 1.5, "timeUnixNano": START}],
        },
    },
    {"name": "latency", "unit": "ms", "histogram": {"dataPoints": [HISTOGRAM, {**POINT, "count": 0}]}},
]
LOG = {"timeUnixNano": str(START), "severityNumber": 17, "body": text("boom"), "traceId": TRACE, "spanId": SPAN}
LOGS = [
    {**LOG, "attributes": EVERY_VALUE},
    {**LOG, "severityNumber": "SEVERITY_NUMBER_WARN2"},
    {**LOG, "severityNumber": 0, "severityText": "Information"},
    {**LOG, "timeUnixNano": "0", "observedTimeUnixNano": str(START + 1), "body": VALUES["map"]},
    {"body": {"intValue": 5}},
]

DOCUMENTS: dict[str, list[Any]] = {
    "spans": [traces(span(0), span(1, kind="SPAN_KIND_CLIENT", status={"code": "STATUS_CODE_OK"})), traces(span(2))],
    "values": [traces(span(0, attributes=EVERY_VALUE))],
    "events": [traces(span(0), span(1, events=[EVENT, EVENT], links=[LINK]), span(2, events=[]))],
    "numbers": [traces(span(0, startTimeUnixNano=START, endTimeUnixNano=START + 9, kind="3", traceState="a=b"))],
    "bad_spans": [traces(span(0), span(1, traceId=""), span(2, startTimeUnixNano="soon"), span(3, endTimeUnixNano=0))],
    "upper_case": [traces(span(0, traceId=TRACE.upper(), parentSpanId="0" * 16))],
    "no_resource": [{"resourceSpans": [{"scopeSpans": [{"spans": [span(0)]}]}]}],
    "resources": [
        {"resourceSpans": [*traces(span(0))["resourceSpans"], *traces(span(1), service="b")["resourceSpans"]]}
    ],
    "logs": [logs(*LOGS)],
    "gauges": [metrics(METRICS[0])],
    "metrics": [metrics(*METRICS), metrics({"name": "bad", "gauge": {"dataPoints": [POINT, {"asInt": 1}]}})],
}


@pytest.mark.usefixtures("only_the_engine")
def test_the_engine_reads_what_is_usual(read: Callable[..., tuple[Read, Any]]) -> None:
    tables, sources = read(**{name: lines(*documents) for name, documents in DOCUMENTS.items()})
    assert {source.name: (source.rows, source.rejected) for source in sources} == {
        "bad_spans": (2, 2),
        "events": (3 + 2 + 1, 0),
        "gauges": (2, 0),
        "logs": (5, 0),
        "metrics": (6, 2),
        "no_resource": (1, 0),
        "numbers": (1, 0),
        "resources": (2, 0),
        "spans": (3, 0),
        "upper_case": (1, 0),
        "values": (1, 0),
    }
    assert tables["spans"][0]["service"] in ("", "cart")


@pytest.mark.usefixtures("only_the_engine")
def test_kinds_of_metrics_that_a_files_head_does_not_show_are_read_by_the_engine_too(
    read: Callable[..., tuple[Read, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_scan, "WORTH_A_PASS_BYTES", 0)
    head = lines(*[metrics(METRICS[0])] * (HEAD_BYTES // 200))
    assert len(head) > HEAD_BYTES
    tables, (source,) = read(metrics=head + lines(metrics(*METRICS)))
    assert source.rejected == 0
    kinds = Counter(row["kind"] for row in tables["metrics"])
    assert kinds == {"gauge": 2 * (HEAD_BYTES // 200) + 2, "sum": 1, "delta": 1, "histogram": 2}


def snake(value: Any) -> Any:
    """A document in snake_case."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): snake(item) for key, item in value.items()}
    return value


def in_base64(value: Any) -> Any:
    """A document whose ids are base64."""
    if isinstance(value, list):
        return [in_base64(item) for item in value]
    if isinstance(value, dict):
        ids = ("traceId", "spanId", "parentSpanId")
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode() if key in ids else in_base64(item)
            for key, item in value.items()
        }
    return value


def old(document: Any) -> Any:
    """A document of OTLP before 0.15."""
    spelt = json.dumps(document)
    for signal in ("Spans", "Logs", "Metrics"):
        spelt = spelt.replace(f"scope{signal}", f"instrumentationLibrary{signal}")
    return json.loads(spelt.replace('"scope"', '"instrumentationLibrary"'))


def batches(document: Any) -> Any:
    """A trace as Tempo gives it."""
    return {"batches": document["resourceSpans"]} if "resourceSpans" in document else document


def same(document: Any) -> Any:
    return document


def inside(document: Any) -> Any:
    return {"trace": document} if "resourceSpans" in document else document


@pytest.mark.parametrize("dialect", [same, snake, in_base64, old, batches, inside])
def test_both_ways_give_the_same_rows(
    dialect: Callable[[Any], Any], read: Callable[..., tuple[Read, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: lines(*map(dialect, documents)) for name, documents in DOCUMENTS.items()}
    with monkeypatch.context() as patched:
        patched.setattr(otlp_json, "read_apart", refuse)
        by_engine, _ = read(**files)
    monkeypatch.setattr(otlp_json, "plan_of", lambda *_: None)
    thoroughly, _ = read(**files)
    for table in TABLES:
        assert [comparable(row) for row in by_engine[table]] == [comparable(row) for row in thoroughly[table]], table


def test_a_statement_is_not_worth_its_price_for_a_small_file(
    read: Callable[..., tuple[Read, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_json, "scan_takes", refuse)
    small = lines(*next(iter(DOCUMENTS.values())))
    monkeypatch.setattr(otlp_json, "WORTH_A_STATEMENT_BYTES", len(small) + 1)
    assert read(traces=small)[0]["spans"]
    with pytest.raises(AssertionError, match="was left"):
        read(traces=small + b"\n")


def test_of_groups_that_are_read_at_once_a_damaged_one_takes_nothing_from_the_others(
    read: Callable[..., tuple[Read, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_json, "WORTH_A_STATEMENT_BYTES", 5_000)
    many = 200
    cut = gzip.compress(lines(*(logs({"timeUnixNano": str(START + n), "body": text(f"{n}")}) for n in range(many))))
    points = [{"name": "m", "gauge": {"dataPoints": [{"timeUnixNano": str(START), "asInt": "1"}]}}]
    spans = lines(*(traces(span(n)) for n in range(many)))
    tables, sources = read(traces=spans, logs=cut[: len(cut) // 2], metrics=lines(metrics(*points)))
    assert len(tables["spans"]) == many
    assert 0 < len(tables["logs"]) < many
    assert len(tables["metrics"]) == 1
    assert [source.name for source in sources if source.rejected] == ["logs"]


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    # What a rejected record is shown by differs, as does its ordinal among those that could be taken.
    return {key: value for key, value in row.items() if key not in ("excerpt", "offset_bytes", "item", "shape")}
