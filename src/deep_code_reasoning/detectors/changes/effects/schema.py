"""Shapes that two sides must agree on: tables, columns, message fields, enumerations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..code import captured, is_import, is_log_statement, is_telemetry
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .migrations import is_of_new_table, only_adds_column, statement

_TABLE: Final = re.compile(
    r"""(?i)\b(?:FROM|JOIN|INSERT\s+INTO|INTO|UPDATE|DELETE\s+FROM)\s+["'`\[]?([a-z_][\w]*(?:\.[a-z_]\w*)?)["'`\]]?"""
)
_SQL_STATEMENT: Final = re.compile(
    r"(?i)\b(SELECT|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|FROM\s+\w+\s+(WHERE|JOIN))\b"
)
# A statement as far as its columns go: to the end of the line that says whose they are, else of its own.
_STATEMENT: Final = re.compile(
    r"(?<![.\w])(?:(?i:select)\s[^;]{1,2000}?\s(?i:from)\b|SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s)[^\n;]*"
)
# What a statement calls by a name of its own: no quoted text, no placeholder, no function, no alias of a table.
_SQL_NAME: Final = re.compile(r"(?<![\w:$@%])[a-z_]\w*(?![\w.(])", re.I)
_QUOTED: Final = re.compile(r"'[^']*'")
_ALIAS: Final = re.compile(r"(?i)\bAS\s+\w+")
_SQL_WORDS: Final = frozenset(
    """all and any as asc between by case conflict cross current_date current_timestamp default delete desc distinct do
    else end exists false for from full group having in inner insert interval into is join left like limit lock natural
    not nothing null of offset on or order outer over partition read returning right select set share skip then true
    union update using values when where with""".split()
)
_ORM_TABLE: Final = re.compile(
    r"""(?:__tablename__\s*=|@Table\(\s*name\s*=|db_table\s*=|self\.table_name\s*=|"""
    r"""TableName\(\)\s*string\s*\{\s*return)\s*["'](\w+)["']"""
)
_CREATES: Final = re.compile(
    r"(?i)\bCREATE\s+(?:TABLE|VIEW)|create_table|createTable|AddColumn|add_column|ADD\s+COLUMN"
)
_ORM_FIELD: Final = re.compile(
    r"^\s*(\w+)\s*(?::\s*Mapped\[[^\]]+\])?\s*=\s*(?:db\.|sa\.|models\.|fields\.)?(?:mapped_column|"
    r"Column|\w+Field|ForeignKey)\(|@(?:Column|JoinColumn)\(.*?name\s*=\s*\"(\w+)\""
)
_DDL: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "ddl_dropped",
        r"DROP\s+(?:TABLE|COLUMN|VIEW|TYPE)\s+(?:IF\s+EXISTS\s+)?[\"`]?(\w+)|drop_(?:table|"
        r"column)\(?\s*[:\"']?(\w+)[\"']?(?:\s*,\s*[:\"']?(\w+))?"
        r"|removeColumn\(.*?[\"'](\w+)[\"']\s*\)",
        "drops",
    ),
    (
        "ddl_dropped",
        (
            r"RENAME\s+(?:COLUMN\s+)?[\"`]?(\w+)[\"`]?\s+TO|RENAME\s+TO\s+(\w+)|rename_(?:column|"
            r"table)\(?\s*[:\"']?(\w+)[\"']?\s*,\s*[:\"']?(\w+)"
        ),
        "renames",
    ),
    (
        "index_dropped",
        r"DROP\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+EXISTS\s+)?[\"`]?(\w+)|"
        r"remove_index\(?\s*[:\"']?(\w+)[\"']?(?:\s*,\s*[:\"']?(?:column:\s*)?[:\"']?(\w+))?|"
        r"drop_index\(?\s*\[?\s*[:\"'](\w+)"
        r"|dropIndex\(",
        "drops the index",
    ),
    (
        "ddl_constraint",
        (
            r"ADD\s+CONSTRAINT\s+(\w+)|SET\s+NOT\s+NULL|ADD\s+UNIQUE|"
            r"ALTER\s+COLUMN\s+[\"`]?(\w+)[\"`]?\s+(?:SET\s+DATA\s+)?TYPE|MODIFY\s+COLUMN\s+(\w+)|"
            r"null:\s*false|change_column\w*"
        ),
        "constrains or retypes",
    ),
    (
        "ddl_locks",
        (
            r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)(?:IF\s+NOT\s+EXISTS\s+)?(?:[\"`]?\w+[\"`]?\s+)?ON\s+"
            r"(?:ONLY\s+)?[\"`]?(?:\w+[\"`]?\.[\"`]?)?(\w+)|LOCK\s+TABLE\s+(?:\w+\.)?(\w+)"
            r"|ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?[\"`]?(?:\w+[\"`]?\.[\"`]?)?(\w+)|"
            r"VACUUM\s+FULL|CLUSTER\s+(\w+)|add_index\b(?!.*concurrently)"
        ),
        "locks a table to alter it",
    ),
)
_DDL_PATTERNS: Final = tuple((kind, re.compile(pattern, re.I), verb) for kind, pattern, verb in _DDL)
_WIRE_NAME: Final = re.compile(
    r"""(?:json|yaml|bson|db|xml|form|protobuf|avro|mapstructure):"([\w.\-]+)|@(?:JsonProperty|"""
    r"""SerializedName|JsonName|Json|SerialName|JsonKey|XmlElement|Field)\((?:name\s*=\s*|"""
    r"""value\s*=\s*)?"([\w.\-]+)"|serde\((?:rename|alias)\s*=\s*"([\w\-]+)"|"""
    r"""alias\s*=\s*["']([\w\-]+)["']|data_key\s*=\s*["'](\w+)"""
)
_KEY: Final = re.compile(
    r"""["']([A-Za-z_][\w\-]*)["']\s*(?::|=>)|\[["']([A-Za-z_][\w\-]*)["']\]|\.get\(["']([A-Za-z_][\w\-]*)["']"""
)
# What libraries call the rule by which they spell the names of all fields of a message.
_NAMING_RULE: Final = re.compile(
    r"rename_all(?:_fields)?\s*=|@JsonNaming\b|Property_?Naming\w*|property-naming-strategy|alias_generator\s*=|NamingPolic(?:y|ies)"
    r"|[nN]amingStrateg(?:y|ies)|key_transform|camelize|underscore_keys|preserving_proto_field_name|UseProtoNames"
    r"|CamelCasePropertyNames|JsonSerializerDefaults\.Web|DictionaryKeyPolicy|\b(?:serialize_)?by_alias\s*=\s*True|\bhumps\.\w+"
    r"|(?i:(?:camel|snake|kebab|pascal)_?case_?keys)|\b(?:deep_)?transform_keys\b|convert(?:To|From)SnakeCase"
    r"|key(?:En|De)codingStrategy|CaseToSnakeCase\w*|CamelCase(?:JSON)?(?:Renderer|Parser)"
)
_SPELLINGS: Final = re.compile(r"(?i)camel|JsonSerializerDefaults\.Web|snake|kebab|pascal|alias|lower|upper|proto")
# Rules that say what holds without them.
_AS_WITHOUT: Final = re.compile(r"LOWER_?CAMEL|LowerCamelCaseStrategy|FieldNamingPolicy\.IDENTITY")
_FIELD_NAME: Final = re.compile(
    r"^(?:(?:pub(?:\(\w+\))?|private|public|protected|internal|final|readonly|val|var|let)\s+)*"
    r"(?:[A-Z][\w<>?.]*\s+)?([A-Za-z_]\w*)\s*[:;{?=]"
)
_PROTO_FIELD: Final = re.compile(r"^(?:repeated |optional |required )?([\w.<>, ]+?)\s+(\w+)\s*=\s*(\d+)\s*(?:\[.*\])?;")
_PROTO_MEMBER: Final = re.compile(r"^(\w+)\s*=\s*(-?\d+)\s*;")
_AVRO_FIELD: Final = re.compile(r"""["']name["']\s*:\s*["'](\w+)["']""")


