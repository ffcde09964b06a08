"""Where the parameters of a function go: which calls are given them, as they are or in what was made of them.

A name that is given something made of a parameter carries it from there on. Branches are not told apart, and what an
object holds is not told from the object: so a flow that is shown may not happen, and one through a field of a global
object is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .contracts.calls import Call
from .contracts.grammars import FUNCTION_TYPES
from .contracts.nodes import definition_name, parameters, text_of
from .contracts.syntax import CodeFile
from .functions import Function

if TYPE_CHECKING:
    from tree_sitter import Node

# The object that a method is of, and what frameworks hand to everything: no data of a caller.
_NOT_GIVEN: Final = frozenset({"self", "cls", "this", "ctx", "context", ""})
_NAME: Final = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]*")
# Statements are read this often: what a loop carries from its end to its beginning needs a second time.
_ROUNDS: Final = 2

Carried = Mapping[str, frozenset[str]]
"""By name: the parameters of the entry point that it carries."""


@dataclass(frozen=True, slots=True)
class Passing:
    """A call that is given what parameters carry: by place from 0 or by name, the entry point's parameters."""

    name: str
    receiver: str
    first_line: int
    last_line: int
    given: tuple[tuple[int | str, frozenset[str]], ...]

    @property
    def origins(self) -> frozenset[str]:
        """All parameters of the entry point that the call is given."""
        return frozenset().union(*(origins for _, origins in self.given))


def function_parameters(file: CodeFile, function: Function) -> list[str]:
    """The names of a function's parameters without the object that it is a method of; none when it calls nothing."""
    node = _node_of(file, function)
    return [name for name in parameters(node) if name not in _NOT_GIVEN] if node is not None else []


def passings(file: CodeFile, function: Function, carried: Carried) -> list[Passing]:
    """The calls within a function that are given what its parameters carry, in order."""
    node = _node_of(file, function)
    if node is None:
        return []
    names = dict(carried)
    assigned = sorted(
        (
            (value.start_byte, name, value)
            for name, given in file.values.items()
            for value in given
            if _within(value, node)
        ),
        key=lambda each: each[:2],
    )
    for _ in range(_ROUNDS):
        for _, name, value in assigned:
            origins = _origins(value, names)
            if origins:
                names[name] = names.get(name, frozenset()) | origins
    return [
        passing for call in file.calls if _within(call.node, node) and (passing := _passing(call, names)) is not None
    ]


def received(passing: Passing, callee_parameters: list[str]) -> dict[str, frozenset[str]]:
    """What the parameters of a called function carry."""
    found: dict[str, frozenset[str]] = {}
    for place, origins in passing.given:
        if isinstance(place, str) and place in callee_parameters:
            found[place] = origins
        elif isinstance(place, int) and place < len(callee_parameters):
            found[callee_parameters[place]] = origins
    return found


def _passing(call: Call, names: Carried) -> Passing | None:
    given: list[tuple[int | str, frozenset[str]]] = []
    place = 0
    for argument in call.arguments:
        origins = _origins(argument.node, names)
        at: int | str = argument.name or place
        place += not argument.name and text_of(argument.node) not in _NOT_GIVEN
        if origins:
            given.append((at, origins))
    if call.receiver_node is not None and (origins := _origins(call.receiver_node, names)):
        given.append(("", origins))
    if not given:
        return None
    return Passing(call.name, call.receiver, call.node.start_point.row + 1, call.node.end_point.row + 1, tuple(given))


def _origins(node: Node, names: Carried) -> frozenset[str]:
    found = [names[name] for name in set(_NAME.findall(text_of(node))) if name in names]
    return frozenset().union(*found) if found else frozenset()


def _node_of(file: CodeFile, function: Function) -> Node | None:
    """The syntax of a function, found from what is written inside of it."""
    for node in _inside(file, function):
        above = node.parent
        while above is not None:
            if above.type in FUNCTION_TYPES and definition_name(above) == function.name:
                return above
            above = above.parent
    return None


def _inside(file: CodeFile, function: Function) -> Iterator[Node]:
    for call in file.calls:
        if function.first <= call.node.start_point.row + 1 <= function.last:
            yield call.node


def _within(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte
