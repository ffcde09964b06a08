"""Columns that form a grid: `cart_cpu, cart_mem, shop_cpu, shop_mem` is two things by two measures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

_SEPARATORS: Final = ("/", "|", ":", ".", "_", "-", " ")
# Share of columns that a split has to explain: exports add a few columns about the whole.
_MIN_EXPLAINED: Final = 0.8
# What is measured, never who: the first word of a metric's name in the conventions of node_exporter, cAdvisor, statsd
# and OpenTelemetry's system metrics.
_MEASURES: Final = frozenset(
    "cpu mem memory disk net network io fs filesystem load swap heap gc jvm http https grpc rpc request requests "
    "response responses error errors latency p50 p90 p95 p99 node container system process kube db tcp udp socket "
    "socket threads thread pool conn connection connections queue cache rx tx read write".split()
)

_FIRST_WORD: Final = re.compile(r"[^A-Za-z0-9]")


def split_grid(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Split names into who and what, when they form a grid.

    Two owners and two measures at least must share the split, and no owner may be a word for a measure. Of several
    ways to split, the one that explains most names is taken, then the one with the fewest measures, then the one with
    most measures that begin with a word for one: names of hosts have separators too.

    Returns:
        For each name its owner and its measure ('' as the owner of a name outside the grid); empty without a grid.
    """
    best: tuple[tuple[int, int, int], dict[str, tuple[str, str]]] | None = None
    for separator in _SEPARATORS:
        for cut in (str.partition, str.rpartition):
            halves = {name: cut(name, separator) for name in names}
            pairs = {name: (who, what) for name, (who, _, what) in halves.items() if who and what}
            grid = _grid(pairs)
            if len(grid) < _MIN_EXPLAINED * len(names) or any(who.lower() in _MEASURES for who, _ in grid.values()):
                continue
            measures = {what for _, what in grid.values()}
            worth = (
                len(grid),
                -len(measures),
                sum(_FIRST_WORD.split(what)[0].lower() in _MEASURES for what in measures),
            )
            if best is None or worth > best[0]:
                best = (worth, grid)
    if best is None:
        return {}
    return {name: best[1].get(name, ("", name)) for name in names}


def _grid(pairs: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The pairs whose measure has two owners at least and whose owner has two such measures at least."""
    owners = Counter(what for _, what in pairs.values())
    shared = {name: pair for name, pair in pairs.items() if owners[pair[1]] >= 2}
    measures = Counter(who for who, _ in shared.values())
    return {name: pair for name, pair in shared.items() if measures[pair[0]] >= 2}
