"""What many files define: values, functions, types, what they give each other; and which functions a call may run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from .calls import SUPER, Call
from .classes import CONSTRUCTORS, OWN, bases_of, class_around, is_extension, is_of_base, of_type
from .go_names import go_package, own_methods, tags
from .grammars import CLASS_TYPES, FUNCTION_TYPES, LAMBDA_TYPES, MEMBERS, NAMES
from .imports import Imports
from .nodes import definition_name, enclosing, fields, last_name, text_of, unwrapped, within
from .scopes import Function, Term, declared_type, functions_of, names_in, patterns, scopes_around
from .syntax import CodeFile

if TYPE_CHECKING:
    from tree_sitter import Node

# What is passed on from file to file more often goes in a circle.
_MAX_DEPTH: Final = 6
# A function that is called more often sets nothing up.
_MAX_CALLS: Final = 100
# Methods of one name, of more classes than that, are whose nobody can tell.
_MAX_ALIKE: Final = 3
# Methods of so many objects that their name alone does not tell whose they are.
_COMMON: Final = frozenset(
    "get post put delete patch head options publish send emit subscribe consume produce request fetch call create "
    "update find save add remove list all one execute process run start stop open close read write apply".split()
)
_SCRIPT_IMPORT: Final = r"import\b|(?:const|let|var)\b(?=[^\n]*require\()"
_IMPORTING: Final = {
    "python": r"from\b|import\b", "php": r"use\b",
    "javascript": _SCRIPT_IMPORT, "typescript": _SCRIPT_IMPORT, "tsx": _SCRIPT_IMPORT,
}  # fmt: skip


class Definitions:
    """The definitions of many files."""

    def __init__(self, files: Sequence[CodeFile]) -> None:
        self.imports = Imports(files)
        self._given: dict[str, list[tuple[CodeFile, Node]]] = {}
        self._functions: dict[str, list[Function]] = {}
        self._types: dict[str, list[tuple[CodeFile, Node]]] = {}
        self.types_by_node: dict[int, Term] = {}
        self._calls: dict[str, list[tuple[Call, CodeFile]]] = {}
        self._modules: dict[str, CodeFile] = {str(file.where): file for file in files}
        for file in files:
            for name, given in file.values.items():
                self._given.setdefault(name, []).extend((file, node) for node in given)
            for function in functions_of(file):
                self._functions.setdefault(function.name, []).append(function)
            for kind in file.types:
                self._types.setdefault(kind.name, []).append((file, kind.node))
                self.types_by_node[kind.node.id] = Term(kind.node, file)
            for call in file.calls:
                self._calls.setdefault(call.name, []).append((call, file))
        self.tags = {name: tag for file in files if file.language == "go" for name, tag in tags(file.text)}
        self._by_node = {each.node.id: each for known in self._functions.values() for each in known}
        self._callers: dict[int, list[tuple[Call, CodeFile]]] = {}

    def tag(self, head: str, field: str, term: Term) -> tuple[str, str] | None:
        """Go: the variable, and its default, that fills a field of what a name is declared with."""
        kind = declared_type(last_name(head), term.node, term.file).rpartition(".")[2]
        return self.tags.get((kind, field)) if kind else None

    def given(self, name: str) -> list[tuple[CodeFile, Node]]:
        """The expressions that a name is given anywhere, each with its file."""
        return self._given.get(name, [])

    def type_of(self, name: str, near: CodeFile) -> Term | None:
        """The class of a name: of this file, of one that it imports, of its service, of any."""
        known = self._types.get(name, [])
        source = self.imports.source(name, near)
        order = [near, source[0] if source is not None else None]
        for file in order:
            for where, node in known:
                if where is file:
                    return Term(node, where)
        found = next((each for each in known if each[0].service == near.service), next(iter(known), None))
        return Term(found[1], found[0]) if found is not None else None

    def function_named(self, name: str, near: CodeFile) -> Function | None:
        """The function that a name stands for where it is not called."""
        source = self.imports.source(name, near)
        if source is not None:
            exported = self.exported(*source)
            return self._as_function(exported) if exported is not None else None
        known = [each for each in self._functions.get(name, ()) if not each.makes]
        return next((each for each in known if each.file is near), None) or next(iter(_nearest(known, near)), None)

    def function(self, node: Node) -> Function | None:
        """The function that a node is, when it has a name."""
        return self._by_node.get(node.id)

    def method(self, name: str, kind: Term) -> Function | None:
        """The function of a name that stands in a class."""
        known = (each for each in self._functions.get(name, ()) if each.file is kind.file)
        return next((each for each in known if within(each.node, kind.node)), None)

    def module(self, name: str, file: CodeFile) -> CodeFile | None:
        """The file that a name stands for as a whole."""
        source = self.imports.source(name, file)
        return source[0] if source is not None and not source[1] else None

    def files_below(self, repo: str, folder: str) -> list[CodeFile]:
        """The files of a folder of a repository, and of those in it."""
        return [f for f in self._modules.values() if f.where.repo == repo and f.where.path.startswith(f"{folder}/")]

    def exported(self, module: CodeFile, name: str, depth: int = 0) -> Term | None:
        """What a file gives others under a name ('' or `default`: what it gives when nothing is named)."""
        if module.language == "php" and not name and module.root is not None:
            given = [child for child in module.root.named_children if child.type == "return_statement"]
            return Term(given[0].named_children[0], module) if given and given[0].named_child_count else None
        for own in (name,) if name and name != "default" else ("exports", "default"):
            for node in module.values.get(own, ()):
                if own not in ("exports", "default") or enclosing(node, FUNCTION_TYPES) is None:
                    node = unwrapped(node)
                    if node.type in NAMES and text_of(node) in module.values and text_of(node) != own:
                        return Term(unwrapped(module.values[text_of(node)][0]), module)
                    return Term(node, module)
        function = next((each for each in self._functions.get(name, ()) if each.file is module), None)
        if function is not None:
            return Term(function.node, module)
        alias = re.search(rf"export\s*\{{[^}}]*?\b(\w+)\s+as\s+{re.escape(name)}\b[^}}]*\}}\s*(?!\s*from)", module.text)
        if name and alias is not None and alias[1] in module.values:
            return Term(unwrapped(module.values[alias[1]][0]), module)
        again = self.imports.source(name, module) if name else None
        if again is not None and again[0] is not module:
            return self.exported(again[0], again[1], depth + 1) if again[1] and depth < _MAX_DEPTH else None
        exported = next(iter(module.values.get("exports", ())), None)
        if name and exported is not None:
            return next((Term(value, module) for key, value in fields(exported) if key == name), None)
        return None

    def targets(self, call: Call, file: CodeFile) -> list[Function]:
        """The functions that a call may run: by its name and what it is called on."""
        known = self._functions.get(call.name, [])
        if is_of_base(call):
            around = enclosing(call.node, CLASS_TYPES)
            kind = Term(around, file) if around is not None else None
            return [each for base in self._bases(kind) for each in self._makers(base)] if kind is not None else []
        receiver = call.receiver.lstrip("&*(").removeprefix("new ").lstrip("&*(")
        if call.name in ("require", "import"):
            return []
        if not receiver:
            source = self.imports.source(call.name, file)
            if source is not None:
                if not source[1] or source[1] == "default":
                    exported = self.exported(source[0], "")
                    return [f for f in [self._as_function(exported)] if f is not None] if exported is not None else []
                known = self._functions.get(source[1], known)
                return [each for each in known if each.file is source[0]] or self._reexported(source, known)
            if self.imports.original(call.name, file)[0] and len(known) != 1:
                return []  # somebody else's
            inner = unwrapped(call.node.child_by_field_name("function") or call.node)
            required = file.by_node.get(inner.id)
            if required is not None and required.name == "require" and required.arguments:
                module = self.imports.module(_literal(required.arguments[0].node), file)
                exported = self.exported(module, "") if module is not None else None
                return [f for f in [self._as_function(exported)] if f is not None] if exported is not None else []
            if required is not None and required is not call and required.makes:  # PHP: (new Routes())($app)
                return [each for each in self._functions.get("__invoke", ()) if each.owner == required.name]
            if not known and (kind := self.type_of(call.name, file)) is not None:
                return self._makers(kind)
            same = [each for each in known if each.file is file and (not each.owner or each.makes)]
            beside = [each for each in known if not each.owner or each.makes or _is_static(each)]
            return same or _nearest([each for each in known if each.file is file] or beside, file)
        if receiver in OWN:
            owner = class_around(call.node)
            own = [each for each in known if each.file is file and each.owner.lower() == owner]
            return own or self._taken_over(known, call, file) or _nearest(known, file)
        return self._of_receiver(known, receiver, call, file)

    def _bases(self, kind: Term) -> list[Term]:
        """The classes of ours that one extends."""
        return [base for name in bases_of(kind.node) if (base := self.type_of(name, kind.file)) is not None]

    def _makers(self, kind: Term, depth: int = 0) -> list[Function]:
        """The constructors of a class, or those that it takes over from what it extends."""
        own = [each for each in self._functions.get(definition_name(kind.node), ()) if each.makes]
        above = self._bases(kind) if not own and depth < _MAX_DEPTH else []
        return own or [each for base in above for each in self._makers(base, depth + 1)]

    def _taken_over(self, known: Sequence[Function], call: Call, file: CodeFile) -> list[Function]:
        """The methods that the class around a call takes over from what it extends."""
        around = enclosing(call.node, CLASS_TYPES)
        kind = Term(around, file) if around is not None else None
        for _ in range(_MAX_DEPTH):
            above = self._bases(kind) if kind is not None else []
            found = [f for f in known for base in above if within(f.node, base.node) and f.file is base.file]
            if found or not above:
                return found
            kind = above[0]
        return []

    def _of_receiver(self, known: Sequence[Function], receiver: str, call: Call, file: CodeFile) -> list[Function]:
        if not known:
            return []
        made = re.match(r"[\w.$@\\]+", receiver)
        head = last_name(made[0]) if made is not None else ""
        package = go_package(made[0].partition(".")[0] if made is not None else "", file)
        if package:
            return [each for each in known if folders_of(each.file)[1] == package]
        package, _, kind = declared_type(head, call.node, file).rpartition(".")
        if package:  # Go
            folder = go_package(package, file)
            known = [each for each in known if folders_of(each.file)[1] == folder]
        own = own_methods(known, head, call) or of_type(known, kind)
        if own or not known:
            return own
        module = self.module(head, file)
        if module is not None:
            return [each for each in known if each.file is module] or _nearest(known, file)
        # Python and scripts say from which file a name is.
        by_place = file.family not in ("python", "script")
        named = [e for e in known if head.lower() in (e.owner.lower(), *(folders_of(e.file) if by_place else ()))]
        if named:
            return named
        extensions = [each for each in known if is_extension(each)]
        if extensions:
            return _nearest(extensions, file)
        if is_imported(head, file):
            return []  # somebody else's
        first = made[0].partition(".")[0] if made is not None else ""
        if file.language == "go" and not _is_variable(first, call.node, file):
            return []  # a package that is none of ours
        maker = self._maker(call, file)
        of_maker = [each for each in known if maker and each.owner and each.owner in maker]
        plain = re.sub(r"[^a-z]", "", head.lower())
        like = [each for each in known if len(plain) > 2 and plain in each.owner.lower()]
        if call.name in _COMMON or len(known) > _MAX_ALIKE:
            return of_maker or like
        return of_maker or like or [each for each in known if each.owner and each.node.type in FUNCTION_TYPES]

    def _maker(self, call: Call, file: CodeFile) -> str:
        """The name of what makes the object that a call is called on, as far as its own file says."""
        node = unwrapped(call.receiver_node) if call.receiver_node is not None else None
        if node is not None and node.type in NAMES | MEMBERS:
            node = next(iter(file.values.get(last_name(text_of(node)), ())), None)
        made = file.by_node.get(unwrapped(node).id) if node is not None else None
        return made.name if made is not None else ""

    def _reexported(self, source: tuple[CodeFile, str], known: Sequence[Function]) -> list[Function]:
        exported = self.exported(*source)
        function = self._as_function(exported) if exported is not None else None
        return [function] if function is not None else [each for each in known if len(known) == 1]

    def _as_function(self, term: Term) -> Function | None:
        node = unwrapped(term.node)
        if node.type in FUNCTION_TYPES | LAMBDA_TYPES:
            return self._by_node.get(node.id) or Function(node, term.file, "", "")
        if node.type in NAMES:
            return next((f for f in self._functions.get(text_of(node), ()) if f.file is term.file), None)
        return None

    def callers(self, function: Function) -> list[tuple[Call, CodeFile]]:
        """The calls that run a function."""
        if function.node.id not in self._callers:
            self._callers[function.node.id] = []  # while it is asked: a circle has none
            named = self._calls.get(function.name, []) if function.name else []
            if function.file.language == "php" and function.name in ("", "__invoke"):
                named = named + self._calls.get("", [])  # (require "x.php")($app), (new Routes())($app)
            if function.makes:
                makers = [SUPER, *CONSTRUCTORS, *self._heirs.get(function.name, ())]
                named = named + [each for name in makers for each in self._calls.get(name, ())]
            if function.file.family == "script" and self._is_default(function):
                named = named + self._of_importers(function)
            self._callers[function.node.id] = [
                (call, file)
                for call, file in (named if len(named) <= _MAX_CALLS else ())
                if file.family == function.file.family
                and (file.service == function.file.service or file.language == "go")  # whose packages are told apart
                and not (file is function.file and within(call.node, function.node))  # runs itself as it was run
                if any(each.node.id == function.node.id for each in self.targets(call, file))
            ]
        return self._callers[function.node.id]

    @cached_property
    def _heirs(self) -> dict[str, list[str]]:
        """The names of the classes that extend one, by its name."""
        found: dict[str, list[str]] = {}
        for name, known in self._types.items():
            for _, node in known:
                for base in bases_of(node):
                    found.setdefault(base, []).append(name)
        return found

    def _is_default(self, function: Function) -> bool:
        """Whether a function is what its file gives others without a name."""
        exported = self.exported(function.file, "")
        given = self._as_function(exported) if exported is not None else None
        return given is not None and given.node.id == function.node.id

    def _of_importers(self, function: Function) -> list[tuple[Call, CodeFile]]:
        """Calls of what a file gives without a name, under whatever name others take it."""
        module = function.file
        return [
            (call, file)
            for file in self._modules.values()
            if file is not module and file.language == module.language
            for call in file.calls
            if not call.receiver
            and (
                ((source := self.imports.source(call.name, file)) is not None and source[0] is module) or not call.name
            )
        ]


def folders_of(file: CodeFile) -> tuple[str, ...]:
    """What others may call a file: its name, and its folder's."""
    folder, _, name = file.where.path.rpartition("/")
    return name.partition(".")[0].lower(), folder.rpartition("/")[2].lower()


