"""JSON as a stream of records: arrays, documents around a list, JSON lines, concatenated documents.

One reader of JSON for every JSON format that is parsed in Python. Memory is bounded by the longest record, not by the
file: a list on one line of any length is decoded record by record over a sliding buffer. What cannot be decoded is
rejected with its line, offset and reason, and reading goes on at the next place where a record can begin:

- in a file of lines, the next line;
- in a list, the next object that begins as the broken one did: at the same indentation, or with the same first key;
- elsewhere, the next line that begins with `{` or `[`.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .base import Complaints, EvidenceFile, Head, Progress, iterate_lines, open_decompressed, read_head
from .json_source import GAP, SPACE, JsonFault, JsonSource, decode, end_of_match, not_utf8, reason_of

_SNIFFED_RECORDS: Final = 8
_BYTE_ORDER_MARK: Final = "\ufeff"

_FIRST_KEY: Final = re.compile(r'\{\s*("(?:[^"\\\n]|\\.){0,200}")\s*:')
_TOP_START: Final = re.compile(r"\n(?=[{\[])")


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """One decoded record and where it begins.

    Attributes:
        value: the decoded value; not always an object.
        line: 1-based line on which it begins.
        item: its ordinal, from 0, among the records that begin on that line.
        offset: byte offset, in the decompressed file, of its first byte.
        members: members of the document around it that were read before it, the list it is in apart.
    """

    value: Any
    line: int
    item: int
    offset: int
    members: Mapping[str, Any] = field(default_factory=dict)


def iterate_json(file: EvidenceFile, writer: Complaints, lists: Sequence[str] = ()) -> Iterator[JsonRecord]:
    """Stream the records of a JSON file; what is broken or cut off is rejected here.

    Args:
        file: the file, compressed or not.
        writer: takes rejected rows and notes.
        lists: dotted paths of the lists that hold records in a document, for example `data.result`. A document
            without any of them is one record, as is every element of a list at the top and every line of JSON lines.
    """
    head, _ = read_head(file.path)
    is_lines = _lines_of_head(head) is not None
    yield from _number((_records_of_lines if is_lines else _stream)(file, writer, lists))


def head_records(head: Head, lists: tuple[str, ...] = ()) -> tuple[JsonRecord, ...]:
    """The first few whole records of a head, for sniffing; none when it is not JSON, or the first one is longer.

    Many readers ask for the same head, one after the other: what does not depend on `lists` is decoded once.
    """
    start = head.data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start not in (b"{", b"["):
        return ()
    lines = _lines_of_head(head)
    if lines is None:
        return _walked_head(head, lists if start == b"{" else ())
    expanded = (record for values, _ in lines for value, _ in values for record in _expand(value, lists))
    few = itertools.islice(expanded, _SNIFFED_RECORDS)
    return tuple(JsonRecord(value, 1, 0, 0, members) for value, members in few)


@functools.lru_cache(maxsize=16)
def _walked_head(head: Head, lists: tuple[str, ...]) -> tuple[JsonRecord, ...]:
    found: list[JsonRecord] = []
    for record in _Walk(JsonSource(io.BytesIO(head.data)), lists).records():
        if not isinstance(record, JsonRecord):
            break
        found.append(record)
        if len(found) == _SNIFFED_RECORDS:
            break
    return tuple(found)


def _number(records: Iterator[JsonRecord]) -> Iterator[JsonRecord]:
    line, item = 0, 0
    for record in records:
        item = item + 1 if record.line == line else 0
        line = record.line
        yield JsonRecord(record.value, line, item, record.offset, record.members) if item else record


# --- files of lines ---------------------------------------------------------------------------------------------


_Values = tuple[list[tuple[Any, int]], str]
"""The values of a line, each with its position, and the reason why the line's rest is none, or ''."""


