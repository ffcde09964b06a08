"""What a change does in the light of all others: flags that code reads or does not, libraries that are taken anew.

A diff that turns a flag on says nothing of what the flag guards; one that takes a new version of a library says nothing
of what is new in it. The histories of the repositories do, where they are known from their beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ..vocabulary.words import words
from .diff import Patch
from .effect import Effect
from .effects import effects_of
from .trial import Change

# Names with fewer letters (`enabled`) are those of many things.
_MIN_LETTERS: Final = 7
# A guard and what it guards stand within so many lines.
_GUARDED_LINES: Final = 8
_MAX_READERS: Final = 5
# A flag that no code reads does nothing; that its reader was overlooked is possible.
_UNREAD: Final = 0.1
_SETS: Final = re.compile(r"(?i)[\"']?\s*(?::=|=>|[:=,])\s*[\"']?(?:true|false|on|off|yes|no|enabled|disabled|0|1)\b")
_IN_LIBRARY: Final = 0.9
_MAX_OF_LIBRARY: Final = 40


def consequences(change: Change, patch: Patch, changes: Sequence[Change]) -> tuple[Effect, ...]:
    """All that a change does: what its diff does, with flags followed to their readers, and what its libraries do."""
    found: list[Effect] = []
    for effect in effects_of(patch):
        found.append(_flag(effect, changes) if effect.kind == "switch_flipped" else effect)
        if effect.kind.startswith("dependency_"):
            found += _of_library(effect, change, changes)
    return tuple(found)


# --- flags ------------------------------------------------------------------------------------------------------------


def _flag(effect: Effect, changes: Sequence[Change]) -> Effect:
    name = effect.subjects[-1]
    parts = words(name)
    if sum(map(len, parts)) < _MIN_LETTERS or len(parts) < 2:
        return effect
    made, read = _mentions(parts, changes)
    if not made:
        return effect  # who reads it may be older than what is known
    if not read:
        return replace(effect, summary=f"{effect.summary}, which no code reads", sureness=effect.sureness * _UNREAD)
    guarded = dict.fromkeys(name for text in read for name in re.findall(r"[A-Za-z_]\w{3,}", text))
    return replace(effect, subjects=(*effect.subjects, *guarded))


def _mentions(parts: Sequence[str], changes: Sequence[Change]) -> tuple[bool, list[str]]:
    """Whether the history knows how a name came to be, and the lines that read it with those that follow."""
    pattern = re.compile(r"(?i)(?<![a-z])" + r"[-_.]?".join(map(re.escape, parts)) + r"(?![a-z])")
    made, read = 0, []
    for change in changes:
        text = change.diff.lower()
        # Plain search is quicker by far, and most changes name no flag.
        if not all(part in text for part in parts) or not pattern.search(change.diff):
            continue
        lines = change.diff.splitlines()
        for place, line in enumerate(lines):
            if line[:1] not in "+-" or line.startswith(("+++", "---")) or not pattern.search(line):
                continue
            sets = any(_SETS.match(line, match.end()) for match in pattern.finditer(line))
            if sets:
                made += 1 if line[0] == "+" else -1
            elif line[0] == "+":
                read.append("\n".join(other[1:] for other in lines[place : place + _GUARDED_LINES]))
            elif read:
                read.pop()
    return made > 0, read[:_MAX_READERS]


# --- libraries --------------------------------------------------------------------------------------------------------


def _of_library(effect: Effect, change: Change, changes: Sequence[Change]) -> Iterator[Effect]:
    """What the commits do that a library's new version has and its old one had not, if its history is known."""
    names = {_plain(subject) for subject in effect.subjects}
    history = [
        other
        for other in changes
        if other.kind == "commit" and other.repo != change.repo and _plain(other.repo) in names
    ]
    history = sorted((other for other in history if other.time_ns <= change.time_ns), key=lambda other: other.time_ns)
    versions = re.search(r"(\d+[\w.\-+]*) -> (\d+[\w.\-+]*)$", effect.summary)
    if not history or versions is None:
        return
    old, new = (_bearing(version, history) for version in versions.groups())
    last = new if new is not None else len(history) - 1
    first = old + 1 if old is not None and old < last else last if new is not None else 0
    for other in history[first : last + 1][-_MAX_OF_LIBRARY:]:
        for own in effects_of(other.patch):
            if not own.kind.startswith(("dependency_", "name_")):
                says = f"{effect.summary}, in which {own.summary} ({other.label})"
                yield replace(own, summary=says, path=effect.path, sureness=own.sureness * _IN_LIBRARY)


def _bearing(version: str, history: Sequence[Change]) -> int | None:
    """The place of the last commit that says a version, in its message or in the manifest that it sets it in."""
    pattern = re.compile(rf"(?<![\w.])v?{re.escape(version)}(?![\w])(?!\.\d)")
    places = [
        place
        for place, other in enumerate(history)
        if pattern.search(other.message)
        or any(
            line[:1] == "+" and "version" in line.lower() and pattern.search(line) for line in other.diff.splitlines()
        )
    ]
    return places[-1] if places else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
