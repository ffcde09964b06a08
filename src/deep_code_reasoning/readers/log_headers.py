"""The header of a line made into the beginning of a row: time, level, logger, message; what else it says as
attributes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .access_layouts import NUMBERS
from .log_clock import Clock
from .log_layouts import Layout, learn
from .log_origin import workload_of
from .log_times import SCALES, offset_of_zone
from .severity import severity_of, severity_of_priority
from .trace_ids import SLEUTH

Row = dict[str, Any]
_Groups = tuple[str | None, ...]
_Make = Callable[[_Groups, Row], Row | None]

# Lines that look like a layout not seen yet are looked at, up to this many times a file: each costs some 100 µs.
_MAX_LOOKS: Final = 200

_MAYBE_TIME: Final = re.compile(r".{0,40}?\d:\d|.{0,10}?\b\d{10}")
_PAIR: Final = re.compile(r"(?<![\w.])([A-Za-z_][\w.]{0,80})=(\"[^\"]*\"|\S*)")
# A bracket that holds a logger's name and not a thread's.
_LOGGER: Final = re.compile(r"[A-Za-z_][\w$-]*(?:(?:\.|::|#|\$)[\w$-]+)+")
_COLUMNS: Final = frozenset({"time", "fraction", "zone", "level", "logger", "message"})

severity_of_word: Final = functools.lru_cache(maxsize=1024)(severity_of)


class HeaderReader:
    """Reads the first lines of records.

    Args:
        layouts: those that the head of the file shows; others are learnt on the way.
        clock: places times that do not say their date, year or zone.
        dated: each line's time comes from elsewhere (a container's log), so those in the text are not needed.
    """

    def __init__(self, layouts: Sequence[Layout], clock: Clock, dated: bool = False) -> None:
        self._clock = clock
        self._dated = dated
        self._looks = 0
        self._known: dict[Layout, None] = {}
        self._readers: list[tuple[Callable[[str], re.Match[str] | None], _Make]] = []
        self._learn(layouts)

    @property
    def knows_headers(self) -> bool:
        """Whether the lines of this file have headers at all: then a line without one continues a record."""
        return bool(self._readers)

    def read(self, line: str, common: Row) -> Row | None:
        """The row that a line begins, on top of columns that all rows share; None when it has no header."""
        for match_of, make in self._readers:
            match = match_of(line)
            if match is not None:
                return make(match.groups(), common)
        if self._looks < _MAX_LOOKS and _MAYBE_TIME.match(line):
            return self._look(line, common)
        return None

    def _look(self, line: str, common: Row) -> Row | None:
        """A line that may have a header of a layout that the head of the file did not show."""
        self._looks += 1
        layouts = [layout for layout in learn([line]) if layout not in self._known and layout.form]
        for layout in layouts:
            match = layout.match(line)
            if match is not None:
                self._learn(layouts)
                return self._maker(layout)(match.groups(), common)
        return None

    def _learn(self, layouts: Sequence[Layout]) -> None:
        self._known.update(dict.fromkeys(layouts))
        self._readers = [(layout.match, self._maker(layout)) for layout in self._known]

    def _maker(self, layout: Layout) -> _Make:
        """What makes a row of a layout's groups; everything that is the same for all lines is looked up here, once."""
        fields = layout.fields
        place = {name: index for index, name in reversed(list(enumerate(fields)))}
        message, level, logger = place["message"], place.get("level", -1), place.get("logger", -1)
        rest = tuple((index, name) for index, name in enumerate(fields) if name not in _COLUMNS)
        time_of = self._time_reader(layout)
        syslog = layout.syslog

        def make(groups: _Groups, common: Row) -> Row | None:
            row = common.copy()
            if time_of is not None:
                time = time_of(groups)
                if time is None:
                    return None
                row["time_ns"], row["time_guess"] = time
            if level >= 0 and (word := groups[level]):
                row["severity"] = severity_of_word(word)
            if logger >= 0 and (name := groups[logger]):
                row["scope"] = name
            row["body"] = (groups[message] or "").rstrip()
            if rest:
                _fill(row, rest, groups)
            if syslog and "scope" in row:
                # The sender in syslog's header is a program (RFC 5424 section 6.2.5); the data model of
                # OpenTelemetry's logs takes its name for the service.
                row["service"] = row["scope"]
            return row

        return make

    def _time_reader(self, layout: Layout) -> Callable[[_Groups], tuple[int, str] | None] | None:
        form, clock = layout.form, self._clock
        if form is None or self._dated:
            return None
        at = layout.fields.index("time")
        read, missing, absolute = form.read, form.missing, form.absolute
        undated = any(known.form and known.form.missing for known in self._known)
        scales = SCALES

        def time_of(groups: _Groups) -> tuple[int, str] | None:
            ns = read(groups[at] or "")
            if ns is None:
                return None
            fraction = groups[at + 1]
            if fraction:
                ns += int(fraction) * scales[len(fraction)]
            zone = groups[at + 2]
            if zone:
                ns -= offset_of_zone(zone)
                if missing:
                    return clock.place(ns + clock.shift_ns, missing), "date"
            elif missing:
                return clock.place(ns, missing), "date,zone"
            elif not absolute:
                ns -= clock.shift_ns
            if undated:
                clock.saw(ns)
            return ns, "" if zone or absolute else "zone"

        return time_of


