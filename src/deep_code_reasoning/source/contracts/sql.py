"""Statements of SQL: those in the strings of code and in documents, and the tables that they read, write and define."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# A string that is a statement: what opens it, the statement, what closes it.
_VERBS: Final = (
    # Prose begins with a capital alone: "Select all", "Update the service".
    r"(?:(?-i:SELECT|select|INSERT|insert|UPDATE|update|DELETE|delete|CREATE|create|ALTER|alter|MERGE|merge|REPLACE))\s"
)
_WITH: Final = r"WITH\s+(?:RECURSIVE\s+)?\w+\s*(?:\([^()]*\)\s*)?AS\s*\("
_STRING: Final = re.compile(
    rf"(\"\"\"|'''|[\"'`])\s*((?:{_VERBS}|{_WITH})(?:(?!\1).){{4,4000}}?)\1"
    r"|<<[~-]?['\"]?SQL['\"]?\s(.{4,4000}?)\bSQL\b",
    re.IGNORECASE | re.DOTALL,
)
# A string that goes on in the next one: `"SELECT a " + "FROM b"`, and side by side as Python writes it.
_MORE: Final = re.compile(r"\s*(?:[+.\\]\s*)?[fF]?([\"'`])((?:(?!\1)[^\n]){0,2000}?)\1")
_NAME: Final = r"[\"`\[]?((?:\w+[\"`\]]?\.[\"`\[]?)?\w+)[\"`\]]?"
_USES: Final = (
    (re.compile(rf"\bINSERT\s+(?:IGNORE\s+)?INTO\s+{_NAME}", re.IGNORECASE), "write"),
    (re.compile(rf"\b(?:REPLACE|MERGE)\s+INTO\s+{_NAME}", re.IGNORECASE), "write"),
    (re.compile(rf"^\s*UPDATE\s+(?:ONLY\s+)?{_NAME}(?:\s+(?:AS\s+)?\w+)?\s+SET\b", re.IGNORECASE), "write"),
    (re.compile(rf"\bDELETE\s+FROM\s+{_NAME}", re.IGNORECASE), "write"),
    (re.compile(rf"(?<!DELETE )\bFROM\s+{_NAME}", re.IGNORECASE), "read"),
    (re.compile(rf"\bJOIN\s+{_NAME}", re.IGNORECASE), "read"),
    (re.compile(rf"\bFROM\s+[\w.]+(?:\s+(?:AS\s+)?\w+)?\s*,\s*{_NAME}", re.IGNORECASE), "read"),
)
# Functions in whose arguments `FROM` names no table.
_PARTS: Final = re.compile(r"\b(?:EXTRACT|TRIM|SUBSTRING|OVERLAY)\s*\([^()]*\)", re.IGNORECASE)
_STATEMENT: Final = re.compile(
    r"\s*(?:SELECT\s+(?!FROM\b).+?\bFROM\b|INSERT\s|UPDATE\s+\S+(?:\s+(?:AS\s+)?\w+)?\s+SET\b|MERGE\s|REPLACE\s"
    r"|DELETE\s+FROM\s+\S+(?:\s+(?:AS\s+)?\w+)?\s*(?:$|;|\b(?:WHERE|USING|RETURNING|LIMIT|ORDER|JOIN|AND)\b)"
    r"|WITH\b.+\bAS\s*\()",
    re.IGNORECASE | re.DOTALL,
)
_CTE: Final = re.compile(
    r"(?:\bWITH\s+(?:RECURSIVE\s+)?|,\s*)(\w+)\s*(?:\([^()]*\)\s*)?AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\(",
    re.IGNORECASE,
)
# Queries over classes and not over tables: JPQL, DQL.
_ENTITIES: Final = re.compile(r"@Query\(\s*(?:value\s*=\s*)?$|\bcreateQuery\(\s*$")
_NATIVE: Final = re.compile(r"nativeQuery\s*=\s*true")
_DEFINES: Final = re.compile(
    rf"\b(?:CREATE|ALTER)\s+(?:UNLOGGED\s+|TEMP(?:ORARY)?\s+)?TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?{_NAME}",
    re.IGNORECASE,
)
_NO_TABLES: Final = frozenset(
    "select set where values lateral unnest dual information_schema only table if as the json generate_series".split()
)
_COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TableUse:
    """What a statement does with a table (`define`, `read`, `write`), and at which character it begins."""

    name: str
    method: str
    at: int


def tables_of_sql(sql: str) -> list[tuple[str, str]]:
    """(table, `read` or `write`) of a statement, in order; none of prose that begins like one."""
    if not _STATEMENT.match(sql):
        return []
    sql = _PARTS.sub("NULL", sql)
    own = {name.lower() for name in _CTE.findall(sql)}
    found = [(match.start(), _plain(match[1]), method) for pattern, method in _USES for match in pattern.finditer(sql)]
    return list(dict.fromkeys((name, method) for _, name, method in sorted(found) if name not in _NO_TABLES | own))


def uses_in_code(text: str) -> Iterator[TableUse]:
    """What the strings of a text of code do with tables."""
    at = 0
    while (found := _STRING.search(text, at)) is not None:
        at = found.end()
        parts = [found[2] or found[3]]
        while found[1] and (more := _MORE.match(text, at)) is not None and more[1] == found[1]:
            parts.append(more[2])
            at = more.end()
        named = _ENTITIES.search(text, max(0, found.start() - 60), found.start())
        if named is None or _NATIVE.search(text, found.start() - 60, at + 60):
            yield from _of_statement(" ".join(parts), found.start())  # and not a query over the names of classes


def uses_in_document(text: str) -> Iterator[TableUse]:
    """What the statements of a file of SQL do with tables."""
    text = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    at = 0
    for statement in text.split(";"):
        first = at + len(statement) - len(statement.lstrip())
        yield from _of_statement(statement.strip(), first)
        at += len(statement) + 1


def _of_statement(sql: str, at: int) -> Iterator[TableUse]:
    defined = [TableUse(_plain(found[1]), "define", at + found.start()) for found in _DEFINES.finditer(sql)]
    yield from defined or [TableUse(name, method, at) for name, method in tables_of_sql(sql)]


def _plain(name: str) -> str:
    return re.sub(r"[\"`\[\]]", "", name).lower().removeprefix("public.").removeprefix("dbo.")
