"""Scopes of a syntax tree that give names a meaning of their own: functions and loops, and what they bind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, NAMES, PRIMARY_CONSTRUCTORS
from .nodes import definition_name, enclosing, key_text, parameter_nodes, text_of, within
from .syntax import CodeFile

if TYPE_CHECKING:
    from tree_sitter import Node

LOOPS: Final = frozenset(
    "for_statement for_in_statement foreach_statement enhanced_for_statement for list_comprehension "
    "generator_expression".split()
)
_OWNING: Final = FUNCTION_TYPES | LAMBDA_TYPES | CLASS_TYPES
_PATTERNS: Final = frozenset(
    "pattern_list tuple_pattern list_pattern array_pattern expression_list multi_variable_declaration "
    "tuple_expression left_assignment_list".split()
)
_CONSTRUCTORS: Final = frozenset(
    {("python", "__init__"), ("php", "__construct"), ("ruby", "initialize"), ("script", "constructor")}
)
_RETURNS: Final = frozenset({"return_statement", "return", "return_expression"})
_RETURNING_BODIES: Final = frozenset({"ruby", "rust", "kotlin"})


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of a name, with the class that owns it ('' for none); a constructor goes by its class's name."""

    node: Node
    file: CodeFile
    name: str
    owner: str

    @property
    def makes(self) -> bool:
        """Whether it is what a class is made with."""
        return self.name == self.owner != ""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """An expression of a file, as it is in one of the runs of the scopes around it."""

    node: Node
    file: CodeFile
    frame: Frame | None = None

    def of(self, node: Node) -> Term:
        """Another expression of the same run."""
        return Term(node, self.file, self.frame)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One run of a scope: what its names stand for, by what it was caused, and the run of the scope around it."""

    scope: int
    cause: int
    names: dict[str, Term] = field(repr=False)
    outer: Frame | None = None

    def find(self, scope: int, name: str) -> Term | None:
        """What a name of a scope stands for in this run."""
        at: Frame | None = self
        while at is not None:
            if at.scope == scope and name in at.names:
                return at.names[name]
            at = at.outer
        return None

    def cause_of(self, scope: int) -> int | None:
        """What a scope was run by; None when this run says nothing of it."""
        at: Frame | None = self
        while at is not None and at.scope != scope:
            at = at.outer
        return at.cause if at is not None else None


def is_scope(node: Node, file: CodeFile) -> bool:
    """Whether a node binds names: only Ruby's `block` is a function, elsewhere it is the body of a statement."""
    if node.type == "block":
        return file.language == "ruby"
    return node.type in FUNCTION_TYPES or node.type in LAMBDA_TYPES or node.type in LOOPS or has_parameters(node)


def has_parameters(node: Node) -> bool:
    """Whether a class is made with parameters of its own (Kotlin, C#): it is its own constructor then."""
    return node.type in CLASS_TYPES and any(child.type in PRIMARY_CONSTRUCTORS for child in node.named_children)


def scopes_around(node: Node, file: CodeFile) -> Iterator[Node]:
    """The scopes around a node, from the innermost outwards."""
    above = node.parent
    while above is not None:
        if is_scope(above, file):
            yield above
        above = above.parent


def declared_type(name: str, node: Node, file: CodeFile) -> str:
    """The type that a name is declared with where a node stands, in its file; '' where nothing says so."""
    known = file.declared.get(name)
    if not known:
        return ""
    around = [*scopes_around(node, file), enclosing(node, CLASS_TYPES)]
    for scope in around:
        found = next((kind for held, kind in known if scope is not None and within(held, scope)), "")
        if found:
            return found
    return next((kind for held, kind in known if enclosing(held, _OWNING) is None), "")


def loop_parts(loop: Node) -> tuple[Node, Node] | None:
    """What a loop binds, and what it goes through; None for loops that count."""
    inner = next((child for child in loop.named_children if child.type in ("range_clause", "for_in_clause")), loop)
    pattern = inner.child_by_field_name("left") or inner.child_by_field_name("pattern")
    through = inner.child_by_field_name("right") or inner.child_by_field_name("value")
    if pattern is None and loop.type == "enhanced_for_statement":
        pattern = inner.child_by_field_name("name")
    if pattern is None and loop.type == "foreach_statement":
        through, pattern = loop.named_children[:2] if loop.named_child_count > 2 else (None, None)
    if pattern is None and loop.type == "for_statement" and loop.named_child_count > 2:  # Kotlin
        first = loop.named_children[0]
        if first.type.endswith("variable_declaration"):
            pattern, through = first, loop.named_children[1]
    if through is not None and through.type == "in":
        through = through.named_children[0]
    return (pattern, through) if pattern is not None and through is not None else None


