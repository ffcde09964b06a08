"""What an expression is when it runs, as far as constants, defaults and environment variables tell it.

A value is a text, with holes and variables in it (`texts.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .addresses import behind, built_address, resolved
from .calls import Call, as_call, items
from .configured import Configured
from .grammars import (
    FUNCTION_TYPES,
    INTERPOLATIONS,
    LAMBDA_TYPES,
    MEMBERS,
    NAMES,
    RECEIVER_FIELDS,
    STRING_TYPES,
    SUBSCRIPTS,
)
from .names import Names
from .nodes import enclosing, first_field, last_name, text_of, unwrapped, within
from .scopes import Frame, Term, returned
from .syntax import CodeFile
from .texts import HOLE, VARIABLE, placeholders, variable
from .value_tables import DECLARES, DEFAULTS, ENVIRONMENTS, FORMATS, READERS, SAME, SETTINGS, STRICT, TRIMS, UNWRAPS

if TYPE_CHECKING:
    from tree_sitter import Node

_UPPER: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|HOST")
_CONSTANT: Final = re.compile(r"^(?:\w+(?:\.|::))*[A-Z]\w*(?:\.|::)[A-Z]\w*$")
_OR: Final = frozenset({"??", "||", "or", "?:", "?"})
_JOIN: Final = frozenset({"+", ".", "<>"})
_FORMAT_HOLE: Final = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]|\{[\w:.\[\]-]*\}")
# Numbers, and Ruby's symbols.
_AS_WRITTEN: Final = frozenset(
    "integer number int_literal integer_literal decimal_integer_literal number_literal simple_symbol hash_key_symbol "
    "bare_symbol bare_string".split()
)
_DESTRUCTURED: Final = frozenset({"object_assignment_pattern", "shorthand_property_identifier_pattern"})
_CHOICES: Final = frozenset({"ternary_expression", "conditional_expression", "conditional", "elvis_expression"})
_PATH_FIELDS: Final = ("Path", "pathname")
_ASSIGNMENTS: Final = frozenset({"assignment_statement", "assignment_expression"})
_DECLARATORS: Final = frozenset({"variable_declarator"})
_CALLS: Final = frozenset({"call_expression", "call", "composite_literal"})
_MAX_DEPTH: Final = 24


class Values:
    """What the expressions of many files are."""

    def __init__(self, files: Sequence[CodeFile]) -> None:
        self.names = Names(files)
        self._configured = Configured(files, self.names, self.text)

    def text(self, node: Node | None, file: CodeFile, frame: Frame | None = None) -> str:
        """The value of an expression; `HOLE` when nothing is known of it."""
        return "".join(self._parts(node, Term(node, file, frame), 0)) if node is not None else HOLE

    def texts(self, node: Node | None, file: CodeFile, frame: Frame | None = None) -> list[str]:
        """The values of a list's elements, of a single value, or of what a name stands for."""
        if node is None:
            return []
        term = Term(node, file, frame)
        named = self.names.settled(term)
        inside = items(named.node)
        if len(inside) != 1 or inside[0].id != unwrapped(named.node).id:
            term = named
        return [self.text(item, term.file, term.frame) for item in items(term.node)]

    def _parts(self, given: Node, term: Term, depth: int) -> Iterator[str]:
        node = unwrapped(given)
        if depth > _MAX_DEPTH:
            yield HOLE
        elif node.type in STRING_TYPES:
            text = "".join(self._of_string(node, term, depth))
            yield placeholders(text) if term.file.language == "kotlin" else text  # "\\${spring.key}"
        elif node.type in _AS_WRITTEN:
            yield text_of(node).strip(":")
        elif node.type == "arrow_expression_clause":  # C#: a property that is worked out
            yield self._one(node.named_children[0], term, depth)
        elif node.type in _DESTRUCTURED:  # const { NAME = "default" } = process.env
            named, *default = node.named_children or [node]
            declared = self._queue_of(enclosing(node, _DECLARATORS), term, depth)
            yield declared or variable(text_of(named), self._one(default[0], term, depth) if default else "")
        elif node.type in _CHOICES:
            yield self._first_known(node.named_children[-2:], term, depth)
        elif _operator(node):
            yield self._of_operation(node, term, depth)
        elif node.type in SUBSCRIPTS:
            yield self._of_subscript(node, term, depth)
        elif node.type == "macro_invocation":
            yield self._of_macro(node, term, depth)
        elif node.child_by_field_name("arguments") is not None or node.type in _CALLS:
            yield self._of_call(node, term, depth)
        elif node.type in NAMES | MEMBERS:
            yield self._of_name(node, term, depth)
        else:
            yield HOLE

    def _one(self, node: Node, term: Term, depth: int) -> str:
        return "".join(self._parts(node, term, depth + 1))

    def _first_known(self, nodes: Sequence[Node], term: Term, depth: int) -> str:
        found = [self._one(node, term, depth) for node in nodes]
        return next((value for value in found if value != HOLE), HOLE)

    def _of_operation(self, node: Node, term: Term, depth: int) -> str:
        left, right, sign = node.named_children[0], node.named_children[-1], _operator(node)
        if sign in _OR:
            return _with_default(self._one(left, term, depth), self._one(right, term, depth))
        if sign in _JOIN:
            return self._one(left, term, depth) + self._one(right, term, depth)
        if sign == "/" and term.file.language == "python" and (base := self._one(left, term, depth)) != HOLE:
            return behind(base, [self._one(right, term, depth)])  # yarl
        return self._formatted(self._one(left, term, depth), items(right), term, depth) if sign == "%" else HOLE

    def _of_string(self, node: Node, term: Term, depth: int) -> Iterator[str]:
        inner = [child for child in node.children if child.is_named]
        if not inner:
            yield placeholders(_unescaped(text_of(node).lstrip("@$rbfuRBFU").strip("\"'`")))
            return
        for child in inner:
            if child.type in STRING_TYPES:
                yield from self._of_string(child, term, depth)
            elif child.type in INTERPOLATIONS:
                held = [part for part in child.named_children if "brace" not in part.type and "format" not in part.type]
                yield self._one(held[0], term, depth) if held else HOLE
            elif child.type in NAMES | MEMBERS or child.type.endswith("_expression"):
                yield self._one(child, term, depth)
            elif "content" in child.type or "fragment" in child.type:
                yield self._text_of_content(text_of(child), child, term, depth)
            elif "escape" in child.type:
                yield _unescaped(text_of(child))

    def _of_kotlin(self, text: str, node: Node, term: Term, depth: int) -> str:
        """Kotlin: `"$NAME/x"`; an escaped `\\${key}` is Spring's."""

        def put(found: re.Match[str]) -> str:
            meant = self.names.meaning_of(found[1], term.of(node))
            return self._one(meant.node, meant, depth + 2) if meant is not None else HOLE

        if node.prev_sibling is not None and text_of(node.prev_sibling) == "$":
            text = re.sub(r"^(\w+)", put, text)
        elif text == "$":
            return ""
        return placeholders(re.sub(r"(?<!\\)\$(\w+)", put, text).replace("\\$", "$"))

    def _text_of_content(self, text: str, node: Node, term: Term, depth: int) -> str:
        if term.file.language == "kotlin":
            return self._of_kotlin(text, node, term, depth)
        if term.file.language in ("csharp", "python"):
            text = text.replace("{{", "{").replace("}}", "}")
        if term.file.language in ("java", "csharp", "typescript", "javascript", "tsx", "python"):
            return placeholders(text)
        return text

    def _of_name(self, node: Node, term: Term, depth: int) -> str:
        text = text_of(node)
        head, _, last = re.sub(r"::|->|\?\.", ".", text).rpartition(".")
        if head and STRICT.search(head) and _UPPER.fullmatch(last):
            return variable(last)
        if term.file.language == "go" and head == "http" and last.startswith("Method"):
            return last.removeprefix("Method").upper()
        declared = self._declared(node, last, term, depth) if head else ""
        if declared:
            return declared
        if last in _PATH_FIELDS and _is_its_own(node, text):
            return HOLE
        if term.file.language == "go" and head and (read := self.names.tag(head, last, term)) is not None:
            return variable(*read)
        meaning = self.names.meaning(term.of(node))
        key = self._configured.key(term.of(node)) if head else ""
        if key:
            return variable(key, self._one(meaning.node, meaning, depth + 2).strip(HOLE) if meaning is not None else "")
        if meaning is None and (tagged := self.names.tags.get(("", last))) is not None:
            return variable(*tagged)
        if meaning is None and (constant := _constant(node)) is not None:
            return self._one(constant, term, depth)
        if meaning is None or meaning.node.id == node.id:
            return (
                variable(last)
                if head and _UPPER.fullmatch(last) and re.search(r"(?i)config|settings|env", head)
                else HOLE
            )
        return self._with_path(text, self._one(meaning.node, meaning, depth + 2), term.of(node), depth)

    def _with_path(self, name: str, base: str, term: Term, depth: int) -> str:
        """An address whose path is set after it was made: `u.Path = path.Join(u.Path, "x")`, `url.pathname = "/x"`."""
        for field in _PATH_FIELDS:
            for given in term.file.values.get(field, ()) if "/" in base or "\1" in base else ():
                assigned = enclosing(given, _ASSIGNMENTS)
                left = text_of(assigned.child_by_field_name("left")) if assigned is not None else ""
                around = enclosing(term.node, FUNCTION_TYPES)
                here = around is not None and within(given, around) and given.end_byte < term.node.start_byte
                if here and left == f"{name}.{field}":
                    path = self._one(given, term, depth + 2)
                    return behind(base, [path.lstrip(HOLE)]) if path.startswith(HOLE) else resolved(base, path)
        return base

    def _declared(self, node: Node, last: str, term: Term, depth: int) -> str:
        """The name of a queue that was declared: `q.Name`, `q.queue`, `result.method.queue`."""
        if last not in ("Name", "QueueName", "queue"):
            return ""
        holder = first_field(node, RECEIVER_FIELDS)
        if holder is not None and last_name(text_of(holder)) == "method":
            holder = first_field(holder, RECEIVER_FIELDS)
        made = self.names.settled(term.of(holder)) if holder is not None else None
        return self._queue_declared(made.node, made, depth) if made is not None else ""

    def _queue_of(self, declared: Node | None, term: Term, depth: int) -> str:
        """`const { queue } = await channel.assertQueue("orders")`."""
        value = declared.child_by_field_name("value") if declared is not None else None
        return self._queue_declared(value, term, depth) if value is not None else ""

    def _queue_declared(self, node: Node, at: Term, depth: int) -> str:
        call = at.file.by_node.get(unwrapped(node).id)
        given = (call.named("queue") or call.positional(0)) if call is not None and DECLARES.search(call.name) else None
        return self._one(given, at, depth) if given is not None else ""

    def _of_subscript(self, node: Node, term: Term, depth: int) -> str:
        held, *keys = node.named_children
        if not keys:
            return HOLE
        inner = keys[-1]
        while inner.named_child_count and inner.type in ("bracketed_argument_list", "argument", "value_argument"):
            inner = inner.named_children[0]
        key = self._one(inner, term, depth)
        configured = ENVIRONMENTS.search(re.sub(r">\(\)$", "", text_of(held)))
        if key and HOLE not in key and (configured or (term.file.language == "csharp" and ":" in key)):
            return variable(key)
        found = self.names.member(term.of(held), key)
        return self._one(found.node, found, depth + 1) if found is not None else HOLE

    def _of_call(self, node: Node, term: Term, depth: int) -> str:
        call = as_call(node)
        given = [argument.node for argument in call.arguments]
        default = call.named("default")
        if default is not None and default.id == given[0].id:
            return self._one(default, term, depth)
        if given and text_of(given[0]).startswith("&") and len(given) > 1:
            given = given[1:]  # Go: mustMapEnv(&address, "NAME")
        first = self._one(given[0], term, depth) if given else ""
        if first and (
            _UPPER.fullmatch(first)
            or (call.name in READERS and re.fullmatch(r"[\w.:-]+", first))
            or (ENVIRONMENTS.search(call.receiver) and re.fullmatch(r"[\w.:-]+", first))
        ):
            return variable(first, self._one(given[1], term, depth).strip(HOLE) if len(given) > 1 else "")
        return self._joined(call, given, first, term, depth) or self._passed_on(call, given, first, term, depth)

    def _joined(self, call: Call, given: Sequence[Node], first: str, term: Term, depth: int) -> str:
        """What a call makes of several texts; '' when it is none that does."""
        if call.name in FORMATS:
            if call.receiver_node is not None and unwrapped(call.receiver_node).type in STRING_TYPES:
                return self._formatted(self._one(call.receiver_node, term, depth), given, term, depth)
            return self._formatted(first, given[1:], term, depth) if given else HOLE
        return built_address(call, given, lambda each: self._one(each, term, depth))

    def _passed_on(self, call: Call, given: Sequence[Node], first: str, term: Term, depth: int) -> str:
        """What a call gives back of what it is called on or given; what a function of ours makes of it."""
        if call.name == "config" and term.file.language == "php" and first:  # Laravel: config("services.tax.url")
            found = self.names.configured_in_php(first, term.file)
            default = self._one(given[1], term, depth).strip(HOLE) if len(given) > 1 else ""
            return self._one(found.node, found, depth + 2) if found is not None else variable(first, default)
        if call.name == "nameof" and given:
            return last_name(text_of(given[0]))
        if call.name in DEFAULTS and call.receiver_node is not None:
            return _with_default(self._one(call.receiver_node, term, depth), self._inside(given, term, depth))
        if call.receiver_node is not None and call.name in UNWRAPS and not call.makes:
            held = self._one(call.receiver_node, term, depth)
            if held != HOLE or call.name in TRIMS:
                return held
        if call.name in SAME and given and unwrapped(given[0]).type in LAMBDA_TYPES:  # LazyLock::new(|| ...)
            made = returned(unwrapped(given[0]), term.file.language)[:1]
            return self._one(made[0], term, depth) if made else HOLE
        if call.name in SAME and first:
            return first
        if key := self._configured.key(term.of(call.node)):
            return variable(key)
        if not given and term.file.language == "ruby" and SETTINGS.search(call.receiver):
            found = self.names.named_anywhere(call.name, call.receiver, term)
            return self._one(found.node, found, depth + 2) if found is not None else HOLE
        if not given and (constant := _constant(call.node)) is not None:
            return self._one(constant, term, depth)
        return self._of_function(call, term, depth) if depth < _MAX_DEPTH // 2 else HOLE

    def _of_function(self, call: Call, term: Term, depth: int) -> str:
        """What a function of ours gives back for what it is given."""
        for function in [each for each in self.names.targets(call, term.file) if not each.makes][:1]:
            run = self.names.runs.run(function, call, term)
            for node in returned(function.node, function.file.language)[:1]:
                return self._one(node, Term(node, function.file, run), depth + 3)
        return HOLE

    def _inside(self, given: Sequence[Node], term: Term, depth: int) -> str:
        """The first text that is anywhere in arguments: what a default that is a function gives back."""
        waiting = list(given)
        while waiting:
            node = waiting.pop(0)
            if node.type in STRING_TYPES:
                return self._one(node, term, depth)
            waiting += node.named_children
        return HOLE

    def _formatted(self, pattern: str, given: Sequence[Node], term: Term, depth: int) -> str:
        values = iter([self._one(node, term, depth) for node in given])
        return _FORMAT_HOLE.sub(lambda _: next(values, HOLE), pattern)

    def _of_macro(self, node: Node, term: Term, depth: int) -> str:
        """Rust: `format!("{}/x", a)`; the grammar leaves what is inside as tokens."""
        if last_name(text_of(node.child_by_field_name("macro"))) != "format" or not node.named_child_count:
            return HOLE
        groups: list[list[Node]] = [[]]
        for token in node.named_children[-1].children:
            if token.type == ",":
                groups.append([])
            elif token.type not in ("(", ")"):
                groups[-1].append(token)
        pattern = self._one(groups[0][0], term, depth) if groups[0] else HOLE
        values = iter([self._of_tokens(group, term, depth) for group in groups[1:] if group])

        def put(found: re.Match[str]) -> str:
            inline = found[0].strip("{}").partition(":")[0]
            if inline.isidentifier():
                given = self.names.meaning_of(inline, term.of(node))
                return self._one(given.node, given, depth + 2) if given is not None else HOLE
            return next(values, HOLE)

        return _FORMAT_HOLE.sub(put, pattern)

    def _of_tokens(self, tokens: Sequence[Node], term: Term, depth: int) -> str:
        while len(tokens) > 3 and tokens[-1].type == "token_tree" and text_of(tokens[-2]) in UNWRAPS:
            tokens = tokens[:-3]
        texts = [self._one(node, term, depth) for node in _strings(tokens)]
        if texts and _UPPER.fullmatch(texts[0]):
            return variable(texts[0], texts[1] if len(texts) > 1 else "")
        if texts or tokens[-1].type not in NAMES:
            return texts[0] if texts else HOLE
        if text_of(tokens[0]) == "self" and len(tokens) == 3:
            field = self.names.own_field(text_of(tokens[-1]), term.of(tokens[-1]))
            return self._one(field.node, field, depth + 2) if field is not None else HOLE
        return self._of_name(tokens[-1], term, depth)


