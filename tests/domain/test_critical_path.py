"""The critical path of a trace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.critical_path import SpanTimes, critical_path


def test_what_was_waited_for_is_on_the_path_and_what_ran_beside_it_is_not() -> None:
    spans = [
        SpanTimes("root", "", 0, 100),
        SpanTimes("short", "root", 10, 30),
        SpanTimes("long", "root", 10, 60),
        SpanTimes("inner", "long", 20, 50),
        SpanTimes("last", "root", 70, 90),
    ]
    assert critical_path(spans) == [("root", 30), ("long", 20), ("inner", 30), ("last", 20)]


def test_loops_and_strangers_end() -> None:
    assert critical_path([]) == []
    assert critical_path([SpanTimes("a", "b", 0, 10), SpanTimes("b", "a", 0, 10)]) == []
    assert critical_path([SpanTimes("a", "a", 0, 10)]) == [("a", 10)]
    assert critical_path([SpanTimes("late", "gone", 5, 5)]) == [("late", 0)]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=40))
def test_the_path_never_takes_longer_than_its_root(rows: list[tuple[int, int, int]]) -> None:
    spans = [SpanTimes("0", "", 0, 100)]
    for number, (parent, start, length) in enumerate(rows, start=1):
        spans.append(SpanTimes(str(number), str(min(parent, number - 1)), start, start + length))
    path = critical_path(spans)
    assert sum(own for _, own in path) == 100
    assert all(own >= 0 for _, own in path)
