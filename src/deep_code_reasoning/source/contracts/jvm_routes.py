"""Routes of the JVM beside controllers: Ktor, Spring's functions, Javalin, Vert.x, Spark, Helidon, http4k, servlets,
Spring Data REST."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from .calls import Call, items, lambdas
from .class_routes import ClassRoutes
from .frameworks import VERBS
from .grammars import CLASS_TYPES, MEMBERS, NAMES
from .nodes import definition_name, enclosing, last_name, text_of, unwrapped
from .prefixes import Prefixes
from .registered import Route, RouteReader
from .scopes import Term
from .syntax import CodeFile, Mark
from .table_mappings import plural
from .templates import joined
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

# Frameworks whose verbs are written in small letters, as everybody's are.
LIGHT: Final = re.compile(
    r"\bio\.javalin\b|\bio\.vertx\.ext\.web\.Router\b|\bimport static spark\.|\bio\.helidon\.webserver\b"
)
_SERVES: Final = re.compile(r"\bdo(Get|Post|Put|Delete|Patch|Head)\s*\(")
_TYPED: Final = re.compile(rf"\b({'|'.join(VERBS)})<([\w.]+)>\s*[({{]")
_REPOSITORY: Final = re.compile(r"Repository<\s*(\w+)")
_ITEM: Final = ("GET", "PUT", "PATCH", "DELETE")
_BIND: Final = "bind"
# Routes bound in routes: deeper, or in more places, nobody writes them.
_MAX_DEPTH: Final = 40
_MAX_PLACES: Final = 1_000


class JvmRoutes(RouteReader):
    """The routes of Java and Kotlin."""

    def __init__(self, files: Sequence[CodeFile], values: Values, prefixes: Prefixes, classes: ClassRoutes) -> None:
        super().__init__(values, prefixes)
        self._classes = classes
        self._resources = {
            definition_name(mark.target): mark
            for file in files
            if file.language == "kotlin" and "ktor" in file.text
            for mark in file.marks
            if mark.call.name == "Resource" and mark.on_class
        }
        self._binds = [
            (node, Term(node, file))
            for file in files
            if file.language == "kotlin" and "http4k" in file.text and file.root is not None
            for node in _infix(file.root, _BIND)
        ]
        self._befores: dict[int, list[str]] = {}

    def of(self, call: Call, at: Term) -> Iterator[Route]:
        """The routes that a call registers."""
        given = call.positional(0)
        if at.file.language == "kotlin" and not call.receiver and lambdas(call):
            yield from self._ktor(call, at)
        elif call.name.lower() in VERBS and call.name.isupper() and call.arguments:
            for route in self.routes(call, at, given, (call.name,)):
                yield replace(route, template=joined(self._classes.global_prefix(at.file), route.template))
        elif call.name in VERBS and at.file.language == "java":  # Javalin, Vert.x, Spark, Helidon
            yield from self.routes(call, at, given, (call.name.upper(),), "" if not call.receiver else None)
        elif call.name == "route" and len(call.arguments) == 2 and (verb := self.verb_of(given, at)):
            yield from self.routes(call, at, call.positional(1), (verb,))
        elif call.name == "crud" and at.file.language == "java":  # Javalin
            for route in self.routes(call, at, given, ("GET", "PATCH", "DELETE")):
                yield route
                yield replace(route, verbs=("GET", "POST"), template=route.template.rpartition("/")[0])

    def declared(self, file: CodeFile) -> Iterator[Route]:
        """The routes that are no calls: servlets, repositories that are served, pairs of http4k."""
        for mark in file.marks if file.language in ("java", "kotlin") else ():
            if mark.call.name == "WebServlet":
                yield from self._servlet(mark, file)
            elif mark.call.name == "RepositoryRestResource" and mark.target is not None:
                yield from self._repository(mark, mark.target, file)
        for node, at in self._binds:
            if at.file is file:
                yield from self._bound(node, at)
        # `get<Articles.Id> { }` is no call to the grammar.
        for found in _TYPED.finditer(file.code) if self._resources and file.language == "kotlin" else ():
            resource = self._resources.get(found[2].rpartition(".")[2])
            if resource is not None and file.root is not None:
                path = self._resource(resource, Term(file.root, file))
                yield Route((found[1].upper(),), path, file.code.count("\n", 0, found.start()) + 1)

    def _ktor(self, call: Call, at: Term) -> Iterator[Route]:
        """`get("/x") { }`, `route("/x", HttpMethod.Get) { handle { } }`."""
        if "ktor" not in at.file.text:
            return
        if call.name in VERBS:
            yield from self.routes(call, at, call.positional(0), (call.name.upper(),), "")
        elif call.name == "route" and (verb := self.verb_of(call.positional(1), at)):
            yield from self.routes(call, at, call.positional(0), (verb,))

    def _resource(self, mark: Mark, at: Term) -> str:
        """Ktor: the path of a class that is served, behind that of the class around it."""
        around = enclosing(mark.target, CLASS_TYPES) if mark.target is not None else None
        above = self._resources.get(definition_name(around))
        own = self.text(mark.call.positional(0), at) if mark.call.arguments else ""
        return joined(self._resource(above, at) if above is not None else "", own)

    def _servlet(self, mark: Mark, file: CodeFile) -> Iterator[Route]:
        given = mark.call.named("value", "urlPatterns") or mark.call.positional(0)
        verbs = tuple(dict.fromkeys(verb.upper() for verb in _SERVES.findall(text_of(mark.target))))
        for item in items(given) if given is not None and verbs else ():
            yield Route(verbs, joined(self.text(item, Term(item, file))), mark.call.line, definition_name(mark.target))

    def _repository(self, mark: Mark, kind: Node, file: CodeFile) -> Iterator[Route]:
        """Spring Data REST: a list and its items, under the name of the entity if nothing else is said."""
        entity = _REPOSITORY.search(text_of(kind))
        name = plural(entity[1][:1].lower() + entity[1][1:]) if entity is not None else ""
        given = mark.call.named("path")
        own = self.text(given, Term(given, file)) if given is not None else name
        template = joined(self._classes.global_prefix(file), own)
        yield Route(("GET", "POST"), template, mark.call.line)
        yield Route(_ITEM, joined(template, "{id}"), mark.call.line)

    def _bound(self, node: Node, at: Term) -> Iterator[Route]:
        """http4k: `"/x" bind GET to handler`, behind where the routes around it are bound."""
        verb = text_of(node.named_children[-1]).rpartition(".")[2]
        path = self.path(node.named_children[0], at)
        if verb.lower() in VERBS and path is not None:
            for before in self._around(node, at):
                yield Route((verb,), joined(before, path), node.start_point.row + 1)

    def _around(self, node: Node, at: Term, depth: int = 0) -> list[str]:
        """The prefixes of what binds the routes around a node: where they stand, or under the name that they have."""
        above = node.parent
        while above is not None and depth < _MAX_DEPTH:
            found = self._before_held(above, at, depth)
            if found:
                return found
            above = above.parent
        return [""]

    def _before_held(self, held: Node, at: Term, depth: int) -> list[str]:
        """The prefixes of the pairs that bind what a node holds; none while they are asked for: a circle."""
        if held.id not in self._befores:
            self._befores[held.id] = []
            name = at.file.names.get(held.id) or (definition_name(held) if held.type == "function_declaration" else "")
            found = (
                joined(before, self.path(bind.named_children[0], where) or "")
                for bind, where in self._binds
                if self._binds_to(bind, held, name)
                for before in self._around(bind, where, depth + 1)
            )
            self._befores[held.id] = [*islice(found, _MAX_PLACES)]
        return self._befores[held.id]

    def _binds_to(self, bind: Node, held: Node, name: str) -> bool:
        target = bind.named_children[-1]
        if target.id == held.id:
            return True
        named = target if target.type in NAMES | MEMBERS else unwrapped(target).child_by_field_name("function")
        return bool(name) and last_name(text_of(named or target).partition("(")[0]) == name


def _infix(root: Node, operator: str) -> Iterator[Node]:
    """The pairs that an infix function makes, `left operator right`."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        inside = node.named_children
        if node.type == "infix_expression" and len(inside) > 2 and text_of(inside[1]) == operator:
            yield node
        waiting += inside
