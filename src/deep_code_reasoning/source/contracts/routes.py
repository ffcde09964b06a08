"""The HTTP routes that code serves: found by what registers them, with all their prefixes joined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from .calls import BY_KEY, Call, lambdas
from .class_routes import ClassRoutes
from .class_views import ClassViews
from .configured_routes import Laravel
from .django import django_routes
from .dotnet_routes import DotnetRoutes
from .environment import Deployment
from .file_routes import file_routes
from .frameworks import VERBS
from .go_routes import GoRoutes
from .grape import Grape
from .jvm_routes import LIGHT, JvmRoutes
from .nodes import text_of, unwrapped
from .php_routes import PhpRoutes
from .prefixes import Prefixes
from .python_routes import PythonRoutes
from .rails import is_rails_routes, rails_routes
from .records import PROVIDED, Contract
from .registered import Route, RouteReader
from .roda import roda_routes
from .scopes import Term
from .script_routes import ScriptRoutes
from .syntax import CodeFile
from .templates import from_regex, joined
from .texts import fill
from .values import Values

_SCRIPTS: Final = frozenset({"javascript", "typescript", "tsx"})
_VERB_NAMES: Final = frozenset(
    {name for verb in VERBS for name in (verb, verb.capitalize(), verb.upper(), f"Map{verb.capitalize()}")} | {"del"}
)
# Calls that may register a route, in small letters.
_REGISTERING: Final = frozenset(
    [name.lower() for name in _VERB_NAMES]
    + "all any route on method methodfunc add handle handler handlerfunc handlefunc methods mapmethods resource "
    "register [] apiresource apiresources resources apisingleton singleton match map addroute view redirect "
    "mapfallback serve router http crud".split()
)
# Those of them that need no path, for another call has it, or an object.
_ONE_ARGUMENT: Final = frozenset(
    [*VERBS, "all", "route", "handler", "handlerfunc", "apiresources", "resources", "serve", "router"]
)
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
        self._dotnet = DotnetRoutes(files, values, self._prefixes, self._classes)
        self._jvm = JvmRoutes(files, values, self._prefixes, self._classes)
        self._scripts = ScriptRoutes(values, self._prefixes)
        self._laravel = Laravel(files, values)
        self._php = PhpRoutes(values, self._prefixes, self._laravel)
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
        yield from roda_routes(file, self._values)
        yield from self._dotnet.declared(file)
        yield from self._jvm.declared(file)
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
            "go": self._go.of, "csharp": self._dotnet.of, "ruby": self._ruby, "php": self._php.of,
            "rust": self._rust, "kotlin": self._jvm.of, "java": self._jvm.of,
        }  # fmt: skip
        reader = self._scripts.of if at.file.language in _SCRIPTS else readers.get(at.file.language)
        if reader is not None:
            yield from reader(call, at)

    def _ruby(self, call: Call, at: Term) -> Iterator[Route]:
        """Sinatra; what is in a class of Grape is read elsewhere."""
        if "Grape::API" in at.file.text or "Roda" in at.file.text or call.receiver or not lambdas(call):
            return
        if call.name in VERBS:
            given = call.positional(0)
            pattern = given is not None and unwrapped(given).type == "regex"
            absent = from_regex(text_of(given).strip("%r{}/")) if given is not None and pattern else ""
            yield from self.routes(call, at, None if pattern else given, (call.name.upper(),), absent)
        elif call.name == "route" and len(call.arguments) > 1:
            verbs = tuple(self.text(each.node, at).upper() for each in call.arguments[:-1])
            yield from self.routes(call, at, call.arguments[-1].node, verbs)

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


def _may_register(call: Call, file: CodeFile) -> bool:
    """Whether a call has what it takes to register a route: a path and something that serves."""
    if file.language in ("kotlin", "ruby"):
        return bool(lambdas(call)) or (call.name.isupper() and bool(call.arguments))
    if file.language == "java":
        return bool(call.arguments) and (call.name.isupper() or LIGHT.search(file.text) is not None)
    if call.name in ("Register", "register"):
        return call.receiver == "huma" or (file.language in _SCRIPTS and len(call.arguments) > 2)
    return len(call.arguments) > 1 or call.name.lower() in _ONE_ARGUMENT


def _contract(file: CodeFile, route: Route, verb: str) -> Contract:
    where = file.where
    return Contract(
        "http", PROVIDED, route.template, verb, file.service, where.repo, where.path, route.line, handler=route.handler
    )
