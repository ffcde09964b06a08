"""The order in which things are done, and the loops and schedules by which they are done again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..code import block_after, calls, definition, without_strings
from ..diff import Hunk, Line, normalise
from ..effect import ANY, Effect, each_hunk

_ORDERED: Final = re.compile(
    (
        r"\.use\(|middleware|\b\w*(?:ack|commit|save|store|persist|publish|send|emit|lock|begin|validate|"
        r"authori[sz]e|authenticate|check|verify|guard|charge|delete|flush|migrate|register|"
        r"subscribe|init|start)\w*\s*[(\[]"
    ),
    re.I,
)
# What messages are kept in order by, set to nothing; and how many take them at once.
_ORDER_KEY: Final = re.compile(
    r"(?i)\b(?:partition|ordering|routing|shard|message_?group)_?(?:key|id)\b[\"']?\s*(?::=|[:=])\s*"
    r"(?P<value>[^,;]+)"
)
_NOTHING: Final = re.compile(r"(?i)^(?:null|none|nil|undefined|\"\"|''|\S*(?:random|uuid)\S*)[)}\s]*$")
_AT_ONCE: Final = re.compile(
    r"(?i)\b(?:max_?)?(?:concurren\w*|workers?|threads?|consumers?|parallelism|in_?flight)\b\W{1,4}(?P<value>\d+)\b"
)
_LOOP_LINE: Final = re.compile(r"\b(?:while|until|loop)\b|\bfor\s*\(?[^;]*;[^;]*;|\bfor\s+\w+\s*:?=[^;]*;")
_CRON: Final = re.compile(
    r"""["'`]?((?:(?:[\d*/,\-]{1,120}|[A-Z]{3}(?:-[A-Z]{3})?)\s+){4,5}(?:[\d*/,\-?L#]+|[A-Z]{3}(?:-[A-Z]{3})?))["'`]?\s*,?$"""
)


def _order(hunk: Hunk) -> Iterator[Effect]:
    """Lines on both sides that do something, in another order relative to each other."""
    old, new = (_acting(_in_place(lines)) for lines in (hunk.before, hunk.after))
    common = [key for key in old if key in new]
    if len(common) < 2 or [key for key in new if key in old] == common:
        return
    moved = [key for key, other in zip(common, [k for k in new if k in old], strict=False) if key != other]
    if any(_ORDERED.search(key) for key in moved) and not _locks_less(hunk, moved):
        names = tuple(dict.fromkeys(call.name for key in moved for call in calls(key)))
        yield Effect(
            "order_changed",
            f"does its steps in another order: {', '.join(names[:4]) or moved[0][:60]}",
            hunk.path,
            names,
            sureness=0.85,
        )


def _in_place(lines: Sequence[Line]) -> Sequence[Line]:
    """Lines but for those within functions that stand on one side alone: they moved there, and are called from here."""
    moved = {
        place
        for index, line in enumerate(lines)
        if line.is_changed and definition(line.code)
        for place in block_after(lines, index)
    }
    return [line for place, line in enumerate(lines) if place not in moved]


_LOCKS: Final = re.compile(
    r"(?i)\b(?:(\w+)(?:\.|->))?[\w.]*?\.?(?:r|w|read|write|try)?_?(?:un)?lock(?:\(\)\.\w+)?\s*\("
)


def _locks_less(hunk: Hunk, moved: Sequence[str]) -> bool:
    """Whether only locks moved, later, past lines that are not about what they guard."""
    if not all(_LOCKS.search(key) for key in moved if _ORDERED.search(key)):
        return False
    locks = [match for key in moved if (match := _LOCKS.search(key))]
    owners = {match[1] for match in locks if match[1]} | {"self", "this"}
    place = {
        sign: {normalise(line.code): n for n, line in enumerate(lines)}
        for sign, lines in (("-", hunk.before), ("+", hunk.after))
    }
    first = next(key for key in moved if _LOCKS.search(key))
    passed = [
        key
        for key, n in place["+"].items()
        if key in place["-"] and n < place["+"][first] and place["-"][key] > place["-"][first]
    ]
    return bool(passed) and not any(
        re.search(rf"\b(?:{'|'.join(map(re.escape, owners))})\b|@\w|\$this", key) for key in passed
    )


