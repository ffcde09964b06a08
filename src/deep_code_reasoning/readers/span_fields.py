"""The fields of a flat span under the many names that exporters give them, and their units.

Names seen in: ClickHouse's `otel_traces`, Datadog's span export, Honeycomb's columns, OpenTelemetry's console
exporters, and exports made by hand (`start`, `duration_ms`). A unit may be part of a name (`duration_ms`,
`startTimeUnixNano`). An epoch number without one tells its unit by its size, and a bare duration is counted in the unit
of its start; beside a start that is text, in milliseconds (in nanoseconds in the columns of `otel_traces`).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from ..domain.instant import NS_PER_MS, NS_PER_S
from .values import MAX_NS, instant_ns, number_of, scaled_ns, text_of

# Names without case and punctuation, best first.
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "trace_id": ("traceid", "tracetraceid", "dttraceid", "trace"),
    "span_id": ("spanid", "tracespanid", "dtspanid", "id"),
    "parent": ("parentspanid", "parentid", "traceparentid", "parent", "parentspan"),
    "name": ("spanname", "operationname", "name", "operation", "opname"),
    "service": ("servicename", "service", "resourceservicename", "svc", "application", "app"),
    "kind": ("spankind", "kind"),
    "start": ("starttime", "start", "startedat", "starttimestamp", "startts", "begin", "timestamp", "ts", "time"),
    "end": ("endtime", "end", "endedat", "endtimestamp", "endts", "finish"),
    "duration": ("duration", "elapsed", "elapsedtime", "latency", "responsetime", "took"),
    "status": ("statuscode", "spanstatus", "status", "otelstatuscode", "outcome"),
    "status_message": ("statusmessage", "statusdescription", "errormessage", "otelstatusdescription"),
    "attributes": ("attributes", "spanattributes", "tags", "meta", "metrics"),
    "resource": ("resourceattributes", "resource", "resourcetags"),
    "events": ("events", "logs", "annotations"),
    "links": ("links",),
    "scope": ("scopename", "instrumentationscopename", "libraryname"),
}
# These may end with a unit, and those count only when their value is an object or a list.
TIMED: Final = ("start", "end", "duration")
STRUCTURED: Final = ("attributes", "resource", "events", "links")

_PUNCTUATION: Final = re.compile(r"[^a-z0-9]")
_UNITS: Final = {
    "ns": ("ns", "nano", "nanos", "nanoseconds", "unixnano"),
    "us": ("us", "micro", "micros", "microseconds"),
    "ms": ("ms", "milli", "millis", "milliseconds"),
    "s": ("s", "sec", "secs", "seconds", "unix"),
}
SCALES: Final = {"ns": 1, "us": 1_000, "ms": NS_PER_MS, "s": NS_PER_S}
_UNIT_OF_SUFFIX: Final = {suffix: unit for unit, suffixes in _UNITS.items() for suffix in suffixes}
_QUANTITIES: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+")
_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)")
_QUANTITY_SCALES: Final = {**SCALES, "µs": 1_000, "μs": 1_000, "m": 60 * NS_PER_S, "h": 3600 * NS_PER_S}


class Member(NamedTuple):
    """One member of a record: the name it has there, its value, and the unit that its name says, or ''."""

    name: str
    value: Any
    unit: str = ""


class Fields:
    """A record's members sorted by what they are: those that are null are left out.

    Attributes:
        known: the member of each part of a span.
        objects: the values of members that hold attributes.
        rest: all others.
    """

    __slots__ = ("known", "objects", "rest")

    def __init__(self) -> None:
        self.known: dict[str, Member] = {}
        self.objects: list[Any] = []
        self.rest: dict[str, Any] = {}

    def value(self, part: str) -> Any:
        """The value of a part, None when it is not there."""
        member = self.known.get(part)
        return None if member is None else member.value

    def text(self, part: str) -> str:
        """The value of a part as text, '' when it is not there."""
        return text_of(self.value(part))


def fields_of(record: Mapping[str, Any]) -> Fields:
    """Sort a record's members; of several that could be one part of a span, the best named is taken."""
    fields = Fields()
    known, rest = fields.known, fields.rest
    for name, value in record.items():
        if value is None:
            continue
        part, rank, unit = part_of(name)
        if part in STRUCTURED and isinstance(value, str):
            value = unfolded(value)
        if not part or ((part in STRUCTURED) != isinstance(value, dict | list) and not _may_be_either(part, value)):
            rest[name] = value
        elif part == "attributes":
            fields.objects.append(value)
        elif value != "":
            other = known.get(part)
            if other is None or rank < part_of(other.name)[1]:
                known[part] = Member(name, value, unit)
            if other is not None:
                loser = max(other, Member(name, value, unit), key=lambda member: part_of(member.name)[1])
                rest[loser.name] = loser.value
    return fields


