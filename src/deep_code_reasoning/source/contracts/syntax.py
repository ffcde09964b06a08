"""A file of any language as calls, marks, types and named values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, cast

from ..languages import grammar, language_of, syntax_tree
from ..roots import SourceFile, SourcePath
from .calls import Argument, Call, arguments_node, as_call
from .grammars import (
    CLASS_TYPES,
    COMMENTS,
    FUNCTION_TYPES,
    QUERIES,
    RECEIVER_FIELDS,
)
from .nodes import definition_name, first_field, header_of, key_text, last_name, text_of, type_name, within

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_HEADER_BYTES: Final = 600
# Nobody decorates a class more often; each step from one to the next is longer than the one before.
_MOST_BETWEEN: Final = 64
_MARK_HOLDERS: Final = frozenset({"modifiers", "attribute_list", "attribute_group", "annotated_expression"})


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
    """A file that was parsed. `values` are the expressions that a name is given, in order; `declared` the types that it
    is declared with, each where that stands; `imported` are names that were asked for, and whether it imports them."""

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
    declared: dict[str, list[tuple[Node, str]]] = field(default_factory=dict)
    imported: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def lower(self) -> str:
        """Its text in small letters: to ask quickly what it mentions."""
        return self.text.lower()

    @cached_property
    def by_name(self) -> dict[str, list[Call]]:
        """Its calls by their names."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            found.setdefault(call.name, []).append(call)
        return found

    def calls_in(self, name: str, node: Node) -> list[Call]:
        """Its calls of a name that stand in a node."""
        return [call for call in self.by_name.get(name, ()) if within(call.node, node)]

    @cached_property
    def code(self) -> str:
        """Its text without its comments, byte for byte; what annotates in PHP stays."""
        import tree_sitter

        if self.root is None:
            return self.text
        text = bytearray(self.text.encode())
        for _, captures in tree_sitter.QueryCursor(_query(self.language, comments=True)).matches(self.root):
            (node,) = captures["comment"]
            if not (node.text or b"").startswith(b"/**") or self.language != "php":
                text[node.start_byte : node.end_byte] = re.sub(rb"[^\n]", b" ", node.text or b"")
        return text.decode("utf-8", "replace")

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
    elif "held" in captures:
        _declare(captures["held"][0], text_of(captures["type"][0]), found)
    elif "value" in captures:
        for name, value in _given(captures["name"][0], captures["value"][0]):
            found.values.setdefault(name, []).append(value)


def _declare(held: Node, kind: str, found: CodeFile) -> None:
    """Note the type that a name is declared with: in Go with its package, elsewhere where it may be a class."""
    plain = kind.lstrip("*[]").partition("[")[0] if found.language == "go" else type_name(kind)
    if plain and (found.language == "go" or not plain.islower()):
        found.declared.setdefault(text_of(held).lstrip("$"), []).append((held, plain))


@lru_cache(maxsize=2 * len(QUERIES))
def _query(language: str, *, comments: bool = False) -> Query:
    import tree_sitter

    from ..languages import LANGUAGES

    (known,) = [each for each in LANGUAGES if each.name == language]
    parser, _ = grammar(known)
    what = " ".join(f"({kind}) @comment" for kind in COMMENTS.get(language, ("comment",)))
    return tree_sitter.Query(cast("Language", parser.language), what if comments else QUERIES[language])


def _as_mark(node: Node) -> Mark | None:
    inner = node
    if node.type in ("decorator", "attribute_item") and node.named_child_count:
        inner = node.named_children[0]
    if inner.type in ("identifier", "attribute", "member_expression") and arguments_node(inner) is None:
        name = last_name(text_of(inner))
        receiver = first_field(inner, RECEIVER_FIELDS)
        call = Call(node, name, text_of(receiver), receiver, ())
    else:
        made = as_call(inner)
        name = made.name
        beside = node.next_named_sibling
        if inner.type == "annotation" and not made.arguments and beside is not None:
            # Kotlin's grammar takes `@Path("/x")` above a class for an expression with brackets.
            held = beside.named_children[:1] if beside.type == "parenthesized_expression" else []
            made = Call(node, name, "", None, tuple(Argument("", child) for child in held))
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
    if mark.parent is not None and mark.parent.type == "annotated_expression":
        outer = mark.parent
        while outer.parent is not None and outer.parent.type == "annotated_expression":
            outer = outer.parent
        behind = outer.next_named_sibling
    for _ in range(_MOST_BETWEEN):
        if behind is None or behind.type not in ("decorator", "attribute_item", "line_comment", "comment"):
            break
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
    return Type(node, definition_name(node), header_of(node, _HEADER_BYTES))


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
