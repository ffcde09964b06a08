"""The forms in which log lines and records write their time, and how each is read.

A form reads a *naive* time, nanoseconds since 1970-01-01T00:00:00 of the clock on the wall; `offset_of_zone` turns the
zone behind it, when there is one, into what has to be taken off. What a form does not write (the year, the date) is
filled in by `log_clock`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ..domain.instant import NS_PER_MS, NS_PER_S, epoch_to_ns

# Times without a year are read in this one (the first leap year, so that 29 February is a date in it).
YEARLESS: Final = 1972
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MONTHS: Final = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}  # fmt: skip
_MONTH: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY: Final = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"

# RFC 5322 section 4.3, and the abbreviations of central Europe and Japan; those that several countries share are
# left out.
_ZONES: Final[dict[str, int]] = {
    "Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7, "CET": 1, "CEST": 2, "JST": 9,
}  # fmt: skip
_FRACTION: Final = r"(?:[.,:](\d{1,9})\d*)?"
_ZONE: Final = r"( ?(?:[zZ]|UTC|GMT|[ECMP][SD]T|CES?T|JST|[+-]\d\d:?\d\d)(?!\w))?"
_CLOCK: Final = r"\d\d:\d\d:\d\d"
_NO_FRACTION: Final = "()"
_NO_ZONE: Final = "()"

_NO_TIME: Final = 2**63 - 10 * NS_PER_S

# How many digits of a fraction are worth how many nanoseconds.
SCALES: Final = tuple(10 ** (9 - digits) for digits in range(10))


@dataclass(frozen=True)
class TimeForm:
    """One form of writing a time.

    Attributes:
        name: what it is called.
        pattern: a regular expression with three groups: the time to the second, digits of its fraction, its zone.
        read: from the first group to naive nanoseconds, or None when it is no time after all.
        missing: '', 'year' or 'date': what it does not write.
        absolute: it counts from the epoch, so it needs no zone.
    """

    name: str
    pattern: str
    read: Callable[[str], int | None]
    missing: str = ""
    absolute: bool = False


def naive_ns(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Naive nanoseconds of a date and time; None when there is no such time. A leap second is one.

    Years that do not fit 64 bits of nanoseconds are none.
    """
    if hour > 23 or minute > 59 or second > 60 or not 1700 < year < 2262:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * NS_PER_S


def _digits(order: str) -> Callable[[str], int | None]:
    """A reader of times written in numbers, in this order of fields: y, m, d, H, M, S."""

    @functools.lru_cache(maxsize=8192)
    def read(text: str) -> int | None:
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if len(numbers) < len(order):
            return None
        field = dict(zip(order, numbers, strict=False))
        hour = _twelve_hours(text, field["H"])
        year = field.get("y", YEARLESS)
        year += 2000 if year < 70 else 1900 if year < 100 else 0
        return naive_ns(year, field["m"], field["d"], hour, field["M"], field.get("S", 0))

    return read


def _packed(widths: str) -> Callable[[str], int | None]:
    """A reader of times whose digits stand without separators that tell: `20260120T123456`, `081109 203615`."""

    @functools.lru_cache(maxsize=8192)
    def read(text: str) -> int | None:
        digits = "".join(re.findall(r"\d", text))
        field: dict[str, int] = {}
        position = 0
        for name in dict.fromkeys(widths):
            width = widths.count(name)
            field[name] = int(digits[position : position + width])
            position += width
        year = field.get("y", YEARLESS)
        year += 2000 if year < 70 else 1900 if year < 100 else 0
        return naive_ns(year, field["m"], field["d"], field["H"], field["M"], field["S"])

    return read


