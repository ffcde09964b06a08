"""A file's structure: the pieces that it is read and found in, what is called in it, and what it writes to a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from .apart import is_minified
from .languages import Language, grammar, language_of, syntax_tree
from .log_statements import LogStatement, log_statements
from .words import joined_words

if TYPE_CHECKING:
    from tree_sitter import Node


class Span(Protocol):
    """What has a kind and lines from 1, both included."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def first_line(self) -> int: ...  # noqa: D102
    @property
    def last_line(self) -> int: ...  # noqa: D102


SpanT = TypeVar("SpanT", bound=Span)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class: bytes from `start` to before `end`, its own name, lines from 1, both included."""

    start: int
    end: int
    kind: str
    name: str
    first_line: int
    last_line: int


class Call(NamedTuple):
    """A name that is called: at which byte and on which line."""

    start: int
    name: str
    line: int


@dataclass(slots=True)
class Unit:
    """A function with all that is in it, a class without its functions, or what is left of a file (`module`).

    `name` is qualified (`Cart.total`), '' for a module. Lines count from 1, both ends included. `calls` are (name,
    line).
    """

    kind: str
    name: str
    first_line: int
    last_line: int
    calls: list[tuple[str, int]] = field(default_factory=list)
    body: str = ""

    @property
    def own_name(self) -> str:
        """Its name without that of what it is in."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Outline:
    """A file in units, in the order of their first lines, and its log statements; `note` says why it has none."""

    language: str
    lines: int
    units: tuple[Unit, ...] = ()
    statements: tuple[LogStatement, ...] = ()
    note: str = ""


def outline(path: str, content: bytes) -> Outline:
    """Read the structure of a file. A file in no language that we have a grammar for is one unit.

    Broken code keeps what can be made out of it; tree-sitter's parsers recover at the next definition.
    """
    language = language_of(path)
    name = language.name if language else ""
    lines = content.decode("utf-8", "replace").split("\n")
    if is_minified(content):
        return Outline(name, len(lines), note="its lines are too long to be written by people")
    units, statements = [], []
    if language:
        root = syntax_tree(language, content)
        if root is None:
            return Outline(name, len(lines), note="its structure takes too long to be read")
        units = _units(*structure(language, root))
        statements = log_statements(root, content)
    units.append(Unit("module", "", 1, len(lines)))
    _share_out(units, lines)
    units.sort(key=lambda unit: (unit.first_line, unit.kind != "module"))
    return Outline(name, len(lines), tuple(units), tuple(statements))


def unit_words(unit: Unit) -> tuple[str, str]:
    """The words of a unit's name and of its text, for the index."""
    return joined_words(unit.name), joined_words(unit.body)


def structure(language: Language, root: Node) -> tuple[list[Definition], list[Call]]:
    """All definitions of a syntax tree, nested ones too, and all names that are called in it, both in order."""
    import tree_sitter

    definitions, calls = [], []
    for _, captures in tree_sitter.QueryCursor(grammar(language)[1]).matches(root):
        if "call" in captures:
            node = captures["call"][0]
            calls.append(Call(node.start_byte, _text(node.text), node.start_point.row + 1))
            continue
        kind = "function" if "function" in captures else "class"
        node = captures[kind][0]
        if node.parent is not None and node.parent.type in ("decorated_definition", "export_statement"):
            node = node.parent
        name = _text(captures["name"][0].text)
        lines = (node.start_point.row + 1, node.end_point.row + 1)
        definitions.append(Definition(node.start_byte, node.end_byte, kind, name, *lines))
    definitions.sort(key=lambda definition: (definition.start, -definition.end, definition.kind, definition.name))
    return definitions, sorted(calls)


def _units(found: Sequence[Definition], calls: Sequence[Call]) -> list[Unit]:
    """Units with the names of what they are in; functions within functions belong to the outermost."""
    units: list[Unit] = []
    around: list[tuple[int, Unit]] = []
    for definition in found:
        while around and around[-1][0] <= definition.start:
            around.pop()
        if around and around[-1][1].kind == "function":
            continue
        qualified = f"{around[-1][1].name}.{definition.name}" if around else definition.name
        unit = Unit(definition.kind, qualified, definition.first_line, definition.last_line)
        units.append(unit)
        around.append((definition.end, unit))
    of_line = owners(units, max((call.line for call in calls), default=0))
    for call in calls:
        owner = of_line[call.line]
        if owner is not None:
            owner.calls.append((call.name, call.line))
    return units


def _share_out(units: Sequence[Unit], lines: Sequence[str]) -> None:
    """Give each line to the innermost unit that holds it: each is found by its own words and by nobody else's."""
    bodies: dict[int, list[str]] = {}
    for line, owner in zip(lines, owners(units, len(lines))[1:], strict=True):
        bodies.setdefault(id(owner), []).append(line)
    for unit in units:
        unit.body = "\n".join(bodies.get(id(unit), ()))


def owners(units: Sequence[SpanT], lines: int) -> list[SpanT | None]:
    """The innermost unit of each line, from line 0 (nobody's) to `lines`."""
    found: list[SpanT | None] = [None] * (lines + 1)
    for unit in sorted(units, key=lambda unit: (unit.first_line, -unit.last_line, unit.kind != "module")):
        last = min(unit.last_line, lines)
        found[unit.first_line : last + 1] = [unit] * (last + 1 - unit.first_line)
    return found


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")
