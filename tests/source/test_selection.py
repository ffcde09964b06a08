"""What is chosen of files under a budget: functions that fit, what holds them together, and more as there is room."""

from __future__ import annotations

import pytest

from deep_code_reasoning.source.index import UnitHit
from deep_code_reasoning.source.localise import Place
from deep_code_reasoning.source.selection import Candidate, select_lines

# Lines 1-2 module, 3 class, 4-9 `first` (decorated), 10-15 `second`.
LINES = ["import os", "", "class Cart:", "    @cached", "    def first(self):", *["        work()"] * 4,
         "    def second(self):", *["        other_work()"] * 5]  # fmt: skip
UNITS = [
    UnitHit("shop", "cart.py", "module", "", 1, 15),
    UnitHit("shop", "cart.py", "class", "Cart", 3, 15),
    UnitHit("shop", "cart.py", "function", "Cart.first", 4, 9),
    UnitHit("shop", "cart.py", "function", "Cart.second", 10, 15),
]


def candidate(path: str = "cart.py", best: str = "Cart.second", lines: tuple[int, ...] = ()) -> Candidate:
    hits = tuple(UnitHit("shop", path, u.kind, u.name, u.first_line, u.last_line, 9.0) for u in UNITS if u.name == best)
    return Candidate(Place("shop", path, 1.0, hits, lines, ()), LINES, UNITS)


def words(text: str) -> int:
    return len(text.split())


def chosen(budget: int, *candidates: Candidate) -> dict[str, tuple[int, ...]]:
    return {file.path: file.lines for file in select_lines(candidates, budget, words)}


def test_the_function_that_fits_comes_with_the_signatures_of_the_others() -> None:
    assert chosen(36, candidate()) == {"cart.py": (1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15)}


def test_a_named_line_brings_its_function() -> None:
    assert chosen(22, candidate(best="", lines=(7,))) == {"cart.py": (4, 5, 6, 7, 8, 9)}


def test_a_file_is_whole_when_there_is_room() -> None:
    (file,) = select_lines([candidate()], 1_000, words)
    assert file.whole
    assert file.lines == tuple(range(1, 16))


def test_likelier_files_go_first() -> None:
    assert list(chosen(22, candidate("a.py"), candidate("b.py"))) == ["a.py"]
    assert list(chosen(1_000, candidate("a.py"), candidate("b.py"))) == ["a.py", "b.py"]


@pytest.mark.parametrize("budget", [0, 1, 5, 10, 20, 30, 40, 50])
def test_the_budget_holds(budget: int) -> None:
    found = chosen(budget, candidate("a.py"), candidate("b.py"))
    assert sum(words(LINES[line - 1]) + 1 for lines in found.values() for line in lines) <= budget


def test_nothing_is_chosen_of_nothing() -> None:
    assert chosen(100) == {}
    assert select_lines([Candidate(Place("r", "empty.py", 1.0, (), (), ()), [""], ())], 100, words)[0].lines == (1,)
