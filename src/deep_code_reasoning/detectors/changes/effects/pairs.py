"""Removed lines and the added lines that replaced them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ..diff import Hunk, Line


def paired(hunk: Hunk, min_ratio: float = 0.5) -> Iterator[tuple[Line, Line]]:
    """Removed lines with the added line that replaced each: the most alike, once each."""
    free = list(hunk.added)
    for old in hunk.removed:
        best, best_ratio = None, min_ratio
        for new in free[:60]:
            ratio = difflib.SequenceMatcher(None, old.code, new.code, autojunk=False).ratio()
            if ratio > best_ratio:
                best, best_ratio = new, ratio
        if best is not None:
            free.remove(best)
            yield old, best
