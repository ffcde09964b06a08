"""Settings that moved to another place of the patch, and have another value there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ...vocabulary.quantities import Setting, settings, show_quantity
from ...vocabulary.words import words
from ..code import is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .roles import role_of

# What names of many things say: that two are called so does not make them one.
_ANY: Final = frozenset({"", "threshold"})


def extract(patch: Patch) -> list[Effect]:
    """Numbers of one purpose and name that are gone from one hunk and stand in another otherwise."""
    hunks = [hunk for hunk in patch.running if hunk.kind in ("code", "config")]
    come = [(hunk, _named(hunk.added)) for hunk in hunks]
    return [effect for hunk in hunks for effect in _moved(hunk, _named(hunk.removed), come)]


def _moved(hunk: Hunk, olds: dict[str, Setting], come: list[tuple[Hunk, dict[str, Setting]]]) -> Iterator[Effect]:
    here = next(news for other, news in come if other is hunk)
    for name, old in olds.items():
        elsewhere = [(other, news[name]) for other, news in come if other is not hunk and name in news]
        if name in here or len(elsewhere) != 1:
            continue
        other, new = elsewhere[0]
        role = role_of(old.owner)
        if role in _ANY or old.dimension != new.dimension or old.value == new.value:
            continue
        values = " to ".join(show_quantity(one.value, one.dimension) for one in (old, new))
        direction = "lowered" if new.value < old.value else "raised"
        says = f"{new.owner} {direction} from {values} as it moved"
        yield Effect(
            f"{role}_{direction}", says, other.path, (new.owner, old.owner), old.value, new.value, old.dimension, 0.8
        )


def _named(lines: Sequence[Line]) -> dict[str, Setting]:
    """Settings of one side's changed lines by the words of their names, those that stand there once."""
    found: dict[str, list[Setting]] = {}
    for line in lines:
        for setting in settings(line.code) if not is_log_statement(line.code) else ():
            found.setdefault(" ".join(words(setting.owner.split(".")[-1])), []).append(setting)
    return {name: ones[0] for name, ones in found.items() if len(ones) == 1 and name}
