"""Who alone keeps whom alive: the shortest way from a root to each object, and the tree of dominators.

Object d dominates v when every way from the roots to v leads through d: if d went, v would go with it. What an object
*retains* is what it dominates. Source of the method: Cooper, Harvey, Kennedy, "A simple, fast dominance algorithm"
(2001): a tree of candidates, each moved up to the nearest common ancestor of all who refer to it, until nothing moves.
Theirs goes object by object; here every round is over all objects at once, ancestors by doubled strides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .graph import Array, HeapGraph, ranges

# A round moves candidates up past one more meeting of ways. Most heaps come to rest in about ten rounds; the links of a
# long list with ways both forth and back do so one by one from its middle. Once fewer than one object in so many moves,
# no pile of note changes any more; what has not settled after so many rounds retains at most what is told of it.
_SETTLED: Final = 10_000
_MAX_ROUNDS: Final = 40
# What lies below something that was moved to the top lies below another root then: a second look finds most of it.
_PARTINGS: Final = 2


@dataclass(frozen=True)
class Reach:
    """How the roots reach each object.

    Attributes:
        parent: the object before it on a shortest way (int32, n); n for what a root refers to, -1 where no way leads.
        via: the reference by which it is reached from there (int64, n), -1 for roots.
    """

    parent: Array
    via: Array


def reach(graph: HeapGraph) -> Reach:
    """Go from the roots outward, a step at a time; of several shortest ways the first in the graph's order is kept."""
    count = len(graph)
    parent = np.full(count, -1, np.int32)
    via = np.full(count, -1, np.int64)
    front = graph.roots
    parent[front] = count
    while len(front):
        starts = graph.offsets[front]
        counts = graph.offsets[front + 1] - starts
        edges = ranges(starts, counts)
        targets = graph.targets[edges]
        fresh = parent[targets] == -1
        edges, targets, sources = edges[fresh], targets[fresh], np.repeat(front, counts)[fresh]
        # Written backwards, so that the first of several references to one object is the one that stays.
        parent[targets[::-1]] = sources[::-1]
        via[targets[::-1]] = edges[::-1]
        front = targets[via[targets] == edges]
    return Reach(parent, via)


@dataclass(frozen=True)
class Dominators:
    """The tree of dominators.

    Attributes:
        parent: the nearest object that dominates each (int32, n); n for what only the roots hold, -1 if unreachable.
        depth: steps below the roots (int32, n + 1), 0 for the place above all roots.
        settled: whether the search came to rest; if not, what is retained is an upper bound.
    """

    parent: Array
    depth: Array
    settled: bool


def dominators(graph: HeapGraph, reached: Reach) -> Dominators:
    """The nearest dominator of every object that can be reached."""
    count = len(graph)
    tree = np.append(reached.parent, count).astype(np.int32)
    tree[:count][reached.parent < 0] = count
    sources, targets = _part_ways(tree, *_meetings(graph, reached))
    settled = _lift(tree, sources, targets)
    depth = _depths(tree)
    parent = tree[:count]
    parent[reached.parent < 0] = -1
    return Dominators(parent, depth, settled)


def _meetings(graph: HeapGraph, reached: Reach) -> tuple[Array, Array]:
    """Sources and targets of references to objects that more than one leads to, ordered by target."""
    count = len(graph)
    # A root is held from above all roots, whoever else refers to it.
    counts = reached.parent[graph.targets] != count
    counts &= np.bincount(graph.targets, minlength=count)[graph.targets] > 1
    edges = np.flatnonzero(counts)
    sources = (np.searchsorted(graph.offsets, edges, "right") - 1).astype(np.int32)
    targets = graph.targets[edges]
    alive = (reached.parent[sources] >= 0) & (sources != targets)
    sources, targets = sources[alive], targets[alive]
    order = np.argsort(targets, kind="stable")
    return sources[order], targets[order]


def _part_ways(tree: Array, sources: Array, targets: Array) -> tuple[Array, Array]:
    """Move up to the top what is referred to from below different roots; returns the references to all else.

    That is most of what is shared (constants, interned strings, classes), and needs no search for ancestors.
    """
    top = len(tree) - 1
    for _ in range(_PARTINGS):
        root = _fixed(np.where(tree == top, np.arange(len(tree)), tree))
        tree[targets[root[sources] != root[tree[targets]]]] = top
        left = tree[targets] != top
        sources, targets = sources[left], targets[left]
    return sources, targets


