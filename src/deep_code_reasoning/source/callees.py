"""Which functions a call may run, for files that are read one by one as calls lead to them.

Types go before names: a call leads into the class of what it is called on, into what that class extends, and into what
extends it. Only where nothing says a type does the name alone decide, and then only a rare one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from .contracts.calls import Call
from .contracts.classes import OWN, bases_of
from .contracts.grammars import CLASS_TYPES, MEMBERS, NAMES, STRING_TYPES
from .contracts.nodes import definition_name, enclosing, last_name, parameter_nodes, text_of, type_name, unwrapped
from .contracts.scopes import Function, declared_type, functions_of
from .contracts.syntax import CodeFile, Type, read_code
from .failing_tests import TextOf
from .index import File, SourceIndex, UnitHit

if TYPE_CHECKING:
    from tree_sitter import Node

# A name that more places define says nothing about where a call goes.
_MAX_MEANINGS: Final = 4
_MAX_HEIRS: Final = 8
# Classes above a class, and expressions that a type is looked for in.
_MAX_DEPTH: Final = 6
# Calls whose object another one gives, in a row.
_MAX_CHAIN: Final = 40
# A question is answered in a second or two: a file takes some 10 ms.
_MAX_FILES: Final = 80
_IMPORT: Final = re.compile(r"(?m)^\s*(?:import|from|use|using)\s+(?:static\s+)?([\w.\\]+)")
# A type that whoever uses a class or a function chooses: `T`, `K2`.
_CHOSEN: Final = re.compile(r"[A-Z]\d?$")
_RETURN_TYPES: Final = ("type", "return_type", "result", "returns")


class Callees:
    """The functions that calls may run.

    Args:
        index: where the trees were read into.
        trees: which trees to look in.
        text_of: reads a file of the trees.
        made: names of classes that there are objects of; more may be added to `made`. Where a call is of what a class
            leaves open or its heirs do otherwise, theirs are meant.
    """

    def __init__(self, index: SourceIndex, trees: Sequence[int], text_of: TextOf, made: Iterable[str] = ()) -> None:
        self._index = index
        self._trees = trees
        self._text_of = text_of
        self._files: dict[File, Read | None] = {}
        self._known: dict[Call, list[Function]] = {}
        self._deep = 0
        self.made = set(made)
        self._classes: dict[tuple[str, str], list[tuple[Read, Type]]] = {}

    def file(self, repo: str, path: str) -> Read | None:
        """A file with what it defines; None when it cannot be read, or enough were."""
        if (repo, path) not in self._files:
            text = self._text_of(repo, path) if len(self._files) < _MAX_FILES else None
            code = read_code(text, repo) if text is not None else None
            self._files[repo, path] = Read(code) if code is not None else None
        return self._files[repo, path]

    def of(self, call: Call, file: Read) -> list[Function]:
        """The functions that a call in a file may run; none when nobody can tell."""
        if call not in self._known:
            self._known[call] = []  # while it is asked: a circle leads nowhere
            if self._deep < _MAX_CHAIN:
                self._deep += 1
                self._known[call] = self._of(call, file)
                self._deep -= 1
        return self._known[call]

    def _of(self, call: Call, file: Read) -> list[Function]:
        if call.makes:
            makers = [made for kind in self._named(call.name, file) for made in self._makers(*kind)]
            return self._fitting(makers, call, file)
        if not call.receiver or call.receiver in OWN:
            found = self._own(call, file)
            if found or call.receiver:
                return self._fitting(found, call, file)
            makers = [made for kind in self._named(call.name, file) for made in self._makers(*kind)]
            return makers or self._fitting(self._anywhere(call.name, file), call, file)
        kinds = self._kinds(call.receiver_node, file) if call.receiver_node is not None else []
        found = [f for name in kinds for kind in self._named(name, file) for f in self._methods(call.name, *kind)]
        if found or kinds:
            return self._fitting(list(dict.fromkeys(found)), call, file)
        return self._fitting(self._anywhere(call.name, file), call, file)

    def _fitting(self, found: Sequence[Function], call: Call, file: Read) -> list[Function]:
        """Those of a name that take as many arguments as a call gives, and of these the most of the same types."""
        exact = [f for f in found if len(parameter_nodes(f.node)) == len(call.arguments)] or list(found)
        if len(exact) < 2:
            return exact
        given = [self._kinds(argument.node, file) for argument in call.arguments]
        alike = [sum(kind in kinds for kind, kinds in zip(_taken(f), given, strict=False)) for f in exact]
        return [f for f, same in zip(exact, alike, strict=True) if same == max(alike)]

    def _own(self, call: Call, file: Read) -> list[Function]:
        """Functions of the classes around a call, or of their bases; else those of the file that no class has."""
        around = enclosing(call.node, CLASS_TYPES)
        while around is not None:
            kind = file.type_of(around)
            above = call.receiver in ("super", "base", "super()", "parent")
            found = self._methods(call.name, file, kind, own=not above) if kind is not None else []
            if found:
                return found
            around = enclosing(around, CLASS_TYPES)
        return [function for function in file.functions.get(call.name, ()) if not function.owner]

    def _methods(self, name: str, file: Read, kind: Type, depth: int = 0, *, own: bool = True) -> list[Function]:
        """The methods of a name that a class has or takes over, and those that made heirs of it have in their place."""
        found = [f for f in file.functions.get(name, ()) if own and f.owner == kind.name and _has_body(f)]
        if not found and depth < _MAX_DEPTH:
            above = (each for base in bases_of(kind.node) for each in self._named(base, file))
            found = list(dict.fromkeys(f for each in above for f in self._methods(name, *each, depth + 1)))
        return found if depth or not own else list(dict.fromkeys([*found, *self._heirs(name, kind, found)]))

    def _heirs(self, name: str, kind: Type, known: Sequence[Function]) -> list[Function]:
        """The methods of classes that extend one: those that something makes; where there are none, a few of any."""
        units = [u for u in self._index.definitions([name], self._trees) if u.own_name == name and u.kind == "function"]
        owners = {unit: owner for unit in units if (owner := _owner(unit))}
        # The index has no tests; those of a trace are read by now.
        read = [one for one in self._files.values() if one is not None]
        read += self._read(unit for unit, owner in owners.items() if owner in self.made)
        found = [f for f in _methods_of(name, read) if f[0].owner in self.made and f[0].owner != kind.name]
        heirs = [function for function, one in found if self._extends(function.owner, kind.name, one)]
        if heirs or known:
            return heirs
        likely = list(owners)
        if len(likely) > _MAX_HEIRS:  # `PartsReader`, `ReaderImpl` and the like
            likely = [unit for unit, owner in owners.items() if kind.name in owner][:_MAX_HEIRS]
        found = _methods_of(name, self._read(likely))
        return [function for function, one in found if self._extends(function.owner, kind.name, one)]

    def _read(self, units: Iterable[UnitHit]) -> list[Read]:
        """The files of units, each once."""
        return [one for place in dict.fromkeys(map(_place, units)) if (one := self.file(*place)) is not None]

    def _extends(self, name: str, base: str, file: Read, depth: int = 0) -> bool:
        kinds = self._named(name, file) if depth < _MAX_DEPTH else []
        bases = [(above, read) for read, kind in kinds for above in bases_of(kind.node)]
        return any(above == base or self._extends(above, base, read, depth + 1) for above, read in bases)

    def _makers(self, file: Read, kind: Type) -> list[Function]:
        made = [f for f in file.functions.get(kind.name, ()) if f.makes]
        return made or [Function(kind.node, file.code, kind.name, kind.name)]

    def _anywhere(self, name: str, file: Read) -> list[Function]:
        """The functions of a name in any file: of a class that is made, else when few have it."""
        units = [unit for unit in self._index.definitions([name], self._trees) if unit.own_name == name]
        units = [unit for unit in units if unit.kind == "function"]
        made = [unit for unit in units if _owner(unit) in self.made]
        near = [unit for unit in units if _place(unit) == file.file] or made or units
        if len(set(map(_place, near))) > _MAX_MEANINGS:
            near = [unit for unit in near if _beside(file.code.where.path, unit.path)]
        if len(set(map(_place, near))) > _MAX_MEANINGS:
            return []
        owners = set(map(_owner, near))
        return [function for function, _ in _methods_of(name, self._read(near)) if function.owner in owners]

    def _kinds(self, node: Node, file: Read, depth: int = 0) -> list[str]:
        """The names of the classes that an expression may be of; none when its file does not say."""
        kinds = self._said_kinds(node, file, depth)
        return [kind for kind in kinds if not _CHOSEN.match(kind)]

    def _said_kinds(self, node: Node, file: Read, depth: int) -> list[str]:
        cast = _cast_to(node)
        if cast:
            return [cast]
        node = unwrapped(node)
        if depth > _MAX_DEPTH:
            return []
        if node.type in STRING_TYPES:
            return ["String"]
        text = text_of(node)
        if text in OWN:
            around = enclosing(node, CLASS_TYPES)
            return [definition_name(around)] if around is not None else []
        call = file.code.by_node.get(node.id)
        if call is not None:
            if call.makes:
                return [call.name]
            kinds = [_returned(function) for function in self.of(call, file)]
            return list(dict.fromkeys(kind for kind in kinds if kind)) or (
                [call.name] if not call.receiver and call.name[:1].isupper() else []
            )
        if node.type not in NAMES | MEMBERS:
            return []
        name = last_name(text)
        given = file.code.values.get(name, ())
        made = [kind for value in given[:_MAX_DEPTH] for kind in self._made(value, file)]
        declared = declared_type(name, node, file.code).rpartition(".")[2]
        kinds = list(dict.fromkeys([*([declared] if declared else []), *made]))
        if not kinds and not declared and given and node.type in NAMES:
            kinds = [kind for value in given[:2] for kind in self._kinds(value, file, depth + 1)]
        if not kinds and node.type in MEMBERS:
            holder = last_name(text.rpartition(".")[0])
            kinds = [holder] if holder[:1].isupper() else []
        return kinds or ([name] if name[:1].isupper() else [])

    def _made(self, value: Node, file: Read) -> list[str]:
        call = file.code.by_node.get(unwrapped(value).id)
        return [call.name] if call is not None and call.makes else []

    def _named(self, name: str, near: Read) -> list[tuple[Read, Type]]:
        """The classes of a name: of this file, of one that it imports, of its package, of any when few have it."""
        own = near.types.get(name)
        if own:
            return [(near, kind) for kind in own]
        key = (name, near.code.where.path.rpartition("/")[0])
        if key not in self._classes:
            self._classes[key] = list(self._classes_of(name, near))
        return self._classes[key]

    def _classes_of(self, name: str, near: Read) -> Iterator[tuple[Read, Type]]:
        places = dict.fromkeys(self._index.files_with_stem([name], self._trees))
        places |= dict.fromkeys(_place(unit) for unit in self._index.definitions([name], self._trees) if unit.name)
        if not name[:1].isupper():  # not the name of a class in most languages, and many have one
            return
        imported = [place for place in places if _dotted(place[1]).endswith(tuple(near.imports.get(name, ("\n",))))]
        beside = [place for place in places if _beside(near.code.where.path, place[1])]
        for place in imported or beside or (list(places) if len(places) <= _MAX_MEANINGS else []):
            read = self.file(*place)
            if read is not None:
                yield from ((read, kind) for kind in read.types.get(name, ()))


class Read:
    """A file that was read, with the types and functions that it defines by their names."""

    def __init__(self, code: CodeFile) -> None:
        self.code = code
        self.types: dict[str, list[Type]] = {}
        for kind in code.types:
            self.types.setdefault(kind.name, []).append(kind)
        self.functions: dict[str, list[Function]] = {}
        for function in functions_of(code):
            self.functions.setdefault(function.name, []).append(function)

    @property
    def file(self) -> File:
        """Where it is."""
        return self.code.where.repo, self.code.where.path

    @cached_property
    def imports(self) -> dict[str, list[str]]:
        """Dotted names that it imports, by each of their parts that may be a type."""
        found: dict[str, list[str]] = {}
        for dotted in _IMPORT.findall(self.code.text):
            parts = dotted.replace("\\", ".").split(".")
            for end in range(2, len(parts) + 1):
                found.setdefault(parts[end - 1], []).append("." + ".".join(parts[:end]))
        return found

    def type_of(self, node: Node) -> Type | None:
        """The class that a node is."""
        return next((kind for kind in self.code.types if kind.node.id == node.id), None)

    @cached_property
    def ordered(self) -> list[Call]:
        """Its calls by where they begin."""
        return sorted(self.code.calls, key=lambda call: (call.node.start_byte, call.node.end_byte))


def _returned(function: Function) -> str:
    for field in _RETURN_TYPES:
        node = function.node.child_by_field_name(field)
        if node is not None:
            return type_name(text_of(node))
    return function.owner if function.makes else ""


def _cast_to(node: Node) -> str:
    """The type that an expression is cast to, '' where it is not."""
    while node.type == "parenthesized_expression" and node.named_child_count:
        node = node.named_children[0]
    kind = node.child_by_field_name("type") if node.type == "cast_expression" else None
    return type_name(text_of(kind)) if kind is not None else ""


def _taken(function: Function) -> list[str]:
    """The types of a function's parameters, '' where none is said."""
    types = (named.parent.child_by_field_name("type") for named in parameter_nodes(function.node) if named.parent)
    return [type_name(text_of(kind)) for kind in types]


def _methods_of(name: str, read: Iterable[Read]) -> list[tuple[Function, Read]]:
    """The functions of a name with a body, each with the file that it is of."""
    return [
        (function, one)
        for one in dict.fromkeys(read)
        for function in one.functions.get(name, ())
        if _has_body(function)
    ]


def _has_body(function: Function) -> bool:
    return function.node.type != "method_declaration" or function.node.child_by_field_name("body") is not None


def _beside(path: str, other: str) -> bool:
    """Whether two files are of one package: their folders are the same, or end alike below `main` and `test`."""
    one, two = (each.rpartition("/")[0].split("/") for each in (path, other))
    return one == two or (len(one) > 2 and one[-2:] == two[-2:])


def _dotted(path: str) -> str:
    return "." + path.rpartition(".")[0].replace("/", ".")


def _owner(unit: UnitHit) -> str:
    """The class that a function is of, '' where it is of none."""
    return unit.name.rpartition(".")[0].rpartition(".")[2]


def _place(unit: UnitHit) -> File:
    return unit.repo, unit.path
