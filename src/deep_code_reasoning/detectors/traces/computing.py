"""Whether requests that take long compute all the while, or wait.

A span says how long, and not of what. The process's own metric of its processor does: one who waits leaves it idle, one
who computes keeps it busy, and all others wait for it. An average over a minute hardly shows that some requests take a
processor for seconds each; but it is high in those minutes in which they are at work, and in no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ...store import CaseStore
from ..series.series import Series, series_of
from ..timeline.change_point import median, probability, rate_contrast
from ..timeline.linked_spans import taken_traces

# A point is busy where the processor is taken for a tenth more than in the middle one of the idle points.
_BUSY: Final = 0.1
# Who computes for less than half of the time waits for something else, or there are processors left.
_MIN_SHARE: Final = 0.5
# Points without such requests, to know what is usual.
_MIN_IDLE: Final = 3
_MIN_PROBABILITY: Final = 0.8


@dataclass(frozen=True, slots=True)
class Computing:
    """What long requests take of a processor: `share` of it in the time that they are at work, by which metric."""

    metric: str
    share: float

    @property
    def told(self) -> str:
        """The sentence of it in a finding's summary."""
        return f"; they take {self.share:.0%} of a processor all the while ({self.metric})"


def computing(store: CaseStore, service: str, longer_than_ns: float) -> Computing | None:
    """What the long requests of a service take of its processor; None where they wait, or where nothing tells.

    `request_times` must be there (`request_times.py`).
    """
    known = [
        series
        for series in series_of(store, frozenset({"cpu"}))
        if series.service == service
        and (series.meaning.ratio or series.unit == "1")  # UCUM: of the whole, or of one processor
        and not (series.meaning.limit or series.meaning.shared or series.meaning.counter)
        and len(series.times_ns) > 1
    ]
    points = [point for series in known for point in _points(store, series, longer_than_ns)]
    idle = [use for use, work in points if not work]
    at_work = [(use, work) for use, work in points if work]
    if len(idle) < _MIN_IDLE or not at_work:
        return None
    usual = median(idle)
    busy = sum(use > usual + _BUSY for use, _ in at_work)
    busy_idle = sum(use > usual + _BUSY for use in idle)
    share = sum(use - usual for use, _ in at_work) / sum(work for _, work in at_work)
    sure = probability(rate_contrast(busy, len(at_work), busy_idle, len(idle)), 1)
    if share < _MIN_SHARE or busy * len(idle) <= busy_idle * len(at_work) or sure < _MIN_PROBABILITY:
        return None
    return Computing(known[0].name, min(1.0, share))


def _points(store: CaseStore, series: Series, longer_than_ns: float) -> Sequence[tuple[float, float]]:
    """By point of a series: the share of the processor in use, and of the time for which long requests were at work."""
    times = series.times_ns
    width = round(median([b - a for a, b in pairwise(times)]))
    rows = store.query(
        """
        WITH long AS (
            SELECT r.start_ns - {first:Int64} AS since, since + r.self_ns AS until
            FROM request_times AS r JOIN spans AS s ON s.trace_id = r.trace_id AND s.span_id = r.span_id
            WHERE r.service = {service:String} AND r.self_ns > {longer:Int64}
              AND (s.instance IN ('', {instance:String}) OR {instance:String} = '')
        )
        SELECT place, sum(least(until, ends) - greatest(since, ends - {width:Int64})) AS work_ns
        FROM (
            SELECT since, until, place * {width:Int64} AS ends,
                   arrayJoin(range(intDiv(greatest(since, 0), {width:Int64}),
                                   least(intDiv(greatest(until, 0), {width:Int64}) + 2, {places:Int64}))) AS place
            FROM long
        )
        WHERE least(until, ends) > greatest(since, ends - {width:Int64}) GROUP BY place ORDER BY place
        """,
        first=times[0],
        width=width,
        places=round((times[-1] - times[0]) / width) + 1,
        service=series.service,
        instance=series.instance,
        longer=round(longer_than_ns),
    )
    work = {int(row["place"]): int(row["work_ns"]) * taken_traces(store) / width for row in rows}
    whole = 100.0 if series.meaning.percent or (series.meaning.ratio and max(series.values) > 1.5) else 1.0
    return [
        (value / whole, min(1.0, work.get(round((time - times[0]) / width), 0.0)))
        for time, value in zip(times, series.values, strict=True)
    ]
