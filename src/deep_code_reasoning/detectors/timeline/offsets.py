"""Offsets of clocks from bounds on their differences: one robust fit over all pairs.

Each pair of clocks that called each other leaves an interval open for the difference of the two. The offsets are those
that come nearest to the middles of all intervals: weighted least squares over the graph of clocks, the weight of a
narrow interval being greater, with pairs that contradict all others weighted down (Huber's weights). Only differences
can be seen: which time they are held against is for `common_time.py` to say.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS

# Half an interval narrower than this is no better known: hosts' own time stamps jitter by that much.
_FLOOR_NS: Final = 0.05 * NS_PER_MS
_SWEEPS: Final = 200
_ROUNDS: Final = 30
_STILL_NS: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class Interval:
    """What is open of `second`'s clock less `first`'s, in nanoseconds, after `calls` calls between them."""

    first: str
    second: str
    lower: float
    upper: float
    calls: int

    @property
    def middle(self) -> float:
        """The likeliest difference."""
        return (self.lower + self.upper) / 2

    @property
    def half(self) -> float:
        """How far the truth may be from the middle."""
        return max(_FLOOR_NS, (self.upper - self.lower) / 2)


Links = Mapping[str, list[tuple[str, float, float]]]
"""For each clock its neighbours: (name, how far this clock is ahead of it, half of the interval)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Clocks that calls link: how far each is ahead of one of them, in nanoseconds, and in how many calls it was."""

    offsets: Mapping[str, float]
    calls: Mapping[str, int]
    links: Links

    def doubts(self, known: Sequence[str]) -> dict[str, float]:
        """How far each clock's offset may be wrong, held against those of some clocks."""
        return _along_best_ways(self.links, known)[1]


def linked_groups(intervals: Sequence[Interval]) -> list[Group]:
    """Every group of clocks that intervals link, each with its offsets."""
    links: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    calls: dict[str, int] = defaultdict(int)
    for interval in intervals:
        links[interval.first].append((interval.second, -interval.middle, interval.half))
        links[interval.second].append((interval.first, interval.middle, interval.half))
        calls[interval.first] += interval.calls
        calls[interval.second] += interval.calls
    groups: list[Group] = []
    found: set[str] = set()
    for start in sorted(links, key=lambda name: (-calls[name], name)):
        if start not in found:
            offsets = _fitted(links, _along_best_ways(links, [start])[0])
            groups.append(Group(offsets, {name: calls[name] for name in offsets}, links))
            found.update(offsets)
    return groups


def _along_best_ways(links: Links, starts: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Offsets and doubts of all that is connected, each along the way of least doubt from the nearest start."""
    offsets: dict[str, float] = {}
    doubts: dict[str, float] = {}
    queue = [(0.0, name, 0.0) for name in sorted(starts)]
    while queue:
        doubt, name, offset = heapq.heappop(queue)
        if name in doubts:
            continue
        doubts[name], offsets[name] = doubt, offset
        for other, ahead, half in links[name]:
            if other not in doubts:
                heapq.heappush(queue, (doubt + half, other, offset - ahead))
    # A clock among those that agree is itself known only as well as its best neighbour lets it.
    for name in starts:
        doubts[name] = min((half for _, _, half in links[name]), default=0.0)
    return offsets, doubts


def _fitted(links: Links, offsets: Mapping[str, float]) -> dict[str, float]:
    """Least squares by Gauss and Seidel's sweeps, re-weighted against contradictions."""
    now = dict(offsets)
    names = sorted(now)
    strays = dict.fromkeys(((name, other) for name in names for other, _, _ in links[name]), 0.0)
    for _ in range(_ROUNDS):
        before = dict(now)
        weighted = {
            name: [(other, ahead, _weight(half, strays[name, other])) for other, ahead, half in links[name]]
            for name in names
        }
        totals = {name: sum(weight for _, _, weight in weighted[name]) for name in names[1:]}
        for _ in range(_SWEEPS):
            moved = 0.0
            for name, total in totals.items():
                value = sum([(now[other] + ahead) * weight for other, ahead, weight in weighted[name]]) / total
                moved = max(moved, abs(value - now[name]))
                now[name] = value
            if moved < _STILL_NS:
                break
        if max(abs(now[name] - before[name]) for name in names) < _STILL_NS:
            break
        strays = {(name, other): now[name] - now[other] - ahead for name in names for other, ahead, _ in links[name]}
    return now


def _weight(half: float, stray: float) -> float:
    return 1.0 / (half * half) * min(1.0, half / max(abs(stray), 1.0))
