"""What is measured that moved: metrics that left their calm range, spans that are slower, fail or multiply."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ...domain.citation import Citation, metric_citation, span_citation
from ..base import Scene, once_a_case
from ..series.counted import names_of
from ..series.readings import Kind, levels, readings
from ..series.steps import levels_evidence, rates_evidence
from ..timeline.linked_spans import prepare_linked_spans
from ..vocabulary.metrics import kind_of_shift
from .calm import calm_until
from .symptom import Shift, without_more_requests

_MAX_SERIES: Final = 5_000
_SLICES: Final = 60
# Odds of a hundred to one, as for every step of a level (`series/level_shift.py`).
_SURE: Final = 4.6
# Of a metric whose kind is not told: what exporters and conventions call that which only ever grows.
COUNTER: Final = "[._](total|count|sum|bucket)$"


@dataclass(frozen=True, slots=True)
class _Series:
    """Levels of a metric in slices of time: when each slice begins, and when its first point was.

    `source` is the metric whose rows tell it; `events` of how many requests each level is the mean or the share, where
    that is known, and which of these, or their number, by `told_as`.
    """

    service: str
    name: str
    source: str
    cumulative: bool
    times: list[int]
    points_ns: list[int]
    values: list[float]
    events: list[float] = field(default_factory=list)
    told_as: Kind = "mean"


@once_a_case
def shifts(scene: Scene) -> tuple[Shift, ...]:
    """Metrics that left their calm range by the end of the data: when they did, and whether they jumped or climbed."""
    found = [shift for series in _metric_series(scene) if (shift := _shift(series, scene)) is not None]
    return (*without_more_requests(found), *_span_shifts(scene), *_sibling_shifts(scene))


def measures(scene: Scene, kind: str) -> bool:
    """Whether any metric's name can speak of a kind of trouble: cheap to ask, where `shifts` looks at every point."""
    return any(kind in {kind_of_shift(name, up, False) for up in (True, False)} for _, name in level_series(scene))


def _speaks(name: str) -> bool:
    return any(kind_of_shift(name, up, False) for up in (True, False))


@once_a_case
def level_series(scene: Scene) -> list[tuple[str, str]]:
    """Service and name of every metric, sorted."""
    rows = scene.store.query(
        "SELECT DISTINCT service, name FROM metrics ORDER BY service, name LIMIT {limit:UInt32}", limit=_MAX_SERIES
    )
    return [(row["service"], row["name"]) for row in rows]


