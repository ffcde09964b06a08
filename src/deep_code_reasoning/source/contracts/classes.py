"""What code tells of its classes: what they extend, which calls are of the class around them, whose a method is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .calls import SUPER, Call
from .grammars import CLASS_TYPES
from .nodes import definition_name, enclosing, header_of, text_of
from .scopes import Function

if TYPE_CHECKING:
    from tree_sitter import Node

# What the object is called that the code around belongs to.
OWN: Final = frozenset({"self", "this", "$this", "cls", "@", "super", "base"})
CONSTRUCTORS: Final = ("__init__", "__construct")
_HEADER_BYTES: Final = 2_000
_EXTENDING: Final = re.compile(r"\bextends\b|\bimplements\b|[(:<]")


def bases_of(kind: Node) -> list[str]:
    """The names of what a class extends and implements, as far as they look like classes."""
    own, whole = definition_name(kind), header_of(kind, _HEADER_BYTES)
    text = whole.partition(own)[2] if own else whole.removeprefix("class")
    found = _EXTENDING.search(re.sub(r"^\s*\([^)]*\)(?=\s*:)", "", text))
    return re.findall(r"\b([A-Z]\w*)", text[found.start() :]) if found is not None else []


def is_of_base(call: Call) -> bool:
    """Whether a call runs the constructor of what the class around it extends."""
    if call.name == SUPER:
        return not call.receiver
    return call.name in CONSTRUCTORS and call.receiver in ("super()", "parent")


def class_around(node: Node) -> str:
    """The name of the class that holds a node, in small letters."""
    return definition_name(enclosing(node, CLASS_TYPES)).lower()


def of_type(known: Sequence[Function], kind: str) -> list[Function]:
    """The methods of a type, or of what implements or extends it."""
    if not kind:
        return []
    around = [(each, enclosing(each.node, CLASS_TYPES)) for each in known]
    return [each for each in known if each.owner == kind] or [
        each for each, owner in around if owner is not None and kind in bases_of(owner)
    ]


def is_extension(function: Function) -> bool:
    """C#: whether a method's first parameter is what it is called on."""
    return function.file.language == "csharp" and "(this " in text_of(function.node).partition(")")[0]
