"""Deadlocks that were seen: rings of requests, and who stands in line behind them.

Who waits for a lock waits for its holder, and for whatever that one waits for. At the end of such a way is someone who
works, and then the lock is contended; or a ring, and then all who stand behind it wait for the same deadlock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ...store import CaseStore
from ..timeline.change_point import OutcomeChange, outcome_change
from ..timeline.time_steps import time_steps
from .asks import Wait, find_asks, find_waits, prepare_asks
from .reports import requests_told
from .rings import Ask, rings

# A wait is a deadlock's where one holds the lock for so much of it.
_MOSTLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Deadlocks:
    """The deadlocks in which the same services hold locks.

    Attributes:
        service: of these, the one whose request was the first to ask for what it did not get.
        rings: each once.
        waits: long waits in these rings and behind them.
        share: these waits' part of the time of all long waits in the same services.
        stuck: the part of the service's requests that wait so, at any time.
        change: since when they do; None when they always did.
    """

    service: str
    rings: tuple[tuple[Ask, ...], ...]
    waits: tuple[Wait, ...]
    share: float
    stuck: float
    change: OutcomeChange | None

    @property
    def services(self) -> frozenset[str]:
        """Whose requests wait."""
        return frozenset(wait.service for wait in self.waits)

    @property
    def requests(self) -> int:
        """How many wait in a ring or behind it."""
        traces = {ask.trace_id for ring in self.rings for ask in ring}
        return len(traces | {wait.trace_id for wait in self.waits})


def deadlocks(store: CaseStore) -> tuple[Deadlocks, ...]:
    """What deadlocks were seen, by the services in them; found once a case."""
    return store.once("deadlocks", lambda: _find_deadlocks(store))


def _find_deadlocks(store: CaseStore) -> tuple[Deadlocks, ...]:
    if not prepare_asks(store):
        return ()
    asks = find_asks(store)
    caught: dict[tuple[str, ...], list[tuple[Ask, ...]]] = defaultdict(list)
    for ring in rings(asks, together=True):
        caught[tuple(sorted({ask.service for ask in ring}))].append(ring)
    waits = find_waits(store) if caught else []
    return tuple(_seen_in(store, known, asks, waits) for _, known in sorted(caught.items()))


def _seen_in(
    store: CaseStore, known: Sequence[tuple[Ask, ...]], asks: Sequence[Ask], waits: Sequence[Wait]
) -> Deadlocks:
    service = known[0][0].service
    holding: dict[str, list[Ask]] = defaultdict(list)
    for ask in stuck_behind(known, asks):
        holding[ask.held].append(ask)
    behind = tuple(
        wait for wait in waits if _time_behind(wait, holding[wait.key]) >= _MOSTLY * (wait.end_ns - wait.start_ns)
    )
    services = {wait.service for wait in behind}
    total_ns = sum(wait.end_ns - wait.start_ns for wait in waits if wait.service in services)
    behind_ns = sum(wait.end_ns - wait.start_ns for wait in behind)
    steps = time_steps(store, "spans", count=64)
    begun: dict[str, int] = {}
    everyone: list[Ask | Wait] = [*(ask for ring in known for ask in ring), *behind]
    for one in everyone:
        begun[one.trace_id] = min(one.start_ns, begun.get(one.trace_id, one.start_ns))
    failures, trials = requests_told(store, steps, service, [steps.of(at) for at in begun.values()], [])
    return Deadlocks(
        service,
        tuple(known),
        behind,
        share=behind_ns / total_ns if total_ns else 1.0,
        stuck=sum(failures) / max(1, sum(trials)),
        change=outcome_change(failures, trials),
    )


def stuck_behind(known: Iterable[Sequence[Ask]], asks: Sequence[Ask]) -> list[Ask]:
    """The asks of the rings, and all that ask for what one who is stuck holds at that time."""
    by_wanted: dict[str, list[Ask]] = defaultdict(list)
    for ask in asks:
        by_wanted[ask.wanted].append(ask)
    stuck = list(dict.fromkeys(ask for ring in known for ask in ring))
    seen = set(stuck)
    for one in stuck:  # grows on the way
        for ask in by_wanted[one.held]:
            if ask not in seen and ask.start_ns < one.end_ns and ask.end_ns > one.start_ns:
                seen.add(ask)
                stuck.append(ask)
    return stuck


def _time_behind(wait: Wait, holding: Sequence[Ask]) -> int:
    """For how much of a wait one of those who are stuck holding the lock does hold it."""
    return sum(
        max(0, min(wait.end_ns, ask.end_ns) - max(wait.start_ns, ask.start_ns))
        for ask in holding
        if ask.trace_id != wait.trace_id
    )
