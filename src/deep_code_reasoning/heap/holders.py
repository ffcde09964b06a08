"""Where objects pile up: the few places that keep most of a heap alive.

A *holder* is an object that retains much and whose parts are all small: the table of a map, an array, the chain of a
list. Method: Eclipse Memory Analyzer's "accumulation point" (Maxwell, Back, Ramakrishnan, "Diagnosing memory leaks
using graph mining on heap dumps", KDD 2010): go down the tree of dominators, and stop where the largest part is small
beside the whole. Links of a chain or a tree that are of one class count as one object, else a list would be a way
down and not a pile.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .dominators import Dominators, Reach, dominators, nearest, reach, subtree_sums
from .graph import Array, HeapGraph

# Of the heap. A leak that has become a problem holds a fifth or more (Memory Analyzer's suspects); a tenth of that is
# where one begins that the next dump may show grown.
_MIN_SHARE: Final = 0.02
# The largest part of a pile is under this share of it; above, the pile is further down. Memory Analyzer's value.
_LARGEST_PART: Final = 0.7
# Fewer parts are no pile.
_MIN_PARTS: Final = 20
# The largest ones that are told, a dump, and the classes that are told of each.
_MAX_HOLDERS: Final = 40
_MAX_CONTENTS: Final = 8
# Texts that are looked at in one holder, and the smallest hashes that are kept of them.
_MAX_IDS: Final = 200_000
_SAMPLED_IDS: Final = 256
# Steps of the way from the root that are kept at either end, and whose text fields are told.
_TOLD_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Step:
    """A step on the way from a root: the class of an object, and the field that leads on from it ('' for elements)."""

    class_name: str
    label: str

    def __str__(self) -> str:
        return f"{self.class_name}.{self.label}" if self.label else self.class_name


@dataclass(frozen=True, slots=True)
class Holder:
    """An object in which others pile up.

    Attributes:
        node: the object, as the dump names it (`0x...`).
        class_name: its class.
        root: why the first object of the way is alive.
        path: the way to it from there, itself last; repeated links told once.
        retained_bytes: what would go if it went, itself included.
        objects: so many objects.
        parts: so many objects right below it.
        contents: the classes of what it holds with their counts, the most bytes first.
        names: texts that stand in fields of the objects on the way: names of queues, topics, caches.
        ids: hashes (16 hex digits) of texts in it that look like identifiers: the smallest of all, so that two
            holders of the same things keep the same ones (bottom-k sketch: Cohen and Kaplan, 2007).
    """

    node: str
    class_name: str
    root: str
    path: tuple[Step, ...]
    retained_bytes: int
    objects: int
    parts: int
    contents: tuple[tuple[str, int], ...]
    names: dict[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many objects of a class there are, and their own bytes together."""

    class_name: str
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class HeapSummary:
    """What is kept of a dump.

    Attributes:
        classes: every class, the most bytes first; only what can be reached.
        holders: the places where objects pile up, the largest first.
        bytes: of all objects that can be reached.
        garbage: objects that nothing reaches.
        settled: whether `retained_bytes` is sure; else it is an upper bound (`Dominators.settled`).
    """

    classes: tuple[ClassCount, ...]
    holders: tuple[Holder, ...]
    bytes: int
    garbage: int
    settled: bool


def summarise(graph: HeapGraph) -> HeapSummary:
    """Count classes and find the holders of a heap."""
    reached = reach(graph)
    alive = reached.parent >= 0
    tree = dominators(graph, reached)
    sizes = np.where(alive, graph.sizes, 0)
    total = int(sizes.sum())
    found = _piles(graph, tree, subtree_sums(tree, sizes), total)
    return HeapSummary(
        classes=_class_counts(graph, alive, sizes),
        holders=tuple(_holders(graph, reached, tree, found)),
        bytes=total,
        garbage=int(len(graph) - alive.sum()),
        settled=tree.settled,
    )


def _class_counts(graph: HeapGraph, alive: Array, sizes: Array) -> tuple[ClassCount, ...]:
    many = len(graph.class_names)
    objects = np.bincount(graph.classes[alive], minlength=many)
    own = np.bincount(graph.classes, weights=sizes, minlength=many).astype(np.int64)
    counts = [ClassCount(graph.class_names[i], int(objects[i]), int(own[i])) for i in np.flatnonzero(objects)]
    return tuple(sorted(counts, key=lambda count: (-count.bytes, count.class_name)))


@dataclass(frozen=True, slots=True)
class _Pile:
    node: int
    retained: int
    parts: int


