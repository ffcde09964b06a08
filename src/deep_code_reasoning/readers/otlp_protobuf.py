"""OTLP protobuf: the Collector's file exporter (`format: proto`), and single messages as they go over the wire.

Two framings, told by the first bytes: each message after its length in four bytes, the highest first (compressed by
itself where the exporter compresses); or one message that is the file (`TracesData`, `ExportLogsServiceRequest` ...,
which have the same shape). A file that is compressed as a whole is decompressed before. `line` is the ordinal of the
resource group in the file. Sources: opentelemetry-proto 1.x; the Collector's `fileexporter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, TruncatedError, open_decompressed
from .json_records import JsonRecord
from .otlp_json import write_group
from .otlp_messages import resource_group, signal_of
from .protobuf import BYTES, WireError, fields, varint
from .values import ItemCounter

# A message larger than this is not one: exporters send a few megabytes, and it has to be held whole.
_MAX_MESSAGE_BYTES: Final = 256 * 1024 * 1024
_LENGTH_BYTES: Final = 4
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GROUP: Final = 0x0A  # field 1, bytes: a group of a resource; in it 0x0A is the resource, 0x12 the first scope
_GROUP_STARTS: Final = (0x0A, 0x12)
_TEXT_CONTROLS: Final = frozenset(b"\t\n\r\f\v\b\x1b")


def sniff(head: Head) -> float:
    """Sure when the frame and two levels of messages are there, in bytes that are no text."""
    data = head.data[:4096]
    certainty = 0.9 if _is_prefixed(data, head.complete, len(head.data)) else 0.85 if _starts_group(data) else 0.0
    # Every byte is looked at only where the rest fits: most files are text.
    if not certainty or not any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in data):
        return 0.0
    return certainty


def _is_prefixed(data: bytes, complete: bool, size: int) -> bool:
    length = int.from_bytes(data[:_LENGTH_BYTES], "big")
    if not 0 < length <= _MAX_MESSAGE_BYTES or (complete and length > size):
        return False
    message = data[_LENGTH_BYTES:]
    return message.startswith(_ZSTD) or _starts_group(message)


def _starts_group(data: bytes) -> bool:
    """Whether bytes begin with a group of a resource that begins with a resource or a scope."""
    if len(data) < 4 or data[0] != _GROUP:
        return False
    try:
        length, inner = varint(data, 1)
        if length < 2 or data[inner] not in _GROUP_STARTS:
            return False
        inner_length, _ = varint(data, inner + 1)
    except (WireError, IndexError):
        return False
    return inner_length < length


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read every resource group of every file."""
    for file in files:
        counter = ItemCounter()
        number = 0
        groups = _groups(file, writer)
        for number, (offset, group) in enumerate(groups, start=1):
            try:
                signal = signal_of(group)
                value = resource_group(signal, group) if signal else {}
            except (WireError, RecursionError) as fault:
                writer.reject(file.source_id, number, f"a damaged resource group: {fault}", offset_bytes=offset)
                continue
            write_group(JsonRecord(value, number, 0, offset), file.source_id, counter, writer)
        if not number:
            writer.note(file.source_id, "no resource group of OTLP in it")
        writer.advance(file.size_bytes)


def _groups(file: EvidenceFile, writer: CaseWriter) -> Iterator[tuple[int, bytes]]:
    """The resource groups of a file, each with the offset of its message; an early end is rejected here."""
    offset = 0
    try:
        with open_decompressed(file.path, file.compression) as stream:
            start = stream.read(_LENGTH_BYTES + 16)
            prefixed = _is_prefixed(start, False, 0)
            rest = _Ahead(start if start.strip() else b"", stream)
            while not rest.at_end():
                offset = rest.offset
                message = _prefixed_message(rest) if prefixed else _field(rest)
                for number, kind, group in fields(message):
                    if number == 1 and kind == BYTES and isinstance(group, bytes):
                        yield offset, group
    except (TruncatedError, WireError) as fault:
        reason = str(fault)
        if isinstance(fault, TruncatedError):
            reason = f"the compressed file is damaged or ends too early: {fault}"
        writer.reject(file.source_id, 0, f"damaged from here on: {reason}", offset_bytes=offset)
        writer.note(file.source_id, f"partial: read up to byte {offset}")


class _Ahead:
    """A stream of which some bytes were read ahead."""

    def __init__(self, ahead: bytes, stream: BinaryIO) -> None:
        self._ahead = ahead
        self._stream = stream
        self.offset = 0

    def at_end(self) -> bool:
        if not self._ahead:
            self._ahead = self._stream.read(1)
        return not self._ahead

    def take(self, size: int) -> bytes:
        """Exactly that many bytes.

        Raises:
            WireError: when there are fewer, or more are asked for than a message may have.
        """
        if size > _MAX_MESSAGE_BYTES:
            raise WireError(f"a message of {size} bytes; the limit is {_MAX_MESSAGE_BYTES}")
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        if len(data) < size:
            data += self._stream.read(size - len(data))
        if len(data) < size:
            raise WireError(f"the file ends too early: {size - len(data)} bytes are missing")
        self.offset += size
        return data


def _prefixed_message(stream: _Ahead) -> bytes:
    message = stream.take(int.from_bytes(stream.take(_LENGTH_BYTES), "big"))
    if not message.startswith(_ZSTD):
        return message
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompress(message, max_output_size=_MAX_MESSAGE_BYTES)
    except zstandard.ZstdError as fault:
        raise WireError(f"a message that cannot be decompressed: {fault}") from fault


def _field(stream: _Ahead) -> bytes:
    """The next field of the one message that the file is, with its tag, so that no more than a group is held."""
    head = stream.take(1)
    if head[0] != _GROUP:
        raise WireError(f"an unknown field (tag {head[0]})")
    length = b""
    while True:
        length += stream.take(1)
        if length[-1] < 0x80:
            break
        if len(length) > 5:
            raise WireError("a length of more than five bytes")
    return head + length + stream.take(varint(length, 0)[0])


READER = Reader(format="otlp-protobuf", kind="mixed", sniff=sniff, read=read)
