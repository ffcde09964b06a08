"""How libraries name tables, as data: by a text that names one, or by the name of a class.

Learned from the documentation of SQLAlchemy, SQLModel, Alembic, Django, Peewee, Tortoise, Pony, JPA, Spring Data,
Micronaut Data, Exposed, Ktorm, jOOQ, TypeORM, MikroORM, Sequelize, Objection, Knex, Kysely, Drizzle, Supabase, Entity
Framework, FluentMigrator, NHibernate, ActiveRecord, Sequel, ROM, Eloquent, Doctrine, Phinx, GORM, bun, ent, go-pg,
squirrel, goqu.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from re import Pattern
from typing import Final

_SCRIPTS: Final = "javascript typescript tsx"
_JVM: Final = "java kotlin"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A text that names a table (its first group), in languages, in files that mention something."""

    languages: frozenset[str]
    pattern: Pattern[str]
    defines: bool
    mentions: Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Convention:
    """Classes whose names say those of their tables: what such a class begins with (its name is the first group, or
    that of the class whose header it is), which of them name a table or have none, and how a name is made."""

    languages: frozenset[str]
    pattern: Pattern[str]
    unless: Pattern[str]
    name: Callable[[str], str]
    mentions: Pattern[str] | None


def snake(name: str) -> str:
    """`OrderLine` as `order_line`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def plural(name: str) -> str:
    """`category` as `categories`."""
    if name.endswith("person"):
        return name.removesuffix("person") + "people"
    if re.search(r"[^aeiou]y$", name):
        return name[:-1] + "ies"
    return name + ("es" if re.search(r"(?:s|x|z|ch|sh)$", name) else "s")


def _plural_snake(name: str) -> str:
    return plural(snake(name))


def _map(languages: str, pattern: str, *, defines: bool = False, mentions: str = "") -> Mapping:
    return Mapping(
        frozenset(languages.split()), re.compile(pattern), defines, re.compile(mentions) if mentions else None
    )


def _named(
    languages: str, pattern: str, name: Callable[[str], str], *, unless: str = r"(?!)", mentions: str = ""
) -> Convention:
    said = re.compile(mentions) if mentions else None
    return Convention(frozenset(languages.split()), re.compile(pattern), re.compile(unless), name, said)


MAPPINGS: Final = (
    _map("python", r"__tablename__\s*(?::\s*\w+\s*)?=\s*['\"](\w+)['\"]"),
    _map("python", r"\bdb_table\s*=\s*['\"]([\w.]+)['\"]"),
    _map("python", r"\bTable\(\s*['\"](\w+)['\"]\s*,\s*[\w.]*metadata"),
    _map("python", r"\bop\.(?:create_table|add_column|alter_column|drop_column)\(\s*['\"](\w+)['\"]", defines=True),
    _map("python", r"\btable(?:_name)?\s*=\s*['\"](\w+)['\"]", mentions=r"\b(?:peewee|tortoise)\b"),
    _map("python", r"\b_table_\s*=\s*['\"](\w+)['\"]", mentions=r"\bpony\b"),
    _map(_JVM, r"@(?:Join|Collection|Secondary)Table\s*\(\s*(?:[^)]{0,300}?\bname\s*=\s*)?\"(\w+)\""),
    _map("kotlin", r":\s*(?:[\w.]+\.)?(?:Int|Long|UUID|UInt|ULong)?(?:Id)?Table(?:<\w+>)?\(\s*\"(\w+)\""),
    _map(_JVM, r"@Table\s*\(\s*(?:[^)]{0,300}?\bname\s*=\s*)?\"(\w+)\""),
    _map(_JVM, r"@(?:Entity|MappedEntity)\s*\(\s*(?:(?:name|value)\s*=\s*)?\"(\w+)\""),
    _map(
        _JVM,
        r"\.\s*(?:selectFrom|insertInto|update|deleteFrom|mergeInto|from|join|leftJoin)\(\s*(?:Tables\.)?([A-Z][A-Z0-9_]+)\s*[,)]",
        mentions=r"(?i)jooq|\bdsl\b",
    ),
    _map(_SCRIPTS, r"@(?:Entity|ViewEntity|JoinTable)\(\s*(?:\{\s*name\s*:\s*)?['\"`](\w+)['\"`]"),
    _map(_SCRIPTS, r"\btableName\s*[:=]\s*['\"`](\w+)['\"`]"),
    _map(_SCRIPTS, r"\bget\s+tableName\(\)[^{]{0,80}\{\s*return\s+['\"`](\w+)['\"`]"),
    _map(_SCRIPTS, r"\b(?:createTable|alterTable|createTableIfNotExists)\(\s*['\"`](\w+)['\"`]", defines=True),
    _map(_SCRIPTS, r"\b(?:pg|mysql|sqlite)Table\(\s*['\"`](\w+)['\"`]", defines=True),
    _map(_SCRIPTS, r"\.table\(\s*['\"`](\w+)['\"`]\s*,\s*\{", defines=True, mentions=r"\bdrizzle"),
    _map(_SCRIPTS, r"\b(?:knex|db|trx)\(\s*['\"`](\w+)['\"`]\s*\)"),
    _map(_SCRIPTS, r"\.(?:from|into|table)\(\s*['\"`](\w+)['\"`]\s*\)", mentions=r"(?i)\b(?:knex|supabase)"),
    _map(_SCRIPTS, r"\.(?:selectFrom|insertInto|updateTable|deleteFrom)\(\s*['\"`](\w+)"),
    _map(_SCRIPTS, r"\.(?:left|right|inner|cross|leftOuter|full)?[jJ]oin\(\s*['\"`](\w+)(?:\s+as\s+\w+)?['\"`]\s*,"),
    _map("csharp", r"\[Table\(\s*(?:Name\s*=\s*)?\"(\w+)\""),
    _map("csharp", r"\.ToTable\(\s*\"(\w+)\""),
    _map("csharp", r"\bmigrationBuilder\.CreateTable\(\s*name:\s*\"(\w+)\"", defines=True),
    _map("csharp", r"\bCreate\.Table\(\s*\"(\w+)\"", defines=True),
    _map("csharp", r"(?m)^[ \t]*Table\(\s*\"(\w+)\"\s*\)", mentions=r"\bNHibernate\b"),
    _map("ruby", r"\bself\.table_name\s*=\s*[:'\"](\w+)"),
    _map("ruby", r"\b(?:create_table|add_column|change_table|add_index)\s*\(?\s*[:'\"](\w+)", defines=True),
    _map("ruby", r"\bSequel::Model\(\s*:(\w+)"),
    _map("ruby", r"\b(?:DB|db)\[\s*:(\w+)\s*\]"),
    _map("ruby", r"\b(?:DB|db)\.from\(\s*:(\w+)"),
    _map("ruby", r"\.(?:left_|inner_)?join\(\s*:(\w+)\s*,", mentions=r"\b(?:DB|db)[.\[]"),
    _map("ruby", r"\bschema[ (]\s*:(\w+)", mentions=r"\b(?:ROM|Hanami)\b"),
    _map("php", r"->(?:left|right|cross)?[jJ]oin\(\s*['\"](\w+)['\"]\s*,"),
    _map("php", r"->(?:inner|left|right)?[jJ]oin\(\s*['\"]\w+['\"]\s*,\s*['\"](\w+)['\"]\s*,\s*['\"]\w+['\"]\s*,"),
    _map("php", r"->from\(\s*['\"](\w+)['\"]"),
    _map("php", r"\$(?:this->)?(?:conn|connection|db|dbal)->(?:insert|update|delete)\(\s*['\"](\w+)['\"]"),
    _map("php", r"\bprotected\s+\$table\s*=\s*['\"](\w+)['\"]"),
    _map("php", r"\bSchema::(?:create|table)\(\s*['\"](\w+)['\"]", defines=True),
    _map("php", r"(?:\bDB::|->)table\(\s*['\"](\w+)['\"]"),
    _map("php", r"->setTable\(\s*['\"](\w+)['\"]"),
    _map("php", r"\bbelongsToMany\(\s*[\\\w]+::class\s*,\s*['\"](\w+)['\"]"),
    _map("php", r"ORM\\(?:Join)?Table\(\s*(?:name\s*[:=]\s*)?['\"](\w+)['\"]"),
    _map("go", r"\)\s*TableName\(\)\s*string\s*\{\s*return\s+\"(\w+)\""),
    _map("go", r"`[^`]*\b(?:bun:\"table:|pg:\"|pg:\"name:)(\w+)[^`]*`", mentions=r"\bbun\.|\btableName\b|/go-pg/"),
    _map("go", r"\bentsql\.(?:Table\(|Annotation\{\s*Table:\s*)\"(\w+)\""),
    _map("go", r"\.Table\(\s*\"(\w+)\"", mentions=r"gorm|xorm"),
    _map(
        "go",
        r"\.(?:From|Insert|InsertInto|Into|Update|Delete|DeleteFrom|Join|LeftJoin|InnerJoin)\(\s*\"(\w+)",
        mentions=r"squirrel|goqu|sqlbuilder|dbr",
    ),
)

_JPA: Final = (
    r"@(?:Mapped)?Entity\b(?!\s*\()(?:\s*@(?!(?:Mapped)?Entity\b)\w+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?)*"
    r"\s*(?:(?:public|final|open|data|abstract)\s+)*(?:class|record)\s+(\w+)"
)
_DOCTRINE: Final = (
    r"#\[ORM\\Entity[^\]]{0,300}\](?!\s*#\[ORM\\Table)(?:\s*#\[(?!ORM\\Entity)[^\]]*\])*\s*(?:final\s+)?class\s+(\w+)"
)
_TYPEORM: Final = (
    r"@Entity\(\s*\)(?:\s*@(?!Entity\()\w+\([^()]*\))*\s*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s+(\w+)"
)
_GORM: Final = r"\btype\s+(\w+)\s+struct\s*\{[^{}]*(?:\bgorm\.Model\b|`[^`]*\bgorm:\")"

CONVENTIONS: Final = (
    _named("python", r"\bSQLModel\b.{0,300}\btable\s*=\s*True", str.lower, unless=r"__tablename__"),
    _named(
        "python",
        r"\((?:\w+\.)?Model\)",
        str.lower,
        unless=r"\btable(?:_name)?\s*=",
        mentions=r"\b(?:peewee|tortoise)\b",
    ),
    _named(
        "ruby",
        r"<\s*(?:ApplicationRecord|ActiveRecord::Base)",
        _plural_snake,
        unless=r"\bself\.(?:table_name|abstract_class)\b|\bprimary_abstract_class\b",
    ),
    _named("ruby", r"<\s*Sequel::Model\s*(?:;|$)", _plural_snake),
    _named(
        "php",
        r"\bextends\s+(?:\\?\w+\\)*(?:Model|Authenticatable|Pivot)\b",
        _plural_snake,
        unless=r"\$table\s*=|\babstract\s+class",
        mentions=r"Illuminate\\|App\\Models|extends\s+Authenticatable",
    ),
    _named("php", _DOCTRINE, snake, unless=r"ORM\\Table\("),
    _named(_JVM, _JPA, snake, unless=r"@Table\s*\("),
    _named("kotlin", r"\bobject\s+(\w+)\s*:\s*(?:[\w.]+\.)?(?:Int|Long|UUID)?(?:Id)?Table\(\s*\)", str.lower),
    _named(_SCRIPTS, _TYPEORM, snake),
    _named(
        _SCRIPTS,
        r"\.define(?:<[^>]{0,300}>)?\(\s*['\"`](\w+)['\"`]\s*,\s*\{",
        _plural_snake,
        unless=r"\btableName\s*:|freezeTableName\s*:\s*true",
        mentions=r"(?i)sequelize",
    ),
    _named("go", _GORM, _plural_snake, mentions=r"gorm"),
    _named("go", r"\btype\s+(\w+)\s+struct\s*\{\s*ent\.Schema\b", _plural_snake),
    _named("go", r"\.AutoMigrate\((?:&\w+\{\}\s*,\s*)*&(\w+)\{\}", _plural_snake),
)
