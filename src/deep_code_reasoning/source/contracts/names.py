"""What a name stands for: through scopes and their runs, fields, imports, packages and the parts of objects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .calls import Call
from .classes import OWN, bases_of, class_around
from .definitions import Definitions, folders_of, is_imported
from .go_names import go_package, struct_fields
from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, MEMBERS, NAMES, RECEIVER_FIELDS
from .nodes import (
    definition_name,
    enclosing,
    fields,
    first_field,
    key_text,
    last_name,
    text_of,
    unwrapped,
    within,
)
from .runs import MAX_DEPTH, Runs
from .scopes import (
    Frame,
    Term,
    declared_type,
    returned,
    scopes_around,
)
from .syntax import CodeFile

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_CHAIN: Final = 40
# Members that are the object that they are of: `options.Value`.
INSIDES: Final = frozenset({"Value", "CurrentValue", "value"})
# Languages where a field may be named without what it is of.
_IMPLICIT_FIELDS: Final = frozenset({"java", "csharp", "kotlin", "ruby", "php"})
_PARTS_OF_DECLARATION: Final = frozenset(
    {"shorthand_property_identifier_pattern", "pair_pattern", "object_assignment_pattern"}
)


def field_read_by(call: Call) -> str:
    """The field that a method without arguments is named after: `getUrl()`, `url()`; '' of others."""
    if call.arguments or call.receiver_node is None:
        return ""
    name = call.name.removeprefix("get")
    return name[:1].lower() + name[1:] if name else ""


class Names(Definitions):
    """The names of many files."""

    def __init__(self, files: Sequence[CodeFile]) -> None:
        super().__init__(files)
        self._meanings: dict[tuple[int, Frame | None], Term | None] = {}
        self.runs = Runs(self)
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
            return self.own_field(name, term)
        found = self.member(term.of(holder), name)
        if found is not None:
            return found
        return self.named_anywhere(name, text_of(holder), term)

    def own_field(self, name: str, term: Term) -> Term | None:
        """A field of the object that the code around belongs to."""
        own = [node for node in term.file.values.get(name, ()) if node.id != unwrapped(term.node).id]
        around = enclosing(term.node, CLASS_TYPES)
        taken = self._taken_on(name, term, around) if around is not None else None
        if taken is not None:
            return taken
        inside = [node for node in own if around is not None and within(node, around)]
        made_with = self._made_with(name, term, around) if around is not None and not inside else None
        if made_with is not None:
            return made_with
        inherited = (
            self._inherited(name, Term(around, term.file), around) if around is not None and not inside else None
        )
        if inherited is not None:
            return inherited
        if inside or own:
            return term.of((inside or own)[0])
        others = [(file, node) for file, node in self.given(name) if file.service == term.file.service]
        return Term(others[0][1], others[0][0]) if others else None

    def _made_with(self, name: str, term: Term, around: Node) -> Term | None:
        """A field that is a parameter of the constructor: TypeScript's, PHP's, Kotlin's, C#'s."""
        for maker in self._makers(Term(around, term.file)):
            if name in self.runs.bound(maker.node) and within(maker.node, around):
                run = term.frame.find(maker.node.id, name) if term.frame is not None else None
                return run or self._of_any_run(maker.node, name, term, term.file.values.get(name, ()))
        return None

    def member(self, holder: Term, name: str, depth: int = 0) -> Term | None:
        """A part of what an expression is: of an object, a class, an instance, a module."""
        if depth > MAX_DEPTH:
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
            found = self.member(meant, name, depth + 1) if meant is not None and meant.node.id != node.id else None
            kind = self.kind_of(holder) if found is None else None
            return found or (self._inside(name, kind) or self._inherited(name, kind, kind.node) if kind else None)
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
                found = self.member(Term(node, function.file, self.runs.run(function, made, holder)), name, depth + 1)
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
        for base in bases_of(kind.node) if depth < MAX_DEPTH else ():
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
            if name in self.runs.bound(scope):
                run = term.frame.find(scope.id, name) if term.frame is not None else None
                return run or self._not_given(scope, name, term, own)
            if scope.type in FUNCTION_TYPES | LAMBDA_TYPES:
                local = [node for node in own if within(node, scope) and node.start_byte < term.node.start_byte]
                if local:
                    return self._part(local[-1], term)
        shared = [node for node in own if enclosing(node, FUNCTION_TYPES) is None]
        if not shared and term.file.language in _IMPLICIT_FIELDS:
            around = enclosing(term.node, CLASS_TYPES)
            shared = [node for node in own if around is not None and within(node, around)]
        if shared:
            return self._part(shared[0], term)
        source = self.imports.source(name, term.file)
        if source is not None:
            found = self.exported(*source)
            if found is not None:
                return found
        return self.named_anywhere(name, "", term)

    def _not_given(self, scope: Node, name: str, term: Term, own: Sequence[Node]) -> Term | None:
        """A parameter that a run does not give: its default; where no run is told, what every run gives."""
        is_function = scope.type in FUNCTION_TYPES | LAMBDA_TYPES
        if term.frame is not None and is_function and term.frame.cause_of(scope.id) is not None:
            defaults = [node for node in own if within(node, scope)]
            return term.of(defaults[0]) if defaults else None
        return self._of_any_run(scope, name, term, own)

    def _of_any_run(self, scope: Node, name: str, term: Term, own: Sequence[Node]) -> Term | None:
        """What a parameter is in the only way that its function is called; else its default."""
        if (scope.id, name) not in self._busy and len(self._busy) < MAX_DEPTH:
            self._busy.add((scope.id, name))
            runs = [run.names[name] for run in self._runs_of(scope, term) if name in run.names]
            self._busy.discard((scope.id, name))
            if runs and len({run.node.id for run in runs}) == 1:
                return runs[0]
        defaults = [node for node in own if within(node, scope)]
        return term.of(defaults[0]) if defaults else None

    def _runs_of(self, scope: Node, term: Term) -> list[Frame]:
        """The runs of a scope; of a constructor those that make an object of the class that a run is of."""
        found = list(self.runs.of_scope(scope, term.file, None, MAX_DEPTH))
        owner = scope if scope.type in CLASS_TYPES else enclosing(scope, CLASS_TYPES)
        cause = term.frame.cause_of(owner.id) if term.frame is not None and owner is not None else None
        kind = self.types_by_node.get(cause) if cause is not None else None
        function = self.function(scope)
        if kind is None or function is None or not function.makes:
            return found
        of_kind = {
            made.node.id
            for made, _ in self.callers(function)
            if made.name == definition_name(kind.node) or within(made.node, kind.node)
        }
        return [run for run in found if run.cause in of_kind] or found

    def _part(self, node: Node, term: Term) -> Term:
        """Of `const { a, b: c } = x` the part that a name takes."""
        declared = enclosing(node, frozenset({"variable_declarator"})) if node.type in _PARTS_OF_DECLARATION else None
        whole = declared.child_by_field_name("value") if declared is not None else None
        if whole is None or "env" in text_of(whole):
            return term.of(node)
        left = node.child_by_field_name("key") or node.child_by_field_name("left") or node
        return self.member(term.of(whole), key_text(left)) or term.of(node)

    def named_anywhere(self, name: str, head: str, term: Term) -> Term | None:
        """What a name is given where nothing leads there: in the folder or class it names, its service, anywhere."""
        if name[:1].islower() and not head and not is_imported(name, term.file) and term.file.language != "go":
            return None
        head = re.split(r"\.|::|->", head)[-1].lstrip("$&")
        others = [place for place in self.given(name) if place[1].id != unwrapped(term.node).id]
        literal = self._in_literal(name, head, others, term) if term.file.language == "go" else None
        if literal is not None:
            return literal
        head = go_package(head, term.file) or head
        named = [place for place in others if head and head.lower() in (*folders_of(place[0]), class_around(place[1]))]
        near = [place for place in others if place[0].service == term.file.service]
        folder = term.file.where.path.rpartition("/")[0]
        beside = [place for place in near if place[0].where.path.rpartition("/")[0] == folder]
        alone = others if len(others) == 1 and not name[:1].islower() else []
        found = named or (beside if not head else []) or near or alone
        return Term(found[0][1], found[0][0]) if found else None

    def kind_of(self, term: Term, depth: int = 0) -> Term | None:
        """The class of ours that the object is of which an expression is: as it is declared, or by what makes it."""
        node = unwrapped(term.node)
        if depth > MAX_DEPTH:
            return None
        made = term.file.by_node.get(node.id)
        if made is not None:
            head = made.receiver.partition(".")[0]
            if head and is_imported(head, term.file) and self.module(head, term.file) is None:
                return None  # somebody else's
            return self.type_of(made.name, term.file) or self._kind_of_given(made, term.of(node), depth)
        if node.type not in NAMES | MEMBERS:
            return None
        holder = first_field(node, RECEIVER_FIELDS) if node.type in MEMBERS else None
        name = last_name(text_of(node))
        if holder is not None and text_of(holder) not in OWN:
            whole = self.kind_of(term.of(holder), depth + 1)
            if name in INSIDES:
                return whole
            if whole is not None:
                return self._declared_in(whole, name)
            part = self.meaning(term)  # of an object that holds others: `api.orders`
            return self.kind_of(part, depth + 1) if part is not None and part.node.id != node.id else None
        kind = self.type_of(declared_type(name, node, term.file), term.file)
        meant = self.meaning(term) if kind is None else None
        return kind or (self.kind_of(meant, depth + 1) if meant is not None and meant.node.id != node.id else None)

    def _maker(self, call: Call, file: CodeFile) -> str:
        """The name of what makes the object that a call is called on; in scripts of a part of an object of any file."""
        known, node = super()._maker(call, file), call.receiver_node
        if known or node is None or file.family != "script" or unwrapped(node).type not in MEMBERS:
            return known
        part = self.meaning(Term(node, file))
        made = part.file.by_node.get(unwrapped(part.node).id) if part is not None else None
        return made.name if made is not None and made.makes else ""

    def _kind_of_given(self, made: Call, term: Term, depth: int) -> Term | None:
        """The class of what a function of ours, or a method that reads a field, gives back."""
        for function in self.targets(made, term.file)[:1]:
            for node in returned(function.node, function.file.language)[:1]:
                return self.kind_of(Term(node, function.file), depth + 1)
        whole = self.kind_of(term.of(made.receiver_node), depth + 1) if made.receiver_node is not None else None
        return self._declared_in(whole, field_read_by(made)) if whole is not None else None

    def _declared_in(self, kind: Term, name: str) -> Term | None:
        declared = [of for held, of in kind.file.declared.get(name, ()) if within(held, kind.node)]
        return self.type_of(declared[0], kind.file) if declared else None

    def _in_literal(self, name: str, head: str, places: Sequence[tuple[CodeFile, Node]], term: Term) -> Term | None:
        """Go: a field where an object is made of the type that a name is declared with."""
        kind = declared_type(head, term.node, term.file).rpartition(".")[2] if head else ""
        for file, node in places if kind else ():
            literal = enclosing(node, frozenset({"composite_literal"}))
            if literal is not None and last_name(text_of(literal.child_by_field_name("type"))) == kind:
                return Term(node, file)
        made = [Term(call.node, file) for call, file in self._calls.get(kind, ()) if call.makes]
        in_order = (self._by_order(each.node, name, each) for each in made)
        return next((found for found in in_order if found is not None), None)

    def configured_in_php(self, key: str, near: CodeFile) -> Term | None:
        """Laravel: a key of `config/NAME.php`, whose name is the first part of the key."""
        name, _, rest = key.partition(".")
        for file in self._modules.values():
            if file.service == near.service and file.where.path.endswith(f"config/{name}.php"):
                found = self.exported(file, "")
                for part in rest.split("."):
                    found = self.member(found, part) if found is not None else None
                return found
        return None

    # Which functions a call runs, and the runs of a scope

    def settled(self, term: Term) -> Term:
        """What an expression stands for in the end, as far as names lead."""
        for _ in range(MAX_DEPTH):
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
