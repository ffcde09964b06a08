"""What NestJS puts before a controller's path: the global prefix, the version, the path of its module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .calls import items
from .nodes import definition_name, fields, text_of, unwrapped
from .syntax import CodeFile, Mark
from .templates import joined
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_NEUTRAL: Final = "VERSION_NEUTRAL"


class Nest:
    """The applications and modules of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values) -> None:
        self._values = values
        self._versioned: dict[str, tuple[str, list[str]]] = {}
        self._excluded: dict[str, set[str]] = {}
        paths: dict[str, list[str]] = {}
        for file in files:
            for call in file.calls:
                if (
                    call.name == "enableVersioning"
                    and "HEADER" not in text_of(call.node)
                    and "MEDIA" not in text_of(call.node)
                ):
                    given = call.named("prefix")
                    prefix = "v" if given is None else values.text(given, file).replace(HOLE, "").replace("false", "")
                    self._versioned[file.service] = (prefix, values.texts(call.named("defaultVersion"), file))
                elif call.name == "setGlobalPrefix" and call.named("exclude") is not None:
                    self._excluded[file.service] = set(self._paths(call.named("exclude"), file))
                elif call.receiver == "RouterModule" and call.arguments:
                    for module, path in self._modules(call.arguments[0].node, file, ""):
                        paths.setdefault(module, []).append(path)
        self._of_controller = {
            controller: paths[definition_name(mark.target)]
            for file in files
            for mark in file.marks
            if mark.call.name == "Module" and definition_name(mark.target) in paths
            for controller in _listed(mark.call.named("controllers"))
        }

    def before(
        self, owner: Node | None, owner_marks: Sequence[Mark], marks: Sequence[Mark], file: CodeFile
    ) -> list[str]:
        """What goes before a method's template, behind the global prefix."""
        modules = self._of_controller.get(definition_name(owner), [""])
        if file.service not in self._versioned:
            return modules
        prefix, default = self._versioned[file.service]
        versions = self._versions(marks, "Version", file) or self._versions(owner_marks, "Controller", file) or default
        told = [f"/{prefix}{version}" if version not in (HOLE, _NEUTRAL) else "" for version in versions]
        return [joined(version, module) for version in told or [""] for module in modules]

    def is_excluded(self, template: str, file: CodeFile) -> bool:
        """Whether a route goes without the global prefix."""
        return template in self._excluded.get(file.service, ())

    def _versions(self, marks: Sequence[Mark], name: str, file: CodeFile) -> list[str]:
        for mark in marks:
            if mark.call.name == name:
                given = mark.call.positional(0) if name == "Version" else mark.call.named("version")
                if given is not None and _NEUTRAL in text_of(given):
                    return [_NEUTRAL]
                return self._values.texts(given, file) if given is not None else []
        return []

    def _paths(self, given: Node | None, file: CodeFile) -> Iterator[str]:
        for item in items(given) if given is not None else ():
            held = dict(fields(item)).get("path", item)
            yield joined(self._values.text(held, file))

    def _modules(self, given: Node, file: CodeFile, before: str) -> Iterator[tuple[str, str]]:
        """The modules of a tree of routes, each with its path."""
        for item in items(given):
            held = dict(fields(item))
            path = joined(before, self._values.text(held["path"], file)) if "path" in held else before
            if "module" in held:
                yield text_of(held["module"]), path
            if "children" in held:
                yield from self._modules(held["children"], file, path)
            elif not held and unwrapped(item).type == "identifier":
                yield text_of(item), before


def _listed(given: Node | None) -> list[str]:
    return re.findall(r"\w+", text_of(given)) if given is not None else []
