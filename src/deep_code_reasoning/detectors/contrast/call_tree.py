"""How the aggregate call tree of two stretches of time differs: what came, what went, what is called more or is slower.

Every trace is a tree; laid over each other, by the names on the way from the root, those of one stretch make one tree
with numbers in it. The trees are compared kind of request by kind of request, and of what came or went whole only the
top is told. As Tempo's trace diff it is a short list: a whole tree fits no reader's mind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...domain.instant import NS_PER_MS
from ...domain.window import Window
from ...store import CaseStore, Row
from .outcomes import prepare_outcomes

# So many traces of a stretch show what is in one request of fifty.
_TRACES: Final = 200
_MAX_DEPTH: Final = 16
# A call is made by a kind of request, or is not, when it is in so many of its traces, or in so few.
_MADE: Final = 0.2
_NOT_MADE: Final = 0.02
# Fewer traces of a kind than this on either side cannot be compared.
_FEWEST: Final = 5
# Calls are more, or fewer, from this factor on; own times and failures differ from these differences on.
_MORE: Final = 1.5
_MIN_MS: Final = 1.0
_SLOWER: Final = 1.3
_MIN_FAILED: Final = 0.05

Path = tuple[str, ...]
"""Services and operations from the root to a node."""


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node of the tree that differs; pairs are of the first and the second stretch, for each request of its kind.

    Attributes:
        kinds: `came`, `went`, `more calls`, `fewer calls`, `slower`, `quicker`, `fails more`, `fails less`.
        calls: how often it is called.
        own_ms: its own time, without that of its calls; of what came or went, with it.
        failed: the share of its calls that fail.
    """

    path: Path
    kinds: tuple[str, ...]
    calls: tuple[float, float]
    own_ms: tuple[float, float]
    failed: tuple[float, float]


@dataclass(slots=True)
class _Node:
    traces: list[set[str]] = field(default_factory=lambda: [set(), set()])
    calls: list[int] = field(default_factory=lambda: [0, 0])
    failed: list[int] = field(default_factory=lambda: [0, 0])
    own_ns: list[int] = field(default_factory=lambda: [0, 0])


def call_tree_changes(store: CaseStore, a: Window, b: Window, most: int = 40) -> list[NodeChange]:
    """The nodes that differ most from stretch `a` to `b`: by the time that they cost a request, then by calls."""
    prepare_outcomes(store)
    nodes: dict[Path, _Node] = defaultdict(_Node)
    for side, window in enumerate((a, b)):
        for trace in _traces(store, window):
            _lay(trace, side, nodes)
    found = []
    for path, node in nodes.items():
        totals = (len(nodes[path[:1]].traces[0]), len(nodes[path[:1]].traces[1]))
        if min(totals) >= _FEWEST and (change := _change(path, node, totals)) is not None:
            found.append(change)
    found = _without_echoes(found)
    whole = {change.path for change in found if change.kinds[0] in ("came", "went")}
    tops = [
        _with_below(change, nodes) if change.path in whole else change
        for change in found
        if change.path[:-1] not in whole
    ]
    tops.sort(key=lambda c: (-abs(c.own_ms[1] - c.own_ms[0]), -abs(c.calls[1] - c.calls[0]), c.path))
    return tops[:most]


def _without_echoes(found: Sequence[NodeChange]) -> list[NodeChange]:
    """Without nodes that only fail because what they call does."""
    above = {(path, kind) for change in found for kind in change.kinds for path in _ways_to(change.path)}
    return [
        change
        for change in found
        if change.kinds not in (("fails more",), ("fails less",)) or (change.path, change.kinds[0]) not in above
    ]


def _ways_to(path: Path) -> list[Path]:
    """The nodes above one."""
    return [path[:depth] for depth in range(1, len(path))]


def _traces(store: CaseStore, window: Window) -> Sequence[Row]:
    return store.query(
        """
        WITH taken AS (
            SELECT trace_id FROM request_outcomes WHERE start_ns >= {from:Int64} AND start_ns < {to:Int64}
            ORDER BY cityHash64(trace_id), trace_id LIMIT {most:UInt32}
        )
        SELECT s.trace_id AS trace_id,
               groupArray((s.span_id, s.parent_span_id, concat(s.service, ' ', s.name), s.failed,
                           greatest(0, s.duration_ns - c.inside_ns))) AS spans
        FROM (SELECT * FROM linked_spans WHERE trace_id IN taken ORDER BY start_ns, span_id) AS s
        LEFT ANY JOIN span_children AS c ON s.span_key = c.span_key
        GROUP BY trace_id ORDER BY trace_id
        """,
        **{"from": window.start_ns, "to": window.end_ns, "most": _TRACES},
    )


def _lay(trace: Row, side: int, nodes: dict[Path, _Node]) -> None:
    """Lay a trace over the tree."""
    spans = {
        str(id_): (str(parent), str(name), bool(failed), int(ns)) for id_, parent, name, failed, ns in trace["spans"]
    }
    paths: dict[str, Path] = {}
    for id_ in spans:
        way = [id_]
        while way[-1] not in paths and (above := spans[way[-1]][0]) in spans and above not in way:
            way.append(above)
        for step in reversed(way):
            parent, name, _, _ = spans[step]
            paths.setdefault(step, (*paths.get(parent, ()), name))
    for id_, path in paths.items():
        if len(path) <= _MAX_DEPTH:
            node, (_, _, failed, own_ns) = nodes[path], spans[id_]
            node.traces[side].add(str(trace["trace_id"]))
            node.calls[side] += 1
            node.failed[side] += failed
            node.own_ns[side] += own_ns


def _change(path: Path, node: _Node, totals: tuple[int, int]) -> NodeChange | None:
    before, after = (len(node.traces[side]) / totals[side] for side in (0, 1))
    calls = (node.calls[0] / totals[0], node.calls[1] / totals[1])
    own_ms = (node.own_ns[0] / totals[0] / NS_PER_MS, node.own_ns[1] / totals[1] / NS_PER_MS)
    failed = (node.failed[0] / max(1, node.calls[0]), node.failed[1] / max(1, node.calls[1]))
    kinds = []
    if before <= _NOT_MADE and after >= _MADE:
        kinds.append("came")
    elif after <= _NOT_MADE and before >= _MADE:
        kinds.append("went")
    else:
        if max(calls) >= _MORE * min(calls) and abs(calls[1] - calls[0]) >= _MADE:
            kinds.append("more calls" if calls[1] > calls[0] else "fewer calls")
        if max(own_ms) >= _SLOWER * min(own_ms) and abs(own_ms[1] - own_ms[0]) >= _MIN_MS:
            kinds.append("slower" if own_ms[1] > own_ms[0] else "quicker")
        if abs(failed[1] - failed[0]) >= _MIN_FAILED:
            kinds.append("fails more" if failed[1] > failed[0] else "fails less")
    return NodeChange(path, tuple(kinds), calls, own_ms, failed) if kinds else None


def _with_below(change: NodeChange, nodes: Mapping[Path, _Node]) -> NodeChange:
    """What came or went, with the time of all that it calls."""
    depth, root = len(change.path), nodes[change.path[:1]]
    below = [node for path, node in nodes.items() if path[:depth] == change.path]
    times = [sum(n.own_ns[side] for n in below) / len(root.traces[side]) / NS_PER_MS for side in (0, 1)]
    return NodeChange(change.path, change.kinds, change.calls, (times[0], times[1]), change.failed)
