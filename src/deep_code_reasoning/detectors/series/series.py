"""Metric series as lists of values, each with what its name is about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final

from ...domain.citation import Citation, metric_citation
from ...domain.instant import NS_PER_S
from ...domain.wording import duration, figure, size
from ...store import CaseStore, Row
from ...store.counters import RISES_A_RESET
from ..timeline.change_point import median
from ..timeline.machines import prepare_machines
from ..vocabulary.metrics import Meaning, meaning, words_of
from .counted import Answers, Distribution, answers, distributions, names_of

# Points of one series beyond this are thinned to as many medians: steps of minutes stay in view in a day of data.
_MAX_POINTS: Final = 240
_MAX_SERIES: Final = 20_000
_PART: Final = "if(match(name, '(?i)(^|[._])limits?$'), attributes['resource'], '')"


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one instance: times and values in time order. A counter's values are increases per point.

    `events`: of how many requests each value is the mean, the share or the number, where that is known; `source`: the
    metric whose rows tell it, where that is not its name.
    """

    service: str
    instance: str
    name: str
    unit: str
    meaning: Meaning
    times_ns: tuple[int, ...]
    values: tuple[float, ...]
    events: tuple[float, ...] = ()
    source: str = ""

    @property
    def whole(self) -> float:
        """What a share of 1 is in this series: 100 where it is in percent, whether it says so or not."""
        return 100.0 if self.meaning.percent or max(self.values) > 1.5 else 1.0

    @property
    def every_s(self) -> float:
        """Seconds from point to point, the usual pause."""
        return median([b - a for a, b in pairwise(self.times_ns)]) / NS_PER_S if len(self.times_ns) > 1 else 0.0

    def told(self, value: float) -> str:
        """A value as it is spoken of: `515 MB`, `3.2 ms`, `3,830`."""
        words = words_of(self.name)
        rate = self.meaning.ratio or words & {"per", "rate"}
        if self.unit in ("By", "bytes") or (words & {"bytes", "byte"} and not rate):
            return size(value)
        return duration(value) if self.unit == "s" or (words & {"seconds"} and not rate) else figure(value)

    def cite(self, index: int) -> Citation:
        """The point at an index."""
        return metric_citation(self.source or self.name, self.service, self.times_ns[index])

    def sides(self, at_ns: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The values from before a moment, and those since."""
        place = bisect_left(self.times_ns, at_ns)
        return self.values[:place], self.values[place:]


@dataclass(frozen=True, slots=True)
class _Metric:
    """What a metric's name stands for, when it was taken, and the most points of one instance.

    `part`: the resource that it is a limit of, where a label says so (`kube_pod_container_resource_limits`).
    """

    name: str
    part: str
    unit: str
    meaning: Meaning
    first_ns: int
    last_ns: int
    longest: int


def series_of(store: CaseStore, kinds: frozenset[str], max_points: int = _MAX_POINTS) -> list[Series]:
    """All series of a case whose name is about one of `kinds`, thinned to `max_points` each."""
    prepare_machines(store)
    names = names_of(store)
    counted = [series for series in _counted(store, max_points) if series.meaning.kind in kinds]
    # What counts says nothing as it stands, but for what is counted without telling how it ended.
    wanted = [
        metric
        for metric in store.once("metrics", lambda: _metrics(store))
        if metric.meaning.kind in kinds
        and metric.name not in names.distributions
        and not (metric.meaning.kind == "traffic" and metric.name in names.answering)
    ]
    if not wanted:
        return counted[:_MAX_SERIES]
    first_ns = min((metric.first_ns for metric in wanted if metric.longest), default=0)
    span_ns = max(metric.last_ns for metric in wanted) - first_ns
    thin = max(metric.longest for metric in wanted) > max_points
    width_ns = max(1, span_ns // max_points) if thin else 1
    # Several detectors look at the same metrics, mostly alone or together with others: each kind is read once.
    by_kind: dict[str, list[_Metric]] = {}
    for metric in wanted:
        by_kind.setdefault(metric.meaning.kind, []).append(metric)
    found = [
        series
        for kind, metrics in by_kind.items()
        for series in store.once(("series", kind, width_ns), partial(_read_series, store, metrics, width_ns))
    ]
    # As many as one query would give: of a kind no more are read, and of all the first are kept.
    return [*(series for _, series in sorted(found, key=lambda pair: pair[0])), *counted][:_MAX_SERIES]


def _counted(store: CaseStore, max_points: int) -> list[Series]:
    """What distributions and counters of requests say: how long one takes, how many come, and which share failed."""
    return store.once(
        ("counted series", max_points),
        lambda: [
            *map(_of_distribution, distributions(store, max_points)),
            *(series for each in answers(store, max_points) for series in _of_answers(each)),
        ],
    )


def _of_distribution(told: Distribution) -> Series:
    about = replace(meaning(told.metric, told.unit), counter=False)
    return Series(
        told.service, told.instance, told.metric, told.unit, about, told.times_ns, told.means, told.events, told.source
    )


def _of_answers(told: Answers) -> Iterator[Series]:
    about = meaning(told.metric)
    if told.is_served or (told.counts_requests and about.kind == "traffic"):
        traffic = replace(about, kind="traffic", ratio=False, counter=True)
        yield Series(told.service, "", told.name, "", traffic, told.times_ns, told.requests, told.requests, told.source)
    places = [place for place, requests in enumerate(told.requests) if requests > 0]
    for how, failing in told.badly.items():
        if any(failing):
            yield Series(
                told.service,
                "",
                f"{told.metric} {how}",
                "1",
                Meaning("errors", ratio=True, percent=False, limit=False, counter=False, shared=False),
                tuple(told.times_ns[place] for place in places),
                tuple(failing[place] / told.requests[place] for place in places),
                tuple(told.requests[place] for place in places),
                told.source,
            )


def pauses_s(store: CaseStore, kinds: frozenset[str]) -> list[float]:
    """How long it is from point to point, in seconds, a metric of some kinds."""
    prepare_machines(store)
    return [
        (metric.last_ns - metric.first_ns) / (metric.longest - 1) / NS_PER_S
        for metric in store.once("metrics", lambda: _metrics(store))
        if metric.meaning.kind in kinds and metric.longest > 1
    ]


def _metrics(store: CaseStore) -> list[_Metric]:
    rows = store.query(
        """
        SELECT name, part, max(unit) AS unit, max(kind) AS kind, minIf(first_ns, n > 0) AS first_ns,
               max(last_ns) AS last_ns, max(n) AS longest
        FROM (
            SELECT name, {part} AS part, max(unit) AS unit, max(kind) AS kind,
                   minIf(time_ns, time_ns > 0) AS first_ns, max(time_ns) AS last_ns, countIf(time_ns > 0) AS n
            FROM metrics GROUP BY service, instance, name, part
        )
        GROUP BY name, part ORDER BY name, part
        """.replace("{part}", _PART)
    )
    return [
        _Metric(
            row["name"],
            row["part"],
            row["unit"],
            meaning(f"{row['name']} {row['part']}".strip(), row["unit"], row["kind"]),
            int(row["first_ns"]),
            int(row["last_ns"]),
            int(row["longest"]),
        )
        for row in rows
    ]


_Place = tuple[str, str, str, int]
"""By what series are in order: service, instance, name, hash of the labels."""


def _read_series(store: CaseStore, metrics: Sequence[_Metric], width_ns: int) -> list[tuple[_Place, Series]]:
    rows = store.query(
        """
        SELECT service, instance, name, part, labels, max(own) AS own, max(hostless) AS hostless,
               arraySort(groupArray((at, level))) AS points
        FROM (
            SELECT service, instance, name, {part} AS part,
                   cityHash64(mapKeys(attributes), mapValues(attributes)) AS labels,
                   min(time_ns) AS at, quantileExact(0.5)(value) AS level,
                   max(service = host OR (service, host) IN (SELECT machine, host FROM machines)) AS own,
                   max(host = '' AND service != '') AS hostless
            FROM metrics
            WHERE name IN {names:Array(String)} AND isFinite(value) AND time_ns > 0
            GROUP BY service, instance, name, part, labels, intDiv(time_ns, {width:Int64})
        )
        WHERE (name, part) IN arrayZip({names:Array(String)}, {parts:Array(String)})
        GROUP BY service, instance, name, part, labels
        ORDER BY service, instance, name, labels LIMIT {series:UInt32}
        """.replace("{part}", _PART),
        names=[metric.name for metric in metrics],
        parts=[metric.part for metric in metrics],
        width=width_ns,
        series=_MAX_SERIES,
    )
    known = {(metric.name, metric.part): metric for metric in metrics}
    return [
        (
            (row["service"], row["instance"], row["name"], int(row["labels"])),
            _series(row["service"], row["instance"], known[row["name"], row["part"]], row),
        )
        for row in rows
    ]


def _series(service: str, instance: str, metric: _Metric, row: Row) -> Series:
    times = tuple(int(time) for time, _ in row["points"])
    values = tuple(float(value) for _, value in row["points"])
    about = metric.meaning
    if row["own"] or (row["hostless"] and about.kind == "disk"):
        # A machine of its own shares nothing, nor does a disk that is told of a service and of no host.
        about = replace(about, shared=False)
    if about.counter and len(values) > 1 and _is_cumulative(values):
        times, values = times[1:], increases(values)
    return Series(service, instance, metric.name, metric.unit, about, times, values)


def increases(values: Iterable[float]) -> tuple[float, ...]:
    """What a counter added from point to point; after its process started anew it begins at nothing.

    One that goes back by less than half did not start anew, and nothing was added: the kernel's idle times do so now
    and then (proc(5)), and so does a sum when one of many that it is made of ends.
    """
    return tuple(max(0.0, b - a) if 2 * b >= a else b for a, b in pairwise(values))


def _is_cumulative(values: Sequence[float]) -> bool:
    """Whether values only grow, but for a reset now and then; counts of single intervals fall as often as they rise."""
    falls, rises = sum(b < a for a, b in pairwise(values)), sum(b > a for a, b in pairwise(values))
    return RISES_A_RESET * falls <= rises


def requests_ratio(
    served: Sequence[Series], service: str, at_ns: int, within_ns: tuple[int, int] | None = None
) -> float:
    """By which factor the requests to a service rose at a moment, by its metrics; 0 when none tells.

    Args:
        served: series of traffic, of any services.
        service: the one that is asked.
        at_ns: the moment.
        within_ns: from when to when to look; at all times where nothing is said.
    """
    before = after = 0.0
    for series in served:
        if series.service != service:
            continue
        from_ns, to_ns = within_ns or (series.times_ns[0], series.times_ns[-1])
        points = list(zip(series.times_ns, series.values, strict=True))
        earlier = [value for time, value in points if from_ns <= time < at_ns]
        since = [value for time, value in points if at_ns <= time <= to_ns]
        if earlier and since:
            before += median(earlier)
            after += median(since)
    return after / before if before > 0 else 0.0
