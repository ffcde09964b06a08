"""Flat spans: one object (or CSV row) a span, as teams export them from a warehouse or write them by hand.

There is no specification; names are compared without case and punctuation, so that `trace_id`, `traceId`, `TraceID`
and `trace.id` are one. Which names a part of a span goes by is listed in `span_fields.py`; every other field becomes an
attribute. The trace id may be the word `same`: that of the record before it. Shapes: arrays, JSON lines, a document
around a list (`spans`, `traces`, `data` ...), traces with `spans` inside, CSV with a header.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ..store.tables import MAGIC
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Progress, Reader, reject_rest
from .delimited import iterate_rows, layout_of
from .json_records import head_records, iterate_json
from .span_columns import UnsuitedError, spans_of
from .span_fields import Fields, duration_ns, fields_of, moment_ns, parts_named, plain_name
from .span_parts import (
    CONTEXTS,
    attribute_members,
    event_of,
    id_of,
    link_of,
    parent_of,
    process_names,
    resource_of,
    status_and_message,
    unit_of_duration,
    unwrapped,
)
from .tables import json_batches
from .values import ItemCounter, attributes_of, first_of, kind_of, number_in, text_of, who

_LISTS: Final = ("spans", "traces", "data", "records", "results", "items", "data.spans", "data.traces", "hits.hits")
_SAME: Final = frozenset({"same", "ditto"})
# What log records have and spans have not.
_LOG_FIELDS: Final = frozenset({"message", "msg", "body", "log", "level", "severity", "severitytext"})

# Names under which a row may have spans, or a span parts of itself.
_NESTED: Final = frozenset({*(path.split(".")[0] for path in _LISTS), "_source", *CONTEXTS})
# So many records are read by the column at once: more would only take memory.
_BATCH_RECORDS: Final = 4_000
# Columns of records that hardly share a name would be mostly empty, and take memory for nothing.
_MAX_SPARSE: Final = 20

Row = dict[str, Any]


class _Place(NamedTuple):
    """A record with the trace id that stands outside of it, or '', and its place in the file."""

    record: Any
    trace_id: str
    line: int
    offset: int


@dataclass(frozen=True)
class _Batch:
    """Records by the column. Those of a table have nothing but columns; `moments` are the times in some of them."""

    columns: Mapping[str, list[Any]]
    places: Sequence[_Place]
    moments: Mapping[str, list[int | None]] = field(default_factory=dict)

    def record(self, i: int) -> Any:
        """One of the records."""
        if self.places[i].record is not None:
            return self.places[i].record
        return {name: values[i] for name, values in self.columns.items()}


def sniff(head: Head) -> float:
    """By the fields of the first records: ids, a name, a time with an end or a duration; a parent makes it sure."""
    layout = layout_of(head)
    if layout is not None:
        return 0.9 * _looks_like_span(dict.fromkeys(layout.columns))
    records = (record.value for record in head_records(head, _LISTS))
    spans = (span for record in records for span, _ in _spans_of(record) if isinstance(span, dict))
    return 0.85 * max((_looks_like_span(unwrapped(span)) for span in itertools.islice(spans, 5)), default=0.0)


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read spans, with their events and links where they have some."""
    for file in files:
        state = _FileState(file, writer)
        layout, rows = iterate_rows(file, writer)
        if layout is not None:
            state.take_all(_Place(_record_of(layout.columns, row.cells), "", row.line, row.offset) for row in rows)
        elif file.compression not in MAGIC.values() or not _read_table(file, writer, state):
            state.take_all(
                _Place(span, trace_id, record.line, record.offset)
                for record in iterate_json(file, writer, _LISTS)
                for span, trace_id in _spans_of(record.value)
            )
        if state.unitless:
            writer.note(file.source_id, f"{state.unitless} duration(s) without a unit, taken as {state.unit}")


def _record_of(names: Sequence[str], cells: Sequence[str]) -> Row:
    return {name: number_in(cell) for name, cell in zip(names, cells, strict=True) if cell}


def _read_table(file: EvidenceFile, writer: CaseWriter, state: _FileState) -> bool:
    """Read a table without making lines of it; whether it could be: a span may be within a row, or parts of one."""
    line = 1
    try:
        for columns, moments in json_batches(file.path):
            if not _NESTED.isdisjoint(columns):
                return False
            size = len(next(iter(columns.values())))
            state.take_columns(_Batch(columns, [_Place(None, "", n, -1) for n in range(line, line + size)], moments))
            line += size
    except (EOFError, OSError) as fault:
        reject_rest(file, writer, line, -1, fault)
    Progress(file, writer).end()
    return True


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


