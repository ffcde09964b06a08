"""Lines to signatures: every digit a 0, runs of digits one 0, control characters blanks.

Lines that differ only in their numbers have one signature, so millions of lines become a few thousand texts before
any rule is applied. This is done over whole blocks of lines by operations that run in C.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_CONTROL: Final = bytes(code for code in range(32) if code != ord("\n"))
_FOLD_DIGITS: Final = bytes.maketrans(b"123456789" + _CONTROL, b"0" * 9 + b" " * len(_CONTROL))


def fold_digits(lines: Sequence[str]) -> list[str]:
    """Each line with its digits turned into 0 (as many as there were) and its control characters into blanks."""
    block = "\n".join(lines).encode("utf-8", "surrogatepass").translate(_FOLD_DIGITS)
    folded = block.decode("utf-8", "surrogatepass").split("\n")
    if len(folded) != len(lines):  # a line break inside a line, or no line at all
        return fold_digits([line.replace("\n", " ") for line in lines]) if lines else []
    return folded


def signatures(lines: Sequence[str]) -> list[str]:
    """The signature of each line; a signature is its own signature."""
    folded = "\n".join(fold_digits(lines))
    while "00" in folded:
        folded = folded.replace("00", "0")
    return folded.split("\n") if lines else []


def signature_sql(column: str) -> str:
    """`signatures` as an expression of ClickHouse's dialect; `column` is a name of ours, never evidence."""
    control = "".join(rf"\x{code:02x}" for code in range(32))
    folded = f"translate({column}, '123456789{control}', '{'0' * 9}{' ' * 32}')"
    return f"replaceRegexpAll({folded}, '00+', '0')"
