"""Tables of databases: who defines them (SQL and migrations) and who uses them (SQL in strings, mappings)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..roots import SourceFile
from .documents import entries
from .grammars import MEMBERS, NAMES
from .nodes import text_of, unwrapped
from .records import CONSUMED, PROVIDED, Contract
from .sql import TableUse, uses_in_code, uses_in_document
from .syntax import CodeFile, Type
from .table_mappings import CONVENTIONS, MAPPINGS, Convention
from .values import Values

# What a file says that names a table, in small letters.
_TELLS: Final = (
    "table", "entity", "select ", "select\n", "insert", "update ", "delete ", "create ", "alter ", "merge ", "with ",
    "sql", "record", "model", "from(", "from (", "schema", "dbset", "db[", "bun:", "gorm", "ent.", "into", "join(",
)  # fmt: skip
# What a table is named by, where that is not written out.
_NAMING: Final = ("__tablename__", "db_table", "tableName", "table_name")
_MARKS: Final = frozenset({"Table", "JoinTable", "CollectionTable", "MappedEntity"})
_CALLS: Final = frozenset({"ToTable", "create_table", "createTable", "pgTable", "mysqlTable"})
_PLAIN: Final = re.compile(r"\w+")
# A pattern that looks far ahead stops where it could begin again: else a file of nothing but beginnings takes hours.
_DJANGO_NAMED: Final = re.compile(r"\bdb_table\b|\babstract\s*=\s*True|\bproxy\s*=\s*True")
_DJANGO_ABSTRACT: Final = re.compile(r"(?ms)^class\s+(\w+)\((?:(?!^class\s).)*?\babstract\s*=\s*True")
_DB_SET: Final = re.compile(r"\bDbSet<(\w+)>\s+(\w+)\b")
_MARKED: Final = re.compile(
    r"\[Table\([^\]]{0,300}\]\s*(?:\[(?!Table\()[^\]]*\]\s*){0,40}(?:\w+\s+)*(?:class|record)\s+(\w+)"
)
_TOLD: Final = re.compile(
    r"\bEntity(?:TypeBuilder|TypeConfiguration)?<(\w+)>"
    r"(?:(?!\bEntity(?:TypeBuilder|TypeConfiguration)?<)[^;])*?\.?ToTable\("
)
_PRISMA: Final = re.compile(r"(?ms)^model\s+(\w+)\s*\{((?:(?!^model\s).)*?)^[ \t]*\}|^model\s+(\w+)\s*\{([^\n]*)\}")
_PRISMA_NAME: Final = re.compile(r"@@map\(\s*(?:name\s*:\s*)?\"(\w+)\"")
_MAPPER: Final = re.compile(r"(?s)<(select|insert|update|delete|sql)\b[^<>]*>((?:(?!<\1\b).)*?)</\1>")
_TAG: Final = re.compile(r"<!\[CDATA\[|\]\]>|<[^>]*>")
_CHANGE: Final = re.compile(r"<createTable\b[^<>]*\btableName=\"(\w+)\"")
_CHANGE_KEYS: Final = ("createTable", "tableName")


def table_contracts(
    code: Sequence[CodeFile], documents: Sequence[tuple[SourceFile, str]], values: Values
) -> Iterator[Contract]:
    """Who defines (`provided`) and who uses (`consumed`, `map`, `read` or `write`) which tables."""
    named = _named_entities(code)
    for file in code:
        if not any(word in file.lower for word in _TELLS):
            continue
        found = [*uses_in_code(file.code), *_mapped(file), *_by_convention(file), *_of_contexts(file, named)]
        for use in [*found, *_of_constants(file, values)]:
            yield _contract(use, file.code, file.service, file.where.repo, file.where.path)
    for document, service in documents:
        for use in _of_document(document):
            yield _contract(use, document.text, service, document.where.repo, document.where.path)


def _contract(use: TableUse, text: str, service: str, repo: str, path: str) -> Contract:
    side = PROVIDED if use.method == "define" else CONSUMED
    return Contract("table", side, use.name, use.method, service, repo, path, text.count("\n", 0, use.at) + 1)


def _mapped(file: CodeFile) -> Iterator[TableUse]:
    """The tables that a file names to a library."""
    if file.language == "python" and "table" not in file.lower:
        return  # all of Python's say so
    for mapping in MAPPINGS:
        if file.language in mapping.languages and (mapping.mentions is None or mapping.mentions.search(file.text)):
            for found in mapping.pattern.finditer(file.code):
                yield TableUse(found[1].lower(), "define" if mapping.defines else "map", found.start(1))


def _of_constants(file: CodeFile, values: Values) -> Iterator[TableUse]:
    """The tables that are named by what constants stand for: `__tablename__ = USERS`, `@Table(name = User.TABLE)`."""
    given = [node for name in _NAMING for node in file.values.get(name, ())]
    for call in [mark.call for mark in file.marks if mark.call.name in _MARKS] + [
        c for c in file.calls if c.name in _CALLS
    ]:
        named = call.named("name") or call.positional(0)
        given += [named] if named is not None else []
    for node in given:
        if unwrapped(node).type in NAMES | MEMBERS and _PLAIN.fullmatch(name := values.text(node, file)):
            yield TableUse(name.lower(), "map", len(file.code.encode()[: node.start_byte].decode("utf-8", "replace")))


def _by_convention(file: CodeFile) -> Iterator[TableUse]:
    """The tables of classes that name none."""
    for convention in CONVENTIONS:
        if file.language not in convention.languages:
            continue
        if convention.mentions is not None and not convention.mentions.search(file.text):
            continue
        for name, at in _named_by(convention, file):
            yield TableUse(convention.name(name), "map", at)
    if file.language == "python":
        yield from _django(file)


def _named_by(convention: Convention, file: CodeFile) -> Iterator[tuple[str, int]]:
    """The classes that a convention is about, with where they stand."""
    if convention.pattern.groups:
        for found in convention.pattern.finditer(file.code):
            if file.language == "go" and re.search(rf"\(\s*(?:\w+\s+)?\*?{found[1]}\)\s*TableName\(", file.code):
                continue
            if not convention.unless.search(_definition(file, found.start(1)) or _statement(file.code, found)):
                yield found[1], found.start(1)
        return
    for kind in file.types:
        if convention.pattern.search(kind.header.rstrip()) and not convention.unless.search(text_of(kind.node)):
            yield kind.name, _place(file, kind)


def _definition(file: CodeFile, at: int) -> str:
    """The text of the innermost class with its name at a character."""
    line = file.code.count("\n", 0, at)
    around = [k for k in file.types if k.node.start_point.row <= line <= k.node.end_point.row]
    return text_of(around[-1].node) if around else ""


def _statement(text: str, found: re.Match[str]) -> str:
    """What a pattern found; of a call that goes on, all of it."""
    end = text.find(");", found.end()) if found[0].endswith("{") else found.end()
    return text[found.start() : end if end >= 0 else len(text)]


def _django(file: CodeFile) -> Iterator[TableUse]:
    """Django: the name of the application, then that of the model; what a model takes over may make it one."""
    app = re.sub(r"/models(?:/.*)?$", "", file.where.path.rpartition(".")[0]).rpartition("/")[2]
    if "django" not in file.text:
        return
    abstract = set(_DJANGO_ABSTRACT.findall(file.code))
    for kind in file.types if app else ():
        is_model = "models.Model" in kind.header or any(re.search(rf"\b{base}\b", kind.header) for base in abstract)
        own = re.match(rf"class\s+{kind.name}\b", kind.header) is not None and kind.name not in abstract
        if is_model and own and not _DJANGO_NAMED.search(text_of(kind.node)):
            yield TableUse(f"{app}_{kind.name.lower()}", "map", _place(file, kind))


def _named_entities(code: Sequence[CodeFile]) -> set[str]:
    """Entity Framework: the classes whose table is named where they are or in a model."""
    texts = [file.code for file in code if file.language == "csharp"]
    return {name for text in texts for pattern in (_MARKED, _TOLD) for name in pattern.findall(text)}


def _of_contexts(file: CodeFile, named: set[str]) -> Iterator[TableUse]:
    """Entity Framework: a set is named as its table, when nothing else names that."""
    for found in _DB_SET.finditer(file.code) if file.language == "csharp" else ():
        if found[1] not in named:
            yield TableUse(found[2].lower(), "map", found.start())


def _of_document(file: SourceFile) -> Iterator[TableUse]:
    path = file.where.path
    if path.endswith(".sql"):
        yield from uses_in_document(file.text)
    elif path.endswith(".prisma"):
        for found in _PRISMA.finditer(file.text):
            name = _PRISMA_NAME.search(found[2] or found[4] or "")
            yield TableUse((name[1] if name is not None else found[1] or found[3]).lower(), "define", found.start())
    elif path.endswith(".xml"):  # MyBatis, Liquibase
        for found in _MAPPER.finditer(file.text):
            for use in uses_in_document(_TAG.sub(" ", found[2])):
                yield TableUse(use.name, use.method, found.start())
        yield from (TableUse(found[1].lower(), "define", found.start()) for found in _CHANGE.finditer(file.text))
    elif path.endswith((".yaml", ".yml")) and _CHANGE_KEYS[0] in file.text:
        for entry in entries(file):
            if entry.path[-2:] == _CHANGE_KEYS and entry.value:
                at = sum(len(line) + 1 for line in file.lines[: entry.line - 1])
                yield TableUse(entry.value.lower(), "define", at)


def _place(file: CodeFile, kind: Type) -> int:
    return sum(len(line) + 1 for line in file.code.split("\n")[: kind.node.start_point.row])
