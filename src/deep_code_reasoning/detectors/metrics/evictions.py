"""A cache server that is full and gives up what is asked for.

Looks for: a cache without spans of its own that begins to evict, while a larger share of what it is asked for is no
longer in it.

Why it matters: nothing fails; whoever stands behind the cache gets the requests that it used to answer, and looks like
the culprit.

Stays silent when: it evicts as it always did, or what it gives up is not missed: a cache is made to be full.

Example finding: `sessions-cache: evicts since 10:23:00 (940 entries in 15 s, 0 before), and misses 66 % of what it is
asked for, 5 % before`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import metric_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import figure
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..series.series import increases
from ..series.steps import find_step
from ..timeline.change_point import probability
from ..timeline.services import traced_services

# What was asked for may be told by a label: `memcached_commands_total` has a status, `cache_gets_total` a result.
_TOLD: Final = "lower(concat(name, '.', attributes['status'], '.', attributes['result'], '.', attributes['type']))"
_WHAT: Final = (
    f"multiIf(match({_TOLD}, 'evict'), 'evicted', match({_TOLD}, '(^|[._])miss(es|ed)?([._]|$)'), 'missed', "
    f"match({_TOLD}, '(^|[._])hits?([._]|$)'), 'hit', '')"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_ratio: a cache that begins to evict does so several times as often as before;
        missed: it answers half of all questions to good use, or it would not stand there: that twice as many are not
            answered,
        more: and a tenth of all, is felt by whoever has to.
        min_probability: a finding is told when it is likelier than not.
        confidence: at most: others may have begun to ask for other things.
    """

    min_ratio: float = 3.0
    missed: float = 2.0
    more: float = 0.1
    min_probability: float = 0.5
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class _Counts:
    """What a cache counts, as increases until each moment; `metric` is that of the evictions."""

    service: str
    metric: str
    evicted: Mapping[int, float]
    missed: Mapping[int, float]
    hit: Mapping[int, float]

    def miss_share(self, from_ns: int, to_ns: int) -> float:
        """The share of questions without an answer, from one moment until before another."""
        missed, hit = (
            sum(value for at, value in counts.items() if from_ns <= at < to_ns) for counts in (self.missed, self.hit)
        )
        return missed / (missed + hit) if missed + hit else 0.0


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find caches that begin to give up what is asked for."""
    caches = _caches(scene.store)
    if not caches:
        return Skipped("no cache without spans counts its hits, misses and evictions")
    found = [finding for cache in caches if (finding := _judge(scene, cache, len(caches), settings)) is not None]
    return sorted(found, key=lambda f: (-f.confidence * f.severity, f.service))


def _caches(store: CaseStore) -> list[_Counts]:
    names = store.query("SELECT DISTINCT name FROM metrics WHERE match(name, '(?i)evict') LIMIT 1")
    rows = names and store.query(
        f"""
        SELECT owner AS service, what, min(first) AS name, arraySort(groupArray((at, v))) AS points FROM (
            SELECT toString(service) AS owner, {_WHAT} AS what, min(toString(name)) AS first, time_ns AS at,
                   sum(value) AS v
            FROM metrics
            WHERE what != '' AND service != '' AND service NOT IN {{traced:Array(String)}} AND time_ns > 0
                  AND kind IN ('sum', '') AND isFinite(value)
            GROUP BY owner, what, at
        )
        GROUP BY owner, what ORDER BY service, what
        """,
        traced=sorted(traced_services(store)),
    )
    counts: dict[str, dict[str, dict[int, float]]] = defaultdict(dict)
    evicting = {row["service"]: row["name"] for row in rows if row["what"] == "evicted"}
    for row in rows:
        times = [int(at) for at, _ in row["points"]]
        added = increases(float(value) for _, value in row["points"])
        counts[row["service"]][row["what"]] = dict(zip(times[1:], added, strict=True))
    return [
        _Counts(service, evicting[service], **told)
        for service, told in sorted(counts.items())
        if told.keys() == {"evicted", "missed", "hit"}
    ]


def _judge(scene: Scene, cache: _Counts, looked_at: int, settings: Settings) -> Finding | None:
    times = list(cache.evicted)
    step = find_step(tuple(cache.evicted.values()))
    if step is None or step.after < settings.min_ratio * step.before or step.after <= 0:
        return None
    chance = probability(step.log_evidence, looked_at)
    since_ns = times[step.index]
    before, after = cache.miss_share(0, since_ns), cache.miss_share(since_ns, times[-1] + 1)
    if chance < settings.min_probability or after < max(settings.missed * before, before + settings.more):
        return None
    return Finding(
        code="metrics.evictions",
        mechanism="memory_saturation",
        service=cache.service,
        summary=(
            f"{cache.service}: evicts since {format_instant(since_ns)} ({figure(step.after)} entries in "
            f"{(times[-1] - times[-2]) / 1e9:.0f} s, {figure(step.before)} before), and misses {after:.0%} of what it "
            f"is asked for, {before:.0%} before"
        ),
        severity=min(1.0, 0.5 + after - before),
        confidence=min(settings.confidence, chance),
        facts={
            "metric": cache.metric,
            "evicted": step.after,
            "missed_before": round(before, 4),
            "missed": round(after, 4),
            "onset": format_instant(since_ns),
        },
        citations=(metric_citation(cache.metric, cache.service, since_ns),),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=cache.metric,
    )


DETECTOR: Final = Detector(
    code="metrics.evictions",
    kinds=(Kind("metrics.evictions", directness=1.0, symptom="busy", family="shown", outright=True),),
    mechanisms=("memory_saturation",),
    needs=("metrics",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