def _turns(hunk: Hunk) -> Iterator[Effect]:
    """What was done one after the other, and need not be any more: no key keeps it in order, or several work at it."""
    old, new = _values(_ORDER_KEY, hunk.removed), _values(_ORDER_KEY, hunk.added)
    if any(_NOTHING.match(value) for value in new) and any(not _NOTHING.match(value) for value in old):
        yield Effect("turns_given_up", "no key keeps messages in their order any more", hunk.path, sureness=0.9)
        return
    old, new = _values(_AT_ONCE, hunk.removed), _values(_AT_ONCE, hunk.added)
    if old == ["1"] and len(new) == 1 and int(new[0]) > 1:
        says = f"does {new[0]} at once of what it did one by one"
        yield Effect("turns_given_up", says, hunk.path, sureness=0.85)


def _values(pattern: re.Pattern[str], lines: Sequence[Line]) -> list[str]:
    return [match["value"].strip() for line in lines for match in pattern.finditer(line.code)]


_MEMBER: Final = re.compile(r"^([A-Z_][A-Za-z0-9_]*)\b(?:\s+\w+)?(?:\s*=\s*(?:iota|auto\(\)))?\s*,?$")


def _members(hunk: Hunk) -> Iterator[Effect]:
    """Members that are numbered by their place, in another order."""
    sides = [[m[1] for line in lines if (m := _MEMBER.match(line.code))] for lines in (hunk.before, hunk.after)]
    numbered = (
        any(re.search(r"\biota\b|\bauto\(\)|\benum\b", line.code) for line in hunk.before)
        or "enum" in hunk.heading.lower()
    )
    if numbered and len(sides[0]) > 1 and sides[0] != sides[1] and sorted(sides[0]) == sorted(sides[1]):
        yield Effect(
            "members_reordered",
            f"members change places, and so their numbers: {', '.join(sides[1][:6])}",
            hunk.path,
            tuple(sides[1]),
        )


def _acting(lines: Sequence[Line]) -> list[str]:
    keys = [normalise(line.code) for line in lines if re.search(r"\w\s*\(|\w!?\s*$", line.code) and len(line.code) > 6]
    # What stands there twice (returns, closing calls) has no place of its own.
    return [key for key in keys if keys.count(key) == 1]


def _loops(hunk: Hunk) -> Iterator[Effect]:
    old = [line for line in hunk.removed if _LOOP_LINE.search(without_strings(line.code))]
    new = [line for line in hunk.added if _LOOP_LINE.search(without_strings(line.code))]
    if old and new and _ends(old) != _ends(new):
        says = f"`{old[0].code[:60]}` becomes `{new[0].code[:60]}`"
        yield Effect(
            "loop_changed",
            f"the end of a loop changed: {says}",
            hunk.path,
            tuple(call.name for line in new for call in calls(line.code)),
            sureness=0.85,
        )


_SIGNS: Final = re.compile(r"[A-Za-z_]\w*|\d+|[<>]=?|[!=]=+|[+-]{2}|[+-]=")


def _ends(loops: Sequence[Line]) -> set[str]:
    """What loops ask and count, whatever they are written with: keywords, types and brackets aside."""
    signs = {sign for line in loops for sign in _SIGNS.findall(without_strings(line.code))}
    return {
        sign
        for sign in signs
        if not re.match(r"(?:for|while|until|loop|let|var|const|mut|int|long|auto)$|[A-Z][a-z]\w*$", sign)
    }


def _schedules(hunk: Hunk) -> Iterator[Effect]:
    old = [runs for line in hunk.removed if (runs := _runs_a_day(line.code)) is not None]
    new = [runs for line in hunk.added if (runs := _runs_a_day(line.code)) is not None]
    for before, after in zip(old, new, strict=False):
        if before != after:
            direction = "lowered" if after > before else "raised"
            yield Effect(
                f"schedule_{direction}",
                f"runs {after:g} times a day instead of {before:g}",
                hunk.path,
                ("schedule", "cron"),
                before,
                after,
            )


def _runs_a_day(code: str) -> float | None:
    """How often a day a cron expression fires, by its minute and hour fields (POSIX crontab); None when it is none."""
    match = _CRON.search(code)
    if match is None:
        return None
    fields = match[1].split()
    minute, hour = fields[-5], fields[-4]
    return _fires(minute, 60) * _fires(hour, 24)


def _fires(field: str, period: int) -> float:
    total = 0.0
    for part in field.split(","):
        base, _, step = part.partition("/")
        low, _, high = base.partition("-")
        span = period if base == "*" else (int(high) - int(low) + 1 if high.isdecimal() and low.isdecimal() else 1)
        total += max(1.0, span // int(step)) if step.isdecimal() and int(step) else span
    return total


extract: Final = each_hunk(
    {
        _order: "code view config",
        _turns: "code view config",
        _loops: "code view",
        _members: "code view",
        _schedules: ANY,
    }
)
