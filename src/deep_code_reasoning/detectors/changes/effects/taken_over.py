"""What a patch takes out of one place and hands to a function of its own, which is called there since."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..code import block_after, definition, string_literals, without_strings
from ..diff import Hunk, Line, Patch

_BRANCH: Final = re.compile(r"^\s*(?:\}?\s*else\s+if\b|if\b|elif\b|elsif\b|unless\b|guard\b|match\b)")
_NOT: Final = re.compile(r"!(?!=)|\bnot\b|\bunless\b|\bguard\b|!=|\bfalse\b", re.I)


def newcomers(hunk: Hunk, patch: Patch) -> Sequence[Line]:
    """Lines of functions that other hunks bring and that the added lines of this one name.

    None where what told cases apart here asks the other way round there.
    """
    named = {word for line in hunk.added for word in re.findall(r"\w+", without_strings(line.code))}
    found: list[Line] = []
    for other in patch.running if named else ():
        if other is hunk:
            continue
        after = other.after
        for place, line in enumerate(after):
            if line.is_new and definition(line.code) in named:
                found += [after[n] for n in (place, *block_after(after, place))]
    return found if _asks(hunk.removed) <= _asks(found) else ()


def handed_here(hunk: Hunk, patch: Patch) -> Sequence[Line]:
    """Lines that other hunks lose, which name a function that this one brings: it may do now what they did."""
    if hunk.removed:
        return ()
    own = {id(line) for line in hunk.added}
    return [
        line
        for other in patch.running
        if other is not hunk and any(id(new) in own for new in newcomers(other, patch))
        for line in other.removed
    ]


def texts(lines: Sequence[Line]) -> frozenset[str]:
    """The string literals of lines."""
    return frozenset(text for line in lines for text in string_literals(line.code))


def _asks(lines: Sequence[Line]) -> set[bool]:
    """Whether the branches of lines ask for what is not so, and for what is."""
    return {_NOT.search(without_strings(line.code)) is not None for line in lines if _BRANCH.match(line.code)}
