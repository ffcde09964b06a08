"""Rings of locks: each held by one who asks for the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS

# Rings of more are not told from chance in the names of locks; and steps end a search in a crowd.
_MOST_LOCKS: Final = 6
_MAX_STEPS: Final = 50_000
# Whose wait a database ends learns of it at the same time as the one that it lets go on, but for the ways to them.
_SAME_MOMENT_NS: Final = 20 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that holds a lock and asks for another one, from when to when (nanoseconds).

    It ends when it has that, gives up, or lets go of what it holds; `got` says that it had it while it held the first,
    `named` that it holds no row: a statement's lock may be given back at once, if nobody says when a transaction ends.
    """

    service: str
    held: str
    wanted: str
    trace_id: str
    span_id: str
    named: bool
    start_ns: int
    end_ns: int
    got: bool


def rings(asks: Iterable[Ask], together: bool) -> list[tuple[Ask, ...]]:
    """Rings of asks of different requests, each once, by what is first in time.

    Args:
        asks: in any order.
        together: only asks that last at one moment make a ring, the first of which to end ended in vain: nobody in it
            can go on before one lets go. Else all that hold and ask in such an order do, one for each ring of locks:
            they could.
    """
    ordered = sorted(asks, key=lambda ask: (ask.start_ns, ask.end_ns, ask.trace_id, ask.span_id))
    holders: dict[str, list[Ask]] = defaultdict(list)
    for ask in ordered:
        holders[ask.held].append(ask)
    found: dict[tuple[str, ...], tuple[Ask, ...]] = {}
    steps = _Steps(_MAX_STEPS)
    for ask in ordered:
        for ring in _close([ask], holders, together, steps):
            if together and _goes_on(ring):
                continue
            members = sorted(one.trace_id if together else one.held for one in ring)
            found.setdefault(tuple(members), ring)
    return list(found.values())


def _goes_on(ring: Sequence[Ask]) -> bool:
    """Whether one got what it asked for before any other let go: the lock was free to be had."""
    first_ns = min((ask.end_ns for ask in ring if not ask.got), default=None)
    return first_ns is None or any(ask.got and ask.end_ns < first_ns - _SAME_MOMENT_NS for ask in ring)


@dataclass
class _Steps:
    left: int


def _close(
    way: Sequence[Ask], holders: dict[str, list[Ask]], together: bool, steps: _Steps
) -> Iterator[tuple[Ask, ...]]:
    """The rings that a way of asks can be closed to."""
    since, until = max(ask.start_ns for ask in way), min(ask.end_ns for ask in way)
    for ask in holders[way[-1].wanted]:
        if steps.left <= 0:
            return
        steps.left -= 1
        if together and (ask.start_ns >= until or ask.end_ns <= since):
            continue
        if any(ask.trace_id == one.trace_id for one in way):
            continue
        if ask.wanted == way[0].held:
            yield (*way, ask)
        elif len(way) + 1 < _MOST_LOCKS and all(ask.wanted != one.held for one in way):
            yield from _close((*way, ask), holders, together, steps)
