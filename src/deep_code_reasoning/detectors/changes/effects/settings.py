"""Settings: numbers and switches that a change lowers, raises, flips or takes away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...vocabulary.quantities import TIME_MS, Setting, settings
from ...vocabulary.words import word_set, words
from ..code import is_log_statement, lines_around
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from ..paths import has_extension
from .named_numbers import named_numbers, with_numbers
from .roles import role_at, role_of

_ON: Final = frozenset({"true", "on", "yes", "enabled", "enable", "1"})
_SWITCH: Final = re.compile(
    (
        r"""["']?([A-Za-z_][\w.\-]*)["']?\s*(?::\s*bool(?:ean)?\s*)?(?::=|=>|[:=(,])\s*["']?(true|false|"""
        r"""on|off|yes|no|enabled|disabled)\b["']?"""
    ),
    re.I,
)
_NAME_LINE: Final = re.compile(r"""^-?\s*["']?(?:name|key)["']?\s*:\s*["']?([\w.\-]+)["']?,?$""")
_PARENT_LINE: Final = re.compile(r"""^-?\s*["']?([\w.\-]+)["']?\s*[:=]?\s*[{(]?\s*$""")
_COSMETIC: Final = frozenset(
    "padding margin width height color colour font border radius opacity zindex px rem em line column offset".split()
)


def extract(patch: Patch) -> list[Effect]:
    """Settings whose value went up or down, switches that flipped, limits that were taken away."""
    found: list[Effect] = []
    named = named_numbers(patch)
    for hunk in patch.running:
        if hunk.kind in ("manifest", "image") and not _has_flags(hunk):
            continue
        found += _numbers(hunk, named)
        found += _switches(hunk)
    return [effect for effect in found if not _is_set_elsewhere(effect, patch)]


def _is_set_elsewhere(effect: Effect, patch: Patch) -> bool:
    """Whether what one place no longer sets is set to the same by another: moved to a module, or to who calls."""
    if not effect.kind.endswith("_removed") or effect.old is None:
        return False
    name = effect.subjects[-1]
    return any(
        number.owner.split(".")[-1] == name and (number.value, number.dimension) == (effect.old, effect.dimension)
        for line in patch.added
        if name in line.code
        for number in settings(line.code)
    )


def _has_flags(hunk: Hunk) -> bool:
    return any(re.search(r"-X|--[a-z]", line.code) or line.code.startswith("ENV") for line in hunk.lines)


def _numbers(hunk: Hunk, named: Mapping[str, str]) -> Iterator[Effect]:
    before = owned_numbers(hunk.before)
    after = owned_numbers(hunk.after, named)
    if hunk.kind == "view":
        return
    seen: set[tuple[str, str]] = set()
    for owner, olds in before.items():
        news = after.get(owner, []) or _attempts_by_another_call(owner, before, after)
        for place, ((old, line, around), (new, _, _)) in enumerate(zip(olds, news, strict=False)):
            old, new = (_with_unit(one, other, hunk) for one, other in ((old, new), (new, old)))
            if old.value == new.value or old.dimension != new.dimension:
                continue
            effect = changed_number(hunk, old, new, line, around, place)
            if effect is not None and (effect.kind, effect.summary) not in seen:
                seen.add((effect.kind, effect.summary))
                yield effect
        if not news and owner.split(".")[-1] not in {o.split(".")[-1] for o in after}:
            still = any(re.search(rf"\b{re.escape(owner.split('.')[-1])}\b", line.code) for line in hunk.added)
            yield from (replace(e, sureness=0.3 if still else e.sureness) for e in _dropped(hunk, owner, olds))
    yield from _computed_expiry(before, after, hunk)


def _attempts_by_another_call(owner: str, before: _Owned, after: _Owned) -> list[_Placed]:
    """What took the place of attempts that are set by another name now: `WaitAndRetryAsync(1)`, `RetryAsync(7)`."""
    if role_of(owner) != "retries":
        return []
    others = [other for other in after if other not in before and role_of(other) == "retries"]
    return after[others[0]] if len(others) == 1 else []


def _with_unit(one: Setting, other: Setting, hunk: Hunk) -> Setting:
    """A bare number of code beside one that has a unit of time: in the unit that its language takes it for."""
    if hunk.kind != "code" or one.dimension or other.dimension != "ms":
        return one
    return replace(one, value=one.value * _bare_unit_ms(hunk.path), dimension="ms")


def _bare_unit_ms(path: str) -> float:
    if has_extension(path, "py", "rb", "php"):
        return TIME_MS["s"]
    return TIME_MS["ns"] if has_extension(path, "go") else TIME_MS["ms"]


