"""A file's structure: the pieces that it is read and found in, and what each of them calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .languages import Language, grammar, language_of
from .log_statements import LogStatement, log_statement
from .words import words

# Lines this long on average are minified or generated: they are searched by nobody and cost the most.
_MAX_MEAN_LINE: Final = 400


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class: bytes from `start` to before `end`, its own name, lines from 1, both included."""

    start: int
    end: int
    kind: str
    name: str
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A name that is called: at which byte and on which line."""

    start: int
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Structure:
    """What the parser met in a file."""

    definitions: list[Definition]
    calls: list[Call]
    statements: list[LogStatement]


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
    if len(content) > _MAX_MEAN_LINE * len(lines):
        return Outline(name, len(lines), note="its lines are too long to be written by people")
    found = structure(language, content) if language else Structure([], [], [])
    units = _units(found)
    units.append(Unit("module", "", 1, len(lines)))
    _share_out(units, lines)
    units.sort(key=lambda unit: (unit.first_line, unit.kind != "module"))
    return Outline(name, len(lines), tuple(units), tuple(found.statements))


def unit_words(unit: Unit) -> tuple[str, str]:
    """The words of a unit's name and of its text, for the index."""
    return " ".join(words(unit.name.replace(".", " "))), " ".join(words(unit.body))


def structure(language: Language, content: bytes) -> Structure:
    """All definitions of a file, nested ones too, its calls in order, and its log statements."""
    import tree_sitter

    parser, query = grammar(language)
    found = Structure([], [], [])
    for _, captures in tree_sitter.QueryCursor(query).matches(parser.parse(content).root_node):
        if "call" in captures:
            node = captures["call"][0]
            call = Call(node.start_byte, _text(node.text), node.start_point.row + 1)
            found.calls.append(call)
            statement = log_statement(node, call.name)
            if statement is not None:
                found.statements.append(statement)
            continue
        kind = "function" if "function" in captures else "class"
        node = captures[kind][0]
        if node.parent is not None and node.parent.type in ("decorated_definition", "export_statement"):
            node = node.parent
        name = _text(captures["name"][0].text)
        lines = (node.start_point.row + 1, node.end_point.row + 1)
        found.definitions.append(Definition(node.start_byte, node.end_byte, kind, name, *lines))
    found.calls.sort()
    return found


def _units(found: Structure) -> list[Unit]:
    """Units with the names of what they are in; functions within functions belong to the outermost."""
    units: list[Unit] = []
    around: list[tuple[int, Unit]] = []
    for definition in sorted(found.definitions, key=lambda d: (d.start, -d.end, d.kind, d.name)):
        while around and around[-1][0] <= definition.start:
            around.pop()
        if around and around[-1][1].kind == "function":
            continue
        qualified = f"{around[-1][1].name}.{definition.name}" if around else definition.name
        unit = Unit(definition.kind, qualified, definition.first_line, definition.last_line)
        units.append(unit)
        around.append((definition.end, unit))
    _give_calls(units, found.calls)
    return units


def _give_calls(units: Sequence[Unit], calls: Sequence[Call]) -> None:
    """Give each call to the innermost unit that holds its line; calls outside of all units are nobody's."""
    owners = _owners(units, max((call.line for call in calls), default=0))
    for call in calls:
        owner = owners[call.line]
        if owner is not None:
            owner.calls.append((call.name, call.line))


def _share_out(units: Sequence[Unit], lines: Sequence[str]) -> None:
    """Give each line to the innermost unit that holds it: each is found by its own words and by nobody else's."""
    bodies: dict[int, list[str]] = {}
    for line, owner in zip(lines, _owners(units, len(lines))[1:], strict=True):
        bodies.setdefault(id(owner), []).append(line)
    for unit in units:
        unit.body = "\n".join(bodies.get(id(unit), ()))


def _owners(units: Sequence[Unit], lines: int) -> list[Unit | None]:
    """The innermost unit of each line, from line 0 (nobody's) to `lines`."""
    owners: list[Unit | None] = [None] * (lines + 1)
    for unit in sorted(units, key=lambda unit: (unit.first_line, -unit.last_line, unit.kind != "module")):
        last = min(unit.last_line, lines)
        owners[unit.first_line : last + 1] = [unit] * (last + 1 - unit.first_line)
    return owners


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")