def tables_of(code: str) -> list[str]:
    """Tables that a line of SQL, or of code that quotes SQL, reads or writes."""
    if is_import(code):
        return []  # `from x import y`
    if not _SQL_STATEMENT.search(code) and not re.match(r"(?i)\s*(FROM|JOIN)\s", code):
        return [match[1] for match in _ORM_TABLE.finditer(code)]
    return [
        m[1]
        for m in _TABLE.finditer(code)
        if m[1].lower() not in ("select", "set", "where", "the", "values", "lateral")
    ]


def _columns_of(lines: Iterable[Line]) -> dict[str, None]:
    """What statements ask for by name: columns, and the tables they are of."""
    statements = _STATEMENT.findall("\n".join(line.code for line in lines))
    names = (name for code in statements for name in _SQL_NAME.findall(_ALIAS.sub("", _QUOTED.sub("", code))))
    return dict.fromkeys(name for name in names if name.lower() not in _SQL_WORDS)


def extract(patch: Patch) -> list[Effect]:
    """Tables and columns used without a migration, dropped, renamed or locked; fields and members changed."""
    found = list(_tables(patch))
    for hunk in patch.running:
        if hunk.kind in ("sql", "code"):
            found += _ddl(hunk)
        if hunk.kind in ("code", "schema", "config", "sql"):
            found += _wire_names(hunk)
            found += _naming_rules(hunk, patch)
        if hunk.kind in ("schema", "code"):
            found += _members(hunk)
    return found


