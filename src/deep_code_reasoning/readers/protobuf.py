"""Protocol Buffers' wire format, as far as reading OTLP needs it: fields of a message, one after the other.

Source: the encoding guide of Protocol Buffers (protobuf.dev, "Encoding"). No schema is needed to walk a message; what
the numbers mean is said where they are used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

Value = int | bytes
"""Varints and fixed numbers as unsigned integers, the rest as bytes."""


class WireError(ValueError):
    """Bytes that are no message; internal to the readers."""


def fields(data: bytes) -> Iterator[tuple[int, int, Value]]:
    """The (number, wire type, value) of each field of a message, in order.

    Raises:
        WireError: when the bytes are no message, or end within a field.
    """
    position, end = 0, len(data)
    while position < end:
        tag, position = varint(data, position)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise WireError("a field of number 0")
        value: Value
        if kind == VARINT:
            value, position = varint(data, position)
        elif kind == BYTES:
            length, position = varint(data, position)
            value, position = data[position : position + length], position + length
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
            value, position = int.from_bytes(data[position : position + size], "little"), position + size
        else:
            raise WireError(f"a field of wire type {kind}")
        if position > end:
            raise WireError("the message ends within a field")
        yield number, kind, value


def varint(data: bytes, position: int) -> tuple[int, int]:
    """The varint at a position, and the position behind it.

    Raises:
        WireError: when it does not end, or is longer than ten bytes.
    """
    value = shift = 0
    for _ in range(10):
        if position >= len(data):
            raise WireError("the message ends within a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
        shift += 7
    raise WireError("a number of more than ten bytes")


def signed(value: int) -> int:
    """An int64 or sfixed64 from its unsigned form."""
    return value - (1 << 64) if value >> 63 else value


def zigzag(value: int) -> int:
    """A sint32 or sint64 from its unsigned form."""
    return (value >> 1) ^ -(value & 1)


def double(value: int) -> float:
    """A double from the 64 bits that it is stored in."""
    return float(struct.unpack("<d", value.to_bytes(8, "little"))[0])


def packed(kind: int, value: Value) -> list[int]:
    """The numbers of a repeated fixed64, double or varint field: packed into bytes, or one alone.

    Raises:
        WireError: when the bytes are no such list.
    """
    if isinstance(value, int):
        return [value]
    if kind == FIXED64:
        if len(value) % 8:
            raise WireError("a list of 64-bit numbers of odd length")
        return [number for (number,) in struct.iter_unpack("<Q", value)]
    numbers, position = [], 0
    while position < len(value):
        number, position = varint(value, position)
        numbers.append(number)
    return numbers
