"""Text made fit to print: no control characters, bounded length, no more decimals than a reader takes in."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Categories that can steer a terminal or hide text: control, format (bidirectional overrides), surrogate, private use.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co"})


# A moment as `format_instant` writes it, with a fraction of a second.
_FINE: Final = re.compile(r"(T\d\d:\d\d:\d\d)(\.\d{3})\d*Z")


def to_milliseconds(text: str) -> str:
    """A text whose moments are told to the millisecond, if to that; citations keep theirs, which name a row."""
    return _FINE.sub(lambda found: f"{found[1]}{found[2] if found[2] != '.000' else ''}Z", text)


def printable(text: str, limit: int = 400) -> str:
    """One line of text without control characters, at most `limit` characters; what was cut is said."""
    return printable_line(" ".join(text.split()), limit)


def printable_line(text: str, limit: int = 400) -> str:
    """A line of text as `printable`, its spaces as they stand."""
    if not text.isascii() or not text.isprintable():
        text = "".join(c if unicodedata.category(c) not in _UNSAFE else "\N{REPLACEMENT CHARACTER}" for c in text)
    if len(text) > limit:
        return f"{text[:limit]}… ({len(text) - limit} more characters)"
    return text
