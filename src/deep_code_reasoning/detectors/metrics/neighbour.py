"""A node whose processor somebody else takes, or that runs short of what all on it need.

Looks for: the processor of a host that several programs share, which fills up or is taken away (*steal*) from some
moment on, while the programs that serve requests on it use no more than before, and their own work takes longer there,
and not elsewhere. So with its memory, its disk, its table of connections: these it is itself short of.

Why it matters: every service with a copy on that host is slow for a part of its requests, each in its own way, and
nothing in them changed; what fills the host is in nobody's traces. Where it is measured (a nightly job), it is named.

Stays silent when: the host was busy before; one of the programs that serve requests became busier (then it is the one
to look at); their work is as quick as ever, or as slow on other hosts.

Example finding: `search: host n3 is full since 10:23:00 (0.31 before, 0.98 now); work takes 3.1 times as long on it (6
services), elsewhere 1.0`.

Work is what an operation spends outside of its calls: who waits for a service on that host is slow on any host. Each
operation is compared with itself, on the host and on the others: the median of all is free of which came how often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import metric_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import figure
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..series.series import Series, series_of
from ..series.shares import STOLEN, Share
from ..series.shares import shares as all_shares
from ..series.steps import Step, find_step
from ..timeline.change_point import median, probability
from ..timeline.linked_spans import CLOCK_OF, prepare_linked_spans
from ..vocabulary.metrics import THROTTLED, meaning, words_of

# What it is that a host runs short of, by the kinds of metrics. Who has no memory left reads from its disk all the
# time, which keeps its processors waiting: of what is short together the first is meant.
_SHORT: Final = {
    "memory": "memory_saturation",
    "files": "infrastructure_fault",
    "disk": "disk_saturation",
    "cpu": "noisy_neighbour",
}

# A program comes with what fills the host when so few of its points lie before, and it is a program when more follow.
_TOGETHER: Final = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        full: from nine tenths on a host is full: an average over a minute hides its peaks.
        min_ratio: and it must have become so: a third more than before.
        stolen: a tenth of a processor that is given to others is missed.
        used_up: space, memory and tables hurt nobody until next to nothing of them is left.
        busier: a program that uses half as much again of its processor may be the one that fills the host,
        takes: so do the seconds of one that came as the host filled up and takes half a processor or more;
        lately: held against so many points before: load has its hours.
        slower: work must take half as long again there,
        elsewhere: and hardly longer on other hosts.
        min_spans: fewer spans of an operation on the host, before or after, tell nothing of it.
        min_probability: a finding is told when it is likelier than not.
        confidence: at most: the host may be slow for a reason that its processor shows as well.
    """

    full: float = 0.9
    min_ratio: float = 1.33
    stolen: float = 0.1
    used_up: float = 0.97
    busier: float = 1.5
    takes: float = 0.5
    lately: int = 15
    slower: float = 1.5
    elsewhere: float = 1.25
    min_spans: int = 5
    min_probability: float = 0.5
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class _Host:
    """A host that fills up."""

    name: str
    metric: str
    mechanism: str
    step: Step
    since_ns: int
    chance: float


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find hosts that somebody unknown fills."""
    names = [row["name"] for row in scene.store.query("SELECT DISTINCT name FROM metrics ORDER BY name")]
    wanted = [name for name in names if (about := meaning(name)).kind == "cpu" and not (about.counter or about.limit)]
    shares = [name for name in wanted if (about := meaning(name)).shared and about.ratio]
    counted = [share for share in all_shares(scene.store) if not share.series.service]
    if not wanted and not counted:
        return Skipped("no metric tells how busy the processors of hosts are")
    hosts = [*_full_hosts(scene.store, wanted, shares, settings), *_short_hosts(counted, settings)]
    found = [finding for host in hosts if (finding := _judge(scene, host, settings)) is not None]
    return sorted(found, key=lambda f: (-f.confidence * f.severity, f.service))


def _full_hosts(store: CaseStore, names: Sequence[str], shares: Sequence[str], settings: Settings) -> list[_Host]:
    """The hosts that fill up, by what says that it is a host's share, and by what is measured of a host alone."""
    rows = store.query(
        """
        SELECT host, name, arraySort(groupArray((time_ns, value))) AS points FROM metrics
        WHERE service = '' AND host != '' AND name IN {names:Array(String)} AND isFinite(value) AND time_ns > 0
          AND (instance = '' OR name IN {shares:Array(String)})
        GROUP BY host, name ORDER BY host, name
        """,
        names=list(names),
        shares=list(shares),
    )
    hosts = []
    for row in rows:
        values = [float(value) for _, value in row["points"]]
        whole = 100.0 if max(values) > 1.5 else 1.0
        if max(values) > 1.05 * whole and row["name"] not in shares:
            continue  # seconds, or processors
        step = find_step(values)
        if step is None or step.after < settings.full * whole or step.ratio < settings.min_ratio:
            continue
        chance = probability(step.log_evidence, len(rows))
        if chance >= settings.min_probability:
            since_ns = int(row["points"][step.index][0])
            hosts.append(_Host(row["host"], row["name"], "noisy_neighbour", step, since_ns, chance))
    return hosts


