"""Zipkin v2 JSON: arrays of spans, arrays of traces (arrays of spans), or either as lines.

Times are microseconds. An `error` tag, whatever it says, marks a failed span. Zipkin lets both sides of a call share
one span id; here the client's span then gets the id `ID-client` and becomes the server's parent, so that ids tell the
two apart and children of the server stay its children. Source: openzipkin/zipkin-api `zipkin2-api.yaml`, and
openzipkin/b3-propagation on shared ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..domain.instant import NS_PER_US
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, TruncatedError, Unheard, open_decompressed
from .json_records import iterate_json
from .values import (
    ItemCounter,
    attributes_of,
    first_of,
    kind_of,
    number_in,
    scaled_ns,
    status_of,
    text_of,
    times_in_us,
    who,
)

_LISTS: Final = ("data", "spans")
_CHUNK_BYTES: Final = 1024 * 1024

_REQUIRED: Final = tuple(re.compile(rb'"%s"\s*:' % name) for name in (b"traceId", b"id"))
_ENDPOINT: Final = re.compile(rb'"(localEndpoint|remoteEndpoint)"\s*:')
_TIMES: Final = tuple(re.compile(rb'"%s"\s*:\s*\d' % name) for name in (b"timestamp", b"duration"))
# What OpenTelemetry's exporters turn into tags of each span: attributes of its resource, by their conventions.
_OF_RESOURCE: Final = (
    "service.", "host.", "k8s.", "container.", "cloud.", "deployment.", "os.", "process.", "telemetry.", "faas.instance"
)  # fmt: skip
_EVENT: Final = re.compile(r'"([^"\\]+)"\s*:\s*(\{.*\})', re.DOTALL)
_FOREIGN: Final = re.compile(rb'"(spanId|spanID|resourceSpans|startTimeUnixNano)"\s*:')

Row = dict[str, Any]
Key = tuple[str, str]


def sniff(head: Head) -> float:
    """Sure when spans with `traceId` and `id` name endpoints; fairly sure when they only have both their times."""
    if head.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return 0.0
    if not all(name.search(head.data) for name in _REQUIRED) or _FOREIGN.search(head.data):
        return 0.0
    if _ENDPOINT.search(head.data):
        return 0.95
    return 0.6 if all(time.search(head.data) for time in _TIMES) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read spans, and their annotations as events."""
    shared = _shared_by_both_sides(files)
    for file in files:
        items = ItemCounter()
        for record in iterate_json(file, writer, _LISTS):
            for span in _spans_of(record.value):
                origin = {"source_id": file.source_id, "line": record.line, "item": items.of(record.line)}
                for reason, what in _write(span, shared, origin, writer):
                    writer.reject(file.source_id, record.line, reason, text_of(what), record.offset)


def _spans_of(record: Any) -> Iterator[Any]:
    if isinstance(record, list):
        for inner in record:
            yield from _spans_of(inner)
    else:
        yield record


def _shared_by_both_sides(files: Sequence[EvidenceFile]) -> frozenset[Key]:
    """Trace and span ids under which a client and a server reported; empty without reading records where none can be.

    The sides may come in any order and from different files, so this has to be known before the first row.
    """
    clients: set[Key] = set()
    servers: set[Key] = set()
    if not any(_mentions_sharing(file) for file in files):
        return frozenset()
    for file in files:
        for record in iterate_json(file, Unheard(), _LISTS):
            for span in _spans_of(record.value):
                if isinstance(span, dict):
                    kind = kind_of(span.get("kind"))
                    if kind == "client":
                        clients.add(_key(span))
                    elif kind == "server" and span.get("shared") is True:
                        servers.add(_key(span))
    return frozenset(clients & servers)


def _mentions_sharing(file: EvidenceFile) -> bool:
    tail = b""
    with open_decompressed(file.path, file.compression) as stream:
        try:
            while data := stream.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
                if b'"shared"' in tail + data:
                    return True
                tail = data[-8:]
        except TruncatedError:
            return False
    return False


def _key(span: Mapping[str, Any]) -> Key:
    return _id(span.get("traceId")), _id(span.get("id"))


def _id(value: Any) -> str:
    return text_of(value).strip().lower()


