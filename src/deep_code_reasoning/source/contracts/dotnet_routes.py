"""Routes of .NET beside controllers: `MapGet`, FastEndpoints, Carter's modules, Azure Functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from .calls import SUPER, Call
from .class_routes import ClassRoutes
from .frameworks import VERBS
from .grammars import CLASS_TYPES
from .nodes import definition_name, enclosing, last_name, text_of, within
from .prefixes import Prefixes
from .registered import Route, RouteReader
from .scopes import Term
from .syntax import CodeFile, Type
from .templates import joined
from .texts import HOLE
from .values import Values

_ENDPOINT: Final = re.compile(r":\s*(?:Ep\.|Endpoint(?:WithoutRequest|WithMapping)?\b)")
_MODULE: Final = "CarterModule"
_STARTS: Final = frozenset({SUPER, _MODULE})
_PREFIX: Final = "RoutePrefix"
_TRIGGER: Final = "HttpTrigger"


class DotnetRoutes(RouteReader):
    """The routes of C#."""

    def __init__(self, files: Sequence[CodeFile], values: Values, prefixes: Prefixes, classes: ClassRoutes) -> None:
        super().__init__(values, prefixes)
        self._classes = classes
        # FastEndpoints: `UseFastEndpoints(c => c.Endpoints.RoutePrefix = "api")`
        self._endpoints = {
            file.service: values.text(file.values[_PREFIX][0], file)
            for file in files
            if file.language == "csharp" and _PREFIX in file.values
        }

    def of(self, call: Call, at: Term) -> Iterator[Route]:
        """The routes that a call registers."""
        if call.name == "MapMethods":
            yield from self.routes(call, at, call.positional(0), tuple(self.texts(call.positional(1), at)))
        elif call.name == "Map" and len(call.arguments) > 1 and self.serves(call, at):
            yield from self.routes(call, at, call.positional(0), ())
        elif call.name.startswith("Map") and call.name[3:].lower() in VERBS and len(call.arguments) > 1:
            yield from self.routes(call, at, call.positional(0), (call.name[3:].upper(),))

    def before(self, call: Call, at: Term) -> list[str]:
        """The prefixes of a call, behind that of the application and what Carter's modules are made with."""
        module = joined(self._classes.global_prefix(at.file), self._module_prefix(call, at.file)).rstrip("/")
        return [joined(module, each) if module else each for each in super().before(call, at)]

    def declared(self, file: CodeFile) -> Iterator[Route]:
        """The endpoints and functions of a file."""
        if file.language != "csharp":
            return
        for kind in file.types:
            if _ENDPOINT.search(kind.header):
                yield from self._endpoint(kind, file)
        for mark in file.marks:
            if mark.call.name == _TRIGGER:
                yield self._function(mark.call, file)

    def _module_prefix(self, call: Call, file: CodeFile) -> str:
        """Carter: what the constructor of the module around a call gives its base, `base("/cats")`."""
        around = enclosing(call.node, CLASS_TYPES)
        if around is None or _MODULE not in file.text:
            return ""
        starts = [each for each in file.calls if each.name in _STARTS and within(each.node, around)]
        given = starts[0].positional(0) if starts else None
        return self._values.text(given, file).replace(HOLE, "") if given is not None else ""

    def _endpoint(self, kind: Type, file: CodeFile) -> Iterator[Route]:
        """`Post("/x")`, or `Verbs(Http.PUT)` and `Routes("/x", "/y")`."""
        own = [call for call in file.calls if not call.receiver and within(call.node, kind.node)]
        told = [call for call in own if call.name == "Verbs"]
        verbs = tuple(last_name(text_of(each.node)).upper() for call in told for each in call.arguments)
        for call in own:
            served = (call.name.upper(),) if call.name.lower() in VERBS else verbs if call.name == "Routes" else None
            for each in call.arguments if served is not None else ():
                path = self._values.text(each.node, file)
                if path != HOLE:
                    template = joined(self._classes.global_prefix(file), self._endpoints.get(file.service, ""), path)
                    yield Route(served or (), template, call.line, kind.name)

    def _function(self, mark: Call, file: CodeFile) -> Route:
        """`[HttpTrigger(AuthorizationLevel.Function, "get", Route = "cars/{id}")]` of a function's request."""
        texts = [self._values.text(each.node, file) for each in mark.arguments if not each.name]
        verbs = tuple(text.upper() for text in texts if text.lower() in VERBS)
        given = mark.named("Route")
        method = enclosing(mark.node, frozenset({"method_declaration"}))
        path = self._values.text(given, file) if given is not None else definition_name(method)
        return Route(verbs, joined("api", path), mark.line, definition_name(method))