def _tables(patch: Patch) -> Iterator[Effect]:
    if any(_CREATES.search(line.code) for line in patch.added) or any(
        re.search(r"(?i)migrat|alembic|flyway|schema\.rb", f) for f in patch.files
    ):
        return
    known = {table for hunk in patch.running for line in hunk.before for table in tables_of(line.code)}
    for hunk in patch.running:
        new = dict.fromkeys(table for line in hunk.added for table in tables_of(line.code) if table not in known)
        if new:
            yield Effect("table_used", f"uses {', '.join(new)} and brings no migration", hunk.path, tuple(new))
        asked = {} if _asks_for_all(hunk.removed) else _columns_of(hunk.before)
        columns = tuple(name for name in _columns_of(hunk.after) if asked and name not in asked and name not in new)
        if columns:
            says = f"a statement asks for {', '.join(columns)} and brings no migration"
            # Most are there: who asks for one more is as suspect as who does anything.
            yield Effect("column_used", says, hunk.path, columns, sureness=0.75)
        fields = [m[1] or m[2] for line in hunk.added if (m := _ORM_FIELD.search(line.code))]
        gone = [m[1] or m[2] for line in hunk.removed if (m := _ORM_FIELD.search(line.code))]
        new_fields = tuple(name for name in fields if name not in gone)
        if new_fields:
            yield Effect("column_used", f"maps {', '.join(new_fields)} and brings no migration", hunk.path, new_fields)


def _asks_for_all(lines: Iterable[Line]) -> bool:
    """Whether a statement asks for all columns: those that another names instead are among them."""
    return any(_ALL_COLUMNS.search(line.code) for line in lines)


_ALL_COLUMNS: Final = re.compile(r"(?i)\bselect\s+(?:distinct\s+)?(?:\w+\.)?\*")


def _ddl(hunk: Hunk) -> Iterator[Effect]:
    for line in hunk.added:
        if is_of_new_table(line, hunk):
            continue
        for kind, pattern, verb in _DDL_PATTERNS:
            match = pattern.search(statement(line, hunk) if kind == "ddl_locks" else line.code)
            if match:
                names = tuple(group for group in match.groups() if group)
                tables = _tables_of_index(names[0]) if kind == "index_dropped" and names else ()
                yield Effect(
                    kind,
                    f"{verb} {', '.join(names) or 'a column'}: `{line.code[:80]}`",
                    hunk.path,
                    (*names, *tables, *_ddl_table(line.code), *_altered(hunk)),
                    sureness=0.25 if kind == "ddl_locks" and only_adds_column(line.code) else 1.0,
                )
                break


def _tables_of_index(name: str) -> tuple[str, ...]:
    """What an index may be of, by its name: the table comes first, then its columns (`idx_line_item_order_id`)."""
    parts = [part for part in name.split("_") if part.lower() not in _INDEX_WORDS]
    return tuple("_".join(parts[:end]) for end in range(len(parts) - 1, 0, -1))


_INDEX_WORDS: Final = frozenset({"idx", "ix", "index", "key", "uq", "uniq", "unique"})


def _altered(hunk: Hunk) -> tuple[str, ...]:
    """The tables that a migration's blocks say they alter."""
    return tuple(dict.fromkeys(match[1] for line in hunk.after for match in _ALTERS.finditer(line.code)))


_ALTERS: Final = re.compile(r"(?i)\b(?:alter_?table|change_table|Schema::table|table)\(\s*[:\"'](\w+)")


def _ddl_table(code: str) -> tuple[str, ...]:
    match = re.search(r"(?i)\bTABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?[\"`]?(\w+)|\bON\s+(?:ONLY\s+)?[\"`]?(\w+)", code)
    return tuple(group for group in match.groups() if group) if match else ()


