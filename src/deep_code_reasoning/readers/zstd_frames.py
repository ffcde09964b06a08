"""Whether a zstd file is whole, from its frame and block headers alone, without decompressing it.

The engine takes the end of a zstd file for the end of its content, wherever it comes. Source: RFC 8878, section 3.1.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

_MAGIC: Final = 0xFD2FB528
# The last four bits of a skippable frame's number are the writer's own.
_SKIPPABLE: Final = 0x184D2A50
_CHECKSUM_BYTES: Final = 4
_BLOCK_HEADER_BYTES: Final = 3


def ends_within_a_frame(path: Path) -> bool:
    """Whether a zstd file ends before the frame that it is in; False, too, for what is no zstd frame at all."""
    size = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < size:
            magic = int.from_bytes(file.read(4), "little")
            if magic & ~0xF == _SKIPPABLE:
                file.seek(int.from_bytes(file.read(4), "little"), 1)
            elif magic == _MAGIC:
                if not _skip_frame(file):
                    return True
            else:
                return False
        return file.tell() > size


def _skip_frame(file: BinaryIO) -> bool:
    """Go to the end of a frame; False when the file ends before it."""
    descriptor = file.read(1)
    if not descriptor:
        return False
    flags = descriptor[0]
    single_segment = bool(flags & 0x20)
    dictionary_bytes = (0, 1, 2, 4)[flags & 3]
    size_bytes = (1 if single_segment else 0, 2, 4, 8)[flags >> 6]
    file.seek((0 if single_segment else 1) + dictionary_bytes + size_bytes, 1)
    while True:
        header = file.read(_BLOCK_HEADER_BYTES)
        if len(header) < _BLOCK_HEADER_BYTES:
            return False
        block = int.from_bytes(header, "little")
        is_last, kind, length = block & 1, block >> 1 & 3, block >> 3
        # A block of one byte, repeated, is stored as that byte.
        file.seek(1 if kind == 1 else length, 1)
        if is_last:
            file.seek(_CHECKSUM_BYTES if flags & 4 else 0, 1)
            return True
