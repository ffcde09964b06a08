"""A Java heap that is written as an HPROF dump (format 1.0.2, identifiers of eight bytes)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from io import BufferedWriter
from pathlib import Path
from typing import Final

_SEGMENT_BYTES: Final = 1 << 20
_OBJECT, _LONG, _INT, _BYTE = 2, 11, 10, 8
_FORMATS: Final = {_OBJECT: "Q", _LONG: "q", _INT: "i", _BYTE: "b"}


class JavaHeap:
    """Objects go to the file as they are made; only classes and roots are kept until the end.

    Args:
        path: the file.
        taken_ms: when the dump is taken, milliseconds since the epoch.
    """

    def __init__(self, path: Path, taken_ms: int) -> None:
        self._file: BufferedWriter = path.open("wb")
        self._file.write(b"JAVA PROFILE 1.0.2\0" + struct.pack(">IQ", 8, taken_ms))
        self._next = 0x7_0000_0000
        self._texts: dict[str, int] = {}
        self._classes: dict[str, int] = {}
        self._fields: dict[str, tuple[tuple[str, int], ...]] = {}
        self._statics: dict[str, dict[str, int]] = {}
        self._parents: dict[str, str] = {}
        self._roots: list[bytes] = []
        self._segment = bytearray()
        self.bytes = 0
        self.define("java.lang.Object")
        self.define("java.lang.String", value=_OBJECT, coder=_BYTE, hash=_INT)

    def define(self, name: str, parent: str = "java.lang.Object", /, **fields: int) -> str:
        """Define a class by its own fields, name and type code each; returns its name."""
        if name not in self._fields:
            self._fields[name] = tuple(fields.items())
            self._parents[name] = parent if name != "java.lang.Object" else ""
        return name

    def new(self, class_name: str, *values: int) -> int:
        """An object with the values of its own fields (parents' fields are 0); returns its id."""
        fields = self._fields[class_name]
        content = struct.pack(">" + "".join(_FORMATS[kind] for _, kind in fields), *values)
        content += bytes(8 * self._inherited(class_name))
        ident = self._id()
        self._put(struct.pack(">BQIQI", 0x21, ident, 0, self._class(class_name), len(content)) + content)
        return ident

    def text(self, text: str) -> int:
        """A string object."""
        content = text.encode("latin-1")
        ident = self._id()
        self._put(struct.pack(">BQIIB", 0x23, ident, 0, len(content), _BYTE) + content)
        return self.new("java.lang.String", ident, 0, 0)

    def octets(self, count: int) -> int:
        """A `byte[]`."""
        ident = self._id()
        self._put(struct.pack(">BQIIB", 0x23, ident, 0, count, _BYTE) + bytes(count))
        return ident

    def array(self, class_name: str, elements: Sequence[int]) -> int:
        """An array of objects."""
        ident = self._id()
        head = struct.pack(">BQIIQ", 0x22, ident, 0, len(elements), self._class(class_name + "[]"))
        self._put(head + struct.pack(f">{len(elements)}Q", *elements))
        return ident

    def static(self, class_name: str, field: str, value: int) -> None:
        """Let a static field refer to an object."""
        self._statics.setdefault(class_name, {})[field] = value

    def thread(self, local: int) -> None:
        """Let the frame of a thread refer to an object."""
        self._roots.append(struct.pack(">BQII", 0x03, local, 1, 0))

    def hash_map(self, kind: str, entries: Iterable[tuple[int, int]]) -> int:
        """A `java.util.HashMap` or like it."""
        node = self.define(f"{kind}$Node", hash=_INT, key=_OBJECT, value=_OBJECT, next=_OBJECT)
        nodes = [self.new(node, 7 * place & 0x7FFFFFFF, key, value, 0) for place, (key, value) in enumerate(entries)]
        self.define(kind, table=_OBJECT, size=_INT)
        return self.new(kind, self.array(node, [*nodes, *[0] * (len(nodes) // 3 + 1)]), len(nodes))

    def linked_list(self, kind: str, values: Iterable[int]) -> int:
        """A chain of nodes, its head held by a list."""
        node = self.define(f"{kind}$Node", item=_OBJECT, next=_OBJECT)
        head = size = 0
        for value in values:
            head, size = self.new(node, value, head), size + 1
        self.define(kind, head=_OBJECT, size=_INT)
        return self.new(kind, head, size)

    def holding(self, name: str, fields: Mapping[str, int]) -> int:
        """An object of a class of its own whose fields refer to these objects."""
        self.define(name, "java.lang.Object", **dict.fromkeys(fields, _OBJECT))
        return self.new(name, *fields.values())

    def close(self) -> None:
        """Write classes, roots and names, and end the file."""
        for name in list(self._fields):
            self._class(name)
        for name in list(self._classes):
            self._put(self._dumped(name))
        for name in self._fields:
            self._roots.append(struct.pack(">BQ", 0x05, self._class(name)))
        for root in self._roots:
            self._put(root)
        self._flush()
        # Names may stand anywhere before they are needed by a reader of the whole; ours come last but one.
        for text, ident in self._texts.items():
            self._record(0x01, struct.pack(">Q", ident) + text.encode())
        self._record(0x2C, b"")
        self._file.close()

    def _inherited(self, class_name: str) -> int:
        parent, count = self._parents.get(class_name, ""), 0
        while parent:
            count += len(self._fields[parent])
            parent = self._parents.get(parent, "")
        return count

    def _dumped(self, name: str) -> bytes:
        parent = self._classes.get(self._parents.get(name, ""), 0)
        fields = self._fields.get(name, ())
        head = struct.pack(">BQIQQQQQQI", 0x20, self._classes[name], 0, parent, 0, 0, 0, 0, 0, 8 * len(fields))
        statics = self._statics.get(name, {})
        body = struct.pack(">HH", 0, len(statics))
        body += b"".join(struct.pack(">QBQ", self._text(field), _OBJECT, value) for field, value in statics.items())
        body += struct.pack(">H", len(fields))
        return head + body + b"".join(struct.pack(">QB", self._text(field), kind) for field, kind in fields)

    def _class(self, name: str) -> int:
        if name not in self._classes:
            ident = self._classes[name] = self._id()
            self._flush()
            written = "[L" + name[:-2].replace(".", "/") + ";" if name.endswith("[]") else name.replace(".", "/")
            self._record(0x02, struct.pack(">IQIQ", len(self._classes), ident, 0, self._text(written)))
        return self._classes[name]

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, 0x1000 + len(self._texts))

    def _id(self) -> int:
        self._next += 16
        return self._next

    def _put(self, record: bytes) -> None:
        self._segment += record
        if len(self._segment) >= _SEGMENT_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._segment:
            self._record(0x1C, bytes(self._segment))
            self._segment.clear()

    def _record(self, tag: int, body: bytes) -> None:
        self._file.write(struct.pack(">BII", tag, 0, len(body)) + body)
        self.bytes += 9 + len(body)
