"""Traces that were recorded twice: a stretch of before, one of after, and nothing in between.

Traces are kept for hours, curves for months: of a regression that came with a deploy of last week there are some
traces of then and some of now. What changed between the two is in the traces; when it did is not: the metrics say it
(`level_shift.py`), and where they say nothing it may have been at any moment between.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

from ...domain.window import Window, Windows
from ...store import CaseStore
from .level_shift import shift_of_latency

# A hole of half of the whole time is no quiet hour.
_MIN_SHARE: Final = 0.5
# Fewer spans than this on either side are stray time stamps.
_MIN_SPANS: Final = 50
_STEPS: Final = 1000


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
    length, place = max(holes, default=(0, 0))
    if length < _MIN_SHARE * (whole.end_ns - whole.start_ns):
        return None
    if min(sum(int(row["n"]) for row in side) for side in (rows[:place], rows[place:])) < _MIN_SPANS:
        return None
    return Window(int(rows[place - 1]["last_ns"]), int(rows[place]["first_ns"]))


def date_between_recordings(store: CaseStore, windows: Windows, hole: Window) -> Windows:
    """The onset between two recordings: where latencies shifted, else the whole hole."""
    shift = shift_of_latency(store, hole)
    onset_ns, onset = (shift.at_ns, shift.bounds) if shift else (hole.end_ns, hole)
    method = f"latency shifted in {', '.join(shift.services)}" if shift else "between two recordings of traces"
    return replace(
        windows,
        baseline=Window(windows.baseline.start_ns, onset_ns),
        incident=Window(onset_ns, windows.incident.end_ns),
        onset_ns=onset_ns,
        onset=onset,
        method=method,
        changed=windows.changed or shift is not None,
    )
