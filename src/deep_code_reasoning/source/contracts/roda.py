"""Routes of Roda: a tree of blocks, each of which takes a part of the path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .calls import Call
from .frameworks import VERBS
from .grammars import STRING_TYPES
from .nodes import text_of, unwrapped
from .registered import Route
from .syntax import CodeFile
from .templates import joined
from .values import Values

_BRANCHES: Final = frozenset({"on", "is", *VERBS})
_SERVING: Final = frozenset({"root", *VERBS})
_TREES: Final = frozenset({"hash_branch", "hash_path"})


def roda_routes(file: CodeFile, values: Values) -> Iterator[Route]:
    """The routes of a file."""
    if file.language != "ruby" or "Roda" not in file.text:
        return
    for call in file.calls:
        if call.receiver != "r" or call.name not in _SERVING or call.node.child_by_field_name("block") is None:
            continue
        branches = [*reversed(list(_around(call, file))), call]
        parts = [part for branch in branches for part in _taken(branch, file, values)]
        yield Route(("GET" if call.name == "root" else call.name.upper(),), joined(*parts), call.line)


def _around(call: Call, file: CodeFile) -> Iterator[Call]:
    """The branches around a call, from the innermost outwards."""
    above = call.node.parent
    while above is not None:
        outer = file.by_node.get(above.id)
        if outer is not None and outer.name in (_BRANCHES if outer.receiver == "r" else _TREES):
            yield outer
        above = above.parent


def _taken(call: Call, file: CodeFile, values: Values) -> Iterator[str]:
    """The parts of the path that a branch takes."""
    for argument in call.arguments:
        text = text_of(argument.node)
        if unwrapped(argument.node).type in STRING_TYPES:
            yield values.text(argument.node, file)
        elif not argument.name and text not in ("true", "false"):
            yield "{" + text.strip(":").lower().partition("(")[0] + "}"
