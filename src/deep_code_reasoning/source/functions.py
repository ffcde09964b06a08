"""Functions of a source file, as plain text tells them: where each begins and ends, and what it calls.

No parser: brackets, indentation and the words before a name are enough for Python, JavaScript, TypeScript, Go, Java,
Kotlin, C#, Rust, Ruby, PHP and C. What it finds is a good guess, and is called one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_MODIFIERS: Final = (
    r"(?:(?:export|default|public|private|protected|internal|static|async|abstract|final|override|virtual|suspend|open|"
    r"pub(?:\(\w+\))?|inline|unsafe|synchronized|extern)\s+)*"
)
_DEFINITIONS: Final = (
    # def f(, function f(, func (r *T) f(, fn f(, fun f(
    re.compile(
        rf"^(?P<indent>\s*){_MODIFIERS}(?:def|function\*?|func|fn|fun)\s+(?:\([^)]*\)\s*)?(?:self\.)?"
        r"(?P<name>[\w$]+[?!]?)\s*[(<\[\n]"
    ),
    # const f = async (x) =>, f: function (
    re.compile(
        rf"^(?P<indent>\s*){_MODIFIERS}(?:const|let|var)?\s*(?P<name>[\w$]+)\s*[:=]\s*(?:async\s*)?"
        r"(?:function\b|\([^()]*\)\s*(?::[^=]+)?=>|[\w$]+\s*=>)"
    ),
    # ReturnType name(args) {   and   name(args) {
    re.compile(
        rf"^(?P<indent>\s*){_MODIFIERS}(?:[\w$<>\[\],.?*&]+\s+)*(?P<name>[\w$]+)\s*\([^;{{}}]*\)\s*"
        r"(?:throws [\w, .]+|:\s*[\w<>\[\]|. ]+|->\s*[\w<>]+)?\s*\{\s*$"
    ),
)
_NO_NAMES: Final = frozenset(
    "if for while switch catch return else elif try with match case when foreach using lock do until unless "
    "synchronized function def func fn fun class new await yield not and or in is lambda print sizeof typeof "
    "instanceof throw raise assert super self this async".split()
)
_CALL: Final = re.compile(r"(?P<name>[A-Za-z_$][\w$]*)\s*\(")
_LINE_COMMENT: Final = re.compile(r"^\s*(?://|#|\*|--)")
# A function longer than this is cut: its end was missed.
_MAX_LINES: Final = 600


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a file: lines from 1, both included. `calls` are (name, line), in order."""

    name: str
    first: int
    last: int
    calls: tuple[tuple[str, int], ...]


def functions(lines: Sequence[str]) -> list[Function]:
    """The functions of a file, in order; a nested one also on its own."""
    return [_function(lines, index, name, indent) for index, name, indent in _definitions(lines)]


def function_at(lines: Sequence[str], line: int, name: str | None = None) -> Function | None:
    """The innermost function around a line; the one of that name, when it is given and there is one."""
    found = functions(lines)
    named = [function for function in found if name and function.name == name.rpartition(".")[2]]
    around = [function for function in named or found if function.first <= line <= function.last]
    if around:
        return min(around, key=lambda function: (function.last - function.first, -function.first))
    return min(named, key=lambda function: abs(function.first - line), default=None)


def _definitions(lines: Sequence[str]) -> Iterator[tuple[int, str, int]]:
    for index, line in enumerate(lines):
        if len(line) > 400 or _LINE_COMMENT.match(line):
            continue
        for pattern in _DEFINITIONS:
            match = pattern.match(line + "\n")
            if match and match["name"] not in _NO_NAMES:
                yield index, match["name"], len(match["indent"])
                break


def _function(lines: Sequence[str], index: int, name: str, indent: int) -> Function:
    last = _end_by_brackets(lines, index) if _has_bracket(lines, index) else _end_by_indent(lines, index, indent)
    calls = []
    for number in range(index, last + 1):
        line = lines[number]
        if _LINE_COMMENT.match(line):
            continue
        for match in _CALL.finditer(line):
            called = match["name"]
            if called not in _NO_NAMES and not (number == index and called == name):
                calls.append((called, number + 1))
    return Function(name, index + 1, last + 1, tuple(calls))


def _has_bracket(lines: Sequence[str], index: int) -> bool:
    """Whether the body stands in curly brackets: one opens on the line of the definition or soon after."""
    for line in lines[index : index + 6]:
        text = line.rstrip()
        if text.endswith("{") or ("{" in text and "}" in text[text.index("{") :]):
            return True
        if text.endswith((":", ";")):
            return False
    return False


def _end_by_brackets(lines: Sequence[str], index: int) -> int:
    depth, opened = 0, False
    for number in range(index, min(len(lines), index + _MAX_LINES)):
        text = re.sub(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|//.*", "", lines[number])
        depth += text.count("{") - text.count("}")
        opened = opened or "{" in text
        if opened and depth <= 0:
            return number
    return min(len(lines), index + _MAX_LINES) - 1


def _end_by_indent(lines: Sequence[str], index: int, indent: int) -> int:
    last = index
    for number in range(index + 1, min(len(lines), index + _MAX_LINES)):
        text = lines[number]
        if not text.strip():
            continue
        depth = len(text) - len(text.lstrip())
        if depth <= indent and not text.lstrip().startswith((")", "]", "}")):
            return number if text.strip() == "end" else last
        last = number
    return last
