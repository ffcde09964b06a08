"""The contracts of folders of code, and how their service graph differs from that of a case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..detectors.timeline.graph import service_graph
from ..source import Roots
from ..source.contracts.compare import GraphDifference, graph_differences
from ..source.contracts.read import Contracts, read_contracts
from ..store import open_case
from ..store.library import find_case


def contracts_of(folders: Sequence[Path], case: str = "") -> tuple[Contracts, list[GraphDifference]]:
    """Read the contracts of folders; with a case, compare who calls whom with what its traces saw.

    Raises:
        SourceNotFoundError: when a folder does not exist.
        CaseNotFoundError: when there is no such case.
    """
    contracts = read_contracts(Roots(folders))
    if not case:
        return contracts, []
    with open_case(find_case(case)) as store:
        return contracts, graph_differences(contracts, service_graph(store))
