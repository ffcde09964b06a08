"""HPROF: heap dumps of Java virtual machines (`jcmd PID GC.heap_dump`, `-XX:+HeapDumpOnOutOfMemoryError`) and Android.

Source of the layout: "HPROF binary format", OpenJDK `src/hotspot/share/services/heapDumper.cpp`; Android's `hprof.cc`.
All numbers are big-endian. Records of a heap follow each other without an index and their lengths depend on their
content, so they are walked one by one; everything else is done for all objects of a class at once.
"""

from __future__ import annotations

import mmap
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .graph import DumpError

MAGIC: Final = b"JAVA PROFILE 1.0."
_STRING, _LOAD_CLASS, _HEAP_DUMP, _HEAP_SEGMENT, _HEAP_END = 0x01, 0x02, 0x0C, 0x1C, 0x2C
_CLASS, _INSTANCE, _OBJECTS, _PRIMITIVES = 0x20, 0x21, 0x22, 0x23
_ID: Final = -1
# Tag -> what holds the object, and the bytes behind its id.
_ROOTS: Final = {
    0xFF: ("unknown", 0),
    0x01: ("JNI global", _ID),
    0x02: ("JNI local", 8),
    0x03: ("thread's frame", 8),
    0x04: ("native stack", 4),
    0x05: ("system class", 0),
    0x06: ("blocked thread", 4),
    0x07: ("monitor", 0),
    0x08: ("thread", 8),
    0x89: ("interned string", 0),
    0x8A: ("finalizing", 0),
    0x8B: ("debugger", 0),
    0x8C: ("reference cleanup", 0),
    0x8D: ("virtual machine", 0),
    0x8E: ("JNI monitor", 8),
}
_CUT_OFF: Final = "the dump ends too early"
_ANDROID_HEAP_INFO, _ANDROID_UNREACHABLE = 0xFE, 0x90
# Type of a value that is no object -> its bytes.
WIDTHS: Final = {4: 1, 5: 2, 6: 4, 7: 8, 8: 1, 9: 2, 10: 4, 11: 8}


@dataclass(frozen=True, slots=True)
class DumpedClass:
    """A class: ids of its parent and its loader; its own fields (name, type) and static references (name, object)."""

    parent: int
    loader: int
    fields: list[tuple[int, int]]
    statics: list[tuple[int, int]]


