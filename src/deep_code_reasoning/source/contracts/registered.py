"""What all readers of routes share: a route before it is a contract, its path, its verbs, what goes before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .frameworks import CLIENT_NAMES, ROUTER_NAMES, ROUTERS, VERBS
from .grammars import MEMBERS, NAMES, STRING_TYPES
from .nodes import last_name, text_of, unwrapped
from .prefixes import Prefixes
from .scopes import Term
from .templates import joined
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_PATHS: Final = (
    STRING_TYPES | NAMES | MEMBERS | {"binary_expression", "binary_operator", "subscript", "call", "call_expression",
    "subscript_expression", "additive_expression", "invocation_expression", "method_invocation", "binary"}
)  # fmt: skip
_ROUTER_WORD: Final = re.compile(r"(?i)(?:router?s?|app|server|api|group|mux|handler)$")


@dataclass(frozen=True, slots=True)
class Route:
    """A route before it is a contract: verbs (none: any), the whole template, where and by what it is served."""

    verbs: tuple[str, ...]
    template: str
    line: int
    handler: str = ""


class RouteReader:
    """Reads what registers routes, a run of the code around it at a time."""

    def __init__(self, values: Values, prefixes: Prefixes) -> None:
        self._values = values
        self._prefixes = prefixes

    def text(self, node: Node | None, at: Term) -> str:
        """The value of an expression in a run."""
        return self._values.text(node, at.file, at.frame)

    def texts(self, node: Node | None, at: Term) -> list[str]:
        """The values of a list in a run."""
        return self._values.texts(node, at.file, at.frame)

    def before(self, call: Call, at: Term) -> list[str]:
        """The prefixes that go before what a call registers."""
        return self._prefixes.before(call, at.file, at.frame)

    def runs(self, call: Call, at: Term) -> Iterator[Term]:
        """The runs of a call that differ."""
        for frame in self._values.names.runs.frames(call.node, at.file, call.words):
            yield Term(call.node, at.file, frame)

    def routes(
        self, call: Call, at: Term, given: Node | None, verbs: tuple[str, ...], absent: str | None = None
    ) -> Iterator[Route]:
        """The routes that a call registers at a path; `absent` is the path where none is given, None for no route."""
        path = self.path(given, at) if given is not None else absent
        if path is None:
            path = absent
        if path is None:
            return
        for before in self.before(call, at):
            yield Route(verbs, joined(before, path), call.line, handler_of(call))

    def serves(self, call: Call, at: Term) -> bool:
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

    def path(self, given: Node | None, at: Term) -> str | None:
        """The path that an argument says; None when it is no text, or nothing of it is known."""
        if given is None or unwrapped(given).type not in _PATHS:
            return None
        value = self.text(given, at)
        return None if value == HOLE or " " in value.strip().partition("/")[2] else value.strip()

    def verbs(self, call: Call, at: Term) -> tuple[str, ...]:
        """The verbs that a call says by its name or its arguments; none for any."""
        if call.name in VERBS:
            return (call.name.upper(),)
        given = call.named("methods", "method", "http_method")
        if given is None:
            return ()
        return tuple(verb for item in items(given) if (verb := self.verb_of(item, at)))

    def verb_of(self, given: Node | None, at: Term) -> str:
        """GET of `"get"`, `http.MethodGet`, `RequestMethod.GET`, `HttpMethod.Get`."""
        if given is None:
            return ""
        settled = self._values.names.settled(at.of(given))
        text = last_name(text_of(settled.node)).removeprefix("Method").upper()
        if text.lower() not in VERBS:
            text = self.text(given, at).upper()
        return text if text.lower() in VERBS else ""


def handler_of(call: Call) -> str:
    """The name of the function that a call registers: its last argument."""
    last = call.arguments[-1].node if call.arguments else None
    named = unwrapped(last) if last is not None else None
    return last_name(text_of(named)) if named is not None and named.type in NAMES | MEMBERS else ""
