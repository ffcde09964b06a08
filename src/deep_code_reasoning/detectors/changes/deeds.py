"""What a change does, whatever is wrong: whether it alters anything, and what that is known to bring about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .compatibility import capability
from .consequences import consequences
from .diff import parse_diff
from .effect import Effect
from .paths import NEVER_RUNS, file_kind
from .potency import BENIGN, potency
from .trial import Change
from .undiffed import is_idle

# What moves or renames code, tunes in the safe direction or adds what nothing calls has less (see `potency.py`).
_ALTERS: Final = 0.3
# An effect is known for a symptom that follows from it as often as that.
_FOLLOWS: Final = 0.4
# How a mechanism shows, in the words of symptoms; where a mechanism shows as anything, an effect has to name it.
_SHOWS: Final[Mapping[str, frozenset[str]]] = {
    "cache_stampede": frozenset({"cache_miss"}),
    "chatty_calls": frozenset({"fanout"}),
    "connection_pool_exhausted": frozenset({"pool_exhausted", "too_many_connections"}),
    "cpu_saturation": frozenset({"cpu"}),
    "deadlock": frozenset({"deadlock", "lock_wait"}),
    "latency_regression": frozenset({"slow"}),
    "lock_contention": frozenset({"lock_wait"}),
    "lock_lease_expired": frozenset({"lease"}),
    "memory_leak": frozenset({"memory_growth", "handle_leak"}),
    "memory_saturation": frozenset({"memory_step", "oom"}),
    "message_backlog": frozenset({"backlog"}),
    "n_plus_one": frozenset({"fanout"}),
    "race_condition": frozenset({"race"}),
    "retry_storm": frozenset({"retries_up", "traffic_up"}),
    "thread_pool_exhausted": frozenset({"worker_exhausted"}),
    "timeout_budget": frozenset({"timeout", "late_timeout", "cancelled"}),
    "unacknowledged_messages": frozenset({"unacked"}),
    "wrong_result": frozenset({"wrong_result"}),
}


@dataclass(frozen=True, slots=True)
class Deeds:
    """`alters`: whether the system does anything else since; `effects`: what is known of it; `words`: to be told."""

    alters: bool
    effects: tuple[Effect, ...] = ()
    words: str = "its diff is not known"

    def bring(self, mechanism: str, seen: bool = False) -> bool:
        """Whether what it does is known for a mechanism; what is mostly harmless, for one `seen` at work alone."""
        shown = _SHOWS.get(mechanism, frozenset())
        return any(
            can.mechanism == mechanism or any(can.strength(symptom) >= _FOLLOWS for symptom in shown)
            for can in (capability(e.kind) for e in self.effects if seen or not BENIGN.search(e.kind))
        )


def deeds_of(change: Change, known: Sequence[Change]) -> Deeds:
    """Judge a change by its diff in the light of all that are known; one without by what it says of itself."""
    if not change.diff:
        return Deeds(not is_idle(change))
    if change.files and all(file_kind(path) in NEVER_RUNS for path in change.files):
        return Deeds(alters=False)
    patch = parse_diff(change.diff, change.files)
    effects = consequences(change, patch, known)
    power, _ = potency(patch, effects)
    words = "; ".join(dict.fromkeys(effect.summary for effect in effects)) or "nothing tells what that does"
    return Deeds(power >= _ALTERS, effects, words[:200])
