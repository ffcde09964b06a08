"""Slowdowns that traces do not date: they were recorded before and after, or after alone, or not at all.

Traces are kept for hours, curves for months: of a regression that came with a deploy of last week there are some
traces of then and some of now, or only curves. What changed between two recordings is in the traces; when it did is
not: the metrics say it (`level_shift.py`), and where they say nothing it may have been at any moment between.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

from ...domain.instant import NS_PER_S
from ...domain.window import Window, Windows
from ...store import CaseStore
from .level_shift import LevelShift, shift_of_latency

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


def date_by_curves(store: CaseStore, windows: Windows) -> Windows:
    """The onset where traces cannot tell it; the windows as they are where they can, or where no curve shows it."""
    hole = hole_in_traces(store)
    if hole is not None:
        return date_between_recordings(store, windows, hole)
    curves = untraced_curves(store)
    shift = shift_of_latency(store, curves) if curves is not None else None
    return windows_around(windows, shift) if shift is not None else windows


def date_between_recordings(store: CaseStore, windows: Windows, hole: Window) -> Windows:
    """The onset between two recordings: where latencies shifted, else the whole hole."""
    shift = shift_of_latency(store, hole)
    if shift is not None:
        return windows_around(windows, shift)
    return _starting(windows, hole.end_ns, hole, "between two recordings of traces")


def windows_around(windows: Windows, shift: LevelShift) -> Windows:
    """The windows with the moment at which latencies shifted as the onset."""
    dated = _starting(windows, shift.at_ns, shift.bounds, f"latency shifted in {', '.join(shift.services)}")
    return replace(dated, changed=True)


def _starting(windows: Windows, onset_ns: int, onset: Window, method: str) -> Windows:
    return replace(
        windows,
        baseline=Window(windows.baseline.start_ns, onset_ns),
        incident=Window(onset_ns, windows.incident.end_ns),
        onset_ns=onset_ns,
        onset=onset,
        method=method,
    )
