"""Routes of Python's frameworks: decorators, calls that register, and lists of patterns with handlers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .class_views import ClassViews
from .frameworks import CLIENT_NAMES, VERBS
from .grammars import CLASS_TYPES, MEMBERS, NAMES, STRING_TYPES
from .nodes import definition_name, enclosing, last_name, text_of, unwrapped, within
from .prefixes import Prefixes
from .registered import Route, RouteReader
from .scopes import Term
from .syntax import CodeFile, Mark
from .templates import from_regex, joined
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_DECORATORS: Final = frozenset(
    {*VERBS, "route", "api_route", "api_operation", "websocket", "websocket_route", "trace", "view"}
)
_ADDING: Final = frozenset(
    {"add_api_route", "add_url_rule", "add_route", "add_websocket_route", "add_api_websocket_route"}
)
# Frameworks whose decorators stand alone.
_ALONE: Final = re.compile(r"\b(?:litestar|bottle)\b")
_PATHS: Final = ("path", "rule", "uri", "url", "route")
# What makes a router, of whatever framework.
_ROUTER: Final = re.compile(
    r"(?:App|Application|Router|Blueprint|A[Pp][Ii]|Resolver|Server|Namespace|Group|Controller)$"
)
_REGISTERING: Final = (
    _ADDING
    | {"add_resource", "Route", "WebSocketRoute", "route", "view", *VERBS}
    | {f"add_{verb}" for verb in (*VERBS, "view")}
)


class PythonRoutes(RouteReader):
    """The routes of Python."""

    def __init__(self, values: Values, prefixes: Prefixes, views: ClassViews) -> None:
        super().__init__(values, prefixes)
        self._views = views
        self.registering: set[int] = set()

    def of(self, file: CodeFile) -> Iterator[Route]:
        """The routes of a file."""
        for mark in file.marks:
            if mark.call.name in _DECORATORS and (mark.call.receiver or _ALONE.search(file.text)):
                for at in self.runs(mark.call, Term(mark.call.node, file)):
                    yield from self._decorated(mark, at)
        for call in file.calls:
            if call.name in _REGISTERING and call.arguments and (call.name not in VERBS or call.receiver == "web"):
                for at in self.runs(call, Term(call.node, file)):
                    for route in self._called(call, at):
                        self.registering.add(call.node.id)
                        yield route
        if "tornado" in file.text and file.root is not None:
            yield from self._tornado(file.root, file)

    def _decorated(self, mark: Mark, at: Term) -> Iterator[Route]:
        """`@app.get("/x")`, `@bp.route("/x", methods=[...])`, at a function or at a class of handlers."""
        call = mark.call
        if call.receiver and (
            last_name(call.receiver) in CLIENT_NAMES or not call.arguments or self._is_other(call, at)
        ):
            return
        places = [each.node for each in call.arguments if not each.name]
        verbs = self.verbs(call, at)
        if call.name == "api_operation" and places:
            verbs, places = tuple(text.upper() for text in self.texts(places[0], at)), places[1:]
        given = places if places and mark.on_class else places[:1]
        given = given or [node for node in (call.named(*_PATHS),) if node is not None]
        if mark.on_class:
            verbs = self._views.verbs(definition_name(mark.target), at.file) or verbs
        paths = [path for node in given for item in items(node) if (path := self.path(item, at)) is not None]
        if not given and not call.receiver:
            paths = [""]
        for path in paths:
            if "azure.functions" in at.file.text:
                path = joined("api", path)
            if path and not path.startswith(("/", "\1", "{", "<")):
                continue  # @mock.patch("os.chmod") names no path
            if not verbs and call.name in ("route", "api_route"):
                verbs = ("GET",)
            for before in self._before_decorated(mark, at):
                yield Route(verbs, joined(before, path), call.line, definition_name(mark.target))

    def _is_other(self, call: Call, at: Term) -> bool:
        """Whether a decorator is a method of what was made as something else than a router: a registry of hooks."""
        node = call.receiver_node
        made = self._values.names.settled(at.of(node)) if node is not None else None
        maker = made.file.by_node.get(unwrapped(made.node).id) if made is not None else None
        if maker is None or made is None or not maker.name[:1].isupper():
            return False
        return (
            _ROUTER.search(maker.name) is None
            and self._prefixes.is_router(made.node, made.file, made.frame) is not True
        )

    def _before_decorated(self, mark: Mark, at: Term) -> list[str]:
        if mark.call.receiver_node is not None:
            return self._prefixes.of_receiver(mark.call.receiver_node, mark.call, at.file, at.frame)
        if mark.target is None:
            return [""]
        owner = enclosing(mark.target, CLASS_TYPES)
        own = ""
        if owner is not None:  # litestar: the path of a class of handlers
            own = next((self.text(n, at) for n in at.file.values.get("path", ()) if within(n, owner)), "")
        return [joined(before, own) for before in self._prefixes.of_definition(owner or mark.target, at)]

    def _called(self, call: Call, at: Term) -> Iterator[Route]:
        verbs = self.verbs(call, at) if call.name not in VERBS else ()
        first = call.positional(0)
        if call.name in _ADDING:
            yield from self._added(call, at, verbs)
        elif call.name == "add_resource" and len(call.arguments) > 1:
            for given in [each.node for each in call.arguments[1:] if not each.name]:
                yield from self.routes(call, at, given, self._of_view(call.positional(0), at))
        elif call.name.startswith("add_") and call.name[4:] in VERBS:
            yield from self.routes(call, at, first, (call.name[4:].upper(),))
        elif call.name in ("view", "add_view") and (call.receiver == "web" or call.name == "add_view"):
            yield from self.routes(call, at, first, self._of_view(call.positional(1), at))
        elif call.name == "route" and call.receiver != "web":
            above = call.node.parent  # bp.route("/x")(view)
            if above is not None and above.type == "call" and above.child_by_field_name("function") == call.node:
                yield from self.routes(call, at, first, verbs or ("GET",))
        elif call.receiver == "web" and call.name in VERBS:
            yield from self.routes(call, at, first, (call.name.upper(),))
        elif call.receiver == "web" and call.name == "route":
            yield from self.routes(call, at, call.positional(1), tuple(filter(None, [self.verb_of(first, at)])))
        elif call.name in ("Route", "WebSocketRoute") and not call.receiver and "starlette" in at.file.text:
            view = call.positional(1) or call.named("endpoint")
            yield from self.routes(call, at, first or call.named("path"), verbs or self._of_view(view, at) or ("GET",))

    def _added(self, call: Call, at: Term, verbs: tuple[str, ...]) -> Iterator[Route]:
        given = call.positional(0) or call.named("path", "rule", "uri")
        view = call.named("view_func", "endpoint") or call.positional(1)
        path = self.path(given, at)
        if path is not None and path.upper().lower() in (*VERBS, "*"):  # aiohttp: the verb comes first
            verbs = (path.upper(),) if path != "*" else ()
            given, view = call.positional(1), call.positional(2)
            if (path := self.path(given, at)) is None or not path.startswith(("/", "{")):
                yield from self._of_resource(call, at, verbs)
                return
        second = self.path(call.positional(1), at)
        if path is not None and not path.startswith(("/", "{", "<", "\0")) and second is not None:
            yield from self.routes(call, at, call.positional(1), self._viewed(path, at.file))
            return
        if path is None and (second or "").startswith("/"):  # Sanic: the view comes first
            given, view = call.positional(1), call.positional(0)
        suffix = call.named("suffix")
        verbs = verbs or self._of_view(view, at, self.text(suffix, at) if suffix is not None else "")
        yield from self.routes(call, at, given, verbs or (("GET",) if call.name == "add_url_rule" else ()))

    def _viewed(self, name: str, near: CodeFile) -> tuple[str, ...]:
        """Pyramid: the verbs of the views of a route's name."""
        found = []
        for mark in near.marks:
            if mark.call.name == "view_config" and self._values.text(mark.call.named("route_name"), near) == name:
                found += self._values.texts(mark.call.named("request_method"), near)
        return tuple(verb for verb in found if verb.lower() in VERBS)

    def _of_resource(self, call: Call, at: Term, verbs: tuple[str, ...]) -> Iterator[Route]:
        """aiohttp: `resource = app.router.add_resource("/x"); resource.add_route("PUT", handler)`."""
        if call.receiver_node is None:
            return
        made = self._values.names.settled(at.of(call.receiver_node))
        maker = made.file.by_node.get(unwrapped(made.node).id)
        if maker is not None and maker.name == "add_resource":
            for route in self.routes(maker, Term(maker.node, made.file, made.frame), maker.positional(0), verbs):
                yield Route(verbs, route.template, call.line, route.handler)

    def _of_view(self, view: Node | None, at: Term, suffix: str = "") -> tuple[str, ...]:
        """The verbs of a class of handlers, of one that is made, or of a variable that holds one; Falcon names methods
        with a suffix too."""
        if view is None:
            return ()
        name = last_name(re.sub(r"(?:\.as_view)?\(.*", "", text_of(view), flags=re.DOTALL))
        found = self._views.verbs(name, at.file, suffix)
        if not found and unwrapped(view).type in NAMES | MEMBERS:
            made = self._values.names.settled(at.of(view))
            call = made.file.by_node.get(unwrapped(made.node).id)
            found = self._views.verbs(call.name, made.file, suffix) if call is not None else ()
        return found

    def _tornado(self, root: Node, file: CodeFile) -> Iterator[Route]:
        """`(r"/x/(\\d+)", Handler)` and `url(r"/x", Handler)` wherever they stand."""
        for node in _pairs(root):
            pattern, handler = node[0], node[1]
            verbs = self._views.verbs(last_name(text_of(handler)), file)
            text = self.path(pattern, Term(pattern, file))
            if verbs and text is not None and text.startswith(("/", "^/", "\0", "{")):
                yield Route(verbs, joined(from_regex(text)), pattern.start_point.row + 1, last_name(text_of(handler)))


def _pairs(root: Node) -> Iterator[Sequence[Node]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        inside = node.named_children
        if (
            node.type in ("tuple", "argument_list")
            and len(inside) >= 2
            and inside[0].type in STRING_TYPES | {"binary_operator"}
            and inside[1].type in NAMES | MEMBERS
        ):
            yield inside
        waiting += inside
