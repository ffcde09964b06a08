"""Quantities that lost their unit, or go where another is meant: `40MB` that is `40000`, seconds for milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ...vocabulary.quantities import settings
from ..diff import Hunk, Patch
from ..effect import Effect
from ..paths import has_extension
from .pairs import paired

# Options of caches and stores by the unit that their documentation gives them: seconds, milliseconds.
_OPTIONS: Final = (
    frozenset("stdttl ex setex expire expireat expires_in maxage max_age".split()),
    frozenset("ttl px psetex pexpire pexpireat pttl".split()),
)
_GIVEN: Final = re.compile(r"""["']?\b([A-Za-z_]\w*)["']?\s*(?:[:=]|=>)\s*(\w+)\b(?!\s*[*(])""")
_TIMES: Final = re.compile(
    r"\*\s*(?:1_?000|60|3_?600|time\.[A-Z]\w+|\w*(?:MINUTE|SECOND|HOUR|_MS)\w*)\b|\btime\.[A-Z]\w+\s*\*"
)
_TIMER: Final = re.compile(
    r"(?i)interval|timeout|ticker|sleep|timer|ttl|expir|delay|duration|every|period|schedule|\bafter\b"
)
_SAYS_UNIT: Final = re.compile(r"(?i)ms\b|millis|\btime\.(?!duration|new|sleep|after|tick)[a-z]+")
_GO_BARE: Final = re.compile(r"\btime\.Duration\([\w.*]+\)")
# How far a bare number may be from what it was in a unit that it may be meant in.
_TUNED: Final = 20.0
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")


def extract(patch: Patch) -> list[Effect]:
    """Quantities that are taken in another unit than before."""
    found: list[Effect] = []
    scaled = any(_TIMES.search(line.code) for line in patch.added)
    for hunk in patch.running:
        if hunk.kind in ("code", "config"):
            found += _bare(hunk)
            found += _by_another_option(hunk)
            found += [] if scaled else _no_longer_scaled(hunk)
    return found


def _bare(hunk: Hunk) -> Iterator[Effect]:
    """A quantity with a unit becomes a number that is neither so many bytes nor milliseconds or seconds."""
    for old, new in paired(hunk):
        before = {one.owner: one for one in settings(old.code) if one.dimension}
        for one in settings(new.code):
            known = before.get(one.owner)
            if known is None or one.dimension or not one.value or not known.value:
                continue
            meant = (one.value,) if known.dimension == "bytes" else (one.value, one.value * 1000)
            if all(max(value / known.value, known.value / value) > _TUNED for value in meant):
                yield _lost(hunk, old.code, new.code)
                return


def _no_longer_scaled(hunk: Hunk) -> Iterator[Effect]:
    """A time was multiplied by its unit, and is handed on as it is: `15 * time.Second`, `time.Duration(every)`."""
    bare = _GO_BARE if has_extension(hunk.path, "go") else _TIMER
    for old, new in paired(hunk):
        was_timed = _TIMER.search(old.code) and _TIMES.search(old.code)
        if was_timed and bare.search(new.code) and not re.search(r"\d", new.code) and not _SAYS_UNIT.search(new.code):
            yield _lost(hunk, old.code, new.code)
            return


def _by_another_option(hunk: Hunk) -> Iterator[Effect]:
    """The same value goes to an option that takes it for seconds, where milliseconds were meant, or the other way."""
    for old, new in paired(hunk):
        before, after = ({value: name.lower() for name, value in _GIVEN.findall(line.code)} for line in (old, new))
        for value, name in after.items():
            units = [n for one in (before.get(value, ""), name) for n, options in enumerate(_OPTIONS) if one in options]
            if len(units) == 2 and units[0] != units[1]:
                yield _lost(hunk, old.code, new.code)
                return


def _lost(hunk: Hunk, old: str, new: str) -> Effect:
    says = f"a quantity is taken in another unit: `{old[:60]}` becomes `{new[:60]}`"
    return Effect("unit_changed", says, hunk.path, tuple(dict.fromkeys(_NAME.findall(new)))[:12], sureness=0.85)
