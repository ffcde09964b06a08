"""A sliding buffer of JSON text over a stream of bytes: decodes the value at its position, knows line and offset.

Values are decoded by `json.JSONDecoder.raw_decode`, which is written in C and needs no exact slices: when it fails
near the end of the buffer, the buffer is doubled and the value is tried again, so that every byte is decoded twice
at most.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, BinaryIO, Final

from .base import TruncatedError

# A record longer than this is rejected: decoded it would take some seven times its text in memory.
MAX_RECORD_CHARACTERS: Final = 64 * 1024 * 1024
CHUNK_BYTES: Final = 1024 * 1024
# A decoding error this near to the end of the buffer may only mean that the buffer ends too early: the longest
# word of JSON that can be cut (`\ud83d\ude00`, `-Infinity`) is shorter.
_CUT_CHARACTERS: Final = 32

decode: Final = json.JSONDecoder().raw_decode
GAP: Final = re.compile(r"[\s,]*")
SPACE: Final = re.compile(r"\s*")
# A word or a number of JSON that a file's end has cut.
_CUT_WORD: Final = re.compile(r"t(r(u)?)?|f(a(l(s)?)?)?|n(u(l)?)?|-|N(a)?|-?I[nfinity]{0,6}")


class JsonFault(Exception):  # noqa: N818 - internal to readers, which turn it into a rejected row
    """Something that is no JSON, at the source's position."""

    def __init__(self, reason: str, cut: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cut = cut


class JsonSource:
    """A sliding buffer of text over a stream of bytes, which knows line and byte offset of its position.

    Bytes that are no UTF-8 become lone surrogates (`surrogateescape`), so that offsets stay exact and the record
    that holds them can be told.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._line = 1
        self._offset = 0
        self._marked = 0
        self.damage = ""
        self.ended = False
        self.text = ""
        self.position = 0

    def fill(self) -> bool:
        """Read on, as much again as is waiting; what lies before the position is let go. False at the end."""
        if self.ended:
            return False
        self.place()
        waiting = self.text[self.position :]
        pieces = [waiting]
        wanted = max(CHUNK_BYTES, len(waiting))
        while wanted > 0 and not self.ended:
            try:
                # read1: one read of the stream below, so that nothing good is lost when the next one fails.
                data = self._stream.read1(wanted)  # type: ignore[attr-defined]
            except TruncatedError as fault:
                self.damage = f"the compressed file is damaged or ends too early: {fault}"
                data = b""
            self.ended = not data
            pieces.append(self._decoder.decode(data, self.ended))
            wanted -= len(data)
        self.text = "".join(pieces)
        self.position = self._marked = 0
        return len(self.text) > len(waiting)

    def place(self) -> tuple[int, int]:
        """Line and byte offset of the position."""
        if self.position > self._marked:
            passed = self.text[self._marked : self.position]
            self._line += passed.count("\n")
            self._offset += len(passed) if passed.isascii() else len(passed.encode("utf-8", "surrogateescape"))
            self._marked = self.position
        return self._line, self._offset

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Pass what the pattern matches (it matches characters of one class); returns the last of what was passed."""
        passed = ""
        while True:
            end = end_of_match(pattern, self.text, self.position)
            passed = (passed + self.text[self.position : end])[-400:]
            self.position = end
            if end < len(self.text) or not self.fill():
                return passed

    def peek(self) -> str:
        """The next character, '' at the end."""
        if self.position >= len(self.text) and not self.fill():
            return ""
        return self.text[self.position]

    def take(self, character: str) -> None:
        """Pass white space and this character, or raise `JsonFault`."""
        self.skip(SPACE)
        if self.peek() != character:
            raise self.fault(f"'{character}' expected")
        self.position += 1

    def fault(self, reason: str) -> JsonFault:
        """The fault at the position: what was expected, or that the file ends here."""
        if self.peek():
            return JsonFault(f"not JSON: {reason}")
        return JsonFault(self.damage or "the file ends within a record", cut=True)

    def value(self) -> Any:
        """Decode the value at the position and pass it, or raise `JsonFault` and stay."""
        while True:
            try:
                value, end = decode(self.text, self.position)
            except json.JSONDecodeError as fault:
                if fault.pos < len(self.text) - _CUT_CHARACTERS and not fault.msg.startswith("Unterminated"):
                    raise JsonFault(reason_of(fault)) from fault
                if len(self.text) - self.position > MAX_RECORD_CHARACTERS:
                    reason = f"a record of more than {MAX_RECORD_CHARACTERS} characters"
                    raise JsonFault(reason) from fault
                if not self.fill():
                    raise self._fault_at_end(fault) from fault
            except (ValueError, RecursionError) as fault:
                raise JsonFault(reason_of(fault)) from fault
            else:
                # A number or a word at the very end of the buffer may go on behind it.
                if end < len(self.text) or isinstance(value, dict | list | str) or not self.fill():
                    return self._passed(value, end)

    def _fault_at_end(self, fault: json.JSONDecodeError) -> JsonFault:
        rest = self.text[fault.pos :].strip()
        cut = not rest or fault.msg.startswith(("Unterminated", r"Invalid \uXXXX")) or _CUT_WORD.fullmatch(rest)
        return (
            JsonFault(self.damage or "the file ends within a record", cut=True) if cut else JsonFault(reason_of(fault))
        )

    def _passed(self, value: Any, end: int) -> Any:
        raw = self.text[self.position : end]
        if not raw.isascii():
            try:
                raw.encode()
            except UnicodeEncodeError as fault:
                raise JsonFault(not_utf8(fault)) from fault
        self.position = end
        return value

    def search(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go behind the next match, holding only what a match may need; to the end, and None, when there is none."""
        while True:
            if match := pattern.search(self.text, self.position):
                self.position = match.end()
                return match
            self.position = max(self.position, len(self.text) - 1000)
            if not self.fill():
                self.position = len(self.text)
                return None


def end_of_match(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Where a match at the position ends; the position itself when there is none."""
    match = pattern.match(text, position)
    return match.end() if match else position


def reason_of(fault: Exception) -> str:
    """Why a value could not be decoded, in words."""
    if isinstance(fault, RecursionError):
        return "not JSON that can be read: nested too deeply"
    return f"not JSON: {fault.msg}" if isinstance(fault, json.JSONDecodeError) else f"not JSON: {fault}"


def not_utf8(fault: UnicodeError) -> str:
    """The reason for bytes that are no UTF-8."""
    start = getattr(fault, "start", 0)
    return f"invalid UTF-8 at byte {start} of the record"
