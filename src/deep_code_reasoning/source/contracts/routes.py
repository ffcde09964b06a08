"""The HTTP routes that code serves: found by what registers them, with all their prefixes joined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from .class_routes import ClassRoutes
from .class_views import class_verbs
from .django import django_routes
from .environment import Deployment
from .file_routes import file_routes
from .frameworks import CLIENT_NAMES, ROUTER_NAMES, ROUTERS, VERBS
from .grammars import MEMBERS, NAMES, STRING_TYPES
from .nodes import definition_name, last_name, text_of, unwrapped
from .prefixes import Prefixes
from .rails import is_rails_routes, rails_routes
from .records import PROVIDED, Contract
from .syntax import Call, CodeFile, items, lambdas
from .templates import joined
from .values import HOLE, Values, fill

if TYPE_CHECKING:
    from tree_sitter import Node

_SCRIPTS: Final = frozenset({"javascript", "typescript", "tsx"})
_VERB_NAMES: Final = frozenset(
    {name for verb in VERBS for name in (verb, verb.capitalize(), verb.upper(), f"Map{verb.capitalize()}")} | {"del"}
)
_ROUTER_WORD: Final = re.compile(r"(?i)(?:router?s?|app|server|api|group|mux|handler)$")
_PATTERN: Final = re.compile(r"^(?:(?P<verb>[A-Z]{3,7})\s+)?(?P<path>[\w.\-]*/.*)$", re.DOTALL)
# Laravel's actions of a resource that a contract is about; those that show forms are not.
_LIST_ACTIONS: Final = {"index": "GET", "store": "POST"}
_ITEM_ACTIONS: Final = {"show": "GET", "update": "PUT PATCH", "destroy": "DELETE"}
_API_ONLY: Final = re.compile(r"\bapi_only\s*=\s*true|ActionController::API\b")
_DECORATORS: Final = frozenset({*VERBS, "route", "api_route", "websocket", "websocket_route", "trace"})


@dataclass(frozen=True, slots=True)
class Route:
    """A route before it is a contract: verbs (none: any), the whole template, where and by what it is served."""

    verbs: tuple[str, ...]
    template: str
    line: int
    handler: str = ""


class Routes:
    """The routes of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values, deployment: Deployment) -> None:
        self._files = files
        self._values = values
        self._deployment = deployment
        self._prefixes = Prefixes(files, values)
        self._classes = ClassRoutes(files, values, deployment)
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
        if file.language == "python":
            yield from self._decorated(file)
            yield from (Route(*found) for found in django_routes(file, self._files, self._values, self._prefixes))
        for call in file.calls:
            yield from self._registered(call, file)

    def _decorated(self, file: CodeFile) -> Iterator[Route]:
        """`@app.get("/x")`, `@bp.route("/x", methods=[...])`."""
        for mark in file.marks:
            call = mark.call
            named = last_name(call.receiver)
            if call.name not in _DECORATORS or not named or named in CLIENT_NAMES or not call.arguments:
                continue
            path = self._path(call.positional(0) or call.named("path", "rule"), file)
            if path is None or (path and not path.startswith(("/", "\1", "{"))):
                continue  # @mock.patch("os.chmod") names no path
            verbs = self._verbs(call, file) or (("GET",) if call.name == "route" else ())
            for before in self._prefixes.of_receiver(call.receiver_node, call, file):
                yield Route(verbs, joined(before, path), mark.call.line, definition_name(mark.target))

    def _registered(self, call: Call, file: CodeFile) -> Iterator[Route]:
        readers = {
            "python": self._python, "go": self._go, "csharp": self._csharp, "ruby": self._ruby, "php": self._php,
            "rust": self._rust, "kotlin": self._jvm, "java": self._jvm,
        }  # fmt: skip
        reader = self._script if file.language in _SCRIPTS else readers.get(file.language)
        if reader is not None:
            yield from reader(call, file)

    def _python(self, call: Call, file: CodeFile) -> Iterator[Route]:
        verbs = self._verbs(call, file)
        if call.name in ("add_api_route", "add_url_rule", "add_route", "add_websocket_route"):
            first = self._path(call.positional(0), file)
            given = call.positional(0)
            if first is None or not first.startswith("/"):  # aiohttp: the verb comes first
                verbs = (self._values.text(given, file).upper(),) if first is not None else ()
                given = call.positional(1)
            yield from self._routes(call, file, given, verbs or self._of_view(call.named("view_func")))
        elif call.name == "add_resource" and len(call.arguments) > 1:
            for given in [argument.node for argument in call.arguments[1:] if not argument.name]:
                yield from self._routes(call, file, given, self._of_view(call.positional(0)))
        elif call.name.startswith("add_") and call.name[4:] in VERBS:
            yield from self._routes(call, file, call.positional(0), (call.name[4:].upper(),))
        elif call.receiver == "web" and call.name in VERBS:
            yield from self._routes(call, file, call.positional(0), (call.name.upper(),))
        elif call.name in ("Route", "WebSocketRoute") and not call.receiver and "starlette" in file.text:
            yield from self._routes(call, file, call.positional(0), verbs or ("GET",))

    def _of_view(self, view: Node | None) -> tuple[str, ...]:
        name = re.sub(r"\.as_view\(.*", "", text_of(view), flags=re.DOTALL)
        return class_verbs(last_name(name), self._files) if name else ()

    def _script(self, call: Call, file: CodeFile) -> Iterator[Route]:
        if call.name == "route" and call.arguments and self._serves(call, file):  # fastify.route({ method, url })
            given = call.named("url", "path")
            if given is not None:
                yield from self._routes(call, file, given, self._verbs(call, file))
            return
        if call.name == "on" and len(call.arguments) > 2 and self._serves(call, file):
            verbs = tuple(verb.upper() for verb in self._values.texts(call.positional(0), file))
            if all(verb.lower() in VERBS for verb in verbs):
                yield from self._routes(call, file, call.positional(1), verbs)
            return
        if call.name not in (*VERBS, "all", "del") or not call.arguments or not self._serves(call, file):
            return
        verbs = () if call.name == "all" else ("DELETE",) if call.name == "del" else (call.name.upper(),)
        around = file.by_node.get(call.receiver_node.id) if call.receiver_node is not None else None
        while around is not None and around.name in (*VERBS, "all"):
            around = file.by_node.get(around.receiver_node.id) if around.receiver_node is not None else None
        if around is not None and around.name == "route":  # router.route("/x").get(handler)
            given = around.positional(0)
            for before in self._prefixes.before(around, file):
                yield Route(verbs, joined(before, self._path(given, file) or ""), call.line, _handler(call))
            return
        places = [argument.node for argument in call.arguments]
        if len(places) > 2 and not self._values.text(places[0], file).startswith(("/", "*")):
            places = places[1:]  # koa: router.get("name", "/x", handler)
        if len(places) > 1 and _may_serve(places[-1]):
            for given in items(places[0]):
                yield from self._routes(call, file, given, verbs)

    def _serves(self, call: Call, file: CodeFile) -> bool:
        """Whether what a call is called on is a router, as far as its making or its name tell."""
        node = call.receiver_node
        while node is not None and file.by_node.get(unwrapped(node).id) is not None:
            made = file.by_node[unwrapped(node).id]
            if made.name in ROUTERS:
                return True
            node = made.receiver_node
        name = last_name(text_of(node)) if node is not None else ""
        given = self._values.node_of(node, file) if node is not None else None
        if given is not None:
            maker = given[0].by_node.get(unwrapped(given[1]).id)
            if maker is not None:
                return maker.name in ROUTERS or maker.name in ("route", "basePath", "get_router", "withTypeProvider")
        if name in CLIENT_NAMES:
            return False
        if self._prefixes.is_given(call, file):
            return True
        return name in ROUTER_NAMES or _ROUTER_WORD.search(name) is not None

    def _go(self, call: Call, file: CodeFile) -> Iterator[Route]:
        if call.name in ("Method", "MethodFunc", "Add") and len(call.arguments) > 2:
            verb = self._verb_of(call.positional(0), file)
            yield from self._routes(call, file, call.positional(1), (verb,) if verb else ())
            return
        verb = self._verb_of(call.positional(0), file) if call.positional(2) is not None else ""
        if call.name in ("Handle", "Handler", "HandlerFunc") and verb:  # httprouter
            yield from self._routes(call, file, call.positional(1), (verb,))
            return
        if call.name in ("Handler", "HandlerFunc") and call.receiver_node is not None:
            made = file.by_node.get(unwrapped(call.receiver_node).id)
            if made is not None and made.name in ("Path", "PathPrefix"):
                yield from self._routes(made, file, made.positional(0), self._verbs_behind(made, file))
            return
        handles = call.name in ("HandleFunc", "Handle") and len(call.arguments) > 1
        if not handles and (call.name not in _VERB_NAMES | {"Any", "All"} or len(call.arguments) < 2):
            return
        path = self._path(call.positional(0), file)
        found = _PATTERN.match(path) if path is not None else None
        if found is None and path != "":
            return
        if not handles and (call.receiver in ("http", "otelhttp") or last_name(call.receiver) in CLIENT_NAMES):
            return
        if handles and self._is_mount(call, file):
            return
        verb = found["verb"] if found is not None and found["verb"] else ""
        verbs: tuple[str, ...] = (
            (verb,) if verb else () if handles or call.name in ("Any", "All") else (call.name.upper(),)
        )
        verbs = verbs or self._verbs_behind(call, file)
        rest = found["path"] if found is not None else ""
        template = rest[rest.index("/") :] if found is not None else ""
        for before in self._prefixes.before(call, file):
            yield Route(verbs, joined(before, re.sub(r"\{\$\}$", "", template)), call.line, _handler(call))

    def _is_mount(self, call: Call, file: CodeFile) -> bool:
        given = call.positional(1)
        made = file.by_node.get(unwrapped(given).id) if given is not None else None
        return (
            made is not None
            and made.name == "StripPrefix"
            and made.positional(1) is not None
            and (unwrapped(made.positional(1) or made.node).type in NAMES | MEMBERS)
        )

    def _verbs_behind(self, call: Call, file: CodeFile) -> tuple[str, ...]:
        """gorilla: `HandleFunc("/x", h).Methods("GET", http.MethodPost)`."""
        above = call.node.parent
        while above is not None and above.type in ("selector_expression", "call_expression"):
            outer = file.by_node.get(above.id)
            if outer is not None and outer.name == "Methods":
                return tuple(verb for a in outer.arguments if (verb := self._verb_of(a.node, file)))
            above = above.parent
        return ()

    def _csharp(self, call: Call, file: CodeFile) -> Iterator[Route]:
        if call.name == "MapMethods":
            yield from self._routes(call, file, call.positional(0), tuple(self._values.texts(call.positional(1), file)))
        elif call.name in _VERB_NAMES and call.name.startswith("Map") and len(call.arguments) > 1:
            yield from self._routes(call, file, call.positional(0), (call.name[3:].upper(),))

    def _ruby(self, call: Call, file: CodeFile) -> Iterator[Route]:
        if call.name in VERBS and not call.receiver and lambdas(call) and call.arguments:
            yield from self._routes(call, file, call.positional(0), (call.name.upper(),))

    def _php(self, call: Call, file: CodeFile) -> Iterator[Route]:
        if not (call.receiver.endswith("Route") or self._serves(call, file) or _starts_with_route(call)):
            return
        before = ("/api",) if file.where.path.endswith("routes/api.php") else ("",)
        if call.name in ("resource", "apiResource") and call.arguments:
            path = self._path(call.positional(0), file) or ""
            item = f"{path}/{{{_singular(path.rpartition('.')[2].rpartition('/')[2])}}}"
            kept = self._kept_actions(call, file)
            for actions, template in ((_LIST_ACTIONS, path), (_ITEM_ACTIONS, item)):
                served = tuple(v for action, verbs in actions.items() if action in kept for v in verbs.split())
                for group in self._prefixes.before(call, file) if served else ():
                    yield Route(served, joined(*before, group, template.replace(".", "/{}/")), call.line)
            return
        given = call.positional(0)
        verbs: tuple[str, ...] = (call.name.upper(),)
        if call.name == "view":
            verbs = ("GET",)
        elif call.name in ("match", "map"):
            given, verbs = call.positional(1), tuple(v.upper() for v in self._values.texts(call.positional(0), file))
        elif call.name == "any":
            verbs = ()
        elif call.name not in VERBS or len(call.arguments) < 2:
            return
        for route in self._routes(call, file, given, verbs):
            under = before if not route.template.startswith(before[0] + "/") else ("",)
            yield Route(route.verbs, joined(*under, route.template), route.line, route.handler)

    def _kept_actions(self, call: Call, file: CodeFile) -> set[str]:
        """Laravel: `->only([...])` and `->except([...])` behind a resource."""
        kept = {*_LIST_ACTIONS, *_ITEM_ACTIONS}
        above = call.node.parent
        while above is not None and (outer := file.by_node.get(above.id)) is not None:
            named = set(self._values.texts(outer.positional(0), file))
            kept = kept & named if outer.name == "only" else kept - named if outer.name == "except" else kept
            above = above.parent
        return kept

    def _rust(self, call: Call, file: CodeFile) -> Iterator[Route]:
        if call.name != "route" or not call.arguments:
            return
        held = call.positional(1) or call.positional(0)
        verbs = []
        while held is not None and (made := file.by_node.get(unwrapped(held).id)) is not None:
            if made.name in (*VERBS, "any"):
                verbs += [] if made.name == "any" else [made.name.upper()]
            held = made.receiver_node
        path = call.positional(0) if call.positional(1) is not None else None
        yield from self._routes(call, file, path, tuple(reversed(verbs)), "" if path is None else None)

    def _jvm(self, call: Call, file: CodeFile) -> Iterator[Route]:
        """Ktor's `get("/x") { }`, and functional routes of Spring: `route(GET("/x"), h)`, `.GET("/x", h)`."""
        if call.name in VERBS and file.language == "kotlin" and not call.receiver and lambdas(call):
            if "ktor" in file.text:
                yield from self._routes(call, file, call.positional(0), (call.name.upper(),), "")
        elif call.name.lower() in VERBS and call.name.isupper() and call.arguments:
            yield from self._routes(call, file, call.positional(0), (call.name,))

    def _routes(
        self, call: Call, file: CodeFile, given: Node | None, verbs: tuple[str, ...], absent: str | None = None
    ) -> Iterator[Route]:
        path = self._path(given, file) if given is not None else absent
        if path is None:
            path = absent
        if path is None:
            return
        for before in self._prefixes.before(call, file):
            yield Route(verbs, joined(before, path), call.line, _handler(call))

    def _path(self, given: Node | None, file: CodeFile) -> str | None:
        """The path that an argument says; None when it is no text, or nothing of it is known."""
        if given is None or unwrapped(given).type not in STRING_TYPES | NAMES | MEMBERS | {
            "binary_expression",
            "binary_operator",
        }:
            return None
        value = self._values.text(given, file)
        return None if value == HOLE or " " in value.strip().partition("/")[2] else value.strip()

    def _verbs(self, call: Call, file: CodeFile) -> tuple[str, ...]:
        if call.name in VERBS:
            return (call.name.upper(),)
        given = call.named("methods", "method")
        if given is None:
            return ()
        return tuple(verb for item in items(given) if (verb := self._verb_of(item, file)))

    def _verb_of(self, given: Node | None, file: CodeFile) -> str:
        """GET of `"get"`, `http.MethodGet`, `RequestMethod.GET`, `HttpMethod.Get`."""
        if given is None:
            return ""
        text = last_name(text_of(given)).removeprefix("Method").upper()
        if text.lower() not in VERBS:
            text = self._values.text(given, file).upper()
        return text if text.lower() in VERBS else ""


def _contract(file: CodeFile, route: Route, verb: str) -> Contract:
    where = file.where
    return Contract(
        "http", PROVIDED, route.template, verb, file.service, where.repo, where.path, route.line, handler=route.handler
    )


def _may_serve(node: Node) -> bool:
    """Whether an argument may be a handler: a function, or what names or makes one."""
    node = unwrapped(node)
    return node.type not in STRING_TYPES | {"object", "number", "true", "false", "null", "template_string"}


def _handler(call: Call) -> str:
    last = call.arguments[-1].node if call.arguments else None
    named = unwrapped(last) if last is not None else None
    return last_name(text_of(named)) if named is not None and named.type in NAMES | MEMBERS else ""


def _starts_with_route(call: Call) -> bool:
    return call.receiver.startswith("Route::")


def _singular(name: str) -> str:
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")
