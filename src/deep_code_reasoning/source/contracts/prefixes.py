"""Under which prefix a route is served: groups around it, what its router was made with, where that is mounted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .frameworks import GROUPS, MOUNTS, ROUTERS
from .grammars import FUNCTION_TYPES, MEMBERS, NAMES, RECEIVER_FIELDS, STRING_TYPES
from .imports import Imports
from .nodes import definition_name, enclosing, first_field, function_around, parameters, text_of, unwrapped
from .syntax import Call, CodeFile, lambdas
from .values import HOLE, Values

if TYPE_CHECKING:
    from tree_sitter import Node

# Routers mounted in routers: deeper is a circle.
_MAX_DEPTH: Final = 8
_PREFIXED: Final = frozenset({"group", "namespace", "scope", "register"})
_STATIC: Final = frozenset({"Route", "web", "Router", "RouterFunctions"})
Key = tuple[str, str]
"""What a router is known by: (file, variable), (file, '') for all of a module, ('', function) for what one returns."""


class Prefixes:
    """The prefixes of the routes of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values) -> None:
        self._values = values
        self._imports = Imports(files)
        self._mounts: dict[Key, list[tuple[Call, CodeFile, str]]] = {}
        self._called: dict[str, list[tuple[Call, CodeFile]]] = {}
        self._set: dict[Key, str] = {}
        self._types = {kind.name: file for file in files for kind in file.types}
        for file in files:
            for call in file.calls:
                if call.name == "prefix" and call.node.parent is not None and "statement" in call.node.parent.type:
                    self._set[str(file.where), call.receiver] = self.group_prefix(
                        call, file
                    )  # koa: router.prefix("/x")
                self._called.setdefault(call.name, []).append((call, file))
                for key, prefix in self._mounted(call, file):
                    self._mounts.setdefault(key, []).append((call, file, prefix))

    def before(self, call: Call, file: CodeFile, depth: int = 0) -> list[str]:
        """The prefixes that go before what a call registers; one for each place where its router is mounted."""
        if depth > _MAX_DEPTH:
            return [""]
        group = _group_around(call, file)
        root = _root(call)
        inside = group is not None and (
            not call.receiver
            or root in _STATIC
            or root in [name for made in lambdas(group) for name in parameters(made)]
        )
        if group is not None and (inside or root not in file.values):
            own = self.group_prefix(group, file) + self._of_chain(call, file)
            return [before + own for before in self.before(group, file, depth + 1)]
        return self.of_receiver(call.receiver_node, call, file, depth + 1)

    def is_given(self, call: Call, file: CodeFile) -> bool:
        """Whether what a call is called on is the router that a group around it gives its function."""
        group = _group_around(call, file)
        return group is not None and _root(call) in [name for made in lambdas(group) for name in parameters(made)]

    def of_receiver(self, receiver: Node | None, call: Call, file: CodeFile, depth: int = 0) -> list[str]:
        """The prefixes of a router: an expression that makes or names one."""
        if receiver is None:
            return self._of_module(file, call, depth)
        receiver = unwrapped(receiver)
        made = file.by_node.get(receiver.id)
        if made is not None:
            own = self.group_prefix(made, file) if _is_group(made) else self._router_prefix(made, file)
            return [before + own for before in self.before(made, file, depth + 1)]
        if receiver.type in NAMES | MEMBERS:
            return self._of_variable(receiver, call, file, depth)
        return [""]

    def _of_chain(self, call: Call, file: CodeFile) -> str:
        """What the calls before one in its chain put before it: `Route::prefix("x")->group(...)`."""
        found = ""
        made = file.by_node.get(unwrapped(call.receiver_node).id) if call.receiver_node is not None else None
        while made is not None:
            found = (self.group_prefix(made, file) if _is_group(made) else "") + found
            made = file.by_node.get(unwrapped(made.receiver_node).id) if made.receiver_node is not None else None
        return found

    def group_prefix(self, group: Call, file: CodeFile) -> str:
        """What a group puts before its members: its first text, or its `prefix` (`/x/` as `/x`)."""
        inner = file.by_node.get(unwrapped(group.arguments[0].node).id) if group.arguments else None
        if inner is not None and inner.name in ("path", "pathPrefix"):  # Spring: nest(path("/x"), ...)
            return self.group_prefix(inner, file)
        given = group.named("prefix", "path") if group.name in _PREFIXED else None
        if given is None:
            given = group.positional(0)
        if given is None or unwrapped(given).type not in STRING_TYPES | NAMES | MEMBERS | {"binary_expression"}:
            return ""
        value = self._values.text(given, file)
        return "/" + value.strip("/") if value != HOLE and value.strip("/") else ""

    def _router_prefix(self, made: Call, file: CodeFile) -> str:
        for name in ROUTERS.get(made.name, ()):
            given = made.named(name) if name else None
            if given is not None:
                return "/" + self._values.text(given, file).strip("/")
        return ""

    def _of_variable(self, receiver: Node, call: Call, file: CodeFile, depth: int) -> list[str]:
        name = re.sub(r"(?<!^this)(?<!^self)\.(?:router|urls)$", "", text_of(receiver).lstrip("$"))
        name = re.sub(r"^(?:this|self)\.", "", name)
        around = enclosing(call.node, FUNCTION_TYPES)
        if around is not None and name in parameters(around):
            return self._of_parameter(definition_name(around), parameters(around).index(name), file, depth)
        own = self._set.get((str(file.where), name), "")
        given = self._values.node_of(receiver, file)
        if given is not None:
            made = given[0].by_node.get(unwrapped(given[1]).id)
            if made is not None and made.node.id != call.node.id:
                if _is_group(made) or (made.receiver_node is not None and made.name not in ROUTERS):
                    return self.of_receiver(made.node, made, given[0], depth + 1)
                own = own or self._router_prefix(made, given[0])
        return self._at_mounts([(str(file.where), name)], own, depth) or [
            before + own for before in self._of_module(file, call, depth)
        ]

    def _of_parameter(self, function: str, place: int, file: CodeFile, depth: int) -> list[str]:
        """What the calls of a set-up function give it: `users.Register(api.Group("/users"))`."""
        found = []
        for call, where in self._called.get(function, ()) if function else ():
            if call.receiver_node is not None and place == 0 and len(call.arguments) == 0:
                found += self.of_receiver(call.receiver_node, call, where, depth + 1)
                continue
            given = call.positional(place)
            if given is not None:
                found += self.of_receiver(given, call, where, depth + 1)
        return list(dict.fromkeys(found)) or self._at_mounts([("", function), (str(file.where), "")], "", depth) or [""]

    def _of_module(self, file: CodeFile, call: Call, depth: int) -> list[str]:
        keys = [key for name in _assigned(call.node, file) for key in ((str(file.where), name), ("", name))]
        keys += [("", function) for function in (function_around(call.node),) if function]
        if file.language == "kotlin":  # fun Route.orders() is served where it is called
            called = self._called.get(function_around(call.node), ())
            found = [before for made, where in called for before in self.before(made, where, depth + 1)]
            if found:
                return list(dict.fromkeys(found))
        return self._at_mounts([*keys, (str(file.where), "")], "", depth) or [""]

    def _at_mounts(self, keys: Sequence[Key], own: str, depth: int) -> list[str]:
        found = []
        for key in keys:
            for call, file, prefix in self._mounts.get(key, ()):
                found += [before + prefix + own for before in self.before(call, file, depth + 1)]
        return list(dict.fromkeys(found))

    def _mounted(self, call: Call, file: CodeFile) -> Iterator[tuple[Key, str]]:
        """The routers that a call puts under a prefix, and the prefix."""
        if call.name == "include" and file.language == "python" and call.arguments:
            yield from self._included(call, file)
        if call.name == "group" and file.language == "php":
            yield from self._drawn(call, file)
        strips = call.name == "Handle" and "StripPrefix(" in text_of(call.positional(1))
        if call.name not in MOUNTS and call.name != "add_router" and not strips:
            return
        at, whose = MOUNTS.get(call.name, (0, 1))
        placed = [argument.node for argument in call.arguments if not argument.name]
        if isinstance(at, tuple):
            given, routers = call.named(*at), placed[whose : whose + 1]
        else:
            texts = bool(placed) and unwrapped(placed[0]).type in STRING_TYPES | {"binary_expression"} | NAMES
            literal = texts and self._values.text(placed[0], file) not in ("", HOLE)
            given, routers = (placed[0], placed[1:]) if literal else (None, placed)
        prefix = self._values.text(given, file).replace(HOLE, "") if given is not None else ""
        for router in routers:
            key = self._key(router, file)
            if key is not None:
                yield key, "/" + prefix.strip("/*") if prefix.strip("/*") else ""

    def _drawn(self, call: Call, file: CodeFile) -> Iterator[tuple[Key, str]]:
        """Laravel: `Route::prefix("x")->group(base_path("routes/x.php"))`."""
        given = unwrapped(call.arguments[0].node) if call.arguments else call.node
        made = file.by_node.get(given.id)
        path = self._values.text(made.positional(0) if made is not None else given, file).replace(HOLE, "").lstrip("/")
        module = self._imports.module(path.removesuffix(".php"), file) if path.endswith(".php") else None
        if module is not None:
            yield (str(module.where), ""), ""

    def _included(self, call: Call, file: CodeFile) -> Iterator[tuple[Key, str]]:
        """Django: `path("x/", include("app.urls"))`, and lists and routers in place of a module."""
        given = unwrapped(call.arguments[0].node)
        if given.type in ("tuple", "list") and given.named_child_count:
            given = unwrapped(given.named_children[0])
        if given.type in STRING_TYPES:
            module = self._imports.module(self._values.text(given, file), file)
            if module is not None:
                yield (str(module.where), ""), ""
        elif given.type in NAMES | MEMBERS:
            key = self._key(given, file)
            if key is not None:
                yield (key if self._is_made(key) else (key[0], "")), ""

    def _is_made(self, key: Key) -> bool:
        """Whether a variable is given what a call makes, and no list."""
        given = self._values.named(key[1])
        return any(str(file.where) == key[0] and unwrapped(node).id in file.by_node for file, node in given)

    def _key(self, router: Node, file: CodeFile) -> Key | None:
        router = unwrapped(router)
        made = file.by_node.get(router.id)
        if made is not None:
            if made.name in ("routes", "router", "urls", "default") and made.receiver_node is not None:
                return self._key(made.receiver_node, file)
            if made.name in ("StripPrefix", "require") and made.arguments:
                return self._required(made, file)
            return ("", made.name) if made.name not in ROUTERS else None
        if router.type not in NAMES | MEMBERS:
            return None
        head, _, last = text_of(router).lstrip("$").rpartition(".")
        holder = re.match(r"(?:new\s+)?(\w+)\(", head)
        if holder and holder[1] in self._types:  # new Carts().router
            return str(self._types[holder[1]].where), last
        head = re.sub(r"^(?:this|self)(?:\.|$)", "", head)
        if last == "urls" and head:
            return str(file.where), head
        source = self._imports.source(head.partition(".")[0] or last, file)
        if source is not None:
            defined, inside = source
            name = last if head else inside
            exported = unwrapped(defined.values[name][0]) if name in defined.values else None
            if exported is not None and exported.type in NAMES:  # module.exports = { orders: router }
                return str(defined.where), text_of(exported)
            return str(defined.where), name if exported is not None else ""
        if last in file.values:
            return str(file.where), last
        return ("", last) if last in self._functions(file) else None

    def _required(self, made: Call, file: CodeFile) -> Key | None:
        if made.name == "StripPrefix":
            inner = made.positional(1)
            return self._key(inner, file) if inner is not None else None
        module = self._imports.module(self._values.text(made.arguments[0].node, file), file)
        return (str(module.where), "") if module is not None else None

    def _functions(self, file: CodeFile) -> set[str]:
        return {function_around(call.node) for call in file.calls}


