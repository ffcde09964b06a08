"""What a name stands for: through scopes and their runs, fields, imports, packages and the parts of objects.

A function that sets something up may be run several times, each time with other arguments; a loop over a list is run
once an element. `frames` are those runs, as far as they change what an expression is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .definitions import (
    OWN,
    Definitions,
    bases_of,
    class_around,
    folders_of,
    go_package,
    is_extension,
    is_imported,
    struct_fields,
)
from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, MEMBERS, NAMES, RECEIVER_FIELDS
from .nodes import (
    definition_name,
    enclosing,
    fields,
    first_field,
    key_text,
    keyed,
    last_name,
    text_of,
    unwrapped,
    within,
)
from .scopes import (
    LOOPS,
    Frame,
    Function,
    Term,
    keys_of,
    loop_parts,
    names_in,
    parts_of,
    patterns,
    returned,
    scopes_around,
)
from .syntax import CodeFile

if TYPE_CHECKING:
    from tree_sitter import Node

# Runs of runs: deeper is a circle, wider is data.
_MAX_DEPTH: Final = 6
_MAX_CHAIN: Final = 40
_MAX_RUNS: Final = 48
_EACH: Final = frozenset("forEach each map flatMap each_pair ForEach each_with_index onEach for_each".split())
# Languages where a field may be named without what it is of.
_IMPLICIT_FIELDS: Final = frozenset({"java", "csharp", "kotlin", "ruby", "php"})
_PAIRS: Final = frozenset({"items", "entries", "Entries", "iteritems", "each_pair"})
_PARTS_OF_DECLARATION: Final = frozenset(
    {"shorthand_property_identifier_pattern", "pair_pattern", "object_assignment_pattern"}
)


# Values that are longer set nothing up; a function with more names does much else.
_VALUE_CHARACTERS: Final = 300
_MAX_NAMES: Final = 60
_WORD: Final = re.compile(r"[A-Za-z_]\w*")


class Names(Definitions):
    """The names of many files."""

    def __init__(self, files: Sequence[CodeFile]) -> None:
        super().__init__(files)
        self._meanings: dict[tuple[int, Frame | None], Term | None] = {}
        self._bound_by: dict[int, set[str]] = {}
        self._depth = 0
        self._busy: set[tuple[int, str]] = set()

    # What a name stands for

    def meaning(self, term: Term) -> Term | None:
        """What the name that an expression is was given; None when nothing says so."""
        node = unwrapped(term.node)
        key = (node.id, term.frame)
        if key not in self._meanings:
            self._meanings[key] = None  # while it is asked: a circle means nothing
            if self._depth < _MAX_CHAIN:
                self._depth += 1
                self._meanings[key] = self._found(node, term)
                self._depth -= 1
        return self._meanings[key]

    def _found(self, node: Node, term: Term) -> Term | None:
        if node.type in MEMBERS:
            holder = first_field(node, RECEIVER_FIELDS) or node.named_children[0]
            return self._of_member(holder, last_name(text_of(node)), term)
        return self.meaning_of(text_of(node).lstrip("$@:").rstrip(":"), term.of(node))

    def _of_member(self, holder: Node, name: str, term: Term) -> Term | None:
        if text_of(holder) in OWN:
            return self._field(name, term)
        found = self.member(term.of(holder), name)
        if found is not None:
            return found
        return self._by_name(name, text_of(holder), term)

    def _field(self, name: str, term: Term) -> Term | None:
        """A field of the object that the code around belongs to."""
        own = [node for node in term.file.values.get(name, ()) if node.id != unwrapped(term.node).id]
        around = enclosing(term.node, CLASS_TYPES)
        taken = self._taken_on(name, term, around) if around is not None else None
        if taken is not None:
            return taken
        inside = [node for node in own if around is not None and within(node, around)]
        inherited = (
            self._inherited(name, Term(around, term.file), around) if around is not None and not inside else None
        )
        if inherited is not None:
            return inherited
        if inside or own:
            return term.of((inside or own)[0])
        others = [(file, node) for file, node in self.given(name) if file.service == term.file.service]
        return Term(others[0][1], others[0][0]) if others else None

    def member(self, holder: Term, name: str, depth: int = 0) -> Term | None:
        """A part of what an expression is: of an object, a class, an instance, a module."""
        if depth > _MAX_DEPTH:
            return None
        node = unwrapped(holder.node)
        for key, value in fields(node):
            if key == name:
                return holder.of(value)
        positional = self._by_order(node, name, holder)
        if positional is not None:
            return positional
        made = holder.file.by_node.get(node.id)
        if made is not None:
            return self._member_of_made(made, name, holder, depth)
        if node.type in NAMES:
            module = self.module(text_of(node), holder.file)
            if module is not None:
                return self.exported(module, name)
            kind = self.type_of(text_of(node), holder.file)
            if kind is not None and (found := self._inside(name, kind)) is not None:
                return found
        if node.type in NAMES | MEMBERS:
            meant = self.meaning(holder)
            return self.member(meant, name, depth + 1) if meant is not None and meant.node.id != node.id else None
        return None

    def _member_of_made(self, made: Call, name: str, holder: Term, depth: int) -> Term | None:
        if made.name == "require" and made.arguments:
            module = self.imports.module(text_of(made.arguments[0].node).strip("\"'`"), holder.file)
            return self.exported(module, name) if module is not None else None
        kind = self.type_of(made.name, holder.file)
        if kind is not None:
            return self._inside(name, kind) or self._inherited(name, kind, kind.node)
        for function in self.targets(made, holder.file):
            for node in returned(function.node, function.file.language):
                found = self.member(Term(node, function.file, self.run(function, made, holder)), name, depth + 1)
                if found is not None:
                    return found
        return None

    def _taken_on(self, name: str, term: Term, around: Node) -> Term | None:
        """What a class that extends the one around makes of a field, in a run on an object of it."""
        cause = term.frame.cause_of(around.id) if term.frame is not None else None
        kind = self.types_by_node.get(cause) if cause is not None else None
        found = self._inside(name, kind) if kind is not None else None
        return Term(found.node, found.file, term.frame) if found is not None else None

    def _inherited(self, name: str, kind: Term, whose: Node, depth: int = 0) -> Term | None:
        """A field of a class that another one extends, as it is in an object of that one."""
        for base in bases_of(kind.node) if depth < _MAX_DEPTH else ():
            above = self.type_of(base, kind.file)
            if above is None or above.node.id == kind.node.id:
                continue
            found = self._inside(name, above)
            if found is not None:
                return Term(found.node, found.file, Frame(above.node.id, whose.id, {}))
            further = self._inherited(name, above, whose, depth + 1)
            if further is not None:
                return further
        return None

    def _inside(self, name: str, kind: Term) -> Term | None:
        for node in kind.file.values.get(name, ()):
            if within(node, kind.node):
                return kind.of(node)
        return None

    def _by_order(self, node: Node, name: str, holder: Term) -> Term | None:
        """Go: a field of a struct that is written without names, `route{"GET", "/x", h}`."""
        if holder.file.language != "go" or node.type not in ("literal_value", "composite_literal"):
            return None
        body = node.child_by_field_name("body") or node
        folder = holder.file.where.path.rpartition("/")[0]
        beside = [file for file in self._modules.values() if file.where.path.rpartition("/")[0] == folder]
        order = [names for file in beside if file.language == "go" for names in struct_fields(file.text, name)]
        values = [child for child in body.named_children if child.type == "literal_element"]
        at = next((names.index(name) for names in order if len(names) == len(values)), None)
        return holder.of(values[at]) if at is not None else None

    def meaning_of(self, name: str, term: Term) -> Term | None:
        """What a name stands for where an expression is."""
        own = [node for node in term.file.values.get(name, ()) if not within(term.node, node)]
        for scope in scopes_around(term.node, term.file):
            if name in self._bound(scope):
                run = term.frame.find(scope.id, name) if term.frame is not None else None
                return run or self._of_any_run(scope, name, term, own)
            if scope.type in FUNCTION_TYPES | LAMBDA_TYPES:
                local = [node for node in own if within(node, scope) and node.start_byte < term.node.start_byte]
                if local:
                    return self._part(local[-1], name, term)
        shared = [node for node in own if enclosing(node, FUNCTION_TYPES) is None]
        if not shared and term.file.language in _IMPLICIT_FIELDS:
            around = enclosing(term.node, CLASS_TYPES)
            shared = [node for node in own if around is not None and within(node, around)]
        if shared:
            return self._part(shared[0], name, term)
        source = self.imports.source(name, term.file)
        if source is not None:
            found = self.exported(*source)
            if found is not None:
                return found
        return self._by_name(name, "", term)

    def _of_any_run(self, scope: Node, name: str, term: Term, own: Sequence[Node]) -> Term | None:
        """What a parameter is in the only way that its function is called; else its default."""
        if (scope.id, name) not in self._busy and len(self._busy) < _MAX_DEPTH:
            self._busy.add((scope.id, name))
            runs = [run.names[name] for run in self._runs(scope, term.file, None, _MAX_DEPTH) if name in run.names]
            self._busy.discard((scope.id, name))
            if runs and len({run.node.id for run in runs}) == 1:
                return runs[0]
        defaults = [node for node in own if within(node, scope)]
        return term.of(defaults[0]) if defaults else None

    def _part(self, node: Node, name: str, term: Term) -> Term:
        """Of `const { a, b: c } = x` the part that a name takes."""
        declared = enclosing(node, frozenset({"variable_declarator"})) if node.type in _PARTS_OF_DECLARATION else None
        whole = declared.child_by_field_name("value") if declared is not None else None
        if whole is None or "env" in text_of(whole):
            return term.of(node)
        left = node.child_by_field_name("key") or node.child_by_field_name("left") or node
        return self.member(term.of(whole), key_text(left)) or term.of(node)

    def _by_name(self, name: str, head: str, term: Term) -> Term | None:
        """What a name is given where nothing leads there: in the folder or class it names, its service, anywhere."""
        if name[:1].islower() and not head and not is_imported(name, term.file) and term.file.language != "go":
            return None
        head = re.split(r"\.|::|->", head)[-1].lstrip("$&")
        others = [place for place in self.given(name) if place[1].id != unwrapped(term.node).id]
        head = go_package(head, term.file) or head
        named = [place for place in others if head and head.lower() in (*folders_of(place[0]), class_around(place[1]))]
        near = [place for place in others if place[0].service == term.file.service]
        folder = term.file.where.path.rpartition("/")[0]
        beside = [place for place in near if place[0].where.path.rpartition("/")[0] == folder]
        found = named or (beside if not head else []) or near or (others if len(others) == 1 else [])
        return Term(found[0][1], found[0][0]) if found else None

    # Which functions a call runs, and the runs of a scope

    def _bound(self, scope: Node) -> set[str]:
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
        if depth > _MAX_DEPTH:
            return found
        for scope in reversed(list(scopes_around(node, file))):
            bound = self._bound(scope)
            if bound & wanted or (scope.type in FUNCTION_TYPES and OWN & wanted and depth < 2):
                runs = [run for frame in found for run in self._runs(scope, file, frame, depth + 1)]
                found = [*islice(runs, _MAX_RUNS)] or found
        return found

    def _runs(self, scope: Node, file: CodeFile, outer: Frame | None, depth: int) -> list[Frame]:
        if depth > _MAX_DEPTH:
            return []
        if scope.type in LOOPS:
            parts = loop_parts(scope)
            return [] if parts is None else self._run_each(scope, parts[0], Term(parts[1], file, outer))
        call = _call_given(scope, file)
        if call is not None and call.name in _EACH and call.receiver_node is not None:
            bound = patterns(scope)
            return self._run_each(scope, bound[0], Term(call.receiver_node, file, outer), bound[1:]) if bound else []
        function = self._by_node.get(scope.id) or self._nameless(scope, file)
        if function is None:
            return []
        return [
            self.run(function, made, Term(made.node, where, frame), outer)
            for made, where in self.callers(function)
            for frame in self.frames(made.node, where, made.words, depth + 1)
        ]

    def _nameless(self, scope: Node, file: CodeFile) -> Function | None:
        """What a file gives others without a name."""
        exported = self.exported(file, "") if scope.type in LAMBDA_TYPES | FUNCTION_TYPES else None
        return Function(scope, file, "", "") if exported is not None and exported.node.id == scope.id else None

    def run(self, function: Function, made: Call, at: Term, outer: Frame | None = None) -> Frame:
        """A run of a function by a call, which stands in a run of its own."""
        bound = patterns(function.node)
        if bound and function.file.language == "python" and function.owner and text_of(bound[0]) in OWN:
            bound = bound[1:]
        names: dict[str, Term] = {}
        given = [argument.node for argument in made.arguments if not argument.name]
        if bound and is_extension(function) and made.receiver_node is not None:
            given.insert(0, made.receiver_node)
        holder = function.node.child_by_field_name("receiver")
        if holder is not None and made.receiver_node is not None and function.file.language == "go":
            names[text_of(holder).strip("()").split(" ")[0]] = at.of(made.receiver_node)
        for place, pattern in enumerate(bound):
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
        return Frame(function.node.id, made.node.id, names, outer)

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

    def _bind(self, pattern: Node, value: Term) -> dict[str, Term]:
        """What the names of a pattern stand for when it is given a value."""
        keys = keys_of(pattern)
        if keys is not None:
            got = {key: self.member(value, key) for key, _ in keys}
            return {name: part for key, bound in keys for name in names_in(bound) if (part := got[key]) is not None}
        parts = parts_of(pattern)
        if parts is not None:
            whole = self.settled(value)
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
        term = self.settled(through)
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

    def settled(self, term: Term) -> Term:
        """What an expression stands for in the end, as far as names lead."""
        for _ in range(_MAX_DEPTH):
            node = unwrapped(term.node)
            made = term.file.by_node.get(node.id)
            if made is not None and made.name == "require" and made.arguments:
                module = self.imports.module(text_of(made.arguments[0].node).strip("\"'`"), term.file)
                meant = self.exported(module, "") if module is not None else None
            elif node.type in NAMES | MEMBERS:
                meant = self.meaning(term)
            else:
                break
            if meant is None or meant.node.id == node.id:
                break
            term = meant
        return term


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