def unfolded(text: str) -> Any:
    """The object or list that the text of a cell is, in JSON or in ClickHouse's form (single quotes), else the text."""
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return text
    for parse in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            value = parse(text)
            if isinstance(value, dict | list):
                return value
    return text


def _may_be_either(part: str, value: Any) -> bool:
    """A status may be an object, and a time a pair of seconds and nanoseconds."""
    return (part == "status" and isinstance(value, dict)) or (part in TIMED and isinstance(value, list))


def parts_named(names: Iterable[str]) -> set[str]:
    """The parts of a span that names are for."""
    return {part_of(name)[0] for name in names} - {""}


def plain_name(name: str) -> str:
    """A name without case and punctuation."""
    return _PUNCTUATION.sub("", name.lower())


@functools.lru_cache(maxsize=4096)
def part_of(name: str) -> tuple[str, int, str]:
    """The part of a span that a name is for, its rank among that part's names, and the unit it says."""
    plain = plain_name(name)
    for part, names in _NAMES.items():
        for rank, known in enumerate(names):
            if plain == known:
                return part, rank, ""
            if part in TIMED and plain.startswith(known):
                unit = _UNIT_OF_SUFFIX.get(plain[len(known) :].removeprefix("in"), "")
                if unit:
                    return part, rank, unit
    return "", 0, ""


def moment_ns(member: Member | None) -> int | None:
    """The instant that a member holds: in the unit of its name, or by its form and size; None when it is none."""
    if member is None:
        return None
    if isinstance(member.value, list):
        ns = _pair_ns(member.value)
    elif member.unit and number_of(member.value) is not None:
        ns = scaled_ns(member.value, SCALES[member.unit])
    else:
        ns = instant_ns(member.value)
    return ns if ns is not None and ns > 0 else None


def duration_ns(member: Member, start: Member | None, default_unit: str) -> tuple[int | None, str]:
    """A duration, and the unit that had to be assumed for it, '' when its name or its text says one."""
    value = member.value
    if isinstance(value, list):
        return _pair_ns(value), ""
    if isinstance(value, str) and _QUANTITIES.fullmatch(text := value.replace(" ", "")):
        parts = (float(number) * _QUANTITY_SCALES[unit] for number, unit in _QUANTITY.findall(text))
        total = sum(parts)
        return (round(total) if total <= MAX_NS else None), ""
    if member.unit:
        return scaled_ns(value, SCALES[member.unit]), ""
    unit = _unit_by_size(start) or default_unit
    return scaled_ns(value, SCALES[unit]), unit


def _unit_by_size(start: Member | None) -> str:
    """The unit in which a start counts; '' when it is text."""
    number = number_of(start.value) if start is not None else None
    if start is None or number is None:
        return ""
    if start.unit:
        return start.unit
    return next((unit for limit, unit in ((1e10, "s"), (1e13, "ms"), (1e16, "us"), (1e19, "ns")) if number < limit), "")


def _pair_ns(pair: list[Any]) -> int | None:
    """`[seconds, nanoseconds]`, the high-resolution time of JavaScript's SDK."""
    if len(pair) != 2:
        return None
    seconds, nanos = scaled_ns(pair[0], NS_PER_S), scaled_ns(pair[1], 1)
    if seconds is None or nanos is None or seconds + nanos > MAX_NS:
        return None
    return seconds + nanos
