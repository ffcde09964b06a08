"""Figures, quotations and counts as summaries tell them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

# Ids of the trace and the span that wrote a line: citations have them, and a reader has no use for them.
_TRACE_IDS: Final = re.compile(r"(?i)\b(?:trace|span)[ _-]?id\s*[:=]\s*\"?[0-9a-f]{16,32}\b\"?[,;]?\s*")


def figure(value: float) -> str:
    """A number in three digits that count, never with an exponent: `3,830`, `0.0032`."""
    return format(Decimal(f"{value:.3g}"), ",f")


def duration(seconds: float) -> str:
    """A time in the unit it is spoken of in: `3.2 ms`, `1.5 s`."""
    return f"{figure(seconds * 1000)} ms" if seconds < 1 else f"{figure(seconds)} s"


def stretch(seconds: float) -> str:
    """How long something lasts, in the largest unit of which it has two: `3 days`, `90 min`, `0 s`."""
    unit, scale = next((u for u in (("days", 86400), ("h", 3600), ("min", 60)) if seconds >= 2 * u[1]), ("s", 1))
    return f"{max(seconds, 0) / scale:.0f} {unit}"


def size(octets: float) -> str:
    """So many bytes in the unit they are spoken of in: `515 MB`, `1.5 GB`."""
    unit, scale = next((u for u in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if abs(octets) >= u[1]), ("bytes", 1.0))
    return f"{figure(octets / scale)} {unit}"


def excerpt(text: str, most: int) -> str:
    """The beginning of what a log line or an error says, at most `most` characters; that more follows is shown."""
    said = " ".join(_TRACE_IDS.sub("", text).split())
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"


def out_of(count: int, total: int, what: str) -> str:
    """How many of a total: `all 24 requests`, `23 of 24 requests`."""
    return f"all {total} {what}" if count == total > 1 else f"{count} of {total} {what}"
