"""Who runs into changed files: functions that call what they define, and contracts that stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..source.contracts.read import Contracts
from ..source.contracts.records import Contract
from ..source.functions import functions
from ..source.references import References
from ..source.roots import SourceFile, SourcePath

# Calls of calls: beyond this nearly everything reaches nearly everything.
_MAX_DEPTH: Final = 4
# A name that is called from more places than this is one of a library, or of many things.
_MAX_CALLERS: Final = 25
_MAX_REACHED: Final = 200
# Names that half the code uses say nothing about who depends on a change.
_SHORTEST: Final = 5


@dataclass(frozen=True, slots=True)
class Reached:
    """A function that runs into a change: `via` are the functions from it to the changed one, which is the last."""

    where: SourcePath
    name: str
    line: int
    via: tuple[str, ...]


def callers_of(names: References, files: Sequence[SourceFile]) -> list[Reached]:
    """The functions outside of the files that call what they define, by name, nearest first."""
    found: dict[tuple[SourcePath, str], Reached] = {}
    changed = {file.where for file in files}
    waiting: list[tuple[str, tuple[str, ...]]] = [
        (function.name, (function.name,)) for file in files for function in functions(file)
    ]
    asked: set[str] = set()
    while waiting and len(found) < _MAX_REACHED:
        name, via = waiting.pop(0)
        if name in asked or len(name) < _SHORTEST or len(via) > _MAX_DEPTH:
            continue
        asked.add(name)
        callers = names.callers(name, _MAX_CALLERS + 1)
        if len(callers) > _MAX_CALLERS:
            continue
        for where, qualified, line in callers:
            own = qualified.rpartition(".")[2]
            if where not in changed and own and (where, own) not in found:
                found[where, own] = Reached(where, own, line, via)
                waiting.append((own, (own, *via)))
    return list(found.values())


def contracts_touched(
    contracts: Contracts, files: Sequence[SourceFile], reached: Sequence[Reached]
) -> list[dict[str, Any]]:
    """The contracts that changed files serve or send to, themselves or for their callers, and who relies on each."""
    changed = {(file.where.repo, file.where.path): "" for file in files}
    handlers = {(file.where.repo, function.name): "" for file in files for function in functions(file)}
    for each in reached:
        handlers.setdefault((each.where.repo, each.name), " -> ".join((each.name, *each.via)))
    touched: dict[Contract, str] = {}
    for contract in contracts.contracts:
        if contract.side != "provided":
            continue
        if (contract.repo, contract.path) in changed:
            touched[contract] = ""
        elif contract.handler and (contract.repo, contract.handler) in handlers:
            touched[contract] = handlers[contract.repo, contract.handler]
    return [_shown(contract, via, contracts) for contract, via in touched.items()]


def _shown(contract: Contract, via: str, contracts: Contracts) -> dict[str, Any]:
    relying = []
    for edge in contracts.edges:
        one, other = (edge.source, edge.target) if contract.kind == "topic" else (edge.target, edge.source)
        if one == contract and other is not None:
            relying.append({"service": other.service, "at": other.place, "joined_by": edge.by})
    shown = {
        "contract": " ".join(filter(None, (contract.kind, contract.method, contract.name))),
        "service": contract.service,
        "at": contract.place,
        "relied_on_by": relying,
    }
    return {**shown, "reached_through": via} if via else shown
