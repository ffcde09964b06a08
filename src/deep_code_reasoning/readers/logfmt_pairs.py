"""The pairs of a logfmt line.

Source: the grammar of the Go package `logfmt` (go-logfmt), and the habit of loggers to leave bare words out.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from .log_records import looks_like_log, row_of

_VALUE: Final = r'(?:"(?:[^"\\]|\\.)*+"|[^\s"=]*+(?:=[^\s"=]*+)*+)'
_PAIR: Final = re.compile(rf'([A-Za-z_@][^\s="]*+)=({_VALUE})(?=\s|$)')
_LINE: Final = re.compile(rf'\s*+(?:[A-Za-z_@][^\s="]*+={_VALUE}(?:\s++|$)){{2,}}+$')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?")


def logfmt_record(line: str) -> dict[str, Any] | None:
    """The members of a line that is pairs throughout, at least two of them; None for any other."""
    if not _LINE.match(line):
        return None
    record: dict[str, Any] = {}
    for name, text in _PAIR.findall(line):
        unique, number = name, 2
        while unique in record:
            unique, number = f"{name}.{number}", number + 1
        record[unique] = _value(text)
    return record


def logfmt_row(line: str) -> dict[str, Any] | None:
    """The row of `logs` that a logfmt line makes; None when it is none, or says nothing that a log record says."""
    record = logfmt_record(line)
    return row_of(record) if record is not None and looks_like_log(record) else None


def _value(text: str) -> Any:
    if text[:1] == '"':
        if "\\" not in text:
            return text[1:-1]
        try:
            return json.loads(text, strict=False)
        except ValueError:
            # Go escapes what JSON does not (\x1b, \a).
            return text[1:-1].replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t")
    if _NUMBER.fullmatch(text):
        return float(text) if any(mark in text for mark in ".eE") else int(text)
    return {"true": True, "false": False}.get(text, text)