def _short_hosts(counted: Sequence[Share], settings: Settings) -> list[_Host]:
    """The hosts of which something runs short by what their exporters count; of each the first of `_SHORT`."""
    hosts: dict[str, list[tuple[int, _Host]]] = defaultdict(list)
    for share in counted:
        series, step = share.series, find_step(share.series.values)
        if step is None or step.after <= step.before:
            continue
        full = settings.used_up if share.is_stock else settings.stolen if share.part == STOLEN else settings.full
        reached = median(series.values[-3:]) if share.is_stock else step.after
        ratio = (1 - step.before) / max(1e-9, 1 - step.after) if share.is_stock else step.ratio
        chance = probability(step.log_evidence, len(counted))
        if reached >= full and ratio >= settings.min_ratio and chance >= settings.min_probability:
            kind = series.meaning.kind
            host = _Host(share.host, series.name, _SHORT[kind], step, series.times_ns[step.index], chance)
            hosts[share.host].append((list(_SHORT).index(kind), host))
    return [min(short, key=lambda pair: (pair[0], pair[1].metric))[1] for _, short in sorted(hosts.items())]


def _judge(scene: Scene, host: _Host, settings: Settings) -> Finding | None:
    there = _programs(scene.store, host.name)
    by_others = host.mechanism == "noisy_neighbour"
    busier = _busier(scene.store, there, host.since_ns, settings) if by_others else set[str]()
    if not there or busier & _serving(scene.store):
        return None
    work = _work(scene.store, there | {host.name}, host.since_ns, settings)
    others = [slower for is_there, _, slower in work if not is_there]
    services: dict[str, list[float]] = defaultdict(list)
    for is_there, service, slower in work:
        if is_there:
            services[service].append(slower)
    slower = median([ratio for ratios in services.values() for ratio in ratios])
    if not services or slower < settings.slower or (others and median(others) > settings.elsewhere):
        return None
    service = min(busier, default=max(services, key=lambda name: (median(services[name]), name)))
    short = "is full" if by_others else f"has used up what {host.metric} tells"
    elsewhere = f", elsewhere {median(others):.1f}" if others else ""
    return Finding(
        code="metrics.neighbour",
        mechanism=host.mechanism,
        service=service,
        summary=(
            f"{service}: host {host.name} {short} since {format_instant(host.since_ns)} "
            f"({figure(host.step.before)} before, {figure(host.step.after)} now); work takes "
            f"{slower:.1f} times as long on it ({len(services)} services){elsewhere}"
        ),
        severity=0.9,
        confidence=min(settings.confidence, host.chance),
        facts={
            "host": host.name,
            "services": tuple(sorted(services)),
            "before": host.step.before,
            "after": host.step.after,
            "slower": round(slower, 3),
            "onset": format_instant(host.since_ns),
        },
        citations=(metric_citation(host.metric, "", host.since_ns),),
        window=Window(host.since_ns, max(host.since_ns + 1, scene.windows.incident.end_ns)),
        resource=host.name,
    )