def _strings(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        if node.type in STRING_TYPES:
            yield node
        else:
            yield from _strings(node.named_children)


def _is_its_own(node: Node, text: str) -> bool:
    """Whether a path is set to what is made of itself: `u.Path = path.Join(u.Path, "x")`."""
    assigned = enclosing(node, _ASSIGNMENTS)
    return assigned is not None and text_of(assigned.child_by_field_name("left")) == text


def _constant(node: Node) -> Node | None:
    """The constant that a member is read of, as enumerations have it: `Topics.PAID.value`, `Topics.PAID.getName()`."""
    holder = first_field(node, RECEIVER_FIELDS)
    inside = holder is not None and holder.type in MEMBERS and _CONSTANT.search(text_of(holder))
    return holder if inside else None


def _operator(node: Node) -> str:
    if node.type not in ("binary_operator", "binary_expression", "boolean_operator", "binary", "additive_expression"):
        return ""
    sign = node.child_by_field_name("operator")
    return text_of(sign) if sign is not None else next((text_of(c) for c in node.children if not c.is_named), "")


def _with_default(left: str, right: str) -> str:
    if left == HOLE:
        return right
    found = VARIABLE.fullmatch(left)
    return variable(found[1], right.strip(HOLE)) if found and not found[2] else left


def _unescaped(text: str) -> str:
    return {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\'": "'", "\\/": "/"}.get(text, text.lstrip("\\"))
