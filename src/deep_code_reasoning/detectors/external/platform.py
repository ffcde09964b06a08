"""A node, a zone or a managed component below the services failed.

Looks for: events of the platform (node not ready, eviction, instance terminated, failover, host maintenance, kernel
panic, zone unavailable) and fewer healthy nodes, at about the time when calls are refused or reset.

Why it matters: many services fail at one instant without anything in common but the ground they stand on.

Where all such events are of one machine, it is named, with the services that run there: of these it is told, for who
calls them only misses them.

Stays silent when: pods restart for reasons of their own (out of memory, failing probes), and when no platform event
is recorded: refused connections alone do not prove it.

Example finding: `node ip-10-0-3-7 is not ready; connections of cart, images and profile are refused or reset`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ...domain.wording import excerpt, figure
from ..base import Detector, Kind, Scene
from ..symptoms.calm import FORERUN_NS
from ..symptoms.front import is_platform
from ..symptoms.shifts import measures, shifts
from ..symptoms.texts import new_texts
from ..timeline.machines import hosts
from ..timeline.names import mentions
from ..vocabulary.lexicon import kinds_of_text

_EVENT: Final = re.compile(
    r"(?i)node ?not ?ready|node .{1,40} (is )?(not ready|unreachable|down|lost)|nodelost|\bevict(ed|"
    r"ion|ing)\b|spot (interruption|instance)|preempt(ed|ion)|instance .{0,40}terminat|"
    r"failover (started|initiated|complete|in progress)"
    r"|fail(ed|ing) over|primary (changed|stepped down|election)|new primary|multi-?az|"
    r"availability zone|zone .{0,20}(outage|unavailable|down)|hardware (failure|error)|"
    r"host (maintenance|retire|replacement|down)|kernel (panic|bug)"
    r"|machine check|disk failure|i/o error|volume .{0,30}(detached|degraded|unavailable)|"
    r"nic .{0,20}down|link (is )?down|network partition|split.brain|quorum lost|"
    r"terminating connection due to administrator|drain(ing|ed) node|taintmanager"
)
_CUT_OFF: Final = frozenset({"unreachable", "timeout", "dns", "server_error", "slow"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        several: confidence when two services or more are cut off at the time of the event.
        single: confidence when it is one: it may have gone down for a reason of its own.
    """

    several: float = 0.85
    single: float = 0.6


def detect(scene: Scene, settings: Settings) -> list[Finding]:
    """Find platform events with those whom they cut off."""
    texts = new_texts(scene)
    events = [text for text in texts if _EVENT.search(text.text)]
    nodes = []
    if measures(scene, "platform"):
        nodes = [s for s in shifts(scene) if s.kind == "platform"]
    if not events and not nodes:
        return []
    speakers = {text.service for text in events} | {s.service for s in nodes}
    cut_off = [t for t in texts if t not in events and _CUT_OFF & frozenset(kinds_of_text(t.text))]
    services = sorted({text.service for text in cut_off} - speakers)
    machine, there = _machine(scene)
    everyone = there or services or sorted({text.service for text in events} - {""})
    first = (
        min(cut_off or events, key=lambda t: (t.first_ns, t.service)).service if cut_off or events else nodes[0].service
    )
    if there:
        # Who is asked most is missed most.
        first = max(there, key=lambda name: (len(scene.graph.callers(name)), name))
    elif machine and is_platform(first):
        first = machine
    node = nodes[0] if nodes else None
    fell = f"{node.name} fell from {figure(node.before)} to {figure(node.after)}" if node else ""
    what = excerpt(events[0].text, 120) if events else fell
    return [
        Finding(
            "external.platform",
            "infrastructure_fault",
            first,
            "the platform reports"
            + (f" of {machine}" if machine else "")
            + f": {what}"
            + (f"; hit: {', '.join(everyone)}" if everyone else ""),
            severity=0.9,
            confidence=settings.several if len(everyone) > 1 else settings.single,
            facts={"services": tuple(everyone), "components": tuple(sorted(speakers - set(everyone)))},
            citations=(
                *(c for text in (*events[:3], *cut_off[:2]) for c in text.citations),
                *(c for node in nodes[:2] for c in node.citations),
            ),
            window=scene.windows.incident,
            resource=machine or None,
        )
    ]


def _machine(scene: Scene) -> tuple[str, list[str]]:
    """The one machine that platform events are of, with the services that run on it; '' where it is none, or several.

    An event is of the machine that it names, or is about; what no service wrote, or a program of the machine's own, of
    the one that it was written on.
    """
    on_host = {
        name: there
        for name, host in hosts(scene.store).items()
        if (there := (host.traced | host.measured | host.logged) - {name})
    }
    serving = set(scene.graph.services) or {
        str(row["service"]) for row in scene.store.query("SELECT DISTINCT toString(service) AS service FROM metrics")
    }
    told: set[str] = set()
    for row in scene.store.query(
        """
        SELECT toString(service) AS service, toString(host) AS host, toString(instance) AS instance, body
        FROM logs WHERE time_ns >= {since:Int64} AND match(body, {event:String})
        GROUP BY service, host, instance, body ORDER BY service, host, instance, body LIMIT 500
        """,
        since=scene.windows.onset.start_ns - FORERUN_NS,
        event=_EVENT.pattern,
    ):
        named = mentions(row["body"], list(on_host), "") or [name for name in (row["instance"],) if name in on_host]
        named = [name for name in named if not any(other.startswith(f"{name}.") for other in named)]
        of_machine = row["service"] not in serving or is_platform(row["service"])
        written = [row["host"]] if row["host"] and of_machine else []
        told.update(named or written)
    if len(told) != 1:
        return "", []
    (machine,) = told
    running = on_host.get(machine, frozenset()) & serving - {""}
    return machine, sorted(name for name in running if not is_platform(name))


DETECTOR: Final = Detector(
    "external.platform",
    (Kind("external.platform", family="outside"),),
    ("infrastructure_fault",),
    (),
    Settings(),
    detect,
)
