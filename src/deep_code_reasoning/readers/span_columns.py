"""Flat spans a batch at a time, column by column: what a column's name means is asked once, not of every record.

The rules are those of `flat_spans.py`, of which this is the quick way: it takes the rows that are as usual, and leaves
the odd ones (a start that is no time, a part of a span whose best column is empty beside another) to it, one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .span_fields import SCALES, STRUCTURED, TIMED, Member, duration_ns, moment_ns, part_of, unfolded
from .span_parts import (
    event_of,
    id_of,
    link_of,
    members_of,
    process_names,
    resource_of,
    status_and_message,
    unit_of_duration,
)
from .values import HOST, INSTANCE, MAX_NS, attributes_of, first_of, kind_of, text_of

Column = list[Any]
# A look at so many tells whether a column's values come again.
_SAMPLED: Final = 200
_SIMPLE: Final = frozenset({str, int, float, bool})


class UnsuitedError(Exception):
    """These columns have to be read record by record; internal to the reader of flat spans."""


@dataclass(frozen=True)
class Spans:
    """Spans of a batch.

    Attributes:
        columns: the cells of `spans`, but for their place, a row for each record.
        events, links: of some records their rows of `span_events` and `span_links`, but for whose they are.
        odd: the records that have to be read by themselves; their rows here mean nothing.
        unitless: the records whose duration says no unit, and the unit that was taken.
    """

    columns: dict[str, Column]
    events: dict[int, list[dict[str, Any]]]
    links: dict[int, list[dict[str, Any]]]
    odd: set[int]
    unitless: dict[int, str]


@dataclass
class _Sorted:
    """Columns by the part of a span that they are, as `span_fields.Fields` has a record's members."""

    size: int
    known: dict[str, tuple[str, str, Column]] = field(default_factory=dict)
    objects: list[Column] = field(default_factory=list)
    rest: dict[str, Column] = field(default_factory=dict)
    odd: set[int] = field(default_factory=set)

    def values(self, part: str) -> Column:
        return self.known[part][2] if part in self.known else [None] * self.size

    def texts(self, part: str) -> Column:
        return each(text_of, self.values(part)) if part in self.known else [""] * self.size


def spans_of(columns: Mapping[str, Column], trace_ids: Sequence[str], moments: Mapping[str, list[int | None]]) -> Spans:
    """The spans that records make.

    Args:
        columns: values of JSON by name, None where a record has none.
        trace_ids: of each record the trace id that stands outside of it, or ''.
        moments: of columns that are texts of times, the times in nanoseconds, where they are known.

    Raises:
        UnsuitedError: when the names of columns leave it to each record what they are.
    """
    by_part = _sort(columns, len(trace_ids))
    ids = _ids(by_part.values("trace_id"))
    if any(trace_ids):
        ids = [own or id_of(outer) for own, outer in zip(ids, trace_ids, strict=True)]
    span_ids = _ids(by_part.values("span_id"))
    starts = _moments(by_part, "start", moments)
    by_part.odd.update(i for i, cells in enumerate(zip(ids, span_ids, starts, strict=True)) if not all(cells))
    lasted, unitless = _durations(by_part, starts, moments)
    by_part.odd.update(i for i, ns in enumerate(lasted) if ns is None)
    events = _entries(by_part, "events", event_of)
    links = _entries(by_part, "links", link_of)
    described = _described(by_part)
    times: dict[str, Column] = {"trace_id": ids, "span_id": span_ids, "start_ns": starts, "duration_ns": lasted}
    return Spans({**times, **described}, events, links, by_part.odd, unitless)


def _ids(values: Column) -> list[str]:
    """`id_of` of each; looked at as one text first, since most are as they should be."""
    if _kinds(values) == {str}:
        found = ["" if value is None else value for value in values]
        text = "".join(found)
        if text.isascii() and text.isalnum() and text == text.lower() and "0x" not in text:
            return found
    return list(map(id_of, values))


def each(function: Callable[..., Any], *columns: Column) -> Column:
    """A function's values; asked once for those that come again, where they are few."""
    try:
        few = [column[:_SAMPLED] for column in columns]
        is_varied = 2 * len(set(zip(*few, strict=True))) > len(few[0])
        distinct = set() if is_varied else set(zip(*columns, strict=True))
    except TypeError:
        return list(map(function, *columns))
    # Python takes 1, 1.0 and True for one.
    if is_varied or any(len(_kinds(column) - {str}) > 1 for column in columns):
        return list(map(function, *columns))
    known = {values: function(*values) for values in distinct}
    return [known[values] for values in zip(*columns, strict=True)]


