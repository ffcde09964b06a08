"""Jaeger JSON: traces as the UI and the query API export them, and spans as Elasticsearch stores them.

Shapes, all of them as one document, as lines, or as arrays:

- `{"data": [{"traceID", "spans": [...], "processes": {"p1": {"serviceName", "tags"}}}]}` (`/api/traces`, "Trace JSON");
- one such trace alone;
- one span with its `process` inside (Jaeger's Elasticsearch index, also under `_source` as dump tools write it), where
  tags may be an object `tag` whose names have `@` for `.`.

Times are microseconds. Of the references of a span, the first CHILD_OF to its own trace is its parent, else the first
FOLLOWS_FROM to it; the others become links. Source: jaeger-idl `model.proto`, Jaeger `model/json/model.go`,
`internal/storage/v1/elasticsearch/spanstore/dbmodel`, and the OpenTracing semantic conventions for error logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..domain.instant import NS_PER_US
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .json_records import iterate_json
from .values import ItemCounter, first_of, kind_of, number_of, scaled_ns, status_of, text_of, times_in_us, who

_LISTS: Final = ("data", "hits.hits")

_NAMES_OF_SPANS: Final = tuple(re.compile(rb'"%s"\s*:' % name) for name in (b"traceID", b"spanID", b"operationName"))

Row = dict[str, Any]


def sniff(head: Head) -> float:
    """Sure when the three names that only Jaeger's spans have together are there."""
    if head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return 0.0
    return 0.95 if all(name.search(head.data) for name in _NAMES_OF_SPANS) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read spans, their logs as events, and their further references as links."""
    for file in files:
        items = ItemCounter()
        for record in iterate_json(file, writer, _LISTS):
            for span, process in _spans_of(record.value):
                origin = {"source_id": file.source_id, "line": record.line, "item": items.of(record.line)}
                for reason, what in _write(span, process, origin, writer):
                    writer.reject(file.source_id, record.line, reason, text_of(what), record.offset)


def _spans_of(record: Any) -> Iterator[tuple[Any, Row]]:
    """The spans of a trace, or the span that a record is, each with what its process says of it."""
    if isinstance(record, dict) and isinstance(record.get("_source"), dict):
        record = record["_source"]
    if isinstance(record, list):
        for inner in record:
            yield from _spans_of(inner)
        return
    spans = record.get("spans") if isinstance(record, dict) else None
    if not isinstance(spans, list):
        yield record, _described(record.get("process") if isinstance(record, dict) else None)
        return
    listed = record.get("processes")
    processes = {key: _described(value) for key, value in listed.items()} if isinstance(listed, dict) else {}
    unknown = _described(None)
    for span in spans:
        inline = span.get("process") if isinstance(span, dict) else None
        process_id = text_of(span.get("processID")) if isinstance(span, dict) else ""
        yield span, _described(inline) if inline is not None else processes.get(process_id, unknown)


def _described(process: Any) -> Row:
    """The columns of a span that its process gives."""
    if not isinstance(process, dict):
        return {**who("", {}), "resource": {}}
    service = text_of(process.get("serviceName"))
    resource = {"service.name": service, **_tags(process)[0]}
    return {**who(service, resource), "resource": resource}


def _write(span: Any, process: Row, origin: Row, writer: CaseWriter) -> Iterator[tuple[str, Any]]:
    """Write one span; gives what of it cannot be taken, and why."""
    reason, start_ns, duration_ns = _check(span)
    if reason:
        yield reason, span
        return
    trace_id, span_id = _id(span["traceID"]), _id(span["spanID"])
    texts, numbers = _tags(span)
    parent, links = _references(span, trace_id)
    status, message = _status(texts)
    ids = {"trace_id": trace_id, "span_id": span_id}
    row = {
        **ids,
        "parent_span_id": parent,
        "name": text_of(span.get("operationName")),
        "kind": kind_of(texts.get("span.kind")),
        **process,
        "start_ns": start_ns,
        "duration_ns": duration_ns,
        "status": status,
        "status_message": message,
        "attributes": texts,
        "number_names": numbers,
        "scope": first_of(texts, ("otel.scope.name", "otel.library.name")),
        **origin,
    }
    writer.rows("spans", (row,))
    if links:
        writer.rows("span_links", ({**ids, **link, **origin} for link in links))
    logs = span.get("logs") or ()
    for log in logs if isinstance(logs, list | tuple) else (logs,):
        event = _event(log)
        if event is None:
            yield "a log of a span without fields or time", log
        else:
            writer.rows("span_events", ({**ids, "service": process["service"], **event, **origin},))


def _check(span: Any) -> tuple[str, int, int]:
    """Why a span cannot be taken, or ''; its start and its duration."""
    if not isinstance(span, dict):
        return "neither a trace nor a span: not an object", 0, 0
    if not _id(span.get("traceID")) or not _id(span.get("spanID")):
        return "neither a trace nor a span: no traceID or spanID", 0, 0
    return times_in_us(span, "startTime")


def _id(value: Any) -> str:
    text = text_of(value).strip().lower()
    # Jaeger writes an absent parent as 0 in some versions.
    return "" if text.strip("0") == "" else text


def _references(span: Mapping[str, Any], trace_id: str) -> tuple[str, list[Row]]:
    """The parent's span id, and the links."""
    listed = span.get("references")
    references = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    local = [entry for entry in references if _id(entry.get("traceID")) in ("", trace_id)]
    parent = next((entry for entry in local if entry.get("refType") == "CHILD_OF"), local[0] if local else None)
    links = [
        {
            "linked_trace_id": _id(entry.get("traceID")) or trace_id,
            "linked_span_id": _id(entry.get("spanID")),
            "attributes": {"refType": text_of(entry.get("refType"))},
        }
        for entry in references
        if entry is not parent
    ]
    # `parentSpanID` stands for references in spans of Jaeger before 1.3.
    return _id(parent.get("spanID") if parent else span.get("parentSpanID")), links


