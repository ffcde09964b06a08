"""What a change does, whatever is wrong in the case: how much it alters, and which mechanisms that can bring about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .compatibility import capability
from .consequences import consequences
from .diff import Patch
from .effect import Effect
from .potency import BENIGN, corrects_spelling, potency
from .traits import SHOWS
from .trial import Change
from .undiffed import is_idle

# What moves or renames code, tunes in the safe direction or adds what nothing calls has less (see `potency.py`).
_ALTERS: Final = 0.3
# An effect is known for a symptom that follows from it as often as that.
_FOLLOWS: Final = 0.4


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a change does.

    Attributes:
        power: how much it alters of what the system does, 0 to 1.
        effects: what is known of it.
        words: the same, to be told.
        why: what there is to say of its power.
    """

    power: float
    effects: tuple[Effect, ...] = ()
    words: str = "its diff is not known"
    why: str = ""

    @property
    def alters(self) -> bool:
        """Whether the system does anything else since."""
        return self.power >= _ALTERS

    def bring(self, mechanism: str, seen: bool = False) -> bool:
        """Whether one of its effects is known to bring about a mechanism.

        What mostly does no harm (`potency.BENIGN`) counts only for a mechanism that was `seen` at work.
        """
        shown = SHOWS.get(mechanism, ())
        return any(
            can.mechanism == mechanism or any(can.strength(symptom) >= _FOLLOWS for symptom in shown)
            for can in (capability(e.kind) for e in self.effects if seen or not BENIGN.search(e.kind))
        )


class History:
    """All changes of a case. What one does is found out once, however often it is tried, and in the light of all."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.changes = tuple(changes)
        self._deeds: dict[Change, Deeds] = {}
        self._last: tuple[Change, Patch] | None = None

    def deeds(self, change: Change) -> Deeds:
        """What a change does by its diff; one without alters something unless it says of itself that it does not."""
        if change not in self._deeds:
            self._deeds[change] = self._look(change)
        return self._deeds[change]

    def patch(self, change: Change) -> Patch:
        """What the diff of a change says. The last one is kept, no more: who asks what it does asks where, next."""
        if self._last is None or self._last[0] is not change:
            self._last = change, change.patch
        return self._last[1]

    def _look(self, change: Change) -> Deeds:
        if change.never_runs or not change.diff:
            return Deeds(0.0 if change.never_runs or is_idle(change) else 1.0)
        patch = self.patch(change)
        if corrects_spelling(change.message, patch):
            return Deeds(0.0, (), "corrects the spelling of a text", "only corrects the spelling of a text")
        effects = consequences(change, patch, self.changes)
        power, why = potency(patch, effects)
        words = "; ".join(dict.fromkeys(effect.summary for effect in effects)) or "nothing tells what that does"
        return Deeds(power, effects, words[:200], why)
