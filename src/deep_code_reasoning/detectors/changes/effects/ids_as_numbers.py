"""Whole numbers of 64 bits that were sent as text, and are sent as numbers.

Many readers of JSON keep numbers as doubles, which hold 53 bits: those above 9,007,199,254,740,992 come to be others
(RFC 8259, section 6), so that who looks them up finds nothing, or what is another's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk
from ..effect import Effect, each_hunk
from .pairs import paired


def _as_numbers(hunk: Hunk) -> Iterator[Effect]:
    """Whole numbers of 64 bits that were sent as text, and are sent as numbers: readers keep 53 bits (RFC 8259, 6)."""
    for old, new in paired(hunk):
        if _AS_TEXT.search(old.code) and not _IS_TEXT.search(new.code) and not _AS_TEXT_ABOVE.search(new.code):
            names = tuple(dict.fromkeys(re.findall(r"[\"'](\w+)[\",']", old.code)))
            says = f"{', '.join(names[:2]) or 'a number'} is sent as a number and was sent as text: `{new.code[:80]}`"
            # What is made text in code may be so for another purpose than to be sent.
            yield Effect("ids_rounded", says, hunk.path, names, sureness=0.9 if _OPTION.search(old.code) else 0.6)
            return
    gone = [line for line in hunk.removed if _AS_TEXT_ABOVE.search(line.code)]
    kept = any(_AS_TEXT_ABOVE.search(line.code) for line in hunk.added)
    if gone and not kept and any(_OF_IDS.search(line.code) for line in hunk.lines):
        names = tuple(dict.fromkeys(name for line in hunk.lines for name in _OF_IDS.findall(line.code)))
        says = f"numbers are sent as such and were sent as text: `{gone[0].code[:80]}` is gone"
        yield Effect("ids_rounded", says, hunk.path, names[:4], sureness=0.85)


_OPTION: Final = re.compile(r'json:"[^"]*,string[",]')
# Go's `string` option, the casts of JavaScript, Python, Ruby, PHP, C# and Kotlin on what is called an id.
_AS_TEXT: Final = re.compile(
    r'json:"[^"]*,string[",]|\bString\(\s*[\w.]*[iI]d\s*\)|[iI]d\.toString\(\)|\bstr\(\s*[\w.]*id\s*\)|\bid\.to_s\b'
    r"|\(string\)\s*\$\w+->\w*[iI]d\b|[iI]d\.ToString\(\)|strconv\.FormatInt\("
)
_IS_TEXT: Final = re.compile(rf"{_AS_TEXT.pattern}|(?i:sprint|format|concat)|\bs?tr(?:ing)?\(|[$#]\{{|\bstring\b")
# What stands above a field, or is set for all: Jackson, System.Text.Json, serde, protobuf's and fastjson's options.
_AS_TEXT_ABOVE: Final = re.compile(
    r"ToStringSerializer|JsonFormat\(.*STRING|WriteAsString|DisplayFromStr|WRITE_NUMBERS_AS_STRINGS"
    r"|WriteNumbersAsStrings|BrowserCompatible|jstype\s*=\s*JS_STRING|LongAsString|serialize_i64_as_string"
)
_OF_IDS: Final = re.compile(r"\b(\w*(?:[iI]d|ID))\b")


extract: Final = each_hunk({_as_numbers: "code"})