@functools.lru_cache(maxsize=4)
def _lines_of_head(head: Head) -> tuple[_Values, ...] | None:
    """The first few lines of a head that is JSON lines, decoded; None when it is something else.

    JSON lines begin with a whole record, or most of their lines are one.
    """
    lines = head.lines[: 2 * _SNIFFED_RECORDS]
    starts = [line for line in lines if line.lstrip(_BYTE_ORDER_MARK)[:1] in ("{", "[")]
    if not starts or (len(head.lines) < 2 and not head.complete):
        return None
    decoded = [_decode_line(line) for line in starts[:_SNIFFED_RECORDS]]
    if decoded[0][1]:
        # The elements of a list may stand on lines of their own as well; their commas tell them.
        rest = [_decode_line(line) for line in starts[_SNIFFED_RECORDS:]]
        whole = (not reason for _, reason in [*decoded, *rest])
        alone = sum(good and not line.rstrip().endswith(",") for line, good in zip(starts, whole, strict=True))
        if starts[0].lstrip(_BYTE_ORDER_MARK)[0] != "{" or 2 * alone <= len(lines):
            return None
    return tuple(decoded)


def _decode_line(text: str) -> _Values:
    found: list[tuple[Any, int]] = []
    position = 1 if text.startswith(_BYTE_ORDER_MARK) else 0
    position = end_of_match(SPACE, text, position)
    while position < len(text):
        try:
            value, end = decode(text, position)
        except (ValueError, RecursionError) as fault:
            return found, reason_of(fault)
        found.append((value, position))
        position = end_of_match(GAP, text, end)
    return found, ""


def values_of_line(text: str) -> tuple[list[Any], str]:
    """The values that stand on a line, and the reason why its rest is none, or ''."""
    values, reason = _decode_line(text)
    return [value for value, _ in values], reason


