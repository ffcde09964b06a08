"""From the records of an HPROF dump to the graph of its objects, a class of objects at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from .graph import Array, HeapGraph, by_source, ranges
from .hprof import WIDTHS, HprofDump

_ARRAYS: Final = {
    4: "boolean[]", 5: "char[]", 6: "float[]", 7: "double[]", 8: "byte[]", 9: "short[]", 10: "int[]", 11: "long[]"
}  # fmt: skip
_OBJECT_TYPE: Final = 2
# These do not keep alive what they refer to; a finalizer does.
_WEAK: Final = frozenset(f"java.lang.ref.{kind}Reference" for kind in ("Weak", "Soft", "Phantom"))
# Of an object: mark word and class. Dumps do not tell it, nor whether references are stored in four bytes.
_HEADER_BYTES: Final = 16
_ALIGNED_BYTES: Final = 8
# So many places are read at once: their indices take some tens of megabytes.
_AT_ONCE: Final = 500_000
_LOADER: Final = "<class loader>"


def hprof_graph(dump: HprofDump) -> HeapGraph:
    """The objects of a dump and what they refer to; classes are objects too, their static fields references."""
    return _Graph(dump).build()


class _Graph:
    def __init__(self, dump: HprofDump) -> None:
        self.dump = dump
        self.width = dump.width
        self.bytes = np.frombuffer(dump.data, np.uint8)
        self.instances, self.objects, self.primitives = (
            np.frombuffer(places, np.uint64).astype(np.int64)
            for places in (dump.instances, dump.objects, dump.primitives)
        )
        self.class_ids = sorted(dump.classes)
        parts = [self.instances, self.objects, self.primitives]
        ids = [*(self._ids(places + 1) for places in parts), np.array(self.class_ids, np.uint64)]
        places = np.concatenate([*parts, np.full(len(self.class_ids), -1, np.int64)])
        # A damaged dump may name an object twice: the first stands.
        self.ids, first, nodes = np.unique(np.concatenate(ids), return_index=True, return_inverse=True)
        self.record = places[first]
        """Where the record of each object lies, -1 for classes."""
        ends = np.cumsum([len(part) for part in ids])[:-1]
        self.instance_nodes, self.object_nodes, self.primitive_nodes, self.class_nodes = np.split(
            nodes.astype(np.int32), ends
        )
        self.names: dict[str, int] = {}
        self.labels: dict[str, int] = {}
        nothing = np.zeros(0, np.int32)
        self.edges: list[tuple[Array, Array, Array]] = [(nothing, nothing, nothing)]
        self.classes = np.zeros(len(self.ids), np.int32)
        self.sizes = np.full(len(self.ids), _HEADER_BYTES, np.int64)

    def build(self) -> HeapGraph:
        self._take_instances()
        self._take_objects()
        self._take_primitives()
        self._take_classes()
        sources, targets, labels = (np.concatenate(column) for column in zip(*self.edges, strict=True))
        offsets, targets, labels = by_source(len(self.ids), sources, targets, labels)
        roots, kinds = self._roots()
        texts = self.classes == self.names.get("java.lang.String", -1)
        return HeapGraph(
            ids=self.ids,
            classes=self.classes,
            class_names=list(self.names),
            sizes=self.sizes,
            offsets=offsets,
            targets=targets,
            labels=labels,
            label_names=list(self.labels),
            roots=roots,
            root_kinds=kinds,
            texts=texts,
            text_of=_Texts(self).text_of,
        )

    def _numbers(self, places: Array, width: int) -> Array:
        """The big-endian numbers at these offsets (uint64)."""
        found = np.empty(len(places), np.uint64)
        for start in range(0, len(places), _AT_ONCE):
            here = places[start : start + _AT_ONCE]
            raw = self.bytes[here[:, None] + np.arange(width)]
            found[start : start + _AT_ONCE] = raw.view(f">u{width}")[:, 0]
        return found

    def _ids(self, places: Array) -> Array:
        return self._numbers(places, self.width)

    def _known(self, ids: Array) -> tuple[Array, Array]:
        """The nodes of these ids, and which of them are in the dump."""
        nodes = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return nodes.astype(np.int32), self.ids[nodes] == ids

    def _name(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def _refer(self, sources: Array, ids: Array, label: int | Array) -> None:
        targets, known = self._known(ids)
        labels = np.full(len(ids), label, np.int32) if isinstance(label, int) else label
        self.edges.append((sources[known], targets[known], labels[known]))

    def _take_instances(self) -> None:
        kinds = self._ids(self.instances + 5 + self.width)
        for class_id, members in _grouped(kinds):
            places, own = self.instances[members] + 9 + 2 * self.width, self.instance_nodes[members]
            layout, content_bytes = self._layout(int(class_id))
            self.classes[own] = self._name(self.dump.class_name(int(class_id)))
            self.sizes[own] = _aligned(_HEADER_BYTES + content_bytes)
            stored = self._numbers(places - 4, 4).astype(np.int64)
            for label, offset in layout:
                # Where a record is shorter than its class says, the dump is damaged there.
                whole = stored >= offset + self.width
                self._refer(own[whole], self._ids(places[whole] + offset), label)

    def _layout(self, class_id: int) -> tuple[list[tuple[int, int]], int]:
        """Strong references in an object of a class: (label, offset) each; and the bytes of all fields."""
        found, offset, seen = [], 0, set()
        while (kind := self.dump.classes.get(class_id)) is not None and class_id not in seen:
            seen.add(class_id)
            for name_id, field_type in kind.fields:
                if field_type == _OBJECT_TYPE:
                    found.append((self.dump.text(name_id), offset))
                offset += WIDTHS.get(field_type, self.width)
            class_id = kind.parent
        weak = any(self.dump.class_name(each) in _WEAK for each in seen)
        strong = [(name, place) for name, place in found if not (weak and name == "referent")]
        return [(self.labels.setdefault(name, len(self.labels)), place) for name, place in strong], offset

    def _take_objects(self) -> None:
        places, nodes = self.objects, self.object_nodes
        counts = self._numbers(places + 5 + self.width, 4).astype(np.int64)
        for class_id, members in _grouped(self._ids(places + 9 + self.width)):
            self.classes[nodes[members]] = self._name(self.dump.class_name(int(class_id)))
        self.sizes[nodes] = _aligned(_HEADER_BYTES + counts * self.width)
        ends = np.cumsum(counts)
        start = 0
        while start < len(places):
            # As many arrays as have about so many elements together.
            end = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + _AT_ONCE, "right")))
            some = counts[start:end]
            elements = ranges(np.zeros(end - start, np.int64), some) * self.width
            elements += np.repeat(places[start:end] + 9 + 2 * self.width, some)
            self._refer(np.repeat(nodes[start:end], some), self._ids(elements), -1)
            start = end

    def _take_primitives(self) -> None:
        places, nodes = self.primitives, self.primitive_nodes
        counts = self._numbers(places + 5 + self.width, 4).astype(np.int64)
        for kind, members in _grouped(self.bytes[places + 9 + self.width]):
            own = nodes[members]
            self.classes[own] = self._name(_ARRAYS[int(kind)])
            self.sizes[own] = _aligned(_HEADER_BYTES + counts[members] * WIDTHS[int(kind)])

    def _take_classes(self) -> None:
        for class_id, own in zip(self.class_ids, self.class_nodes.tolist(), strict=True):
            kind = self.dump.classes[class_id]
            named = [*((self.dump.text(name), target) for name, target in kind.statics), (_LOADER, kind.loader)]
            labels = [self.labels.setdefault(name, len(self.labels)) for name, _ in named]
            targets = np.array([target for _, target in named], np.uint64)
            self._refer(np.full(len(named), own, np.int32), targets, np.array(labels, np.int32))
            # A class is told by its own name, so that a way through its static fields can be read.
            self.classes[own] = self._name(f"class {self.dump.class_name(class_id)}")

    def _roots(self) -> tuple[Array, list[str]]:
        # Whether its loader keeps a class alive differs from one virtual machine to the next: all of them count.
        kinds = {**dict.fromkeys(self.dump.classes, "class"), **self.dump.roots}
        ids = np.array(sorted(kinds), np.uint64)
        nodes, known = self._known(ids)
        return nodes[known], [kinds[int(each)] for each in ids[known]]


def _grouped(keys: Array) -> Iterable[tuple[int, Array]]:
    """Each distinct key with the places where it stands."""
    order = np.argsort(keys, kind="stable")
    values, starts = np.unique(keys[order], return_index=True)
    return zip(values.tolist(), np.split(order, starts[1:]), strict=True) if len(keys) else ()


def _aligned(size: Array | int) -> Array | int:
    return -(-size // _ALIGNED_BYTES) * _ALIGNED_BYTES


class _Texts:
    """The texts of `java.lang.String` objects: a `char[]`, or since Java 9 a `byte[]` with its coding."""

    def __init__(self, graph: _Graph) -> None:
        self._graph = graph
        self._value = self._coder = -1
        dump = graph.dump
        for class_id, kind in dump.classes.items():
            if dump.class_name(class_id) == "java.lang.String":
                offset = 0
                for name_id, field_type in kind.fields:
                    name = dump.text(name_id)
                    self._value = offset if name == "value" else self._value
                    self._coder = offset if name == "coder" else self._coder
                    offset += WIDTHS.get(field_type, graph.width)

    def text_of(self, node: int) -> str:
        """The text of a string object; '' where it has none."""
        graph, data, width = self._graph, self._graph.dump.data, self._graph.width
        fields = int(graph.record[node]) + 9 + 2 * width
        if self._value < 0 or graph.record[node] < 0:
            return ""
        value = int.from_bytes(data[fields + self._value : fields + self._value + width])
        index = int(np.searchsorted(graph.ids, np.uint64(value)))
        if not value or index >= len(graph.ids) or int(graph.ids[index]) != value or graph.record[index] < 0:
            return ""
        at = int(graph.record[index]) + 5 + width
        kind = data[at + 4]
        start = at + 5
        size = int.from_bytes(data[at : at + 4]) * WIDTHS.get(kind, 1)
        content = data[start : start + min(size, _TEXT_BYTES)]
        if kind == _CHARS:
            return content.decode("utf-16-be", "replace")
        wide = self._coder >= 0 and data[fields + self._coder] == 1
        return content.decode("utf-16-le" if wide else "latin-1", "replace")


_CHARS: Final = 5
# Names and identifiers are far shorter; what is longer is a message's body.
_TEXT_BYTES: Final = 1_024
