"""What is chosen of files under a budget: functions that fit, what holds them together, and more as there is room."""

from __future__ import annotations

import pytest

from deep_code_reasoning.source.index import UnitHit
from deep_code_reasoning.source.localise import Place
from deep_code_reasoning.source.selection import Candidate, Lead, select_lines

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


def chosen(budget: int, *candidates: Candidate, report: str = "") -> dict[str, tuple[int, ...]]:
    return {file.path: tuple(file.lines) for file in select_lines(Lead(report, candidates), budget, words)}


def test_the_function_that_fits_goes_first() -> None:
    assert chosen(22, candidate()) == {"cart.py": (10, 11, 12, 13, 14, 15)}


def test_a_class_comes_with_the_signatures_of_its_methods() -> None:
    headers = {3, 4, 5, 10}
    assert headers <= set(chosen(36, candidate())["cart.py"])


def worth(of: Candidate, line: int, report: str = "") -> float:
    (file,) = select_lines(Lead(report, (of,)), 1_000, words)
    return file.lines[line]


def test_a_named_line_makes_its_function_worth_more() -> None:
    assert worth(candidate(best="", lines=(7,)), 7) > 2 * worth(candidate(best=""), 7)
    assert worth(candidate(best="", lines=(7,)), 11) == worth(candidate(best=""), 11)


def test_a_function_that_the_report_names_is_worth_more() -> None:
    assert worth(candidate(best=""), 7, "`first` fails") > 2 * worth(candidate(best=""), 7, "`firsts` fail")


def test_a_file_is_whole_when_there_is_room() -> None:
    (file,) = select_lines(Lead("", (candidate(),)), 1_000, words)
    assert file.whole
    assert tuple(file.lines) == tuple(range(1, 16))


def test_likelier_files_go_first() -> None:
    assert list(chosen(22, candidate("a.py"), candidate("b.py"))) == ["a.py"]
    assert list(chosen(1_000, candidate("a.py"), candidate("b.py"))) == ["a.py", "b.py"]


def test_lines_of_one_cut_are_worth_the_same_and_better_cuts_more() -> None:
    (file,) = select_lines(Lead("", (candidate(),)), 1_000, words)
    assert len({file.lines[line] for line in range(10, 16)}) == 1
    assert file.lines[11] > file.lines[6]


@pytest.mark.parametrize("budget", [0, 1, 5, 10, 20, 30, 40, 50])
def test_the_budget_holds(budget: int) -> None:
    found = chosen(budget, candidate("a.py"), candidate("b.py"))
    assert sum(words(LINES[line - 1]) + 1 for lines in found.values() for line in lines) <= budget


def test_a_file_that_is_known_by_its_path_alone_is_one_cut() -> None:
    named = Candidate(Place("shop", "tests/test_cart.py", 1.0, (), (), ()), LINES, ())
    assert chosen(1_000, named) == {"tests/test_cart.py": tuple(range(1, 16))}


def test_nothing_is_chosen_of_nothing() -> None:
    assert chosen(100) == {}


def test_what_a_large_budget_has_beyond_goes_to_whole_files_the_likeliest_first() -> None:
    # 600 lines of 24 tokens that fit, 1,000 of 13 that do not.
    body = [*["    " + "x " * 23] * 600, *["    " + "y " * 12] * 1_000]

    def file(path: str, score: float) -> Candidate:
        units = [
            UnitHit("shop", path, "function", "fits", 1, 600, 9.0),
            UnitHit("shop", path, "function", "unlike", 601, 1_600),
        ]
        return Candidate(Place("shop", path, score, (units[0],), (), ()), body, units)

    lines = chosen(32_000 + 13_000, file("first.py", 1.0), file("second.py", 0.9))
    assert [len(lines["first.py"]), len(lines["second.py"])] == [1_600, 600]
