"""Statements of migrations that nobody waits for: they are about tables that nobody uses yet, or last no time."""

from __future__ import annotations

import re
from typing import Final

from ..code import lines_around
from ..diff import Hunk, Line

# A table that a migration creates, as SQL, Rails, Laravel, knex, Alembic and Entity Framework write it.
_CREATED: Final = re.compile(
    r"(?i)\bCREATE\s+(?:UNLOGGED\s+|TEMP(?:ORARY)?\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:[\"`\[]?\w+[\"`\]]?\.)?[\"`\[]?(\w+)"
    r"|\b(?:create_?table|Schema::create|CreateTable)\(?\s*(?:name:\s*)?[:\"'](\w+)"
)
_ADDS_COLUMN: Final = re.compile(
    r"(?i)\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT|PRIMARY|UNIQUE|FOREIGN|CHECK|INDEX|KEY)\w+\s+\w+"
)
# What a table is rewritten or read for while it is altered.
_FILLS: Final = re.compile(
    r"(?i)\bNOT\s+NULL\b|\bDEFAULT\b|\bREFERENCES\b|\bUNIQUE\b|\bPRIMARY\b|\bGENERATED\b|\bSERIAL\b"
)


def is_of_new_table(line: Line, hunk: Hunk) -> bool:
    """Whether a statement is of a table that the same migration creates: no row stands in it, nobody asks for it."""
    index = next(n for n, other in enumerate(hunk.after) if other is line)
    if any(_CREATED.search(around.code) for around in lines_around(hunk.after, index)):
        return True
    return any(
        re.search(rf"(?i)\b(?:on|table|only)\b[^()]*?\b{name}\b|[(\s][:\"']{name}\b", line.code)
        for name in created_tables(hunk)
    )


def statement(line: Line, hunk: Hunk) -> str:
    """What a line begins, to its end: an index is often named on one line, and its table or option on the next."""
    if not _OF_INDEX.search(line.code) or line.code.endswith(";"):
        return line.code
    index = next(n for n, other in enumerate(hunk.after) if other is line)
    parts = [line.code]
    for following in hunk.after[index + 1 : index + _MAX_LINES]:
        if _BEGINS.match(following.code):
            break
        parts.append(following.code)
        if following.code.endswith((";", ")")):
            break
    return " ".join(parts)


_OF_INDEX: Final = re.compile(r"(?i)\bCREATE\s+(?:UNIQUE\s+)?INDEX\b|\badd_index\b")
_BEGINS: Final = re.compile(r"(?i)\s*(?:create|alter|drop|insert|update|delete|commit|begin|add_|remove_|def\b|end\b)")
_MAX_LINES: Final = 6


def created_tables(hunk: Hunk) -> dict[str, Line]:
    """The tables that a hunk creates, with the line that creates each."""
    return {
        name: line for line in hunk.added for match in _CREATED.finditer(line.code) for name in match.groups() if name
    }


def only_adds_column(code: str) -> bool:
    """Whether a statement adds a column that may be empty, which databases note in a moment."""
    return _ADDS_COLUMN.search(code) is not None and _FILLS.search(code) is None
