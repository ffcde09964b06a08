"""Calls that group what is registered inside of them, or on what they return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .calls import Call, lambdas
from .frameworks import GROUPS
from .grammars import FUNCTION_TYPES, RECEIVER_FIELDS
from .nodes import first_field, parameters, text_of
from .syntax import CodeFile

if TYPE_CHECKING:
    from tree_sitter import Node


def is_group(call: Call) -> bool:
    """Whether a call groups what is registered on what it returns: `route("/x")`, and not `route("/x", handler)`."""
    if call.name == "NewGroup":  # huma
        return True
    if call.name not in GROUPS or call.receiver == "Blueprint":
        return False
    return call.name.lower() != "route" or len(call.arguments) < 2 or bool(lambdas(call))


def gives_back_its_own(call: Call, file: CodeFile) -> bool:
    """Whether a group gives back what it is called on, and not a router of its own: Spring's builder, Elysia."""
    builder = file.language in ("java", "kotlin") or "elysia" in file.text
    return builder and call.name in ("path", "nest", "group", "guard") and bool(lambdas(call))


def group_around(call: Call, file: CodeFile) -> Call | None:
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


def given_by(group: Call) -> list[str]:
    """The names of what a group gives the functions inside of it."""
    return [name for made in lambdas(group) for name in parameters(made)]


def root_of(call: Call) -> str:
    """The first name of what a call is called on."""
    node = call.receiver_node
    while node is not None and (inner := first_field(node, ("function", *RECEIVER_FIELDS))) is not None:
        node = inner
    return text_of(node).lstrip("$").partition(".")[0] if node is not None else ""


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
