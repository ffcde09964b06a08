"""Calls of any language: what is called, on what, with which arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .grammars import FUNCTION_TYPES, LAMBDA_TYPES, LISTS, RECEIVER_FIELDS
from .nodes import fields, first_field, key_text, last_name, text_of, unwrapped

if TYPE_CHECKING:
    from tree_sitter import Node

# `require("fastify")(options)` makes what it is named after.
_REQUIRED: Final = re.compile(r"^require\(\s*['\"](?:@[\w-]+/)?([\w-]+)['\"]\s*\)$")
# A chain of calls that is longer is data, and is not followed to its end.
_CALLEE_BYTES: Final = 400
# The name of a call whose method is worked out: `router[method](...)`.
BY_KEY: Final = "[]"
# The name of a call of the constructor of what a class extends.
SUPER: Final = "super"
_WORD: Final = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Argument:
    """What a call is given: its name ('' when by position) and its expression."""

    name: str
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call, the making of an object, or a mark: its last name, what it is called on, what it is given."""

    node: Node
    name: str
    receiver: str
    receiver_node: Node | None
    arguments: tuple[Argument, ...]
    makes: bool = False

    @property
    def line(self) -> int:
        """The line of its name, from 1: in a chain over several lines that of the last one."""
        arguments = self.node.child_by_field_name("arguments")
        return (arguments or self.node).start_point.row + 1 if self.receiver_node else self.node.start_point.row + 1

    @property
    def words(self) -> list[str]:
        """The names that it uses: in what it is called on, and in what it is given, functions without a name apart."""
        given = [text_of(each.node) for each in self.arguments if unwrapped(each.node).type not in LAMBDA_TYPES]
        return [word for text in (self.receiver, *given) for word in _WORD.findall(text[:_CALLEE_BYTES])]

    def positional(self, place: int) -> Node | None:
        """The argument at a place, from 0, among those without a name."""
        given = [argument.node for argument in self.arguments if not argument.name]
        return given[place] if place < len(given) else None

    def named(self, *names: str) -> Node | None:
        """The argument of one of these names, the fields of objects that are given included."""
        for argument in self.arguments:
            if argument.name in names:
                return argument.node
        for argument in self.arguments:
            for key, value in fields(argument.node):
                if key in names:
                    return value
        return None


def as_call(node: Node) -> Call:
    """Read a call, whatever its grammar."""
    if node.type.startswith(("require", "include")):  # PHP
        return Call(node, "require", "", None, tuple(Argument("", child) for child in node.named_children[:1]))
    arguments = arguments_node(node)
    if node.type == "constructor_initializer":  # C#: `: base(http, "x")`
        return Call(node, SUPER, "", None, tuple(_arguments(arguments)) if arguments is not None else ())
    callee = _callee(node)
    whole = (node.text or b"")[: (arguments.start_byte - node.start_byte) if arguments is not None else _CALLEE_BYTES]
    name_node = node.child_by_field_name("name") or node.child_by_field_name("method")
    text = text_of(name_node) if name_node is not None else text_of(callee)[-_CALLEE_BYTES:]
    receiver_node = _receiver(node, callee)
    receiver = text_of(receiver_node)[-_CALLEE_BYTES:] if receiver_node is not None else ""
    given = tuple(_arguments(arguments)) if arguments is not None else ()
    makes = node.type in ("new_expression", "object_creation_expression", "composite_literal")
    initializer = node.child_by_field_name("initializer")
    if initializer is not None:
        given += tuple(Argument(key, value) for key, value in fields(initializer))
    if callee is not None and callee.type == "subscript_expression" and node.type == "call_expression":
        return Call(node, BY_KEY, text_of(callee), callee.child_by_field_name("object"), given)
    required = _REQUIRED.search(text)
    name = required[1] if required else last_name(text) or last_name(whole.decode("utf-8", "replace"))
    return Call(node, name, receiver.strip(), receiver_node, given, makes)


