"""A resource that runs out.

Looks for: the use of a processor, memory, disk, pool, threads, file descriptors or a queue that steps up far beyond
the service's own past, most of all to its limit; time spent waiting for a pool; a limit that was lowered onto what is
used; kills for want of memory.

Why it matters: what is short of a resource becomes slow or fails in ways that point everywhere else.

Time that the host took from a program for others (*steal*) is no use of its own: a noisy neighbour has it.

Stays silent when: use moves within what the service did before, or by little, or drifts as a day's load does, or as
it does in other services at other times (`rarity.py`); memory grows bit by bit, and nobody says to what limit
(`leak.py`); half of the resource is still free; the metric is of a whole
host (it tells that the host is busy, not who made it so); there are too few points before the step to know what is
usual.

Example finding: `orders: CpuUsageRate(%) rose from 0.87 to 100 at 13:33:09: its limit`.

Steps are found without any onset (`series/steps.py`); the evidence of each is weighed against the number of series.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ..base import Detector, Kind, Scene, Skipped
from ..series.series import Series, requests_ratio, series_of
from ..series.shares import COVERED, STOLEN, shares
from ..series.steps import Step, abruptness, find_step
from ..timeline.change_point import median, probability
from ..vocabulary.metrics import THROTTLED, words_of
from .rarity import Families, families, rarity_evidence

MECHANISMS: Final = {
    "cpu": "cpu_saturation",
    "memory": "memory_saturation",
    "oom": "memory_saturation",
    "disk": "disk_saturation",
    "pool": "connection_pool_exhausted",
    "threads": "thread_pool_exhausted",
    "files": "connection_pool_exhausted",
    "queue": "message_backlog",
    "loss": "network_loss",
}
_COUNTED: Final = frozenset({"pool", "threads", "queue"})
# What is left of a resource, which is no use of it.
_LEFT: Final = frozenset({"free", "available", "avail", "idle"})
# What a virtual machine's processor is taken for others than it.
_STOLEN: Final = frozenset({"steal", "stolen"})
# Names of a processor's time that is counted in seconds, by both conventions.
_IN_SECONDS: Final = frozenset({"seconds", "time"})
# Who sends again so many times as often as another is where packets are lost.
_FAR_MORE: Final = 1.5
_WAITING: Final = frozenset({"wait", "waiting", "pending", "timeout", "timeouts", "latency", "duration", "acquire"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_ratio: use must rise by half; less is what load does in an hour.
        full_share: from four fifths of its limit on a resource is short: queues grow without bound near one, and an
            average over a minute hides its peaks.
        half_share: below half of its limit a resource is not short, however much its use rose.
        used_up: space, memory and tables of connections hurt nobody until next to nothing of them is left.
        stolen: less of a processor than a tenth is hardly missed.
        min_probability: a finding is told when it is likelier than not.
        abrupt: where less than half of a rise happens around its step, it is the drift of a day's load: that is told
            only once it has filled its resource.
    """

    min_ratio: float = 1.5
    full_share: float = 0.8
    half_share: float = 0.5
    used_up: float = 0.97
    stolen: float = 0.1
    min_probability: float = 0.5
    abrupt: float = 0.5


