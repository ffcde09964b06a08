"""Under which prefix a route is served: groups around it, what its router was made with, where that is mounted.

A router is known by where it comes from (its origin): the call that makes it, the function that is given it by a
framework, the list, class or file that is mounted as a whole. Mounts lead from one origin to the next, up to the root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .frameworks import GROUPS, HOLDERS, MOUNTS, PARENTS, ROUTER_MODULES, ROUTERS, WRAPS
from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, MEMBERS, NAMES, RECEIVER_FIELDS, STRING_TYPES
from .nodes import enclosing, first_field, last_name, parameters, text_of, unwrapped, within
from .scopes import Frame, Term, names_in, patterns, returned, scopes_around
from .syntax import Call, CodeFile, items, lambdas
from .values import HOLE, Values

if TYPE_CHECKING:
    from tree_sitter import Node

# Routers mounted in routers: deeper is a circle.
_MAX_DEPTH: Final = 12
_PREFIXED: Final = frozenset({"group", "namespace", "scope", "register"})
_STATIC: Final = frozenset({"Route", "web", "Router", "RouterFunctions"})
_LOADERS: Final = frozenset({"require", "include", "import", "lazy", "base_path", "app_path"})
# Members of a router that stand for the whole of it.
_WHOLE: Final = frozenset({"urls", "router", "routes"})
_TEXTS: Final = STRING_TYPES | {"binary_expression", "binary_operator"}


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """A place where an origin is mounted, in one run: under what (None: what the call is called on), at which prefix.

    `run` is the run of the origin: a router that a function makes is another one each time.
    """

    call: Call
    file: CodeFile
    frame: Frame | None
    prefix: str
    run: Frame | None
    under: Term | None = None


class Prefixes:
    """The prefixes of the routes of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values) -> None:
        self._values = values
        self._names = values.names
        self._mounts: dict[int, list[Mount]] = {}
        self._set: dict[int, str] = {}
        for file in files:
            for call in file.calls:
                if (
                    call.name in ("prefix", "setBasePath")
                    and call.receiver_node is not None
                    and "statement" in _above(call.node)
                ):
                    for origin in self._origins(Term(call.receiver_node, file)):  # koa: router.prefix("/x")
                        self._set[origin.node.id] = self.group_prefix(call, file)
                kind = self._kind(call, file)
                if kind in MOUNTS or kind in HOLDERS or kind in PARENTS:
                    for frame in self._names.frames(call.node, file, call.words):
                        for origin, mount in self._mounted(call, kind, file, frame):
                            self._mounts.setdefault(origin.node.id, []).append(mount)

    def before(self, call: Call, file: CodeFile, frame: Frame | None = None, depth: int = 0) -> list[str]:
        """The prefixes that go before what a call registers; one for each place where its router is mounted."""
        if depth > _MAX_DEPTH:
            return [""]
        group = _group_around(call, file)
        root = _root(call)
        if group is not None and (
            not call.receiver
            or root in _STATIC
            or root in _given_by(group)
            or root in ("this", "it")
            or (file.language == "kotlin" and root not in file.values)
        ):
            own = self.group_prefix(group, file, frame) + self._of_chain(call, file, frame)
            return [before + own for before in self.before(group, file, frame, depth + 1)]
        return self.of_receiver(call.receiver_node, call, file, frame, depth + 1)

    def is_given(self, call: Call, file: CodeFile) -> bool:
        """Whether what a call is called on is the router that a group around it gives its function."""
        group = _group_around(call, file)
        return group is not None and _root(call) in _given_by(group)

    def is_router(self, node: Node, file: CodeFile, frame: Frame | None = None) -> bool | None:
        """Whether an expression is a router; None when that cannot be told."""
        found = self._origins(Term(node, file, frame))
        made = [(o, call) for o in found if (call := o.file.by_node.get(o.node.id)) is not None]
        if made:
            return any(
                self._kind(call, o.file) in ROUTERS | PARENTS or _is_group(call) or call.name in ("new", "create")
                for o, call in made
            )
        return True if any(origin.node.id in self._mounts for origin in found) else None

    def of_receiver(
        self, receiver: Node | None, call: Call, file: CodeFile, frame: Frame | None = None, depth: int = 0
    ) -> list[str]:
        """The prefixes of a router: an expression that makes or names one."""
        if depth > _MAX_DEPTH:
            return [""]
        if receiver is None:
            return self._of_place(Term(call.node, file, frame), depth)
        found = [
            prefix
            for origin in self._origins(Term(receiver, file, frame))
            if origin.node.id != call.node.id
            for prefix in self._of_origin(origin, depth + 1)
        ]
        return list(dict.fromkeys(found)) or self._of_place(Term(call.node, file, frame), depth)

    def is_mounted(self, node: Node) -> bool:
        """Whether what is in a node is mounted as a whole."""
        return any(
            mount.prefix or self.before(mount.call, mount.file, mount.frame) != [""]
            for mount in self._mounts.get(node.id, ())
        )

    def of_definition(self, node: Node, at: Term) -> list[str]:
        """The prefixes of a function or class that is mounted as a whole, or stands in what is."""
        return self._of_mounts(at.of(node), 0) if node.id in self._mounts else self._of_place(at.of(node), 0)

    def group_prefix(self, group: Call, file: CodeFile, frame: Frame | None = None) -> str:
        """What a group puts before its members: its first text, or its `prefix` (`/x/` as `/x`)."""
        inner = file.by_node.get(unwrapped(group.arguments[0].node).id) if group.arguments else None
        if inner is not None and inner.name in ("path", "pathPrefix"):  # Spring: nest(path("/x"), ...)
            return self.group_prefix(inner, file, frame)
        given = group.named("prefix", "path") if group.name in _PREFIXED else None
        if given is None:
            given = group.positional(0)
        if given is None and group.receiver_node is not None and group.receiver_node.type in STRING_TYPES:
            given = group.receiver_node  # Kotlin: "/x".nest { }
        if given is None or unwrapped(given).type not in _TEXTS | NAMES | MEMBERS:
            return ""
        return _prefix(self._values.text(given, file, frame))

    def _kind(self, call: Call, file: CodeFile) -> str:
        """What a call is in the tables of frameworks, whatever its file calls it."""
        if call.name == "group" and call.receiver == "Blueprint":
            return "Blueprint.group"
        if call.receiver or call.name in ROUTERS:
            return call.name
        module, name = self._names.imports.original(call.name, file)
        return name if name and name in ROUTERS | PARENTS else ROUTER_MODULES.get(module, call.name)

    # Where a router comes from

    def _origins(self, term: Term, depth: int = 0) -> list[Term]:
        node = unwrapped(term.node)
        term = term.of(node)
        if depth > _MAX_DEPTH:
            return []
        made = term.file.by_node.get(node.id)
        if made is not None:
            return self._of_made(made, term, depth)
        if node.type in NAMES | MEMBERS:
            return self._of_named(node, term, depth)
        if node.type in STRING_TYPES and "." in text_of(node):  # "news.api.router"
            path, _, name = text_of(node).strip("\"'").rpartition(".")
            module = self._names.imports.module(path, term.file)
            exported = self._names.exported(module, name) if module is not None else None
            return self._origins(exported, depth + 1) if exported is not None else self._of_path(node, term, depth)
        if node.type == "array_creation_expression" and len(items(node)) == 2:  # PHP: [$this, 'routes']
            name = text_of(items(node)[1]).strip("'\"")
            method = self._names.function_named(name, term.file)
            return [Term(method.node, method.file)] if method is not None else [term]
        if text_of(node).rstrip("'\")").endswith(".php"):
            held = node.named_children[0] if node.type.startswith(("require", "include")) else node
            return self._of_path(held, term, depth)
        return [term]

    def _of_made(self, made: Call, term: Term, depth: int) -> list[Term]:
        kind = self._kind(made, term.file)
        if _is_group(made) or kind in PARENTS:
            return [term]
        functions = self._names.targets(made, term.file) if kind not in ROUTERS else []
        found = []
        for function in functions:
            if not function.makes:
                run = self._names.run(function, made, term)
                for node in returned(function.node, function.file.language):
                    found += self._origins(Term(node, function.file, run), depth + 1)
        if found:
            return found
        if kind in ROUTERS or (made.name in ("new", "create") and last_name(made.receiver) in ROUTERS):
            return [term]
        if made.name in _LOADERS and made.arguments:
            return self._of_path(made.arguments[0].node, term, depth)
        if made.name in WRAPS:
            return [origin for each in made.arguments for origin in self._origins(term.of(each.node), depth + 1)]
        if made.receiver_node is not None and not made.makes:
            return self._origins(term.of(made.receiver_node), depth + 1)
        held = self._names.type_of(made.name, term.file)
        return [held] if held is not None else []

    def _of_named(self, node: Node, term: Term, depth: int) -> list[Term]:
        meant = self._names.meaning(term)
        if meant is not None and meant.node.id != node.id:
            found = self._origins(meant, depth + 1)
            if found:
                return found
        name = text_of(node).lstrip("$@")
        if node.type in NAMES:
            for scope in scopes_around(node, term.file):
                if any(name in names_in(pattern) for pattern in patterns(scope)):
                    return [term.of(scope)]
            module = self._names.module(name, term.file)
            if module is not None:
                return self._of_module(module, depth)
            function = self._names.function_named(name, term.file)
            if function is not None:
                return [Term(function.node, function.file)]
            kind = self._names.type_of(name, term.file)
            return [kind] if kind is not None else []
        holder = first_field(node, RECEIVER_FIELDS) or node.named_children[0]
        kind = self._names.type_of(last_name(text_of(node)), term.file) if term.file.language == "ruby" else None
        if kind is not None:
            return [kind]
        if last_name(text_of(node)) in _WHOLE:
            return self._origins(term.of(holder), depth + 1)
        return []

    def _of_path(self, node: Node, term: Term, depth: int) -> list[Term]:
        """Of a file that is named by its path or its dotted name."""
        path = self._values.text(node, term.file, term.frame).replace(HOLE, "").lstrip("/")
        return self._of_module(self._names.imports.module(path, term.file), depth) if path else []

    def _of_module(self, module: CodeFile | None, depth: int) -> list[Term]:
        if module is None:
            return []
        exported = self._names.exported(module, "")
        found = self._origins(exported, depth + 1) if exported is not None else []
        return found or ([Term(module.root, module)] if module.root is not None else [])

    # What goes before it

    def _of_origin(self, origin: Term, depth: int) -> list[str]:
        made = origin.file.by_node.get(origin.node.id)
        if made is not None and _is_group(made):
            own = self.group_prefix(made, origin.file, origin.frame)
            return [before + own for before in self.before(made, origin.file, origin.frame, depth + 1)]
        own = self._own_prefix(made, origin) if made is not None else ""
        return [before + own for before in self._of_mounts(origin, depth)]

    def _own_prefix(self, made: Call, origin: Term) -> str:
        kind = self._kind(made, origin.file)
        if kind in PARENTS:
            given = made.positional(1) if kind.startswith("Nested") else made.named(*PARENTS[kind])
            prefix = _prefix(self._values.text(given, origin.file, origin.frame)) if given is not None else ""
            lookup = made.named("lookup")
            return prefix + (f"/{{{self._values.text(lookup, origin.file)}_pk}}" if lookup is not None else "")
        prefix = self._set.get(made.node.id, "")
        version = made.named("version") if kind == "Blueprint" else None
        for name in ROUTERS.get(kind, ()):
            given = made.named(name) if name else None
            if given is None and name == "path" and made.arguments and not made.arguments[0].name:
                given = made.arguments[0].node  # Router("/x", route_handlers=[...])
            if given is not None and unwrapped(given).type in _TEXTS | NAMES | MEMBERS and kind != "Namespace":
                prefix = _prefix(self._values.text(given, origin.file, origin.frame))
        if kind == "Namespace" and not prefix and not any(m.prefix for m in self._mounts.get(made.node.id, ())):
            prefix = _prefix(self._values.text(made.named("path") or made.positional(0), origin.file, origin.frame))
        return (f"/v{self._values.text(version, origin.file)}" if version is not None else "") + prefix

    def _of_mounts(self, origin: Term, depth: int) -> list[str]:
        mounts = [mount for mount in self._mounts.get(origin.node.id, ()) if _same_run(mount, origin)]
        if not mounts and origin.node.type not in CLASS_TYPES:
            return self._of_place(origin, depth)
        found = []
        for mount in mounts:
            if mount.under is not None:
                above = self._origins(mount.under)
                befores = [prefix for each in above for prefix in self._of_origin(each, depth + 1)] or [""]
            else:
                befores = self.before(mount.call, mount.file, mount.frame, depth + 1)
            found += [before + mount.prefix for before in befores]
        return list(dict.fromkeys(found)) or [""]

    def _of_place(self, term: Term, depth: int) -> list[str]:
        """What is mounted with all that is in it: the list, function, class or file around an expression."""
        above = term.node.parent
        while above is not None and depth <= _MAX_DEPTH:
            mounts = [mount for mount in self._mounts.get(above.id, ()) if mount.call.node.id != term.node.id]
            if mounts:
                return self._of_mounts(term.of(above), depth + 1)
            if above.type in FUNCTION_TYPES and term.file.language == "kotlin":
                called = self._of_callers(above, term, depth)  # fun Route.orders() is served where it is called
                if called:
                    return called
            above = above.parent
        return [""]

    def _of_callers(self, node: Node, term: Term, depth: int) -> list[str]:
        function = self._names.function(node)
        found = [
            before
            for made, file in (self._names.callers(function) if function is not None else ())
            for before in self.before(made, file, None, depth + 1)
        ]
        return list(dict.fromkeys(found))

    def _of_chain(self, call: Call, file: CodeFile, frame: Frame | None) -> str:
        """What the calls before one in its chain put before it: `Route::prefix("x")->group(...)`."""
        found = ""
        made = file.by_node.get(unwrapped(call.receiver_node).id) if call.receiver_node is not None else None
        while made is not None:
            found = (self.group_prefix(made, file, frame) if _is_group(made) else "") + found
            made = file.by_node.get(unwrapped(made.receiver_node).id) if made.receiver_node is not None else None
        return found

    # Mounts

    def _mounted(self, call: Call, kind: str, file: CodeFile, frame: Frame | None) -> Iterator[tuple[Term, Mount]]:
        """The origins that a call mounts."""
        at = Term(call.node, file, frame)
        if call.name in MOUNTS and kind not in HOLDERS and self._names.targets(call, file):
            return  # a function of ours that is called so
        if kind in PARENTS:
            parent = call.positional(0)
            if parent is not None:
                yield at, Mount(call, file, frame, "", frame, at.of(parent))
            return
        under = at if kind in HOLDERS else None
        for node, prefix in self._placed(call, kind, file, frame):
            for each in items(self._names.settled(at.of(node)).node) if kind in HOLDERS else [node]:
                whole = self._names.settled(at.of(node)) if kind in HOLDERS else at
                for origin in self._origins(whole.of(each)):
                    if origin.node.id != call.node.id:
                        yield origin, Mount(call, file, frame, prefix, origin.frame, under)
            if kind in HOLDERS:
                whole = self._names.settled(at.of(node))
                yield whole.of(unwrapped(whole.node)), Mount(call, file, frame, prefix, whole.frame, under)

    def _placed(self, call: Call, kind: str, file: CodeFile, frame: Frame | None) -> Iterator[tuple[Node, str]]:
        """The expressions that a call mounts, with the prefix."""
        if kind in HOLDERS:
            for argument in call.arguments:
                if argument.name in HOLDERS[kind] or (not argument.name and "" in HOLDERS[kind]):
                    yield argument.node, ""
            return
        if call.name == "include" and file.language in ("python", "php"):
            yield from self._included(call, file)
            return
        if call.name == "group" and file.language == "php" and len(call.arguments) == 1:
            yield from self._included(call, file)
            return
        if call.name == "require":
            if file.language == "php":
                yield call.node, ""
            return
        if call.name == "map":  # Rack: map "/x" do run App end
            prefix = _prefix(self._values.text(call.positional(0), file, frame)) if file.language == "ruby" else ""
            for inner in file.calls if file.language == "ruby" else ():
                if inner.name == "run" and inner.arguments and within(inner.node, call.node):
                    yield inner.arguments[0].node, prefix
            return
        at, whose = MOUNTS[call.name]
        placed = [argument.node for argument in call.arguments if not argument.name]
        if isinstance(at, tuple):
            given, routers = call.named(*at), placed[whose : whose + 1]
            if given is None and len(placed) > whose + 1 and unwrapped(placed[whose + 1]).type in _TEXTS | NAMES:
                given = placed[whose + 1] if call.name in ("add_namespace",) else None
        else:
            text = self._values.text(placed[0], file, frame) if placed and _may_be_text(placed[0]) else HOLE
            if call.name == "Handle":  # net/http gives the whole path on, unless it is told not to
                stripped = file.by_node.get(unwrapped(placed[1]).id) if len(placed) > 1 else None
                if stripped is None or stripped.name != "StripPrefix":
                    return
                text = self._values.text(stripped.positional(0), file, frame)
            named = [each.node for each in call.arguments if each.name in ("app", "routes", "router")]
            literal = text not in ("", HOLE) and len(placed) + len(named) > 1
            given, routers = (placed[0], placed[1:]) if literal or text == "" else (None, placed)
            routers = [*routers, *named]
        prefix = _prefix(self._values.text(given, file, frame)) if given is not None else ""
        for router in routers:
            if unwrapped(router).type not in STRING_TYPES or call.name == "add_router":
                yield router, prefix

    def _included(self, call: Call, file: CodeFile) -> Iterator[tuple[Node, str]]:
        """Django: `path("x/", include("app.urls"))`; Laravel: `Route::prefix("x")->group(base_path("routes/x.php"))`."""
        given = unwrapped(call.arguments[0].node) if call.arguments else None
        if given is not None and given.type in ("tuple", "list") and given.named_child_count:
            first = unwrapped(given.named_children[0])
            given = first if first.id not in file.by_node or file.by_node[first.id].name != "path" else given
        if given is not None and given.type not in LAMBDA_TYPES:
            yield given, ""


