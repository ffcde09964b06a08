"""Text and code as words that can be compared: identifiers split into their parts, and kept whole beside them."""

from __future__ import annotations

import re
from typing import Final

_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*|\d+")
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\da-zA-Z_]+")
# What ends a name in nearly all of a text: as a table, several times faster than a pattern.
_BETWEEN: Final = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")}
# What is longer was not given as a name: keys, hashes, data.
_MAX_LENGTH: Final = 100
# Identifiers whose words are remembered: those of some thousand files, in 20 MB.
_MAX_KNOWN: Final = 100_000
# Words of English and of programming languages that stand everywhere and tell nothing apart.
_EVERYWHERE: Final = frozenset(
    "self the an of to in is it and or for not if else return def class import from as with be this that on are was "
    "but by at we you can have has do does when which there my so should would could will just none true false null "
    "let var const function func new void public private static".split()
)


class _Known(dict[str, str]):
    """The words of what stands between blanks, joined; code says the same names over and over: each is read once."""

    def __missing__(self, said: str) -> str:
        if len(self) >= _MAX_KNOWN:
            self.clear()
        found = (word for identifier in _IDENTIFIER.findall(said) for word in _words_of(identifier))
        self[said] = joined = " ".join(found)
        return joined


_known: Final = _Known()


def words(text: str) -> list[str]:
    """The words of a text, in order: `getUserName` gives `get`, `user`, `name`, `getusername`.

    Parts are in lower case and without the commonest endings of English; single letters, words that stand everywhere
    and identifiers of over a hundred characters are left out. An identifier of several parts comes again as a whole.
    """
    return joined_words(text).split()


def joined_words(text: str) -> str:
    """The words of a text with spaces between them: what an index takes, several times faster than word by word."""
    return " ".join(filter(None, map(_known.__getitem__, text.translate(_BETWEEN).split())))


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
