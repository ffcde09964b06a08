"""Shapes to templates: positions that hold values which only their variety gives away.

Shapes with the same punctuation and number of words are compared. Where shapes agree on everything but one word, and
that word takes many values, it is a value: `Invalid user alice`, `Invalid user bob`, ... How many are many depends on
what the words look like, because programmers write few names of states and many names of things.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from .masking import MASK, join_masks

Words = tuple[str, ...]
Groups = dict[Words, list[Words]]
"""A pattern of words, MASK where they vary, and the words that it stands for."""

_WORD: Final = re.compile(rf"([\w.\-@$/\\*~%+{MASK}]+)")
_WORD_CHARACTERS: Final = {
    ord(c): None for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@$/\\*~%+" + MASK
}
_STATE: Final = re.compile(r"(?:.*[.:])?[A-Z][A-Z0_]+$")
_NAME: Final = re.compile(r".*(?:[._\-@/$\\~%+]\w|[a-z][A-Z])")
_VERB: Final = re.compile(r"[A-Za-z]+(?:ed|ing)$")
# After one of these a plain word is a name, as an identifier is: `for user alice`, `on host amber`.
_INTRODUCES_NAME: Final = frozenset(
    "account user group role host hostname server node client peer device driver interface network domain process "
    "program module library package plugin service component application app job task worker thread session queue "
    "topic consumer producer channel database table index schema column key bucket volume disk partition file "
    "directory folder".split()
)


@dataclass(frozen=True, slots=True)
class Settings:
    """When a word that varies is a value.

    Attributes:
        min_names: identifiers (`a.b.Service`, `someName`, `host-a`): code and configuration have many, and a statement
            that names one seldom names always the same, so three are enough.
        min_words: plain words (`alice`, `root`): English has small closed sets (up/down, read/write/execute), hence
            more, unless the word before says that a name comes (`user alice`).
        min_states: words in capitals (`RUNNING`), and verbs in -ed or -ing: they say what happened, so the statement
            differs in meaning; only many of them make a list of values.
        mask_counts: how many values a position counts for that a masked value has been seen in.
        known_values: from so many values at one position on, they count as values elsewhere too; so do fewer when the
            word before them says that they are names.
        lonely_factor: a single constant word is little to agree on, so it takes this many times as many values.
        leading_factor: the same for the first word, which more often than others names the event (`maxSize set to 5`).
    """

    min_names: int = 3
    min_words: int = 5
    min_states: int = 12
    mask_counts: int = 2
    known_values: int = 10
    lonely_factor: int = 2
    leading_factor: int = 2


def merge(shapes: Iterable[str], settings: Settings | None = None) -> dict[str, str]:
    """The template of each shape, MASK where it varies; the same for any order of the shapes."""
    return _Merger(settings or Settings()).merge(sorted(set(shapes)))


class _Merger:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: set[str] = set()

    def merge(self, shapes: list[str]) -> dict[str, str]:
        templates = {shape: shape for shape in shapes}
        buckets = list(_comparable(shapes))
        groups_of = [self._merge_bucket(list(by_words)) for _, by_words in buckets]
        known = frozenset(self._known | {MASK}) if self._known else None
        for (between, by_words), groups in zip(buckets, groups_of, strict=True):
            if known and len(groups) > 1:
                groups = self._merge_single(groups, known)
            for pattern, members in groups.items():
                if len(members) > 1:
                    template = _render(between, pattern)
                    templates.update((by_words[member], template) for member in members)
        return templates

    def _merge_bucket(self, bucket: list[Words]) -> Groups:
        groups = self._merge_single({words: [words] for words in bucket})
        if len(groups) < self._settings.min_names:
            return groups
        joint: Groups = {}
        for pattern, parts in self._split(list(groups)):
            joint[pattern] = [member for part in parts for member in groups[part]]
        return groups if len(joint) == len(groups) else self._merge_single(joint)

    def _merge_single(self, groups: Groups, known: frozenset[str] | None = None) -> Groups:
        """Merge patterns that differ in one position, until none does any more."""
        changed = True
        while changed and len(groups) > 1:
            changed = False
            for position, column in enumerate(list(zip(*groups, strict=True))):
                distinct = set(column)
                if len(distinct & known) < 2 if known else self._weight(distinct) < self._settings.min_names:
                    continue
                alike: dict[Words, list[Words]] = defaultdict(list)
                for words in groups:
                    alike[words[:position] + words[position + 1 :]].append(words)
                if len(alike) == len(groups):
                    continue
                for rest, patterns in alike.items():
                    values = {words[position] for words in patterns}
                    if len(patterns) > 1 and self._is_value(values, rest[:position], rest, known):
                        self._learn(values, rest[:position])
                        pattern = (*rest[:position], MASK, *rest[position:])
                        members = [member for words in patterns for member in groups.pop(words)]
                        groups.setdefault(pattern, []).extend(members)
                        changed = True
        return groups

    def _split(self, patterns: list[Words]) -> Iterator[tuple[Words, list[Words]]]:
        """Patterns that vary in several positions at once, each with what it stands for.

        When the positions do not look like values, the patterns are split by the position with the fewest words.
        """
        if len(patterns) < self._settings.min_names:
            yield from ((words, [words]) for words in patterns)
            return
        columns = [set(column) for column in zip(*patterns, strict=True)]
        varying = [position for position, column in enumerate(columns) if len(column) > 1]
        constants = [word for column in columns if len(column) == 1 for word in column]
        before = [next(iter(column)) if len(column) == 1 else MASK for column in columns]
        if _constants(constants) > len(varying) > 1 and all(
            self._is_value(columns[position], before[:position], constants) for position in varying
        ):
            for position in varying:
                self._learn(columns[position], before[:position])
            yield tuple(MASK if len(column) > 1 else next(iter(column)) for column in columns), patterns
            return
        position = min(varying, key=lambda p: (len(columns[p]), p))
        parts = defaultdict(list)
        for words in patterns:
            parts[words[position]].append(words)
        for part in parts.values():
            yield from self._split(part)

    def _is_value(
        self, values: set[str], before: Sequence[str], context: Sequence[str], known: frozenset[str] | None = None
    ) -> bool:
        """Whether the words at a position are values, given the words before it and all others."""
        constants = _constants(context)
        if not constants:
            return False
        if known:
            return values <= known
        settings = self._settings
        kinds = Counter(_kind(word) for word in values if word != MASK)
        kind = max(kinds, key=lambda k: (kinds[k], k))
        if kind == "word" and _introduced(before):
            kind = "name"
        enough = {"name": settings.min_names, "word": settings.min_words, "state": settings.min_states}[kind]
        if constants == 1:
            enough *= settings.lonely_factor
        if not before:
            enough *= settings.leading_factor
        return self._weight(values) >= enough

    def _learn(self, values: set[str], before: Sequence[str]) -> None:
        if len(values) >= self._settings.known_values or _introduced(before):
            self._known |= values

    def _weight(self, values: set[str]) -> int:
        return len(values) + (self._settings.mask_counts - 1) * (MASK in values)


def _comparable(shapes: Iterable[str]) -> Iterator[tuple[Words, dict[Words, str]]]:
    """Shapes with the same texts between their words, two or more: those texts, and each shape by its words."""
    buckets = defaultdict(list)
    for shape in shapes:
        buckets[shape.translate(_WORD_CHARACTERS) if shape.isascii() else _WORD.sub("", shape)].append(shape)
    for bucket in buckets.values():
        if len(bucket) > 1:
            alike: dict[Words, dict[Words, str]] = defaultdict(dict)
            for shape in bucket:
                parts = _WORD.split(shape)
                alike[tuple(parts[::2])][tuple(parts[1::2])] = shape
            yield from alike.items()


def _constants(words: Sequence[str]) -> int:
    return sum(1 for word in words if word != MASK)


def _introduced(before: Sequence[str]) -> bool:
    return bool(before) and before[-1].lower() in _INTRODUCES_NAME


def _kind(word: str) -> str:
    if _STATE.match(word) or _VERB.match(word):
        return "state"
    return "name" if _NAME.match(word) else "word"


def _render(between: Words, pattern: Words) -> str:
    text = "".join(chain.from_iterable(zip(between, (*pattern, ""), strict=True)))
    return join_masks(text)