def _wire_names(hunk: Hunk) -> Iterator[Effect]:
    removed, added = (
        [line.code for line in lines if not (is_log_statement(line.code) or is_telemetry(line.code))]
        for lines in (hunk.removed, hunk.added)
    )
    for pattern, sureness in ((_WIRE_NAME, 0.95), (_AVRO_FIELD, 0.95), (_KEY, 0.7)):
        if pattern is _AVRO_FIELD and hunk.kind != "schema":
            continue
        old, new = captured(pattern, removed), captured(pattern, added)
        gone = tuple(name for name in old if name not in new)
        if gone and (new or pattern is not _KEY):
            come = tuple(name for name in new if name not in old)
            if not come and pattern is _KEY:
                continue
            says = f"{', '.join(gone)} renamed to {', '.join(come)}" if come else f"{', '.join(gone)} no longer there"
            yield Effect("field_renamed", says, hunk.path, (*gone, *come), sureness=sureness)
            return


def _naming_rules(hunk: Hunk, patch: Patch) -> Iterator[Effect]:
    """A rule by which all fields of a message are named, set, taken away or replaced by one that spells otherwise."""
    old, new = _spellings(hunk.removed), _spellings(hunk.added)
    gone, come = old.keys() - _spellings(patch.added).keys(), new.keys() - _spellings(patch.removed).keys()
    if not gone and (not come or not hunk.before):
        return
    fields = [m[1] for line in hunk.after for m in [_FIELD_NAME.match(line.code)] if m]
    line = next((new[one] for one in sorted(come)), "") or next(old[one] for one in sorted(gone))
    yield Effect("field_renamed", f"names its fields by another rule: `{line[:60]}`", hunk.path, tuple(fields))


def _spellings(lines: Iterable[Line]) -> dict[str, str]:
    """How the rules of some lines spell names, each with a line that says so."""
    codes = [line.code for line in lines if _NAMING_RULE.search(line.code) and not _AS_WITHOUT.search(line.code)]
    found = {}
    for code in codes:
        told = _SPELLINGS.search(code)
        found["camel" if told and told[0].endswith("Web") else told[0].lower() if told else code] = code
    return found


def _members(hunk: Hunk) -> Iterator[Effect]:
    if hunk.kind == "schema":
        old = {m[2]: (m[1], m[3]) for line in hunk.removed if (m := _PROTO_FIELD.match(line.code))}
        new = {m[2]: (m[1], m[3]) for line in hunk.added if (m := _PROTO_FIELD.match(line.code))}
        for name, shape in old.items():
            if new.get(name) != shape:
                verb = "retyped or renumbered" if name in new else "removed or renamed"
                yield Effect("field_renamed", f"message field {name} {verb}", hunk.path, (name, *(set(new) - set(old))))
    gone = [m for line in hunk.removed if (m := _PROTO_MEMBER.match(line.code))]
    stay = {m[1] for line in hunk.added if (m := _PROTO_MEMBER.match(line.code))}
    for match in gone:
        if match[1] not in stay:
            yield Effect("member_removed", f"{match[1]} = {match[2]} removed", hunk.path, (match[1],))
    if re.search(r"\benum\b", hunk.heading) or any(re.search(r"\benum\b", line.code) for line in hunk.before):
        for line in hunk.removed:
            member = re.match(r"^([A-Z][A-Za-z0-9_]*)\s*(?:\([^)]*\))?\s*(?:=\s*[\w\"']+)?\s*[,;]?$", line.code)
            if member and member[1] not in stay:
                yield Effect(
                    "member_removed", f"{member[1]} removed from an enumeration", hunk.path, (member[1],), sureness=0.9
                )
    yield from _members_added(hunk)


_MEMBER: Final = re.compile(r"^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)\s*(?:\([^)]*\))?\s*(?:=\s*[\w\"']+)?\s*[,;]?$")


def _members_added(hunk: Hunk) -> Iterator[Effect]:
    """Members new to a list of them: who reads the messages may not know them yet."""
    old = {m[1]: line.sign for line in hunk.before if (m := _MEMBER.match(line.code))}
    new = dict.fromkeys(m[1] for line in hunk.added if (m := _MEMBER.match(line.code)))
    come = tuple(name for name in new if name not in old)
    if come and " " in old.values():
        yield Effect("member_added", f"{', '.join(come)} is a new member", hunk.path, come, sureness=0.9)
