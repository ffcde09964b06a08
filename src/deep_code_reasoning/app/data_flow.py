"""Where the data of an entry point ends: its parameters followed through calls to queries, requests and messages, and
over contracts into the services that these reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ..errors import SourceError
from ..source import Roots
from ..source.contracts.read import Contracts
from ..source.contracts.records import Contract
from ..source.contracts.syntax import CodeFile, read_code
from ..source.flow import Carried, Passing, function_parameters, passings, received
from ..source.functions import Function, function_at, functions
from ..source.references import References
from ..source.roots import SourceFile, SourcePath

_MAX_FUNCTIONS: Final = 200
_MAX_FLOWS: Final = 60
_Visit = tuple[tuple[SourceFile, Function], Carried, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Code that another service runs because of a contract at a line: where it is, and the contract in words."""

    line: int
    file: SourceFile
    function: Function
    by: str


class Crossings:
    """What of other services runs when a function calls or sends."""

    def __init__(self, contracts: Contracts, roots: Roots) -> None:
        self._roots = roots
        self._at: dict[SourcePath, list[tuple[Contract, Contract | None]]] = {}
        for contract in contracts.contracts:
            if contract.side == "consumed" or contract.kind == "topic":
                self._at.setdefault(SourcePath(contract.repo, contract.path), []).append((contract, None))
        for edge in contracts.edges:
            where = SourcePath(edge.source.repo, edge.source.path)
            self._at.setdefault(where, []).append((edge.source, edge.target))

    def sinks(self, where: SourcePath, first: int, last: int) -> Iterator[Contract]:
        """What leaves the process on lines of a file: queries, requests, calls, messages that are sent."""
        for contract, target in self._at.get(where, ()):
            received_here = contract.kind == "topic" and contract.side == "consumed"
            if target is None and first <= contract.line <= last and not received_here:
                yield contract

    def behind(self, where: SourcePath, first: int, last: int) -> Iterator[Crossing]:
        """The functions of other services that lines of a file lead to."""
        for contract, target in self._at.get(where, ()):
            if target is None or target.kind == "table" or not first <= contract.line <= last:
                continue
            found = self._served_by(target)
            if found is not None:
                yield Crossing(contract.line, *found, f"{contract.kind} {contract.name}")

    def _served_by(self, contract: Contract) -> tuple[SourceFile, Function] | None:
        try:
            file = self._roots.read(SourcePath(contract.repo, contract.path))
        except SourceError:
            return None
        inside = functions(file)
        # A decorator stands on the line before what it marks, a registration names it.
        for line in (contract.line, contract.line + 1, contract.line + 2):
            function = function_at(inside, line, contract.handler or None)
            if function is not None:
                return file, function
        return None


def data_flow(
    names: References, crossings: Crossings, entry: tuple[SourceFile, Function], max_depth: int
) -> list[dict[str, Any]]:
    """The flows from an entry point's parameters to what leaves the process, nearest first."""
    parsed = cache(lambda file: read_code(file, ""))
    start = parsed(entry[0])
    carried: Carried = {name: frozenset({name}) for name in function_parameters(start, entry[1])} if start else {}
    waiting: deque[_Visit] = deque([(entry, carried, (entry[1].name,))])
    seen: set[tuple[SourcePath, int, frozenset[str]]] = set()
    flows: dict[tuple[object, ...], dict[str, Any]] = {}
    while waiting and len(seen) < _MAX_FUNCTIONS and len(flows) < _MAX_FLOWS:
        (file, function), carries, path = waiting.popleft()
        key = (file.where, function.first, frozenset(carries))
        code = parsed(file)
        if code is None or key in seen or not carries:
            continue
        seen.add(key)
        for passing in passings(code, function, carries):
            for sink in crossings.sinks(file.where, passing.first_line, passing.last_line):
                flow = _shown(passing, sink, path)
                flows.setdefault((sink.place, sink.name, *flow["from"]), flow)
            if len(path) <= max_depth:
                waiting += _next(names, crossings, file, passing, path, parsed)
    return list(flows.values())


def _next(
    names: References, crossings: Crossings, file: SourceFile, passing: Passing, path: tuple[str, ...], parsed: Any
) -> Iterator[_Visit]:
    for there, function in names.defined(passing.name, file):
        code: CodeFile | None = parsed(there)
        if code is not None:
            given = received(passing, function_parameters(code, function))
            yield (there, function), given, (*path, function.name)
    for crossing in crossings.behind(file.where, passing.first_line, passing.last_line):
        code = parsed(crossing.file)
        if code is not None:  # which of them is which does not cross: all that is sent may be in each
            inside = function_parameters(code, crossing.function)
            given = dict.fromkeys(inside, passing.origins)
            yield (crossing.file, crossing.function), given, (*path, f"[{crossing.by}]", crossing.function.name)


def _shown(passing: Passing, sink: Contract, path: tuple[str, ...]) -> dict[str, Any]:
    return {
        "from": sorted(passing.origins),
        "through": list(path),
        "to": " ".join(filter(None, (sink.kind, sink.method, sink.name))),
        "at": sink.place,
        "service": sink.service,
    }