def _assigned(node: Node, file: CodeFile) -> Iterator[str]:
    """The name that a chain of calls is given as a whole."""
    above: Node | None = node
    while above is not None and above.type not in FUNCTION_TYPES:
        if above.id in file.names:
            yield file.names[above.id]
            return
        above = above.parent


def _is_group(call: Call) -> bool:
    """Whether a call groups what is registered on what it returns: `route("/x")`, and not `route("/x", handler)`."""
    return call.name in GROUPS and (call.name.lower() != "route" or len(call.arguments) < 2 or bool(lambdas(call)))


def _root(call: Call) -> str:
    """The first name of what a call is called on."""
    node = call.receiver_node
    while node is not None and (inner := first_field(node, ("function", *RECEIVER_FIELDS))) is not None:
        node = inner
    return text_of(node).lstrip("$").partition(".")[0] if node is not None else ""


def _group_around(call: Call, file: CodeFile) -> Call | None:
    """The innermost call around one that groups what is registered inside of it."""
    node, above = call.node, call.node.parent
    while above is not None:
        outer = file.by_node.get(above.id)
        if outer is not None and _is_inside(node, outer) and _groups(outer, node):
            return outer
        if above.type in FUNCTION_TYPES:
            return None
        node, above = above, above.parent
    return None


def _is_inside(node: Node, outer: Call) -> bool:
    """Whether a node is given to a call, and not what it is called on."""
    receiver = outer.receiver_node
    return receiver is None or node.start_byte >= receiver.end_byte


def _groups(outer: Call, node: Node) -> bool:
    if outer.name in ("path", "re_path", "url", "Mount"):
        return True
    if outer.name in ("group", "register") and outer.receiver:
        return outer.name == "group" or bool(lambdas(outer))
    return outer.name in GROUPS and (bool(lambdas(outer)) or node.type in ("arguments", "argument_list"))
