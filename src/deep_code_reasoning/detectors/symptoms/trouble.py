"""All that is new and wrong in a scene, who speaks of whom in it, and where it began.

Where it began is asked of what may have: not of machines, which count the calls that come to them (a cache, a database)
and rise and fall with their callers; nor of metrics that jumped before the onset, as they do at every innocent deploy
(what climbs began earlier by its nature); nor of services whose requests are served as before, whatever they use; nor
of those that began to fail when half of the incident was over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.graph import ServiceGraph
from ..base import Scene, once_a_case
from ..series.moved import failing_more, greater, slowed
from ..timeline.services import service_names, traced_services
from ..vocabulary.metrics import counts_work_done
from .calm import FORERUN_NS
from .front import Front, failing_front, is_platform, spoken_graph
from .shifts import COUNTER, shifts
from .symptom import Shift, Symptom, symptoms_of
from .texts import telling_texts

# Only what is named for its host: of `machines` (`timeline/machines.py`) some are services that nobody traces, where
# trouble may well begin.
_MACHINES: Final = "SELECT DISTINCT service FROM metrics WHERE service != '' AND service = host ORDER BY service"
# What spans show of a service whose requests suffer.
_SUFFERS: Final = frozenset({"slow", "errors", "fanout"})
# When levels came to be nearer to what they are since than to what they were. Shifts are dated by slices, which are
# minutes wide where metrics go back for hours. The points of counters are no levels.
_JUMPED: Final = """
SELECT service, name, min(time_ns) AS at_ns FROM metrics
JOIN (
    SELECT s.1 AS service, s.2 AS name, s.3 AS since_ns, s.4 AS middle, s.5 AS up FROM (
        SELECT arrayJoin(arrayZip({services:Array(String)}, {names:Array(String)}, {since:Array(Int64)},
                                  {middles:Array(Float64)}, {up:Array(UInt8)})) AS s
    )
) AS moved USING (service, name)
WHERE kind != 'sum' AND NOT match(name, {counter:String}) AND time_ns >= since_ns AND (value > middle) = up
GROUP BY service, name ORDER BY service, name
"""


@dataclass(frozen=True)
class Trouble:
    """Symptoms, the most specific first; the service graph with calls that are only spoken of; the front.

    `felt` are services that fail nobody as far as they say, and miss what the first to fail was to do for them: their
    requests to it fail, or they get less done than before.
    """

    symptoms: tuple[Symptom, ...]
    graph: ServiceGraph
    front: Front
    felt: tuple[str, ...] = ()


@once_a_case
def trouble(scene: Scene) -> Trouble:
    """What is wrong in a scene."""
    texts, moved = telling_texts(scene), shifts(scene)
    symptoms = symptoms_of(texts, moved)
    before = _jumped_before(scene, moved)
    told = symptoms_of(texts, [shift for shift in moved if (shift.service, shift.name) not in before])
    machines = {row["service"] for row in scene.store.query(_MACHINES)}
    suffering = {symptom.service for symptom in told if symptom.said or symptom.kind in _SUFFERS}
    served = traced_services(scene.store) - suffering
    beginning = [symptom for symptom in told if symptom.service not in machines | served] or list(symptoms)
    services = service_names(scene.store)
    graph = spoken_graph(scene.graph, beginning, services)
    factors = greater(failing_more(scene), slowed(scene))
    middle_ns = (scene.windows.onset_ns + scene.windows.incident.end_ns) // 2
    front = failing_front(beginning, graph, services, factors, middle_ns)
    return Trouble(symptoms, graph, front, _felt(scene, graph, front, symptoms))


# Calls that fail more often than before, of those who call.
_FAILING: Final = """
SELECT service FROM spans WHERE service IN {services:Array(String)}
GROUP BY service
HAVING countIf(status = 'error' AND start_ns >= {onset:Int64}) * countIf(start_ns < {onset:Int64})
     > 3 * countIf(status = 'error' AND start_ns < {onset:Int64}) * countIf(start_ns >= {onset:Int64})
    OR (countIf(start_ns < {onset:Int64}) = 0 AND countIf(status = 'error') > 0)
ORDER BY service
"""


def _felt(scene: Scene, graph: ServiceGraph, front: Front, symptoms: Sequence[Symptom]) -> tuple[str, ...]:
    if not front.first:
        return ()
    known = {*front.failing}
    above = [name for name in graph.upstream(front.first) if name not in known]
    failing = scene.store.query(_FAILING, services=above, onset=scene.windows.onset_ns) if above else []
    # Fewer requests are a want of callers; that less is stored, consumed or completed is a want of what to work on.
    idle = [s.service for s in symptoms if s.kind == "volume_drop" and any(map(counts_work_done, s.texts))]
    felt = {*(row["service"] for row in failing), *idle}
    return tuple(sorted(name for name in felt - known if name and not is_platform(name)))


def _jumped_before(scene: Scene, moved: Sequence[Shift]) -> set[tuple[str, str]]:
    """Services and names of the metrics that jumped before the onset."""
    until_ns = scene.windows.onset.start_ns - FORERUN_NS
    jumps = [shift for shift in moved if shift.ramp_ns is None and shift.first_ns < until_ns]
    if not jumps:
        return set()
    rows = scene.store.query(
        _JUMPED,
        counter=COUNTER,
        services=[jump.service for jump in jumps],
        names=[jump.name for jump in jumps],
        since=[jump.first_ns for jump in jumps],
        middles=[(jump.before + jump.after) / 2 for jump in jumps],
        up=[int(jump.rises) for jump in jumps],
    )
    return {(row["service"], row["name"]) for row in rows if int(row["at_ns"]) < until_ns}
