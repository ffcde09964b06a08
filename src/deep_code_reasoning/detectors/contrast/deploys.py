"""Slowdowns that nothing dates but the deploy they came with.

Within one recording an onset is what most of the evidence agrees on (`timeline/windows.py`). Where rare calls are
waited for longer, or a few of many kinds of requests are slower, no signal steps by itself. The moments at which
changes went live are few: held against each of them, what requests lose since (`losses.py`) is told from chance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ...domain.window import Window, Windows
from ...store import WENT_LIVE, CaseStore, Row
from .losses import sure_losses

# Means of fewer requests say little; and where a fiftieth more of them fail, that is what is wrong.
_MIN_REQUESTS: Final = 50
_FAILING_MORE: Final = 0.02
# The latest within the recording: of more, some would be right by chance.
_MAX_DEPLOYS: Final = 12


def date_by_deploys(store: CaseStore, windows: Windows) -> Windows:
    """The deploy since which requests surely lose time as the onset; the windows as they are where none is."""
    if windows.changed or not store.count("spans") or not store.count("changes"):
        return windows
    best: tuple[float, int] | None = None
    for at_ns in _deploys_within(store):
        losses = sure_losses(store, at_ns) if are_served(store, at_ns) else []
        if losses and (best is None or losses[0].surely_lost_ms > best[0]):
            best = losses[0].surely_lost_ms, at_ns
    if best is None:
        return windows
    at_ns = best[1]
    return replace(
        windows,
        baseline=Window(windows.baseline.start_ns, at_ns),
        incident=Window(at_ns, windows.incident.end_ns),
        onset_ns=at_ns,
        onset=Window(at_ns, at_ns + 1),
        method="requests lose time since a deploy",
        changed=True,
    )


def are_served(store: CaseStore, since_ns: int) -> bool:
    """Whether there are enough requests before and since a moment, and no more of them fail."""
    row = _requests(store, since_ns)
    return min(int(row["n_before"]), int(row["n_after"])) >= _MIN_REQUESTS and not _fail_more(row)


def fail_more(store: CaseStore, since_ns: int) -> bool:
    """Whether more of the requests fail since a moment."""
    return _fail_more(_requests(store, since_ns))


def _fail_more(requests: Row) -> bool:
    return float(requests["failing_after"]) - float(requests["failing_before"]) >= _FAILING_MORE


def _requests(store: CaseStore, since_ns: int) -> Row:
    rows = store.query(
        "SELECT countIf(start_ns < {since:Int64}) AS n_before, countIf(start_ns >= {since:Int64}) AS n_after, "
        "avgIf(status = 'error', start_ns < {since:Int64}) AS failing_before, "
        "avgIf(status = 'error', start_ns >= {since:Int64}) AS failing_after FROM spans "
        "WHERE parent_span_id = '' AND kind NOT IN ('consumer', 'producer')",
        since=since_ns,
    )
    return rows[0]


def _deploys_within(store: CaseStore) -> list[int]:
    """When deploys and flips of flags took place while requests were recorded, the latest ones."""
    whole = store.time_range("spans")
    if whole is None:
        return []
    rows = store.query(
        "SELECT DISTINCT time_ns FROM changes WHERE kind IN ('deploy', 'flag') "
        f"AND {WENT_LIVE} "
        "AND time_ns > {start:Int64} AND time_ns < {end:Int64} ORDER BY time_ns DESC LIMIT {most:UInt32}",
        start=whole.start_ns,
        end=whole.end_ns,
        most=_MAX_DEPLOYS,
    )
    return sorted(int(row["time_ns"]) for row in rows)
