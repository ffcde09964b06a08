"""Statements that write to a log, out of the syntax tree, and which of them wrote a line.

A statement is known by its name and by what it is called on (`logger.info`, `slog.ErrorContext`, `_log.LogWarning`).
Its text becomes a template: the constant parts, and a hole for every value, placeholder or interpolation between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node

HOLE: Final = "\0"
"""Stands in a template for what is not known before it runs."""

_NAMES: Final = re.compile(
    rb"(?i)(?:log)?(?:trace|debug|info|information|notice|warn|warning|error|critical|exception|fatal|panic|log|print)"
    rb"(?:f|ln|w|context|ctx)?|fine(?:r|st)?|severe"
)
# A word in front of what it may be given.
_GIVEN: Final = re.compile(rb"(?<![\w$])[A-Za-z]++(?=\s{0,9}+[(\"'`])")
_LOGS: Final = re.compile(r"(?i)log|console|zap")
_LOGS_HERE: Final = (b"log", b"console", b"zap")
_CALLS: Final = frozenset({"call", "call_expression", "method_invocation", "invocation_expression"})
_STRINGS: Final = frozenset(
    "string string_literal template_string interpreted_string_literal raw_string_literal verbatim_string_literal "
    "interpolated_string_expression".split()
)
_JOINS: Final = frozenset({"concatenated_string", "parenthesized_expression", "argument"})
_OPERATIONS: Final = frozenset({"binary_operator", "binary_expression"})
_VALUES: Final = frozenset({"interpolation", "template_substitution", "template_expression", "string_interpolation"})
_FORMATS: Final = re.compile(r"(?i)\.(?:format|formatted|sprintf|sprint)$")
# `%s`, `%(name)-10.3f`, `%+v`, `{}`, `{0:x}`, `{Name}`.
_PLACEHOLDER: Final = re.compile(
    r"%(?:\([^)\n]{0,60}\))?[-#0 +]{0,4}(?:\*|\d{1,4})?(?:\.(?:\*|\d{1,3}))?[a-zA-Z]|\{[^{}\n]{0,80}\}"
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "`": "`"}
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|(?s:.))")
# A message further behind is no message, and an expression deeper is no template.
_MAX_ARGUMENTS: Final = 4
_MAX_DEPTH: Final = 30
_CALLEE_BYTES: Final = 300


@dataclass(frozen=True, slots=True)
class LogStatement:
    """A statement: the line it begins in, counted from 1, and its template."""

    line: int
    template: str


def log_statements(root: Node, content: bytes) -> list[LogStatement]:
    """The log statements of a syntax tree, in order; `content` is what it was made of.

    Names that may write to a log are found in the text, then their nodes by the place: far fewer than all calls.
    """
    found: dict[int, LogStatement] = {}
    lower = content.lower()
    if not any(logger in lower for logger in _LOGS_HERE):
        return []
    for match in _GIVEN.finditer(content):
        if not _may_write(match.group()):
            continue
        name = root.named_descendant_for_byte_range(match.start(), match.end())
        if name is None or not name.type.endswith(("identifier", "name")) or name.text != match.group():
            continue
        call = _call_of(name)
        template = _template(call) if call is not None and call.start_byte not in found else ""
        if call is not None and template:
            found[call.start_byte] = LogStatement(call.start_point.row + 1, template)
    return [found[start] for start in sorted(found)]


@lru_cache(maxsize=10_000)
def _may_write(name: bytes) -> bool:
    return _NAMES.fullmatch(name) is not None


def _call_of(name: Node) -> Node | None:
    call = name.parent
    for _ in range(2):
        if call is not None and call.type not in _CALLS:
            call = call.parent
    return call


def _template(call: Node) -> str:
    """The template of a call; '' when it writes to no log, or says nothing constant."""
    arguments = call.child_by_field_name("arguments")
    if arguments is None:
        return ""
    callee = (call.text or b"")[: min(_CALLEE_BYTES, arguments.start_byte - call.start_byte)].decode("utf-8", "replace")
    if not _LOGS.search(callee):
        return ""
    for argument in arguments.named_children[:_MAX_ARGUMENTS]:
        template = re.sub(f"{HOLE}+", HOLE, "".join(_parts(argument, 0))).strip()
        if any(map(str.isalpha, template)):
            return template
    return ""


def wrote(template: str, message: str) -> bool:
    """Whether a message is the template with something in its holes."""
    first, *rest = template.split(HOLE)
    if not rest:
        return message == first
    *middle, last = rest
    end = len(message) - len(last)
    if not message.startswith(first) or not message.endswith(last) or end < len(first):
        return False
    at = len(first)
    for constant in middle:
        found = message.find(constant, at, end)
        if found < 0:
            return False
        at = found + len(constant)
    return True


def _parts(node: Node, depth: int) -> Iterator[str]:
    """Constant texts and holes of an expression, in order."""
    if depth > _MAX_DEPTH:
        yield HOLE
    elif node.type in _STRINGS:
        yield from _of_string(node)
    elif node.type in _JOINS:
        for child in node.named_children:
            yield from _parts(child, depth + 1)
    elif node.type in _OPERATIONS:
        left, right, sign = (node.child_by_field_name(field) for field in ("left", "right", "operator"))
        if left is None or right is None or sign is None or sign.type not in ("+", "%"):
            yield HOLE
            return
        yield from _parts(left, depth + 1)
        if sign.type == "+":
            yield from _parts(right, depth + 1)
    elif node.type in _CALLS:
        yield from _of_formatting(node, depth)
    else:
        yield HOLE


def _of_formatting(call: Node, depth: int) -> Iterator[str]:
    """`"...".format(x)`, `String.format("...", x)`, `fmt.Sprintf("...", x)`: the text that is filled in."""
    arguments = call.child_by_field_name("arguments")
    callee = call.child_by_field_name("function") or call
    name = (callee.text or b"")[: (arguments.start_byte - call.start_byte) if arguments is not None else 0]
    if arguments is None or not _FORMATS.search(name.decode("utf-8", "replace")):
        yield HOLE
        return
    receiver = callee.child_by_field_name("object")
    texts = [receiver] if receiver is not None and receiver.type in _STRINGS | _JOINS else arguments.named_children[:1]
    for text in texts:
        yield from _parts(text, depth + 1)


def _of_string(node: Node) -> Iterator[str]:
    inner = [child for child in node.children if child.is_named]
    if not inner:
        yield _filled((node.text or b"").decode("utf-8", "replace").lstrip("@$").strip("\"'`"))
    for child in inner:
        if child.type in _VALUES:
            yield HOLE
        elif "content" in child.type or "fragment" in child.type or "escape" in child.type:
            yield _filled((child.text or b"").decode("utf-8", "replace"))


def _filled(text: str) -> str:
    """A constant as it will be written: escapes resolved, placeholders as holes."""
    plain = _ESCAPE.sub(lambda match: _ESCAPES.get(match.group()[1], HOLE), text)
    return _PLACEHOLDER.sub(HOLE, plain.replace("%%", "%").replace("{{", "{").replace("}}", "}"))
