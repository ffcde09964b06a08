"""A host that is gone, with all that ran on it.

Looks for: a machine on which programs of several services ran, none of which is heard of any more (no span, no log
record), while those of other machines go on.

Why it matters: each service loses a part of its calls, in its own words (refused here, no answer there), and each
looks like a fault of its own. That what is lost stood on one machine is in no error.

Stays silent when: some program on it goes on; programs on other machines fall silent too (then it is the system, or
nobody asks); it had one service alone (a process that ended is `unreachable.py`'s).

Example finding: `stock: host n3 is gone since 10:23:00: stock-1 and pricing-0 on it are silent, 12 others go on`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ..base import Detector, Kind, Scene, Skipped

# Where a program runs: its node; a host that bears the program's own name is a container.
_MACHINE: Final = "if(resource['k8s.node.name'] != '', resource['k8s.node.name'], if(host = instance, '', host))"


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        settled: the first quarter of the incident is not looked at: its start is an estimate, and what was under way
            ends in it.
        silent: a program is silent when it is heard of a tenth as often: answers may still be on their way.
        min_expected: of whom fewer signs are expected in the rest, the silence says nothing.
        min_services: one service alone may have ended for reasons of its own.
        min_others: as many programs elsewhere, or more, go on:
        others_silent: of which so many may fall silent by themselves.
        ended: confidence when the host's own metrics end as well,
        silent_only: and when nothing measures the host.
    """

    settled: float = 0.25
    silent: float = 0.1
    min_expected: float = 5.0
    min_services: int = 2
    min_others: int = 2
    others_silent: float = 0.2
    ended: float = 0.95
    silent_only: float = 0.9


@dataclass(frozen=True, slots=True)
class _Program:
    """A process: where it runs, how often it was heard of, and when last before the silence."""

    service: str
    name: str
    machine: str
    before: int
    last_ns: int
    silent: bool
    last_span: tuple[str, str]


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find machines of which all programs fell silent."""
    if not scene.windows.changed:
        return Skipped("nothing changed: nobody fell silent")
    programs = _programs(scene, settings)
    machines: dict[str, list[_Program]] = defaultdict(list)
    for program in programs:
        machines[program.machine].append(program)
    if len(machines) < 2:
        return Skipped("the traces do not tell of several machines with programs that are heard of often")
    found = []
    for machine, there in sorted(machines.items()):
        others = [program for program in programs if program.machine != machine]
        if (
            all(program.silent for program in there)
            and len({program.service for program in there}) >= settings.min_services
            and len(others) >= settings.min_others
            and sum(program.silent for program in others) <= settings.others_silent * len(others)
        ):
            found.append(_finding(scene, machine, there, len(others), settings))
    return found


def _programs(scene: Scene, settings: Settings) -> list[_Program]:
    """The programs of known machines that are heard of often enough for their silence to tell something."""
    baseline, incident = scene.windows.baseline, scene.windows.incident
    since_ns = incident.start_ns + round(settings.settled * (incident.end_ns - incident.start_ns))
    times = (incident.end_ns - since_ns) / max(1, baseline.end_ns - baseline.start_ns)
    rows = scene.store.query(
        f"""
        SELECT service, name, machine, countIf(at < {{onset:Int64}}) AS before, countIf(at >= {{since:Int64}}) AS after,
               maxIf(at, at < {{since:Int64}}) AS last_ns, argMax((trace, span), at) AS last_span
        FROM (
            SELECT toString(service) AS service, if(instance != '', toString(instance), toString(service)) AS name,
                   {_MACHINE} AS machine, start_ns AS at, trace_id AS trace, span_id AS span
            FROM spans WHERE start_ns >= {{first:Int64}} AND start_ns < {{end:Int64}}
        )
        WHERE machine != '' AND service != '' GROUP BY service, name, machine ORDER BY machine, service, name
        """,
        first=baseline.start_ns,
        onset=incident.start_ns,
        since=since_ns,
        end=incident.end_ns,
    )
    return [
        _Program(
            row["service"],
            row["name"],
            row["machine"],
            int(row["before"]),
            int(row["last_ns"]),
            int(row["after"]) < settings.silent * times * int(row["before"]),
            (str(row["last_span"][0]), str(row["last_span"][1])),
        )
        for row in rows
        if times * int(row["before"]) >= settings.min_expected
    ]


def _finding(scene: Scene, machine: str, there: Sequence[_Program], others: int, settings: Settings) -> Finding:
    # Who was asked most is missed most.
    chief = max(there, key=lambda program: (program.before, program.service))
    onset_ns = min(max(scene.windows.incident.start_ns, program.last_ns) for program in there)
    names = sorted({program.name for program in there})
    ended = _metrics_end(scene, machine, onset_ns)
    return Finding(
        code="traces.lost_host",
        mechanism="infrastructure_fault",
        service=chief.service,
        summary=(
            f"{chief.service}: host {machine} is gone since {format_instant(onset_ns)}: {' and '.join(names)} on it "
            f"are silent, {others} others go on" + ("; its metrics end there" if ended else "")
        ),
        severity=0.9,
        confidence=settings.ended if ended else settings.silent_only,
        facts={
            "host": machine,
            "services": tuple(sorted({program.service for program in there})),
            "programs": tuple(names),
            "metrics_end": ended,
            "onset": format_instant(onset_ns),
        },
        citations=tuple(span_citation(*program.last_span) for program in there[:4]),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        resource=machine,
    )


def _metrics_end(scene: Scene, machine: str, onset_ns: int) -> bool:
    """Whether the host was measured before and is no more, while other hosts are."""
    rows = scene.store.query(
        "SELECT host = {machine:String} AS own, max(time_ns) AS last_ns FROM metrics "
        "WHERE host != '' AND instance = '' GROUP BY own ORDER BY own",
        machine=machine,
    )
    if len(rows) < 2:
        return False
    end_ns = scene.windows.incident.end_ns
    others_ns, own_ns = int(rows[0]["last_ns"]), int(rows[1]["last_ns"])
    return own_ns < others_ns and own_ns - onset_ns < (end_ns - onset_ns) / 4


DETECTOR: Final = Detector(
    code="traces.lost_host",
    kinds=(Kind("traces.lost_host", directness=1.0, family="seen", place="host"),),
    mechanisms=("infrastructure_fault",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
)
