"""A file of any language as calls, marks, types and named values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, cast

from ..languages import grammar, language_of, syntax_tree
from ..roots import SourceFile, SourcePath
from .grammars import (
    CLASS_TYPES,
    FUNCTION_TYPES,
    LAMBDA_TYPES,
    LISTS,
    QUERIES,
    RECEIVER_FIELDS,
)
from .nodes import definition_name, fields, first_field, key_text, last_name, text_of, unwrapped

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

# `require("fastify")(options)` makes what it is named after.
_REQUIRED: Final = re.compile(r"^require\(\s*['\"](?:@[\w-]+/)?([\w-]+)['\"]\s*\)$")
# A chain of calls that is longer is data, and is not followed to its end.
_CALLEE_BYTES: Final = 400
_HEADER_BYTES: Final = 600
# The name of a call whose method is worked out: `router[method](...)`.
BY_KEY: Final = "[]"
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_MARK_HOLDERS: Final = frozenset({"modifiers", "attribute_list", "attribute_group", "annotated_expression"})


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


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A decorator, annotation or attribute, and the definition it stands at (None when it stands at none)."""

    call: Call
    target: Node | None

    @property
    def on_class(self) -> bool:
        """Whether it marks a type."""
        return self.target is not None and self.target.type in CLASS_TYPES


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A class, interface or implementation: its name, and its header up to the body."""

    node: Node
    name: str
    header: str


@dataclass(eq=False)
class CodeFile:
    """A file that was parsed. `values` are the expressions that a name is given, in order."""

    where: SourcePath
    language: str
    text: str
    service: str
    calls: list[Call] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    types: list[Type] = field(default_factory=list)
    functions: list[Node] = field(default_factory=list)
    root: Node | None = None
    values: dict[str, list[Node]] = field(default_factory=dict)

    @cached_property
    def lower(self) -> str:
        """Its text in small letters: to ask quickly what it mentions."""
        return self.text.lower()

    @property
    def family(self) -> str:
        """Its language, those that call each other's functions as one."""
        return "script" if self.language in ("javascript", "typescript", "tsx") else self.language

    @cached_property
    def by_node(self) -> dict[int, Call]:
        """Its calls by the id of their node."""
        return {call.node.id: call for call in self.calls}

    @cached_property
    def names(self) -> dict[int, str]:
        """The names that expressions are given, by the id of the expression."""
        return {node.id: name for name, given in self.values.items() for node in given}


def read_code(file: SourceFile, service: str) -> CodeFile | None:
    """Parse a file; None in a language that contracts are not read from, or when it takes too long."""
    import tree_sitter

    language = language_of(file.where.path)
    if language is None or language.name not in QUERIES:
        return None
    root = syntax_tree(language, file.text.encode())
    if root is None:
        return None
    found = CodeFile(file.where, language.name, file.text, service, root=root)
    for _, captures in tree_sitter.QueryCursor(_query(language.name)).matches(root):
        _take(captures, found)
    return found


def _take(captures: dict[str, list[Node]], found: CodeFile) -> None:
    """Put what a query found into a file's lists."""
    if "call" in captures:
        call = as_call(captures["call"][0])
        found.calls.append(call)
        filled = call.positional(0)
        if filled is not None and text_of(filled).startswith("&") and len(call.arguments) > 1:
            found.values.setdefault(last_name(text_of(filled)), []).append(call.node)
    elif "mark" in captures:
        mark = _as_mark(captures["mark"][0])
        if mark is not None:
            found.marks.append(mark)
            for name, value in _injected(mark):
                found.values.setdefault(name, []).append(value)
    elif "function" in captures:
        found.functions.append(captures["function"][0])
    elif "class" in captures:
        found.types.append(_as_type(captures["class"][0]))
    elif "value" in captures:
        for name, value in _given(captures["name"][0], captures["value"][0]):
            found.values.setdefault(name, []).append(value)


