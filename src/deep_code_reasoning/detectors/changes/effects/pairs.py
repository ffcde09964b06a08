"""Removed lines and the added lines that replaced them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk, Line, normalise

_MIN_RATIO: Final = 0.5
_MAX_TRIED: Final = 60


def paired(hunk: Hunk) -> Iterator[tuple[Line, Line]]:
    """Removed lines with the added line that replaced each: the most alike, once each.

    Lines that are the same but for a name that the hunk gives to a part of them are no pair.
    """
    free = list(hunk.added)
    named = {match[1]: match[2] for line in free if (match := _NAMED.match(line.code))}
    for old in hunk.removed:
        same = next((new for new in free if named and _same_but_for_names(old.code, new.code, named)), None)
        if same is not None:
            free.remove(same)
            continue
        best, best_ratio = None, _MIN_RATIO
        for new in free[:_MAX_TRIED]:
            pair = difflib.SequenceMatcher(None, old.code, new.code, autojunk=False)
            if pair.real_quick_ratio() > best_ratio and pair.quick_ratio() > best_ratio and pair.ratio() > best_ratio:
                best, best_ratio = new, pair.ratio()
        if best is not None:
            free.remove(best)
            yield old, best


# A name that is given to a value: `private static final int MAX = 5;`, `let max = 5`.
_NAMED: Final = re.compile(r"^(?:[\w<>\[\]]+\s+)*?\$?(\w+)\s*(?::\s*[\w<>\[\]]+\s*)?:?=\s*([^=>].*?);?$")


def _same_but_for_names(old: str, new: str, named: dict[str, str]) -> bool:
    """Whether a line is another's with names in the place of what they stand for."""
    for name in sorted(named.keys() & set(re.findall(r"\w+", new)) - set(re.findall(r"\w+", old))):
        owner = r"(?:\b(?:[A-Z]\w*|self|this|Self)(?:\.|::))*\$?"
        new = re.sub(rf"{owner}\b{name}\b", named[name].replace("\\", r"\\"), new)
    return normalise(old) == normalise(new)