def _metric_series(scene: Scene) -> list[_Series]:
    span = scene.store.time_range("metrics")
    if span is None:
        return []
    width = max(1, (span.end_ns - span.start_ns) // _SLICES)
    rows = scene.store.query(
        """
        SELECT service, name, max(kind) AS kind, groupArray(slice) AS slices, groupArray(at) AS points,
               groupArray(level) AS levels FROM
            (SELECT service, name, max(kind) AS kind, intDiv(time_ns - {start:Int64}, {width:Int64}) AS slice,
                    min(time_ns) AS at, quantileExact(0.5)(value) AS level
             FROM metrics WHERE isFinite(value) AND name IN {names:Array(String)}
             GROUP BY service, name, slice ORDER BY service, name, slice)
        GROUP BY service, name ORDER BY service, name LIMIT {limit:UInt32}
        """,
        names=sorted({name for _, name in level_series(scene) if _speaks(name)} - names_of(scene.store).told),
        start=span.start_ns,
        width=width,
        limit=_MAX_SERIES,
    )
    found = []
    for row in rows:
        times = [span.start_ns + int(number) * width for number in row["slices"]]
        points_ns = [int(point) for point in row["points"]]
        levels = [float(level) for level in row["levels"]]
        name = row["name"]
        found.append(_rates(_Series(row["service"], name, name, row["kind"] == "sum", times, points_ns, levels)))
    return [*found, *_counted_series(scene, span.start_ns, width)]


def _counted_series(scene: Scene, start_ns: int, width: int) -> Iterator[_Series]:
    """How long requests take, how many come and which share fails, by what counts them since a program began."""
    for told in readings(scene.store):
        if _speaks(told.name):
            found = levels(told.points, start_ns, width)
            yield _Series(
                told.service,
                told.name,
                told.source,
                cumulative=False,
                times=[start_ns + level.place * width for level in found],
                points_ns=[level.first_ns for level in found],
                values=[level.value for level in found],
                events=[level.events for level in found],
                told_as=told.kind,
            )


def _rates(series: _Series) -> _Series:
    """A counter that only ever rises tells by its steps, and not by its level."""
    rising = all(b >= a for a, b in zip(series.values, series.values[1:], strict=False))
    if not (series.cumulative or (re.search(COUNTER, series.name) and rising)) or len(series.values) < 3:
        return series
    steps = [max(0.0, b - a) for a, b in zip(series.values, series.values[1:], strict=False)]
    return replace(series, cumulative=True, times=series.times[1:], points_ns=series.points_ns[1:], values=steps)


def _shift(series: _Series, scene: Scene) -> Shift | None:
    onset = scene.windows.onset_ns
    calm_end = calm_until(scene.windows.baseline)
    calm = [v for t, v in zip(series.times, series.values, strict=True) if t < calm_end]
    late = [v for t, v in zip(series.times, series.values, strict=True) if t >= onset]
    if len(calm) < 3 or not late:
        return None
    before = statistics.median(calm[: max(3, len(calm) // 2)])
    middle = statistics.median(calm)
    spread = 1.4826 * statistics.median(abs(v - middle) for v in calm)
    after = max(
        (statistics.median(late), late[-1], max(late) if series.cumulative else late[-1]), key=lambda v: abs(v - before)
    )
    # Six robust deviations, a fifth of the level, and half as far again as it went in the calm: what moves less is
    # noise or of no importance, goes its way all day (a disk that fills), or has a quiet middle and wide swings.
    threshold = max(6 * spread, 0.2 * abs(before), 1.5 * max(abs(v - before) for v in calm), 1e-9)
    ramp = _ramp_start(series, before)
    if ramp is None and abs(after - before) <= threshold:
        return None
    if series.events and not _is_sure(series, calm_end, onset):
        return None
    first = _first_beyond(series, before, threshold, after > before)
    return Shift(series.service, series.name, before, after, first, ramp, _cite(series, first))


def _is_sure(series: _Series, calm_end: int, onset: int) -> bool:
    """Whether so many requests as its levels are made of make a move sure."""
    told = list(zip(series.times, series.values, series.events, strict=True))
    sides = ([(v, n) for t, v, n in told if t < calm_end], [(v, n) for t, v, n in told if t >= onset])
    (before, many), (after, more) = ((sum(v * n for v, n in side), sum(n for _, n in side)) for side in sides)
    if series.told_as == "number":
        return rates_evidence(before, round(many), after, round(more)) >= _SURE
    return levels_evidence((before / many, many), (after / more, more), series.told_as == "share") >= _SURE


def _first_beyond(series: _Series, before: float, threshold: float, up: bool) -> int:
    first = 0
    for time, value in reversed(list(zip(series.times, series.values, strict=True))):
        if (value - before if up else before - value) > threshold:
            first = time
        elif first:
            break
    return first


def _ramp_start(series: _Series, before: float) -> int | None:
    """When a series began to climb, if it climbs: most of the way is made in many small steps upwards."""
    values = series.values
    top = max(values, default=before)
    rise = top - before
    if series.cumulative or len(values) < 10 or rise <= 0.15 * max(abs(before), 1e-9):
        return None
    peak = values.index(top)
    start = max((i for i in range(peak) if values[i] <= before + 0.08 * rise), default=0)
    between = [v for v in values[start : peak + 1] if before + 0.1 * rise < v < before + 0.9 * rise]
    climbs = sum(b > a for a, b in zip(values[start:peak], values[start + 1 : peak + 1], strict=False))
    if len(between) < 5 or peak - start < 6 or climbs < 0.75 * (peak - start):
        return None
    return series.times[start]


def _cite(series: _Series, time_ns: int) -> tuple[Citation, ...]:
    """The first point of the slice that begins at a time: a slice's beginning is a point's time by accident only."""
    if not time_ns:
        return ()
    return (metric_citation(series.source, series.service, series.points_ns[series.times.index(time_ns)]),)


def _span_shifts(scene: Scene) -> list[Shift]:
    rows = scene.store.query(
        """
        SELECT service, countIf(start_ns < {onset:Int64}) AS calm_n, countIf(start_ns >= {onset:Int64}) AS bad_n,
               quantileExactIf(0.95)(duration_ns, start_ns < {onset:Int64}) / 1e6 AS calm_ms,
               quantileExactIf(0.95)(duration_ns, start_ns >= {onset:Int64}) / 1e6 AS bad_ms,
               countIf(status = 'error' AND start_ns < {onset:Int64}) AS calm_errors,
               countIf(status = 'error' AND start_ns >= {onset:Int64}) AS bad_errors
        FROM spans GROUP BY service HAVING calm_n >= 20 AND bad_n >= 20 ORDER BY service
        """,
        onset=scene.windows.onset_ns,
    )
    found = []
    for row in rows:
        if row["bad_ms"] > 2 * row["calm_ms"] and row["bad_ms"] - row["calm_ms"] > 20:
            found.append(
                Shift(
                    row["service"],
                    "span duration p95 ms",
                    float(row["calm_ms"]),
                    float(row["bad_ms"]),
                    scene.windows.onset_ns,
                )
            )
        calm, bad = row["calm_errors"] / row["calm_n"], row["bad_errors"] / row["bad_n"]
        if bad > 0.02 and bad > 3 * calm:
            found.append(Shift(row["service"], "span error ratio", float(calm), float(bad), scene.windows.onset_ns))
    return found


def _sibling_shifts(scene: Scene) -> list[Shift]:
    """Calls of one kind under one parent span: where they multiply, something is called once an item."""
    prepare_linked_spans(scene.store)
    rows = scene.store.query(
        """
        SELECT service, name, quantileExactIf(0.5)(n, at < {onset:Int64}) AS calm,
               quantileExactIf(0.5)(n, at >= {onset:Int64}) AS bad,
               min(if(at >= {onset:Int64}, at, 9223372036854775807)) AS first_ns,
               argMax((trace_id, parent), (n, trace_id, parent)) AS example
        FROM (SELECT trace_id, parent_span_id AS parent, toString(name) AS name, any(parent_service) AS service,
                     count() AS n, min(start_ns) AS at
              FROM linked_spans WHERE has_parent GROUP BY trace_id, parent, name)
        GROUP BY service, name HAVING bad >= 5 AND bad > 2 * calm ORDER BY bad DESC, service, name LIMIT 50
        """,
        onset=scene.windows.onset_ns,
    )
    return [
        Shift(
            row["service"],
            f"calls per span of {row['name']}",
            float(row["calm"] or 0),
            float(row["bad"]),
            int(row["first_ns"]),
            None,
            (span_citation(*row["example"]),),
        )
        for row in rows
    ]
