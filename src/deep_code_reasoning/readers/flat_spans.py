"""Flat spans: one object (or CSV row) a span, as teams export them from a warehouse or write them by hand.

There is no specification; names are compared without case and punctuation, so that `trace_id`, `traceId`, `TraceID`
and `trace.id` are one. Which names a part of a span goes by is listed in `span_fields.py`; every other field becomes an
attribute. The trace id may be the word `same`: that of the record before it. Shapes: arrays, JSON lines, a document
around a list (`spans`, `traces`, `data` ...), traces with `spans` inside, CSV with a header.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .delimited import iterate_rows, layout_of
from .json_records import head_records, iterate_json
from .span_fields import Fields, duration_ns, fields_of, moment_ns, parts_named, plain_name
from .values import ItemCounter, attributes_of, first_of, kind_of, number_in, status_of, text_of, who

_LISTS: Final = ("spans", "traces", "data", "records", "results", "items", "data.spans", "data.traces", "hits.hits")
_UNSET: Final = frozenset({"unset", "status_code_unset"})
_NO_ERROR: Final = frozenset({"", "0", "false", "none", "null", "{}"})
_SAME: Final = frozenset({"same", "ditto"})
_CONTEXTS: Final = ("context", "span_context", "spanContext")
# What log records have and spans have not.
_LOG_FIELDS: Final = frozenset({"message", "msg", "body", "log", "level", "severity", "severitytext"})
# Where a process runs and what it is, in columns beside the span's own: the names of OpenTelemetry's conventions.
_OF_PROCESS: Final = {
    "pod": "k8s.pod.name",
    "podname": "k8s.pod.name",
    "k8spodname": "k8s.pod.name",
    "instance": "service.instance.id",
    "instanceid": "service.instance.id",
    "serviceinstance": "service.instance.id",
    "serviceinstanceid": "service.instance.id",
    "host": "host.name",
    "hostname": "host.name",
    "nodename": "k8s.node.name",
    "k8snode": "k8s.node.name",
    "k8snodename": "k8s.node.name",
    "version": "service.version",
    "serviceversion": "service.version",
}

Row = dict[str, Any]


def sniff(head: Head) -> float:
    """By the fields of the first records: ids, a name, a time with an end or a duration; a parent makes it sure."""
    layout = layout_of(head)
    if layout is not None:
        return 0.9 * _looks_like_span(dict.fromkeys(layout.columns))
    records = (record.value for record in head_records(head, _LISTS))
    spans = (span for record in records for span, _ in _spans_of(record) if isinstance(span, dict))
    return 0.85 * max((_looks_like_span(_unwrapped(span)) for span in itertools.islice(spans, 5)), default=0.0)


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read spans, with their events and links where they have some."""
    for file in files:
        state = _FileState(file, writer)
        layout, rows = iterate_rows(file, writer)
        if layout is not None:
            for row in rows:
                cells = zip(layout.columns, row.cells, strict=True)
                state.take({name: number_in(cell) for name, cell in cells if cell}, "", row.line, row.offset)
        else:
            for record in iterate_json(file, writer, _LISTS):
                for span, trace_id in _spans_of(record.value):
                    state.take(span, trace_id, record.line, record.offset)
        if state.unitless:
            writer.note(file.source_id, f"{state.unitless} duration(s) without a unit, taken as {state.unit}")


def _spans_of(record: Any) -> Iterator[tuple[Any, str]]:
    """Spans of a record, each with the trace id that stands outside of it, or ''."""
    if isinstance(record, list):
        for inner in record:
            yield from _spans_of(inner)
        return
    spans = record.get("spans") if isinstance(record, dict) else None
    if isinstance(spans, list):
        trace_id = fields_of(record).text("trace_id")
        yield from ((span, trace_id) for span in spans)
    else:
        yield record, ""


