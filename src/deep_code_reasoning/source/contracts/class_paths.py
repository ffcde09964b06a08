"""The paths of classes whose methods declare routes: their own, those of what they extend, of what implements them, and
of the resources that lead to them (JAX-RS)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .calls import items
from .frameworks import CLASS_MARKS, FUNCTION_MARKS, SPEAKS_LIKE
from .grammars import CLASS_TYPES
from .nodes import definition_name, enclosing, last_name, text_of
from .syntax import CodeFile, Mark, Type
from .templates import joined
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

    from .calls import Call

PATHS: Final = ("value", "path", "uri", "template", "url", "uris", "paths")
_INHERITING: Final = frozenset({"java", "kotlin", "csharp"})
_BASES: Final = re.compile(r"\b(?:extends|implements)\b|:")
_OPEN: Final = re.compile(r"\b(?:interface|abstract|open)\b")
_MAX_DEPTH: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    file: CodeFile
    type: Type
    marks: Sequence[Mark]


class ClassPaths:
    """The paths of the classes of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values) -> None:
        self._values = values
        self._known: dict[str, _Known] = {}
        self._below: dict[str, list[str]] = {}
        self._leading: dict[str, list[tuple[str, str]]] = {}
        for file in files:
            if SPEAKS_LIKE.get(file.language, file.language) not in CLASS_MARKS:
                continue
            marks: dict[int, list[Mark]] = {}
            for mark in file.marks:
                if mark.target is not None:
                    marks.setdefault(mark.target.id, []).append(mark)
            for kind in file.types:
                self._known.setdefault(kind.name, _Known(file, kind, marks.get(kind.node.id, ())))
                for base in _bases(kind) if file.language in _INHERITING else ():
                    self._below.setdefault(base, []).append(kind.name)
            if "ws.rs" in file.text:
                for given in marks.values():
                    self._lead(given, file)

    def of(self, owner: Node | None, file: CodeFile) -> list[tuple[str, str]]:
        """(class, path) for each class that a method of a class serves for; one pair of nothing outside of classes."""
        name = definition_name(owner)
        known = self._known.get(name)
        if owner is None or known is None:
            return [("", "")]
        if file.language in _INHERITING and _OPEN.search(_header(known.type)):
            below = [kind for kind in self._below.get(name, ()) if self._known[kind].file.service == file.service]
            found = [(kind, path) for kind in below for path in self._own(kind) or self._own(name) or [""]]
            if found:
                return found
        own = self._own(name) or self._led(name, 0)
        return [(name, path) for path in own or [""]]

    def _own(self, name: str, depth: int = 0) -> list[str]:
        """The paths that a class declares, or that it takes over from what it extends."""
        known = self._known.get(name)
        if known is None or depth > _MAX_DEPTH:
            return []
        classes = CLASS_MARKS[SPEAKS_LIKE.get(known.file.language, known.file.language)]
        marks = [mark for mark in known.marks if mark.call.name in classes]
        found = [path for mark in marks for path in self.paths(mark.call, known.file)]
        if found or known.file.language not in _INHERITING:
            return found
        return next((paths for base in _bases(known.type) if (paths := self._own(base, depth + 1))), [])

    def _led(self, name: str, depth: int) -> list[str]:
        """The paths of the locators that give back a resource."""
        found = []
        for owner, path in self._leading.get(name, ()) if depth < _MAX_DEPTH else ():
            found += [joined(before, path) for before in self._own(owner) or self._led(owner, depth + 1) or [""]]
        return found

    def _lead(self, marks: Sequence[Mark], file: CodeFile) -> None:
        """Note a method with a path and no verb: it gives back the resource that serves what is below."""
        target = marks[0].target
        path = next((mark for mark in marks if mark.call.name == "Path"), None)
        if path is None or target is None or marks[0].on_class:
            return
        if any(mark.call.name in FUNCTION_MARKS["java"] for mark in marks):
            return
        given = last_name(re.sub(r"<.*>|[?]", "", text_of(target.child_by_field_name("type"))))
        inner = re.search(r"<\s*(?:\?\s*extends\s+)?(\w+)\s*>", text_of(target.child_by_field_name("type")))
        owner = definition_name(enclosing(target, CLASS_TYPES))
        for text in self.paths(path.call, file):
            self._leading.setdefault(inner[1] if inner and given == "Class" else given, []).append((owner, text))

    def paths(self, mark: Call, file: CodeFile) -> list[str]:
        """The paths that a mark names."""
        given = mark.named(*PATHS) or mark.positional(0)
        if mark.name in ("HTTP", "AcceptVerbs"):
            given = mark.named("path", "Route")
        if given is None:
            return []
        if "token" in given.type:
            return [text_of(given)]
        return [value for item in items(given) if (value := self._values.text(item, file)) != HOLE]


def _header(kind: Type) -> str:
    """What a class says of itself before its body, its marks apart."""
    return re.sub(r"[@\[][\w.]+\((?:[^()]|\([^()]*\))*\)\]?", "", kind.header)


def _bases(kind: Type) -> list[str]:
    """The names of what a class extends and implements."""
    found = _BASES.search(_header(kind))
    return re.findall(r"(?<![\w<])([A-Z]\w*)", _header(kind)[found.end() :]) if found is not None else []