class HprofDump:
    """Where things lie in a dump, found in one pass.

    Attributes:
        data: the file.
        width: bytes of an id, 4 or 8.
        time_ns: when it was taken, since the epoch.
        classes: classes by id.
        roots: what holds an object, by its id.
        instances, objects, primitives: offsets of the records of objects, arrays of objects, arrays of numbers.
        fault, fault_at: why and where reading ended too early; '' when it did not.

    Raises:
        DumpError: when nothing in it can be read.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            try:
                self.data = data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise DumpError("an empty file") from None
        end = data.find(b"\0", 0, 64)
        if not data[: len(MAGIC)] == MAGIC or end < 0 or len(data) < end + 13:
            raise DumpError("no HPROF header")
        self.width = int.from_bytes(data[end + 1 : end + 5])
        if self.width not in (4, 8):
            raise DumpError(f"identifiers of {self.width} bytes; HPROF has 4 or 8")
        self.time_ns = int.from_bytes(data[end + 5 : end + 13]) * 1_000_000
        self._texts: dict[int, tuple[int, int]] = {}
        self._class_texts: dict[int, int] = {}
        self.classes: dict[int, DumpedClass] = {}
        self.roots: dict[int, str] = {}
        self.instances, self.objects, self.primitives = array("Q"), array("Q"), array("Q")
        self.fault, self.fault_at = "", 0
        self._walk(end + 13)
        if not (self.instances or self.objects or self.primitives):
            raise DumpError(self.fault or "it has no objects")

    def _fail(self, offset: int, reason: str) -> None:
        if not self.fault:
            self.fault, self.fault_at = reason, offset

    def _walk(self, at: int) -> None:
        data, width = self.data, self.width
        while at + 9 <= len(data):
            tag, length = data[at], int.from_bytes(data[at + 5 : at + 9])
            body = at + 9
            end = body + length
            if tag in (_HEAP_DUMP, _HEAP_SEGMENT):
                # A dump in one piece of more than 4 GB has a length that overflowed: it goes on to the end.
                end = self._walk_heap(body, min(end, len(data)))
                if self.fault:
                    return
            elif end > len(data):
                break
            elif tag == _STRING:
                self._texts[self._id(body)] = (body + width, end)
            elif tag == _LOAD_CLASS:
                self._class_texts[self._id(body + 4)] = self._id(body + 8 + width)
            at = end
        if at < len(data):
            self._fail(at, _CUT_OFF)

    def _id(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + self.width])

    def _walk_heap(self, at: int, end: int) -> int:
        """Note where the objects of a segment lie; returns where it ends."""
        data, width = self.data, self.width
        instances, objects, primitives = self.instances.append, self.objects.append, self.primitives.append
        length_at, content_at = 5 + width, 9 + 2 * width
        while at < end - content_at:
            tag = data[at]
            if tag == _INSTANCE:
                start = at + content_at
                following, keep = start + int.from_bytes(data[start - 4 : start]), instances
            elif tag == _OBJECTS:
                count = int.from_bytes(data[at + length_at : at + length_at + 4])
                following, keep = at + content_at + count * width, objects
            elif tag == _PRIMITIVES:
                count = int.from_bytes(data[at + length_at : at + length_at + 4])
                size = WIDTHS.get(data[at + length_at + 4], 0)
                following, keep = at + length_at + 5 + count * size if size else 0, primitives
            else:
                following, keep = self._other(tag, at, end), None
            if not at < following <= end:
                break
            if keep is not None:
                keep(at)
            at = following
        # What is shorter than an object: roots, an empty array.
        while at < end and (following := self._short(at, end)):
            at = following
        if at != end:
            self._fail(at, _CUT_OFF if end == len(data) else f"no record of a heap (tag 0x{data[at]:02x})")
        return end

    def _short(self, at: int, end: int) -> int:
        """Take a record at the end of a segment; returns where it ends, 0 when it is none, or not whole."""
        data, start = self.data, at + 10 + self.width
        if data[at] != _PRIMITIVES:
            following = self._other(data[at], at, end)
            return following if at < following <= end else 0
        size = WIDTHS.get(data[start - 1], 0) if start <= end else 0
        following = start + size * int.from_bytes(data[start - 5 : start - 1])
        if not size or following > end:
            return 0
        self.primitives.append(at)
        return following

    def _other(self, tag: int, at: int, end: int) -> int:
        """Take a root, or the dump of a class; returns where it ends, 0 when it is none of these."""
        if tag in _ROOTS:
            kind, behind = _ROOTS[tag]
            self.roots.setdefault(self._id(at + 1), kind)
            return at + 1 + self.width + (self.width if behind == _ID else behind)
        if tag == _CLASS:
            return self._class(at, end)
        if tag == _ANDROID_HEAP_INFO:
            return at + 5 + self.width
        return at + 1 + self.width if tag == _ANDROID_UNREACHABLE else 0

    def _class(self, at: int, end: int) -> int:
        """Take the dump of a class; returns where it ends, 0 when it does not within its segment."""
        width, data = self.width, self.data
        where = at + 1
        class_id, parent, loader = self._id(where), self._id(where + width + 4), self._id(where + 2 * width + 4)
        where += 7 * width + 8
        constants = int.from_bytes(data[where : where + 2])
        where += 2
        for _ in range(constants):
            where += 3 + self._width_of(data[where + 2 : where + 3])
        statics = []
        count = int.from_bytes(data[where : where + 2])
        where += 2
        for _ in range(count):
            kind = data[where + width : where + width + 1]
            if kind == b"\x02":
                statics.append((self._id(where), self._id(where + width + 1)))
            where += width + 1 + self._width_of(kind)
            if where > end:
                return 0
        fields = []
        count = int.from_bytes(data[where : where + 2])
        where += 2
        for _ in range(count):
            kind = data[where + width : where + width + 1]
            fields.append((self._id(where), kind[0] if kind else 0))
            where += width + 1
        if where > end:
            return 0
        self.classes[class_id] = DumpedClass(parent, loader, fields, statics)
        return where

    def _width_of(self, kind: bytes) -> int:
        return WIDTHS.get(kind[0] if kind else 0, self.width)

    def text(self, text_id: int) -> str:
        """A name of the dump."""
        start, end = self._texts.get(text_id, (0, 0))
        return self.data[start:end].decode("utf-8", "replace")

    def class_name(self, class_id: int) -> str:
        """`java.util.HashMap$Node[]` for `[Ljava/util/HashMap$Node;`."""
        name = self.text(self._class_texts.get(class_id, 0)).replace("/", ".") or f"class 0x{class_id:x}"
        depth = len(name) - len(name.lstrip("["))
        if depth and name[depth:].startswith("L"):
            name = name[depth + 1 :].rstrip(";") + "[]" * depth
        return name
