"""Small questions to a syntax tree, the same in every grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from .grammars import PRIMARY_CONSTRUCTORS, WRAPPERS

if TYPE_CHECKING:
    from tree_sitter import Node

_PARAMETERS: Final = PRIMARY_CONSTRUCTORS | {"block_parameters", "lambda_parameters", "function_value_parameters"}
# Types that stand for what is in them.
_HOLDING: Final = re.compile(
    r"^(?:I?Options(?:Snapshot|Monitor)?|Optional|Provider|ObjectProvider|Instance|Lazy|Annotated|ClassVar|Final|Arc|Box)"
    r"[<\[](.+)[>\]]$"
)
_LAST_NAME: Final = re.compile(r"([A-Za-z_$]\w*[!?]?)\s*(?:::)?(?:<[^()]*>)?[!?]*\s*$")


def text_of(node: Node | None) -> str:
    """A node's text."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def header_of(node: Node, most: int) -> str:
    """A definition's text up to its body, at most so many bytes; line breaks are spaces.

    Nothing else is copied: the text of a class may be all of a large file, and its header is asked for often.
    """
    found: list[bytes] = []
    waiting = [(0, node)]  # with the bytes that lie before each
    while waiting:
        gap, part = waiting.pop()
        found.append(b" " * gap + (b"" if part.child_count else part.text or b""))
        body, at, inside = part.child_by_field_name("body"), part.start_byte, []
        for child in part.children:
            if child == body or child.start_byte - node.start_byte >= most:
                break
            inside.append((child.start_byte - at, child))
            at = child.end_byte
        waiting += reversed(inside)
    return b"".join(found)[:most].decode("utf-8", "replace")


def unwrapped(node: Node) -> Node:
    """What is meant inside of argument wrappers, brackets, references, casts."""
    while node.type in WRAPPERS and node.named_child_count:
        inner = node.named_children
        node = inner[-1] if node.type in ("argument", "value_argument", "cast_expression") else inner[0]
    return node


def last_name(text: str) -> str:
    """The last name of an expression: `shop.orders.Topic` is `Topic`."""
    found = _LAST_NAME.search(text)
    return found[1].lstrip("$") if found else ""


def type_name(text: str) -> str:
    """The name of a declared type: of `*http.Client`, `: Repository<Order> | null`, `IOptions<Client>?`."""
    if text.isidentifier():
        return text
    plain = re.split(r"\s\|\s|,", text.strip(":*&?!\\ \n"))[0].strip("?! ")
    holding = _HOLDING.match(text.strip(":*&?!\\ \n"))
    if holding is not None:
        return type_name(holding[1])
    return last_name(re.sub(r"<.*|\[.*", "", plain, flags=re.DOTALL))


def fields(node: Node) -> Iterator[tuple[str, Node]]:
    """The named values of an object, map, struct or array with keys."""
    node = unwrapped(node)
    if node.type in ("composite_literal",):
        node = node.child_by_field_name("body") or node
    for child in node.named_children:
        if child.type == "hash":
            yield from fields(child)
        if child.type in ("pair", "keyed_element", "array_element_initializer", "assignment_expression"):
            inside = child.named_children
            if len(inside) >= 2:
                yield key_text(inside[0]), inside[-1]
        elif child.type == "shorthand_property_identifier":
            yield text_of(child), child
        elif child.type in ("keyword_argument", "element_value_pair", "property"):
            inside = child.named_children
            if len(inside) >= 2:
                yield text_of(inside[0]), inside[-1]


def keyed(node: Node) -> Iterator[tuple[Node, Node]]:
    """The keys and values of a map, object or array with keys."""
    if node.type == "composite_literal":
        node = node.child_by_field_name("body") or node
    for child in node.named_children:
        if child.type == "shorthand_property_identifier":
            yield child, child
        if child.type in ("pair", "keyed_element", "array_element_initializer") and child.named_child_count >= 2:
            key = child.named_children[0]
            yield (key.named_children[0] if key.type == "literal_element" else key), child.named_children[-1]


def within(node: Node, outer: Node) -> bool:
    """Whether a node stands inside of another one of its file."""
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def enclosing(node: Node, types: frozenset[str]) -> Node | None:
    """The innermost node of some types around one; never the root (Python's is a `module`, as a Ruby type)."""
    above = node.parent
    while above is not None and above.type not in types:
        above = above.parent
    return above if above is not None and above.parent is not None else None


def definition_name(node: Node | None) -> str:
    """The name that a function or type is defined by, '' when it has none."""
    if node is None:
        return ""
    named = node.child_by_field_name("name")
    if named is None and node.type == "impl_item":
        named = node.child_by_field_name("type")
    if named is None:
        named = next((child for child in node.named_children if child.type in ("identifier", "type_identifier")), None)
    if named is None:
        named = node.child_by_field_name("declarator")
    return last_name(text_of(named).partition("(")[0])


def parameters(node: Node) -> list[str]:
    """The names of a function's or a lambda's parameters, in order."""
    return [text_of(named).lstrip("$&*").strip("|() ") for named in parameter_nodes(node)]


def parameter_nodes(node: Node) -> list[Node]:
    """The names of a function's or a lambda's parameters, or the patterns that take them apart, in order."""
    held = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
    if held is None:
        held = next((child for child in node.named_children if child.type in _PARAMETERS), None)
    if held is not None and held.type == "primary_constructor":
        held = held.named_children[-1]
    if held is None:
        return []
    if held.type in ("identifier", "implicit_parameter"):
        return [held]
    return [named for child in held.named_children for named in _parameter_names(child)]


def key_text(node: Node) -> str:
    """A key without its quotes and colons."""
    return text_of(node).strip("\"'`: ").lstrip(":$")


def _parameter_names(parameter: Node) -> list[Node]:
    if "comment" in parameter.type or parameter.type in ("keyword_separator", "attribute_list"):
        return []
    for name in ("name", "pattern", "declarator"):
        found = parameter.children_by_field_name(name)
        if found:
            return found
    inner = next((child for child in parameter.named_children if child.type in ("identifier", "variable_name")), None)
    return [inner if inner is not None and parameter.type != "object_pattern" else parameter]


def first_field(node: Node, names: Iterable[str]) -> Node | None:
    """The first of these fields that a node has."""
    return next((found for name in names if (found := node.child_by_field_name(name)) is not None), None)
