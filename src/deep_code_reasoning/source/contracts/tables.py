"""Tables of databases: who defines them (SQL and migrations) and who uses them (SQL in strings, mappings)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Final

from ..roots import SourceFile
from .records import CONSUMED, PROVIDED, Contract
from .syntax import CodeFile

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
_NAME: Final = r"[\"`\[]?((?:\w+[\"`\]]?\.[\"`\[]?)?\w+)[\"`\]]?"
_USES: Final = (
    (re.compile(rf"\bINSERT\s+(?:IGNORE\s+)?INTO\s+{_NAME}", re.IGNORECASE), "write"),
    (re.compile(rf"\b(?:REPLACE|MERGE)\s+INTO\s+{_NAME}", re.IGNORECASE), "write"),
    (re.compile(rf"^\s*UPDATE\s+(?:ONLY\s+)?{_NAME}(?:\s+(?:AS\s+)?\w+)?\s+SET\b", re.IGNORECASE), "write"),
    (re.compile(rf"\bDELETE\s+FROM\s+{_NAME}", re.IGNORECASE), "write"),
    (re.compile(rf"(?<!DELETE )\bFROM\s+{_NAME}", re.IGNORECASE), "read"),
    (re.compile(rf"\bJOIN\s+{_NAME}", re.IGNORECASE), "read"),
)
_DEFINES: Final = re.compile(
    rf"\b(?:CREATE|ALTER)\s+(?:UNLOGGED\s+|TEMP(?:ORARY)?\s+)?TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?{_NAME}",
    re.IGNORECASE,
)
_NO_TABLES: Final = frozenset(
    "select set where values lateral unnest dual information_schema only table if as the json".split()
)


@dataclass(frozen=True, slots=True)
class _Mapping:
    languages: frozenset[str]
    pattern: Pattern[str]
    defines: bool = False


def _map(languages: str, pattern: str, defines: bool = False) -> _Mapping:
    return _Mapping(frozenset(languages.split()), re.compile(pattern), defines)


_SCRIPTS: Final = "javascript typescript tsx"
# How libraries name a table: SQLAlchemy, Alembic, Django, JPA, TypeORM, Sequelize, Knex, Drizzle, Entity Framework,
# ActiveRecord, Laravel, Doctrine, GORM.
_MAPPINGS: Final = (
    _map("python", r"__tablename__\s*(?::\s*\w+\s*)?=\s*['\"](\w+)['\"]"),
    _map("python", r"\bdb_table\s*=\s*['\"]([\w.]+)['\"]"),
    _map("python", r"\bTable\(\s*['\"](\w+)['\"]\s*,\s*\w*metadata"),
    _map("python", r"\bop\.(?:create_table|add_column|alter_column|drop_column)\(\s*['\"](\w+)['\"]", True),
    _map("java kotlin", r"@Table\s*\(\s*(?:[^)]*?\bname\s*=\s*)?\"(\w+)\""),
    _map("java kotlin", r"@Entity\s*\(\s*name\s*=\s*\"(\w+)\""),
    _map(_SCRIPTS, r"@Entity\(\s*(?:\{\s*name\s*:\s*)?['\"`](\w+)['\"`]"),
    _map(_SCRIPTS, r"\.define\(\s*['\"`](\w+)['\"`]\s*,\s*\{"),
    _map(_SCRIPTS, r"\btableName\s*:\s*['\"`](\w+)['\"`]"),
    _map(_SCRIPTS, r"\b(?:createTable|alterTable|createTableIfNotExists)\(\s*['\"`](\w+)['\"`]", True),
    _map(_SCRIPTS, r"\b(?:pg|mysql|sqlite)Table\(\s*['\"`](\w+)['\"`]", True),
    _map(_SCRIPTS, r"\b(?:knex|db|trx)\(\s*['\"`](\w+)['\"`]\s*\)"),
    _map("csharp", r"\[Table\(\s*\"(\w+)\""),
    _map("csharp", r"\.ToTable\(\s*\"(\w+)\""),
    _map("csharp", r"migrationBuilder\.CreateTable\(\s*name:\s*\"(\w+)\"", True),
    _map("ruby", r"\bself\.table_name\s*=\s*['\"](\w+)['\"]"),
    _map("ruby", r"\b(?:create_table|add_column|change_table|add_index)\s*\(?\s*[:'\"](\w+)", True),
    _map("php", r"\bprotected\s+\$table\s*=\s*['\"](\w+)['\"]"),
    _map("php", r"\bSchema::(?:create|table)\(\s*['\"](\w+)['\"]", True),
    _map("php", r"\bDB::table\(\s*['\"](\w+)['\"]"),
    _map("php", r"ORM\\Table\(\s*(?:name\s*[:=]\s*)?['\"](\w+)['\"]"),
    _map("go", r"\)\s*TableName\(\)\s*string\s*\{\s*return\s+\"(\w+)\""),
)


def table_contracts(code: Sequence[CodeFile], documents: Sequence[tuple[SourceFile, str]]) -> Iterator[Contract]:
    """Who defines (`provided`) and who uses (`consumed`, `read` or `write`) which tables."""
    for file in code:
        where = (file.where.repo, file.where.path)
        for found in _STRING.finditer(file.text):
            line = _line(file.text, found.start())
            yield from _of_sql(found[2] or found[3], line, file.service, where)
        for mapping in _MAPPINGS:
            if file.language in mapping.languages:
                for found in mapping.pattern.finditer(file.text):
                    side, method = (PROVIDED, "define") if mapping.defines else (CONSUMED, "map")
                    yield Contract(
                        "table", side, found[1].lower(), method, file.service, *where, _line(file.text, found.start(1))
                    )
    for document, service in documents:
        if document.where.path.endswith(".sql"):
            where = (document.where.repo, document.where.path)
            for found in _DEFINES.finditer(document.text):
                yield Contract(
                    "table", PROVIDED, _plain(found[1]), "define", service, *where, _line(document.text, found.start(1))
                )


def tables_of_sql(sql: str) -> list[tuple[str, str]]:
    """(table, `read` or `write`) of a statement, in order."""
    found = [(match.start(), _plain(match[1]), method) for pattern, method in _USES for match in pattern.finditer(sql)]
    return list(dict.fromkeys((name, method) for _, name, method in sorted(found) if name not in _NO_TABLES))


def _of_sql(sql: str, line: int, service: str, where: tuple[str, str]) -> Iterator[Contract]:
    for found in _DEFINES.finditer(sql):
        yield Contract("table", PROVIDED, _plain(found[1]), "define", service, *where, line)
    if not _DEFINES.search(sql):
        for name, method in tables_of_sql(sql):
            yield Contract("table", CONSUMED, name, method, service, *where, line)


def _plain(name: str) -> str:
    return re.sub(r"[\"`\[\]]", "", name).lower().removeprefix("public.").removeprefix("dbo.")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
