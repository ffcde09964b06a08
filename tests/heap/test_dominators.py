"""Dominators against their definition: what cannot be reached any more once an object is taken away."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deep_code_reasoning.heap.dominators import dominators, nearest, reach, subtree_sums
from deep_code_reasoning.heap.graph import HeapGraph, by_source


def graph_of(count: int, references: list[tuple[int, int]], roots: list[int]) -> HeapGraph:
    sources = np.array([source for source, _ in references], np.int32)
    targets = np.array([target for _, target in references], np.int32)
    offsets, targets, labels = by_source(count, sources, targets, np.full(len(references), -1, np.int32))
    return HeapGraph(
        ids=np.arange(count, dtype=np.uint64),
        classes=np.zeros(count, np.int32),
        class_names=["Thing"],
        sizes=np.ones(count, np.int64),
        offsets=offsets,
        targets=targets,
        labels=labels,
        label_names=[],
        roots=np.array(sorted(set(roots)), np.int32),
        root_kinds=["root"] * len(set(roots)),
        texts=np.zeros(count, bool),
        text_of=lambda _: "",
    )


def reachable(count: int, references: list[tuple[int, int]], roots: list[int], without: int = -1) -> set[int]:
    seen = {root for root in roots if root != without}
    front = list(seen)
    while front:
        node = front.pop()
        for source, target in references:
            if source == node and target not in seen and target != without:
                seen.add(target)
                front.append(target)
    return seen


graphs = st.integers(1, 14).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40),
        st.lists(st.integers(0, count - 1), min_size=1, max_size=3),
    )
)


@given(graphs)
@settings(deadline=None)
def test_what_an_object_retains_is_what_goes_with_it(drawn: tuple[int, list[tuple[int, int]], list[int]]) -> None:
    count, references, roots = drawn
    graph = graph_of(count, references, roots)
    tree = dominators(graph, reach(graph))
    alive = reachable(count, references, roots)
    retained = subtree_sums(tree, np.where(tree.parent >= 0, 1, 0))
    assert set(np.flatnonzero(tree.parent >= 0).tolist()) == alive
    for node in alive:
        # A root stays alive by itself, but it goes when it is taken away.
        assert retained[node] == len(alive - reachable(count, references, roots, without=node))


def test_a_long_list_is_no_deep_recursion_and_each_link_retains_the_rest() -> None:
    count = 5_000
    graph = graph_of(count, [(link, link + 1) for link in range(count - 1)], [0])
    tree = dominators(graph, reach(graph))
    assert tree.settled
    assert subtree_sums(tree, graph.sizes).tolist() == list(range(count, 0, -1))


def test_of_a_list_with_ways_both_forth_and_back_the_first_link_retains_all() -> None:
    count = 3_000
    forth = [(link, link + 1) for link in range(1, count - 1)]
    references = [(0, 1), (0, count - 1), *forth, *((target, source) for source, target in forth)]
    graph = graph_of(count, references, [0])
    tree = dominators(graph, reach(graph))
    assert subtree_sums(tree, graph.sizes)[0] == count


def test_the_nearest_mark_is_at_or_above() -> None:
    graph = graph_of(5, [(0, 1), (1, 2), (2, 3)], [0, 4])
    tree = dominators(graph, reach(graph))
    marked = np.array([False, True, False, False, False])
    assert nearest(tree, marked).tolist() == [5, 1, 1, 1, 5]