def _is_static(function: Function) -> bool:
    return function.file.language in ("kotlin", "csharp", "java", "ruby", "php")


def _nearest(functions: Sequence[Function], file: CodeFile) -> list[Function]:
    """Those of the same folder, else of the same service, else all when there are few."""
    folder = file.where.path.rpartition("/")[0]
    beside = [each for each in functions if each.file.where.path.rpartition("/")[0] == folder]
    if beside:
        return beside
    near = [each for each in functions if each.file.service == file.service]
    return near or (list(functions) if len(functions) == 1 else [])


def _literal(node: Node) -> str:
    """The last text that an expression is written with: `__DIR__ . '/routes.php'`."""
    found = re.findall(r"['\"`]([^'\"`]+)['\"`]", text_of(node))
    return found[-1].lstrip("/") if found and "__DIR__" in text_of(node) else found[-1] if found else ""


def _is_variable(name: str, at: Node, file: CodeFile) -> bool:
    if name in file.values:
        return True
    scopes = scopes_around(at, file)
    receivers = (text_of(scope.child_by_field_name("receiver")) for scope in scopes_around(at, file))
    return any(name in names_in(pattern) for scope in scopes for pattern in patterns(scope)) or any(
        name in text.strip("()").split() for text in receivers
    )


def is_imported(name: str, file: CodeFile) -> bool:
    """Whether a file says that it takes a name from elsewhere."""
    words = _IMPORTING.get(file.language)
    if words and name not in file.imported:
        named = rf"(?m)^\s*(?:{words})[^\n]*(?<![\w$]){re.escape(name)}\b"
        file.imported[name] = re.search(named, file.text) is not None
    return file.imported.get(name, False)
