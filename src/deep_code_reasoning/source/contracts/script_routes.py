"""Routes of the routers of JavaScript and TypeScript: Express, Koa, Fastify, hapi, Hono, Elysia, AdonisJS, h3, Bun,
ts-rest, Azure Functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .frameworks import VERBS
from .grammars import STRING_TYPES
from .nodes import fields, unwrapped
from .registered import Route, RouteReader, handler_of
from .scopes import Term
from .templates import joined

if TYPE_CHECKING:
    from tree_sitter import Node

# Rails', Laravel's and AdonisJS' actions of a resource that a contract is about.
_RESOURCE: Final = (("", ("GET", "POST")), ("/{id}", ("GET", "PUT", "PATCH", "DELETE")))


class ScriptRoutes(RouteReader):
    """The routes of scripts."""

    def of(self, call: Call, at: Term) -> Iterator[Route]:
        """The routes that a call registers."""
        described = self._of_objects(call, at)
        yield from self._called(call, at) if described is None else described

    def _of_objects(self, call: Call, at: Term) -> Iterator[Route] | None:
        """The routes of a call that is given them as objects; None of others."""
        if call.name == "route" and call.arguments and self.serves(call, at):  # fastify.route({ method, url })
            return self._described(call, at)
        if call.name == "serve" and (table := call.named("routes")) is not None:  # Bun
            return self._table(call, table, at)
        if call.name == "router" and call.arguments and "@ts-rest" in at.file.text:
            return self._contract(call, at)
        if call.name == "register" and self.serves(call, at):  # Koa: router.register("/x", ["GET"], handler)
            return self.routes(call, at, call.positional(0), tuple(self.texts(call.positional(1), at)))
        if call.name == "resource" and "adonis" in at.file.text:
            return self._resource(call, at)
        if call.name == "http" and "@azure/functions" in at.file.text and call.positional(1) is not None:
            return self._function(call, at)
        return None

    def _called(self, call: Call, at: Term) -> Iterator[Route]:
        if call.name == "on" and len(call.arguments) > 2 and self.serves(call, at):
            verbs = tuple(verb.upper() for verb in self.texts(call.positional(0), at))
            if all(verb.lower() in VERBS for verb in verbs):
                yield from self.routes(call, at, call.positional(1), verbs)
            return
        if call.name not in (*VERBS, "all", "del") or not call.arguments or not self.serves(call, at):
            return
        verbs = () if call.name == "all" else ("DELETE",) if call.name == "del" else (call.name.upper(),)
        around = at.file.by_node.get(call.receiver_node.id) if call.receiver_node is not None else None
        while around is not None and around.name in (*VERBS, "all"):
            around = at.file.by_node.get(around.receiver_node.id) if around.receiver_node is not None else None
        if (
            around is not None and around.name == "route" and len(around.arguments) < 2
        ):  # router.route("/x").get(handler)
            given = around.positional(0)
            for before in self.before(around, at):
                yield Route(verbs, joined(before, self.path(given, at) or ""), call.line, handler_of(call))
            return
        places = [argument.node for argument in call.arguments]
        if len(places) > 2 and not self.text(places[0], at).startswith(("/", "*")):
            places = places[1:]  # koa: router.get("name", "/x", handler)
        if len(places) > 1 and (_may_serve(places[-1]) or "adonis" in at.file.text):
            for given in items(places[0]):
                yield from self.routes(call, at, given, verbs)

    def _described(self, call: Call, at: Term) -> Iterator[Route]:
        """Fastify: a route that is an object, `fastify.route({ method, url, handler })`."""
        names = self._values.names
        listed = names.settled(at.of(call.arguments[0].node))
        for each in items(listed.node):
            yield from self._of_object(call, listed.of(each), at)

    def _of_object(self, call: Call, whole: Term, at: Term) -> Iterator[Route]:
        names = self._values.names
        url = names.member(whole, "url") or names.member(whole, "path")
        method = names.member(whole, "method")
        path = self.path(url.node, url) if url is not None else None
        if path is not None:
            verbs = tuple(verb for item in items(method.node) if (verb := self.verb_of(item, method))) if method else ()
            for before in self.before(call, at):
                yield Route(verbs, joined(before, path), call.line)

    def _resource(self, call: Call, at: Term) -> Iterator[Route]:
        """AdonisJS: `router.resource("posts", PostsController).apiOnly()`."""
        for behind, verbs in _RESOURCE:
            for route in self.routes(call, at, call.positional(0), verbs):
                yield Route(verbs, joined(route.template, behind), call.line)

    def _table(self, call: Call, table: Node, at: Term) -> Iterator[Route]:
        """Bun: `routes: { "/x": handler, "/y": { GET: handler } }`."""
        for path, served in fields(table):
            verbs = tuple(verb for verb, _ in fields(served) if verb.lower() in VERBS)
            yield Route(verbs if unwrapped(served).type == "object" else (), joined(path), served.start_point.row + 1)

    def _contract(self, call: Call, at: Term) -> Iterator[Route]:
        """ts-rest: `c.router({ one: { method: "GET", path: "/x" } }, { pathPrefix: "/v1" })`."""
        options = call.positional(1)
        prefix = dict(fields(options)).get("pathPrefix") if options is not None else None
        before = self.text(prefix, at) if prefix is not None else ""
        for _, described in fields(call.arguments[0].node):
            held = dict(fields(described))
            path = self.path(held.get("path"), at)
            if path is not None and (verb := self.verb_of(held.get("method"), at)):
                yield Route((verb,), joined(before, path), described.start_point.row + 1)

    def _function(self, call: Call, at: Term) -> Iterator[Route]:
        """Azure Functions: `app.http("name", { methods: ["GET"], route: "orders/{id}" })`."""
        given = call.named("route") or call.positional(0)
        path = self.path(given, at)
        if path is not None:
            yield Route(self.verbs(call, at), joined("api", path), call.line)


def _may_serve(node: Node) -> bool:
    """Whether an argument may be a handler: a function, or what names or makes one."""
    node = unwrapped(node)
    return node.type not in STRING_TYPES | {"object", "number", "true", "false", "null", "template_string"}
