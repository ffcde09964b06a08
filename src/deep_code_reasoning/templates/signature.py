"""Lines to signatures: numbers, and hexadecimal after them, become 0; control characters become blanks.

Lines that differ only in their numbers have one signature, so millions of lines become a few thousand texts before
any rule is applied. Both steps run in C over whole blocks of lines, and in an analytical engine just the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_CONTROL: Final = bytes(code for code in range(32) if code != ord("\n"))
_FOLD_DIGITS: Final = bytes.maketrans(b"123456789" + _CONTROL, b"0" * 9 + b" " * len(_CONTROL))
# What follows a digit and is still of the same number, version, date, address or identifier; else more digits. The
# syntax is common to Python and RE2, and so is the meaning: leftmost, greedy, ASCII words.
_NUMBER: Final = r"0[0a-fA-F.\-]*[0a-fA-F]\b|00+"
_NUMBERS: Final = re.compile(_NUMBER, re.ASCII)


def fold_digits(lines: Sequence[str]) -> list[str]:
    """Each line with its digits turned into 0 (as many as there were) and its control characters into blanks."""
    block = "\n".join(lines).encode("utf-8", "surrogatepass").translate(_FOLD_DIGITS)
    folded = block.decode("utf-8", "surrogatepass").split("\n")
    if len(folded) != len(lines):  # a line break inside a line, or no line at all
        return fold_digits([line.replace("\n", " ") for line in lines]) if lines else []
    return folded


def signatures(lines: Sequence[str]) -> list[str]:
    """The signature of each line; that of lines that `fold_digits` has been over is the same."""
    return _NUMBERS.sub("0", "\n".join(fold_digits(lines))).split("\n") if lines else []


def signature_sql(column: str) -> str:
    """`signatures` as an expression of ClickHouse's dialect; `column` is a name of ours, never evidence."""
    control = "".join(rf"\x{code:02x}" for code in range(32))
    folded = f"translate({column}, '123456789{control}', '{'0' * 9}{' ' * 32}')"
    pattern = _NUMBER.replace("\\", "\\\\")
    return f"replaceRegexpAll({folded}, '{pattern}', '0')"
