"""Where routers are mounted: under what, at which prefix, in which run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .frameworks import HOLDERS, MOUNTS, PARENTS
from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, MEMBERS, NAMES, STRING_TYPES
from .nodes import enclosing, fields, text_of, unwrapped, within
from .origins import Origins
from .scopes import Frame, Term
from .syntax import CodeFile
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

TEXTS: Final = STRING_TYPES | NAMES | MEMBERS | {"binary_expression", "binary_operator"}
_OWNERS: Final = FUNCTION_TYPES | LAMBDA_TYPES | CLASS_TYPES
_AUTOLOADS: Final = frozenset({"@fastify/autoload", "fastify-autoload"})
Placed = tuple["Node", str]
"""What is mounted, and under which prefix."""


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


class Mounts:
    """Reads what mounts routers."""

    def __init__(self, values: Values, origins: Origins) -> None:
        self._values = values
        self._names = values.names
        self._origins = origins

    def of(self, call: Call, kind: str, file: CodeFile, frame: Frame | None) -> Iterator[tuple[Term, Mount]]:
        """The origins that a call mounts in one run; `kind` is what the call is in the tables of frameworks."""
        at = Term(call.node, file, frame)
        if kind in PARENTS:
            parent = call.positional(0)
            if parent is not None:
                yield at, Mount(call, file, frame, "", frame, at.of(parent))
        elif kind in HOLDERS:
            yield from self._held(call, kind, at)
        elif call.name == "register" and self._is_autoload(call, file):
            yield from self._autoloaded(call, at)
        elif not self._names.targets(call, file):  # and no function of ours that is called so
            for node, prefix in self._placed(call, at):
                for origin in self._origins.of(at.of(node)):
                    if origin.node.id != call.node.id:
                        yield origin, Mount(call, file, frame, prefix, origin.frame)

    def _held(self, call: Call, kind: str, at: Term) -> Iterator[tuple[Term, Mount]]:
        """What a router is made with: routers, lists of routes, functions and classes that serve."""
        for argument in call.arguments:
            if argument.name not in HOLDERS[kind]:
                continue
            whole = self._names.settled(at.of(argument.node))
            held = [origin for each in items(whole.node) for origin in self._origins.of(whole.of(each))]
            for origin in [*held, whole.of(unwrapped(whole.node))]:
                if origin.node.id != call.node.id:
                    yield origin, Mount(call, at.file, at.frame, "", origin.frame, at)

    def _is_autoload(self, call: Call, file: CodeFile) -> bool:
        """Whether what is registered is Fastify's plugin that loads a folder of plugins."""
        given = call.positional(0)
        named = text_of(given) if given is not None else ""
        return file.family == "script" and self._names.imports.original(named, file)[0] in _AUTOLOADS

    def _autoloaded(self, call: Call, at: Term) -> Iterator[tuple[Term, Mount]]:
        """Each file of the folder, under the folders that it lies in below that."""
        options = call.named("options")
        prefix = dict(fields(options)).get("prefix") if options is not None else None
        before = as_prefix(self._values.text(prefix, at.file, at.frame)) if prefix is not None else ""
        below = self._values.text(call.named("dir"), at.file, at.frame).replace(HOLE, "").strip("./")
        root = "/".join([*at.file.where.path.split("/")[:-1], below])
        for module in self._names.files_below(at.file.where.repo, root):
            inside = module.where.path.removeprefix(root).rpartition("/")[0]
            own = module.values.get("autoPrefix")
            place = as_prefix(self._values.text(own[0], module)) if own else inside
            for origin in self._origins.of_module(module):
                yield origin, Mount(call, at.file, at.frame, before + place, origin.frame)

    def _placed(self, call: Call, at: Term) -> Iterator[Placed]:
        """The expressions that a call mounts, each with its prefix."""
        file = at.file
        if call.name == "include" or (call.name == "group" and file.language == "php" and len(call.arguments) == 1):
            under = call.named("route_prefix")  # Pyramid
            prefix = as_prefix(self._values.text(under, file, at.frame)) if under is not None else ""
            yield from ((node, prefix) for node, _ in self._included(call, file))
        elif call.name == "require":
            yield from [(call.node, "")] if file.language == "php" else []
        elif call.receiver == "Rack::URLMap":
            for argument in call.arguments:
                yield argument.node, as_prefix(argument.name)
        elif call.name == "map":
            yield from self._racked(call, at) if file.language == "ruby" else []
        elif isinstance(MOUNTS[call.name][0], tuple) and file.language != "java":
            yield from self._under_a_name(call, at)
        else:
            yield from self._under_a_text(call, at)

    def _under_a_name(self, call: Call, at: Term) -> Iterator[Placed]:
        """`include_router(router, prefix="/x")`."""
        names, whose = MOUNTS[call.name]
        router = call.positional(whose) or call.named("router", "blueprint", "child")
        given = call.named(*names) if isinstance(names, tuple) else None
        if given is None and call.name == "add_namespace":
            given = call.positional(whose + 1)
        if given is None and (options := call.named("routes")) is not None:  # hapi: { routes: { prefix: "/x" } }
            given = dict(fields(options)).get("prefix")
        if router is not None and unwrapped(router).type not in STRING_TYPES:
            yield router, as_prefix(self._values.text(given, at.file, at.frame)) if given is not None else ""

    def _under_a_text(self, call: Call, at: Term) -> Iterator[Placed]:
        """`use("/x", guard, router)`, `Mount("/x", routes=[...])`, `use(router)`."""
        placed = [argument.node for argument in call.arguments if not argument.name]
        named = [each.node for each in call.arguments if each.name in ("app", "routes", "router")]
        first = items(placed[0])[0] if placed and len(items(placed[0])) == 1 else None  # use(["/x"], router)
        text = self._values.text(first, at.file, at.frame) if first and unwrapped(first).type in TEXTS else HOLE
        if call.name == "Handle":  # net/http gives the whole path on, unless it is told not to
            stripped = at.file.by_node.get(unwrapped(placed[1]).id) if len(placed) > 1 else None
            if stripped is None or stripped.name != "StripPrefix":
                return
            text = self._values.text(stripped.positional(0), at.file, at.frame)
        if text == "" or (text != HOLE and len(placed) + len(named) > 1):
            placed = placed[1:]
        else:
            text = ""
        for router in [*placed, *named]:
            made = at.file.by_node.get(unwrapped(router).id)
            if made is not None and made.name == "useBase":  # h3: use(useBase("/x", router.handler))
                yield from self._under_a_text(made, at)
                continue
            if unwrapped(router).type not in STRING_TYPES or call.name == "add_router":
                yield router, as_prefix(text)

    def _racked(self, call: Call, at: Term) -> Iterator[Placed]:
        """Rack: `map "/x" do run App end`."""
        prefix = as_prefix(self._values.text(call.positional(0), at.file, at.frame))
        for inner in at.file.calls:
            if inner.name == "run" and inner.arguments and within(inner.node, call.node):
                yield inner.arguments[0].node, prefix

    def _included(self, call: Call, file: CodeFile) -> Iterator[Placed]:
        """Django: `path("x/", include("app.urls"))`; Laravel: `->group(base_path("routes/x.php"))`."""
        given = unwrapped(call.arguments[0].node) if call.arguments else None
        if given is not None and given.type in ("tuple", "list") and given.named_child_count:
            first = unwrapped(given.named_children[0])
            given = first if first.id not in file.by_node or file.by_node[first.id].name != "path" else given
        if given is not None and given.type not in LAMBDA_TYPES:
            yield given, ""


def as_prefix(text: str) -> str:
    """A text as a prefix: with one `/` before it, none behind; `/x/` and `x` are `/x`."""
    text = text.strip("/*")
    return "/" + text if text and text != HOLE else ""


def is_same_run(mount: Mount, origin: Term) -> bool:
    """Whether a mount is of this run of what makes a router, as far as both say which run they are of."""
    around = enclosing(origin.node, _OWNERS)
    while around is not None:
        ours = origin.frame.cause_of(around.id) if origin.frame is not None else None
        theirs = mount.run.cause_of(around.id) if mount.run is not None else None
        if ours is not None and theirs is not None and ours != theirs:
            return False
        around = enclosing(around, _OWNERS)
    return True
