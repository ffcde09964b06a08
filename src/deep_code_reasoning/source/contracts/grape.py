"""Routes of Grape: classes of endpoints with a prefix, a version, nested namespaces, mounted in each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .calls import Call
from .frameworks import VERBS
from .grammars import CLASS_TYPES
from .nodes import definition_name, enclosing, last_name, text_of
from .registered import Route
from .syntax import CodeFile, Type
from .templates import joined
from .texts import HOLE
from .values import Values

_HOLDERS: Final = frozenset({"namespace", "resource", "resources", "group", "segment", "route_param", "given"})
_MAX_DEPTH: Final = 8


class Grape:
    """The APIs of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values) -> None:
        self._values = values
        self._mounts: dict[str, list[tuple[Call, CodeFile]]] = {}
        self._files = {file.service for file in files if file.language == "ruby" and "Grape::API" in file.text}
        for file in files if self._files else ():
            for call in file.calls if file.language == "ruby" else ():
                if call.name == "mount" and call.arguments and not call.receiver:
                    name = last_name(text_of(call.arguments[0].node).partition("=>")[0].strip())
                    self._mounts.setdefault(name, []).append((call, file))

    def routes(self, file: CodeFile) -> Iterator[Route]:
        """The routes of a file."""
        if file.language != "ruby" or "Grape::API" not in file.text:
            return
        for call in file.calls:
            verbs: tuple[str, ...] = (call.name.upper(),) if call.name in VERBS else ()
            if call.name == "route" and call.arguments:
                verbs = tuple(text.upper() for text in self._values.texts(call.positional(0), file))
            kind = enclosing(call.node, CLASS_TYPES)
            if not verbs or call.receiver or kind is None or not self._is_endpoint(call):
                continue
            at = 1 if call.name == "route" else 0
            given = call.positional(at)
            paths = self._values.texts(given, file) if given is not None else [""]
            for before in self._before(call, file, 0):
                for path in paths:
                    yield Route(verbs, joined(before, path), call.line)

    def _is_endpoint(self, call: Call) -> bool:
        return call.node.child_by_field_name("block") is not None

    def _before(self, call: Call, file: CodeFile, depth: int) -> list[str]:
        """The namespaces around a call, what its class says, and where that is mounted."""
        if depth > _MAX_DEPTH:
            return []
        own = ""
        above = call.node.parent
        while above is not None and above.type not in CLASS_TYPES:
            outer = file.by_node.get(above.id)
            if outer is not None and outer.name in _HOLDERS and outer.node.id != call.node.id:
                text = self._values.text(outer.positional(0), file) if outer.arguments else ""
                own = joined(f"{{{text}}}" if outer.name == "route_param" else text.replace(HOLE, ""), own)
            above = above.parent
        if above is None:
            return [own]
        kind = next((each for each in file.types if each.node.id == above.id), None)
        own = joined(self._declared(kind, file) if kind is not None else "", own)
        mounts = self._mounts.get(definition_name(above), ())
        return [joined(before, own) for made, where in mounts for before in self._before(made, where, depth + 1)] or [
            own
        ]

    def _declared(self, kind: Type, file: CodeFile) -> str:
        prefix = version = ""
        for call in file.calls:
            if call.receiver or not call.arguments or enclosing(call.node, CLASS_TYPES) != kind.node:
                continue
            text = self._values.text(call.positional(0), file).replace(HOLE, "")
            if call.name == "prefix":
                prefix = text
            elif call.name == "version":
                using = call.named("using")
                version = text if using is None or "path" in text_of(using) else ""
        return joined(prefix, version)
