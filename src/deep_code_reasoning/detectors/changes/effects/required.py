"""Columns that must be filled since: what wrote rows without them is refused.

Forms: SQL's `ADD COLUMN ... NOT NULL`, and how Django, Alembic, Rails, Laravel, Knex, Sequelize, Entity Framework say
it in a migration. One with a default refuses nobody; nor does one of a table that the migration creates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk
from ..effect import Effect, each_hunk
from .migrations import is_of_new_table

_MIGRATES: Final = re.compile(r"(?i)migrat|alembic|flyway|liquibase|changelog|versions/|schema")
_REQUIRED: Final = re.compile(
    r"(?i)\bADD\s+(?:COLUMN\s+)?[^,;]*\bNOT\s+NULL\b|\bnullable\s*[:=]\s*false\b|\bnot_?nullable\(\)|\ballowNull\s*:\s*false\b|\bnullable\(false\)"
    r"|\bnull=False\b|addNotNullConstraint"
)
# Django's fields must be filled unless they say otherwise.
_ALTERS_FIELD: Final = re.compile(r"\b(?:AddField|AlterField)\(")
_FIELD: Final = re.compile(r"\bfield\s*=\s*[\w.]+\(")
_SPARED: Final = re.compile(r"(?i)\bdefault|null=True|blank=True|server_default|ManyToMany|auto_now")
_NAME: Final = re.compile(r"""(?i)\bname\s*[:=]\s*["'](\w+)|\bADD\s+(?:COLUMN\s+)?["`]?(\w+)|["'](\w{3,})["']""")
_NEAR: Final = 6


def _required(hunk: Hunk) -> Iterator[Effect]:
    if not _MIGRATES.search(hunk.path) and hunk.kind != "sql":
        return
    after = hunk.after
    for place, line in enumerate(after):
        before = after[max(0, place - _NEAR) : place + 1]
        field = _FIELD.search(line.code) and any(_ALTERS_FIELD.search(other.code) for other in before)
        if not line.is_new or not (field or _REQUIRED.search(line.code)):
            continue
        if _SPARED.search(line.code) or is_of_new_table(line, hunk):
            continue
        named = [match for other in before for match in _NAME.finditer(other.code)]
        names = tuple(dict.fromkeys(name for match in named for name in match.groups() if name))
        says = f"a column must be filled since, by whoever writes: `{line.code[:80]}`"
        yield Effect("ddl_constraint", says, hunk.path, names, sureness=0.9)
        return


extract: Final = each_hunk({_required: "sql code"})
