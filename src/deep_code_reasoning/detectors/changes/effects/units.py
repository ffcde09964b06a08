"""Quantities whose unit changed while the number stayed: seconds for milliseconds, per hour for per minute."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ...vocabulary.quantities import settings
from ..code import computes_nothing, is_import, is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .pairs import paired

# Words that say in which unit a number is meant, as the standard libraries of common languages spell them.
_UNIT: Final = re.compile(
    r"(?i)(?<![a-z])(?:as_|to_?|from_?|of_?|in_?)?(nano|micro|milli|second|sec|minute|min|hour|day|week|byte|"
    r"kilobyte|megabyte|gigabyte|kib|mib|gib|kb|mb|gb)(?:s|second|seconds|secs)?(?![a-z])"
)
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")


def extract(patch: Patch) -> list[Effect]:
    """Lines that are the same but for a unit."""
    return [
        effect
        for hunk in patch.running
        if hunk.kind in ("code", "config")
        for effect in (*_units(hunk), *_of_names(hunk), *_of_numbers(hunk))
    ]


def _units(hunk: Hunk) -> Iterator[Effect]:
    for old, new in paired(hunk):
        if computes_nothing(old.code) or computes_nothing(new.code):
            continue
        if [s.value for s in settings(old.code)] != [s.value for s in settings(new.code)]:
            continue  # a setting whose value is known to go up or down: told by `settings.py`
        before, after = ([match[1].lower() for match in _UNIT.finditer(_spaced(line.code))] for line in (old, new))
        same_but_for_it = _UNIT.sub("#", _spaced(old.code)) == _UNIT.sub("#", _spaced(new.code))
        if before != after and len(before) == len(after) and same_but_for_it:
            yield Effect(
                "unit_changed",
                f"a quantity changes its unit: `{old.code[:60]}` becomes `{new.code[:60]}`",
                hunk.path,
                tuple(dict.fromkeys(_NAME.findall(new.code)))[:12],
                sureness=0.95,
            )


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
        unit, other = ({match[1].lower() for match in _UNIT.finditer(_spaced(line.code))} for line in (old, new))
        named = _meant([new])
        if len(unit) == len(other) == 1 and unit != other and settings(old.code) and not settings(new.code) and named:
            name = min(named)
            if not _UNIT.search(_spaced(name)):
                says = f"what was a number in {min(unit)}s is {name}, taken in {min(other)}s"
                yield Effect("unit_changed", says, hunk.path, (name,), sureness=0.6)


def _spaced(code: str) -> str:
    """Words of camelCase names apart, so that a unit within a name stands by itself."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code)