def _write(span: Any, shared: frozenset[Key], origin: Row, writer: CaseWriter) -> Iterator[tuple[str, Any]]:
    """Write one span; gives what of it cannot be taken, and why."""
    reason, start_ns, duration_ns = _check(span)
    if reason:
        yield reason, span
        return
    trace_id, span_id = _key(span)
    parent = _id(span.get("parentId"))
    kind = kind_of(span.get("kind"))
    texts, numbers = attributes_of(_attributes(span))
    if (trace_id, span_id) in shared:
        if kind == "client":
            texts["zipkin.id"], span_id = span_id, f"{span_id}-client"
        elif span.get("shared") is True:
            parent = f"{span_id}-client"
    service, resource = _local(span)
    for name in [name for name in texts if name.startswith(_OF_RESOURCE)]:
        resource[name] = texts.pop(name)
    status, message = _status(texts)
    ids = {"trace_id": trace_id, "span_id": span_id}
    row = {
        **ids,
        "parent_span_id": parent,
        "name": text_of(span.get("name")),
        "kind": kind,
        **who(service, resource),
        "start_ns": start_ns,
        "duration_ns": duration_ns,
        "status": status,
        "status_message": message,
        "attributes": texts,
        "number_names": [name for name in numbers if name in texts],
        "resource": resource,
        "scope": first_of(texts, ("otel.scope.name", "otel.library.name")),
        **origin,
    }
    writer.rows("spans", [row])
    annotations = span.get("annotations") or ()
    for annotation in annotations if isinstance(annotations, list | tuple) else (annotations,):
        time_ns = scaled_ns(annotation.get("timestamp"), NS_PER_US) if isinstance(annotation, dict) else None
        if time_ns is None or time_ns <= 0:
            yield "an annotation without value or time", annotation
        else:
            event = {"service": service, "time_ns": time_ns, **_event(text_of(annotation.get("value")))}
            writer.rows("span_events", [{**ids, **event, **origin}])


def _event(annotation: str) -> Row:
    """An annotation's name; and its attributes, where it is an event of OpenTelemetry: `"name": {"key": value}`."""
    named = _EVENT.fullmatch(annotation)
    if named is not None:
        try:
            texts, numbers = attributes_of(json.loads(named[2]).items())
            return {"name": named[1], "attributes": texts, "number_names": numbers}
        except (ValueError, RecursionError):
            pass  # then it is a text like any other
    return {"name": annotation}


def _check(span: Any) -> tuple[str, int, int]:
    """Why a span cannot be taken, or ''; its start and its duration."""
    if not isinstance(span, dict):
        return "not a span: not an object", 0, 0
    if not all(_key(span)):
        return "not a span: no traceId or id", 0, 0
    return times_in_us(span, "timestamp")


def _attributes(span: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Tags, and the remote endpoint under the names of OpenTelemetry's conventions."""
    tags = span.get("tags")
    if isinstance(tags, dict):
        yield from ((name, number_in(value)) for name, value in tags.items())
    remote = span.get("remoteEndpoint")
    if isinstance(remote, dict):
        for name, value in (
            ("peer.service", remote.get("serviceName")),
            ("network.peer.address", remote.get("ipv4") or remote.get("ipv6")),
            ("network.peer.port", remote.get("port")),
        ):
            if value not in (None, ""):
                yield name, value
    for flag in ("debug", "shared"):
        if span.get(flag) is True:
            yield f"zipkin.{flag}", True


def _local(span: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The service, and what is known of where it runs."""
    endpoint = span.get("localEndpoint")
    if not isinstance(endpoint, dict):
        return "", {}
    service = text_of(endpoint.get("serviceName"))
    address = text_of(endpoint.get("ipv4") or endpoint.get("ipv6"))
    return service, {"service.name": service, **({"host.ip": address} if address else {})}


def _status(tags: Mapping[str, str]) -> tuple[str, str]:
    if "error" in tags:
        message = tags.get("otel.status_description") or tags["error"]
        return "error", "" if message.lower() in ("true", "1") else message
    return status_of(tags.get("otel.status_code", "")), tags.get("otel.status_description", "")


READER: Final = Reader("zipkin-json", "traces", sniff, read)
