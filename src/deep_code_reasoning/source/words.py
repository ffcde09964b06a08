"""Text and code as words that can be compared: identifiers split into their parts, and kept whole beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*|\d+")
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\da-zA-Z_]+")
# What is longer was not given as a name: keys, hashes, data.
_MAX_LENGTH: Final = 100
# Words of English and of programming languages that stand everywhere and tell nothing apart.
_EVERYWHERE: Final = frozenset(
    "self the an of to in is it and or for not if else return def class import from as with be this that on are was "
    "but by at we you can have has do does when which there my so should would could will just none true false null "
    "let var const function func new void public private static".split()
)


def words(text: str) -> Iterator[str]:
    """The words of a text, in order: `getUserName` gives `get`, `user`, `name`, `getusername`.

    Parts are in lower case and without the commonest endings of English; single letters, words that stand everywhere
    and identifiers of over a hundred characters are left out. An identifier of several parts comes again as a whole.
    """
    for identifier in _IDENTIFIER.findall(text):
        yield from _words_of(identifier)


# Code says the same names over and over: most of the time of an index went into taking them apart.
@lru_cache(maxsize=50_000)
def _words_of(identifier: str) -> tuple[str, ...]:
    if len(identifier) > _MAX_LENGTH:
        return ()
    parts = _PART.findall(identifier)
    lower = [part.lower() for part in parts]
    found = [_stem(word) for word in lower if len(word) > 1 and word not in _EVERYWHERE]
    return (*found, identifier.lower().strip("_")) if len(parts) > 1 else tuple(found)


def _stem(word: str) -> str:
    """Cut the plural, the past and the progressive: cheap, and the same for text and code."""
    if len(word) > 5 and word.endswith("ing"):
        return word[:-3]
    if len(word) > 4 and word.endswith(("ed", "es")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
