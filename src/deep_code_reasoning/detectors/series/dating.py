"""Slowdowns that traces do not date: they were recorded before and after, or after alone, or not at all.

What changed between two recordings (`timeline/recordings.py`) is in the traces; when it did is not: the metrics say it
(`level_shift.py`), and where they say nothing it may have been at any moment between.
"""

from __future__ import annotations

from dataclasses import replace

from ...domain.window import Window, Windows
from ...store import CaseStore
from ..timeline.recordings import hole_in_traces, untraced_curves
from .level_shift import LevelShift, shift_of_latency


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