def _kinds(column: Column) -> set[type]:
    return set(map(type, column)) - {type(None)}


def _sort(columns: Mapping[str, Column], size: int) -> _Sorted:
    """As `span_fields.fields_of` sorts a record's members."""
    found = _Sorted(size)
    ranks: dict[str, int] = {}
    for name, values in columns.items():
        kinds = _kinds(values)
        if not kinds:
            continue
        part, rank, unit = part_of(name)
        if not part:
            found.rest[name] = values
            continue
        if part in STRUCTURED:
            values, plain = _split(values, kinds)
            if plain is not None:
                found.rest[name] = plain
        else:
            values = _scalars(part, values, kinds, found)
        if not any(value is not None for value in values):
            continue
        if part == "attributes":
            found.objects.append(values)
        elif part not in found.known:
            found.known[part], ranks[part] = (name, unit, values), rank
        else:
            if part in STRUCTURED or rank == ranks[part]:
                raise UnsuitedError
            worse = (name, unit, values)
            if rank < ranks[part]:
                worse, found.known[part], ranks[part] = found.known[part], worse, rank
            found.rest[worse[0]] = worse[2]
            pairs = zip(found.values(part), worse[2], strict=True)
            found.odd.update(i for i, (best, other) in enumerate(pairs) if best is None and other is not None)
    return found


def _split(values: Column, kinds: set[type]) -> tuple[Column, Column | None]:
    """The objects and lists of a column, unfolded from text where they are it, and what is none, if anything."""
    if str in kinds:
        values = [unfolded(value) if isinstance(value, str) else value for value in values]
        kinds = _kinds(values)
    if kinds <= {dict, list}:
        return values, None
    objects = [value if isinstance(value, dict | list) else None for value in values]
    return objects, [None if isinstance(value, dict | list) else value for value in values]


def _scalars(part: str, values: Column, kinds: set[type], found: _Sorted) -> Column:
    """The column without empty texts; records whose value cannot be this part are odd."""
    wrong = tuple(kinds - _SIMPLE - ({list} if part in TIMED else {dict} if part == "status" else set()))
    if wrong:
        found.odd.update(i for i, value in enumerate(values) if isinstance(value, wrong))
    return [None if value == "" else value for value in values] if "" in values else values


def _moments(by_part: _Sorted, part: str, moments: Mapping[str, list[int | None]]) -> list[int | None]:
    if part not in by_part.known:
        return [None] * by_part.size
    name, unit, values = by_part.known[part]
    if name in moments:
        return [ns if ns is not None and ns > 0 else None for ns in moments[name]]
    return each(lambda value: moment_ns(None if value is None else Member(name, value, unit)), values)


def _durations(
    by_part: _Sorted, starts: list[int | None], moments: Mapping[str, list[int | None]]
) -> tuple[list[int | None], dict[int, str]]:
    """How long spans lasted, and of which the unit had to be assumed."""
    ends = _moments(by_part, "end", moments)
    lasted = [None if start is None or end is None else end - start for start, end in zip(starts, ends, strict=True)]
    unitless: dict[int, str] = {}
    if "duration" not in by_part.known or "start" not in by_part.known:
        return lasted, unitless
    name, unit, values = by_part.known["duration"]
    start_name, start_unit, start_values = by_part.known["start"]
    named = by_part.known["name"][0] if "name" in by_part.known else ""
    # What is text of a time has no unit in which it counts.
    counted = start_name not in moments
    default = unit_of_duration(name, named)
    if (
        _kinds(values) == {int}
        and (unit or not (counted or "end" in by_part.known))
        and None not in by_part.values("name")
    ):
        scale = SCALES[unit or default]
        limit = MAX_NS // scale
        lasted = [None if value is None or abs(value) > limit else value * scale for value in values]
        return lasted, {} if unit else {i: default for i, ns in enumerate(lasted) if ns is not None}
    for i, (value, start, end, span_name) in enumerate(zip(values, starts, ends, by_part.values("name"), strict=True)):
        if value is None or start is None or (not unit and end is not None):
            continue
        beside = Member(start_name, start_values[i], start_unit) if counted else None
        default = unit_of_duration(name, named if span_name is not None else "")
        lasted[i], assumed = duration_ns(Member(name, value, unit), beside, default)
        if assumed and lasted[i] is not None:
            unitless[i] = assumed
    return lasted, unitless


