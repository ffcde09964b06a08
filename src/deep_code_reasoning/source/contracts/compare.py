"""The service graph that code draws, beside the one that traces drew: where they differ."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.graph import ServiceGraph
from .edges import ServiceNames
from .read import Contracts


@dataclass(frozen=True, slots=True, order=True)
class GraphDifference:
    """A call between two services that only one side knows, under the names of the traces.

    `only_in` is `code` (nothing ran it, in these traces) or `traces` (nothing in the code that was read says it).
    `kinds` are those of the contracts; `calls` how often it was seen.
    """

    caller: str
    callee: str
    only_in: str
    kinds: tuple[str, ...] = ()
    calls: int = 0


def graph_differences(contracts: Contracts, seen: ServiceGraph) -> list[GraphDifference]:
    """Where the graphs differ, among the services that are in both: what only one side has at all tells nothing.

    Tables are left out: whoever shares one does not call its owner.
    """
    in_code = {contract.service for contract in contracts.contracts}
    by_code = ServiceNames(seen.services)
    traced = {name: by_code.find(name) for name in sorted(in_code)}
    both = {name for name in traced.values() if name}
    drawn = {
        (traced[caller], traced[callee]): kinds
        for (caller, callee), kinds in contracts.graph.items()
        if traced.get(caller) and traced.get(callee) and kinds != ("table",)
    }
    ran = {pair: calls for pair, calls in seen.calls.items() if calls and set(pair) <= both and pair[0] != pair[1]}
    missing = [GraphDifference(*pair, "code", kinds) for pair, kinds in drawn.items() if pair not in ran]
    unsaid = [GraphDifference(*pair, "traces", (), calls) for pair, calls in ran.items() if pair not in drawn]
    return sorted(missing + unsaid)
