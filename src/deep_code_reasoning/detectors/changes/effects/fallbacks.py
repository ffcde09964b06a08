"""Numbers that were set and are left to a default since, which the same change shows: lower or higher than before.

The default of a Terraform module's variable, of a chart's values, of a parameter, of a variable of the environment:
who takes the explicit value away may not have looked at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...vocabulary.quantities import Setting, settings
from ...vocabulary.words import words
from ..diff import Hunk, Patch
from ..effect import Effect
from .named_numbers import asked_with_default, variable_default
from .settings import changed_number, owned_numbers

_Name = tuple[str, ...]
# Where defaults stand: by the file's name, or by a parameter that has one.
_OF_DEFAULTS: Final = re.compile(
    r"(?i)(^|/)(values|defaults?|variables|base|common|application)[\w.-]*\.\w+$|(^|/)(defaults?|base|common|shared)/"
)
_SIGNATURE: Final = re.compile(
    r"^(?:[\w@]+\s+)*(?:def|fun|function|constructor|init|__init__)\b|^(?:export\s+)?(?:async\s+)?function\b"
)
_PARAMETER: Final = re.compile(r"\b(\w+)\s*(?::\s*[\w.<>?]+\s*)?=\s*(\d[\d_]*(?:\.\d+)?)\b")


def extract(patch: Patch) -> list[Effect]:
    """Settings that a change no longer gives, where it shows what they are by default."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind not in ("config", "code", "image"):
            continue
        before, given = owned_numbers(hunk.before), {_name(owner) for owner in owned_numbers(hunk.after)}
        lost = {_name(owner): placed[0] for owner, placed in before.items() if _name(owner) not in given}
        defaults = _defaults(patch, hunk) if lost else {}
        for name in lost.keys() & defaults.keys():
            old, line, around = lost[name]
            default = defaults[name]
            new = replace(old, value=default.value, dimension=default.dimension or old.dimension)
            if new.value == old.value or new.dimension != old.dimension or _is_moved(name, old, patch):
                continue
            effect = changed_number(hunk, old, new, line, around, 0)
            if effect is not None:
                found.append(effect)
    return sorted(found, key=lambda effect: effect.summary)


def _name(owner: str) -> _Name:
    """A setting's own name in words: `queue.visibilityTimeoutSeconds` and `visibility_timeout_seconds` are the same."""
    return tuple(words(owner.rsplit(".", 1)[-1]))


def _is_moved(name: _Name, old: Setting, patch: Patch) -> bool:
    """Whether another line gives the setting the value that it had."""
    given = (one for line in patch.added for one in settings(line.code) if _name(one.owner) == name)
    return any((one.value, one.dimension) == (old.value, old.dimension) for one in given)


def _defaults(patch: Patch, own: Hunk) -> Mapping[_Name, Setting]:
    """What settings are where nobody gives them, as far as the other lines of a patch show."""
    return {name: setting for hunk in patch.running for name, setting in _shown(hunk, own)}


def _shown(hunk: Hunk, own: Hunk) -> Iterator[tuple[_Name, Setting]]:
    for place, line in enumerate(hunk.after):
        named = asked_with_default(line.code)
        variable = variable_default(hunk.after, place)
        if variable:
            named.append(variable)
        if _SIGNATURE.search(line.code):
            named += [(match[1], match[2]) for match in _PARAMETER.finditer(line.code)]
        elif hunk.path != own.path and _OF_DEFAULTS.search(hunk.path) and not variable:
            yield from ((_name(setting.owner), setting) for setting in settings(line.code))
        for name, number in named:  # read as a setting, its unit is the one that its name says
            yield from ((tuple(words(name)), setting) for setting in settings(f"{name} = {number}"))
