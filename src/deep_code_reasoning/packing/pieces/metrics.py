"""Metrics as compact series: the level calm and bad, and medians over time that no single spike can move."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from ...detectors.series.counted import names_of
from ...detectors.series.readings import Point, levels, readings
from ...detectors.timeline.change_point import median
from ...domain.citation import metric_citation
from ...domain.window import Window
from ...store import Row
from ..draft import Draft, Line
from ..subject import Subject
from .wording import moment, number

# Medians shown of each stretch: enough to see a step, a ramp and a sawtooth.
_BUCKETS: Final = 8
_MAX_SERIES: Final = 600


def drafts(subject: Subject) -> Iterator[Draft]:
    """The suspects' series, the others', and those of the services that are asked about."""
    if not subject.store.count("metrics"):
        return
    rows = series(subject)
    suspects = subject.suspects[:3]
    near = [row for row in rows if row["service"] in suspects]
    far = [row for row in rows if row["service"] not in suspects]
    for key, title, own, value in (
        ("metric/suspects", "Metrics of the suspected services", near, 1.0),
        ("metric/others", "Metrics of the other services that moved the most", far, 0.5),
    ):
        draft = _draft(key, title, own, subject, value)
        if draft.lines:
            yield draft
    for service in subject.asked_services:
        own = [row for row in rows if row["service"] == service]
        draft = _draft(f"metric/asked/{service}", f"Metrics of {service}", own, subject, 0.9, asked=True)
        if draft.lines:
            yield draft


def series(subject: Subject) -> list[Row]:
    """A row a series (service and name; instances together): levels, peak, and medians over both stretches."""
    calm = _calm(subject)
    rows = subject.store.query(
        """
        SELECT service, name, name AS source, max(unit) AS unit, max(counter) AS counter, sum(points) AS points,
               medianIf(middle, calm) AS calm_level, medianIf(middle, NOT calm) AS bad_level,
               quantileIf(0.25)(middle, calm) AS calm_low, quantileIf(0.75)(middle, calm) AS calm_high,
               max(NOT calm) AS has_bad, max(calm) AS has_calm,
               argMaxIf((peak_ns, peak), (peak, -peak_ns), NOT calm) AS peak_of_bad,
               argMaxIf((peak_ns, peak), (peak, -peak_ns), calm) AS peak_of_calm,
               arraySort(groupArray((calm = 0, bucket, middle))) AS buckets
        FROM (
            SELECT service, name, max(unit) AS unit, max(kind = 'sum') AS counter, count() AS points,
                   time_ns < {calm_to:Int64} AND time_ns >= {calm_from:Int64} AS calm,
                   if(calm, intDiv(time_ns - {calm_from:Int64}, {calm_width:Int64}),
                            intDiv(time_ns - {bad_from:Int64}, {bad_width:Int64})) AS bucket,
                   medianExact(value) AS middle, max(value) AS peak, argMin(time_ns, (-value, time_ns)) AS peak_ns
            FROM metrics
            WHERE isFinite(value) AND name NOT IN {told:Array(String)}
                  AND ((time_ns >= {calm_from:Int64} AND time_ns < {calm_to:Int64})
                                       OR (time_ns >= {bad_from:Int64} AND time_ns < {bad_to:Int64}))
            GROUP BY service, name, calm, bucket
        )
        GROUP BY service, name ORDER BY service, name
        """,
        **{**subject.bounds, "calm_from": calm.start_ns},
        told=sorted(names_of(subject.store).told),
        calm_width=_width(calm),
        bad_width=_width(subject.bad),
    )
    return [*rows, *_counted(subject, calm)]


def _counted(subject: Subject, calm: Window) -> Iterator[Row]:
    """Rows as those of `series`, of what is counted since a program began: what one comes to, how many, which share."""
    for told in readings(subject.store):
        good, bad = (
            [point for point in told.points if window.start_ns <= point[0] < window.end_ns]
            for window in (calm, subject.bad)
        )
        if not good and not bad:
            continue
        before = [(0, level.place, level.value) for level in levels(good, calm.start_ns, _width(calm))]
        since = [(1, level.place, level.value) for level in levels(bad, subject.bad.start_ns, _width(subject.bad))]
        calm_levels = sorted(value for *_, value in before)
        yield {
            "service": told.service,
            "name": told.name,
            "source": told.source,
            "unit": told.unit,
            "counter": 0,
            "points": len(told.points),
            "calm_level": median(calm_levels) if good else None,
            "bad_level": median([value for *_, value in since]) if bad else None,
            "calm_low": calm_levels[len(calm_levels) // 4] if good else None,
            "calm_high": calm_levels[3 * len(calm_levels) // 4] if good else None,
            "has_bad": bool(bad),
            "has_calm": bool(good),
            "peak_of_bad": _peak(bad),
            "peak_of_calm": _peak(good),
            "buckets": [*before, *since],
        }


def _peak(points: Sequence[Point]) -> tuple[int, float]:
    peaks = ((at, total / events) for at, events, total in points)
    return max(peaks, key=lambda peak: (peak[1], -peak[0]), default=(0, 0.0))


def _calm(subject: Subject) -> Window:
    """The calm stretch from the first metric on: points come once a minute, and one day says more than two minutes."""
    measured = subject.store.time_range("metrics")
    calm = subject.calm
    if measured is None or calm.end_ns <= calm.start_ns:
        return calm
    return Window(min(calm.start_ns, measured.start_ns), calm.end_ns)


def _width(window: Window) -> int:
    return max(1, -(-(window.end_ns - window.start_ns) // _BUCKETS))


def _draft(key: str, title: str, rows: Sequence[Row], subject: Subject, value: float, asked: bool = False) -> Draft:
    weighed = sorted(((_weight(row, subject), row) for row in rows), key=lambda item: -item[0])
    lines = tuple(_line(row, weight) for weight, row in weighed[: subject.many(_MAX_SERIES)])
    head = (
        "A line is a metric of a service: level calm -> bad (medians), medians over the calm | the bad stretch in "
        "order of time, and its highest point, cited. Counters are as recorded: they only grow. Of distributions and "
        "of requests by how they were answered (5xx, 4xx: shares) it is what came since the point before."
    )
    return Draft(key, title, lines, head, "metrics", value, asked)


def _line(row: Row, weight: float) -> Line:
    peak_ns, peak = row["peak_of_bad"] if row["has_bad"] else row["peak_of_calm"]
    cited = metric_citation(row["source"], row["service"], int(peak_ns))
    levels = f"{_level(row['calm_level'])} -> {_level(row['bad_level'])}"
    calm = " ".join(number(middle) for bad, _, middle in row["buckets"] if not bad)
    bad = " ".join(number(middle) for is_bad, _, middle in row["buckets"] if is_bad)
    unit = f" {row['unit']}" if row["unit"] else ""
    counter = " counter" if row["counter"] else ""
    text = (
        f"{row['service']} {row['name']}{unit}{counter}: {levels}; {calm} | {bad}; "
        f"peak {number(peak)} at {moment(int(peak_ns))} [{cited}]"
    )
    return Line(text, (cited,), weight)


def _level(value: float | None) -> str:
    return "none" if value is None else number(value)


def _weight(row: Row, subject: Subject) -> float:
    """How far a series moved, in widths of its calm middle half; more where its service or name is spoken of."""
    calm, bad = row["calm_level"], row["bad_level"]
    if calm is None or bad is None:
        moved = 1.0
    else:
        spread = max(row["calm_high"] - row["calm_low"], 0.05 * abs(calm), 1e-9)
        moved = abs(bad - calm) / spread
    peak = row["peak_of_bad"][1] if row["has_bad"] else 0.0
    if calm is not None and row["has_bad"]:
        spread = max(row["calm_high"] - row["calm_low"], 0.05 * abs(calm), 1e-9)
        moved = max(moved, 0.5 * abs(peak - calm) / spread)
    named = {f.resource for f in subject.investigation.findings} | {c.resource for c in subject.investigation.causes}
    suspicion = {service: 2.0 / (1 + n) for n, service in enumerate(subject.suspects[:5])}.get(row["service"], 0.0)
    return 0.1 + math.log1p(min(moved, 1e6)) / 3 + (2.0 if row["name"] in named else 0.0) + suspicion
