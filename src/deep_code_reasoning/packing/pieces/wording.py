"""How figures are written, the same in every view: short, with units."""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_S, format_instant

_UNITS: Final = (
    (86_400 * NS_PER_S, "d"),
    (3_600 * NS_PER_S, "h"),
    (60 * NS_PER_S, "min"),
    (NS_PER_S, "s"),
    (1_000_000, "ms"),
)


def duration(ns: float) -> str:
    """`3.2ms`, `1.5s`, `40us`; three digits."""
    if ns < 0:
        return f"-{duration(-ns)}"
    if ns >= NS_PER_S:
        return f"{ns / NS_PER_S:.3g}s" if ns < 1_000 * NS_PER_S else f"{ns / NS_PER_S:.0f}s"
    if ns >= 1_000_000:
        return f"{ns / 1_000_000:.3g}ms"
    return f"{ns / 1_000:.3g}us"


def number(value: float) -> str:
    """Three digits; whole numbers below a million as they are."""
    if value == int(value) and abs(value) < 1_000_000:
        return str(int(value))
    return f"{value:.3g}"


def moment(ns: int) -> str:
    """An instant to the millisecond."""
    return format_instant(ns - ns % 1_000_000)


def distance(ns: int) -> str:
    """A stretch of time in one unit: `4min`, `2.5h`."""
    for size, unit in _UNITS:
        if ns >= size:
            return f"{ns / size:.2g}{unit}" if ns < 100 * size else f"{ns / size:.0f}{unit}"
    return f"{ns}ns"


def relative(ns: int, onset_ns: int | None) -> str:
    """Where an instant lies from the onset: `4min before onset`; empty when there is none."""
    if onset_ns is None:
        return ""
    ahead = onset_ns - ns
    if ahead == 0:
        return "at onset"
    return f"{distance(abs(ahead))} {'before' if ahead > 0 else 'after'} onset"