class _FileState:
    """What is carried from span to span of a file: the last trace id, the rows of a line, durations without unit."""

    def __init__(self, file: EvidenceFile, writer: CaseWriter) -> None:
        self._source_id = file.source_id
        self._writer = writer
        self._items = ItemCounter()
        self._last_trace_id = ""
        self.unitless = 0
        self.unit = ""

    def take_all(self, places: Iterator[_Place]) -> None:
        """Write records as spans, or reject them."""
        while batch := list(itertools.islice(places, _BATCH_RECORDS)):
            records = [unwrapped(place.record) if isinstance(place.record, dict) else {} for place in batch]
            names = dict.fromkeys(itertools.chain.from_iterable(records))
            if len(names) * len(records) > _MAX_SPARSE * sum(map(len, records)):
                for place in batch:
                    self.take(*place)
                continue
            columns = {name: [record.get(name) for record in records] for name in names}
            self.take_columns(_Batch(columns, batch))

    def take_columns(self, batch: _Batch) -> None:
        """Write records by the column; those that are odd by themselves, in their turn."""
        places = batch.places
        try:
            spans = spans_of(batch.columns, [place.trace_id for place in places], batch.moments)
        except UnsuitedError:
            for i, place in enumerate(places):
                self.take(batch.record(i), *place[1:])
            return
        ids = self._resolved(spans.columns["trace_id"])
        taken = [i not in spans.odd and trace_id != "" for i, trace_id in enumerate(ids)]
        items = [-1] * len(places)
        for i, place in enumerate(places):
            if not taken[i]:
                self.take(batch.record(i), *place[1:])
                continue
            self._last_trace_id = ids[i]
            items[i] = self._items.of(place.line)
            if i in spans.unitless:
                self.unitless += 1
                self.unit = spans.unitless[i]
        lines = [place.line for place in places]
        source = [self._source_id] * len(places)
        columns = {**spans.columns, "trace_id": ids, "source_id": source, "line": lines, "item": items}
        for table, inner in (("span_events", spans.events), ("span_links", spans.links)):
            shared = ("trace_id", "span_id", "source_id", "line", "item", *(("service",) * (table == "span_events")))
            for i, rows in inner.items():
                if taken[i]:
                    own = {name: columns[name][i] for name in shared}
                    self._writer.rows(table, ({**own, **row} for row in rows))
        if not all(taken):
            columns = {name: list(itertools.compress(values, taken)) for name, values in columns.items()}
        self._writer.columns("spans", columns)

    def _resolved(self, ids: list[str]) -> list[str]:
        """Trace ids, the words for the one before resolved; '' where there is none."""
        if _SAME.isdisjoint(ids):
            return ids
        found, last = [], self._last_trace_id
        for trace_id in ids:
            found.append(last if trace_id in _SAME else trace_id)
            last = found[-1] or last
        return found

    def take(self, record: Any, outer_trace_id: str, line: int, offset: int) -> None:
        """Write one record as a span, or reject it."""

        def refuse(reason: str, what: Any = record) -> None:
            self._writer.reject(self._source_id, line, reason, text_of(what), offset)

        if not isinstance(record, dict):
            refuse("not a span: not an object")
            return
        fields = fields_of(unwrapped(record))
        trace_id = id_of(fields.value("trace_id")) or id_of(outer_trace_id)
        if trace_id in _SAME:
            trace_id = self._last_trace_id
        self._last_trace_id = trace_id or self._last_trace_id
        span_id = id_of(fields.value("span_id"))
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
            event = event_of(entry)
            if event is None:
                refuse("an event of a span without a time", entry)
            else:
                self._writer.rows("span_events", [{**ids, "service": row["service"], **event, **origin}])
        for entry in _entries(fields.value("links")):
            link = link_of(entry)
            if link is None:
                refuse("a link of a span without a span id", entry)
            else:
                self._writer.rows("span_links", [{**ids, **link, **origin}])

    def _duration_ns(self, fields: Fields, start_ns: int) -> int | None:
        member, end_ns = fields.known.get("duration"), moment_ns(fields.known.get("end"))
        if member is not None and (member.unit or end_ns is None):
            named = fields.known.get("name")
            default_unit = unit_of_duration(member.name, named.name if named else "")
            lasted_ns, assumed = duration_ns(member, fields.known.get("start"), default_unit)
            if lasted_ns is not None and assumed:
                self.unitless += 1
                self.unit = assumed
            return lasted_ns
        return None if end_ns is None else end_ns - start_ns


def _described(fields: Fields) -> Row:
    """The columns of a span that say what it is."""
    resource = {of: text for name, of in process_names(fields.rest).items() if (text := text_of(fields.rest.pop(name)))}
    if "resource" in fields.known:
        resource |= resource_of(fields.value("resource"))
    given = fields.value("status")
    status, message, keeps = status_and_message(given, fields.rest.get("error"), fields.text("status_message"))
    if keeps:
        fields.rest[fields.known["status"].name] = given
    texts, numbers = attributes_of(attribute_members(fields))
    service = fields.text("service") or first_of(resource, ("service.name",)) or texts.get("service.name", "")
    return {
        **who(service, {**texts, **resource}),
        "parent_span_id": parent_of(fields.value("parent")),
        "name": fields.text("name"),
        "kind": kind_of(fields.value("kind")),
        "status": status,
        "status_message": message,
        "attributes": texts,
        "number_names": numbers,
        "resource": {**({"service.name": service} if service else {}), **resource},
        "scope": fields.text("scope"),
    }


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


READER: Final = Reader("flat-spans", "traces", sniff, read)
