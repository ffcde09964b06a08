"""Which lines of the places that a report leads to are worth a budget of tokens.

A file is cut into its functions, its classes without them, and what is left (module level). The last two show the
signature of each function in them, so that what is not sent is at least named. A cut is worth how likely it holds what
has to change; cuts are taken by worth for their cost until the budget is full, and whole files with what a large one
has beyond. A file of which all cuts are taken is whole.

The likelihood is a product of a few factors, fitted by logistic regression to the labelled issues of
`benchmarks/localization.py`; leaving out one of their projects and fitting the others gives the same weights within a
third.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .index import UnitHit
from .localise import Place
from .outline import owners

# Logarithms of likelihoods: of a file by its rank and by its score beside the first one's, ...
_PER_RANK: Final = -0.8
_FILE_FITS: Final = 1.9
# ... of a cut by its score beside the best one's of all, and by its place among those of its file, ...
_CUT_FITS: Final = 1.6
_FIRST_OF_FILE: Final = 1.6
_SHARES_NO_WORD: Final = -0.6
# ... of one whose name, or a line in which, the report says, and of what is left of a file.
_NAMED: Final = 1.4
_LINE_NAMED: Final = 1.0
_MODULE: Final = 1.25
# A longer cut is likelier to hold it, by this power of its length, but it costs its length; between 0.5 and 0.7 the
# labelled issues show no difference.
_PER_TOKEN: Final = -0.6
# So much is filled by worth. What a larger budget adds goes to whole files, the likeliest first: what has to change and
# shares no word with the report is by then likelier in one of these than in the next function that does.
_BY_WORTH_TOKENS: Final = 32_000
_SIGNATURE_LINES: Final = 6
# Tokens of a gap and of its account, a cut.
_GAP_TOKENS: Final = 3
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be sent: its place, its lines without line breaks, and all its units."""

    place: Place
    lines: Sequence[str]
    units: Sequence[UnitHit]


@dataclass(frozen=True, slots=True)
class Lead:
    """A text, and the files that it led to in the order of `localise`."""

    report: str = ""
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """Lines of a file that are sent, by their numbers from 1, in order, and what each is worth for its cost.

    `whole` when these are all.
    """

    repo: str
    path: str
    lines: dict[int, float]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Cut:
    rank: int
    lines: tuple[int, ...]
    worth: float


@dataclass
class _Shelf:
    """The lines that are taken of each file, and the tokens that are left; `sizes` are those of each line."""

    sizes: Sequence[Sequence[int]]
    taken: list[dict[int, float]]
    left: int

    def fill(self, cuts: Sequence[_Cut]) -> None:
        """Take of these cuts, in their order, what fits."""
        for cut in cuts:
            taken = self.taken[cut.rank]
            fresh = [line for line in cut.lines if line not in taken]
            tokens = sum(self.sizes[cut.rank][line] for line in fresh) + _GAP_TOKENS
            if fresh and tokens <= self.left:
                taken.update(dict.fromkeys(fresh, cut.worth))
                self.left -= tokens


def select_lines(lead: Lead, budget_tokens: int, count: Callable[[str], int]) -> list[Selected]:
    """Choose lines of files, the likeliest file first, that take no more than the budget.

    Args:
        lead: what is asked, and the files.
        budget_tokens: what all lines together may take.
        count: how many tokens a text takes.
    """
    candidates = lead.candidates
    names = frozenset(_IDENTIFIER.findall(lead.report))
    best_file = max((candidate.place.score for candidate in candidates), default=0.0) or 1.0
    best_cut = max((unit.score for candidate in candidates for unit in candidate.place.units), default=0.0) or 1.0
    sizes = [[0, *(count(line) + 1 for line in candidate.lines)] for candidate in candidates]
    cuts = [
        cut
        for rank, candidate in enumerate(candidates)
        for cut in _cuts(rank, candidate, names, best_file, best_cut, sizes[rank])
    ]
    cuts.sort(key=lambda cut: (-cut.worth, cut.rank, cut.lines))
    shelf = _Shelf(sizes, [{} for _ in candidates], min(budget_tokens, _BY_WORTH_TOKENS))
    shelf.fill(cuts)
    shelf.left += budget_tokens - min(budget_tokens, _BY_WORTH_TOKENS)
    if budget_tokens > _BY_WORTH_TOKENS:
        wholes = (tuple(range(1, len(candidate.lines) + 1)) for candidate in candidates)
        shelf.fill([_Cut(rank, lines, 0.0) for rank, lines in enumerate(wholes)])
        shelf.fill(cuts)
    return [
        Selected(
            candidate.place.repo, candidate.place.path, dict(sorted(lines.items())), len(lines) == len(candidate.lines)
        )
        for candidate, lines in zip(candidates, shelf.taken, strict=True)
        if lines
    ]


def _cuts(
    rank: int,
    candidate: Candidate,
    names: Collection[str],
    best_file: float,
    best_cut: float,
    sizes: Sequence[int],
) -> Iterator[_Cut]:
    """The cuts of a file, each with what it is worth for its cost."""
    place = candidate.place
    order = {_key(unit): number for number, unit in enumerate(place.units)}
    scores = {_key(unit): unit.score for unit in place.units}
    of_file = _PER_RANK * math.log(rank + 1) + _FILE_FITS * place.score / best_file
    for unit, lines in _lines_of(candidate):
        key = _key(unit)
        likely = of_file + _CUT_FITS * scores.get(key, 0.0) / best_cut
        likely += _FIRST_OF_FILE / (order[key] + 1) if key in order else _SHARES_NO_WORD
        if unit.kind == "module":
            likely += _MODULE
        elif unit.name.rpartition(".")[2] in names:
            likely += _NAMED
        if any(line in lines for line in place.lines):
            likely += _LINE_NAMED
        tokens = sum(sizes[line] for line in lines) + _GAP_TOKENS
        yield _Cut(rank, lines, math.exp(likely) * tokens**_PER_TOKEN)


def _lines_of(candidate: Candidate) -> Iterator[tuple[UnitHit, tuple[int, ...]]]:
    """Each unit of a file with its own lines; a class and a module with the signatures of their functions too."""
    place, lines = candidate.place, candidate.lines
    # A file that stands apart is in the index by its path alone.
    units = candidate.units or (UnitHit(place.repo, place.path, "module", "", 1, len(lines)),)
    own: dict[int, set[int]] = {}
    for number, owner in enumerate(owners(units, len(lines))):
        if owner is not None:
            own.setdefault(id(owner), set()).add(number)
    holders = {unit.name: unit for unit in units if unit.kind != "function"}
    for unit in units:
        if unit.kind == "function":
            holder = holders.get(unit.name.rpartition(".")[0]) or holders.get("")
            if holder is not None:
                own.setdefault(id(holder), set()).update(_signature(unit, lines))
    for unit in units:
        if id(unit) in own:
            yield unit, tuple(sorted(own[id(unit)]))


def _key(unit: UnitHit) -> tuple[str, str, int]:
    return unit.kind, unit.name, unit.first_line


def _signature(unit: UnitHit, lines: Sequence[str]) -> range:
    """From a function's first line, which may be a decorator, to the one that names it."""
    name = unit.name.rpartition(".")[2]
    last = min(unit.first_line + _SIGNATURE_LINES, unit.last_line, len(lines))
    naming = (line for line in range(unit.first_line, last + 1) if name in lines[line - 1])
    return range(unit.first_line, next(naming, unit.first_line) + 1)
