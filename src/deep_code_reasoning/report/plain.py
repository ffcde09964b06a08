"""Untrusted text made safe to print: no control characters, bounded length."""

from __future__ import annotations

import unicodedata
from typing import Final

# Categories that can steer a terminal or hide text: control, format (bidirectional overrides), surrogate, private use.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co"})


def printable(text: str, limit: int = 400) -> str:
    """One line of text without control characters, at most `limit` characters; what was cut is said."""
    text = " ".join(text.split())
    if not text.isascii() or not text.isprintable():
        text = "".join(c if unicodedata.category(c) not in _UNSAFE else "\N{REPLACEMENT CHARACTER}" for c in text)
    if len(text) > limit:
        return f"{text[:limit]}… ({len(text) - limit} more characters)"
    return text
