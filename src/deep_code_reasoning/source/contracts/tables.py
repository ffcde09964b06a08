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
_STATEMENT: Final = re.compile(
    r"\s*(?:SELECT\s+(?!FROM\b).+?\bFROM\b|INSERT\s|UPDATE\s+\S+(?:\s+(?:AS\s+)?\w+)?\s+SET\b|DELETE\s+FROM\b|MERGE\s|REPLACE\s"
    r"|WITH\b.+\bAS\s*\()",
    re.IGNORECASE | re.DOTALL,
)
# Queries over classes and not over tables: JPQL, DQL.
_ENTITIES: Final = re.compile(r"@Query\(\s*(?:value\s*=\s*)?$|\bcreateQuery\(\s*$")
_NATIVE: Final = re.compile(r"nativeQuery\s*=\s*true")
_DEFINES: Final = re.compile(
    rf"\b(?:CREATE|ALTER)\s+(?:UNLOGGED\s+|TEMP(?:ORARY)?\s+)?TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?{_NAME}",
    re.IGNORECASE,
)
_NO_TABLES: Final = frozenset(
    "select set where values lateral unnest dual information_schema only table if as the json".split()
)


_NAMED: Final = re.compile(
    r"\bdb_table\b|\babstract\s*=\s*True|\bself\.(?:table_name|abstract_class)\b|\bproxy\s*=\s*True"
)
_ACTIVE_RECORD: Final = re.compile(r"<\s*(?:ApplicationRecord|ActiveRecord::Base)")
_GORM: Final = re.compile(r"\btype\s+(\w+)\s+struct\s*\{[^{}]*\bgorm\.Model\b")


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
    _map("java kotlin", r"@(?:Join|Collection|Secondary)Table\s*\(\s*(?:[^)]*?\bname\s*=\s*)?\"(\w+)\""),
    _map("kotlin", r":\s*(?:[\w.]+\.)?(?:Int|Long|UUID)?(?:Id)?Table\(\s*\"(\w+)\""),
    _map("java kotlin", r"@Table\s*\(\s*(?:[^)]*?\bname\s*=\s*)?\"(\w+)\""),
    _map("java kotlin", r"@Entity\s*\(\s*name\s*=\s*\"(\w+)\""),
    _map(_SCRIPTS, r"@Entity\(\s*(?:\{\s*name\s*:\s*)?['\"`](\w+)['\"`]"),
    _map(_SCRIPTS, r"\.define\(\s*['\"`](\w+)['\"`]\s*,\s*\{"),
    _map(_SCRIPTS, r"\btableName\s*:\s*['\"`](\w+)['\"`]"),
    _map(_SCRIPTS, r"\b(?:createTable|alterTable|createTableIfNotExists)\(\s*['\"`](\w+)['\"`]", True),
    _map(_SCRIPTS, r"\b(?:pg|mysql|sqlite)Table\(\s*['\"`](\w+)['\"`]", True),
    _map(_SCRIPTS, r"\b(?:knex|db|trx)\(\s*['\"`](\w+)['\"`]\s*\)"),
    _map(_SCRIPTS, r"\.(?:left|right|inner|cross|leftOuter|full)?[jJ]oin\(\s*['\"`](\w+)['\"`]\s*,"),
    _map("csharp", r"\[Table\(\s*\"(\w+)\""),
    _map("csharp", r"\.ToTable\(\s*\"(\w+)\""),
    _map("csharp", r"migrationBuilder\.CreateTable\(\s*name:\s*\"(\w+)\"", True),
    _map("ruby", r"\bself\.table_name\s*=\s*['\"](\w+)['\"]"),
    _map("ruby", r"\b(?:create_table|add_column|change_table|add_index)\s*\(?\s*[:'\"](\w+)", True),
    _map("ruby", r"\bSequel::Model\(\s*:(\w+)"),
    _map("ruby", r"\b(?:DB|db)\[\s*:(\w+)\s*\]"),
    _map("php", r"->(?:left|right|cross)?[jJ]oin\(\s*['\"](\w+)['\"]\s*,"),
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
            if _ENTITIES.search(file.text, max(0, found.start() - 60), found.start()) and not _NATIVE.search(
                file.text, found.start() - 60, found.end() + 60
            ):
                continue  # the names of classes
            line = _line(file.text, found.start())
            yield from _of_sql(found[2] or found[3], line, file.service, where)
        for mapping in _MAPPINGS:
            if file.language in mapping.languages:
                for found in mapping.pattern.finditer(file.text):
                    side, method = (PROVIDED, "define") if mapping.defines else (CONSUMED, "map")
                    yield Contract(
                        "table", side, found[1].lower(), method, file.service, *where, _line(file.text, found.start(1))
                    )
        yield from _by_convention(file)
    for document, service in documents:
        if document.where.path.endswith(".sql"):
            where = (document.where.repo, document.where.path)
            for found in _DEFINES.finditer(document.text):
                yield Contract(
                    "table", PROVIDED, _plain(found[1]), "define", service, *where, _line(document.text, found.start(1))
                )


def _by_convention(file: CodeFile) -> Iterator[Contract]:
    """The tables of classes that name none: Django, ActiveRecord and GORM make a name of theirs."""
    where = (file.where.repo, file.where.path)
    for kind in file.types:
        body = kind.node.text.decode("utf-8", "replace") if kind.node.text else ""
        name = ""
        if file.language == "python" and "models.Model" in kind.header:
            app = file.where.path.rpartition("/models")[0].rpartition("/")[2]
            name = f"{app}_{kind.name.lower()}" if app and not _NAMED.search(body) else ""
        elif file.language == "ruby" and _ACTIVE_RECORD.search(kind.header) and not _NAMED.search(body):
            name = _plural(_snake(kind.name))
        if name:
            line = kind.node.start_point.row + 1
            yield Contract("table", CONSUMED, name, "map", file.service, *where, line)
    for found in _GORM.finditer(file.text) if file.language == "go" and "gorm" in file.text else ():
        if not re.search(rf"\(\s*(?:\w+\s+)?\*?{found[1]}\)\s*TableName\(", file.text):
            line = _line(file.text, found.start())
            yield Contract("table", CONSUMED, _plural(_snake(found[1])), "map", file.service, *where, line)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _plural(name: str) -> str:
    if re.search(r"[^aeiou]y$", name):
        return name[:-1] + "ies"
    return name + ("es" if re.search(r"(?:s|x|z|ch|sh)$", name) else "s")


def tables_of_sql(sql: str) -> list[tuple[str, str]]:
    """(table, `read` or `write`) of a statement, in order; none of prose that begins like one."""
    if not _STATEMENT.match(sql):
        return []
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
