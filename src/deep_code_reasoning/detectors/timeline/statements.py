"""Statements and commands of database calls, as SQL expressions over spans."""

from __future__ import annotations

from typing import Final

_TEXTS: Final = ("db.query.text", "db.statement", "redis.command", "redis.raw_command", "sql.query", "sql")
_COMMAND: Final = "^(?i)(SET|SETNX|DEL|EVAL|EVALSHA|PEXPIRE|EXPIRE|SELECT|UPDATE|INSERT|DELETE) +[^ ]+ +[^ ]"


def statement_of(row: str = "") -> str:
    """SQL: the text of a database call, by OpenTelemetry's names of now and before, or as other tracers put it."""
    said = "".join(f"{row}attributes['{name}'] != '', {row}attributes['{name}'], " for name in _TEXTS)
    return f"multiIf({said}match({row}name, '{_COMMAND}'), toString({row}name), '')"


_IS_PARAMETER: Final = "startsWith(told, 'db.query.parameter.')"
PARAMETERS: Final = f"arrayFilter((given, told) -> {_IS_PARAMETER}, mapValues(attributes), mapKeys(attributes))"
"""SQL: the recorded parameters of a statement."""


def parameter_of(name: str) -> str:
    """SQL: a statement's recorded parameter by its name or number (an expression); '' where it is not recorded.

    Looked up in the map itself, within a lambda, all attributes would be copied for each element.
    """
    told = f"indexOf(arrayFilter(told -> {_IS_PARAMETER}, mapKeys(attributes)), concat('db.query.parameter.', {name}))"
    return f"{PARAMETERS}[{told}]"