def _lift(tree: Array, sources: Array, targets: Array) -> bool:
    """Move each target up to the common ancestor of all that refer to it; whether it came to rest."""
    if not len(targets):
        return True
    nodes = _with_ancestors(tree, np.union1d(sources, targets))
    place = np.zeros(len(tree), np.int32)
    place[nodes] = np.arange(len(nodes), dtype=np.int32)
    part, sources, targets = place[tree[nodes]], place[sources], place[targets]
    # Where the references to one object begin; they lie side by side.
    first = np.flatnonzero(np.append(True, targets[1:] != targets[:-1]))
    met = targets[first]
    settled = False
    for _ in range(_MAX_ROUNDS):
        strides, depth = _strides(part)
        common = _common_ancestors(sources, part[targets], strides, depth)
        # All of them are ancestors of one candidate, so the highest is their common one.
        highest = np.minimum.reduceat(depth[common].astype(np.int64) << 32 | common, first) & 0xFFFFFFFF
        moved = highest != part[met]
        part[met[moved]] = highest[moved]
        settled = int(moved.sum()) * _SETTLED <= len(tree)
        if settled:
            break
    tree[nodes] = nodes[part]
    return settled


def _with_ancestors(tree: Array, nodes: Array) -> Array:
    """These objects and all above them, the place above all roots among them and last; ascending."""
    marked = np.zeros(len(tree), bool)
    marked[-1] = True
    front = nodes
    while len(front):
        marked[front] = True
        above = tree[front]
        front = np.unique(above[~marked[above]])
    return np.flatnonzero(marked).astype(np.int32)


def subtree_sums(tree: Dominators, values: Array) -> Array:
    """The sum of `values` over each object and all that it dominates."""
    sums = np.append(values, 0).astype(np.int64)
    known = np.flatnonzero(tree.parent >= 0)
    order = known[np.argsort(tree.depth[known], kind="stable")]
    bounds = np.searchsorted(tree.depth[order], np.arange(1, tree.depth.max(initial=0) + 2))
    for level in range(len(bounds) - 2, -1, -1):
        nodes = order[bounds[level] : bounds[level + 1]]
        np.add.at(sums, tree.parent[nodes], sums[nodes])
    return sums[:-1]


def nearest(tree: Dominators, marked: Array) -> Array:
    """The nearest marked object at or above each in the tree (int32, n); n where there is none."""
    count = len(marked)
    up = np.append(np.where(marked, np.arange(count), np.where(tree.parent >= 0, tree.parent, count)), count)
    return _fixed(up)[:count]


def _fixed(up: Array) -> Array:
    """Where each ends that goes on to `up` again and again, until it is at a place that is its own `up` (int32)."""
    up = up.astype(np.int32)
    moving = np.arange(len(up), dtype=np.int32)
    while len(moving):
        here = up[moving]
        further = up[here]
        up[moving] = further
        moving = moving[further != here]
    return up


def _depths(tree: Array) -> Array:
    depth = (tree != np.arange(len(tree))).astype(np.int32)
    here, top = tree, len(tree) - 1
    while (here != top).any():
        depth += depth[here]
        here = here[here]
    return depth


def _strides(tree: Array) -> tuple[list[Array], Array]:
    """The ancestors 1, 2, 4 ... steps up, and how deep each lies. The place above the roots is its own parent."""
    top = len(tree) - 1
    strides = [tree]
    depth = (tree != np.arange(len(tree))).astype(np.int32)
    while (strides[-1] != top).any():
        here = strides[-1]
        depth = depth + depth[here]
        strides.append(here[here])
    return strides, depth


def _common_ancestors(a: Array, b: Array, strides: list[Array], depth: Array) -> Array:
    """The nearest object at or above both, pair by pair."""
    deeper = depth[a] >= depth[b]
    low, high = np.where(deeper, a, b), np.where(deeper, b, a)
    difference = depth[low] - depth[high]
    for power, stride in enumerate(strides):
        low = np.where(difference >> power & 1, stride[low], low)
    for stride in reversed(strides):
        apart = stride[low] != stride[high]
        low, high = np.where(apart, stride[low], low), np.where(apart, stride[high], high)
    return np.where(low == high, low, strides[0][low])
