"""Times that do not say their date, year or zone, placed by their neighbours.

A file's clock is a *shift* (how far it is ahead of UTC) and a *reference* (an instant near its first line). They come,
in this order, from: traces that its lines name and that spans have dated; its own lines that are dated; the date in its
name; the other evidence, with which it should overlap; the time that the caller gave. With none of them, dates stay at
1970 and years at 1972, so that distances in time are right though nothing else is.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ..domain.instant import NS_PER_S, format_instant
from .log_times import YEARLESS, naive_ns

_MINUTE: Final = 60 * NS_PER_S
_DAY: Final = 86_400 * NS_PER_S
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
# Zones are multiples of a quarter of an hour, from UTC-12 to UTC+14.
_QUARTER: Final = 15 * _MINUTE
_QUARTERS: Final = range(-12 * 4, 14 * 4 + 1)
# A line is written while its trace runs; where their distance varies by more, they are not of one clock.
_TRACE_SPREAD: Final = 5 * _MINUTE
_MIN_TRACES: Final = 3
# Evidence is cut roughly at the same times; this much may be missing on one side.
_SLACK: Final = 2 * _MINUTE
# A zone other than UTC is assumed only when the file lies outside the other evidence as it stands, and when, shifted,
# at least this share of it (or of the other evidence) overlaps.
_MIN_OVERLAP: Final = 0.5
_DATE_IN_NAME: Final = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)")

Range = tuple[int, int]


@dataclass(frozen=True)
class Sample:
    """What the beginning (and, where it can be had cheaply, the end) of a file shows.

    Attributes:
        first_ns: the first naive time.
        last_ns: the last one known.
        missing: '', 'year' or 'date': what its times do not say, besides the zone.
        dated_ns: an instant that one of its lines says in full, else 0.
        traces: trace ids that its lines name, with the naive time of the line.
    """

    first_ns: int
    last_ns: int
    missing: str
    dated_ns: int = 0
    traces: tuple[tuple[str, int], ...] = ()


class Clock:
    """Places the naive times of one file, in the order of its lines."""

    def __init__(self, shift_ns: int = 0, reference_ns: int | None = None, note: str = "") -> None:
        self.shift_ns = shift_ns
        self.note = note
        self._last_ns = reference_ns
        self._day = -1
        self._days_on = 0

    def place(self, naive: int, missing: str) -> int:
        """The instant of a naive time; dates and years roll over where the times do."""
        if not missing:
            return naive - self.shift_ns
        if self._last_ns is None:
            self._last_ns = naive - self.shift_ns
        local = self._last_ns + self.shift_ns
        placed = _nearest_day(naive, local) if missing == "date" else self._nearest_year(naive, local)
        self._last_ns = placed - self.shift_ns
        return self._last_ns

    def saw(self, instant_ns: int) -> None:
        """A line of the file that said its whole time: those after it are near to it."""
        self._last_ns = instant_ns

    def _nearest_year(self, naive: int, local: int) -> int:
        day = naive // _DAY
        if day != self._day:
            self._days_on = nearest_year(naive, local) // _DAY - day
            self._day = day
        placed = naive + self._days_on * _DAY
        if abs(placed - local) > 200 * _DAY:
            placed = nearest_year(naive, local)
        return placed


def _nearest_day(naive: int, local: int) -> int:
    return naive + (local - naive + _DAY // 2) // _DAY * _DAY


def nearest_year(naive: int, local: int) -> int:
    """Move a time of the year 1972 to the year that brings it nearest to another time."""
    moment = date.fromordinal(naive // _DAY + _EPOCH_DAY)
    around = date.fromordinal(local // _DAY + _EPOCH_DAY).year
    candidates = []
    for year in (around - 1, around, around + 1):
        start = naive_ns(year, moment.month, moment.day, 0, 0, 0)
        if start is not None:
            candidates.append(start + naive % _DAY)
    # A leap day has no place in three years out of four.
    return min(candidates, key=lambda ns: abs(ns - local), default=naive)


def clock_for(
    sample: Sample,
    name: str,
    known: Range | None,
    starts: Mapping[str, int],
    anchor_ns: int | None = None,
) -> Clock:
    """The clock of a file.

    Args:
        sample: what the file shows.
        name: its name, in which a date may stand.
        known: from when to when the other evidence is.
        starts: when traces began, by their ids.
        anchor_ns: an instant near the incident, for when nothing else is known.
    """
    by_traces = _from_traces(sample, starts)
    if by_traces is not None:
        return by_traces
    if sample.missing and sample.dated_ns:
        return Clock(0, sample.dated_ns)
    if sample.missing == "date" and (day := _day_in(name)) is not None:
        return Clock(0, day + sample.first_ns % _DAY)
    if known is not None:
        return _by_overlap(sample, known)
    if not sample.missing:
        return Clock()
    if anchor_ns is not None:
        return Clock(0, anchor_ns, f"undated: taken to be near {format_instant(anchor_ns)}")
    place = "year" if sample.missing == "year" else "date"
    return Clock(0, None, f"its times have no {place} and nothing else says it: placed in {_unknown(sample.missing)}")


def _unknown(missing: str) -> str:
    return str(YEARLESS) if missing == "year" else "1970"


def _from_traces(sample: Sample, starts: Mapping[str, int]) -> Clock | None:
    """The clock by which lines fall into the traces that they name."""
    pairs = [(naive, starts[trace_id]) for trace_id, naive in sample.traces if trace_id in starts]
    if len(pairs) < _MIN_TRACES:
        return None
    if sample.missing == "year":
        pairs = [(nearest_year(naive, start), start) for naive, start in pairs]
    distances = [naive - start for naive, start in pairs]
    if sample.missing == "date":
        # Only the time of the day is known: distances are taken around the clock.
        first = distances[0]
        distances = [first + (distance - first + _DAY // 2) % _DAY - _DAY // 2 for distance in distances]
        turn = round(statistics.median(distances) / _DAY) * _DAY
        distances = [distance - turn for distance in distances]
    middle = statistics.median(distances)
    if statistics.median(abs(distance - middle) for distance in distances) > _TRACE_SPREAD:
        return None
    quarters = round(middle / _QUARTER)
    while quarters not in _QUARTERS and sample.missing == "date":
        quarters += 96 if quarters < 0 else -96
    if quarters not in _QUARTERS:
        return None
    shift = quarters * _QUARTER
    return Clock(shift, pairs[0][1], _zone_note(shift, "by the traces that its lines name"))


def _by_overlap(sample: Sample, known: Range) -> Clock:
    """The clock by which a file overlaps with the other evidence; UTC, unless that leaves it outside."""
    if sample.missing == "date":
        length = (sample.last_ns - sample.first_ns) % _DAY

        def moved(shift: int) -> Range:
            local = known[0] + shift
            start = sample.first_ns + -(-(local - _SLACK - length - sample.first_ns) // _DAY) * _DAY - shift
            return start, start + length
    else:
        first, last = sample.first_ns, max(sample.first_ns, sample.last_ns)
        if sample.missing == "year":
            first = nearest_year(first, known[0])
            last = nearest_year(last, first)

        def moved(shift: int) -> Range:
            return first - shift, last - shift

    if _overlap(moved(0), known) > 0:
        return Clock(0, moved(0)[0])
    shift = _best_shift(moved, known)
    if shift is None:
        return Clock(0, moved(0)[0])
    return Clock(shift, moved(shift)[0], _zone_note(shift, "by the other evidence"))


def _best_shift(moved: Callable[[int], Range], known: Range) -> int | None:
    # Whole hours first, then halves, then quarters; near ones before far ones: the most common zones win ties.
    ordered = sorted(_QUARTERS, key=lambda q: (0 if q % 4 == 0 else 1 if q % 2 == 0 else 2, abs(q), q))
    best, best_overlap = None, 0.0
    for quarters in ordered:
        overlap = _overlap(moved(quarters * _QUARTER), known)
        if overlap >= _MIN_OVERLAP and overlap > best_overlap + 0.05:
            best, best_overlap = quarters * _QUARTER, overlap
    return best


def _overlap(file: Range, known: Range) -> float:
    """The share of the shorter of two ranges that lies in the other."""
    start, end = max(file[0], known[0] - _SLACK), min(file[1], known[1] + _SLACK)
    if end < start:
        return 0.0
    shorter = min(file[1] - file[0], known[1] - known[0] + 2 * _SLACK)
    return min(1.0, (end - start) / shorter) if shorter > 0 else 1.0


def _zone_note(shift_ns: int, why: str) -> str:
    if not shift_ns:
        return ""
    hours, minutes = divmod(abs(shift_ns) // _MINUTE, 60)
    return f"its clock is taken as UTC{'+' if shift_ns > 0 else '-'}{hours:02d}:{minutes:02d}, {why}"


def _day_in(name: str) -> int | None:
    for match in reversed(list(_DATE_IN_NAME.finditer(name))):
        day = naive_ns(int(match[1]), int(match[2]), int(match[3]), 0, 0, 0)
        if day is not None:
            return day
    return None


def traces_named(samples: Sequence[Sample]) -> list[str]:
    """All trace ids in some samples, each once."""
    return list(dict.fromkeys(trace_id for sample in samples for trace_id, _ in sample.traces))