def as_call(node: Node) -> Call:
    """Read a call, whatever its grammar."""
    if node.type.startswith(("require", "include")):  # PHP
        return Call(node, "require", "", None, tuple(Argument("", child) for child in node.named_children[:1]))
    arguments = _arguments_node(node)
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
    if _arguments_node(node) is not None:
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


@lru_cache(maxsize=len(QUERIES))
def _query(language: str) -> Query:
    import tree_sitter

    from ..languages import LANGUAGES

    (known,) = [each for each in LANGUAGES if each.name == language]
    parser, _ = grammar(known)
    return tree_sitter.Query(cast("Language", parser.language), QUERIES[language])


def _callee(node: Node) -> Node | None:
    for name in ("function", "constructor", "type", "method", "name"):
        found = node.child_by_field_name(name)
        if found is not None:
            return found
    return node.named_children[0] if node.named_child_count else None


def _receiver(node: Node, callee: Node | None) -> Node | None:
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


def _arguments_node(node: Node) -> Node | None:
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
            return _arguments_node(child)
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


def _as_mark(node: Node) -> Mark | None:
    inner = node
    if node.type in ("decorator", "attribute_item") and node.named_child_count:
        inner = node.named_children[0]
    if inner.type in ("identifier", "attribute", "member_expression") and _arguments_node(inner) is None:
        name = last_name(text_of(inner))
        receiver = first_field(inner, RECEIVER_FIELDS)
        call = Call(node, name, text_of(receiver), receiver, ())
    else:
        made = as_call(inner)
        name = made.name
        if inner.type == "annotation" or (inner.type == "attribute" and not name):
            name = last_name(text_of(inner).partition("(")[0])
        call = Call(node, name, made.receiver, made.receiver_node, made.arguments)
    return Mark(call, _target(node))


def _target(mark: Node) -> Node | None:
    holder = mark.parent
    while holder is not None and holder.type in _MARK_HOLDERS:
        holder = holder.parent
    if holder is None:
        return None
    if holder.type == "decorated_definition":
        return holder.child_by_field_name("definition")
    if holder.type == "export_statement":
        return holder.child_by_field_name("declaration")
    if holder.type in CLASS_TYPES | FUNCTION_TYPES:
        return holder
    behind = mark.next_named_sibling
    while behind is not None and behind.type in ("decorator", "attribute_item", "line_comment", "comment"):
        behind = behind.next_named_sibling
    return behind if behind is not None and behind.type in CLASS_TYPES | FUNCTION_TYPES else None


def _injected(mark: Mark) -> Iterator[tuple[str, Node]]:
    """A field or parameter that is given what its annotation says: `@Value("${shop.url}") String url`."""
    holder = mark.call.node.parent
    given = mark.call.positional(0) or mark.call.named("value")
    if mark.call.name != "Value" or holder is None or holder.parent is None or given is None:
        return
    holder = holder.parent
    declared = holder.child_by_field_name("declarator") or holder
    name = definition_name(declared)
    if name:
        yield name, given


def _as_type(node: Node) -> Type:
    body = node.child_by_field_name("body")
    end = body.start_byte - node.start_byte if body is not None else _HEADER_BYTES
    header = (node.text or b"")[: max(0, min(end, _HEADER_BYTES))].decode("utf-8", "replace")
    return Type(node, definition_name(node), header)


def _given(name: Node, value: Node) -> Iterator[tuple[str, Node]]:
    """The names of an assignment with their values; a destructured object gives its parts."""
    if name.type == "expression_list" and value.type == "expression_list":
        for one, its in zip(name.named_children, value.named_children, strict=False):
            yield last_name(text_of(one)), its
        return
    if name.type == "export_statement":
        yield "default", value
        return
    if name.type == "object_pattern":
        for part in name.named_children:
            left = part.child_by_field_name("left") or part
            yield text_of(left), part
        return
    if name.type == "literal_element":
        name = name.named_children[0] if name.named_child_count else name
    key = last_name(text_of(name).strip("\"'`:")) if name.type != "string" else key_text(name)
    if key:
        yield key, value
