"""Traces of OTLP in the engine's terms: what is taken of a span, and the tables that it goes to (see `otlp_signal`)."""

from __future__ import annotations

from typing import Final

from .otlp_signal import Column, Pieces, Signal
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
)

# Events and links come as their JSON text: most spans have none, and an empty text costs nothing.
_TYPE: Final = f"""Array(Tuple(
    resource Tuple(attributes {KEY_VALUES}),
    scopeSpans Array(Tuple(scope Tuple(name String), spans Array(Tuple(
        traceId String, spanId String, parentSpanId String, name String, kind String,
        startTimeUnixNano Int64, endTimeUnixNano Int64, attributes {KEY_VALUES},
        status Tuple(code String, message String), events String, links String)))),
    instrumentationLibrarySpans String))"""

_KINDS: Final = ("internal", "server", "client", "producer", "consumer")
_KIND: Final = (
    f"transform(record.kind, {[*map(str, range(1, 6)), *(f'SPAN_KIND_{kind.upper()}' for kind in _KINDS)]}, "
    f"{list(_KINDS * 2)}, '')"
)
_STATUS: Final = (
    "transform(record.status.code, ['1', '2', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'], "
    "['ok', 'error', 'ok', 'error'], '')"
)


_COLUMNS: Final = (
    Column("trace_id", "String", hex_id("record.traceId", 16)),
    Column("span_id", "String", hex_id("record.spanId", 8)),
    Column("parent_span_id", "String", hex_id("record.parentSpanId", 8)),
    Column("name", "String", "record.name"),
    Column("kind", "String", _KIND),
    Column("service", "String", "who.service"),
    Column("instance", "String", "who.instance"),
    Column("host", "String", "who.host"),
    Column("start_ns", "Int64", "record.startTimeUnixNano"),
    Column("duration_ns", "Int64", "if(record.endTimeUnixNano > 0, record.endTimeUnixNano - start_ns, 0)"),
    Column("status", "String", _STATUS),
    Column("status_message", "String", "record.status.message"),
    Column("attributes", "Map(String, String)", attribute_map("record.attributes")),
    Column("number_names", "Array(String)", number_names("record.attributes")),
    Column("resource", "Map(String, String)", "who.resource"),
    Column("scope", "String", "scope_name"),
    Column("events", "String", "record.events"),
    Column("links", "String", "record.links"),
)


def _pieces(column: str, kind: str, columns: str) -> str:
    return f"""
        SELECT {columns}, {attribute_map("piece.attributes")} AS attributes,
            {number_names("piece.attributes")} AS number_names, source_id, line, item
        FROM (SELECT * EXCEPT (events, links), arrayJoin(JSONExtract({column}, '{kind}')) AS piece FROM pieces)"""


_EVENT: Final = f"Array(Tuple(timeUnixNano Int64, name String, attributes {KEY_VALUES}))"
_LINK: Final = f"Array(Tuple(traceId String, spanId String, attributes {KEY_VALUES}))"

TRACES: Final = Signal(
    name="traces",
    member="resourceSpans",
    type=_TYPE,
    records="arrayFlatten(resources.scopeSpans.spans)",
    strange=some_text("resources.instrumentationLibrarySpans"),
    base64=is_base64("resources.scopeSpans.spans.spanId"),
    lists=has_lists("resources.scopeSpans.spans.attributes.value"),
    spreads=(
        ("who", spread("resources.scopeSpans.spans.traceId")),
        ("scope_name", scope_names("resources.scopeSpans.scope.name", "resources.scopeSpans.spans.traceId")),
    ),
    columns=_COLUMNS,
    bad="multiIf(empty(trace_id) OR empty(span_id), 'a span without traceId or spanId', "
    "start_ns <= 0, 'a span without a start that is a 64-bit time', '')",
    excerpt="concat(name, ' ', trace_id, '/', span_id)",
    table="spans",
    pieces=(
        Pieces(
            "span_events",
            "events",
            _pieces("events", _EVENT, "trace_id, span_id, service, piece.timeUnixNano AS time_ns, piece.name AS name"),
        ),
        Pieces(
            "span_links",
            "links",
            _pieces(
                "links",
                _LINK,
                f"trace_id, span_id, {hex_id('piece.traceId', 16)} AS linked_trace_id, "
                f"{hex_id('piece.spanId', 8)} AS linked_span_id",
            ),
        ),
    ),
    keys=("trace_id", "span_id", "service"),
)
