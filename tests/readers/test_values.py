"""Loose values: numbers, times, durations, statuses and kinds in the many ways that sources write them."""

from __future__ import annotations

from typing import Any

import pytest

from deep_code_reasoning.readers.span_fields import Member, duration_ns, fields_of, moment_ns
from deep_code_reasoning.readers.values import (
    attributes_of,
    instant_ns,
    kind_of,
    number_in,
    number_of,
    scaled_ns,
    status_of,
    text_of,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1718000000123456", 1718000000123456000),
        (1718000000123456, 1718000000123456000),
        (1.5, 1500),
        ("1.5", 1500),
        (-3, -3000),
        (2**63, None),
        (1e300, None),
        (float("nan"), None),
        (float("-inf"), None),
        (True, None),
        ("", None),
        ("1_000", None),
        ("٣", 3000),
        ([1], None),
    ],
)
def test_numbers_of_a_unit_become_nanoseconds_or_nothing(value: Any, expected: int | None) -> None:
    assert scaled_ns(value, 1000) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-06-10T07:00:00Z", 1718002800000000000),
        ("2024-06-10 09:00:00.5+02:00", 1718002800500000000),
        (1718002800, 1718002800000000000),
        ("1718002800.25", 1718002800250000000),
        (1718002800123, 1718002800123000000),
        ("9999-12-31T23:59:60Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("9" * 10_000, None),
        (10**400, None),
        (17, None),
        (True, None),
        (None, None),
    ],
)
def test_an_instant_says_its_own_unit_or_is_none(value: Any, expected: int | None) -> None:
    assert instant_ns(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1e3", 1000.0), (" 7 ", 7.0), ("+Inf", float("inf")), ("0x10", None), ("1_0", None), (10**400, None), ([], None)],
)
def test_numbers_are_read_as_exporters_write_them(value: Any, expected: float | None) -> None:
    assert number_of(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("200", 200), ("-1.5", -1.5), ("007", "007"), ("12e45", "12e45"), ("1.", "1."), ("", "")]
)
def test_what_may_be_an_id_is_no_number(text: str, expected: Any) -> None:
    assert number_in(text) == expected


def test_attributes_are_text_and_those_that_are_numbers_are_named() -> None:
    members: list[tuple[str, Any]] = [
        ("a", 1),
        ("b", True),
        ("c", "2"),
        ("d", None),
        ("e", [1, {"f": "ü"}]),
        ("g", 2.0),
    ]
    texts, numbers = attributes_of(members)
    assert texts == {"a": "1", "b": "true", "c": "2", "d": "", "e": '[1,{"f":"ü"}]', "g": "2"}
    assert numbers == ["a", "b", "g"]


def test_a_value_nested_beyond_measure_is_still_text() -> None:
    value: Any = []
    for _ in range(50_000):
        value = [value]
    assert text_of(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ERROR", "error"),
        ("STATUS_CODE_ERROR", "error"),
        (2, "error"),
        ("2", "error"),
        (503, "error"),
        ("DEADLINE_EXCEEDED", "error"),
        ({"status_code": "ERROR"}, "error"),
        (True, "error"),
        ("Ok", "ok"),
        (1, "ok"),
        (204, "ok"),
        (404, ""),
        ("UNSET", ""),
        (0, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_a_status_is_ok_error_or_unset(value: Any, expected: str) -> None:
    assert status_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("SPAN_KIND_SERVER", "server"), ("Client", "client"), (4, "producer"), ("SpanKind.INTERNAL", "internal"),
     ("5", "consumer"), ("span", ""), (float("nan"), ""), (None, "")],
)  # fmt: skip
def test_a_kind_is_one_of_five_or_none(value: Any, expected: str) -> None:
    assert kind_of(value) == expected


@pytest.mark.parametrize(
    ("member", "start", "expected"),
    [
        (Member("duration_ms", 12, "ms"), None, (12_000_000, "")),
        (Member("duration", "1m2.5s"), None, (62_500_000_000, "")),
        (Member("duration", "250 µs"), None, (250_000, "")),
        (Member("duration", 7), Member("start", 1718000000000000), (7000, "us")),
        (Member("duration", 0.25), Member("start", 1718000000.5), (250_000_000, "s")),
        (Member("duration", 7), Member("start", "2024-06-10T07:00:00Z"), (7_000_000, "ms")),
        (Member("duration", [1, 500]), None, (1_000_000_500, "")),
        (Member("duration", "9" * 30 + "h"), None, (None, "")),
        (Member("duration", "long"), None, (None, "ms")),
    ],
)
def test_a_duration_counts_in_its_own_unit_or_in_that_of_its_start(
    member: Member, start: Member | None, expected: tuple[int | None, str]
) -> None:
    assert duration_ns(member, start, "ms") == expected


@pytest.mark.parametrize(
    ("name", "part", "unit"),
    [
        ("traceId", "trace_id", ""),
        ("trace.trace_id", "trace_id", ""),
        ("ParentSpanId", "parent", ""),
        ("start_time_unix_nano", "start", "ns"),
        ("startTimeMillis", "start", "ms"),
        ("@timestamp", "start", ""),
        ("durationNano", "duration", "ns"),
        ("latency_ms", "duration", "ms"),
        ("end_ts", "end", ""),
        ("operationName", "name", ""),
    ],
)
def test_a_part_of_a_span_goes_by_many_names(name: str, part: str, unit: str) -> None:
    fields = fields_of({name: 7})
    assert fields.known[part] == Member(name, 7, unit)
    assert fields.rest == {}


def test_of_two_names_for_one_part_the_better_is_taken_and_the_other_kept() -> None:
    fields = fields_of({"id": "row-1", "span_id": "a", "name": "GET", "operation": "http"})
    assert fields.value("span_id") == "a"
    assert fields.value("name") == "GET"
    assert fields.rest == {"id": "row-1", "operation": "http"}


def test_a_moment_in_the_unit_of_its_name() -> None:
    assert moment_ns(Member("start_us", 1718000000000001, "us")) == 1718000000000001000
    assert moment_ns(Member("start", [1718000000, 5])) == 1718000000000000005
    assert moment_ns(Member("start_us", -5, "us")) is None
    assert moment_ns(Member("start", "soon")) is None
    assert moment_ns(None) is None