def _looks_like_span(record: Mapping[str, Any]) -> float:
    parts = parts_named(name for name, value in record.items() if not isinstance(value, dict))
    if not parts >= {"trace_id", "span_id", "start", "name"} or not parts & {"duration", "end"}:
        return 0.0
    if "parent" in parts:
        return 1.0
    return 0.0 if any(plain_name(name) in _LOG_FIELDS for name in record) else 0.7


def _unwrapped(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record without the envelope of a search engine's dump, and with its span context among its other fields."""
    source = record.get("_source")
    inner: Mapping[str, Any] = source if isinstance(source, dict) else record
    for name in _CONTEXTS:
        context = inner.get(name)
        if isinstance(context, dict):
            inner = {**{key: value for key, value in inner.items() if key != name}, **context}
    return inner


class _FileState:
    """What is carried from span to span of a file: the last trace id, the rows of a line, durations without unit."""

    def __init__(self, file: EvidenceFile, writer: CaseWriter) -> None:
        self._source_id = file.source_id
        self._writer = writer
        self._items = ItemCounter()
        self._last_trace_id = ""
        self.unitless = 0
        self.unit = ""

    def take(self, record: Any, outer_trace_id: str, line: int, offset: int) -> None:
        """Write one record as a span, or reject it."""

        def refuse(reason: str, what: Any = record) -> None:
            self._writer.reject(self._source_id, line, reason, text_of(what), offset)

        if not isinstance(record, dict):
            refuse("not a span: not an object")
            return
        fields = fields_of(_unwrapped(record))
        trace_id = _id(fields.value("trace_id")) or _id(outer_trace_id)
        if trace_id in _SAME:
            trace_id = self._last_trace_id
        self._last_trace_id = trace_id or self._last_trace_id
        span_id = _id(fields.value("span_id"))
        if not trace_id or not span_id:
            refuse("not a span: no trace id or span id")
            return
        start_ns = moment_ns(fields.known.get("start"))
        if start_ns is None:
            refuse(f"the start is no time: {fields.text('start')[:40]}")
            return
        lasted_ns = self._duration_ns(fields, start_ns)
        if lasted_ns is None:
            refuse("neither a duration nor an end")
            return
        origin = {"source_id": self._source_id, "line": line, "item": self._items.of(line)}
        ids = {"trace_id": trace_id, "span_id": span_id}
        row = {**ids, "start_ns": start_ns, "duration_ns": lasted_ns, **_described(fields), **origin}
        self._writer.rows("spans", [row])
        for entry in _entries(fields.value("events")):
            event = _event(entry)
            if event is None:
                refuse("an event of a span without a time", entry)
            else:
                self._writer.rows("span_events", [{**ids, "service": row["service"], **event, **origin}])
        for entry in _entries(fields.value("links")):
            link = _link(entry)
            if link is None:
                refuse("a link of a span without a span id", entry)
            else:
                self._writer.rows("span_links", [{**ids, **link, **origin}])

    def _duration_ns(self, fields: Fields, start_ns: int) -> int | None:
        member, end_ns = fields.known.get("duration"), moment_ns(fields.known.get("end"))
        if member is not None and (member.unit or end_ns is None):
            # The columns of ClickHouse's `otel_traces`.
            named = fields.known.get("name")
            default_unit = "ns" if member.name == "Duration" and named and named.name == "SpanName" else "ms"
            lasted_ns, assumed = duration_ns(member, fields.known.get("start"), default_unit)
            if lasted_ns is not None and assumed:
                self.unitless += 1
                self.unit = assumed
            return lasted_ns
        return None if end_ns is None else end_ns - start_ns


def _described(fields: Fields) -> Row:
    """The columns of a span that say what it is."""
    resource = _of_process(fields.rest)
    if "resource" in fields.known:
        resource |= _resource(fields.value("resource"))
    status, message = _status(fields)
    texts, numbers = attributes_of(_attributes(fields))
    parent = _id(fields.value("parent"))
    service = fields.text("service") or first_of(resource, ("service.name",)) or texts.get("service.name", "")
    return {
        **who(service, {**texts, **resource}),
        # Zeros stand for no parent.
        "parent_span_id": parent if parent.strip("0") else "",
        "name": fields.text("name"),
        "kind": kind_of(fields.value("kind")),
        "status": status,
        "status_message": message,
        "attributes": texts,
        "number_names": numbers,
        "resource": {**({"service.name": service} if service else {}), **resource},
        "scope": fields.text("scope"),
    }


def _of_process(rest: dict[str, Any]) -> dict[str, str]:
    """Take the columns that say where a span's process runs out of the others.

    A `node` is a machine beside a pod or an instance; alone it may as well be one of a graph.
    """
    named = {name: _OF_PROCESS[plain] for name in rest if (plain := plain_name(name)) in _OF_PROCESS}
    if named and "node" in rest:
        named["node"] = "k8s.node.name"
    return {of: text for name, of in named.items() if (text := text_of(rest.pop(name)))}


def _attributes(fields: Fields) -> Iterable[tuple[str, Any]]:
    if not fields.objects:
        return fields.rest.items()
    return [*(member for holder in fields.objects for member in _members(holder)), *fields.rest.items()]


def _id(value: Any) -> str:
    text = text_of(value).strip().lower().removeprefix("0x")
    # Log readers leave the dashes of UUIDs out as well, so that both sides meet.
    return text.replace("-", "") if len(text) == 36 and text.count("-") == 4 else text


def _resource(value: Any) -> dict[str, str]:
    if isinstance(value, dict) and isinstance(value.get("attributes"), dict | list):
        value = value["attributes"]
    return attributes_of(_members(value))[0]


def _members(holder: Any) -> Iterable[tuple[str, Any]]:
    """Members of an object, or of a list of `{"key", "value"}`; a value may be wrapped as OTLP does."""
    if isinstance(holder, dict):
        return holder.items()
    entries = holder if isinstance(holder, list) else ()
    return [
        (text_of(entry["key"]), _bare(entry.get("value")))
        for entry in entries
        if isinstance(entry, dict) and "key" in entry
    ]


def _bare(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).endswith("Value"):
        return next(iter(value.values()))
    return value


def _status(fields: Fields) -> tuple[str, str]:
    """Status and message; the status's own value stays an attribute where the three words say less."""
    given, error = fields.value("status"), fields.rest.get("error")
    status = status_of(given)
    if given is not None and not isinstance(given, dict):
        text = text_of(given)
        if text.isdecimal() or (not status and text.lower() not in _UNSET):
            fields.rest[fields.known["status"].name] = given
    said = text_of(error).lower()
    if not status and said not in _NO_ERROR:
        status = "error"
    message = fields.text("status_message")
    if not message and isinstance(given, dict):
        message = text_of(first_of(given, ("message", "description")))
    if not message and isinstance(error, str) and said not in _NO_ERROR and said not in ("true", "1"):
        message = error
    return status, message


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _event(entry: Any) -> Row | None:
    fields = fields_of(entry) if isinstance(entry, dict) else Fields()
    time_ns = moment_ns(fields.known.get("start"))
    if time_ns is None:
        return None
    texts, numbers = attributes_of(_attributes(fields))
    return {"time_ns": time_ns, "name": fields.text("name"), "attributes": texts, "number_names": numbers}


def _link(entry: Any) -> Row | None:
    fields = fields_of(_unwrapped(entry)) if isinstance(entry, dict) else Fields()
    span_id = _id(fields.value("span_id"))
    if not span_id:
        return None
    texts, _ = attributes_of(_attributes(fields))
    return {"linked_trace_id": _id(fields.value("trace_id")), "linked_span_id": span_id, "attributes": texts}


READER: Final = Reader("flat-spans", "traces", sniff, read)
