"""Removed lines and the added lines that replaced them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk, Line

_MIN_RATIO: Final = 0.5
_MAX_TRIED: Final = 60


def paired(hunk: Hunk) -> Iterator[tuple[Line, Line]]:
    """Removed lines with the added line that replaced each: the most alike, once each."""
    free = list(hunk.added)
    for old in hunk.removed:
        best, best_ratio = None, _MIN_RATIO
        for new in free[:_MAX_TRIED]:
            pair = difflib.SequenceMatcher(None, old.code, new.code, autojunk=False)
            if pair.real_quick_ratio() > best_ratio and pair.quick_ratio() > best_ratio and pair.ratio() > best_ratio:
                best, best_ratio = new, pair.ratio()
        if best is not None:
            free.remove(best)
            yield old, best
