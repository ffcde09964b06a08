"""Text of strangers made plain: what steers a terminal, hides text or turns its direction becomes visible.

Nothing is removed: a character that cannot be seen is written as its code (`\\u202e`), so that a reader, man or model,
sees that it is there and the same text always looks the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

# Control characters but tab and line feed; format characters (zero width, bidirectional, tags), lone surrogates,
# private use, line and paragraph separators; and what is drawn as nothing though Unicode calls it a letter or a mark
# (Hangul fillers, variation selectors: whole messages have been smuggled in those).
_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNSEEN_OTHERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
_ASCII_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_SUSPECT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f]|[^\x20-\x7e\t\n]")


def visible(text: str) -> str:
    """The text with every character that cannot be seen written as its code; tabs and line feeds stay.

    A carriage return before a line feed goes away without a trace: it is how some systems end lines.
    """
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    if text.isascii():
        return text if _ASCII_CONTROL.search(text) is None else _ASCII_CONTROL.sub(_code, text)
    return _SUSPECT.sub(_code, text)


def one_line(text: str, limit: int = 200) -> str:
    """The text visible and on one line, at most `limit` characters; a longer one ends with `...`."""
    text = visible(text.replace("\n", " ").replace("\t", " "))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _code(match: re.Match[str]) -> str:
    return _shown(match[0])


@cache
def _shown(character: str) -> str:
    point = ord(character)
    selector = 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF
    unseen = unicodedata.category(character) in _UNSEEN_CATEGORIES or character in _UNSEEN_OTHERS or selector
    if not unseen:
        return character
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
