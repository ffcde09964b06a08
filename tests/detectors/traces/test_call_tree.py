"""How the call trees of two stretches differ, and what the comparison says of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from deep_code_reasoning.detectors.contrast.call_tree import NodeChange, call_tree_changes
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window
from deep_code_reasoning.store import CaseStore
from fleet import Fleet
from scenery import START_NS

Build = Callable[..., AbstractContextManager[CaseStore]]
FIRST, SECOND = Window(START_NS, START_NS + 60 * NS_PER_S), Window(START_NS + 60 * NS_PER_S, START_NS + 120 * NS_PER_S)


def changed() -> Fleet:
    """From the 60th second on: no cache is read, prices are asked for three times, rules come, stock fails."""
    fleet = Fleet()
    for number in range(120):
        at, trace, late = number * 1000.0, f"t{number:03d}", number >= 60
        failed = "error" if late and number % 3 == 0 else ""
        root = fleet.span(trace, "", "shop", "h1", "GET /cart", at, 90, "server", failed)
        if not late:
            fleet.span(trace, root, "shop", "h1", "GET cart", at + 1, 2, "client")
        for turn in range(3 if late else 1):
            fleet.span(trace, root, "shop", "h1", "SELECT price", at + 5 + 7 * turn, 6, "client")
        if late:
            rules = fleet.span(trace, root, "shop", "h1", "apply rules", at + 30, 20)
            fleet.span(trace, rules, "shop", "h1", "SELECT rule", at + 31, 15, "client")
        call = fleet.span(trace, root, "shop", "h1", "GET", at + 60, 20, "client", failed)
        fleet.span(trace, call, "stock", "h2", "GET /stock", at + 61, 18, "server", failed)
    return fleet


def by_name(changes: list[NodeChange]) -> dict[str, NodeChange]:
    return {change.path[-1]: change for change in changes}


def test_what_came_and_went_is_told_by_its_top_and_what_only_passes_on_a_failure_is_not(build_case: Build) -> None:
    with build_case(changed().tables()) as store:
        found = by_name(call_tree_changes(store, FIRST, SECOND))
        assert not call_tree_changes(store, FIRST, FIRST)
    assert found["shop apply rules"].kinds == ("came",)
    assert found["shop apply rules"].own_ms == (0, 20)
    assert "shop SELECT rule" not in found
    assert found["shop GET cart"].kinds == ("went",)
    assert found["shop SELECT price"].kinds == ("more calls", "slower")
    assert found["shop SELECT price"].calls == (1, 3)
    assert found["stock GET /stock"].kinds == ("fails more",)
    assert "shop GET" not in found


def test_the_list_is_bounded_and_the_dearest_come_first(build_case: Build) -> None:
    with build_case(changed().tables()) as store:
        (first,) = call_tree_changes(store, FIRST, SECOND, most=1)
    # What its calls take more, the request itself takes less.
    assert (first.path, first.kinds[0]) == (("shop GET /cart",), "quicker")