def items(node: Node) -> list[Node]:
    """The elements of a list; a single value is a list of one. `listOf(a, b)` and the like are lists too."""
    node = unwrapped(node)
    if node.type == "composite_literal":
        node = node.child_by_field_name("body") or node
    if node.type.endswith("array_creation_expression"):
        held = ("array_initializer", "initializer_expression")
        node = next((child for child in node.named_children if child.type in held), node)
    if node.type in LISTS:
        return [_element(child) for child in node.named_children if child.type not in ("type_identifier", "comment")]
    if arguments_node(node) is not None:
        call = as_call(node)
        if call.name in ("listOf", "setOf", "arrayOf", "of", "asList", "singletonList", "singleton", "List", "Set"):
            return [argument.node for argument in call.arguments if not argument.name]
    return [node]


def lambdas(call: Call) -> list[Node]:
    """The functions without a name that a call is given, a block included."""
    found = [unwrapped(argument.node) for argument in call.arguments]
    block = call.node.child_by_field_name("block")
    found += [block] if block is not None else []
    found += [
        grand for child in call.node.named_children if child.type == "annotated_lambda" for grand in child.children
    ]
    return [node for node in found if node.type in LAMBDA_TYPES]


def _callee(node: Node) -> Node | None:
    for name in ("function", "constructor", "type", "method", "name"):
        found = node.child_by_field_name(name)
        if found is not None:
            return found
    return node.named_children[0] if node.named_child_count else None


def _receiver(node: Node, callee: Node | None) -> Node | None:
    if callee is not None and callee.type == "await_expression":  # TypeScript: `await client.get<Order>(url)`
        callee = unwrapped(callee)
    for name in ("object", "receiver", "scope"):
        found = node.child_by_field_name(name)
        if found is not None:
            return found
    if callee is None or callee.type in ("identifier", "name", "type_identifier"):
        return None
    if callee.type == "navigation_expression":
        return callee.named_children[0]
    if callee.type == "call_expression" and node.type == "call_expression" and _has_lambda_only(node):
        return _receiver(callee, _callee(callee))
    if callee.type in ("generic_function", "instantiation_expression"):
        inner = callee.named_children[0]
        return first_field(inner, RECEIVER_FIELDS)
    return first_field(callee, RECEIVER_FIELDS)


def _has_lambda_only(node: Node) -> bool:
    """Kotlin: `route("/x") { }` is a call of a call, with nothing but a lambda."""
    return all(child.type in ("call_expression", "annotated_lambda") for child in node.named_children)


def arguments_node(node: Node) -> Node | None:
    """The node of what a call is given, None for what is no call."""
    found = node.child_by_field_name("arguments") or node.child_by_field_name("parameters")
    if found is not None and node.type not in FUNCTION_TYPES | LAMBDA_TYPES:
        return found
    if node.type == "composite_literal":
        return node.child_by_field_name("body")
    for child in node.named_children:
        if child.type in ("value_arguments", "attribute_argument_list", "arguments", "argument_list", "token_tree"):
            return child
        if child.type in ("constructor_invocation", "attribute") or (
            child.type == "call_expression" and node.type == "call_expression" and _has_lambda_only(node)
        ):
            return arguments_node(child)
    return None


def _arguments(node: Node) -> Iterator[Argument]:
    for child in node.named_children:
        if child.type in ("comment", "line_comment", "block_comment"):
            continue
        if child.type in ("keyword_argument", "element_value_pair", "pair", "keyed_element"):
            inside = child.named_children
            if len(inside) >= 2:
                yield Argument(key_text(inside[0]), inside[-1])
        elif child.type == "hash_splat_argument":
            continue
        elif child.type in ("argument", "value_argument", "attribute_argument"):
            named = _argument_name(child)
            inside = child.named_children
            if inside:
                yield Argument(named, inside[-1])
        elif child.type == "assignment_expression":
            inside = child.named_children
            yield Argument(text_of(inside[0]), inside[-1])
        else:
            yield Argument("", child)


def _argument_name(argument: Node) -> str:
    named = argument.child_by_field_name("name")
    if (
        named is None
        and argument.named_child_count > 1
        and any(child.type in ("=", ":") for child in argument.children)
    ):
        named = argument.named_children[0]
    inside = argument.named_children
    if named is None and inside and inside[0].type == "assignment_expression":
        named = inside[0].named_children[0]
    return text_of(named).strip(": ") if named is not None else ""


def _element(node: Node) -> Node:
    inner = node.named_children
    return inner[-1] if node.type in ("literal_element", "array_element_initializer", "argument") and inner else node
