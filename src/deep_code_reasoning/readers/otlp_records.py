"""OTLP as decoded objects, turned into rows: every dialect and every kind of value, one resource at a time.

The thorough way: protobuf files, whole documents, unusual dialects and lines that the engine's way puts aside all come
through here. Names may be camelCase or snake_case, ids hex or base64, 64-bit integers text or numbers, enumerations
names or numbers, scopes `scope` or `instrumentationLibrary` (OTLP before 0.15).

Sources: opentelemetry-proto 1.x (`common.proto`, `trace.proto`, `logs.proto`, `metrics.proto`), the OTLP specification
on its JSON encoding (ids as hex), protobuf's JSON mapping (ids as base64).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from .severity import severity_of, severity_of_otel_number
from .values import MAX_NS, attributes_of, kind_of, number_of, scaled_ns, status_of, text_of, who

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """Whose records they are: the columns `service`, `instance`, `host`, and all attributes as text."""

    columns: dict[str, str]
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot be taken: why, and what it looks like."""

    reason: str
    excerpt: str


Output = tuple[str, Row] | Refused


def get(record: Any, name: str, default: Any = None) -> Any:
    """A member by its camelCase name, however it is spelt."""
    if not isinstance(record, dict):
        return default
    if name in record:
        return record[name]
    return record.get(_snake(name), default)


def items(record: Any, name: str) -> list[Any]:
    """A member that is a list; anything else is an empty one."""
    value = get(record, name)
    return value if isinstance(value, list) else []


_SNAKE: Final[dict[str, str]] = {}


def _snake(name: str) -> str:
    if name not in _SNAKE:
        _SNAKE[name] = re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)
    return _SNAKE[name]


# --- values -------------------------------------------------------------------------------------------------------


def any_value(value: Any) -> Any:
    """An AnyValue as a plain value: text, bool, int, float, list, dict, or None.

    Bytes stay base64 text, as the JSON encoding has them.
    """
    if not isinstance(value, dict) or not value:
        return None if isinstance(value, dict) else value
    for name, read in _KINDS.items():
        if name in value or _snake(name) in value:
            return read(get(value, name))
    return None


def _integer(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return value
    return value


def _double(value: Any) -> Any:
    number = number_of(value)
    return value if number is None else number


_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "stringValue": lambda value: value,
    "intValue": _integer,
    "doubleValue": _double,
    "boolValue": lambda value: value in (True, "true"),
    "arrayValue": lambda value: [any_value(item) for item in items(value, "values")],
    "kvlistValue": lambda value: {
        text_of(get(pair, "key")): any_value(get(pair, "value")) for pair in items(value, "values")
    },
    "bytesValue": lambda value: value,
}


def attributes(record: Any) -> tuple[dict[str, str], list[str]]:
    """A record's attributes as two columns of a row (see `values.attributes_of`)."""
    pairs = ((text_of(get(pair, "key")), any_value(get(pair, "value"))) for pair in items(record, "attributes"))
    return attributes_of((key, value) for key, value in pairs if key)


