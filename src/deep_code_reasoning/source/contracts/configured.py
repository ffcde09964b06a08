"""Objects that are filled from the configuration: which classes are, and the key that an expression reads of one.

Spring's and Micronaut's `@ConfigurationProperties`, Quarkus' `@ConfigMapping`, ASP.NET's options, pydantic's settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .grammars import MEMBERS, NAMES, RECEIVER_FIELDS
from .names import INSIDES, Names, field_read_by
from .nodes import definition_name, first_field, last_name, text_of, unwrapped, within
from .scopes import Term
from .syntax import CodeFile, Type
from .texts import HOLE

if TYPE_CHECKING:
    from tree_sitter import Node

_MARKS: Final = frozenset({"ConfigurationProperties", "ConfigMapping", "EachProperty"})
_BINDING: Final = re.compile(r"\b(?:Configure|AddOptions|Get|GetRequiredOptions|ConfigureOptions)<(\w+)>")
_SECTIONS: Final = frozenset({"GetSection", "GetRequiredSection", "BindConfiguration"})
_SETTINGS: Final = re.compile(r"\bBaseSettings\b")
_PREFIX: Final = re.compile(r"\benv_prefix\s*=\s*['\"](\w+)['\"]")
_MAX_DEPTH: Final = 6


class Configured:
    """The classes of many files that are filled from the configuration.

    Args:
        files: all code.
        names: what its names stand for.
        text: the value of an expression of a file.
    """

    def __init__(self, files: Sequence[CodeFile], names: Names, text: Callable[[Node, CodeFile], str]) -> None:
        self._names = names
        self._prefixes = {kind: prefix for file in files for kind, prefix in _prefixes(file, text)}

    def key(self, term: Term, depth: int = 0) -> str:
        """The key that an expression reads through the fields of such a class; '' of anything else."""
        node = unwrapped(term.node)
        if not self._prefixes or depth > _MAX_DEPTH:
            return ""
        made = term.file.by_node.get(node.id)
        if made is not None:
            field = field_read_by(made)
            whole = self._whole(made.receiver_node, term, depth) if field and made.receiver_node is not None else None
            return f"{whole}.{field}" if whole is not None else ""
        holder = first_field(node, RECEIVER_FIELDS) if node.type in MEMBERS else None
        field = last_name(text_of(node))
        if holder is None or field in INSIDES:
            return ""
        whole = self._whole(holder, term, depth)
        return f"{whole}.{field}" if whole is not None else ""

    def _whole(self, node: Node, term: Term, depth: int) -> str | None:
        """The key of an object: of its class, or of the object whose field it is; None when it is not configured."""
        kind = self._names.kind_of(term.of(node))
        prefix = self._prefixes.get(definition_name(kind.node)) if kind is not None else None
        if prefix is None and unwrapped(node).type not in NAMES:
            return self.key(term.of(node), depth + 1) or None
        return prefix


def _prefixes(file: CodeFile, text: Callable[[Node, CodeFile], str]) -> Iterator[tuple[str, str]]:
    """The classes that a file fills from the configuration, each with the key before those of its fields."""
    for mark in file.marks:
        if mark.call.name in _MARKS:
            given = mark.call.named("prefix", "value") or mark.call.positional(0)
            yield definition_name(mark.target), text(given, file) if given is not None else ""
    for call in file.calls if file.language == "csharp" else ():
        bound = _BINDING.search(text_of(call.node))
        if bound is None:
            continue
        sections = [each for each in file.calls if each.name in _SECTIONS and within(each.node, call.node)]
        given = sections[0].positional(0) if sections else None
        if given is not None and (section := text(given, file)) != HOLE:
            yield bound[1], section
    for kind in file.types if file.language == "python" else ():
        if _SETTINGS.search(kind.header):
            yield kind.name, _env_prefix(kind)


def _env_prefix(kind: Type) -> str:
    found = _PREFIX.search(text_of(kind.node))
    return found[1] if found is not None else ""