def _piles(graph: HeapGraph, tree: Dominators, retained: Array, total: int) -> list[_Pile]:
    """The objects in which others pile up, the largest first; the first link speaks for a chain of one class."""
    count = len(graph)
    inner = np.flatnonzero((tree.parent >= 0) & (tree.parent < count))
    linked = np.zeros(count, bool)
    linked[inner] = graph.classes[inner] == graph.classes[tree.parent[inner]]
    chain = nearest(tree, (tree.parent >= 0) & ~linked)
    # The parts of a chain: what its links dominate beside each other.
    parts = inner[~linked[inner]]
    owner = chain[tree.parent[parts]]
    large = retained >= max(1, _MIN_SHARE * total)
    parts, owner = parts[large[owner]], owner[large[owner]]
    many = np.bincount(owner, minlength=count)
    largest = np.zeros(count, np.int64)
    np.maximum.at(largest, owner, retained[parts])
    piles = (many >= _MIN_PARTS) & (largest < _LARGEST_PART * retained) & ~linked
    nodes = np.flatnonzero(piles)
    nodes = nodes[np.lexsort((nodes, -retained[nodes]))][:_MAX_HOLDERS]
    return [_Pile(int(node), int(retained[node]), int(many[node])) for node in nodes]


def _holders(graph: HeapGraph, reached: Reach, tree: Dominators, piles: Sequence[_Pile]) -> Iterator[Holder]:
    if not piles:
        return
    marked = np.zeros(len(graph), bool)
    marked[[pile.node for pile in piles]] = True
    inside = nearest(tree, marked)
    held = np.flatnonzero(inside < len(graph))
    held = held[np.argsort(inside[held], kind="stable")]
    owners = inside[held]
    kinds = dict(zip(graph.roots.tolist(), graph.root_kinds, strict=True))
    for pile in piles:
        # What a pile within it holds is told of that one.
        members = held[np.searchsorted(owners, pile.node) : np.searchsorted(owners, pile.node, "right")]
        way, edges = _way(graph, reached, pile.node)
        yield Holder(
            node=f"0x{int(graph.ids[pile.node]):x}",
            class_name=graph.class_of(pile.node),
            root=kinds.get(way[0], ""),
            path=_told(graph, way, edges),
            retained_bytes=pile.retained,
            objects=len(members),
            parts=pile.parts,
            contents=_contents(graph, members[members != pile.node]),
            names=_names(graph, way[-_TOLD_STEPS:]),
            ids=_ids(graph, members),
        )


def _way(graph: HeapGraph, reached: Reach, node: int) -> tuple[list[int], list[int]]:
    """The objects from a root to this one, and the references between them."""
    way, edges = [node], []
    while (before := int(reached.parent[way[-1]])) < len(graph):
        edges.append(int(reached.via[way[-1]]))
        way.append(before)
    return way[::-1], edges[::-1]


def _told(graph: HeapGraph, way: Sequence[int], edges: Sequence[int]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for place, node in enumerate(way):
        label = graph.label_of(edges[place]) if place < len(edges) else ""
        step = Step(graph.class_of(node), label)
        if not steps or step != steps[-1]:
            steps.append(step)
    if len(steps) > 2 * _TOLD_STEPS:
        return (*steps[:_TOLD_STEPS], Step("...", ""), *steps[-_TOLD_STEPS:])
    return tuple(steps)


def _contents(graph: HeapGraph, members: Array) -> tuple[tuple[str, int], ...]:
    many = len(graph.class_names)
    counts = np.bincount(graph.classes[members], minlength=many)
    sizes = np.bincount(graph.classes[members], weights=graph.sizes[members], minlength=many)
    order = np.lexsort((np.arange(many), -sizes))
    return tuple((graph.class_names[i], int(counts[i])) for i in order[:_MAX_CONTENTS] if counts[i])


# What a text in a field may be to name something: one word or a dotted, dashed one, no sentence.
_NAME: Final = re.compile(r"[A-Za-z][\w.:/-]{1,79}")
# An identifier: letters and digits in one piece, with digits enough that it is no word with a number behind it.
_ID: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){3})[\w.:/+=-]{6,80}")


def _names(graph: HeapGraph, way: Sequence[int]) -> dict[str, str]:
    """Texts in fields of the objects on the way, `Class.field` -> text; not what a run time's own roots hold."""
    names: dict[str, str] = {}
    for node in way:
        if graph.class_of(node).startswith("("):
            continue
        for edge in range(int(graph.offsets[node]), min(int(graph.offsets[node + 1]), int(graph.offsets[node]) + 200)):
            label, target = graph.label_of(edge), int(graph.targets[edge])
            if label and graph.texts[target] and _NAME.fullmatch(text := graph.text_of(target)):
                names.setdefault(f"{graph.class_of(node)}.{label}", text)
    return names


def _ids(graph: HeapGraph, members: Array) -> tuple[str, ...]:
    texts = members[graph.texts[members]][:_MAX_IDS]
    found = {text for node in texts.tolist() if _ID.fullmatch(text := graph.text_of(node))}
    hashes = (hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest() for text in found)
    return tuple(heapq.nsmallest(_SAMPLED_IDS, hashes))