def identifier(value: Any, size_bytes: int) -> str:
    """An id as lower-case hex; base64 is known by its length; '' for an absent one and for zeros."""
    if not isinstance(value, str):
        return ""
    if len(value) == 4 * -(-size_bytes // 3) and value.endswith("="):
        try:
            decoded = base64.b64decode(value.translate(_URL_SAFE), validate=True).hex()
        except (binascii.Error, ValueError):
            return value
        return decoded if decoded.strip("0") else ""
    return value.lower() if value.strip("0") else ""


_URL_SAFE: Final = str.maketrans("-_", "+/")


def instant(value: Any) -> int | None:
    """Nanoseconds from a number or its text; None when it is absent, no number, or beyond 64 bits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 < value <= MAX_NS else None
    ns = scaled_ns(value, 1)
    return ns if ns is not None and ns > 0 else None


# --- resources and scopes -----------------------------------------------------------------------------------------


def resource_of(group: Any) -> Resource:
    """What a resource group says of its resource."""
    texts, _ = attributes(get(group, "resource"))
    return Resource(who(texts.get("service.name", ""), texts), texts)


def scoped(group: Any, signal: str) -> Iterator[tuple[str, Any]]:
    """(scope name, scope group) of a resource group; `signal` is Spans, Logs or Metrics."""
    for inner in items(group, f"scope{signal}"):
        yield text_of(get(get(inner, "scope"), "name")), inner
    for inner in items(group, f"instrumentationLibrary{signal}"):
        yield text_of(get(get(inner, "instrumentationLibrary"), "name")), inner


# --- traces and logs ----------------------------------------------------------------------------------------------


def trace_rows(group: Any) -> Iterator[Output]:
    """Rows of spans, span_events and span_links of one ResourceSpans."""
    resource = resource_of(group)
    for scope, inner in scoped(group, "Spans"):
        for span in items(inner, "spans"):
            yield from _span_rows(span, resource, scope)


def _span_rows(span: Any, resource: Resource, scope: str) -> Iterator[Output]:
    trace_id, span_id = identifier(get(span, "traceId"), 16), identifier(get(span, "spanId"), 8)
    start_ns = instant(get(span, "startTimeUnixNano"))
    if not trace_id or not span_id or start_ns is None:
        missing = "without traceId or spanId" if start_ns is not None else "without a start that is a 64-bit time"
        yield Refused(f"a span {missing}", text_of(span))
        return
    end_ns = instant(get(span, "endTimeUnixNano"))
    status = get(span, "status")
    texts, numbers = attributes(span)
    ids = {"trace_id": trace_id, "span_id": span_id}
    yield (
        "spans",
        {
            **ids,
            "parent_span_id": identifier(get(span, "parentSpanId"), 8),
            "name": text_of(get(span, "name")),
            "kind": kind_of(get(span, "kind")),
            **resource.columns,
            "start_ns": start_ns,
            "duration_ns": end_ns - start_ns if end_ns is not None else 0,
            "status": status_of(get(status, "code")),
            "status_message": text_of(get(status, "message")),
            "attributes": texts,
            "number_names": numbers,
            "resource": resource.attributes,
            "scope": scope,
        },
    )
    yield from _parts_of_span(span, ids, resource)


def _parts_of_span(span: Any, ids: dict[str, str], resource: Resource) -> Iterator[Output]:
    for event in items(span, "events"):
        texts, numbers = attributes(event)
        yield (
            "span_events",
            {
                **ids,
                "service": resource.columns["service"],
                "time_ns": instant(get(event, "timeUnixNano")) or 0,
                "name": text_of(get(event, "name")),
                "attributes": texts,
                "number_names": numbers,
            },
        )
    for link in items(span, "links"):
        texts, numbers = attributes(link)
        yield (
            "span_links",
            {
                **ids,
                "linked_trace_id": identifier(get(link, "traceId"), 16),
                "linked_span_id": identifier(get(link, "spanId"), 8),
                "attributes": texts,
                "number_names": numbers,
            },
        )


def log_rows(group: Any) -> Iterator[Output]:
    """Rows of logs of one ResourceLogs."""
    resource = resource_of(group)
    for scope, inner in scoped(group, "Logs"):
        for record in (*items(inner, "logRecords"), *items(inner, "logs")):
            if not isinstance(record, dict):
                yield Refused("a log record that is no object", text_of(record))
                continue
            texts, numbers = attributes(record)
            time_ns = instant(get(record, "timeUnixNano")) or instant(get(record, "observedTimeUnixNano"))
            word = severity_of(text_of(get(record, "severityText")))
            yield (
                "logs",
                {
                    "time_ns": time_ns or 0,
                    "time_guess": "" if time_ns else "none",
                    **resource.columns,
                    "severity": severity_of_otel_number(get(record, "severityNumber")) or word,
                    "body": text_of(any_value(get(record, "body"))),
                    "trace_id": identifier(get(record, "traceId"), 16),
                    "span_id": identifier(get(record, "spanId"), 8),
                    "attributes": texts,
                    "number_names": numbers,
                    "resource": resource.attributes,
                    "scope": scope,
                },
            )


# --- metrics ------------------------------------------------------------------------------------------------------


def metric_rows(group: Any) -> Iterator[Output]:
    """Rows of metrics of one ResourceMetrics."""
    resource = resource_of(group)
    for _, inner in scoped(group, "Metrics"):
        for metric in items(inner, "metrics"):
            shared = {
                **resource.columns,
                "resource": resource.attributes,
                "name": text_of(get(metric, "name")),
                "unit": text_of(get(metric, "unit")),
            }
            for data, read in _METRIC_KINDS.items():
                body = get(metric, data)
                for point in items(body, "dataPoints"):
                    yield _point(point, shared, read(point, body))


def _point(point: Any, shared: Row, reading: Row | None) -> Output:
    time_ns = instant(get(point, "timeUnixNano"))
    if time_ns is None or reading is None:
        why = "without a time" if time_ns is None else "without a value"
        return Refused(f"a point of {shared['name']} {why}", text_of(point))
    texts, numbers = attributes(point)
    return "metrics", {**shared, "time_ns": time_ns, "attributes": texts, "number_names": numbers, **reading}


def _gauge(point: Any, body: Any) -> Row | None:
    value = _value(point)
    return None if value is None else {"kind": "gauge", "value": value}


def _sum(point: Any, body: Any) -> Row | None:
    value = _value(point)
    return None if value is None else {"kind": "delta" if _is_delta(body) else "sum", "value": value}


def _value(point: Any) -> float | None:
    for name in ("asDouble", "asInt"):
        value = number_of(get(point, name))
        if value is not None:
            return value
    return None


def _is_delta(body: Any) -> bool:
    return get(body, "aggregationTemporality") in (1, "1", "AGGREGATION_TEMPORALITY_DELTA")


def _histogram(point: Any, body: Any) -> Row | None:
    return {
        **_moments(point),
        "bounds": _reals(items(point, "explicitBounds")),
        "buckets": _reals(items(point, "bucketCounts")),
    }


def _exponential_histogram(point: Any, body: Any) -> Row | None:
    """Buckets of an exponential histogram with their upper bounds: base = 2 ** (2 ** -scale)."""
    scale = number_of(get(point, "scale")) or 0.0
    positive = get(point, "positive")
    offset = number_of(get(positive, "offset")) or 0.0
    counts = _reals(items(positive, "bucketCounts"))
    try:
        bounds = [2.0 ** (2.0**-scale * (offset + index + 1)) for index in range(len(counts))]
    except OverflowError:
        bounds, counts = [], []
    return {**_moments(point), "bounds": bounds, "buckets": counts}


def _summary(point: Any, body: Any) -> Row | None:
    quantiles = items(point, "quantileValues")
    return {
        **_moments(point),
        "kind": "summary",
        "bounds": _reals([get(entry, "quantile", 0.0) for entry in quantiles]),
        "buckets": _reals([get(entry, "value", 0.0) for entry in quantiles]),
    }


def _moments(point: Any) -> Row:
    def real(name: str) -> float:
        number = number_of(get(point, name))
        return math.nan if number is None else number

    count, total = real("count"), real("sum")
    mean = total / count if count > 0 else math.nan
    return {
        "kind": "histogram",
        "value": mean,
        "count": count,
        "sum": total,
        "min": real("min"),
        "max": real("max"),
    }


def _reals(values: list[Any]) -> list[float]:
    numbers = (number_of(value) for value in values)
    return [math.nan if number is None else number for number in numbers]


_METRIC_KINDS: Final = {
    "gauge": _gauge,
    "sum": _sum,
    "histogram": _histogram,
    "exponentialHistogram": _exponential_histogram,
    "summary": _summary,
}
