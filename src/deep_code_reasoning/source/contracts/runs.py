"""The runs of functions and loops: what their names stand for, each time they are run.

A function that sets something up may be run several times, each time with other arguments; a loop over a list is run
once an element. A run is told by what causes it, and only followed where it changes what an expression is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .classes import OWN, bases_of, is_extension
from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, NAMES
from .nodes import definition_name, enclosing, keyed, text_of, unwrapped, within
from .scopes import LOOPS, Frame, Function, Term, keys_of, loop_parts, names_in, parts_of, patterns, scopes_around
from .syntax import CodeFile

if TYPE_CHECKING:
    from tree_sitter import Node

    from .names import Names

# Runs of runs: deeper is a circle, wider is data.
MAX_DEPTH: Final = 6
_MAX_RUNS: Final = 48
_EACH: Final = frozenset("forEach each map flatMap each_pair ForEach each_with_index onEach for_each".split())
_PAIRS: Final = frozenset({"items", "entries", "Entries", "iteritems", "each_pair"})
# Values that are longer set nothing up; a function with more names does much else.
_VALUE_CHARACTERS: Final = 300
_MAX_NAMES: Final = 60
# Languages where a method names its object among what it is given.
_NAMING_OWN: Final = frozenset({"python", "rust"})
_WORD: Final = re.compile(r"[A-Za-z_]\w*")


class Runs:
    """The runs of the scopes of many files."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._bound_by: dict[int, set[str]] = {}

    def bound(self, scope: Node) -> set[str]:
        """The names that a scope binds."""
        if scope.id not in self._bound_by:
            self._bound_by[scope.id] = {name for pattern in patterns(scope) for name in names_in(pattern)}
        return self._bound_by[scope.id]

    def frames(
        self, node: Node, file: CodeFile, used: Iterator[str] | Sequence[str], depth: int = 0
    ) -> list[Frame | None]:
        """The runs of the scopes around a node that change what the names it uses stand for; at least one."""
        wanted = _with_locals(set(used), node, file)
        found: list[Frame | None] = [None]
        if depth > MAX_DEPTH:
            return found
        for scope in reversed(list(scopes_around(node, file))):
            bound = self.bound(scope)
            if bound & wanted or (scope.type in FUNCTION_TYPES and OWN & wanted and depth < 2):
                # No more are made than are kept: what sets nothing up is called from everywhere.
                runs = (run for frame in found for run in self.of_scope(scope, file, frame, depth + 1))
                found = [*islice(runs, _MAX_RUNS)] or found
        return found

    def of_scope(self, scope: Node, file: CodeFile, outer: Frame | None, depth: int) -> Iterator[Frame]:
        """The runs of one scope, in a run of those around it; at the greatest depth only what its callers say."""
        if depth > MAX_DEPTH:
            return
        if scope.type in LOOPS:
            parts = loop_parts(scope)
            if parts is not None:
                yield from self._run_each(scope, parts[0], Term(parts[1], file, outer))
            return
        call = _call_given(scope, file)
        if call is not None and call.name in _EACH and call.receiver_node is not None:
            bound = patterns(scope)
            if bound:
                yield from self._run_each(scope, bound[0], Term(call.receiver_node, file, outer), bound[1:])
            return
        function = self._names.function(scope) or self._nameless(scope, file)
        if function is None:
            return
        for made, where in self._names.callers(function):
            for frame in self.frames(made.node, where, made.words, depth + 1):
                yield self.run(function, made, Term(made.node, where, frame), outer)

    def _nameless(self, scope: Node, file: CodeFile) -> Function | None:
        """What a file gives others without a name."""
        exported = self._names.exported(file, "") if scope.type in LAMBDA_TYPES | FUNCTION_TYPES else None
        return Function(scope, file, "", "") if exported is not None and exported.node.id == scope.id else None

    def run(self, function: Function, made: Call, at: Term, outer: Frame | None = None, depth: int = 0) -> Frame:
        """A run of a function by a call, which stands in a run of its own."""
        bound = patterns(function.node)
        if bound and _is_own(bound[0], function):
            bound = bound[1:]
        names: dict[str, Term] = {}
        given = [argument.node for argument in made.arguments if not argument.name]
        if bound and is_extension(function) and made.receiver_node is not None:
            given.insert(0, made.receiver_node)
        holder = function.node.child_by_field_name("receiver")
        if holder is not None and made.receiver_node is not None and function.file.language == "go":
            names[text_of(holder).strip("()").split(" ")[0]] = at.of(made.receiver_node)
        for place, pattern in enumerate(bound):
            names.update(self._defaults(pattern, Term(function.node, function.file)))
            value = made.named(text_of(pattern).lstrip("$&")) if pattern.type in NAMES | {"variable_name"} else None
            if value is None and place < len(given):
                value = given[place]
            if value is not None:
                names.update(self._bind(pattern, at.of(value)))
        around, owner = enclosing(made.node, CLASS_TYPES), enclosing(function.node, CLASS_TYPES)
        if made.receiver in OWN and around is not None and owner is not None:
            # A method that the class around takes over, or one of an object of a class that does.
            whose = at.frame.cause_of(owner.id) if at.frame is not None else None
            if whose is not None or definition_name(owner) in bases_of(around):
                outer = Frame(owner.id, whose or around.id, {}, outer)
            outer = outer or at.frame  # the object is the same
        elif made.receiver_node is not None and made.receiver not in OWN and depth < MAX_DEPTH:
            outer = self._making(made.receiver_node, at, outer, depth)
        return Frame(function.node.id, made.node.id, names, outer)

    def _making(self, receiver: Node, at: Term, outer: Frame | None, depth: int) -> Frame | None:
        """The run that made the object that a method is called on, around that of the method."""
        held = self._names.settled(at.of(receiver))
        maker = held.file.by_node.get(unwrapped(held.node).id)
        if maker is None or maker.receiver in OWN or not maker.arguments:
            return outer
        for function in self._names.targets(maker, held.file)[:1]:
            if function.makes or function.file.language == "go":
                made = self.run(function, maker, held, None, depth + 1)
                return Frame(made.scope, made.cause, made.names, outer)
        return outer

    def _run_each(self, scope: Node, pattern: Node, through: Term, more: Sequence[Node] = ()) -> list[Frame]:
        found = []
        for element in islice(self.elements(through), _MAX_RUNS):
            names: dict[str, Term] = {}
            parts = parts_of(pattern)
            if more and len(element) > 1:
                parts = [pattern, *more]
            if parts is not None and len(parts) == len(element):
                for part, value in zip(parts, element, strict=True):
                    names.update(self._bind(part, value))
            elif parts is not None and scope.type == "for_statement" and through.file.language == "go":
                names.update(self._bind(parts[-1], element[-1]))  # the first is the place
            else:
                names.update(self._bind(pattern, element[-1]))
            found.append(Frame(scope.id, element[-1].node.id, names, through.frame))
        return found

    def _defaults(self, pattern: Node, at: Term) -> dict[str, Term]:
        """What the names of a pattern stand for when nothing is given: `({ method = "GET" }) => ...`."""
        parts = [child for child in pattern.named_children if child.type == "object_assignment_pattern"]
        return {
            text_of(part.named_children[0]): at.of(part.named_children[-1])
            for part in (parts if pattern.type == "object_pattern" else ())
        }

    def _bind(self, pattern: Node, value: Term) -> dict[str, Term]:
        """What the names of a pattern stand for when it is given a value."""
        keys = keys_of(pattern)
        if keys is not None:
            got = {key: self._names.member(value, key) for key, _ in keys}
            return {name: part for key, bound in keys for name in names_in(bound) if (part := got[key]) is not None}
        parts = parts_of(pattern)
        if parts is not None:
            whole = self._names.settled(value)
            inside = items(whole.node)
            if len(inside) < len(parts):
                return {}
            return {
                name: term
                for part, node in zip(parts, inside, strict=False)
                for name, term in self._bind(part, whole.of(node)).items()
            }
        return dict.fromkeys(names_in(pattern), value)

    def elements(self, through: Term) -> Iterator[tuple[Term, ...]]:
        """The elements of what is gone through; of a map its keys with their values."""
        term = self._names.settled(through)
        node = unwrapped(term.node)
        made = term.file.by_node.get(node.id)
        if made is not None and made.name in _PAIRS | {"values", "keys", "enumerate", "Object.entries"}:
            inner = made.positional(0) if made.arguments else made.receiver_node
            if inner is not None and (made.arguments or made.name not in ("enumerate",)):
                at = {"values": -1, "keys": 0}.get(made.name)
                for element in self.elements(term.of(inner)):
                    yield element if at is None else (element[at],)
            return
        pairs = list(keyed(node))
        if pairs:
            yield from ((term.of(key), term.of(value)) for key, value in pairs)
            return
        inside = items(node)
        if len(inside) != 1 or unwrapped(inside[0]).id != node.id:
            yield from ((term.of(item),) for item in inside)


def _is_own(parameter: Node, function: Function) -> bool:
    """Whether a parameter is the object that a method is of: `self`, `&mut self`."""
    name = text_of(parameter).split()[-1].strip("&")
    return function.file.language in _NAMING_OWN and bool(function.owner) and name in OWN


def _call_given(function: Node, file: CodeFile) -> Call | None:
    """The call that a function without a name is given to."""
    above = function.parent
    for _ in range(4):
        if above is None:
            return None
        if above.id in file.by_node:
            return file.by_node[above.id]
        above = above.parent
    return None


def _with_locals(wanted: set[str], node: Node, file: CodeFile) -> set[str]:
    """Names, and those that what they are given in the functions around a node is made of."""
    outermost = None
    for scope in scopes_around(node, file):
        outermost = scope
    found, waiting = set(wanted), list(wanted)
    while waiting and outermost is not None and len(found) < _MAX_NAMES:
        for given in file.values.get(waiting.pop(), ()):
            if within(given, outermost) and given.type not in LAMBDA_TYPES:
                more = set(_WORD.findall(text_of(given)[:_VALUE_CHARACTERS])) - found
                found |= more
                waiting += more
    return found