def _expand(value: Any, lists: Sequence[str]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    if isinstance(value, list):
        for record in value:
            yield record, {}
        return
    for first, outer, last in _steps(tuple(lists)):
        if not isinstance(value, dict) or first not in value:
            continue
        holder: Any = value
        for key in outer:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(holder.get(last), list):
            for record in holder[last]:
                yield record, value
            return
    yield value, {}


@functools.lru_cache(maxsize=64)
def _steps(lists: tuple[str, ...]) -> tuple[tuple[str, list[str], str], ...]:
    """Of each path the first name, the names before the last, the last."""
    return tuple((path.split(".")[0], path.split(".")[:-1], path.split(".")[-1]) for path in lists)


def _records_of_lines(file: EvidenceFile, writer: Complaints, lists: Sequence[str]) -> Iterator[JsonRecord]:
    for line in iterate_lines(file, writer):
        if not line.data.strip():
            continue
        try:
            text = line.data.decode("utf-8")
        except UnicodeDecodeError as fault:
            excerpt = line.data[:200].decode("utf-8", "replace")
            writer.reject(file.source_id, line.number, not_utf8(fault), excerpt, line.offset)
            continue
        values, reason = _decode_line(text)
        for value, position in values:
            offset = line.offset + (len(text[:position].encode()) if position else 0)
            for record, members in _expand(value, lists):
                yield JsonRecord(record, line.number, 0, offset, members)
        if reason:
            writer.reject(file.source_id, line.number, reason, text[:200], line.offset)


# --- everything else --------------------------------------------------------------------------------------------


def _stream(file: EvidenceFile, writer: Complaints, lists: Sequence[str]) -> Iterator[JsonRecord]:
    progress = Progress(file, writer)
    with open_decompressed(file.path, file.compression) as stream:
        source = JsonSource(stream)
        last_line = 0
        for record in _Walk(source, lists).records():
            progress.at(record.offset)
            if isinstance(record, JsonRecord):
                last_line = record.line
                yield record
            else:
                writer.reject(file.source_id, record.line, record.reason, record.excerpt, record.offset)
                if record.cut:
                    writer.note(file.source_id, f"partial: {record.reason}; read up to line {last_line}")
    progress.end()


@dataclass(frozen=True, slots=True)
class _Broken:
    """What could not be decoded, and where. `cut`: because the file ends there."""

    line: int
    offset: int
    reason: str
    excerpt: str
    cut: bool = False


class _Walk:
    """Walks over everything in a source: yields records, and what is broken between them."""

    def __init__(self, source: JsonSource, lists: Sequence[str]) -> None:
        self._source = source
        self._lists = frozenset(lists)
        self._listed = False
        self._outer = frozenset(path[:dot] for path in lists for dot in _dots(path))

    def records(self) -> Iterator[JsonRecord | _Broken]:
        source = self._source
        if source.peek() == _BYTE_ORDER_MARK:
            source.position += 1
        told = False
        while True:
            source.skip(GAP)
            line, offset = source.place()
            start = source.peek()
            if not start:
                break
            self._listed = False
            try:
                if start == "[":
                    yield from self._list({})
                elif start == "{":
                    root: dict[str, Any] = {}
                    found = yield from self._document("", root, root)
                    if not found:
                        yield JsonRecord(root, line, 0, offset)
                else:
                    yield JsonRecord(source.value(), line, 0, offset)
            except JsonFault as fault:
                told = told or fault.reason == source.damage
                broken = self._broken(fault)
                if not self._listed:
                    # Nothing of the document was given out, so all of it is lost.
                    broken = replace(broken, line=line, offset=offset)
                self._next_at_top(offset)
                yield self._passed(broken)
        if source.damage and not told:
            yield self._broken(JsonFault(source.damage, cut=True))

    def _document(self, prefix: str, holder: dict[str, Any], root: dict[str, Any]) -> Any:
        """Walk an object's members into `holder`; lists of records are yielded. Returns whether there was one."""
        source = self._source
        source.take("{")
        found = False
        source.skip(SPACE)
        while source.peek() != "}":
            if source.peek() != '"':
                raise source.fault("a member's name expected")
            key = source.value()
            source.take(":")
            source.skip(SPACE)
            path = f"{prefix}{key}"
            if path in self._lists and source.peek() == "[":
                found = True
                yield from self._list(root)
            elif path in self._outer and source.peek() == "{":
                inner: dict[str, Any] = {}
                holder[key] = inner
                found = (yield from self._document(f"{path}.", inner, root)) or found
            else:
                holder[key] = source.value()
            source.skip(SPACE)
            if source.peek() == ",":
                source.position += 1
                source.skip(SPACE)
            elif source.peek() != "}":
                raise source.fault("',' or '}' expected")
        source.position += 1
        return found

    def _list(self, members: Mapping[str, Any]) -> Iterator[JsonRecord | _Broken]:
        source = self._source
        source.take("[")
        self._listed = True
        keys: set[str] = set()
        while True:
            gap = source.skip(GAP)
            if source.peek() == "]":
                source.position += 1
                return
            line, offset = source.place()
            if len(keys) < 4 and (key := _FIRST_KEY.match(source.text, source.position)):
                keys.add(key[1])
            try:
                if not source.peek():
                    raise source.fault("a record expected")
                value = source.value()
            except JsonFault as fault:
                if fault.cut:
                    raise
                broken = self._broken(fault)
                more = self._next_in_list(gap, keys)
                yield self._passed(broken)
                if not more:
                    return
            else:
                yield JsonRecord(value, line, 0, offset, members)

    def _next_in_list(self, gap: str, keys: set[str]) -> bool:
        """Go to the next record of a list behind a broken one; False when there is none, or a new document is next."""
        if "\n" in gap:
            pattern = re.escape(gap[gap.rindex("\n") :]) + r"(?=\{)"
        elif keys:
            # Compact lists: exporters write the members of every record in the same order.
            pattern = rf",\s*(?=\{{\s*(?:{'|'.join(re.escape(key) for key in sorted(keys))})\s*:)"
        else:
            pattern = r",\s*(?=\{)"
        self._source.position += 1
        match = self._source.search(re.compile(rf"(?P<next>{pattern})|{_TOP_START.pattern}"))
        return bool(match and match["next"] is not None)

    def _next_at_top(self, behind: int) -> None:
        """Go to the next line that begins as a record: the one at hand, when the document broke there."""
        source = self._source
        at_start = source.position > 0 and source.text[source.position - 1 : source.position + 1] in ("\n{", "\n[")
        if self._listed or not at_start or source.place()[1] <= behind:
            source.search(_TOP_START)

    def _passed(self, broken: _Broken) -> _Broken:
        """What is broken, with the last of the lines that were passed over to get behind it."""
        line, _ = self._source.place()
        # At the start of a line, the one before it is the last that was passed.
        last = line - 1 if self._source.text[self._source.position - 1 : self._source.position] == "\n" else line
        return replace(broken, reason=f"{broken.reason}; lost up to line {last}") if last > broken.line else broken

    def _broken(self, fault: JsonFault) -> _Broken:
        source = self._source
        line, offset = source.place()
        excerpt = source.text[source.position : source.position + 200]
        excerpt = excerpt.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return _Broken(line, offset, fault.reason, excerpt, fault.cut)


def _dots(path: str) -> Iterator[int]:
    return (index for index, character in enumerate(path) if character == ".")