def changed_number(
    hunk: Hunk, old: Setting, new: Setting, line: Line, around: tuple[str, ...], place: int
) -> Effect | None:
    """What it is for a number of a line, within blocks of some names, to become another one; None for no matter."""
    owner = old.owner
    if _COSMETIC & word_set(owner) and role_of(owner) in ("", "threshold"):
        return None  # `line-height`, but not `LINE_BATCH_SIZE`
    role = role_at(hunk, line, around, place, old)
    direction = "lowered" if new.value < old.value else "raised"
    if not role:
        if re.search(r"\b(return|if|while)\b|[<>]=?", line.code) or not owner:
            return None  # arithmetic: a matter of logic
        role = "constant"
    # A change of a quarter at most is tuning; it seldom breaks what worked.
    known = 1.0 if role != "constant" else 0.6  # a number whose purpose is not known
    sureness = known if not (0.75 <= _ratio(old.value, new.value) <= 1 / 0.75) else 0.5 * known
    if role == "threshold" and not old.dimension and _OF_TEXT & word_set(owner, hunk.path):
        sureness *= 0.2  # how long a text may be takes no time
    if around[:1] == ("requests",):
        sureness *= 0.5  # what a container asks for is reserved; what it is limited to is all that it gets
    return Effect(
        f"{role}_{direction}",
        f"{owner} {direction} from {old.show()} to {new.show()}",
        hunk.path,
        (owner, owner.split(".")[-1]),
        old.value,
        new.value,
        old.dimension,
        sureness,
    )


_OF_TEXT: Final = frozenset("length len chars characters text letters digits name label comment caption".split())


def _dropped(hunk: Hunk, owner: str, olds: list[_Placed]) -> Iterator[Effect]:
    role, (old, line, _) = role_of(owner), olds[0]
    if role == "workers" and "--" in line.code:
        says = f"{owner} ({old.show()}) no longer asked for: the command has its default"
        yield Effect("workers_lowered", says, hunk.path, (owner,), old.value, None, sureness=0.8)
    if role in _MISSED:
        says, subjects = f"{owner} ({old.show()}) taken away", (owner, owner.split(".")[-1])
        yield Effect(f"{role}_removed", says, hunk.path, subjects, old.value, None, old.dimension, 0.7)


# Limits that nothing takes the place of, or a default that is none.
_MISSED: Final = frozenset(
    """timeout idle_time sampling backoff rate_limit retries pool cache_size payload cache_ttl memory breaker
    lease""".split()
)


def _computed_expiry(before: _Owned, after: _Owned, hunk: Hunk) -> Iterator[Effect]:
    """A cache's time to live that was a number and is whatever something says now, which may be none at all."""
    known = [owner for owner, olds in before.items() if _expires(olds[0][1].code) and owner not in after]
    if not known or any(_expires(placed[0][1].code) for placed in after.values()):
        return
    for line in hunk.added:
        if _expires(line.code):
            says = f"{known[0]} ({before[known[0]][0][0].show()}) becomes `{line.code[:80]}`"
            yield Effect("cache_ttl_lowered", says, hunk.path, (known[0], known[0].split(".")[-1]), sureness=0.8)
            return


def _expires(code: str) -> bool:
    return re.search(r"\b(?:ttl|expir\w*|max age|time to live)\b", " ".join(words(code))) is not None


def _ratio(old: float, new: float) -> float:
    return new / old if old else float("inf")


# `300m` of a processor is read as minutes: they are thousandths.
_MS_A_MILLICORE: Final = 60_000.0
_Placed = tuple[Setting, Line, tuple[str, ...]]
_Owned = dict[str, list[_Placed]]


def owned_numbers(side: Sequence[Line], known: Mapping[str, str] | None = None) -> _Owned:
    """Settings of one side's changed lines by owner, with the names of the blocks that they stand in."""
    found: _Owned = {}
    for index, line in enumerate(side):
        if not line.is_changed or is_log_statement(line.code):
            continue
        around = _enclosing(side, index)
        named = _NAME_LINE.match(side[index - 1].code) if index else None
        for setting in settings(with_numbers(line.code, known or {}), around[:1]):
            if setting.dimension == "ms" and role_of(setting.owner) == "cpu":
                setting = replace(setting, value=setting.value / _MS_A_MILLICORE / 1000, dimension="")
            if named and setting.owner.lower() in ("value", "default"):
                setting = replace(setting, owner=named[1])
            found.setdefault(setting.owner, []).append((setting, line, around))
    return found


def _enclosing(side: Sequence[Line], index: int) -> tuple[str, ...]:
    """Names of the blocks around a line, innermost first."""
    codes = (line.code for line in lines_around(side, index))
    return tuple(match[1] if (match := _PARENT_LINE.match(code)) else code for code in codes)


def _switches(hunk: Hunk) -> Iterator[Effect]:
    if hunk.kind == "view":
        return
    old = {m[1]: m[2].lower() for line in hunk.removed for m in _SWITCH.finditer(line.code)}
    before = {m[1] for line in hunk.before for m in _SWITCH.finditer(line.code)}
    for line in hunk.added:
        for match in _SWITCH.finditer(line.code):
            name, new = match[1], match[2].lower()
            unkept = _no_longer_kept(name, new)
            flipped = name in old and (old[name] in _ON) != (new in _ON)
            if flipped or (unkept and name not in before):
                state = "on" if new in _ON else "off"
                kind = "connection_per_call" if unkept else "switch_flipped"
                yield Effect(kind, f"{name} switched {state}", hunk.path, (name, name.split(".")[-1]))


def _no_longer_kept(name: str, value: str) -> bool:
    """Whether a switch says that connections are not kept for the next call."""
    spaced = " ".join(words(name))
    if not re.search(r"\b(?:keep ?alives?|reuse|persistent|pooling)\b", spaced):
        return False
    return (value in _ON) == bool(re.search(r"\b(?:disable|no|without)\b", spaced))
