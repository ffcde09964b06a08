"""A node whose processor somebody else takes.

Looks for: the processor of a host that several programs share, which fills up from some moment on, while the programs
that are known on it use no more than before, and their requests take longer there, and not elsewhere.

Why it matters: every service with a copy on that host is slow for a part of its requests, each in its own way, and
nothing in them changed; what fills the host is in nobody's traces.

Stays silent when: the host was busy before; one of the known programs became busier (then it is the one to look at);
their requests are as quick as ever, or as slow on other hosts.

Example finding: `search: host n3 is full since 10:23:00 (0.31 before, 0.98 now); what runs there takes 3.1 times as
long (6 services), elsewhere 1.0`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import metric_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Scene, Skipped
from ..timeline.change_point import median, probability
from .series import Step, find_step, series_of
from .vocabulary import meaning


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        full: from nine tenths on a host is full: an average over a minute hides its peaks.
        min_ratio: and it must have become so: a third more than before.
        busier: a program that uses half as much again of its processor may be the one that fills the host.
        slower: requests must take half as long again there,
        elsewhere: and hardly longer on other hosts.
        min_requests: fewer requests on the host, before or after, prove nothing.
        min_probability: a finding is told when it is likelier than not.
        confidence: at most: the host may be slow for a reason that its processor shows as well.
    """

    full: float = 0.9
    min_ratio: float = 1.33
    busier: float = 1.5
    slower: float = 1.5
    elsewhere: float = 1.25
    min_requests: int = 15
    min_probability: float = 0.5
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class _Host:
    """A host that fills up."""

    name: str
    metric: str
    step: Step
    since_ns: int
    chance: float


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find hosts that somebody unknown fills."""
    names = [row["name"] for row in scene.store.query("SELECT DISTINCT name FROM metrics ORDER BY name")]
    wanted = [name for name in names if (about := meaning(name)).kind == "cpu" and about.shared and about.ratio]
    if not wanted:
        return Skipped("no metric tells how busy the processors of hosts are")
    hosts = _full_hosts(scene.store, wanted, settings)
    found = [finding for host in hosts if (finding := _judge(scene, host, settings)) is not None]
    return sorted(found, key=lambda f: (-f.confidence * f.severity, f.service))


def _full_hosts(store: CaseStore, names: Sequence[str], settings: Settings) -> list[_Host]:
    rows = store.query(
        """
        SELECT host, name, arraySort(groupArray((time_ns, value))) AS points FROM metrics
        WHERE service = '' AND host != '' AND name IN {names:Array(String)} AND isFinite(value) AND time_ns > 0
        GROUP BY host, name ORDER BY host, name
        """,
        names=list(names),
    )
    hosts = []
    for row in rows:
        values = [float(value) for _, value in row["points"]]
        whole = 100.0 if max(values) > 1.5 else 1.0
        step = find_step(values)
        if step is None or step.after < settings.full * whole or step.ratio < settings.min_ratio:
            continue
        chance = probability(step.log_evidence, len(rows))
        if chance >= settings.min_probability:
            hosts.append(_Host(row["host"], row["name"], step, int(row["points"][step.index][0]), chance))
    return hosts


def _judge(scene: Scene, host: _Host, settings: Settings) -> Finding | None:
    there = _instances(scene.store, host.name)
    if not there or _busier(scene.store, there, settings):
        return None
    rows = scene.store.query(
        """
        SELECT service, instance IN {there:Array(String)} AS is_there,
               countIf(start_ns < {since:Int64}) AS n_before, countIf(start_ns >= {since:Int64}) AS n_after,
               quantileExactIf(0.5)(duration_ns, start_ns < {since:Int64}) AS before,
               quantileExactIf(0.5)(duration_ns, start_ns >= {since:Int64}) AS after
        FROM spans WHERE kind NOT IN ('client', 'producer') AND duration_ns > 0
        GROUP BY service, is_there HAVING n_before >= {least:UInt32} AND n_after >= {least:UInt32} AND before > 0
        ORDER BY service, is_there
        """,
        there=sorted(there),
        since=host.since_ns,
        least=settings.min_requests,
    )
    slower = {row["service"]: float(row["after"]) / float(row["before"]) for row in rows if row["is_there"]}
    others = [float(row["after"]) / float(row["before"]) for row in rows if not row["is_there"]]
    if not slower or median(list(slower.values())) < settings.slower:
        return None
    if others and median(others) > settings.elsewhere:
        return None
    service = max(slower, key=lambda name: (slower[name], name))
    elsewhere = f", elsewhere {median(others):.1f}" if others else ""
    return Finding(
        code="metrics.neighbour",
        mechanism="noisy_neighbour",
        service=service,
        summary=(
            f"{service}: host {host.name} is full since {format_instant(host.since_ns)} "
            f"({host.step.before:.3g} before, {host.step.after:.3g} now); what runs there takes "
            f"{median(list(slower.values())):.1f} times as long ({len(slower)} services){elsewhere}"
        ),
        severity=0.9,
        confidence=min(settings.confidence, host.chance),
        facts={
            "host": host.name,
            "services": tuple(sorted(slower)),
            "before": host.step.before,
            "after": host.step.after,
            "onset": format_instant(host.since_ns),
        },
        citations=(metric_citation(host.metric, "", host.since_ns),),
        window=Window(host.since_ns, max(host.since_ns + 1, scene.windows.incident.end_ns)),
        resource=host.name,
    )


def _instances(store: CaseStore, host: str) -> set[str]:
    """The instances of programs that are known to run on a host."""
    rows = store.query(
        """
        SELECT DISTINCT instance FROM (
            SELECT toString(instance) AS instance, resource['k8s.node.name'] AS node FROM spans
            UNION ALL SELECT toString(instance) AS instance, resource['k8s.node.name'] AS node FROM metrics
        )
        WHERE node = {host:String} AND instance != '' ORDER BY instance
        """,
        host=host,
    )
    return {str(row["instance"]) for row in rows}


def _busier(store: CaseStore, instances: set[str], settings: Settings) -> bool:
    """Whether one of some instances takes more of its processor than before."""
    for series in series_of(store, frozenset({"cpu"})):
        if series.instance in instances and not series.meaning.limit and not series.meaning.counter:
            step = find_step(series.values)
            if step is not None and step.log_evidence > 0 and step.ratio >= settings.busier:
                return True
    return False


DETECTOR: Final = Detector(
    code="metrics.neighbour",
    mechanisms=("noisy_neighbour",),
    needs=("metrics", "spans"),
    settings=Settings(),
    detect=detect,
    dated=True,
)
