"""What runs from an entry point on: calls followed through the code, joined with the spans that ran there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..source import Roots
from ..source.functions import Function, function_at, functions
from ..source.references import References
from ..source.roots import SourceFile
from ..store import open_case
from ..store.library import find_case
from .code_references import references
from .code_telemetry import spans_of_functions

_MAX_STEPS: Final = 120


@dataclass(frozen=True, slots=True)
class Step:
    """A function on the path; `called_at` is the line of the caller's file, 0 for the entry point."""

    depth: int
    file: SourceFile
    function: Function
    called_at: int = 0
    caller: SourceFile | None = None
    ambiguous: bool = False

    @property
    def place(self) -> str:
        """Its citation."""
        return f"code:{self.file.where}#{self.function.first}"


def entry_of(roots: Roots, entry: Mapping[str, Any]) -> tuple[SourceFile, Function]:
    """The function of an entry point: `file`, `line`, and `function_name`, which goes before the line.

    Raises:
        SourceError: when the file may not or cannot be read.
        UsageError: when no function is there.
    """
    file = roots.read(entry["file"])
    function = function_at(functions(file), entry["line"], entry.get("function_name"))
    if function is None:
        raise UsageError(f"no function is found around {file.where}:{entry['line']}", "give a line inside a function")
    return file, function


def walk(names: References, entry: tuple[SourceFile, Function], max_depth: int) -> tuple[list[Step], set[str]]:
    """The functions called from an entry point, each once, depth first; and the names that lead nowhere here."""
    steps = [Step(0, *entry)]
    seen = {(entry[0].where, entry[1].first)}
    unknown: set[str] = set()
    stack = list(reversed(list(_callees(names, steps[0], unknown))))
    while stack and len(steps) < _MAX_STEPS:
        step = stack.pop()
        key = (step.file.where, step.function.first)
        if step.depth > max_depth or key in seen:
            continue
        seen.add(key)
        steps.append(step)
        stack += reversed(list(_callees(names, step, unknown)))
    return steps, unknown


def trace_execution_path(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a question for an execution path."""
    roots = Roots([Path(root) for root in asked["roots"]])
    with references(roots) as names:
        steps, unknown = walk(names, entry_of(roots, asked["entry_point"]), asked["max_depth"])
    opened = open_case(find_case(asked["case"])) if asked["case"] else nullcontext()
    with opened as store:
        ran = spans_of_functions(store, (step.function.name for step in steps)) if store else {}
    path = [_shown(step, ran, asked["include_data_flow"]) for step in steps]
    return {
        "head": {
            "entry_point": steps[0].place,
            "function": steps[0].function.name,
            "steps": len(steps),
            "deepest": max(step.depth for step in steps),
            "stopped_at_limit": len(steps) >= _MAX_STEPS,
            "functions_with_spans": sum(1 for step in steps if step.function.name.lower() in ran),
            "basis": "calls by name, as the grammars tell them; a name with several definitions is marked ambiguous",
            "path": path[:25],
            "calls_outside_the_code": sorted(unknown)[:30],
        },
        "sections": {"path": path, "calls_outside_the_code": sorted(unknown)},
    }


def _callees(names: References, step: Step, unknown: set[str]) -> Iterator[Step]:
    for name, line in step.function.calls:
        meanings = names.defined(name, step.file)
        if not meanings:
            unknown.add(name)
        for file, function in meanings:
            yield Step(step.depth + 1, file, function, line, step.file, len(meanings) > 1)


def _shown(step: Step, ran: Mapping[str, Any], data_flow: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"depth": step.depth, "function": step.function.name, "at": step.place}
    if step.caller is not None:
        shown["called_at"] = f"code:{step.caller.where}#{step.called_at}"
    if step.ambiguous:
        shown["ambiguous"] = True
    spans = ran.get(step.function.name.lower())
    if spans:
        shown["spans"] = spans[:3]
    if data_flow:
        shown["takes"] = step.file.lines[step.function.first - 1].strip()[:160]
        if step.caller is not None:
            shown["given"] = step.caller.lines[step.called_at - 1].strip()[:160]
    return shown
