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
from .java_names import java_name

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
# An object takes some 150 bytes of memory here: 6 GB for so many.
MAX_OBJECTS: Final = 40_000_000
_LATEST_MS: Final = 1 << 43  # the year 2248: what is beyond it is no time, and does not fit into nanoseconds
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
        time_ns: when it was taken, since the epoch; 0 where what it says of that is no time.
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
        time_ms = int.from_bytes(data[end + 5 : end + 13])
        self.time_ns = time_ms * 1_000_000 if time_ms < _LATEST_MS else 0
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
        # Segments are closed by a record of their own, whatever stands behind it.
        is_open = False
        while at + 9 <= len(data):
            tag, length = data[at], int.from_bytes(data[at + 5 : at + 9])
            body = at + 9
            end = body + length
            if tag in (_HEAP_DUMP, _HEAP_SEGMENT):
                is_open = tag == _HEAP_SEGMENT or end > len(data)
                end = self._walk_heap(body, min(end, len(data)))
                if self.fault:
                    return
            elif tag == _HEAP_END:
                is_open = False
            elif end > len(data):
                break
            elif tag == _STRING:
                self._texts[self._id(body)] = (body + width, end)
            elif tag == _LOAD_CLASS:
                self._class_texts[self._id(body + 4)] = self._id(body + 8 + width)
            at = end
        if at < len(data) or is_open:
            self._fail(at, _CUT_OFF)

    def _id(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + self.width])

    def _walk_heap(self, at: int, end: int) -> int:
        """Note where the objects of a segment lie; returns where it ends."""
        data, width = self.data, self.width
        instances, objects, primitives = self.instances.append, self.objects.append, self.primitives.append
        length_at, content_at = 5 + width, 9 + 2 * width
        while at < end:
            tag = data[at]
            if tag == _INSTANCE:
                start = at + content_at
                following, keep = start + int.from_bytes(data[start - 4 : start]), instances
            elif tag == _OBJECTS:
                count = int.from_bytes(data[at + length_at : at + length_at + 4])
                following, keep = at + content_at + count * width, objects
            elif tag == _PRIMITIVES:
                start = at + length_at + 5
                size = WIDTHS.get(int.from_bytes(data[start - 1 : start]), 0)
                following = start + size * int.from_bytes(data[start - 5 : start - 1]) if size else 0
                keep = primitives
            else:
                following, keep = self._other(tag, at, end), None
            if not at < following <= end:
                self._fail(at, _CUT_OFF if end == len(data) else f"no record of a heap (tag 0x{tag:02x})")
                return end
            if keep is not None:
                keep(at)
            at = following
        if len(self.instances) + len(self.objects) + len(self.primitives) > MAX_OBJECTS:
            self._fail(at, f"it has more than {MAX_OBJECTS:,} objects")
        return end

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
        """The name of a class as programmers write it; its id where it has none."""
        return java_name(self.text(self._class_texts.get(class_id, 0))) or f"class 0x{class_id:x}"
