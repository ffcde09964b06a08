"""More requests than the system is built for, and from outside.

Looks for: a request rate that rose several-fold, before or with the trouble, at a service that fails or that leads to
one that fails, while nobody inside the system explains it.

Why it matters: everything saturates although nothing changed; the remedy is capacity or admission control. The same
rise further in, while the way in is calm, is something else: calls multiplied by a loop, retries or a lost cache.

Stays silent when: the callers' own rates did not rise (then they make more calls a request), the rise came after the
trouble, or nothing fails; or it took hours, as it does each day.

Example finding: `requests to storefront rose from 400 to 3600 a second before it began to fail`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ...domain.graph import ServiceGraph
from ...domain.instant import NS_PER_S
from ...domain.wording import figure
from ..base import Detector, Kind, Scene
from ..series.series import series_of
from ..series.steps import abruptness, find_step
from ..symptoms.front import Front, failing_front, spoken_graph
from ..symptoms.shifts import level_series, shifts
from ..symptoms.symptom import Shift, symptoms_of
from ..symptoms.texts import new_texts
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.services import service_names
from ..vocabulary.metrics import kind_of_shift


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_ratio: daily load varies by less than this; systems are built for twice their usual load or more.
        abrupt: where less than half of a rise happens around its step, it is the drift of a day.
        max_lag_s: a rate may seem to rise a little after the first error, being scraped once a minute or so.
        proven: confidence when the way in is known to have risen.
        likely: confidence when it is not known who calls the service, or how their own rates are.
        min_requests: of so many requests before and since, spans tell whether they suffer: where
        min_failing: no twentieth more of them fails, and
        min_slower: a tenth of them does not take twice as long, they do not (as in `external.request_rate`).
    """

    min_ratio: float = 2.0
    abrupt: float = 0.5
    max_lag_s: float = 120.0
    proven: float = 0.8
    likely: float = 0.5
    min_requests: int = 20
    min_failing: float = 0.05
    min_slower: float = 2.0


def detect(scene: Scene, settings: Settings) -> list[Finding]:
    """Find the service at which the surge came in."""
    if not scene.windows.changed or not _any_rate_rose(scene, settings) or _are_served(scene, settings):
        return []
    moved = shifts(scene)
    risen = [s for s in moved if _is_traffic(s) and s.before > 0 and s.after >= settings.min_ratio * s.before]
    drifting = _drifting(scene, settings) if risen else set()
    risen = [s for s in risen if (s.service, s.name) not in drifting]
    if not risen:
        return []
    symptoms = symptoms_of(new_texts(scene), moved)
    services = service_names(scene.store)
    graph = spoken_graph(scene.graph, symptoms, services)
    front = failing_front(symptoms, graph, services)
    limit = scene.windows.onset_ns + settings.max_lag_s * NS_PER_S
    calm = {service for service, name in level_series(scene) if kind_of_shift(name, True, False) == "traffic_up"} - {
        s.service for s in risen
    }
    candidates = [s for s in risen if s.first_ns <= limit and _leads_to(s.service, front, graph)]
    found = [(_confidence(s, calm, {r.service for r in risen}, graph, settings), s) for s in candidates]
    found = [(confidence, s) for confidence, s in found if confidence]
    if not found:
        return []
    confidence, shift = min(found, key=lambda pair: (-pair[0], pair[1].first_ns, pair[1].service))
    return [
        Finding(
            "external.traffic_surge",
            "traffic_surge",
            front.first or shift.service,
            f"{shift.name} of {shift.service} rose from {figure(shift.before)} to {figure(shift.after)} with the onset",
            severity=0.8,
            confidence=confidence,
            facts={
                "entry": shift.service,
                "before": shift.before,
                "after": shift.after,
                "ratio": round(shift.after / shift.before, 2),
            },
            citations=shift.citations,
            window=scene.windows.incident,
        )
    ]


def _any_rate_rose(scene: Scene, settings: Settings) -> bool:
    """A quick look at the rates alone: `shifts` looks at every metric there is."""
    names = {name for _, name in level_series(scene) if kind_of_shift(name, True, False) == "traffic_up"}
    rows = scene.store.query(
        """
        SELECT quantileExactIf(0.5)(value, time_ns < {onset:Int64}) AS calm,
               quantileExactIf(0.5)(value, time_ns >= {onset:Int64}) AS bad
        FROM metrics WHERE name IN {names:Array(String)} AND isFinite(value) GROUP BY service, name
        HAVING calm > 0 AND bad >= {ratio:Float64} * calm LIMIT 1
        """,
        names=sorted(names),
        onset=scene.windows.onset_ns,
        ratio=settings.min_ratio,
    )
    return bool(names) and bool(rows)


def _are_served(scene: Scene, settings: Settings) -> bool:
    """Whether spans of many requests show that none suffer: more of them are news then, and no trouble."""
    if not scene.store.count("spans"):
        return False
    prepare_linked_spans(scene.store)
    rows = scene.store.query(
        """
        SELECT countIf(early) AS before, countIf(NOT early) AS since,
               avgIf(failed, early) AS failing_before, avgIf(failed, NOT early) AS failing,
               quantileExactIf(0.9)(duration_ns, early) AS slow_before,
               quantileExactIf(0.9)(duration_ns, NOT early) AS slow
        FROM (SELECT *, start_ns < {onset:Int64} AS early FROM linked_spans
              WHERE parent_span_id = '' AND kind NOT IN ('consumer', 'producer'))
        GROUP BY service HAVING before >= {least:UInt32} AND since >= {least:UInt32}
        """,
        onset=scene.windows.onset_ns,
        least=settings.min_requests,
    )
    return bool(rows) and all(
        row["failing"] - row["failing_before"] < settings.min_failing
        and row["slow"] < settings.min_slower * row["slow_before"]
        for row in rows
    )


def _drifting(scene: Scene, settings: Settings) -> set[tuple[str, str]]:
    """Services and names of the rates that rise over hours, as they do each day."""
    return {
        (series.service, series.name)
        for series in series_of(scene.store, frozenset({"traffic"}))
        if (step := find_step(series.values)) is not None and abruptness(series.values, step) < settings.abrupt
    }


def _is_traffic(shift: Shift) -> bool:
    return shift.kind == "traffic_up"


def _leads_to(service: str, front: Front, graph: ServiceGraph) -> bool:
    return (
        service == front.first
        or service in front.victims
        or bool({front.first, *front.victims} & set(graph.downstream(service)))
    )


def _confidence(shift: Shift, calm: set[str], risen: set[str], graph: ServiceGraph, settings: Settings) -> float:
    callers = set(graph.upstream(shift.service))
    if callers & calm:
        return 0.0
    # The way in: nobody calls it and it calls others, or its caller saw the same rise. A service of which no call is
    # known at all may just as well be called by one that went mad.
    if callers & risen or (not callers and graph.callees(shift.service)):
        return settings.proven
    return settings.likely


DETECTOR: Final = Detector(
    "external.traffic_surge",
    (Kind("external.traffic_surge", family="outside"),),
    ("traffic_surge",),
    ("metrics",),
    Settings(),
    detect,
)
