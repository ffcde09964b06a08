"""Regular expressions that try everything: a repeated group whose turns may be cut in more than one way.

Weideman et al., "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers" (CIAA 2016): exponential
time needs a loop that can read the same text by two ways. Told here of the two forms that people write: a group that is
repeated and consists of one repetition beside what may be left out, and one of alternatives that begin alike.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator
from typing import Final

from ..code import string_literals
from ..diff import Hunk
from ..effect import Effect, each_hunk
from ..paths import has_extension

# Literals between slashes, as JavaScript, Ruby and PHP write them.
_SLASHES: Final = re.compile(r"(?<![\w)\]/.:])/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\]|\\.)*\])+)/[a-z]*")
_WITHIN: Final = r"(?:[^()\[\]\\]|\\.|\[\^?\]?(?:[^\]\\]|\\.)*\])"
# An innermost group that is repeated, and what it consists of.
_REPEATED: Final = re.compile(rf"\((?:\?:|\?<\w+>|\?P<\w+>)?({_WITHIN}*)\)(?:[*+]|\{{\d+,\}})(?!\+)")
# An innermost group, with what tells how often; the smallest marks that a pattern is made of.
_INNER: Final = re.compile(rf"\((?:\?:|\?<\w+>|\?P<\w+>)?({_WITHIN}*)\)([*+?]?)(?![{{+])")
_MARK: Final = re.compile(r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]|.", re.S)
_MAX_NARROWED: Final = 64
_ELEMENT: Final = re.compile(r"(\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]|[^\\|])([*+?]|\{\d*,?\d*\})?([?+])?")
_ANY_TWICE: Final = re.compile(r"(\.[*+]\??){2,}")
_REGEX_LINE: Final = re.compile(
    r"(?i)re(?:gex|gexp)?\b|pattern|matche?s?\b|preg_|validat|format|=~|scan|gsub|\bnew\(|\bre\."
)
_ALL: Final = tuple(map(chr, range(32, 127)))


def _patterns(hunk: Hunk) -> Iterator[Effect]:
    """Patterns that newly can take exponential time. Go's and Rust's engines do not backtrack."""
    if has_extension(hunk.path, "go", "rs"):
        return
    old = {text for line in hunk.before for text in _texts(line.code, hunk.kind)}
    for line, above in zip(hunk.added, ("", *(line.code for line in hunk.added)), strict=False):
        # A pattern may stand on a line of its own, below the call that it is handed to.
        for text in _texts(f"{above} {line.code}" if above.endswith("(") else line.code, hunk.kind):
            if text not in old and backtracks(text):
                says = f"pattern with nested quantifiers: `{line.code[:80]}`"
                yield Effect("regex_backtracks", says, hunk.path, ("regex", "pattern", "rule"))
                return


def _texts(code: str, kind: str) -> list[str]:
    """What may be a pattern on a line."""
    found = [match[1] for match in _SLASHES.finditer(code)]
    if kind == "config" or _REGEX_LINE.search(code):
        found += string_literals(code) or ([code] if kind == "config" else [])
    return [text.replace("\\\\", "\\") for text in found]


def backtracks(pattern: str) -> bool:
    """Whether a pattern has a repeated group that can read the same text by more than one way."""
    pattern = _PROPERTY.sub(_of_property, pattern)
    return _ANY_TWICE.search(pattern) is not None or any(
        _is_ambiguous(match[1]) for one in _one_way_each(pattern) for match in _REPEATED.finditer(one)
    )


def _one_way_each(pattern: str) -> Iterator[str]:
    """The pattern, and narrower ones: each group within another replaced by one of the ways that it can be read.

    What a narrower one reads by two ways, the pattern does too.
    """
    waiting = [pattern]
    for _ in range(_MAX_NARROWED):
        if not waiting:
            return
        one = waiting.pop()
        yield one
        inner = next((match for match in _INNER.finditer(one) if _is_within(one, match.start())), None)
        if inner is not None:
            ways = _split(inner[1]) + ([""] if inner[2] and inner[2] in "?*" else [])
            waiting += [one[: inner.start()] + way + one[inner.end() :] for way in ways]


def _is_within(pattern: str, place: int) -> bool:
    """Whether a group is open at a place."""
    marks = _MARK.findall(pattern[:place])
    return marks.count("(") > marks.count(")")


def _split(group: str) -> list[str]:
    ways = [""]
    for mark in _MARK.findall(group):
        if mark == "|":
            ways.append("")
        else:
            ways[-1] += mark
    return ways


def _is_ambiguous(group: str) -> bool:
    ways = _alternatives(group)
    if any(_repeats_itself(way) for way in ways):
        return True
    firsts = [_reads(way[0][0]) for way in ways if way]
    return any(a & b for place, a in enumerate(firsts) for b in firsts[place + 1 :])


def _alternatives(group: str) -> list[list[tuple[str, str]]]:
    """Elements of each alternative with their quantifiers."""
    ways: list[list[tuple[str, str]]] = [[]]
    place = 0
    while place < len(group):
        if group[place] == "|":
            ways.append([])
            place += 1
            continue
        match = _ELEMENT.match(group, place)
        if match is None:
            return []
        if match[3] != "+":  # possessive: never given back
            ways[-1].append((match[1], match[2] or ""))
        place = match.end()
    return ways


def _repeats_itself(way: list[tuple[str, str]]) -> bool:
    """Whether an unbounded element meets itself in the next turn, since all else may be left out or reads the same."""
    for element, quantifier in way:
        if quantifier[:1] in ("*", "+") or quantifier.endswith(",}"):
            reads = _reads(element)
            others = [one for one in way if one[0] != element]
            if all(q[:1] in ("*", "?") or q.startswith(("{0", "{,")) or _reads(other) & reads for other, q in others):
                return bool(reads)
    return False


# Properties of Unicode and classes of POSIX, which other languages have: the ASCII characters of the commonest.
_PROPERTY: Final = re.compile(r"\\p\{?\^?(?:Is)?(\w+)\}?|\[:(\w+):\]")
_ASCII: Final = {
    "L": "a-zA-Z",
    "N": "0-9",
    "P": ".,!?'\"-",
    "Z": " ",
    "S": "$+<=>",
    "al": "a-zA-Z",
    "di": "0-9",
    "sp": " ",
}


def _of_property(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    return _ASCII.get(name[0].upper() if match[1] else name[:2], r"\w")


@functools.lru_cache(maxsize=1024)
def _reads(element: str) -> frozenset[str]:
    """The ASCII characters that an element reads."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # other languages nest sets
            matcher = re.compile(element, re.S)
    except re.error:
        return frozenset()
    return frozenset(char for char in _ALL if matcher.fullmatch(char))


extract: Final = each_hunk({_patterns: "config code view schema"})
