"""A component without traces that is down: a database, a cache, a broker, as its callers and its gauges tell it.

Looks for: new errors of services in which one component that they name refuses them or is not reached, and which go
on; where several services say so of it, or it is measured to be down itself.

Why it matters: spans need not tell whom a call went to, and who is down writes nothing. Then there are only its
callers' errors, each of which looks like a fault of who logs it.

Stays silent when: the component serves requests of which there are spans (`traces/unreachable.py`); one service alone
is refused, and nothing says that the component is down: it may ask at the wrong door; its gauge says that it is up; or
it is reached again.

Example finding: `orders-db is down since 10:23:04: cart, orders are refused by it, and pg_up fell to 0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import metric_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import excerpt
from ...store import Row
from ..base import Detector, Kind, Scene
from ..symptoms.symptom import Text
from ..symptoms.texts import telling_texts
from ..timeline.machines import prepare_machines
from ..timeline.names import mentions
from ..timeline.services import running_services, traced_services

# Nobody listens there, or who did is gone: the words of kernels, drivers and databases.
_GONE: Final = (
    r"(?i)refused|no route to host|host (is )?unreachable|(failed|unable) to connect|could(n.t| not) connect"
    r"|terminating connection|shutting down|starting up"
)
# Gauges that are 1 where all is well, by the conventions of Prometheus's exporters.
_HEALTH: Final = r"(?i)(^|[._])(up|alive|healthy|reachable)$"


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_callers: so many services that are refused do not all ask at the wrong door.
        lasting: who is refused no more in the last part of the incident has it behind it.
        sure: confidence where its callers and its own gauge agree;
        likely: and where only one of the two tells.
    """

    min_callers: int = 2
    lasting: float = 0.25
    sure: float = 0.93
    likely: float = 0.85


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find components that are down, those that most services say so of first."""
    if not scene.windows.changed:
        return []
    components = sorted(running_services(scene.store) - traced_services(scene.store))
    refused: dict[str, list[Text]] = {}
    for text in telling_texts(scene):
        if text.service not in components and re.search(_GONE, text.text):
            for name in mentions(text.text, components, text.service):
                refused.setdefault(name, []).append(text)
    found = []
    for name, texts in sorted(refused.items()):
        callers, gauges = _callers(scene, name, texts), _gauges(scene, name)
        down = next((gauge for gauge in gauges if gauge["down"]), None)
        believed = down is not None or (len(callers) >= settings.min_callers and not gauges)
        if believed and _lasts(scene, name, settings):
            found.append(_finding(scene, name, texts, callers, down, settings))
    return sorted(found, key=lambda f: (-f.confidence, -len(f.texts("services")), f.service))


def _callers(scene: Scene, name: str, texts: Iterable[Text]) -> list[str]:
    """Who calls a component itself: the others pass on what these say, and name them too."""
    others = [service for service in scene.graph.services if service != name]
    return sorted({text.service for text in texts if not mentions(text.text, others, text.service)})


def _gauges(scene: Scene, name: str) -> list[Row]:
    """The gauges by which a component was up before, and whether each says that it is down now, and since when."""
    prepare_machines(scene.store)
    return scene.store.query(
        """
        SELECT name, toString(service) AS service, countIf(time_ns >= {onset:Int64} AND value = 0) AS zeros,
               minIf(time_ns, time_ns >= {onset:Int64} AND value = 0) AS down_ns,
               2 * zeros > countIf(time_ns >= {onset:Int64}) AS down
        FROM metrics
        WHERE match(name, {health:String})
          AND (service = {component:String} OR has(mapValues(attributes), {component:String})
               OR host IN (SELECT host FROM machines WHERE machine = {component:String}))
        GROUP BY name, service, instance, attributes
        HAVING countIf(time_ns < {onset:Int64}) > 0 AND countIf(time_ns < {onset:Int64} AND value != 1) = 0
        ORDER BY down DESC, down_ns, name, service
        """,
        onset=scene.windows.onset.start_ns,
        health=_HEALTH,
        component=name,
    )


def _lasts(scene: Scene, name: str, settings: Settings) -> bool:
    """Whether a component is still not reached in the last part of the incident."""
    incident = scene.windows.incident
    since_ns = incident.end_ns - round(settings.lasting * (incident.end_ns - incident.start_ns))
    row = scene.store.query(
        """
        SELECT (SELECT count() FROM logs WHERE time_ns >= {since:Int64} AND severity IN ('warn', 'error', 'fatal', '')
                AND position(body, {name:String}) > 0 AND match(body, {gone:String}))
             + (SELECT count() FROM spans WHERE start_ns >= {since:Int64} AND status = 'error'
                AND position(status_message, {name:String}) > 0 AND match(status_message, {gone:String})) AS n
        """,
        since=since_ns,
        name=name,
        gone=_GONE,
    )[0]
    return int(row["n"]) > 0


def _finding(
    scene: Scene,
    name: str,
    texts: Sequence[Text],
    callers: Sequence[str],
    down: Row | None,
    settings: Settings,
) -> Finding:
    since_ns = min(text.first_ns for text in texts)
    services = tuple(sorted({text.service for text in texts}))
    said = f"{', '.join(callers or services)} are refused by it" if len(callers or services) > 1 else "it is refused"
    first = min(texts, key=lambda text: (text.service not in callers, text.first_ns, text.service))
    agree = down is not None and callers
    cited = [c for text in (first, *texts[:3]) for c in text.citations]
    if down is not None:
        cited.insert(0, metric_citation(str(down["name"]), str(down["service"]), int(down["down_ns"])))
    return Finding(
        "external.component_down",
        "dependency_outage",
        first.service,
        f"{name} is down since {format_instant(since_ns)}: {said}"
        + (f", and {down['name']} fell to 0" if down else "")
        + f': "{excerpt(first.text, 160)}"',
        severity=0.9,
        confidence=settings.sure if agree else settings.likely,
        facts={"services": services, "callers": tuple(callers), "measured_down": down is not None},
        citations=tuple(dict.fromkeys(cited)),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=name,
    )


DETECTOR: Final = Detector(
    "external.component_down",
    (Kind("external.component_down", family="outside"),),
    ("dependency_outage",),
    ("spans",),
    Settings(),
    detect,
)
