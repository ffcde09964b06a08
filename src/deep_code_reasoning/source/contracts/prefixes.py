"""Under which prefix a route is served: groups around it, what its router was made with, where that is mounted.

A router is known by where it comes from (its origin): the call that makes it, the function that is given it by a
framework, the list, class or file that is mounted as a whole. Mounts lead from one origin to the next, up to the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .calls import Call, lambdas
from .frameworks import HOLDERS, MOUNTS, PARENTS, ROUTERS
from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, STRING_TYPES
from .groups import given_by, group_around, is_group, root_of
from .mounts import TEXTS, Mount, Mounts, as_prefix, is_same_run
from .nodes import text_of, unwrapped
from .origins import Origins
from .scopes import Frame, Term
from .syntax import CodeFile
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

# Routers mounted in routers: deeper is a circle; and in more places nobody serves one.
_MAX_DEPTH: Final = 40
_MAX_PLACES: Final = 1_000
# What registers a blueprint under a prefix puts that in the place of its own.
_REPLACING: Final = frozenset({"register_blueprint", "blueprint"})
_PREFIXED: Final = frozenset({"group", "namespace", "scope", "register"})
# What registers in whatever group is around it.
_STATIC: Final = frozenset({"Route", "web", "Router", "RouterFunctions", "this", "it"})
# Calls that give a router a prefix after it was made.
_SETTERS: Final = frozenset({"prefix", "setBasePath", "Path"})


class Prefixes:
    """The prefixes of the routes of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values) -> None:
        self._values = values
        self._names = values.names
        self._origins = Origins(values)
        self._mounts: dict[int, list[Mount]] = {}
        self._set: dict[int, str] = {}
        self._asked: set[int] = set()
        reader = Mounts(values, self._origins)
        for file in files:
            for call in file.calls:
                if call.name in _SETTERS and (call.name != "Path" or "go-restful" in file.text):
                    self._note_setter(call, file)
                kind = self._origins.kind(call, file)
                if kind in MOUNTS or kind in HOLDERS or kind in PARENTS:
                    for frame in self._names.runs.frames(call.node, file, call.words):
                        for origin, mount in reader.of(call, kind, file, frame):
                            self._mounts.setdefault(origin.node.id, []).append(mount)

    def _note_setter(self, call: Call, file: CodeFile) -> None:
        """Koa: `router.prefix("/x")`; Slim: `$app->setBasePath("/x")`; go-restful: `service.Path("/x")`."""
        above = call.node.parent
        while call.name == "Path" and above is not None and above.type in ("selector_expression", "call_expression"):
            above = above.parent
        if call.receiver_node is not None and above is not None and "statement" in above.type:
            for origin in self._origins.of(Term(call.receiver_node, file)):
                self._set[origin.node.id] = self.group_prefix(call, file)

    def before(self, call: Call, file: CodeFile, frame: Frame | None = None, depth: int = 0) -> list[str]:
        """The prefixes that go before what a call registers; one for each place where its router is mounted."""
        if depth > _MAX_DEPTH:
            return [""]
        group = group_around(call, file)
        root = root_of(call)
        if group is not None and (
            not call.receiver
            or root in _STATIC
            or root in given_by(group)
            or (root == root_of(group) and bool(lambdas(group)))  # $router->group([...], fn () => $router->get(...))
            or (file.language == "kotlin" and root not in file.values)
        ):
            own = self.group_prefix(group, file, frame) + self._of_chain(call, file, frame)
            return [before + own for before in self.before(group, file, frame, depth + 1)]
        return self.of_receiver(call.receiver_node, call, file, frame, depth + 1)

    def is_given(self, call: Call, file: CodeFile) -> bool:
        """Whether what a call is called on is the router that a group around it gives its function."""
        group = group_around(call, file)
        return group is not None and root_of(call) in given_by(group)

    def is_router(self, node: Node, file: CodeFile, frame: Frame | None = None) -> bool | None:
        """Whether an expression is a router; None when that cannot be told."""
        found = self._origins.of(Term(node, file, frame))
        told = [is_one for origin in found if (is_one := self._origins.is_router(origin)) is not None]
        if told:
            return any(told)
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
            for origin in self._origins.of(Term(receiver, file, frame))
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

    def mounting(self, node: Node) -> list[CodeFile]:
        """The files that mount what is in a node as a whole."""
        return [mount.file for mount in self._mounts.get(node.id, ())]

    def of_definition(self, node: Node, at: Term) -> list[str]:
        """The prefixes of a function or class that is mounted as a whole, or stands in what is."""
        return self._of_mounts(at.of(node), 0) if node.id in self._mounts else self._of_place(at.of(node), 0)

    def group_prefix(self, group: Call, file: CodeFile, frame: Frame | None = None) -> str:
        """What a group puts before its members: its first text, or its `prefix` (`/x/` as `/x`)."""
        inner = file.by_node.get(unwrapped(group.arguments[0].node).id) if group.arguments else None
        if inner is not None and inner.name in ("path", "pathPrefix"):  # Spring: nest(path("/x"), ...)
            return self.group_prefix(inner, file, frame)
        given = group.named("prefix", "path") if group.name in _PREFIXED else None
        if group.name == "NewGroup":  # huma.NewGroup(api, "/x")
            given = group.positional(1)
        if given is None:
            given = group.positional(0)
        if given is not None and unwrapped(given).type in LAMBDA_TYPES:
            given = _told_behind(group, file)
        if given is None and group.receiver_node is not None and group.receiver_node.type in STRING_TYPES:
            given = group.receiver_node  # Kotlin: "/x".nest { }
        if given is None or unwrapped(given).type not in TEXTS:
            return ""
        return as_prefix(self._values.text(given, file, frame))

    def _of_origin(self, origin: Term, depth: int) -> list[str]:
        made = origin.file.by_node.get(origin.node.id)
        if made is not None and is_group(made):
            own = self.group_prefix(made, origin.file, origin.frame)
            return [before + own for before in self.before(made, origin.file, origin.frame, depth + 1)]
        return self._of_mounts(origin, depth, self._own_prefix(made, origin) if made is not None else "")

    def _own_prefix(self, made: Call, origin: Term) -> str:
        kind = self._origins.kind(made, origin.file)
        if kind in PARENTS:
            given = made.positional(1) if kind.startswith("Nested") else made.named(*PARENTS[kind])
            prefix = as_prefix(self._values.text(given, origin.file, origin.frame)) if given is not None else ""
            lookup = made.named("lookup")
            return prefix + (f"/{{{self._values.text(lookup, origin.file)}_pk}}" if lookup is not None else "")
        prefix = self._set.get(made.node.id, "")
        version = made.named("version") if kind == "Blueprint" else None
        for name in ROUTERS.get(kind, ()):
            given = made.named(name) if name else None
            if given is None and name == "path" and made.arguments and not made.arguments[0].name:
                given = made.arguments[0].node  # Router("/x", route_handlers=[...])
            if given is not None and _may_be_text(given, origin) and kind != "Namespace":
                prefix = as_prefix(self._values.text(given, origin.file, origin.frame))
        if kind == "Namespace" and not prefix and not any(m.prefix for m in self._mounts.get(made.node.id, ())):
            prefix = as_prefix(self._values.text(made.named("path") or made.positional(0), origin.file, origin.frame))
        return (f"/v{self._values.text(version, origin.file)}" if version is not None else "") + prefix

    def _of_mounts(self, origin: Term, depth: int, own: str = "") -> list[str]:
        """The prefixes of all places where an origin is mounted, with its own behind each."""
        mounts = [mount for mount in self._mounts.get(origin.node.id, ()) if is_same_run(mount, origin)]
        if not mounts and origin.node.type not in CLASS_TYPES:
            return [before + own for before in self._of_place(origin, depth)]
        if not mounts or origin.node.id in self._asked:
            return [own]  # a circle leads to no root
        self._asked.add(origin.node.id)
        found = []
        for mount in mounts:
            if mount.under is not None:
                above = self._origins.of(mount.under)
                befores = [prefix for each in above for prefix in self._of_origin(each, depth + 1)] or [""]
            else:
                befores = self.before(mount.call, mount.file, mount.frame, depth + 1)
            replaced = mount.prefix and mount.call.name in _REPLACING
            found += [before + mount.prefix + ("" if replaced else own) for before in befores]
            if len(found) > _MAX_PLACES:
                break
        self._asked.discard(origin.node.id)
        return list(dict.fromkeys(found)) or [own]

    def _of_place(self, term: Term, depth: int) -> list[str]:
        """What is mounted with all that is in it: the list, function, class or file around an expression."""
        above = term.node.parent
        while above is not None and depth <= _MAX_DEPTH:
            mounts = [mount for mount in self._mounts.get(above.id, ()) if mount.call.node.id != term.node.id]
            if mounts:
                return self._of_mounts(term.of(above), depth + 1)
            if above.type in FUNCTION_TYPES and _is_part(above, term.file):
                called = self._of_callers(above, depth)  # fun Route.orders() is served where it is called
                if called:
                    return called
            above = above.parent
        return [""]

    def _of_callers(self, node: Node, depth: int) -> list[str]:
        if node.id in self._asked:
            return []  # a circle leads to no root
        self._asked.add(node.id)
        function = self._names.function(node)
        found = [
            before
            for made, file in (self._names.callers(function) if function is not None else ())
            for before in self.before(made, file, None, depth + 1)
        ]
        self._asked.discard(node.id)
        return list(dict.fromkeys(found))

    def _of_chain(self, call: Call, file: CodeFile, frame: Frame | None) -> str:
        """What the calls before one in its chain put before it: `Route::prefix("x")->group(...)`."""
        found = ""
        made = file.by_node.get(unwrapped(call.receiver_node).id) if call.receiver_node is not None else None
        while made is not None:
            found = (self.group_prefix(made, file, frame) if is_group(made) else "") + found
            made = file.by_node.get(unwrapped(made.receiver_node).id) if made.receiver_node is not None else None
        return found


def _told_behind(group: Call, file: CodeFile) -> Node | None:
    """AdonisJS: the prefix that a call behind a group gives it, `router.group(() => { ... }).prefix("/x")`."""
    above = group.node.parent
    while above is not None and "statement" not in above.type:
        outer = file.by_node.get(above.id)
        if outer is not None and outer.name == "prefix":
            return outer.positional(0)
        above = above.parent
    return None


def _may_be_text(given: Node, origin: Term) -> bool:
    return unwrapped(given).type in TEXTS or unwrapped(given).id in origin.file.by_node


def _is_part(function: Node, file: CodeFile) -> bool:
    """Whether what a function registers is served where it is called: Kotlin's `fun Route.x()`, parts of Spring's."""
    if file.language == "java":
        return "RouterFunction" in text_of(function.child_by_field_name("type"))
    return file.language == "kotlin"