def patterns(scope: Node) -> list[Node]:
    """What a scope binds, in order: the parameters of a function, the variables of a loop."""
    if scope.type in LOOPS:
        parts = loop_parts(scope)
        return [parts[0]] if parts is not None else []
    return parameter_nodes(scope)


def names_in(pattern: Node) -> set[str]:
    """The names that a pattern binds."""
    if pattern.type in NAMES or not pattern.named_child_count:
        return {text_of(pattern).lstrip("$&*@ |").strip()}
    return {name for child in pattern.named_children for name in names_in(child)}


def parts_of(pattern: Node) -> list[Node] | None:
    """The parts of a pattern that takes a list apart, or a pair (`$key => $value`); None of a single name."""
    if pattern.type in _PATTERNS or pattern.type == "pair":
        return list(pattern.named_children)
    return None


def keys_of(pattern: Node) -> list[tuple[str, Node]] | None:
    """The parts of a pattern that takes an object apart, by their keys; None of other patterns."""
    if pattern.type != "object_pattern":
        return None
    found = []
    for child in pattern.named_children:
        key = child.child_by_field_name("key") or child.child_by_field_name("left") or child
        bound = child.child_by_field_name("value") if child.type == "pair_pattern" else key
        if bound is not None:
            found.append((key_text(key), bound))
    return found


def functions_of(file: CodeFile) -> Iterator[Function]:
    """The functions of a file that have a name; those that a class is made with have the class's."""
    for node in file.functions:
        name, owner = definition_name(node), owner_of(node)
        yield Function(node, file, owner if (file.family, name) in _CONSTRUCTORS and owner else name, owner)
    for kind in file.types:
        if has_parameters(kind.node):
            yield Function(kind.node, file, kind.name, kind.name)
    for name, given in file.values.items():
        for node in given:
            if node.type in LAMBDA_TYPES and node.type != "block":
                inside = enclosing(node, FUNCTION_TYPES) is not None
                yield Function(
                    node, file, name, _object_of(node, file) if inside else owner_of(node) or _object_of(node, file)
                )


def _object_of(node: Node, file: CodeFile) -> str:
    """The name that the object is given which a function is a part of: `const api = { get: () => ... }`."""
    whole = node.parent.parent if node.parent is not None and node.parent.type == "pair" else None
    return file.names.get(whole.id, "") if whole is not None else ""


def owner_of(node: Node) -> str:
    """The class that holds a node, by name; of Go's methods the type of their receiver."""
    receiver = node.child_by_field_name("receiver")
    if receiver is not None and node.type == "method_declaration":
        return text_of(receiver).strip("()").split(" ")[-1].lstrip("*").partition("[")[0]
    around = enclosing(node, CLASS_TYPES)
    return definition_name(around)


def returned(function: Node, language: str) -> list[Node]:
    """The expressions that a function may give back."""
    body = function.child_by_field_name("body") or next(
        (child for child in function.named_children if child.type == "function_body"), None
    )
    if body is None:
        return []
    if body.type == "function_body" and body.children and body.children[0].type == "=":  # Kotlin: fun f() = x
        return body.named_children[:1]
    if body.type == "arrow_expression_clause":
        return body.named_children[:1]
    if not body.type.endswith(("block", "body", "statement", "declaration_list")):
        return [body]  # () => x
    found = list(_returns(body))
    if not found and language in _RETURNING_BODIES and body.named_child_count:
        found = body.named_children[-1:]
    return found


def _returns(node: Node) -> Iterator[Node]:
    waiting = [*reversed(node.named_children)]
    while waiting:
        child = waiting.pop()
        if child.type in _RETURNS:
            yield from child.named_children[:1]
        elif child.type not in FUNCTION_TYPES and (child.type not in LAMBDA_TYPES or child.type == "block"):
            waiting += reversed(child.named_children)
