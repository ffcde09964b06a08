"""The onset of an incident and the windows around it."""

from __future__ import annotations

from ...domain.window import Window, Windows
from ...store import CaseStore


def estimate_windows(store: CaseStore, noticed_at_ns: int | None) -> Windows | None:
    """Estimate the onset and set the calm and the bad window; None when nothing in the case has a time."""
    ranges = [found for table in ("spans", "logs", "metrics") if (found := store.time_range(table)) is not None]
    if not ranges:
        return None
    start, end = min(r.start_ns for r in ranges), max(r.end_ns for r in ranges)
    onset = noticed_at_ns if noticed_at_ns is not None else (start + end) // 2
    onset = min(max(onset, start + 1), end - 1)
    return Windows(
        Window(start, onset), Window(onset, end), onset, Window(onset, onset + 1), noticed_at_ns, "halves", False
    )
