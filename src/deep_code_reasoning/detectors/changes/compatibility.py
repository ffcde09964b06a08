"""Which effect of a change can produce which symptom, and how strongly the one speaks for the other.

The tables (`settings_table.py`, `code_table.py`) are general knowledge of how software fails, not of any system: 1.0
where the symptom is the usual and direct outcome of the effect; 0.6 to 0.9 where it often follows; below 0.4 where it
may, but mostly has other reasons. What is not listed cannot be produced by the effect.

Written as `effect: mechanism`, and below it `symptom strength`, with `by mechanism` where that symptom comes by
another.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .code_table import CODE
from .settings_table import SETTINGS


@dataclass(frozen=True, slots=True)
class Capability:
    """What an effect can do: symptoms with strengths, and the mechanism by which."""

    mechanism: str
    symptoms: Mapping[str, float]
    mechanisms: Mapping[str, str]

    def strength(self, symptom: str) -> float:
        """How strongly the symptom speaks for the effect, 0 when it cannot come from it."""
        return self.symptoms.get(symptom, 0.0)

    def mechanism_for(self, symptom: str) -> str:
        """By which mechanism the effect produces the symptom."""
        return self.mechanisms.get(symptom, self.mechanism)


_NOTHING: Final = Capability("", {}, {})


def capability(effect: str) -> Capability:
    """What an effect can do; nothing for one that the tables do not know."""
    return capabilities().get(effect, _NOTHING)


@functools.cache
def capabilities() -> Mapping[str, Capability]:
    """Both tables: what each effect can do."""
    table: dict[str, Capability] = {}
    effect = mechanism = ""
    strengths: dict[str, float] = {}
    others: dict[str, str] = {}
    for line in (*SETTINGS.splitlines(), *CODE.splitlines(), "end: end"):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if effect:
                table[effect] = Capability(mechanism, strengths, others)
            effect, mechanism = line.split(": ")
            strengths, others = {}, {}
            continue
        for entry in line.strip().rstrip(",").split(", "):
            symptom, strength, *by = entry.split()
            strengths[symptom] = float(strength)
            if by:
                others[symptom] = by[1]
    return table
