"""Quantities whose unit changed while the number stayed: seconds for milliseconds, per hour for per minute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ...vocabulary.quantities import settings
from ..code import is_import, is_log_statement, is_telemetry
from ..diff import Hunk, Patch
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
    return [effect for hunk in patch.running if hunk.kind in ("code", "config") for effect in _units(hunk)]


def _units(hunk: Hunk) -> Iterator[Effect]:
    for old, new in paired(hunk):
        if any(is_log_statement(x.code) or is_import(x.code) or is_telemetry(x.code) for x in (old, new)):
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


def _spaced(code: str) -> str:
    """Words of camelCase names apart, so that a unit within a name stands by itself."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code)
