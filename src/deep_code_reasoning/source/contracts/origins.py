"""Where a router comes from: the call that makes it, the function that is given it by a framework, the list, class or
file that is mounted as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .classes import bases_of
from .frameworks import PARENTS, ROUTER_MODULES, ROUTERS, WRAPS
from .grammars import MEMBERS, NAMES, RECEIVER_FIELDS, STRING_TYPES
from .groups import gives_back_its_own, is_group
from .nodes import first_field, last_name, text_of, unwrapped
from .scopes import Term, names_in, patterns, returned, scopes_around
from .syntax import CodeFile
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

# What gives back what gives back a router: deeper is a circle.
_MAX_DEPTH: Final = 12
_LOADERS: Final = frozenset({"require", "include", "import", "lazy", "base_path", "app_path"})
_MAKERS: Final = frozenset({"new", "create", "router"})
# Members of a router that stand for the whole of it.
_WHOLE: Final = frozenset({"urls", "router", "routes", "handler"})


class Origins:
    """The origins of routers, as terms: two routers are one when the nodes of their origins are."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._names = values.names

    def kind(self, call: Call, file: CodeFile) -> str:
        """What a call is in the tables of frameworks, whatever its file calls it."""
        if call.name == "group" and call.receiver == "Blueprint":
            return "Blueprint.group"
        if call.receiver == "Rack::URLMap":
            return "URLMap"
        if call.receiver or call.name in ROUTERS:
            return call.name
        module, name = self._names.imports.original(call.name, file)
        if (name and name in ROUTERS | PARENTS) or module in ROUTER_MODULES:
            return name if name in ROUTERS | PARENTS else ROUTER_MODULES[module]
        own = self._names.type_of(call.name, file)
        return (
            next((base for base in bases_of(own.node) if base in ROUTERS), call.name) if own is not None else call.name
        )

    def is_router(self, origin: Term) -> bool | None:
        """Whether an origin is a router by what makes it; None when nothing made it."""
        made = origin.file.by_node.get(origin.node.id)
        if made is None:
            return None
        return self.kind(made, origin.file) in ROUTERS | PARENTS or is_group(made) or made.name in _MAKERS

    def of(self, term: Term, depth: int = 0) -> list[Term]:
        """Where an expression that is a router comes from."""
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
            return self.of(exported, depth + 1) if exported is not None else self._of_path(node, term, depth)
        if node.type == "array_creation_expression" and len(items(node)) == 2:  # PHP: [$this, 'routes']
            name = text_of(items(node)[1]).strip("'\"")
            method = self._names.function_named(name, term.file)
            return [Term(method.node, method.file)] if method is not None else [term]
        if text_of(node).rstrip("'\")").endswith(".php"):
            held = node.named_children[0] if node.type.startswith(("require", "include")) else node
            return self._of_path(held, term, depth)
        return [term]

    def _of_made(self, made: Call, term: Term, depth: int) -> list[Term]:
        kind = self.kind(made, term.file)
        if gives_back_its_own(made, term.file) and made.receiver_node is not None:
            return self.of(term.of(made.receiver_node), depth + 1)
        if is_group(made) or kind in PARENTS:
            return [term]
        if made.name in _MAKERS and last_name(made.receiver) in ROUTERS:
            return [term]
        found = self._of_returned(made, term, depth) if kind not in ROUTERS else []
        if found:
            return found
        if kind in ROUTERS:
            return [term]
        if made.name in _LOADERS and made.arguments:
            return self._of_path(made.arguments[0].node, term, depth)
        if made.name in WRAPS:
            return [origin for each in made.arguments for origin in self.of(term.of(each.node), depth + 1)]
        if made.receiver_node is not None and not made.makes:
            return self.of(term.of(made.receiver_node), depth + 1)
        held = self._names.type_of(made.name, term.file)
        if held is not None:
            return [held]
        # Somebody else's function: what gives back a router with something around it is given one.
        wrapped = (origin for each in made.arguments for origin in self.of(term.of(each.node), depth + 1))
        return [origin for origin in wrapped if self.is_router(origin)]

    def _of_returned(self, made: Call, term: Term, depth: int) -> list[Term]:
        """Of what functions of ours give back."""
        found = []
        for function in self._names.targets(made, term.file):
            if not function.makes:
                run = self._names.runs.run(function, made, term)
                for node in returned(function.node, function.file.language):
                    found += self.of(Term(node, function.file, run), depth + 1)
        return found

    def _of_named(self, node: Node, term: Term, depth: int) -> list[Term]:
        meant = self._names.meaning(term)
        if meant is not None and meant.node.id != node.id:
            found = self.of(meant, depth + 1)
            if found:
                return found
        name = text_of(node).lstrip("$@")
        if node.type in NAMES:
            for scope in scopes_around(node, term.file):
                if any(name in names_in(pattern) for pattern in patterns(scope)):
                    return [term.of(scope)]
            module = self._names.module(name, term.file)
            if module is not None:
                return self.of_module(module, depth)
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
            return self.of(term.of(holder), depth + 1)
        method = self._names.function_named(last_name(text_of(node)), term.file) if meant is None else None
        return [Term(method.node, method.file)] if method is not None else []

    def _of_path(self, node: Node, term: Term, depth: int) -> list[Term]:
        """Of a file that is named by its path or its dotted name."""
        path = self._values.text(node, term.file, term.frame).replace(HOLE, "").lstrip("/")
        return self.of_module(self._names.imports.module(path, term.file), depth) if path else []

    def of_module(self, module: CodeFile | None, depth: int = 0) -> list[Term]:
        """Of a file that is taken as a whole."""
        if module is None:
            return []
        exported = self._names.exported(module, "")
        found = self.of(exported, depth + 1) if exported is not None else []
        return found or ([Term(module.root, module)] if module.root is not None else [])
