"""Logs of OTLP in the engine's terms: what is taken of a log record (see `otlp_signal`)."""

from __future__ import annotations

from typing import Final

from .otlp_signal import Column, Signal
from .otlp_sql import (
    KEY_VALUES,
    attribute_map,
    has_lists,
    hex_id,
    is_base64,
    number_names,
    scope_names,
    some_text,
    spread,
    text_of,
)
from .severity import LEVEL_WORDS, SEVERITIES, severity_of

_TYPE: Final = f"""Array(Tuple(
    resource Tuple(attributes {KEY_VALUES}),
    scopeLogs Array(Tuple(scope Tuple(name String), logRecords Array(Tuple(
        timeUnixNano Int64, observedTimeUnixNano Int64, severityNumber String, severityText String,
        body Map(String, String), attributes {KEY_VALUES}, traceId String, spanId String)), logs String)),
    instrumentationLibraryLogs String))"""

_NUMBERS: Final = [str(number) for number in range(1, 25)] + [
    f"SEVERITY_NUMBER_{severity.upper()}{suffix}" for severity in SEVERITIES for suffix in ("", "2", "3", "4")
]
_OF_NUMBERS: Final = [SEVERITIES[(number - 1) // 4] for number in range(1, 25)] * 2
_WORDS: Final = [word + suffix for word in LEVEL_WORDS for suffix in ("", "2", "3", "4")]
_OF_WORDS: Final = [severity_of(word) for word in LEVEL_WORDS for _ in range(4)]

_COLUMNS: Final = (
    Column(
        "time_ns", "Int64", "if(record.timeUnixNano > 0, record.timeUnixNano, greatest(record.observedTimeUnixNano, 0))"
    ),
    Column("time_guess", "String", "if(time_ns > 0, '', 'none')"),
    Column("service", "String", "who.service"),
    Column("instance", "String", "who.instance"),
    Column("host", "String", "who.host"),
    Column(
        "severity",
        "String",
        f"multiIf(transform(record.severityNumber, {_NUMBERS}, {_OF_NUMBERS}, '') AS by_number != '', by_number, "
        f"transform(lower(trim(record.severityText)), {_WORDS}, {_OF_WORDS}, ''))",
    ),
    Column("body", "String", text_of("record.body")),
    Column("shape", "UInt64", "toUInt64(0)"),
    Column("trace_id", "String", hex_id("record.traceId", 16)),
    Column("span_id", "String", hex_id("record.spanId", 8)),
    Column("attributes", "Map(String, String)", attribute_map("record.attributes")),
    Column("number_names", "Array(String)", number_names("record.attributes")),
    Column("resource", "Map(String, String)", "who.resource"),
    Column("scope", "String", "scope_name"),
)

LOGS: Final = Signal(
    name="logs",
    member="resourceLogs",
    type=_TYPE,
    records="arrayFlatten(resources.scopeLogs.logRecords)",
    strange=f"{some_text('resources.instrumentationLibraryLogs')} OR {some_text('resources.scopeLogs.logs')}",
    base64=is_base64("resources.scopeLogs.logRecords.spanId"),
    lists=f"{has_lists('resources.scopeLogs.logRecords.attributes.value')} "
    f"OR {has_lists('resources.scopeLogs.logRecords.body')}",
    spreads=(
        ("who", spread("resources.scopeLogs.logRecords.traceId")),
        ("scope_name", scope_names("resources.scopeLogs.scope.name", "resources.scopeLogs.logRecords.traceId")),
    ),
    columns=_COLUMNS,
    bad="''",
    excerpt="body",
    table="logs",
)
