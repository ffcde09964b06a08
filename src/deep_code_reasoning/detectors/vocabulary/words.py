"""Identifiers taken apart into words, so that `maxOpenConns`, `max_open_conns` and "max open conns" agree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][\w$]*(?:[.\-/][A-Za-z_][\w$]*)*")

# Words that stand in most code or most log lines, and so tie nothing to nothing.
COMMON: Final = frozenset(
    """a an and any api app are args as async at await bool by call called catch class client cmd code com config
    const context ctx data date def default do else end err error errors exception export failed false file final
    float for format from func function get go handle handler has http id if import in info input int internal
    into is item items java jsx key kind kotlin let level line list local log logger main map message method
    module msg my name new nil no node none not null number object of off on or org out output package path
    payload php pkg private public py python raise req request res resp response result return returned returning
    returns row ruby run self server service services set size src start state static status str string struct
    svc test text that the then this time timestamp to toml trace true try tsx type typescript url use user util
    val value values var via void was while with yaml yml""".split()
)


def words(text: str) -> list[str]:
    """Lower-case words of a text, identifiers split at case changes, underscores and dashes."""
    return [word.lower() for word in _WORD.findall(text)]


def word_set(*texts: str) -> frozenset[str]:
    """All words of some texts."""
    return frozenset(word for text in texts for word in words(text))


def without_numbers(expression: str) -> str:
    """SQL: a text with '#' for numbers and long hexadecimal names, which tell one saying of it from another."""
    return f"replaceRegexpAll({expression}, '[0-9a-fA-F]{{8,}}|[0-9]+', '#')"


def telling_words(texts: Iterable[str]) -> frozenset[str]:
    """Words that may tie two texts together: at least three letters, none of the common ones."""
    return frozenset(
        _stem(word)
        for text in texts
        for word in words(text)
        if len(word) >= 3 and word not in COMMON and not word.isdecimal()
    )


def identifiers(text: str) -> list[str]:
    """Names as they stand in a text, dotted and dashed ones whole."""
    return _IDENTIFIER.findall(text)


def _stem(word: str) -> str:
    # Plurals and the commonest verb endings only: "retries"/"retry", "charged"/"charge" must meet, nothing more.
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + replacement
    return word