@dataclass(frozen=True, slots=True)
class Rise:
    """A resource whose use rose: the series, its step, the share of its limit that it reached (NaN when unknown)."""

    series: Series
    step: Step
    probability: float
    full: float

    @property
    def severity(self) -> float:
        """1 at the limit; below it, by how many times the use rose."""
        if self.series.meaning.kind == "oom":
            return 1.0
        if not math.isnan(self.full):
            return min(1.0, self.full)
        # Two more of what is counted is little, also where there was none.
        one = 1 if _counts(self.series) else 0
        return min(0.8, 0.2 * math.log2(max(1.0, (self.step.after + one) / max(1e-9, self.step.before + one))))


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services whose resources run out."""
    told = [
        series
        for series in series_of(scene.store, frozenset(MECHANISMS))
        if not _LEFT & words_of(series.name) and series.name not in COVERED
    ]
    known = [series for series in told if not series.meaning.shared or _is_stolen(series)]
    of_machines = [share for share in shares(scene.store) if share.series.service and share.part != STOLEN]
    known += [share.series for share in of_machines]
    stocks = {id(share.series) for share in of_machines if share.is_stock}
    if not known:
        return Skipped("no metric is about a processor, memory, a disk, a pool, threads or a queue")
    limits = [series for series in known if series.meaning.limit]
    alike = families(known)
    served = series_of(scene.store, frozenset({"traffic"}))
    rises: dict[tuple[str, str], list[Rise]] = defaultdict(list)
    for series in known:
        rise = None if series.meaning.limit else _rise(series, known, alike, id(series) in stocks, settings)
        if rise is not None and not _is_load(rise, served, settings) and not _lost_elsewhere(rise, told):
            rises[(series.service, _mechanism(series))].append(rise)
    for series in limits:
        rise = _lowered(series, known, len(known), settings)
        if rise is not None:
            rises[(series.service, _mechanism(series))].append(rise)
    findings = [_finding(scene, group) for _, group in sorted(rises.items())]
    findings.sort(key=lambda f: (-f.severity * f.confidence, f.service, f.mechanism))
    return findings


def _is_stolen(series: Series) -> bool:
    return series.meaning.kind == "cpu" and bool(_STOLEN & words_of(series.name))


def _mechanism(series: Series) -> str:
    return "noisy_neighbour" if _is_stolen(series) else MECHANISMS[series.meaning.kind]


def _rise(series: Series, known: Sequence[Series], alike: Families, is_stock: bool, settings: Settings) -> Rise | None:
    step = find_step(series.values)
    if step is None or step.after <= 0:
        return None
    # Of a stock it matters what is left.
    ratio = (1 - step.before) / max(1e-9, 1 - step.after) if is_stock else step.ratio
    if ratio < settings.min_ratio or (is_stock and median(series.values[-3:]) < settings.used_up):
        return None
    evidence = min(step.log_evidence, rarity_evidence(series, step, alike[series.name]))
    chance = probability(evidence, len(known))
    if chance < settings.min_probability:
        return None
    full = _share_of_limit(series, step, known)
    if math.isnan(full) and _counts(series) and step.after - step.before <= 1:
        return None  # one more is busy, of nobody knows how many
    if _is_stolen(series) and step.after < settings.stolen * series.whole:
        return None
    drifts = abruptness(series.values, step) < settings.abrupt
    if drifts and series.meaning.kind == "memory" and math.isnan(full):
        return None
    if full < (settings.full_share if drifts else settings.half_share):
        return None
    return Rise(series, step, chance, full)


def _is_load(rise: Rise, served: Sequence[Series], settings: Settings) -> bool:
    """Whether use drifted up as the requests did that the service is asked, and nobody says that it is at its limit."""
    series, step = rise.series, rise.step
    if not math.isnan(rise.full) or abruptness(series.values, step) >= settings.abrupt:
        return False
    return step.ratio < settings.min_ratio * requests_ratio(served, series.service, series.times_ns[step.index])


def _lost_elsewhere(rise: Rise, told: Sequence[Series]) -> bool:
    """Whether packets are sent again at another machine far more often: both ends of a bad way send again."""
    series, step = rise.series, rise.step
    if series.meaning.kind != "loss":
        return False
    since_ns = series.times_ns[step.index]
    others = (
        [value for time, value in zip(other.times_ns, other.values, strict=True) if time >= since_ns]
        for other in told
        if other.name == series.name and (other.service, other.instance) != (series.service, series.instance)
    )
    return any(late and median(late) >= _FAR_MORE * max(step.after, 1) for late in others)


def _counts(series: Series) -> bool:
    """Whether a metric counts workers, connections or messages, one by one."""
    return series.meaning.kind in _COUNTED and all(value == int(value) for value in series.values)


def _lowered(series: Series, known: Sequence[Series], looked_at: int, settings: Settings) -> Rise | None:
    """A limit that fell onto what is used."""
    step = find_step(series.values)
    if step is None or step.before <= 0 or step.after > step.before / settings.min_ratio:
        return None
    for used in known:
        if used.meaning.limit or not _same_resource(series, used) or _WAITING & words_of(used.name):
            continue
        late = [v for t, v in zip(used.times_ns, used.values, strict=True) if t >= series.times_ns[step.index]]
        if late and max(late) / _of_limit(used) >= settings.full_share * step.after:
            return Rise(series, step, probability(step.log_evidence, looked_at), 1.0)
    return None


def _share_of_limit(series: Series, step: Step, known: Sequence[Series]) -> float:
    """The share of its limit that a resource is at after the step; NaN when no metric tells the limit.

    That is the level after the step, or the latest one where use still climbs; a peak is no lack.
    """
    if _WAITING & words_of(series.name):
        return math.nan
    peak = max(step.after, median(series.values[-3:]))
    if series.meaning.ratio:
        return peak / series.whole
    since_ns = series.times_ns[step.index]
    for other in known:
        if other is series or not _same_resource(series, other):
            continue
        if other.meaning.limit and other.values and other.values[-1] > 0:
            return peak / _of_limit(series) / other.values[-1]
        late = [value for time, value in zip(other.times_ns, other.values, strict=True) if time >= since_ns]
        if other.meaning.ratio and late:
            return max(median(late), median(late[-3:])) / other.whole
    return math.nan


def _of_limit(used: Series) -> float:
    """What use is divided by to be told in the unit of its limit.

    A processor's time from point to point is told in seconds, and its limit in cores. NaN where the time is told in
    another unit, or is what a processor did not do.
    """
    if used.meaning.kind != "cpu":
        return 1.0
    if words_of(used.name) & THROTTLED:
        return math.nan
    if not used.meaning.counter:
        return 1.0
    return used.every_s if used.unit == "s" or words_of(used.name) & _IN_SECONDS else math.nan


def _same_resource(one: Series, other: Series) -> bool:
    return (one.service, one.instance, _mechanism(one)) == (other.service, other.instance, _mechanism(other))


def _told(series: Series) -> str:
    return f"use by {series.name}" if series.name in COVERED and series.meaning.ratio else series.name


def _finding(scene: Scene, group: Sequence[Rise]) -> Finding:
    # A share of the limit says most, then what rose most; the others are told along with it.
    best = max(
        group, key=lambda r: (not math.isnan(r.full), r.series.meaning.ratio, r.severity, r.step.ratio, r.series.name)
    )
    series, step = best.series, best.step
    onset_ns = min(rise.series.times_ns[rise.step.index] for rise in group)
    verb = "fell" if step.after < step.before else "rose"
    reached = f": {min(best.full, 9.99):.0%} of its limit" if not math.isnan(best.full) else ""
    return Finding(
        code="metrics.saturation",
        mechanism=_mechanism(series),
        service=series.service,
        summary=(
            f"{series.service or f'host {series.instance}'}: {_told(series)} {verb} from {series.told(step.before)} to "
            f"{series.told(step.after)} at {format_instant(series.times_ns[step.index])}{reached}"
        ),
        severity=best.severity,
        confidence=best.probability,
        facts={
            "metric": series.name,
            "before": step.before,
            "after": step.after,
            "share_of_limit": None if math.isnan(best.full) else round(best.full, 4),
            "log_evidence": round(step.log_evidence, 3),
            "metrics": tuple(sorted({rise.series.name for rise in group})),
            "onset": format_instant(onset_ns),
            "every_s": series.every_s,
        },
        citations=tuple(series.cite(index) for index in (step.index, len(series.values) - 1, step.index - 1)),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        resource=series.name,
        instance=series.instance or None,
    )


DETECTOR = Detector(
    code="metrics.saturation",
    kinds=(Kind("metrics.saturation", directness=1.0, symptom="busy", outright=True),),
    mechanisms=tuple(sorted({*MECHANISMS.values(), "noisy_neighbour"})),
    needs=("metrics",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