def _tags(holder: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Tags as a list of typed key-values, as an object, or both; further ones win."""
    texts: dict[str, str] = {}
    numbers: list[str] = []
    for key, value, kind in _key_values(holder):
        texts[key] = text = text_of(value)
        if kind == "string":
            continue
        # Elasticsearch's form keeps numbers and booleans as text beside their type.
        typed = {"true": True, "false": False}.get(text.lower(), value) if kind == "bool" else value
        is_number = isinstance(typed, int | float) or kind in ("int64", "float64")
        if is_number and number_of(typed) is not None:
            numbers.append(key)
    return texts, numbers


def _key_values(holder: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for name in ("tags", "fields"):
        listed = holder.get(name)
        if isinstance(listed, list):
            for entry in listed:
                if isinstance(entry, dict) and isinstance(entry.get("key"), str):
                    yield entry["key"], entry.get("value"), text_of(entry.get("type"))
        elif isinstance(listed, dict):
            yield from ((key, value, "") for key, value in listed.items())
    as_object = holder.get("tag")
    if isinstance(as_object, dict):
        yield from ((key.replace("@", "."), value, "") for key, value in as_object.items())


def _status(tags: Mapping[str, str]) -> tuple[str, str]:
    error = tags.get("error", "")
    status = status_of(tags.get("otel.status_code", ""))
    if not status and error and error.lower() not in ("false", "0"):
        status = "error"
    described = tags.get("otel.status_description", "")
    return status, described or (
        error if status == "error" and error.lower() not in ("true", "1", "false", "0") else ""
    )


def _event(log: Any) -> Row | None:
    time_ns = scaled_ns(log.get("timestamp"), NS_PER_US) if isinstance(log, dict) else None
    if time_ns is None or time_ns <= 0:
        return None
    texts, numbers = _tags(log)
    name = first_of(texts, ("event", "name", "message"))
    if name == "error" or "error.object" in texts or "error.kind" in texts:
        name = "exception"
        for known, conventional in _EXCEPTION_NAMES:
            if known in texts:
                texts.setdefault(conventional, texts[known])
    return {"time_ns": time_ns, "name": name, "attributes": texts, "number_names": numbers}


# OpenTracing's names of what an error's log says, and OpenTelemetry's.
_EXCEPTION_NAMES: Final = (
    ("error.kind", "exception.type"),
    ("message", "exception.message"),
    ("error.object", "exception.message"),
    ("stack", "exception.stacktrace"),
)

READER: Final = Reader("jaeger-json", "traces", sniff, read)