def _prefix(text: str) -> str:
    text = text.strip("/*")
    return "/" + text if text and text != HOLE else ""


def _may_be_text(node: Node) -> bool:
    return unwrapped(node).type in _TEXTS | NAMES | MEMBERS


def _above(node: Node) -> str:
    return node.parent.type if node.parent is not None else ""


def _same_run(mount: Mount, origin: Term) -> bool:
    """Whether a mount is of this run of what makes a router, as far as both say which run they are of."""
    around = enclosing(origin.node, FUNCTION_TYPES | LAMBDA_TYPES)
    while around is not None:
        ours = origin.frame.cause_of(around.id) if origin.frame is not None else None
        theirs = mount.run.cause_of(around.id) if mount.run is not None else None
        if ours is not None and theirs is not None and ours != theirs:
            return False
        around = enclosing(around, FUNCTION_TYPES | LAMBDA_TYPES)
    return True


def _given_by(group: Call) -> list[str]:
    return [name for made in lambdas(group) for name in parameters(made)]


def _is_group(call: Call) -> bool:
    """Whether a call groups what is registered on what it returns: `route("/x")`, and not `route("/x", handler)`."""
    if call.name not in GROUPS or call.receiver == "Blueprint":
        return False
    return call.name.lower() != "route" or len(call.arguments) < 2 or bool(lambdas(call))


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
