"""What a verdict tells of symptoms and deploys, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...domain.instant import NS_PER_S
from ...domain.wording import excerpt, stretch
from ..symptoms.symptom import Symptom
from .trial import Rollout, Situation

# Kinds of symptoms whose names are ours, in words.
_SPOKEN: Final[Mapping[str, str]] = {
    "fanout": "more calls per request",
    "slow": "slower requests",
    "slow_outside": "slower calls to the outside",
    "cpu": "a busier processor",
    "gc": "more garbage collection",
    "memory_step": "more memory",
    "traffic_up": "more requests",
    "volume_drop": "fewer requests",
    "retries_up": "more retries",
    "config_missing": "a missing key or setting",
}


def say(symptom: Symptom) -> str:
    """A symptom: its kind, its service, and the first text that says it."""
    text = symptom.texts[0] if symptom.texts else symptom.kind
    kind = _SPOKEN.get(symptom.kind) or symptom.kind.replace("_", " ")
    return f'{kind} on {symptom.service or "the system"} ("{excerpt(text, 120)}")'


def when_deployed(rollout: Rollout | None, situation: Situation) -> tuple[str, ...]:
    """Where and how long before the onset a change went live; nothing for one that no deploy is known of."""
    if rollout is None:
        return ()
    delay_s = (situation.onset_ns - rollout.time_ns) / NS_PER_S
    done = f"let run by the flag {rollout.opened_by}" if rollout.opened_by else "deployed"
    where = f"{done} on {rollout.service}" if rollout.service else done
    halted = ", and stopped half-way" if rollout.halted else ""
    return (
        f"{where} {stretch(delay_s)} before the onset{halted}" if delay_s >= 0 else f"{where} at the onset{halted}",
    )
