"""Tables that are built beside another and take its name: what the old one had and the new one has not is lost.

PostgreSQL's `CREATE TABLE ... (LIKE ...)` copies no indexes unless it says so; `CREATE TABLE ... AS` copies none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk
from ..effect import Effect, each_hunk
from .migrations import created_tables

_RENAMED: Final = re.compile(
    r"(?i)\b(?:ALTER\s+TABLE\s+[\"`]?(\w+)[\"`]?\s+RENAME\s+TO|RENAME\s+TABLE\s+(?:.*,\s*)?[\"`]?(\w+)[\"`]?\s+TO)"
    r"\s+[\"`]?(\w+)"
)
_COPIES: Final = re.compile(r"(?i)\bINCLUDING\s+(?:ALL|INDEXES)\b|^\s*CREATE\s+TABLE\s+\S+\s+LIKE\s")
_INDEXED: Final = (
    r"(?i)\b(?:CREATE\s+(?:UNIQUE\s+)?INDEX\b.*\bON\s+(?:ONLY\s+)?|ADD\s+(?:INDEX|KEY)\b.*)[\"`]?(?:{0})\b"
)


def _swapped(hunk: Hunk) -> Iterator[Effect]:
    created = created_tables(hunk)
    renamed = [match for line in hunk.added if (match := _RENAMED.search(line.code))]
    for match in renamed:
        new, name = match[1] or match[2], match[3]
        taken_over = any((other[1] or other[2]) == name for other in renamed) or any(
            re.search(rf"(?i)\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?[\"`]?{name}\b", line.code) for line in hunk.added
        )
        indexed = re.compile(_INDEXED.format(f"{new}|{name}"))
        if new not in created or not taken_over or _COPIES.search(created[new].code):
            continue
        if not any(indexed.search(line.code) for line in hunk.added):
            says = f"{name} becomes a table without its indexes: `{created[new].code[:80]}`"
            yield Effect("index_dropped", says, hunk.path, (name, new), sureness=0.85)


extract: Final = each_hunk({_swapped: "sql"})
