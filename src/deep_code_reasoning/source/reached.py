"""Functions that may have run on the way to a failure: those of a stack trace's frames, and what these call.

Where a test only compares what came back, nothing of the code under test is in the trace any more. It is in what the
test's functions call, and in what that calls, the less likely the further off.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .callees import Callees, Read
from .contracts.grammars import CLASS_TYPES
from .contracts.nodes import within
from .index import File, path_stem

if TYPE_CHECKING:
    from tree_sitter import Node

# What a function passes on to each that it calls: by the square root of how many these are, and so much at most.
_PASSED_ON: Final = 1.8
_MOST_PASSED_ON: Final = 0.9
# Of a frame's calls, those on its line ran last; those after it did not run yet, save in a loop.
_BEFORE_ITS_LINE: Final = 0.8
_AFTER_ITS_LINE: Final = 0.2
# A walk ends where so little is left, or after so many functions.
_LEAST: Final = 0.02
_MAX_FUNCTIONS: Final = 250


@dataclass(frozen=True, slots=True)
class Start:
    """A frame as the start of a walk: its place (line 0: anywhere in the function of the name), how much it says."""

    file: File
    line: int
    function: str
    weight: float


def reached(callees: Callees, starts: Sequence[Start]) -> dict[File, dict[tuple[int, int], float]]:
    """The functions that may have run, by file and by (first line, last line).

    Each has how directly it is reached, summed over the starts: what several failing tests reach says the most. No
    start weighs more than 1.
    """
    total: dict[File, dict[tuple[int, int], float]] = defaultdict(lambda: defaultdict(float))
    begun = [
        (start, read, node)
        for start in starts
        if (read := callees.file(*start.file)) is not None and (node := _function_at(read, start)) is not None
    ]
    callees.made.update(path_stem(start.file[1]) for start in starts)  # a class of a frame, or of a test, was made
    for _, read, _ in begun:
        callees.made.update(call.name for call in read.code.calls if call.makes)
    for start, read, node in begun:
        for (file, lines), weight in _walk(callees, start, read, node).items():
            total[file][lines] += weight
    return total


def _walk(callees: Callees, start: Start, read: Read, node: Node) -> dict[tuple[File, tuple[int, int]], float]:
    """What one start reaches, the most directly reached first."""
    found: dict[tuple[File, tuple[int, int]], float] = {}
    # The second number keeps the order of equals.
    waiting = [(-start.weight, 0, read, node)]
    pushed = 0
    while waiting and len(found) < _MAX_FUNCTIONS:
        negative, _, read, node = heapq.heappop(waiting)
        key = (read.file, (node.start_point.row + 1, node.end_point.row + 1))
        if key in found:
            continue
        found[key] = -negative
        calls = [call for call in read.ordered if within(call.node, node)] if node.type not in CLASS_TYPES else []
        callees.made.update(call.name for call in calls if call.makes)
        passed_on = -negative * min(_MOST_PASSED_ON, _PASSED_ON / (1 + len({call.name for call in calls})) ** 0.5)
        for call in calls:
            targets = callees.of(call, read)
            share = passed_on * (_nearness(start.line, call.line) if len(found) == 1 else 1.0)
            for target in targets:
                other = callees.file(target.file.where.repo, target.file.where.path)
                weight = share / len(targets) ** 0.5
                if other is not None and weight >= _LEAST:
                    pushed += 1
                    heapq.heappush(waiting, (-weight, pushed, other, target.node))
    return found


def _nearness(at: int, line: int) -> float:
    if at in (0, line):
        return 1.0
    return _BEFORE_ITS_LINE if line < at else _AFTER_ITS_LINE


def _function_at(read: Read, start: Start) -> Node | None:
    """The innermost function around a start's line, or the one of its name that is nearest to it."""
    named = [function.node for function in read.functions.get(start.function, ())]
    around = [
        node for node in named or read.code.functions if node.start_point.row < start.line <= node.end_point.row + 1
    ]
    if around:
        return min(around, key=lambda node: node.end_byte - node.start_byte)
    return min(named, key=lambda node: abs(node.start_point.row + 1 - start.line), default=None)
