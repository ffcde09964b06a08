"""Heap snapshots of V8 (Node.js, Chrome): `*.heapsnapshot`, as written by `v8.writeHeapSnapshot()` and DevTools.

One JSON document: `snapshot.meta` names the fields, `nodes` and `edges` are flat lists of numbers, `strings` the texts.
Source of the layout: V8 `src/profiler/heap-snapshot-generator.cc` (`HeapSnapshotJSONSerializer`).
"""

from __future__ import annotations

import json
import mmap
import re
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np

from .graph import Array, DumpError, HeapGraph

# What lies between the opening of a section and its content.
_SECTION: Final = r'"%s"\s*:\s*\['
# References that keep nothing alive, or repeat others that do.
_WEAK: Final = ("weak", "shortcut")
_TEXTS: Final = ("string", "concatenated string", "sliced string")
# Types whose name says what kind of object it is; of all others (strings, numbers, code) the type does.
_NAMED: Final = ("object", "native", "hidden", "synthetic", "object shape")
# Its numbers take five times as much memory as their text.
MAX_BYTES: Final = 1_500_000_000
# The meta data stand at the beginning and are a few kilobytes.
_META_BYTES: Final = 1 << 20


def read_v8_snapshot(path: Path) -> HeapGraph:
    """Read a snapshot.

    Raises:
        DumpError: when it is none, or is cut off: nothing of a snapshot can be understood without its end.
    """
    if path.stat().st_size > MAX_BYTES:
        raise DumpError(f"a snapshot of more than {MAX_BYTES:,} bytes; take one earlier, or with a smaller heap")
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise DumpError("an empty file") from None
    meta = _meta(data)
    nodes = _numbers(data, "nodes", len(meta["node_fields"]))
    edges = _numbers(data, "edges", len(meta["edge_fields"]))
    strings = _strings(data)
    try:
        return _graph(meta, nodes, edges, strings)
    except (KeyError, ValueError, IndexError, TypeError, AttributeError) as fault:
        raise DumpError(f"its numbers do not fit together: {fault}") from fault


def _meta(data: mmap.mmap) -> dict[str, Any]:
    head = data[:_META_BYTES].decode("utf-8", "replace")
    found = re.search(r'"meta"\s*:\s*', head)
    try:
        meta = json.JSONDecoder().raw_decode(head, found.end())[0] if found else None
    except ValueError:
        meta = None
    if not isinstance(meta, dict) or not all(
        isinstance(meta.get(key), list) for key in ("node_fields", "node_types", "edge_fields", "edge_types")
    ):
        raise DumpError("no description of its fields (snapshot.meta)")
    return meta


def _section(data: mmap.mmap, name: str) -> int:
    found = re.search((_SECTION % name).encode(), data)
    if found is None:
        raise DumpError(f"it has no {name}: it is cut off, or none of V8's")
    return found.end()


def _numbers(data: mmap.mmap, name: str, width: int) -> Array:
    """A flat list as a table of numbers, a row an entry (int64)."""
    start = _section(data, name)
    end = data.find(b"]", start)
    try:
        # What is no number ends the list there, with a warning.
        with warnings.catch_warnings(action="error", category=DeprecationWarning):
            numbers = np.fromstring(data[start:end].decode("ascii"), np.int64, sep=",") if end >= 0 else None
    except (ValueError, DeprecationWarning) as fault:
        raise DumpError(f"its {name} are no numbers: {fault}") from fault
    if numbers is None or not width or len(numbers) % width:
        raise DumpError(f"its {name} are cut off")
    return numbers.reshape(-1, width)


def _strings(data: mmap.mmap) -> list[str]:
    start = _section(data, "strings")
    end = data.rfind(b"]")
    try:
        strings = json.loads(data[start - 1 : end + 1].decode("utf-8", "replace"))
    except ValueError as fault:
        raise DumpError(f"its strings are cut off: {fault}") from fault
    return [str(text) for text in strings]


def _graph(meta: dict[str, Any], nodes: Array, edges: Array, strings: list[str]) -> HeapGraph:
    node_field = {name: place for place, name in enumerate(meta["node_fields"])}
    edge_field = {name: place for place, name in enumerate(meta["edge_fields"])}
    node_types, edge_types = meta["node_types"][node_field["type"]], meta["edge_types"][edge_field["type"]]
    kinds, names = nodes[:, node_field["type"]], nodes[:, node_field["name"]]
    if not len(nodes) or nodes.min() < 0:
        raise ValueError("no objects, or numbers below zero")
    if names.max() >= len(strings) or kinds.max() >= len(node_types):
        raise ValueError("a name that is not among its strings")
    classes, class_names = _classes(kinds, names, node_types, strings)
    counts = nodes[:, node_field["edge_count"]]
    if counts.sum() != len(edges):
        raise ValueError(f"{len(edges)} references where its objects have {counts.sum()}")
    sources = np.repeat(np.arange(len(nodes), dtype=np.int32), counts)
    types, targets = edges[:, edge_field["type"]], edges[:, edge_field["to_node"]] // len(meta["node_fields"])
    strong = ~np.isin(types, [edge_types.index(kind) for kind in _WEAK if kind in edge_types])
    strong &= (targets >= 0) & (targets < len(nodes))
    element = np.isin(types, [edge_types.index(kind) for kind in ("element", "hidden") if kind in edge_types])
    labels = np.where(element, -1, edges[:, edge_field["name_or_index"]])
    if len(labels) and not (labels.min() >= -1 and labels.max() < len(strings)):
        raise ValueError("a reference whose name is not among its strings")
    offsets = np.zeros(len(nodes) + 1, np.int64)
    np.cumsum(np.bincount(sources[strong], minlength=len(nodes)), out=offsets[1:])
    text_types = [node_types.index(kind) for kind in _TEXTS if kind in node_types]
    return HeapGraph(
        ids=nodes[:, node_field["id"]].astype(np.uint64),
        classes=classes,
        class_names=class_names,
        sizes=nodes[:, node_field["self_size"]],
        offsets=offsets,
        targets=targets[strong].astype(np.int32),
        labels=labels[strong].astype(np.int32),
        label_names=strings,
        # The first object stands above all roots.
        roots=np.zeros(1, np.int32),
        root_kinds=["root"],
        texts=np.isin(kinds, text_types),
        text_of=lambda node: strings[int(names[node])],
    )


def _classes(kinds: Array, names: Array, node_types: list[str], strings: list[str]) -> tuple[Array, list[str]]:
    """The class of each object and their names: constructors by name, the engine's own by kind: `(string)`."""
    named = np.isin(kinds, [node_types.index(kind) for kind in _NAMED if kind in node_types])
    keys = np.where(named, names, -1 - kinds)
    values, classes = np.unique(keys, return_inverse=True)
    class_names = [strings[key] or "(unnamed)" if key >= 0 else f"({node_types[-1 - key]})" for key in values.tolist()]
    return classes.astype(np.int32), class_names
