"""When traces were recorded: at a stretch, before and after a hole, or not at all where only metrics were kept.

Traces are kept for hours, curves for months: of a regression that came with a deploy of last week there are some
traces of then and some of now, or only curves.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ...domain.instant import NS_PER_S
from ...domain.window import Window
from ...store import CaseStore

# A hole of half of the whole time is no quiet hour. Nor is one of a fifth that is so many times as long as the next:
# of n pauses of what comes at some rate, one is with a chance of n^-4. What is silent for less than ten minutes may be
# down.
_MIN_SHARE: Final = 0.5
_SHARP_SHARE: Final = 0.2
_SHARPLY: Final = 5
_MIN_SHARP_NS: Final = 600 * NS_PER_S
# Fewer spans than this on either side are stray time stamps.
_MIN_SPANS: Final = 50
_STEPS: Final = 1000
# Shorter stretches of metrics are the run-up of an incident, which what the system says and measures dates better.
_MIN_CURVES_NS: Final = 24 * 3600 * NS_PER_S


def hole_in_traces(store: CaseStore) -> Window | None:
    """From the last span of a first recording to the first of a second; None when there is one recording."""
    return store.once("hole in traces", lambda: _find_hole(store))


def _find_hole(store: CaseStore) -> Window | None:
    whole = store.time_range("spans")
    if whole is None:
        return None
    width = max(1, (whole.end_ns - whole.start_ns) // _STEPS)
    rows = store.query(
        "SELECT intDiv(start_ns - {first:Int64}, {width:Int64}) AS step, min(start_ns) AS first_ns, "
        "max(start_ns) AS last_ns, count() AS n FROM spans WHERE start_ns > 0 GROUP BY step ORDER BY step",
        first=whole.start_ns,
        width=width,
    )
    holes = [(int(b["first_ns"]) - int(a["last_ns"]), place) for place, (a, b) in enumerate(pairwise(rows), start=1)]
    (next_longest, _), (length, place) = sorted([(0, 0), (0, 0), *holes])[-2:]
    is_sharp = length >= max(_MIN_SHARP_NS, _SHARPLY * next_longest)
    if length < (_SHARP_SHARE if is_sharp else _MIN_SHARE) * (whole.end_ns - whole.start_ns):
        return None
    if min(sum(int(row["n"]) for row in side) for side in (rows[:place], rows[place:])) < _MIN_SPANS:
        return None
    return Window(int(rows[place - 1]["last_ns"]), int(rows[place]["first_ns"]))


def untraced_curves(store: CaseStore) -> Window | None:
    """The day or more of metrics of which neither traces nor logs were kept; None where they are no such history."""
    curves = store.time_range("metrics")
    if curves is None:
        return None
    told = [found for table in ("spans", "logs") if (found := store.time_range(table)) is not None]
    end_ns = min([found.start_ns for found in told], default=curves.end_ns)
    return Window(curves.start_ns, end_ns) if end_ns - curves.start_ns >= _MIN_CURVES_NS else None
