"""What the parts of a flat span become in a case, whether it is read by itself or with others by the column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .span_fields import Fields, fields_of, moment_ns, parts_named, plain_name
from .values import attributes_of, first_of, status_of, text_of

_UNSET: Final = frozenset({"unset", "status_code_unset"})
_NO_ERROR: Final = frozenset({"", "0", "false", "none", "null", "{}"})
CONTEXTS: Final = ("context", "span_context", "spanContext")
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


def unwrapped(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record without its envelope, and with its span context among its other fields.

    Envelopes are that of a search engine's dump (`_source`), and that of Honeycomb's events (`time`, `samplerate` and
    what they are of under `data`).
    """
    source, data = record.get("_source"), record.get("data")
    inner: Mapping[str, Any] = source if isinstance(source, dict) else record
    if isinstance(data, dict) and "trace_id" in parts_named(data) and "trace_id" not in parts_named(record):
        inner = {**{key: value for key, value in record.items() if key != "data"}, **data}
    for name in CONTEXTS:
        context = inner.get(name)
        if isinstance(context, dict):
            inner = {**{key: value for key, value in inner.items() if key != name}, **context}
    return inner


def id_of(value: Any) -> str:
    """A trace's or span's id as a case has it."""
    text = text_of(value).strip().lower().removeprefix("0x")
    # Log readers leave the dashes of UUIDs out as well, so that both sides meet.
    return text.replace("-", "") if len(text) == 36 and text.count("-") == 4 else text


def parent_of(value: Any) -> str:
    """The id of a span's parent; zeros stand for none."""
    parent = id_of(value)
    return parent if parent.strip("0") else ""


def process_names(names: Iterable[str]) -> dict[str, str]:
    """The names of columns that say where a span's process runs, each with the resource attribute that it is.

    A `node` is a machine beside a pod or an instance; alone it may as well be one of a graph.
    """
    named = {name: _OF_PROCESS[plain] for name in names if (plain := plain_name(name)) in _OF_PROCESS}
    if named and "node" in names:
        named["node"] = "k8s.node.name"
    return named


def resource_of(value: Any) -> dict[str, str]:
    """Resource attributes as text, however they are written."""
    if isinstance(value, dict):
        inner = value.get("attributes")
        value = inner if isinstance(inner, dict | list) else value
    if isinstance(value, dict):
        return attributes_of(value)[0]
    return attributes_of(members_of(value))[0]


def members_of(holder: Any) -> Iterable[tuple[str, Any]]:
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


def status_and_message(given: Any, error: Any, message: str) -> tuple[str, str, bool]:
    """Status, message, and whether the status's own value is kept as an attribute: the three words may say less.

    Args:
        given: the status as the record has it, None when it has none.
        error: its member `error`.
        message: its member for the message.
    """
    status, keeps = status_of(given), False
    if given is not None and not isinstance(given, dict):
        text = text_of(given)
        keeps = text.isdecimal() or (not status and text.lower() not in _UNSET)
    said = text_of(error).lower()
    if not status and said not in _NO_ERROR:
        status = "error"
    if not message and isinstance(given, dict):
        message = text_of(first_of(given, ("message", "description")))
    if not message and isinstance(error, str) and said not in _NO_ERROR and said not in ("true", "1"):
        message = error
    return status, message, keeps


def unit_of_duration(name: str, span_name: str) -> str:
    """The unit of durations in a column of this name where nothing says it, by the name of the column of span names."""
    # The columns of ClickHouse's `otel_traces`.
    return "ns" if name == "Duration" and span_name == "SpanName" else "ms"


def event_of(entry: Any) -> Row | None:
    """A span's event as a row, but for whose it is; None when it has no time."""
    fields = fields_of(entry) if isinstance(entry, dict) else Fields()
    time_ns = moment_ns(fields.known.get("start"))
    if time_ns is None:
        return None
    texts, numbers = attributes_of(attribute_members(fields))
    return {"time_ns": time_ns, "name": fields.text("name"), "attributes": texts, "number_names": numbers}


def link_of(entry: Any) -> Row | None:
    """A span's link as a row, but for whose it is; None when it leads nowhere."""
    fields = fields_of(unwrapped(entry)) if isinstance(entry, dict) else Fields()
    span_id = id_of(fields.value("span_id"))
    if not span_id:
        return None
    texts, _ = attributes_of(attribute_members(fields))
    return {"linked_trace_id": id_of(fields.value("trace_id")), "linked_span_id": span_id, "attributes": texts}


def attribute_members(fields: Fields) -> Iterable[tuple[str, Any]]:
    """The attributes of a record, those in objects before those in members of their own."""
    if not fields.objects:
        return fields.rest.items()
    return [*(member for holder in fields.objects for member in members_of(holder)), *fields.rest.items()]
