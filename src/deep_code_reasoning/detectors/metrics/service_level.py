"""Errors, latency and traffic as a service's own metrics tell them.

Looks for: an error metric that steps up, or a success metric that steps down; a latency metric that steps up; a
traffic metric that steps up by far or falls away.

Why it matters: where traces are sampled or absent, these metrics are the only witness of which service began to fail,
and when.

Stays silent when: a level moves within its own past, or by little, or as the same metric of other services does at
other times (`rarity.py`). Latency and traffic are left to the spans where the case has many of them, of several
services, and no mere sample: there they are the better witness (percentiles from coarse buckets jump by themselves,
most of all for services that hardly anyone calls), and who is not in them is not in the way of requests.

Example finding: `payments: http_5xx_ratio rose from 0.004 to 0.61 at 09:43:00`.

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
from ..series.series import Series, pauses_s, series_of
from ..series.steps import Step, abruptness, events_evidence, find_step
from ..timeline.change_point import median, probability
from .rarity import families, rarity_evidence

_MECHANISMS: Final = {
    "errors": "exception",
    "success": "exception",
    "latency": "latency_regression",
    "traffic": "traffic_surge",
    "fanout": "n_plus_one",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_error_ratio: errors must double: their level is often near zero, where small moves are noise.
        min_latency_ratio: latency must rise by half, which users notice and load alone seldom makes.
        min_traffic_ratio: traffic must double: daily load stays below that within an hour.
        abrupt: where less than half of a rise of traffic happens around its step, it is the drift of a day.
        grave_error_share: when a tenth of all requests fails an incident is grave; severity is full from there.
        min_probability: a finding is told when it is likelier than not.
        enough_spans: from so many spans on a service's latency can be judged by them.
        spans_a_point: and from so many in the time of one point of its metrics: of fewer no 95th percentile can be
            told, and a sample of all requests says less than a metric that is made of all.
        enough_services: with so many such services the traces cover the system.
        seen_spans: of a service that has so many spans of requests before its latency steps up and after, these show
            a rise that all its requests have, also where they are a sample;
        seen_share: by this part of it at least, in the mean or a quantile.
        unseen_ratio: where a service has fewer spans than that, its latency must double: of few requests, of which a
            point is the mean, a rise by half is chance more often than not.
    """

    min_error_ratio: float = 2.0
    min_latency_ratio: float = 1.5
    min_traffic_ratio: float = 2.0
    abrupt: float = 0.5
    grave_error_share: float = 0.1
    min_probability: float = 0.5
    enough_spans: int = 100
    spans_a_point: int = 20
    enough_services: int = 3
    seen_spans: int = 20
    seen_share: float = 0.3
    unseen_ratio: float = 2.0


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services whose errors, latency or traffic step to another level."""
    kinds = frozenset({"errors", "success"} if _is_traced(scene, settings) else _MECHANISMS)
    known = series_of(scene.store, kinds)
    if not known:
        return Skipped(f"no metric is about {', '.join(sorted(kinds))}")
    alike = families(known)
    steps: dict[tuple[str, str, bool], list[tuple[float, Series, Step]]] = defaultdict(list)
    for series in known:
        step = find_step(series.values)
        if step is None or not _matters(series, step, settings):
            continue
        evidence = min(
            step.log_evidence,
            rarity_evidence(series, step, alike[series.name]),
            events_evidence(step, series.events, series.meaning.ratio, is_number=series.meaning.kind == "traffic"),
        )
        chance = probability(evidence, len(known))
        if chance < settings.min_probability:
            continue
        if series.meaning.kind != "latency" or not _is_denied(scene, series, step, settings):
            kind = "errors" if series.meaning.kind == "success" else series.meaning.kind
            steps[(series.service, kind, step.after < step.before)].append((chance, series, step))
    findings = [_finding(scene, kind, fell, group, settings) for (_, kind, fell), group in sorted(steps.items())]
    findings.sort(key=lambda f: (-f.severity * f.confidence, f.service, f.mechanism))
    return findings


def _is_traced(scene: Scene, settings: Settings) -> bool:
    traced = scene.store.time_range("spans")
    if traced is None:
        return False
    rows = scene.store.query("SELECT service, count() AS n FROM spans GROUP BY service ORDER BY service")
    pauses = pauses_s(scene.store, frozenset({"latency"}))
    points = traced.seconds / median(pauses) if pauses else 0.0
    enough = max(settings.enough_spans, settings.spans_a_point * points)
    return sum(int(row["n"]) >= enough for row in rows) >= settings.enough_services


def _is_denied(scene: Scene, series: Series, step: Step, settings: Settings) -> bool:
    """Whether the service's own spans know nothing of a rise of its latency, or are too few to tell a small one."""
    if not scene.store.count("spans"):
        return False
    # A point tells of the time before it.
    row = scene.store.query(
        """
        WITH toFloat64(duration_ns) AS lasted, start_ns >= {since:Int64} AS late
        SELECT countIf(NOT late) AS before, countIf(late) AS after,
               arrayMap(k -> k.2 / k.1, [
                   (avgIf(lasted, NOT late), avgIf(lasted, late)),
                   (quantileExactIf(0.5)(lasted, NOT late), quantileExactIf(0.5)(lasted, late)),
                   (quantileExactIf(0.75)(lasted, NOT late), quantileExactIf(0.75)(lasted, late)),
                   (quantileExactIf(0.95)(lasted, NOT late), quantileExactIf(0.95)(lasted, late))
               ]) AS ratios
        FROM spans WHERE service = {service:String} AND kind IN ('server', 'consumer', '')
        """,
        service=series.service,
        since=series.times_ns[max(0, step.index - 1)],
    )[0]
    if min(int(row["before"]), int(row["after"])) < settings.seen_spans:
        return bool(row["before"]) and step.ratio < settings.unseen_ratio
    return all(float(ratio) < 1 + settings.seen_share * (step.ratio - 1) for ratio in row["ratios"])


