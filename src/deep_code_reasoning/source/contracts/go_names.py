"""What only Go has: packages by folder, the types of methods, fields of structs in order and with tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from .calls import Call
from .grammars import FUNCTION_TYPES
from .nodes import enclosing, text_of
from .scopes import Function, owner_of
from .syntax import CodeFile

_DECLARATION: Final = re.compile(r"\n(?:func|type|var|const)\b")
_STRUCT: Final = re.compile(r"(?ms)^[ \t]*type\s+(\w+)\s+struct\s*(\{(?:(?!^[ \t]*type\s).)*?\}(?=\s*?(?:\n|$)))")


def go_package(name: str, file: CodeFile) -> str:
    """Go: the last folder of the package that a name stands for, '' when it stands for none."""
    if file.language != "go":
        return ""
    quoted = rf'\b{re.escape(name)}\s+"([^"\s]+)"|"((?:[^"\s]*/)?{re.escape(name)})(?:/v\d+)?"'
    found = re.search(quoted, _DECLARATION.split(file.text, 1)[0])  # imports come first
    return (found[1] or found[2]).rpartition("/")[2].lower() if found is not None else ""


def tags(text: str) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Go: the fields of structs that are filled from the environment, with the variable and its default: by the name of
    their struct and their own, and by their own alone."""
    for kind, body in _STRUCT.findall(text):
        for field, tag in re.findall(r"(?m)(?:^|[;{])\s*(\w+)\s+[\w.\[\]*]+\s+`([^`]*)`", body):
            named = re.search(r'\b(?:env|envconfig|mapstructure)\s*:\s*"([^",]+)', tag)
            default = re.search(r'\b(?:default|envDefault|env-default)\s*[:=]\s*"?([^"`,]*)', tag)
            if named is not None:
                told = (named[1], default[1] if default is not None else "")
                yield from (((kind, field), told), (("", field), told))


def own_methods(known: Sequence[Function], head: str, call: Call) -> list[Function]:
    """Go: the methods of the type of the method around a call, when it is called on what that is called on."""
    around = enclosing(call.node, FUNCTION_TYPES)
    receiver = around.child_by_field_name("receiver") if around is not None else None
    if around is None or receiver is None or text_of(receiver).strip("()").split(" ")[0] != head:
        return []
    return [each for each in known if each.owner == owner_of(around)]


def struct_fields(text: str, name: str) -> list[list[str]]:
    """The fields of Go's structs that have one of a name, in order."""
    found = []
    for body in re.findall(r"\bstruct\s*\{([^{}]*)\}", text):
        names = [
            word
            for line in body.replace(";", "\n").splitlines()
            if (declared := re.match(r"\s*(\w+(?:\s*,\s*\w+)*)\s+\S", line)) is not None
            for word in re.findall(r"\w+", declared[1])
        ]
        if name in names:
            found.append(names)
    return found
