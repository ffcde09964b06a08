"""OTLP's protobuf messages as the objects that its JSON encoding has, for `otlp_records` to read.

Only what becomes a row is decoded. Field numbers are those of opentelemetry-proto 1.x (`common.proto`,
`resource.proto`, `trace.proto`, `logs.proto`, `metrics.proto`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .protobuf import FIXED64, VARINT, Value, WireError, double, fields, packed, signed, zigzag

Decode = Callable[[Value], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name in JSON, how it is decoded, whether there may be several (a list)."""

    name: str
    decode: Decode
    repeated: bool = False
    packed_as: int | None = None


Message = Mapping[int, Field]


def decode(message: Message, data: Value) -> dict[str, Any]:
    """A message as an object.

    Raises:
        WireError: when the bytes are none, or a field is of another kind than it has to be.
    """
    result: dict[str, Any] = {}
    for number, _, value in fields(_bytes(data)):
        field = message.get(number)
        if field is None:
            continue
        if field.packed_as is not None:
            result.setdefault(field.name, []).extend(field.decode(v) for v in packed(field.packed_as, value))
        elif field.repeated:
            result.setdefault(field.name, []).append(field.decode(value))
        else:
            result[field.name] = field.decode(value)
    return result


def _bytes(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    raise WireError("a number where a message or text has to be")


def _number(value: Value) -> int:
    if isinstance(value, int):
        return value
    raise WireError("bytes where a number has to be")


def _text(value: Value) -> str:
    return _bytes(value).decode("utf-8", errors="replace")


def _id(value: Value) -> str:
    return _bytes(value).hex()


def _integer(value: Value) -> int:
    return signed(_number(value))


def _double(value: Value) -> float:
    return double(_number(value))


def _zigzag(value: Value) -> int:
    return zigzag(_number(value))


def _of(message: Callable[[], Message]) -> Decode:
    return lambda value: decode(message(), value)


# common.proto: AnyValue, ArrayValue, KeyValueList, KeyValue; resource.proto
_ANY: Final[Message] = {
    1: Field("stringValue", _text),
    2: Field("boolValue", lambda value: bool(_number(value))),
    3: Field("intValue", _integer),
    4: Field("doubleValue", _double),
    5: Field("arrayValue", _of(lambda: {1: Field("values", _of(lambda: _ANY), repeated=True)})),
    6: Field("kvlistValue", _of(lambda: {1: Field("values", _of(lambda: _KEY_VALUE), repeated=True)})),
    7: Field("bytesValue", lambda value: base64.b64encode(_bytes(value)).decode()),
}
_KEY_VALUE: Final[Message] = {1: Field("key", _text), 2: Field("value", _of(lambda: _ANY))}


def _attributes(number: int) -> dict[int, Field]:
    return {number: Field("attributes", _of(lambda: _KEY_VALUE), repeated=True)}


_RESOURCE: Final[Message] = _attributes(1)
_SCOPE: Final[Message] = {1: Field("name", _text)}

# trace.proto
_EVENT: Final[Message] = {1: Field("timeUnixNano", _number), 2: Field("name", _text), **_attributes(3)}
_LINK: Final[Message] = {1: Field("traceId", _id), 2: Field("spanId", _id), **_attributes(4)}
_STATUS: Final[Message] = {2: Field("message", _text), 3: Field("code", _number)}
SPAN: Final[Message] = {
    1: Field("traceId", _id),
    2: Field("spanId", _id),
    4: Field("parentSpanId", _id),
    5: Field("name", _text),
    6: Field("kind", _number),
    7: Field("startTimeUnixNano", _number),
    8: Field("endTimeUnixNano", _number),
    **_attributes(9),
    11: Field("events", _of(lambda: _EVENT), repeated=True),
    13: Field("links", _of(lambda: _LINK), repeated=True),
    15: Field("status", _of(lambda: _STATUS)),
}

# logs.proto
LOG_RECORD: Final[Message] = {
    1: Field("timeUnixNano", _number),
    2: Field("severityNumber", _number),
    3: Field("severityText", _text),
    5: Field("body", _of(lambda: _ANY)),
    **_attributes(6),
    9: Field("traceId", _id),
    10: Field("spanId", _id),
    11: Field("observedTimeUnixNano", _number),
}

# metrics.proto
_NUMBER_POINT: Final[Message] = {
    3: Field("timeUnixNano", _number),
    4: Field("asDouble", _double),
    6: Field("asInt", _integer),
    **_attributes(7),
}
_HISTOGRAM_POINT: Final[Message] = {
    3: Field("timeUnixNano", _number),
    4: Field("count", _number),
    5: Field("sum", _double),
    6: Field("bucketCounts", _number, packed_as=FIXED64),
    7: Field("explicitBounds", _double, packed_as=FIXED64),
    **_attributes(9),
    11: Field("min", _double),
    12: Field("max", _double),
}
_BUCKETS: Final[Message] = {
    1: Field("offset", _zigzag),
    2: Field("bucketCounts", _number, packed_as=VARINT),
}
_EXPONENTIAL_POINT: Final[Message] = {
    **_attributes(1),
    3: Field("timeUnixNano", _number),
    4: Field("count", _number),
    5: Field("sum", _double),
    6: Field("scale", _zigzag),
    8: Field("positive", _of(lambda: _BUCKETS)),
    12: Field("min", _double),
    13: Field("max", _double),
}
_QUANTILE: Final[Message] = {1: Field("quantile", _double), 2: Field("value", _double)}
_SUMMARY_POINT: Final[Message] = {
    3: Field("timeUnixNano", _number),
    4: Field("count", _number),
    5: Field("sum", _double),
    6: Field("quantileValues", _of(lambda: _QUANTILE), repeated=True),
    **_attributes(7),
}


def _data(point: Message) -> Decode:
    return _of(
        lambda: {
            1: Field("dataPoints", _of(lambda: point), repeated=True),
            2: Field("aggregationTemporality", _number),
            3: Field("isMonotonic", _number),
        }
    )


METRIC: Final[Message] = {
    1: Field("name", _text),
    3: Field("unit", _text),
    5: Field("gauge", _data(_NUMBER_POINT)),
    7: Field("sum", _data(_NUMBER_POINT)),
    9: Field("histogram", _data(_HISTOGRAM_POINT)),
    10: Field("exponentialHistogram", _data(_EXPONENTIAL_POINT)),
    11: Field("summary", _data(_SUMMARY_POINT)),
}

# Each signal's group of a resource has the same numbers: 1 the resource, 2 the groups of a scope; and in these 1 the
# scope, 2 the records.
_GROUPS: Final = {
    "traces": ("scopeSpans", "spans", SPAN),
    "logs": ("scopeLogs", "logRecords", LOG_RECORD),
    "metrics": ("scopeMetrics", "metrics", METRIC),
}


def resource_group(signal: str, data: bytes) -> dict[str, Any]:
    """A ResourceSpans, ResourceLogs or ResourceMetrics as an object.

    Args:
        signal: traces, logs or metrics.
        data: the message.

    Raises:
        WireError: when it is none.
    """
    scopes, records, message = _GROUPS[signal]
    inner: Message = {1: Field("scope", _of(lambda: _SCOPE)), 2: Field(records, _of(lambda: message), repeated=True)}
    return decode(
        {1: Field("resource", _of(lambda: _RESOURCE)), 2: Field(scopes, _of(lambda: inner), repeated=True)}, data
    )


def signal_of(data: bytes) -> str:
    """Which signal a group of a resource is of, by its first record; '' when it is of none.

    The three have one shape down to the record. A span begins with ids of 16 and 8 bytes; a log record has its time as
    64 bits (or its severity as a number); a metric has a name and data.

    Raises:
        WireError: when the bytes are no group.
    """
    for number, _, scope in fields(data):
        if number != 2:
            continue
        for inner, _, record in fields(_bytes(scope)):
            if inner == 2:
                return _signal_of_record(_bytes(record))
    return ""


def _signal_of_record(data: bytes) -> str:
    found = {number: (kind, value) for number, kind, value in fields(data)}

    def size(number: int) -> int:
        value = found.get(number, (0, 0))[1]
        return len(value) if isinstance(value, bytes) else -1

    if size(1) == 16 and size(2) == 8:
        return "traces"
    if any(found.get(number, (None,))[0] == FIXED64 for number in (1, 11)) or found.get(2, (None,))[0] == VARINT:
        return "logs"
    if size(1) >= 0 and any(size(number) >= 0 for number in (5, 7, 9, 10, 11)):
        return "metrics"
    return "logs" if size(5) >= 0 else ""
