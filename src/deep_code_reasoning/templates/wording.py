"""How a template reads: its masks, and the constant parts of words that were masked for a digit in them.

`jk2_init() found child 17` has the shape `<*>() found child <*>`. When all lines of a template have `jk`, a number and
`_init` at that place, it reads `jk<*>_init() found child <*>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from .masking import MASK

PLACEHOLDER: Final = "<*>"
MAX_MESSAGES: Final = 64
"""A shape with more different signatures than this holds values of many kinds, and nothing constant."""

# Letters beside the digits that make a word of it: not those of hexadecimal numbers.
_WORDY: Final = re.compile(r"(?=.*[A-Za-z]{2})(?=.*[G-WYZg-wyz])[\w.\-]*0[\w.\-]*")
_MAYBE_WORDY: Final = re.compile(r"[G-WYZg-wyz][\w.\-]*0|0[\w.\-]*[G-WYZg-wyz]")


def wording(template: str, members: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The template's text for people.

    Args:
        template: with MASK where it varies.
        members: the shapes it stands for, each with signatures of some of its lines.
    """
    common: list[str] | None = None
    masks = template.count(MASK)
    for shape, lines in members:
        if len(lines) > MAX_MESSAGES:
            return template.replace(MASK, PLACEHOLDER)
        for line in lines if masks else ():
            if common is None and not _MAYBE_WORDY.search(line):
                return template.replace(MASK, PLACEHOLDER)
            words = [word.replace("0", PLACEHOLDER) if _WORDY.fullmatch(word) else "" for word in _masked(shape, line)]
            if common is not None:
                words = [word if word == other else "" for word, other in zip(common, words, strict=False)]
            if len(words) != masks or not any(words):
                return template.replace(MASK, PLACEHOLDER)
            common = words
    first, *constants = template.split(MASK)
    return first + "".join((word or PLACEHOLDER) + text for word, text in zip(common or (), constants, strict=True))


def _masked(shape: str, line: str) -> list[str]:
    """The texts of a line behind the masks of its shape; none when mask rules changed more than they cover."""
    line = " ".join(line.split())
    first, *constants = shape.split(MASK)
    if not line.startswith(first):
        return []
    words = []
    start = len(first)
    for number, constant in enumerate(constants, 1):
        end = line.find(constant, start) if number < len(constants) else len(line) - len(constant)
        if end < start or not line.startswith(constant, end):
            return []
        words.append(line[start:end])
        start = end + len(constant)
    return words