def _fill(row: Row, rest: tuple[tuple[int, str], ...], groups: _Groups) -> None:
    """Put what else a header says where it belongs: columns, else attributes."""
    attributes: dict[str, str] = {}
    for index, kind in rest:
        value = groups[index]
        if not value or value == "-":
            continue
        if kind == "number":
            attributes["thread.id" if "process.pid" in attributes else "process.pid"] = value
        elif kind == "bracket":
            _fill_bracket(row, attributes, value.strip())
        elif kind == "host":
            row["host"] = value
        elif kind == "column" and "scope" not in row:
            row["scope"] = value
        else:
            _fill_rare(row, attributes, kind, value)
    if attributes:
        row["attributes"] = {**row["attributes"], **attributes} if "attributes" in row else attributes


def _fill_rare(row: Row, attributes: dict[str, str], kind: str, value: str) -> None:
    if kind == "priority":
        row["severity"] = severity_of_priority(int(value))
    elif kind == "location":
        attributes["code.location"] = value
    elif kind == "rest":
        attributes.update(_pairs(value))
    elif "." in kind or kind in NUMBERS:
        attributes[kind] = value
        if kind in NUMBERS:
            row.setdefault("number_names", []).append(kind)
    else:
        attributes[_free_name(attributes, "structured" if kind == "structured" else "header")] = value


def _pairs(text: str) -> dict[str, str]:
    """What an access log's format adds at its end: `rt=0.005 uct="0.001"`, else as it stands."""
    pairs = {name: value.strip('"') for name, value in _PAIR.findall(text)}
    return pairs if pairs and not _PAIR.sub("", text).strip() else {"header.1": text}


def _fill_bracket(row: Row, attributes: dict[str, str], value: str) -> None:
    sleuth = SLEUTH.fullmatch(value)
    if sleuth is not None:
        if sleuth[1]:
            row["service"] = sleuth[1]
        row["trace_id"], row["span_id"] = sleuth[2] or sleuth[4], sleuth[3] or sleuth[5]
    elif value.isdecimal() and "process.pid" not in attributes:
        attributes["process.pid"] = value
    elif "scope" not in row and _LOGGER.fullmatch(value):
        row["scope"] = value
    elif (named := attributes.get("thread.name")) and workload_of(value) == named != value:
        # `[checkout] [checkout-5d9f7c6b8-x2x7k]`: a program and its pod.
        row["service"], row["instance"] = attributes.pop("thread.name"), value
    else:
        name = "thread.name" if "thread.name" not in attributes else _free_name(attributes, "header")
        attributes[name] = value


def _free_name(attributes: Mapping[str, str], name: str) -> str:
    number = 1
    while f"{name}.{number}" in attributes:
        number += 1
    return f"{name}.{number}"
