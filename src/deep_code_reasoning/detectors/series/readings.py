"""What is counted, read off a service: how long its requests take, how many come, which share of them fails.

The same for symptoms, comparisons and packs, with all label sets and instances of a service together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ...store import CaseStore
from .counted import answers, distributions

# Enough to see a step, a ramp and a sawtooth.
_POINTS: Final = 240
Kind: TypeAlias = Literal["mean", "number", "share"]
Point: TypeAlias = tuple[int, float, float]
"""When it was, of how many events, and what they came to together."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing of one service over time; `source` is the metric whose rows tell it.

    `kind`: the mean of the events, the number of requests, a point each, or a share of them.
    """

    service: str
    name: str
    source: str
    unit: str
    kind: Kind
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """What a stretch comes to: its place in the row of stretches, its first point, its events, and their mean."""

    place: int
    first_ns: int
    events: float
    value: float


def readings(store: CaseStore) -> list[Reading]:
    """All that a case counts, by service and name; what never came to anything is left out."""
    found: dict[tuple[str, str, str, str, Kind], list[Point]] = defaultdict(list)
    for told in distributions(store, _POINTS):
        points = zip(told.times_ns, told.events, told.means, strict=True)
        own = [(at, events, events * mean) for at, events, mean in points]
        found[told.service, told.metric, told.source, told.unit, "mean"] += own
    for each in answers(store, _POINTS):
        if each.counts_requests:
            number = zip(each.times_ns, each.requests, strict=True)
            came = [(at, 1.0, requests) for at, requests in number]
            found[each.service, each.name, each.source, "a point", "number"] += came
        for how, badly in each.badly.items():
            shares = zip(each.times_ns, each.requests, badly, strict=True)
            ended = [(at, requests, failed) for at, requests, failed in shares if requests > 0]
            found[each.service, f"{each.metric} {how}", each.source, "1", "share"] += ended
    return [Reading(*key, tuple(points)) for key, points in sorted(found.items()) if any(total for *_, total in points)]


def levels(points: Iterable[Point], from_ns: int, width_ns: int) -> list[Level]:
    """The levels of the stretches of some width that points lie in, in order of time."""
    stretches: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        stretches[(point[0] - from_ns) // width_ns].append(point)
    return [_level(place, stretches[place]) for place in sorted(stretches)]


def _level(place: int, points: Sequence[Point]) -> Level:
    events = sum(came for _, came, _ in points)
    return Level(place, min(at for at, _, _ in points), events, sum(total for *_, total in points) / events)
