"""Which lines of the places that a report leads to are worth a budget of tokens.

A file is cut into its functions and what is left: module level, headers of classes, and the signature of each
function, so that what is not sent is at least named. A cut is worth what its file is worth by rank, times how well the
function fits the report; cuts are taken by worth for their cost until the budget is full. A file of which all cuts are
taken is whole.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .index import UnitHit
from .localise import Place

# What a cut is worth beside the function of its file that fits best: one that shares no word with the report next to
# nothing, what is left of the file as much. Half or twice of either loses up to three points of the labelled issues.
_ANY_FUNCTION: Final = 0.05
_REST: Final = 1.0
# A function that holds a line which the report names.
_NAMED: Final = 1.0
_SIGNATURE_LINES: Final = 6
# Tokens of a gap and of its account, a cut.
_GAP_TOKENS: Final = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be sent: its place, its lines without line breaks, and all its units."""

    place: Place
    lines: Sequence[str]
    units: Sequence[UnitHit]


@dataclass(frozen=True, slots=True)
class Selected:
    """Lines of a file that are sent, sorted, counted from 1; `whole` when these are all."""

    repo: str
    path: str
    lines: tuple[int, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Cut:
    rank: int
    lines: tuple[int, ...]
    tokens: int
    worth: float


def select_lines(candidates: Sequence[Candidate], budget_tokens: int, count: Callable[[str], int]) -> list[Selected]:
    """Choose lines of files, the likeliest file first, that take no more than the budget.

    Args:
        candidates: files in the order of `localise`.
        budget_tokens: what all lines together may take.
        count: how many tokens a text takes.
    """
    cuts = [cut for rank, candidate in enumerate(candidates) for cut in _cuts(rank, candidate, count)]
    taken: dict[int, set[int]] = defaultdict(set)
    left = budget_tokens
    for cut in sorted(cuts, key=lambda cut: (-cut.worth / math.sqrt(cut.tokens), cut.rank, cut.lines)):
        if cut.tokens <= left:
            taken[cut.rank].update(cut.lines)
            left -= cut.tokens
    return [
        Selected(
            candidates[rank].place.repo,
            candidates[rank].place.path,
            tuple(sorted(lines)),
            len(lines) == len(candidates[rank].lines),
        )
        for rank, lines in sorted(taken.items())
    ]


def _cuts(rank: int, candidate: Candidate, count: Callable[[str], int]) -> list[_Cut]:
    place, lines = candidate.place, candidate.lines
    functions = [unit for unit in candidate.units if unit.kind == "function"]
    fits = {(unit.name, unit.first_line): unit.score for unit in place.units}
    best = max(fits.values(), default=0.0) or 1.0
    rest = set(range(1, len(lines) + 1))
    cuts = []
    for unit in functions:
        body = range(unit.first_line, min(unit.last_line, len(lines)) + 1)
        rest.difference_update(body)
        worth = _ANY_FUNCTION + (fits.get((unit.name, unit.first_line), 0.0) / best) ** 2
        if any(line in body for line in place.lines):
            worth += _NAMED
        cuts.append((tuple(body), worth))
    for unit in functions:
        rest.update(_signature(unit, lines))
    cuts.append((tuple(sorted(rest)), _REST))
    return [
        _Cut(rank, cut, sum(count(lines[line - 1]) + 1 for line in cut) + _GAP_TOKENS, worth / (rank + 1))
        for cut, worth in cuts
    ]


def _signature(unit: UnitHit, lines: Sequence[str]) -> range:
    """From a function's first line, which may be a decorator, to the one that names it."""
    name = unit.name.rpartition(".")[2]
    last = min(unit.first_line + _SIGNATURE_LINES, unit.last_line, len(lines))
    naming = (line for line in range(unit.first_line, last + 1) if name in lines[line - 1])
    return range(unit.first_line, next(naming, unit.first_line) + 1)
