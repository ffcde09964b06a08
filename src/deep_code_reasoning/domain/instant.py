"""Instants are integers: nanoseconds since 1970-01-01T00:00:00Z. Here they are read from text and written to it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?\s*"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: str) -> int | None:
    """Read an ISO 8601 instant, to the nanosecond; without a zone it is taken as UTC.

    A bare number is an epoch time; its unit (s, ms, µs, ns) follows from its size, which is unambiguous for
    every instant between 1973 and 2286.

    Returns:
        Nanoseconds since the epoch, or None when the text is no instant.
    """
    text = text.strip()
    match = _ISO.fullmatch(text)
    if match is None:
        return _parse_epoch(text)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), 0, tzinfo=UTC)
    except ValueError:
        return None
    # A leap second (":60") is a real thing in logs, so seconds are added and not passed to datetime.
    ns = int((moment - _EPOCH) / timedelta(seconds=1)) * NS_PER_S + int(second or 0) * NS_PER_S
    ns += int((fraction or "0").ljust(9, "0"))
    if zone and zone[0] in "+-":
        offset_s = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        ns -= (offset_s if zone[0] == "+" else -offset_s) * NS_PER_S
    return ns


_EPOCH_NUMBER = re.compile(r"(\d{8,19})(?:\.(\d+))?")
# Digits before the point -> nanoseconds a unit: seconds, milliseconds, microseconds, nanoseconds.
_UNITS = ((10, NS_PER_S), (13, NS_PER_MS), (16, NS_PER_US), (19, 1))


def _parse_epoch(text: str) -> int | None:
    match = _EPOCH_NUMBER.fullmatch(text)
    if match is None:
        return epoch_to_ns(_number(text))
    whole, fraction = match.groups()
    unit_ns = next(unit_ns for digits, unit_ns in _UNITS if len(whole) <= digits)
    # The fraction is scaled as an integer: a float would lose its last digits.
    scaled = int((fraction or "0")[:9].ljust(9, "0")) * unit_ns // NS_PER_S
    ns = int(whole) * unit_ns + scaled
    return ns if int(whole) >= _MIN_EPOCH_S else None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


# Smaller numbers are more likely counts, ports or durations than seconds since 1970 (this is March 1973).
_MIN_EPOCH_S = 100_000_000


def epoch_to_ns(number: float) -> int | None:
    """Turn an epoch number of unknown unit into nanoseconds, by its size; None when it is no plausible instant."""
    if not _MIN_EPOCH_S <= number < 1e19:
        return None
    unit_ns = next(unit_ns for digits, unit_ns in _UNITS if number < 10**digits)
    # Whole numbers stay exact; a float keeps what it has.
    return number * unit_ns if isinstance(number, int) else round(number * unit_ns)


def format_instant(ns: int) -> str:
    """Write an instant as ISO 8601 in UTC, with as many decimals as it needs (0, 3, 6 or 9)."""
    seconds, fraction = divmod(ns, NS_PER_S)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if fraction:
        digits = f"{fraction:09d}"
        while digits.endswith("000"):
            digits = digits[:-3]
        text += f".{digits}"
    return text + "Z"