def _work(store: CaseStore, there: set[str], since_ns: int, settings: Settings) -> list[tuple[bool, str, float]]:
    """Of each operation, on the host and elsewhere: its service, and how many times as long its work takes since."""
    prepare_linked_spans(store)
    rows = store.query(
        """
        SELECT service, name, clock IN {there:Array(String)} AS is_there, start_ns >= {since:Int64} AS late,
               count() AS n, quantileExact(0.5)(greatest(0, duration_ns - inside_ns)) AS own_ns
        FROM linked_spans AS s LEFT ANY JOIN span_children AS c ON s.span_key = c.span_key
        -- Where spans have no kind, what calls out is taken for a client: it waits.
        WHERE kind IN ('server', 'consumer', 'internal') OR (kind = '' AND NOT calls_out)
        GROUP BY service, name, is_there, late HAVING n >= {least:UInt32} ORDER BY service, name, is_there, late
        """,
        there=sorted(there),
        since=since_ns,
        least=settings.min_spans,
    )
    before = {(row["service"], row["name"], row["is_there"]): float(row["own_ns"]) for row in rows if not row["late"]}
    return [
        (bool(row["is_there"]), str(row["service"]), float(row["own_ns"]) / own_ns)
        for row in rows
        if row["late"] and (own_ns := before.get((row["service"], row["name"], row["is_there"]), 0.0)) > 0
    ]


def _programs(store: CaseStore, host: str) -> set[str]:
    """The programs that are known to run on a host: their instances, and what their spans' times go by."""
    rows = store.query(
        f"""
        SELECT DISTINCT arrayJoin([toString(instance), toString({CLOCK_OF})]) AS program FROM (
            SELECT service, instance, host, resource['k8s.node.name'] AS node FROM spans
            UNION ALL SELECT service, instance, host, resource['k8s.node.name'] AS node FROM metrics
        )
        WHERE (node = {{host:String}} OR host = {{host:String}}) AND instance != '' ORDER BY program
        """,
        host=host,
    )
    return {str(row["program"]) for row in rows} - {""}


def _busier(store: CaseStore, programs: set[str], since_ns: int, settings: Settings) -> set[str]:
    """The services of those programs that take more of their processor since the host is full than shortly before."""
    found = set()
    for series in series_of(store, frozenset({"cpu"})):
        if series.instance not in programs or series.meaning.limit:
            continue
        if series.meaning.counter:
            if _came_along(series, since_ns) and median(series.values) >= settings.takes * series.every_s:
                found.add(series.service)
            continue
        if words_of(series.name) & THROTTLED:
            continue  # it would take more, and does not get it
        earlier, since = series.sides(since_ns)
        before = earlier[-settings.lately :]
        if before and since and median(since) >= settings.busier * median(before):
            found.add(series.service)
    return found


def _came_along(series: Series, since_ns: int) -> bool:
    """Whether a program was first measured when the host filled up, or a point or two before; in seconds, by a counter.

    A job has a program of its own for each run, with nothing to compare it with.
    """
    return "seconds" in words_of(series.name) and len(series.sides(since_ns)[0]) < _TOGETHER < len(series.values)


def _serving(store: CaseStore) -> set[str]:
    """The services that take part in requests."""
    prepare_linked_spans(store)
    return {row["service"] for row in store.query("SELECT DISTINCT service FROM linked_spans ORDER BY service")}


DETECTOR: Final = Detector(
    code="metrics.neighbour",
    kinds=(Kind("metrics.neighbour", directness=1.0, family="seen", place="host"),),
    mechanisms=tuple(sorted(set(_SHORT.values()))),
    needs=("metrics", "spans"),
    settings=Settings(),
    detect=detect,
    dated=True,
)
