"""The functions of a file, nested ones too: where each begins and ends, and what it calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .languages import language_of, syntax_tree
from .outline import structure
from .roots import SourceFile


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a file: lines from 1, both included. `calls` are (name, line), in order."""

    name: str
    first: int
    last: int
    calls: tuple[tuple[str, int], ...]


def functions(file: SourceFile) -> list[Function]:
    """The functions of a file, in order; what a nested one calls, the outer one calls too. None without a grammar."""
    language = language_of(file.where.path)
    root = syntax_tree(language, file.text.encode()) if language is not None else None
    if language is None or root is None:
        return []
    definitions, calls = structure(language, root)
    return [
        Function(
            definition.name,
            definition.first_line,
            definition.last_line,
            tuple((call.name, call.line) for call in calls if definition.start <= call.start < definition.end),
        )
        for definition in definitions
        if definition.kind == "function"
    ]


def function_at(found: Sequence[Function], line: int, name: str | None = None) -> Function | None:
    """The innermost function around a line; the one of that name, when it is given and there is one."""
    named = [function for function in found if name and function.name == name.rpartition(".")[2]]
    around = [function for function in named or found if function.first <= line <= function.last]
    if around:
        return min(around, key=lambda function: (function.last - function.first, -function.first))
    return min(named, key=lambda function: abs(function.first - line), default=None)
