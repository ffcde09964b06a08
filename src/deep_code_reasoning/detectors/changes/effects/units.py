"""Quantities that are taken in another unit than before: seconds for milliseconds, `40MB` that is `40000` now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ...vocabulary.quantities import settings
from ..code import computes_nothing, is_import, is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from ..paths import has_extension
from .pairs import paired

# Words that say in which unit a number is meant, as the standard libraries of common languages spell them.
_UNIT: Final = re.compile(
    r"(?i)(?<![a-z])(?:as_|to_?|from_?|of_?|in_?)?(nano|micro|milli|second|sec|minute|min|hour|day|week|byte|"
    r"kilobyte|megabyte|gigabyte|kib|mib|gib|kb|mb|gb)(?:s|second|seconds|secs)?(?![a-z])"
)
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")
# A name whose number is meant in a unit: `ofMillis(ttl)`, `ttl, TimeUnit.SECONDS`, `ttl * time.Second`, `seconds=ttl`.
_UNIT_WORD: Final = r"(nano|micro|milli|second|sec|minute|min|hour|day)[a-z]*"
_MEANT: Final = (
    re.compile(rf"(?i)\b(?:of|from|to|in|as)_?{_UNIT_WORD}\(\s*(?:\(\w+\)\s*)?\$?([a-z_][\w.]*)\s*\)"),
    re.compile(rf"(?i)(?<![\w.])()\$?([a-z_][\w.]*)\s*,\s*(?:TimeUnit\.|ChronoUnit\.|chrono::)?{_UNIT_WORD}\b"),
    re.compile(rf"(?i)()(?<![\w.])([a-z_][\w.]*)\)?\s*\*\s*time\.{_UNIT_WORD}\b"),
    re.compile(rf"(?i)\b{_UNIT_WORD}\s*[=:]\s*\$?([a-z_][\w.]*)\s*[,)}}]"),
    re.compile(rf"(?i)()\b([a-z_]\w*)\.{_UNIT_WORD}\b(?!\()"),
)
_OF_UNITS: Final = re.compile(
    r"(?i)(?:^|\.)(?:time|timeunit|chrono|chronounit|duration|timespan|datetime|calendar|timedelta)$"
)
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


def extract(patch: Patch) -> list[Effect]:
    """Lines that are the same but for a unit, or that have lost theirs."""
    scaled = any(_TIMES.search(line.code) for line in patch.added)
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind in ("code", "config"):
            found += (*_another_unit(hunk), *_of_names(hunk), *_of_numbers(hunk))
            found += (*_bare(hunk), *_by_another_option(hunk))
            found += () if scaled else _no_longer_scaled(hunk)
    return found


def _another_unit(hunk: Hunk) -> Iterator[Effect]:
    """Lines with a word for another unit, which are the same otherwise."""
    for old, new in paired(hunk):
        if computes_nothing(old.code) or computes_nothing(new.code):
            continue
        if [s.value for s in settings(old.code)] != [s.value for s in settings(new.code)]:
            continue  # a setting whose value is known to go up or down: told by `settings.py`
        before, after = _units(old.code), _units(new.code)
        same_but_for_it = _UNIT.sub("#", _spaced(old.code)) == _UNIT.sub("#", _spaced(new.code))
        if before != after and len(before) == len(after) and same_but_for_it:
            yield _taken_otherwise(hunk, old, new, 0.95)


def _of_names(hunk: Hunk) -> Iterator[Effect]:
    """Names that stay, and whose number is taken for another quantity."""
    old, new = _meant(hunk.removed), _meant(hunk.added)
    for name in sorted(old.keys() & new.keys()):
        if old[name].isdisjoint(new[name]):
            says = f"the number of {name} is taken in {min(new[name])}, which was in {min(old[name])}"
            yield Effect("unit_changed", says, hunk.path, (name,), sureness=0.95)


def _of_numbers(hunk: Hunk) -> Iterator[Effect]:
    """A number of one unit that becomes a name of another, whose own name does not say in which unit it is."""
    for old, new in paired(hunk):
        unit, other = set(_units(old.code)), set(_units(new.code))
        named = _meant([new])
        if len(unit) == len(other) == 1 and unit != other and settings(old.code) and not settings(new.code) and named:
            name = min(named)
            if not _units(name):
                says = f"what was a number in {min(unit)}s is {name}, taken in {min(other)}s"
                yield Effect("unit_changed", says, hunk.path, (name,), sureness=0.6)


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
                yield _taken_otherwise(hunk, old, new)
                return


def _no_longer_scaled(hunk: Hunk) -> Iterator[Effect]:
    """A time was multiplied by its unit, and is handed on as it is: `15 * time.Second`, `time.Duration(every)`."""
    bare = _GO_BARE if has_extension(hunk.path, "go") else _TIMER
    for old, new in paired(hunk):
        was_timed = _TIMER.search(old.code) and _TIMES.search(old.code)
        if was_timed and bare.search(new.code) and not re.search(r"\d", new.code) and not _SAYS_UNIT.search(new.code):
            yield _taken_otherwise(hunk, old, new)
            return


def _by_another_option(hunk: Hunk) -> Iterator[Effect]:
    """The same value goes to an option that takes it for seconds, where milliseconds were meant, or the other way."""
    for old, new in paired(hunk):
        before, after = ({value: name.lower() for name, value in _GIVEN.findall(line.code)} for line in (old, new))
        for value, name in after.items():
            units = [n for one in (before.get(value, ""), name) for n, options in enumerate(_OPTIONS) if one in options]
            if len(units) == 2 and units[0] != units[1]:
                yield _taken_otherwise(hunk, old, new)
                return


def _meant(lines: Sequence[Line]) -> dict[str, set[str]]:
    """In which units lines take the numbers of names."""
    found: dict[str, set[str]] = {}
    for line in lines:
        for form in _MEANT if not (is_log_statement(line.code) or is_import(line.code)) else ():
            for match in form.finditer(line.code):
                unit, name = (match[1] or match[3] if len(match.groups()) == 3 else match[1]), match[2]
                if not _OF_UNITS.search(name):
                    found.setdefault(name.split(".")[-1], set()).add(unit.lower()[:3])
    return found


def _units(code: str) -> list[str]:
    """The units that a line names, in its order."""
    return [match[1].lower() for match in _UNIT.finditer(_spaced(code))]


def _spaced(code: str) -> str:
    """Words of camelCase names apart, so that a unit within a name stands by itself."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code)


def _taken_otherwise(hunk: Hunk, old: Line, new: Line, sureness: float = 0.85) -> Effect:
    says = f"a quantity is taken in another unit: `{old.code[:60]}` becomes `{new.code[:60]}`"
    return Effect(
        "unit_changed", says, hunk.path, tuple(dict.fromkeys(_NAME.findall(new.code)))[:12], sureness=sureness
    )