@functools.lru_cache(maxsize=8192)
def _read_iso(text: str) -> int | None:
    return naive_ns(
        int(text[0:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), int(text[17:19] or 0)
    )


@functools.lru_cache(maxsize=8192)
def _read_unpadded(text: str) -> int | None:
    """`20171223-22:15:9:6`: neither the clock's fields nor the milliseconds behind them are padded."""
    hour, minute, second, *milliseconds = (int(number) for number in text[9:].split(":"))
    ns = naive_ns(int(text[:4]), int(text[4:6]), int(text[6:8]), hour, minute, second)
    return None if ns is None else ns + (milliseconds[0] * NS_PER_MS if milliseconds else 0)


@functools.lru_cache(maxsize=8192)
def _read_worded(text: str) -> int | None:
    """Times with the month's name: the first number below 32 is the day, the first above is the year."""
    word = re.search(_MONTH, text)
    clock = re.search(r"(?<!\d)(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9}))?", text)
    if word is None or clock is None:
        return None
    numbers = [int(number) for number in re.findall(r"\d+(?![\d:])", text[: clock.start()])]
    numbers += [int(number) for number in re.findall(r"(?<![\d:.,+-])\d{4}(?!\d)", text[clock.end() :])]
    # `10/Oct/2026:13:55:36` has its year against the clock.
    numbers += [int(number) for number in re.findall(r"\d{4}(?=:\d\d:\d\d:\d\d)", text)]
    day = next((number for number in numbers if number < 32), None)
    year = next((number for number in numbers if number > 31), YEARLESS)
    if day is None:
        return None
    hour = _twelve_hours(text, int(clock[1]))
    ns = naive_ns(year, _MONTHS[word[0].lower()], day, hour, int(clock[2]), int(clock[3]))
    return None if ns is None else ns + int((clock[4] or "0").ljust(9, "0"))


@functools.lru_cache(maxsize=8192)
def _read_clock(text: str) -> int | None:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return naive_ns(1970, 1, 1, _twelve_hours(text, numbers[0]), numbers[1], numbers[2] if len(numbers) > 2 else 0)


@functools.lru_cache(maxsize=8192)
def _read_epoch(text: str) -> int | None:
    ns = epoch_to_ns(int(text))
    return ns if ns is not None and ns < _NO_TIME else None


def _twelve_hours(text: str, hour: int) -> int:
    if text[-2:].upper() == "PM":
        return hour + 12 if hour < 12 else hour
    return 0 if text[-2:].upper() == "AM" and hour == 12 else hour


_HALF_DAY: Final = r"(?: ?[AP]M)?"
_DAY_MONTH_YEAR: Final = r"(\d{1,2}[/.-]\d{1,2}[/.-]\d{4}[ ,T]{1,2}\d{1,2}:\d\d:\d\d" + _HALF_DAY + ")"
_SHORT_YEAR: Final = rf"(\d\d/\d\d/\d\d {_CLOCK})"
_WEEKDAY_FIRST: Final = rf"({_WEEKDAY} {_MONTH} +\d{{1,2}} {_CLOCK}(?:[.,]\d+)?(?: [A-Z]{{3,4}})? \d{{4}})"

# The order matters: of two forms that begin at the same place, the first is taken.
FORMS: Final[tuple[TimeForm, ...]] = (
    TimeForm("iso", rf"(\d{{4}}[-/.]\d\d[-/.]\d\d[Tt _-]\d\d[:.]\d\d[:.]\d\d){_FRACTION}{_ZONE}", _read_iso),
    TimeForm("packed", rf"(\d{{8}}[-T_ ]?\d\d:?\d\d:?\d\d){_FRACTION}{_ZONE}", _packed("yyyymmddHHMMSS")),
    TimeForm(
        "unpadded", rf"(\d{{8}}[-T_ ]\d{{1,2}}:\d{{1,2}}:\d{{1,2}}(?::\d{{1,3}})?){_NO_FRACTION}{_ZONE}", _read_unpadded
    ),
    TimeForm("access log", rf"(\d{{1,2}}/{_MONTH}/\d{{4}}:{_CLOCK}){_FRACTION}{_ZONE}", _read_worded),
    TimeForm(
        "day month year",
        rf"((?:{_WEEKDAY}, )?\d{{1,2}}[- ]{_MONTH}[- ]\d{{4}}[ T:,]{{1,2}}{_CLOCK}){_FRACTION}{_ZONE}",
        _read_worded,
    ),
    TimeForm("ctime", f"{_WEEKDAY_FIRST}{_NO_FRACTION}{_ZONE}", _read_worded),
    TimeForm(
        "month day year",
        rf"({_MONTH} \d{{1,2}},? \d{{4}},? \d{{1,2}}:\d\d:\d\d(?:[.,]\d+)?{_HALF_DAY}){_NO_FRACTION}{_ZONE}",
        _read_worded,
    ),
    TimeForm("syslog", rf"((?:{_WEEKDAY} )?{_MONTH} +\d{{1,2}} {_CLOCK}){_FRACTION}{_ZONE}", _read_worded, "year"),
    TimeForm("year/month/day", f"{_SHORT_YEAR}{_FRACTION}{_ZONE}", _digits("ymdHMS")),
    TimeForm("day/month/year", f"{_SHORT_YEAR}{_FRACTION}{_ZONE}", _digits("dmyHMS")),
    TimeForm("month/day/year", f"{_SHORT_YEAR}{_FRACTION}{_ZONE}", _digits("mdyHMS")),
    TimeForm("month day year in numbers", f"{_DAY_MONTH_YEAR}{_FRACTION}{_ZONE}", _digits("mdyHMS")),
    TimeForm("day month year in numbers", f"{_DAY_MONTH_YEAR}{_FRACTION}{_ZONE}", _digits("dmyHMS")),
    TimeForm("packed short year", rf"(\d{{6}} \d{{6}}){_FRACTION}{_NO_ZONE}", _packed("yymmddHHMMSS")),
    TimeForm("month-day", rf"(\d\d[-./]\d\d {_CLOCK}){_FRACTION}{_ZONE}", _digits("mdHMS"), "year"),
    TimeForm("klog", rf"(\d{{4}} {_CLOCK}){_FRACTION}{_NO_ZONE}", _packed("mmddHHMMSS"), "year"),
    TimeForm("clock", rf"(\d\d:\d\d:\d\d){_FRACTION}{_ZONE}", _read_clock, "date"),
    TimeForm("kitchen", rf"(\d{{1,2}}:\d\d(?::\d\d)? ?[AP]M){_NO_FRACTION}{_NO_ZONE}", _read_clock, "date"),
    TimeForm("epoch", rf"(\d{{10}}|\d{{13}}|\d{{16}}|\d{{19}})(?:\.(\d{{1,9}}))?{_NO_ZONE}", _read_epoch, "", True),
    TimeForm("iso minute", rf"(\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d){_NO_FRACTION}{_ZONE}", _read_iso),
)


@functools.lru_cache(maxsize=256)
def offset_of_zone(zone: str) -> int:
    """Nanoseconds by which clocks in a zone (`Z`, `+02:00`, ` -0700`, `CEST`) are ahead of UTC."""
    zone = zone.strip().upper()
    if zone in _ZONES:
        return _ZONES[zone] * 3600 * NS_PER_S
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (-minutes if zone[0] == "-" else minutes) * 60 * NS_PER_S


@functools.cache
def _whole() -> tuple[tuple[re.Pattern[str], TimeForm], ...]:
    dated = (form for form in FORMS if not form.missing)
    return tuple((re.compile(form.pattern), form) for form in dated)


def read_time(value: Any) -> tuple[int, str] | None:
    """Read the time of a structured record: a number, a text in any form with a date, or an object of those.

    Returns:
        Nanoseconds since the epoch and '' or, where nothing says the zone and UTC was assumed, 'zone'; None when the
        value is no time.
    """
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _read_number(value)
    if isinstance(value, dict):
        for key in ("$date", "$numberLong", "time", "timestamp"):
            if key in value:
                return read_time(value[key])
        for seconds, nanos in (("seconds", "nanos"), ("epochSecond", "nanoOfSecond")):
            if seconds in value:
                whole = read_time(value[seconds])
                rest = value.get(nanos, 0)
                return None if whole is None else (whole[0] + (rest if isinstance(rest, int) else 0), "")
    return None


def _read_number(value: float) -> tuple[int, str] | None:
    # An integer of JSON may be longer than any float.
    if not abs(value) < _NO_TIME:
        return None
    ns = epoch_to_ns(value)
    if ns is None or not 0 < ns < _NO_TIME:
        return None
    # What a float of seconds knows ends at the microsecond.
    return (ns if isinstance(value, int) else round(ns, -3)), ""


def _read_text(text: str) -> tuple[int, str] | None:
    text = text.strip()
    for pattern, form in _whole():
        match = pattern.fullmatch(text)
        if match is not None and (ns := form.read(match[1])) is not None:
            return place_fraction(ns, match[2], match[3], form.absolute)
    try:
        return _read_number(int(text) if text.isdecimal() and len(text) < 25 else float(text))
    except ValueError:
        return None


def place_fraction(ns: int, fraction: str | None, zone: str | None, absolute: bool) -> tuple[int, str]:
    """Naive nanoseconds to the second, with fraction and zone: an instant, and what had to be guessed of it."""
    if fraction:
        ns += int(fraction) * SCALES[len(fraction)]
    if zone:
        return ns - offset_of_zone(zone), ""
    return ns, "" if absolute else "zone"
