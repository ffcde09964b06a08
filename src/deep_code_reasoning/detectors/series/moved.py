"""Which services moved, and by how much: the share of requests that fails, and the time that one takes.

Where nobody says who calls whom, that tells who passes a trouble on: callers fail and slow down with those they call,
but by less, since they do other work too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from ..base import Scene
from ..timeline.change_point import median
from .level_shift import without_daily_shape
from .series import Series, series_of

# Below a tenth nobody feels it.
_MIN_FACTOR: Final = 1.1
_MIN_POINTS: Final = 5
# A tenth of the requests: of fewer, the time that the others take says more.
_FAILING_MORE: Final = 0.1
# Points of a week every five minutes, as the date of the shift is found from.
_MAX_POINTS: Final = 2016

Moves = Mapping[str, tuple[float, Series]]
"""The factor of each service that moved, and the series that tells it."""


def greater(one: Moves, other: Moves) -> dict[str, float]:
    """The greater of two factors of each service that moved."""
    return {
        name: max(moves[name][0] for moves in (one, other) if name in moves)
        for name in sorted(one.keys() | other.keys())
    }


def failing_more(scene: Scene) -> Moves:
    """Services of whose requests a tenth more fail since the onset, by how many times as many do, beside that many."""
    found: dict[str, tuple[float, Series]] = {}
    for series in series_of(scene.store, frozenset({"errors"}), _MAX_POINTS):
        if max(series.values, default=0.0) > 1.0:
            continue  # counts, which rise with the requests
        before, after = series.sides(scene.windows.onset_ns)
        if min(len(before), len(after)) >= _MIN_POINTS and median(after) - median(before) >= _FAILING_MORE:
            factor = (median(after) + _FAILING_MORE) / (median(before) + _FAILING_MORE)
            found[series.service] = max(
                found.get(series.service, (0.0, series)), (factor, series), key=lambda one: one[0]
            )
    return found


def slowed(scene: Scene) -> Moves:
    """By which factor each service became slower: that of the middle one of its statistics (mean, quantiles).

    A mean is moved by a few stragglers, and a quantile of two kinds of requests jumps when their shares change; what
    most of them say together is neither.
    """
    found: dict[str, list[tuple[float, Series]]] = defaultdict(list)
    for series in series_of(scene.store, frozenset({"latency"}), _MAX_POINTS):
        flat = without_daily_shape(series)
        before, after = flat.sides(scene.windows.onset_ns)
        if min(len(before), len(after)) >= _MIN_POINTS and median(before) > 0 and median(after) > 0:
            found[series.service].append((median(after) / median(before), flat))
    middle = {name: sorted(each, key=lambda one: one[0])[len(each) // 2] for name, each in found.items()}
    return {name: one for name, one in middle.items() if one[0] >= _MIN_FACTOR}