def _entries(
    by_part: _Sorted, part: str, row_of: Callable[[Any], dict[str, Any] | None]
) -> dict[int, list[dict[str, Any]]]:
    """The rows of spans' events or links; a span with one that cannot be read is odd."""
    found: dict[int, list[dict[str, Any]]] = {}
    if part not in by_part.known:
        return found
    for i, value in enumerate(by_part.values(part)):
        if value and type(value) is list:
            rows = list(map(row_of, value))
            found[i] = [row for row in rows if row is not None]
            if len(found[i]) < len(rows):
                by_part.odd.add(i)
    return found


def _described(by_part: _Sorted) -> dict[str, Column]:
    """The columns of a span that say what it is."""
    of_process = _of_process(by_part)
    given = by_part.values("status")
    errors = by_part.rest.get("error", [None] * by_part.size)
    told = each(status_and_message, given, errors, by_part.texts("status_message"))
    if any(keeps for _, _, keeps in told):
        kept = [value if keeps else None for value, (_, _, keeps) in zip(given, told, strict=True)]
        by_part.rest[by_part.known["status"][0]] = kept
    texts, numbers = zip(*map(attributes_of, _attributes(by_part)), strict=True)
    resources = [_resource(value, own) for value, own in zip(by_part.values("resource"), of_process, strict=True)]
    services = [
        service or first_of(resource, ("service.name",)) or own.get("service.name", "")
        for service, resource, own in zip(by_part.texts("service"), resources, texts, strict=True)
    ]
    return {
        "service": services,
        "instance": _first_of(INSTANCE, texts, resources),
        "host": _first_of(HOST, texts, resources),
        "parent_span_id": ["" if not own.strip("0") else own for own in _ids(by_part.values("parent"))],
        "name": by_part.texts("name"),
        "kind": each(kind_of, by_part.values("kind")),
        "status": [status for status, _, _ in told],
        "status_message": [message for _, message, _ in told],
        "attributes": list(texts),
        "number_names": list(numbers),
        "resource": [
            resource if not service or "service.name" in resource else {"service.name": service, **resource}
            for service, resource in zip(services, resources, strict=True)
        ],
        "scope": by_part.texts("scope"),
    }


def _first_of(
    names: Sequence[str], texts: Sequence[Mapping[str, str]], resources: Sequence[Mapping[str, str]]
) -> list[str]:
    """Of each record the first of these names that is not empty, in its resource or else among its attributes."""
    if set(names).isdisjoint(set().union(*texts)):
        return [first_of(resource, names) for resource in resources]
    return [first_of({**own, **resource}, names) for own, resource in zip(texts, resources, strict=True)]


def _of_process(by_part: _Sorted) -> list[dict[str, str]]:
    """Take the columns that say where a span's process runs out of the others; a dict for each record."""
    named = process_names(by_part.rest)
    if not named:
        return [{}] * by_part.size
    columns = {of: by_part.rest.pop(name) for name, of in named.items()}
    if len(columns) < len(named):
        raise UnsuitedError
    if "node" in named:
        others = zip(*[values for of, values in columns.items() if of != named["node"]], strict=True)
        by_part.odd.update(i for i, row in enumerate(others) if all(value is None for value in row))
    rows = zip(*[each(text_of, values) for values in columns.values()], strict=True)
    return [{of: text for of, text in zip(columns, row, strict=True) if text} for row in rows]


def _resource(value: Any, of_process: dict[str, str]) -> dict[str, str]:
    if value is None:
        return of_process
    told = resource_of(value)
    return {**of_process, **told} if of_process else told


def _attributes(by_part: _Sorted) -> Iterator[Mapping[str, Any]]:
    """The attributes of each record, those in objects before those in columns of their own."""
    names, size = tuple(by_part.rest), by_part.size
    if len(by_part.objects) == 1 and not names and _kinds(by_part.objects[0]) == {dict}:
        yield from (held or {} for held in by_part.objects[0])
        return
    rests = zip(*by_part.rest.values(), strict=True) if names else itertools.repeat((), size)
    holders = zip(*by_part.objects, strict=True) if by_part.objects else itertools.repeat((), size)
    for rest, objects in zip(rests, holders, strict=True):
        found: dict[str, Any] = {}
        for held in objects:
            if held is not None:
                found.update(members_of(held))
        found.update([pair for pair in zip(names, rest, strict=True) if pair[1] is not None])
        yield found