def _matters(series: Series, step: Step, settings: Settings) -> bool:
    kind = series.meaning.kind
    if kind == "errors":
        return step.after > 0 and step.ratio >= settings.min_error_ratio
    if kind == "success":
        return step.before > 0 and step.after <= step.before * (1 - settings.grave_error_share)
    if kind == "latency":
        return step.after > 0 and step.ratio >= settings.min_latency_ratio
    if step.before <= 0 or abruptness(series.values, step) < settings.abrupt:
        return False
    if kind == "fanout":
        return step.ratio >= settings.min_traffic_ratio
    return step.ratio >= settings.min_traffic_ratio or step.ratio <= 1 / settings.min_traffic_ratio


def _severity(series: Series, step: Step, settings: Settings) -> float:
    kind = series.meaning.kind
    if kind == "errors" and series.meaning.ratio:
        share = step.after / series.whole
        return min(1.0, share / settings.grave_error_share)
    if kind == "success":
        return min(1.0, (1 - step.after / step.before) / settings.grave_error_share)
    if kind == "errors":
        return 0.8
    # A level that is eight times the usual (or an eighth) is as grave as it gets; doubling it is a third of that.
    return min(1.0, abs(math.log2(max(1e-9, min(step.ratio, 1e9)))) / 3)


def _finding(
    scene: Scene, kind: str, fell: bool, group: Sequence[tuple[float, Series, Step]], settings: Settings
) -> Finding:
    chance, series, step = max(
        group, key=lambda g: (_severity(g[1], g[2], settings) * g[0], g[2].log_evidence, g[1].name)
    )
    onset_ns = min(one.times_ns[change.index] for _, one, change in group)
    end_ns = scene.windows.incident.end_ns
    verb = "fell" if step.after < step.before else "rose"
    # Traffic that falls away is a symptom of whoever should send it.
    mechanism = "dependency_outage" if kind == "traffic" and fell else _MECHANISMS[kind]
    return Finding(
        code=f"metrics.{kind}",
        mechanism=mechanism,
        service=series.service,
        summary=(
            f"{series.service}: {series.name} {verb} from {series.told(step.before)} to {series.told(step.after)} at "
            f"{format_instant(series.times_ns[step.index])}"
        ),
        severity=_severity(series, step, settings),
        confidence=chance,
        facts={
            "metric": series.name,
            "before": step.before,
            "after": step.after,
            "log_evidence": round(step.log_evidence, 3),
            "metrics": tuple(sorted({one.name for _, one, _ in group})),
            "onset": format_instant(onset_ns),
            "every_s": series.every_s,
        },
        citations=tuple(series.cite(index) for index in (step.index, len(series.values) - 1, step.index - 1)),
        window=Window(onset_ns, max(onset_ns + 1, end_ns)),
        resource=series.name,
        instance=series.instance or None,
    )


DETECTOR = Detector(
    code="metrics.service_level",
    kinds=(
        Kind("metrics.errors", directness=0.6, symptom="inherited", family="level"),
        Kind("metrics.latency", directness=0.5, symptom="inherited", family="level"),
        Kind("metrics.traffic", directness=0.3, family="level"),
        Kind("metrics.fanout", directness=0.5, family="level"),
    ),
    mechanisms=tuple(sorted({*_MECHANISMS.values(), "dependency_outage"})),
    needs=("metrics",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
