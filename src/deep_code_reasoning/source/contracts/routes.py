"""The HTTP routes that code serves: found by what registers them, with all their prefixes joined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .calls import BY_KEY, Call, items, lambdas
from .class_routes import ClassRoutes
from .class_views import ClassViews
from .configured_routes import Laravel
from .django import django_routes
from .dotnet_routes import DotnetRoutes
from .environment import Deployment
from .file_routes import file_routes
from .frameworks import CLIENT_NAMES, ROUTER_NAMES, ROUTERS, VERBS
from .go_routes import GoRoutes
from .grammars import STRING_TYPES
from .grape import Grape
from .nodes import keyed, last_name, text_of, unwrapped
from .prefixes import Prefixes
from .python_routes import PythonRoutes
from .rails import is_rails_routes, rails_routes
from .records import PROVIDED, Contract
from .registered import Route, RouteReader, handler_of
from .scopes import Term
from .syntax import CodeFile
from .templates import from_regex, joined
from .texts import fill
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_SCRIPTS: Final = frozenset({"javascript", "typescript", "tsx"})
_VERB_NAMES: Final = frozenset(
    {name for verb in VERBS for name in (verb, verb.capitalize(), verb.upper(), f"Map{verb.capitalize()}")} | {"del"}
)
# Calls that may register a route, in small letters.
_REGISTERING: Final = frozenset(
    [name.lower() for name in _VERB_NAMES]
    + "all any route on method methodfunc add handle handler handlerfunc handlefunc methods mapmethods resource "
    "register [] apiresource apiresources resources apisingleton singleton match map addroute view redirect "
    "mapfallback".split()
)
# Those of them that need no path, for another call has it, or an object.
_ONE_ARGUMENT: Final = frozenset([*VERBS, "all", "route", "handler", "handlerfunc", "apiresources", "resources"])
# Frameworks of Java whose verbs are written in small letters, as everybody's are.
_LIGHT: Final = re.compile(r"\bio\.javalin\b|\bio\.vertx\.ext\.web\.Router\b|\bimport static spark\.")
_ROUTER_WORD: Final = re.compile(r"(?i)(?:router?s?|app|server|api|group|mux|handler)$")
# Laravel's actions of a resource that a contract is about; those that show forms are not.
_LIST_ACTIONS: Final = {"index": "GET", "store": "POST"}
_RESOURCES: Final = frozenset({"resource", "apiresource", "singleton", "apisingleton"})
_SINGLE_ACTIONS: Final = {"show": "GET", "update": "PUT PATCH"}
_ITEM_ACTIONS: Final = {"show": "GET", "update": "PUT PATCH", "destroy": "DELETE"}
_API_ONLY: Final = re.compile(r"\bapi_only\s*=\s*true|ActionController::API\b")


class Routes(RouteReader):
    """The routes of many files."""

    def __init__(
        self,
        files: Sequence[CodeFile],
        values: Values,
        deployment: Deployment,
        configured: Mapping[str, str],
    ) -> None:
        super().__init__(values, Prefixes(files, values))
        self._files = files
        self._deployment = deployment
        self._views = ClassViews(values)
        self._python = PythonRoutes(values, self._prefixes, self._views)
        self.registering = self._python.registering
        self._classes = ClassRoutes(files, values, deployment, configured)
        self._go = GoRoutes(values, self._prefixes)
        self._dotnet = DotnetRoutes(files, values)
        self._laravel = Laravel(files, values)
        self._grape = Grape(files, values)
        self._api_only = {file.service for file in files if _API_ONLY.search(file.text)}

    def contracts(self) -> Iterator[Contract]:
        """All routes, one contract a verb, and the calls that interfaces of clients declare."""
        for file in self._files:
            for route in self._of_file(file):
                route = replace(route, template=joined(fill(route.template, self._deployment.of(file.service))))
                for verb in route.verbs or ("",):
                    yield _contract(file, route, verb)
            yield from self._classes.contracts(file)

    def _of_file(self, file: CodeFile) -> Iterator[Route]:
        seen: set[Route] = set()
        for route in self._found(file):
            if route not in seen:
                seen.add(route)
                yield route

    def _found(self, file: CodeFile) -> Iterator[Route]:
        if is_rails_routes(file):
            yield from (Route(*found) for found in rails_routes(file, self._values, file.service in self._api_only))
            return
        yield from (Route(*found) for found in file_routes(file))
        yield from self._grape.routes(file)
        yield from self._dotnet.routes(file)
        yield from (Route(("GET",), joined(path), line) for where, path, line in self._laravel.health if where is file)
        if file.language == "python":
            yield from self._python.of(file)
            yield from django_routes(file, self._files, self._values, self._prefixes, self._views)
            return
        for call in file.calls:
            if call.name.lower() in _REGISTERING and _may_register(call, file):
                for at in self.runs(call, Term(call.node, file)):
                    for route in self._registered(self._named(call, at), at):
                        self.registering.add(call.node.id)
                        yield route

    def _named(self, call: Call, at: Term) -> Call:
        """A call whose method is worked out: `router[method](path, handler)`."""
        if call.name != BY_KEY or (key := call.node.child_by_field_name("function")) is None:
            return call
        return replace(call, name=self.text(key.child_by_field_name("index"), at).lower())

    def _registered(self, call: Call, at: Term) -> Iterator[Route]:
        readers = {
            "go": self._go.of, "csharp": self._csharp, "ruby": self._ruby, "php": self._php,
            "rust": self._rust, "kotlin": self._jvm, "java": self._jvm,
        }  # fmt: skip
        reader = self._script if at.file.language in _SCRIPTS else readers.get(at.file.language)
        if reader is not None:
            yield from reader(call, at)

    def _script(self, call: Call, at: Term) -> Iterator[Route]:
        if call.name == "route" and call.arguments and self._serves(call, at):  # fastify.route({ method, url })
            yield from self._described(call, at)
            return
        if call.name == "on" and len(call.arguments) > 2 and self._serves(call, at):
            verbs = tuple(verb.upper() for verb in self.texts(call.positional(0), at))
            if all(verb.lower() in VERBS for verb in verbs):
                yield from self.routes(call, at, call.positional(1), verbs)
            return
        if call.name not in (*VERBS, "all", "del") or not call.arguments or not self._serves(call, at):
            return
        verbs = () if call.name == "all" else ("DELETE",) if call.name == "del" else (call.name.upper(),)
        around = at.file.by_node.get(call.receiver_node.id) if call.receiver_node is not None else None
        while around is not None and around.name in (*VERBS, "all"):
            around = at.file.by_node.get(around.receiver_node.id) if around.receiver_node is not None else None
        if around is not None and around.name == "route":  # router.route("/x").get(handler)
            given = around.positional(0)
            for before in self.before(around, at):
                yield Route(verbs, joined(before, self.path(given, at) or ""), call.line, handler_of(call))
            return
        places = [argument.node for argument in call.arguments]
        if len(places) > 2 and not self.text(places[0], at).startswith(("/", "*")):
            places = places[1:]  # koa: router.get("name", "/x", handler)
        if len(places) > 1 and _may_serve(places[-1]):
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

    def _serves(self, call: Call, at: Term) -> bool:
        """Whether what a call is called on is a router, as far as its making or its name tell."""
        node = call.receiver_node
        while node is not None and at.file.by_node.get(unwrapped(node).id) is not None:
            made = at.file.by_node[unwrapped(node).id]
            if made.name in ROUTERS:
                return True
            node = made.receiver_node
        name = last_name(text_of(node)) if node is not None else ""
        if node is not None:
            told = self._prefixes.is_router(node, at.file, at.frame)
            if told is not None:
                return told
        if name in CLIENT_NAMES:
            return False
        if self._prefixes.is_given(call, at.file):
            return True
        return name in ROUTER_NAMES or _ROUTER_WORD.search(name) is not None

    def _csharp(self, call: Call, at: Term) -> Iterator[Route]:
        if call.name == "MapMethods":
            yield from self.routes(call, at, call.positional(0), tuple(self.texts(call.positional(1), at)))
        elif call.name == "Map" and len(call.arguments) > 1 and self._serves(call, at):
            yield from self.routes(call, at, call.positional(0), ())
        elif call.name in _VERB_NAMES and call.name.startswith("Map") and len(call.arguments) > 1:
            yield from self.routes(call, at, call.positional(0), (call.name[3:].upper(),))

    def _ruby(self, call: Call, at: Term) -> Iterator[Route]:
        """Sinatra; what is in a class of Grape is read elsewhere."""
        if "Grape::API" in at.file.text or call.receiver or not lambdas(call):
            return
        if call.name in VERBS:
            given = call.positional(0)
            pattern = given is not None and unwrapped(given).type == "regex"
            absent = from_regex(text_of(given).strip("%r{}/")) if given is not None and pattern else ""
            yield from self.routes(call, at, None if pattern else given, (call.name.upper(),), absent)
        elif call.name == "route" and len(call.arguments) > 1:
            verbs = tuple(self.text(each.node, at).upper() for each in call.arguments[:-1])
            yield from self.routes(call, at, call.arguments[-1].node, verbs)

    def _php(self, call: Call, at: Term) -> Iterator[Route]:
        if not (call.receiver.endswith(("Route", "Flight")) or self._serves(call, at) or _starts_with_route(call)):
            return
        if call.name.lower().rstrip("s") in _RESOURCES and call.arguments:
            yield from self._resource(call, at)
            return
        given = call.positional(0)
        verbs: tuple[str, ...] = (call.name.upper(),)
        if call.name == "view":
            verbs = ("GET",)
        elif call.name == "redirect":
            verbs = ()
        elif call.name in ("match", "map", "addRoute"):
            given, verbs = call.positional(1), tuple(v.upper() for v in self.texts(call.positional(0), at))
        elif call.name == "any":
            verbs = ()
        elif call.name == "route" and call.receiver == "Flight":  # Flight::route("GET|POST /x/@id", ...)
            told, _, path = self.text(given, at).rpartition(" ")
            template = joined(re.sub(r"@(\w+)(?::[^/]+)?", r"{\1}", path))
            yield Route(tuple(told.split("|")) if told else (), template, call.line)
            return
        elif call.name not in VERBS or len(call.arguments) < 2:
            return
        yield from self.routes(call, at, given, verbs)

    def before(self, call: Call, at: Term) -> list[str]:
        """The prefixes of a call; of Laravel's `routes/api.php` what nothing else puts before it, of Carter's modules
        what they are made with."""
        default = self._laravel.api_prefix(at.file) if at.file.language == "php" else ""
        root = at.file.root
        mounted = default and root is not None and self._prefixes.is_mounted(root)
        module = self._dotnet.module_prefix(call, at.file) if at.file.language == "csharp" else ""
        own = joined(default, module) if (default and not mounted) or module else ""
        return [joined(own, each) if own else each for each in super().before(call, at)]

    def _resource(self, call: Call, at: Term) -> Iterator[Route]:
        """Laravel: `Route::apiResource("albums.tracks", ...)`, and several at once."""
        given = call.positional(0)
        pairs = [self.text(key, at) for key, _ in keyed(given)] if given is not None else []
        kept = self._kept_actions(call, at)
        single = "singleton" in call.name.lower()
        shallow = self._says(call, at, "shallow")
        for name in pairs or [self.path(given, at) or ""]:
            parents, _, own = name.rpartition(".")
            above = "/".join(f"{parent}/{{{_singular(parent)}}}" for parent in parents.split(".") if parent)
            item = f"{own}/{{{_singular(own.rpartition('/')[2])}}}"
            lists = (({} if single else _LIST_ACTIONS), joined(above, own))
            ones = (
                (_SINGLE_ACTIONS, joined(above, own))
                if single
                else (_ITEM_ACTIONS, joined("" if shallow else above, item))
            )
            for actions, template in (lists, ones):
                served = tuple(v for action, verbs in actions.items() if action in kept for v in verbs.split())
                for group in self.before(call, at) if served else ():
                    yield Route(served, joined(group, template), call.line)

    def _says(self, call: Call, at: Term, name: str) -> bool:
        """Whether a call of a name comes behind one in its chain."""
        above = call.node.parent
        while above is not None and (outer := at.file.by_node.get(above.id)) is not None:
            if outer.name == name:
                return True
            above = above.parent
        return False

    def _kept_actions(self, call: Call, at: Term) -> set[str]:
        """Laravel: `->only([...])` and `->except([...])` behind a resource."""
        kept = {*_LIST_ACTIONS, *_ITEM_ACTIONS}
        above = call.node.parent
        while above is not None and (outer := at.file.by_node.get(above.id)) is not None:
            named = set(self.texts(outer.positional(0), at))
            kept = kept & named if outer.name == "only" else kept - named if outer.name == "except" else kept
            above = above.parent
        return kept

    def _rust(self, call: Call, at: Term) -> Iterator[Route]:
        if call.name != "route" or not call.arguments:
            return
        held = call.positional(1) or call.positional(0)
        verbs = []
        while held is not None and (made := at.file.by_node.get(unwrapped(held).id)) is not None:
            if made.name in (*VERBS, "any"):
                verbs += [] if made.name == "any" else [made.name.upper()]
            held = made.receiver_node
        path = call.positional(0) if call.positional(1) is not None else None
        yield from self.routes(call, at, path, tuple(reversed(verbs)), "" if path is None else None)

    def _jvm(self, call: Call, at: Term) -> Iterator[Route]:
        """Ktor's `get("/x") { }`, and functional routes of Spring: `route(GET("/x"), h)`, `.GET("/x", h)`."""
        if call.name in VERBS and at.file.language == "kotlin" and not call.receiver and lambdas(call):
            if "ktor" in at.file.text:
                yield from self.routes(call, at, call.positional(0), (call.name.upper(),), "")
        elif call.name.lower() in VERBS and call.name.isupper() and call.arguments:
            for route in self.routes(call, at, call.positional(0), (call.name,)):
                yield replace(route, template=joined(self._classes.global_prefix(at.file), route.template))
        elif call.name in VERBS and at.file.language == "java":  # Javalin, Vert.x, Spark
            yield from self.routes(
                call, at, call.positional(0), (call.name.upper(),), "" if not call.receiver else None
            )
        elif call.name == "route" and len(call.arguments) == 2 and (verb := self.verb_of(call.positional(0), at)):
            yield from self.routes(call, at, call.positional(1), (verb,))


def _may_register(call: Call, file: CodeFile) -> bool:
    """Whether a call has what it takes to register a route: a path and something that serves."""
    if file.language in ("kotlin", "ruby"):
        return bool(lambdas(call)) or (call.name.isupper() and bool(call.arguments))
    if file.language == "java":
        return bool(call.arguments) and (call.name.isupper() or _LIGHT.search(file.text) is not None)
    if call.name == "Register":
        return call.receiver == "huma"
    return len(call.arguments) > 1 or call.name.lower() in _ONE_ARGUMENT


def _contract(file: CodeFile, route: Route, verb: str) -> Contract:
    where = file.where
    return Contract(
        "http", PROVIDED, route.template, verb, file.service, where.repo, where.path, route.line, handler=route.handler
    )


def _may_serve(node: Node) -> bool:
    """Whether an argument may be a handler: a function, or what names or makes one."""
    node = unwrapped(node)
    return node.type not in STRING_TYPES | {"object", "number", "true", "false", "null", "template_string"}


def _starts_with_route(call: Call) -> bool:
    return call.receiver.startswith("Route::")


def _singular(name: str) -> str:
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")
