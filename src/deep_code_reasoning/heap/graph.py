"""A heap as a graph of objects, in arrays: a dump of 500 MB has ten million of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""An array of numpy's, whose type stubs our type checker does not read (see pyproject.toml)."""


class DumpError(Exception):
    """Nothing in a file can be read as a heap dump; internal to readers, which reject the file with this reason."""


@dataclass(frozen=True)
class HeapGraph:
    """Objects and the references that keep others alive (weak ones are left out).

    Attributes:
        ids: what the dump calls each object (uint64, n).
        classes: the class of each, as an index into `class_names` (int32, n).
        class_names: the names of classes, as programmers write them.
        sizes: bytes of each object by itself (int64, n).
        offsets: the references of object i are `targets[offsets[i]:offsets[i + 1]]` (int64, n + 1).
        targets: the object that is referred to (int32, e).
        labels: through which field, as an index into `label_names` (int32, e); -1 for elements of arrays.
        label_names: the names of fields.
        roots: what the run time itself holds (int32), without repeats.
        root_kinds: why, a word each (thread, static ...).
        texts: whether an object is a string (bool, n).
        text_of: the text of a string object, '' where it cannot be had.
    """

    ids: Array
    classes: Array
    class_names: Sequence[str]
    sizes: Array
    offsets: Array
    targets: Array
    labels: Array
    label_names: Sequence[str]
    roots: Array
    root_kinds: Sequence[str]
    texts: Array
    text_of: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.ids)

    def class_of(self, node: int) -> str:
        """The name of an object's class."""
        return self.class_names[int(self.classes[node])]

    def label_of(self, edge: int) -> str:
        """The field that a reference stands in, '' for an element."""
        label = int(self.labels[edge])
        return self.label_names[label] if label >= 0 else ""


def by_source(count: int, sources: Array, targets: Array, labels: Array) -> tuple[Array, Array, Array]:
    """References in any order -> `offsets`, `targets`, `labels` of a graph of `count` objects."""
    order = np.argsort(sources, kind="stable")
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(sources, minlength=count), out=offsets[1:])
    return offsets, targets[order], labels[order]


def ranges(starts: Array, counts: Array) -> Array:
    """`starts[0], starts[0] + 1, ... (counts[0] of them), starts[1], ...` as one array (int64)."""
    ends = np.cumsum(counts)
    return np.repeat(starts - (ends - counts), counts) + np.arange(ends[-1] if len(ends) else 0, dtype=np.int64)
