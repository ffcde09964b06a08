"""How a template reads: its masks, and the constant parts of words that were masked for a digit in them.

`jk2_init() found child 17` has the shape `<*>() found child <*>`. When all lines of a template have `jk`, a number and
`_init` at that place, it reads `jk<*>_init() found child <*>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from .masking import MASK
from .signature import signatures

PLACEHOLDER: Final = "<*>"

# Letters beside the digits that make a word of it: not those of hexadecimal numbers.
_WORDY: Final = re.compile(r"(?=.*[A-Za-z]{2})(?=.*[G-WYZg-wyz])[\w.\-]*0[\w.\-]*")


def wording(template: str, members: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The template's text for people.

    Args:
        template: with MASK where it varies.
        members: the shapes it stands for, each with some of its lines.
    """
    first, *constants = template.split(MASK)
    common = None
    for shape, lines in members:
        for line in signatures(lines):
            words = _masked_words(shape, " ".join(line.split()))
            if common is None:
                common = [word if _WORDY.fullmatch(word) else "" for word in words]
            else:
                common = [word if word == other else "" for word, other in zip(common, words, strict=False)]
            if len(words) != len(constants) or not any(common):
                return template.replace(MASK, PLACEHOLDER)
    text = first
    for word, constant in zip(common or [], constants, strict=True):
        text += (word.replace("0", PLACEHOLDER) or PLACEHOLDER) + constant
    return text


def _masked_words(shape: str, line: str) -> list[str]:
    """The texts of a line behind the masks of its shape; none when mask rules changed more than they cover."""
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
