"""Structured logs: every logger's members, exports of stores, and what may stand between the records."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deep_code_reasoning.readers import json_logs, logfmt
from deep_code_reasoning.readers.base import Head
from deep_code_reasoning.readers.log_records import looks_like_log, row_of
from deep_code_reasoning.readers.logfmt_pairs import logfmt_record

T0 = 1781791200_000_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

RECORDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a flat record": (
        {
            "timestamp": "2026-06-18T14:00:00Z",
            "service": "cart",
            "severity_text": "INFO",
            "msg": "ok",
            "trace_id": TRACE,
            "http.route": "/api",
            "count": 8,
        },
        {
            "time_ns": T0,
            "time_guess": "",
            "service": "cart",
            "severity": "info",
            "body": "ok",
            "trace_id": TRACE,
            "attributes": {"http.route": "/api", "count": "8"},
            "number_names": ["count"],
        },
    ),
    "python-json-logger": (
        {
            "asctime": "2026-06-18 14:00:00,125",
            "levelname": "CRITICAL",
            "name": "shop.orders",
            "message": "m",
            "exc_info": "Traceback ...",
        },
        {
            "time_ns": T0 + 125_000_000,
            "time_guess": "zone",
            "severity": "fatal",
            "scope": "shop.orders",
            "body": "m",
            "attributes": {"exception.stacktrace": "Traceback ..."},
        },
    ),
    "Python's level numbers": (
        {"created": 1781791200.5, "levelno": 40, "msg": "m"},
        {"time_ns": T0 + 500_000_000, "time_guess": "", "severity": "error", "body": "m"},
    ),
    "Elastic Common Schema": (
        {
            "@timestamp": "2026-06-18T14:00:00.000Z",
            "log": {"level": "warn", "logger": "a.B"},
            "message": "m",
            "service": {"name": "cart"},
            "host": {"name": "h1"},
            "trace": {"id": TRACE},
            "span": {"id": "00f067aa0ba902b7"},
            "error": {"type": "E", "message": "boom", "stack_trace": "at x"},
        },
        {
            "time_ns": T0,
            "time_guess": "",
            "severity": "warn",
            "service": "cart",
            "host": "h1",
            "scope": "a.B",
            "trace_id": TRACE,
            "span_id": "00f067aa0ba902b7",
            "body": "m",
            "attributes": {"exception.type": "E", "exception.message": "boom", "exception.stacktrace": "at x"},
        },
    ),
    "Google Cloud": (
        {
            "severity": "NOTICE",
            "timestamp": {"seconds": 1781791200, "nanos": 7},
            "jsonPayload": {"message": "m"},
            "logging.googleapis.com/trace": f"projects/p/traces/{TRACE}",
            "resource": {
                "type": "k8s_container",
                "labels": {"container_name": "cart", "pod_name": "cart-0", "zone": "z"},
            },
        },
        {
            "time_ns": T0 + 7,
            "time_guess": "",
            "severity": "info",
            "service": "cart",
            "instance": "cart-0",
            "trace_id": TRACE,
            "body": "m",
            "resource": {"type": "k8s_container", "zone": "z"},
        },
    ),
    "Datadog": (
        {
            "id": "x",
            "attributes": {
                "timestamp": "2026-06-18T14:00:00Z",
                "service": "web",
                "status": "error",
                "host": "h",
                "message": "m",
                "attributes": {"http": {"status_code": 500}},
            },
        },
        {
            "time_ns": T0,
            "time_guess": "",
            "severity": "error",
            "service": "web",
            "host": "h",
            "body": "m",
            "attributes": {"id": "x", "attributes.http.status_code": "500"},
            "number_names": ["attributes.http.status_code"],
        },
    ),
    "MongoDB": (
        {
            "t": {"$date": "2026-06-18T14:00:00.125+00:00"},
            "s": "W",
            "c": "NETWORK",
            "id": 22943,
            "msg": "m",
            "attr": {"remote": "10.0.0.1"},
        },
        {
            "time_ns": T0 + 125_000_000,
            "time_guess": "",
            "severity": "warn",
            "scope": "NETWORK",
            "body": "m",
            "attributes": {"id": "22943", "attr.remote": "10.0.0.1"},
            "number_names": ["id"],
        },
    ),
    "Serilog": (
        {"@t": "2026-06-18T14:00:00Z", "@mt": "Hello {Name}", "@l": "Error", "@x": "E: boom", "SourceContext": "A.B"},
        {
            "time_ns": T0,
            "time_guess": "",
            "severity": "error",
            "scope": "A.B",
            "body": "Hello {Name}",
            "attributes": {"exception.stacktrace": "E: boom"},
        },
    ),
    "log4j2": (
        {
            "instant": {"epochSecond": 1781791200, "nanoOfSecond": 9},
            "thread": "main",
            "level": "INFO",
            "loggerName": "a.B",
            "message": "m",
            "contextMap": {"traceId": TRACE},
        },
        {
            "time_ns": T0 + 9,
            "time_guess": "",
            "severity": "info",
            "scope": "a.B",
            "trace_id": TRACE,
            "body": "m",
            "attributes": {"thread": "main"},
        },
    ),
    "GELF": (
        {
            "version": "1.1",
            "host": "h",
            "short_message": "m",
            "timestamp": 1781791200.5,
            "level": 3,
            "_service": "cart",
        },
        {
            "time_ns": T0 + 500_000_000,
            "time_guess": "",
            "severity": "error",
            "service": "cart",
            "host": "h",
            "body": "m",
            "attributes": {"version": "1.1"},
        },
    ),
    "journald": (
        {
            "__REALTIME_TIMESTAMP": "1781791200000001",
            "PRIORITY": "4",
            "_HOSTNAME": "h",
            "SYSLOG_IDENTIFIER": "sshd",
            "MESSAGE": "m",
            "_PID": "5",
        },
        {
            "time_ns": T0 + 1000,
            "time_guess": "",
            "severity": "warn",
            "service": "sshd",
            "host": "h",
            "body": "m",
            "attributes": {"_PID": "5"},
        },
    ),
    "a record within a record": (
        {
            "log": '{"level":"error","msg":"inner"}\n',
            "stream": "stdout",
            "time": "2026-06-18T14:00:00Z",
            "kubernetes": {"pod_name": "cart-7d9c6b5f4-x2x5z", "labels": {"app": "cart"}},
        },
        {
            "time_ns": T0,
            "time_guess": "",
            "severity": "error",
            "service": "cart",
            "instance": "cart-7d9c6b5f4-x2x5z",
            "body": "inner",
            "attributes": {"stream": "stdout"},
        },
    ),
    "a pod and no service": (
        {"time": "2026-06-18T14:00:00Z", "level": "info", "msg": "m", "pod": "cart-7d9c6b5f4-x2x5z"},
        {
            "time_ns": T0,
            "time_guess": "",
            "severity": "info",
            "service": "cart",
            "instance": "cart-7d9c6b5f4-x2x5z",
            "body": "m",
        },
    ),
    "an HTTP status is no level": (
        {"ts": 1781791200, "status": 500, "message": "m"},
        {
            "time_ns": T0,
            "time_guess": "",
            "body": "m",
            "attributes": {"status": "500"},
            "number_names": ["status"],
        },
    ),
    "no message": (
        {"time": "2026-06-18T14:00:00Z", "level": "info", "method": "GET", "path": "/x"},
        {
            "time_ns": T0,
            "time_guess": "",
            "severity": "info",
            "body": "method=GET path=/x",
            "attributes": {"method": "GET", "path": "/x"},
        },
    ),
    "an error and no message": (
        {"time": "2026-06-18T14:00:00Z", "level": "error", "error": "no stock"},
        {"time_ns": T0, "time_guess": "", "severity": "error", "body": "no stock", "attributes": {"error": "no stock"}},
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_members_are_known_whoever_wrote_them(name: str) -> None:
    record, row = RECORDS[name]
    assert row_of(record) == row
    assert looks_like_log(record) >= 0.5


@pytest.mark.parametrize(
    "record",
    [
        {"trace_id": TRACE, "span_id": "a1", "name": "GET /", "start_time": "2026-06-18T14:00:00Z", "duration_ms": 5},
        {"timestamp": "2026-06-18T14:00:00Z", "service": "cart", "metric": "p99", "value": 1.5},
        {"timestamp": "2026-06-18T14:00:00Z", "service": "cart", "version": "v7", "commit_sha": "0fa0f11"},
        {"resourceLogs": []},
        {},
    ],
)
def test_what_is_no_log_record_is_not_taken_for_one(record: dict[str, Any]) -> None:
    assert looks_like_log(record) == 0.0


def test_torn_lines_are_rejected_with_their_place_and_the_others_are_kept(read_evidence: Any) -> None:
    text = b'{"level":"info","msg":"a"}\n{"level":"info","ms\n[]\n\n{"level":"warn","msg":"b"}\n{}\n'
    outcome = read_evidence("json-logs", {"cart.jsonl": text})["cart.jsonl"]
    assert [(row["line"], row["severity"], row["body"]) for row in outcome.rows] == [
        (1, "info", "a"),
        (3, "", "[]"),
        (5, "warn", "b"),
    ]
    assert [(piece["line"], piece["offset_bytes"]) for piece in outcome.rejected] == [(2, 27), (6, 78)]
    assert outcome.rejected[0]["excerpt"] == '{"level":"info","ms'


def test_records_without_a_time_take_that_of_the_record_before(read_evidence: Any) -> None:
    text = b'{"level":"info","msg":"a","time":"2026-06-18T14:00:00Z"}\n{"level":"info","msg":"b"}\n'
    listed = b"[" + text.replace(b"\n", b",\n", 1) + b"]"
    for name, data in (("lines.jsonl", text), ("list.json", listed)):
        rows = read_evidence("json-logs", {name: data})[name].rows
        assert [(row["time_ns"], row["time_guess"]) for row in rows] == [(T0, ""), (T0, "neighbour")], name


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ('level=info msg="a \\"b\\" c" n=5', {"level": "info", "msg": 'a "b" c', "n": 5}),
        ("a=1 b=0.5 c=007 d=true e= f=1e3", {"a": 1, "b": 0.5, "c": "007", "d": True, "e": "", "f": 1000.0}),
        ('msg="line\\nbreak" path=/x?a=b', {"msg": "line\nbreak", "path": "/x?a=b"}),
        ("a=1 a=2", {"a": 1, "a.2": 2}),
        ("a=1", None),
        ("level=info and then prose x=1", None),
        ("2026-06-18 level=info msg=a", None),
    ],
)
def test_logfmt_is_pairs_throughout(line: str, record: dict[str, Any] | None) -> None:
    assert logfmt_record(line) == record


def test_logfmt_with_a_stack_trace_between(read_evidence: Any) -> None:
    crash = b"panic: x\n\ngoroutine 1 [running]:\n"
    text = b"ts=2026-06-18T14:00:00Z level=error msg=boom\n" + crash + b"ts=2026-06-18T14:00:01Z level=info msg=up\n"
    outcome = read_evidence("logfmt", {"cart.log": text})["cart.log"]
    assert [(row["line"], row["time_ns"], row["time_guess"], row["body"]) for row in outcome.rows] == [
        (1, T0, "", "boom"),
        (2, T0, "neighbour", "panic: x\ngoroutine 1 [running]:"),
        (5, T0 + 1_000_000_000, "", "up"),
    ]


def test_neither_sniffer_takes_the_others_files() -> None:
    pairs = Head("x", b'level=info msg="a" ts=2026-06-18T14:00:00Z\n' * 3, True)
    lines = Head("x", b'{"level":"info","msg":"a"}\n' * 3, True)
    assert (logfmt.READER.sniff(pairs) > 0.5, logfmt.READER.sniff(lines)) == (True, 0.0)
    assert (json_logs.READER.sniff(pairs), json_logs.READER.sniff(lines) > 0.5) == (0.0, True)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
NAMES = st.sampled_from(
    ("time", "ts", "level", "msg", "message", "trace_id", "service", "name", "error", "log", "stack", "resource", "x")
)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_record_becomes_a_row_that_can_be_written(record: dict[str, Any]) -> None:
    row = row_of(record)
    assert isinstance(row["body"], str)
    assert abs(row.get("time_ns", 0)) < 2**63
    assert all(isinstance(cell, str) for cell in row.get("attributes", {}).values())
    assert set(row.get("number_names", ())) <= row.get("attributes", {}).keys()
    json.dumps(row)
