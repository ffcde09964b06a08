"""Commits, deploys and flag changes as YAML: a list of them, alone or under a key; told by their members as in JSON.

Items are read one by one, so that a broken one costs itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ..source.yaml_text import value_of
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, iterate_lines
from .change_join import ChangeJoin, Origin
from .change_records import kind_of, rows_of

_ITEM: Final = re.compile(r"( *)- +\S")
_KEY: Final = re.compile(r"[\"']?\w[\w .-]*[\"']?:(?: |$)")
_SNIFFED: Final = 8
# An item that is longer is no record of a change.
MAX_CHARACTERS: Final = 2_000_000

_Piece = tuple[int, int, str]
"""An item: the line and the offset at which it begins, and its text without its list's indentation."""


def sniff(head: Head) -> float:
    """Most of the first items are commits, deploys or flag changes."""
    start = head.text.lstrip("\ufeff \t\r\n")[:1]
    if start in ("{", "[", "<") or b"\0" in head.data[:4096] or not any(map(_ITEM.match, head.lines)):
        return 0.0
    if not any(_KEY.match(line.lstrip(" -")) for line in head.lines[:4]):
        return 0.0
    pieces = [text for _, _, text in _items(_numbered(head.text))][: _SNIFFED + 1]
    # The last one may be cut.
    whole = pieces if head.complete or len(pieces) < 2 else pieces[:-1]
    found = [kind_of(item)[1] for text in whole for item in _records(text)[0]]
    certain = [certainty for certainty in found if certainty]
    return sum(certain) / len(found) if 2 * len(certain) >= len(found) > 0 else 0.0


def _numbered(text: str) -> Iterator[_Piece]:
    """The lines of a text as pieces; none knows its offset."""
    return ((number, 0, line) for number, line in enumerate(text.split("\n"), start=1))


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read changes; an item that is none, or is broken, is rejected."""
    join = ChangeJoin(writer)
    for file in files:
        seen: list[_Piece] = []
        has_items = False
        for line, offset, text in _items(_lines(file, writer, seen)):
            has_items = True
            if len(text) >= MAX_CHARACTERS:
                reason = f"an item of more than {MAX_CHARACTERS:,} characters"
                writer.reject(file.source_id, line, reason, text[:200], offset)
                continue
            records, reason = _records(text)
            origin = Origin(file.source_id, line, offset, text[:200])
            count = 0
            for record in records:
                rows, reason = rows_of(record, {}) if isinstance(record, dict) else ([], "no members")
                for row in rows:
                    join.add(row, origin, count)
                    count += 1
            if not count:
                writer.reject(file.source_id, line, reason or "nothing in it", text[:200], offset)
        if seen and not has_items:
            writer.reject(file.source_id, seen[0][0], "no list of changes", seen[0][2][:200], seen[0][1])
    join.end()


def _lines(file: EvidenceFile, writer: CaseWriter, seen: list[_Piece]) -> Iterator[_Piece]:
    """The lines of a file; the first that is not blank is put among `seen`."""
    for line in iterate_lines(file, writer):
        # What is no text stays as a sign that YAML refuses, so that its item is rejected and no other.
        text = line.data.decode("utf-8-sig" if line.number == 1 else "utf-8", "surrogateescape")
        piece = line.number, line.offset, re.sub(r"[\ud800-\udfff]", "\x01", text).rstrip("\r\n")
        if not seen and text.strip():
            seen.append(piece)
        yield piece


def _items(lines: Iterable[_Piece]) -> Iterator[_Piece]:
    """The items of the outermost lists, each with all its lines."""
    item: list[str] = []
    begins = size = 0
    at = (0, 0)
    for number, offset, line in lines:
        line = line.rstrip("\r")
        depth = len(line) - len(line.lstrip(" "))
        starts = _ITEM.match(line) is not None and (not item or depth <= begins)
        if item and line.strip() and (starts or depth <= begins):
            yield *at, "\n".join(item)
            item = []
        if starts:
            item, begins, at, size = [line[depth:]], depth, (number, offset), 0
        elif item and size < MAX_CHARACTERS:
            size += len(line)
            item.append(line[begins:])
    if item:
        yield *at, "\n".join(item)


def _records(text: str) -> tuple[list[object], str]:
    value, reason = value_of(text + "\n")
    return (value if isinstance(value, list) else []), reason


READER = Reader("changes-yaml", "changes", sniff, read)
