"""A Node.js heap that is written as a V8 heap snapshot (fields as of Node 20)."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_NODE_FIELDS: Final = ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"]
_NODE_TYPES: Final = "hidden array string object code closure regexp number native synthetic".split()
_EDGE_TYPES: Final = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"]
_ARRAY, _STRING, _OBJECT, _SYNTHETIC = 1, 2, 3, 9
_ELEMENT, _PROPERTY, _INTERNAL = 1, 2, 3


class NodeHeap:
    """Objects with their references; the first is above all roots."""

    def __init__(self) -> None:
        self._strings: dict[str, int] = {}
        self._nodes: list[tuple[int, int, int]] = []
        self._edges: list[list[tuple[int, int, int]]] = []
        self._add(_SYNTHETIC, "", 0)
        self.globals = self._add(_OBJECT, "Object / global", 64)
        self._edges[0].append((_ELEMENT, 1, self.globals))

    def new(self, constructor: str, properties: Mapping[str, int]) -> int:
        """An object with properties."""
        node = self._add(_OBJECT, constructor, 24 + 8 * len(properties))
        self._edges[node] = [(_PROPERTY, self._text(name), value) for name, value in properties.items()]
        return node

    def text(self, text: str) -> int:
        """A string."""
        return self._add(_STRING, text, 16 + len(text))

    def map(self, entries: Iterable[tuple[int, int]]) -> int:
        """A `Map`."""
        elements = [element for entry in entries for element in entry]
        table = self._add(_ARRAY, "", 16 + 12 * len(elements))
        self._edges[table] = [(_INTERNAL, self._text(str(place)), node) for place, node in enumerate(elements)]
        node = self._add(_OBJECT, "Map", 32)
        self._edges[node].append((_INTERNAL, self._text("table"), table))
        return node

    def everywhere(self, name: str, node: int) -> None:
        """Let a global variable refer to an object."""
        self._edges[self.globals].append((_PROPERTY, self._text(name), node))

    def write(self, path: Path) -> None:
        """Write the snapshot."""
        nodes, edges = array("q"), array("q")
        width = len(_NODE_FIELDS)
        for place, ((kind, name, size), own) in enumerate(zip(self._nodes, self._edges, strict=True)):
            nodes.extend((kind, name, 2 * place + 1, size, len(own), 0, 0))
            for edge_kind, label, target in own:
                edges.extend((edge_kind, label, target * width))
        meta = {
            "node_fields": _NODE_FIELDS,
            "node_types": [_NODE_TYPES, "string", "number", "number", "number", "number", "number"],
            "edge_fields": ["type", "name_or_index", "to_node"],
            "edge_types": [_EDGE_TYPES, "string_or_number", "node"],
        }
        head = {"meta": meta, "node_count": len(self._nodes), "edge_count": len(edges) // 3, "trace_function_count": 0}
        with path.open("w") as file:
            file.write('{"snapshot":' + json.dumps(head))
            for section, numbers in (("nodes", nodes), ("edges", edges)):
                file.write(f',\n"{section}":[' + ",".join(map(str, numbers)) + "]")
            file.write(',\n"strings":' + json.dumps(list(self._strings)) + "}\n")

    def _add(self, kind: int, name: str, size: int) -> int:
        self._nodes.append((kind, self._text(name), size))
        self._edges.append([])
        return len(self._nodes) - 1

    def _text(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings))
