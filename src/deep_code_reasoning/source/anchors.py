"""A line of one version of a file, in another version of it: what ran is seldom what lies in the folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

# Lines that were changed this much are other lines; difflib's own threshold for a close match.
_SAME_LINE: Final = 0.6
# Blocks longer than this were rewritten: no line in them is another one's successor.
_MAX_REPLACED: Final = 200
_SPACE: Final = re.compile(r"\s+")


def moved_line(old: Sequence[str], new: Sequence[str], line: int) -> int | None:
    """Where a line of the old version is in the new one, from 1; None when it is gone.

    Lines are aligned as a diff does (difflib: longest matching blocks, Ratcliff and Obershelp); within a replaced block
    a line goes to the one most like it.
    """
    if not 1 <= line <= len(old):
        return None
    before, after = ([_SPACE.sub(" ", text).strip() for text in version] for version in (old, new))
    for kind, first, last, to_first, to_last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if not first < line <= last:
            continue
        if kind == "equal":
            return to_first + line - first
        if kind == "replace" and to_last - to_first <= _MAX_REPLACED:
            return _most_alike(before[line - 1], after, range(to_first, to_last))
    return None


def _most_alike(text: str, lines: Sequence[str], among: range) -> int | None:
    ratios = [(SequenceMatcher(None, text, lines[place]).ratio(), -place) for place in among]
    ratio, place = max(ratios, default=(0.0, 0))
    return 1 - place if ratio >= _SAME_LINE else None
