"""The critical path of a trace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.critical_path import SpanTimes, critical_path, time_saved


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


def test_a_child_that_seems_to_begin_before_its_parent_is_moved_with_all_below_it() -> None:
    spans = [
        SpanTimes("root", "", 0, 100),
        SpanTimes("call", "root", -10, 60),
        SpanTimes("query", "call", 0, 40),
    ]
    assert critical_path(spans) == [("root", 30), ("call", 30), ("query", 40)]


def in_ms(id_: str, parent: str, start: float, end: float) -> SpanTimes:
    return SpanTimes(id_, parent, round(start * 1e6), round(end * 1e6))


def test_what_would_be_saved_is_bounded_by_what_runs_beside() -> None:
    spans = [
        in_ms("root", "", 0, 100),
        in_ms("slow", "root", 10, 80),
        in_ms("beside", "root", 10, 60),
        in_ms("then", "root", 85, 95),
    ]
    what_ifs = [{"slow"}, {"beside"}, {"slow", "beside"}, {"then"}, {"root"}]
    root_alone = 20e6  # 10 before, 5 between, 5 after
    assert time_saved(spans, what_ifs) == [20e6, 0, 70e6, 10e6, root_alone]
    assert time_saved([], what_ifs) == [0] * 5


def test_clocks_that_let_one_begin_a_little_before_the_other_ends_change_nothing() -> None:
    spans = [in_ms("root", "", 0, 100), in_ms("one", "root", 0, 60.0002), in_ms("two", "root", 60, 100.0001)]
    assert time_saved(spans, [{"one"}]) == [60e6]


def test_a_callee_that_outlives_its_caller_counts_as_long_as_it_was_waited_for() -> None:
    spans = [in_ms("call", "", 0, 50), in_ms("work", "call", 1, 200)]
    assert time_saved(spans, [{"work"}]) == [49e6]
    assert critical_path(spans) == [("call", 1e6), ("work", 49e6)]


def test_ids_that_repeat_do_not_loop() -> None:
    spans = [SpanTimes("a", "", 0, 9), SpanTimes("b", "a", 1, 8), SpanTimes("a", "b", 2, 7)]
    assert critical_path(spans) == [("a", 2), ("b", 7)]
    assert time_saved(spans, [{"b"}]) == [7]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=30))
def test_what_is_saved_is_never_more_than_what_there_is_nor_less_than_nothing(rows: list[tuple[int, int, int]]) -> None:
    spans = [SpanTimes("0", "", 0, 100)]
    for number, (parent, start, length) in enumerate(rows, start=1):
        spans.append(SpanTimes(str(number), str(min(parent, number - 1)), start, start + length))
    everything = {span.id for span in spans}
    assert time_saved(spans, [everything]) == [100]
    assert all(0 <= saved <= 100 for saved in time_saved(spans, [{id_} for id_ in sorted(everything)]))
