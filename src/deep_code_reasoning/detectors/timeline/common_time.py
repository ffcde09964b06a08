"""The time that clocks are held against: what most of them show, running on evenly from step to step.

Calls tell how far clocks are from each other, step by step, and never which of them is right. Two things are taken for
granted. Most clocks run on evenly: from one step to the next the common time goes on as they do in the mean (as a time
scale is kept by an ensemble of clocks; Tukey's median polish of clocks by steps, with his biweight in place of the
median), so that it does not leap when clocks drift apart or come and go. And clocks that time synchronisation has
reached lie close together: the common time lies where, over all steps, the most of them are the nearest.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS
from .change_point import median
from .offsets import Group, Interval, linked_groups

# What time synchronisation over a network leaves: a clock counts half for a time from which it is so far away.
_NEAR_NS: Final = 1.0 * NS_PER_MS
# Clocks within this of the common time are taken to show it.
_AGREE_NS: Final = 5.0 * NS_PER_MS
# Where clocks lie is looked at this finely, and so many of the best filled places are tried.
_PLACE_NS: Final = 0.25 * NS_PER_MS
_MAX_PLACES: Final = 64
# Beyond so many median deviations from the median a value counts for nothing (Mosteller and Tukey, 1977).
_BIWEIGHT_REACH: Final = 6.0
_ROUNDS: Final = 10
_STILL_NS: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A clock is `offset` nanoseconds ahead of the common time, give or take `uncertainty`."""

    offset: float
    uncertainty: float


def estimate(steps: Mapping[int, Sequence[Interval]]) -> dict[str, dict[int, Estimate]]:
    """The offset of every clock that has a bound, by name and step.

    Clocks that no chain of calls links at any step have common times of their own.
    """
    groups = [(step, group) for step in sorted(steps) for group in linked_groups(steps[step])]
    found: dict[str, dict[int, Estimate]] = defaultdict(dict)
    for linked in _linked_over_time(groups):
        moves = _even_moves([group.offsets for _, group in linked])
        zero = _where_most_are(
            [
                (offset + move, group.calls[name])
                for (_, group), move in zip(linked, moves, strict=True)
                for name, offset in group.offsets.items()
            ]
        )
        for (step, group), move in zip(linked, moves, strict=True):
            offsets = {name: offset + move - zero for name, offset in group.offsets.items()}
            agreeing = [name for name in offsets if abs(offsets[name]) <= _AGREE_NS]
            doubts = group.doubts(agreeing or [min(offsets, key=lambda name: (abs(offsets[name]), name))])
            for name, offset in offsets.items():
                found[name][step] = Estimate(offset, doubts[name])
    return found


def _linked_over_time(groups: Iterable[tuple[int, Group]]) -> list[list[tuple[int, Group]]]:
    """Groups that share clocks, directly or over others, belong together."""
    together: list[tuple[set[str], list[tuple[int, Group]]]] = []
    for step, group in groups:
        names, members = set(group.offsets), [(step, group)]
        for other in [other for other in together if not other[0].isdisjoint(names)]:
            together.remove(other)
            names |= other[0]
            members = other[1] + members
        together.append((names, members))
    return [members for _, members in together]


def _even_moves(columns: Sequence[Mapping[str, float]]) -> list[float]:
    """By how much each step's offsets are to be moved, so that the clocks in the mean run on evenly."""
    moves = [0.0] * len(columns)
    usual: dict[str, float] = {}
    left = set(range(len(columns)))
    while left:  # next the one that shares most clocks with those that are placed
        place = max(left, key=lambda place: (len(columns[place].keys() & usual.keys()), len(columns[place]), -place))
        left.remove(place)
        moves[place] = _biweight([usual[name] - offset for name, offset in columns[place].items() if name in usual])
        for name, offset in columns[place].items():
            usual.setdefault(name, offset + moves[place])
    for _ in range(_ROUNDS):
        shown: dict[str, list[float]] = defaultdict(list)
        for column, move in zip(columns, moves, strict=True):
            for name, offset in column.items():
                shown[name].append(offset + move)
        usual = {name: median(values) for name, values in shown.items()}
        before = moves
        moves = [_biweight([usual[name] - offset for name, offset in column.items()]) for column in columns]
        if max(abs(now - was) for now, was in zip(moves, before, strict=True)) < _STILL_NS:
            break
    return moves


def _biweight(values: Sequence[float]) -> float:
    """The mean of values near the median, for which those far from it count less or nothing; 0 of nothing."""
    if not values:
        return 0.0
    middle = median(values)
    reach = _BIWEIGHT_REACH * median([abs(value - middle) for value in values])
    near = [
        (value - middle, (1 - ((value - middle) / reach) ** 2) ** 2)
        for value in values
        if reach > 0 and abs(value - middle) < reach
    ]
    return middle + (sum(value * weight for value, weight in near) / sum(weight for _, weight in near) if near else 0.0)


def _where_most_are(shown: Sequence[tuple[float, int]]) -> float:
    """The offset near which most of (offset, calls) lie; of two as good the one with more calls."""
    places: defaultdict[int, float] = defaultdict(float)
    most = 1 + sum(calls for _, calls in shown)
    for offset, calls in shown:  # all calls together weigh less than one clock
        places[round(offset / _PLACE_NS)] += 1 + calls / most
    tried = sorted(places, key=lambda place: (-places[place], place))[:_MAX_PLACES]
    best = _PLACE_NS * max(
        tried,
        key=lambda at: math.fsum(weight * _nearness((place - at) * _PLACE_NS) for place, weight in places.items()),
    )
    near = [(offset, _nearness(offset - best)) for offset, _ in shown if abs(offset - best) <= _AGREE_NS]
    return math.fsum(offset * weight for offset, weight in near) / math.fsum(weight for _, weight in near)


def _nearness(apart_ns: float) -> float:
    return 1 / (1 + (apart_ns / _NEAR_NS) ** 2)
