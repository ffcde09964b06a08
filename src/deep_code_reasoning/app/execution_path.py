"""What runs from an entry point on: calls followed through the code, joined with the spans that ran there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import UsageError
from ..source import Roots
from ..source.contracts.edges import ServiceNames
from ..source.contracts.read import Contracts
from ..source.functions import Function, function_at, functions
from ..source.operations import Operations
from ..source.references import References
from ..source.roots import SourceFile, SourcePath
from ..store import CaseStore
from .cases import open_named
from .code_references import kept_contracts, references
from .code_telemetry import frames_of_exceptions, spans_of_functions
from .data_flow import Crossings, data_flow
from .operation_code import deployed, operations, what_ran

_MAX_STEPS: Final = 120


@dataclass(frozen=True, slots=True)
class Step:
    """A function on the path; `called_at` is the line of the caller's file, 0 for the entry point.

    `over` is the contract by which another service runs it, '' for a call.
    """

    depth: int
    file: SourceFile
    function: Function
    called_at: int = 0
    caller: SourceFile | None = None
    ambiguous: bool = False
    over: str = ""

    @property
    def place(self) -> str:
        """Its citation."""
        return f"code:{self.file.where}#{self.function.first}"


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Where to begin: a line of a file, or the function of that name in it, which goes before the line."""

    file: str
    line: int
    function_name: str | None = None


def entry_of(roots: Roots, entry: EntryPoint) -> tuple[SourceFile, Function]:
    """The function of an entry point.

    Raises:
        SourceError: when the file may not or cannot be read.
        UsageError: when no function is there.
    """
    file = roots.read(entry.file)
    function = function_at(functions(file), entry.line, entry.function_name)
    if function is None:
        raise UsageError(f"no function is found around {file.where}:{entry.line}", "give a line inside a function")
    return file, function


def walk(
    names: References, entry: tuple[SourceFile, Function], max_depth: int, crossings: Crossings | None = None
) -> tuple[list[Step], set[str]]:
    """The functions called from an entry point, each once, depth first; and the names that lead nowhere here.

    With crossings, the functions of other services that requests, calls and messages lead to are on the path too.
    """
    steps = [Step(0, *entry)]
    seen = {(entry[0].where, entry[1].first)}
    unknown: set[str] = set()
    stack = list(reversed(list(_callees(names, steps[0], unknown, crossings))))
    while stack and len(steps) < _MAX_STEPS:
        step = stack.pop()
        key = (step.file.where, step.function.first)
        if step.depth > max_depth or key in seen:
            continue
        seen.add(key)
        steps.append(step)
        stack += reversed(list(_callees(names, step, unknown, crossings)))
    return steps, unknown


def trace_execution_path(
    roots: Roots, entry_point: EntryPoint, case: str | None, *, max_depth: int, include_data_flow: bool
) -> dict[str, Any]:
    """Answer a question for an execution path: what runs from an entry point on, `max_depth` calls deep at most.

    Raises:
        SourceError, UsageError: as `entry_of`.
        CaseNotFoundError: when a case is named and there is none.
    """
    entry = entry_of(roots, entry_point)
    contracts = kept_contracts(roots)
    crossings = Crossings(contracts, roots)
    with references(roots) as names, open_named(case) as store:
        steps, unknown = walk(names, entry, max_depth, crossings)
        flows = data_flow(names, crossings, entry, max_depth) if include_data_flow else []
        proofs = _proofs(store, operations(store, contracts, names, roots), roots, steps) if store else {}
        running = deployed(store) if store else {}
    path = [_shown(step, proofs.get((step.file.where, step.function.first), {}), include_data_flow) for step in steps]
    services = dict.fromkeys(step.file.where.repo for step in steps)
    head = {
        "entry_point": steps[0].place,
        "function": steps[0].function.name,
        "steps": len(steps),
        "deepest": max(step.depth for step in steps),
        "repositories": list(services),
        "deployed": _of_path(running, steps, contracts),
        "stopped_at_limit": len(steps) >= _MAX_STEPS,
        "functions_with_spans": sum("spans" in shown for shown in path),
        "functions_proven": sum("proven_by" in shown for shown in path),
        "basis": "calls by name, as the grammars tell them; a name with several definitions is marked ambiguous",
        "path": path[:25],
        "calls_outside_the_code": sorted(unknown)[:30],
    }
    sections = {"path": path, "calls_outside_the_code": sorted(unknown)}
    if include_data_flow:
        head["data_flow"] = flows[:12]
        sections["data_flow"] = flows
    return {"head": head, "sections": sections}


def _of_path(
    running: Mapping[str, Mapping[str, str]], steps: Sequence[Step], contracts: Contracts
) -> dict[str, Mapping[str, str]]:
    """The repository and revision that run of the services on the path, as far as telemetry and deploys tell."""
    of_repositories = {step.file.where.repo for step in steps}
    own = ServiceNames({each.service for each in contracts.contracts if each.repo in of_repositories} | of_repositories)
    return {service: named for service, named in running.items() if own.find(service)}


def _callees(names: References, step: Step, unknown: set[str], crossings: Crossings | None) -> Iterator[Step]:
    for name, line in step.function.calls:
        meanings = names.defined(name, step.file)
        if not meanings:
            unknown.add(name)
        for file, function in meanings:
            yield Step(step.depth + 1, file, function, line, step.file, len(meanings) > 1)
    if crossings is not None:
        for over in crossings.behind(step.file.where, step.function.first, step.function.last):
            yield Step(step.depth + 1, over.file, over.function, over.line, step.file, over=over.by)


def _proofs(
    store: CaseStore, finder: Operations, roots: Roots, steps: Sequence[Step]
) -> dict[tuple[SourcePath, int], dict[str, Any]]:
    """By function: the spans that lead to it, or bear its name, and whether a stack trace stood in it."""
    named = spans_of_functions(store, (step.function.name for step in steps))
    ran = [(place, each.facts) for each in what_ran(store, finder) for place in each.places]
    frames = frames_of_exceptions(store, roots)
    proofs: dict[tuple[SourcePath, int], dict[str, Any]] = {}
    for step in steps:
        where, function = step.file.where, step.function
        spans = [f for place, f in ran if place.where == where and function.first - 1 <= place.line <= function.last]
        spans = spans or named.get(function.name.lower(), [])
        stood = sum(frame == where and function.first <= line <= function.last for frame, line in frames)
        proof = {**({"spans": spans[:3]} if spans else {}), **({"in_stack_traces": stood} if stood else {})}
        if proof:
            proof["proven_by"] = "spans" if spans else "stack traces"
            proofs[where, function.first] = proof
    return proofs


def _shown(step: Step, proof: Mapping[str, Any], with_data: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"depth": step.depth, "function": step.function.name, "at": step.place}
    if step.caller is not None:
        shown["called_at"] = f"code:{step.caller.where}#{step.called_at}"
    if step.over:
        shown["over"] = step.over
    if step.ambiguous:
        shown["ambiguous"] = True
    shown.update(proof)
    if with_data:
        shown["takes"] = step.file.lines[step.function.first - 1].strip()[:160]
        if step.caller is not None:
            shown["given"] = step.caller.lines[step.called_at - 1].strip()[:160]
    return shown
