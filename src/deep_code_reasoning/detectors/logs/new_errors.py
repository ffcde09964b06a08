"""Errors that begin.

Looks for: a service that from some moment on logs errors it did not log before, or far more of them than before.

Why it matters: it is what an engineer looks for first, and in systems without traces it is often all there is. Which
service began first, and whether its message speaks of another one, tells the first failing service from its victims.

Stays silent when: errors come in bursts that the time before knew as well; the operations that log them were not called
before (then there was nothing to fail); there is too little time before to tell.

Example finding: `payments: errors since 10:23:04 (in 31 of 34 intervals, 0 of 92 before): "lookup api.example.com: no
such host"`.

Time is cut into equal steps; a step with or without an error of a service is an outcome (`timeline/change_point.py`).
So no rate of requests needs to be known, and a burst within a step counts once. Where spans tell when the operations
that log these errors were called, only such steps count. The text that is told is the one of the most steps among
those that are new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import log_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import excerpt
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import OutcomeChange, outcome_change, probability
from ..timeline.names import mentions
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from ..vocabulary.told import TOLD_MECHANISMS, told_mechanism
from ..vocabulary.words import words
from .steps import ERROR_LEVEL, prepare_span_steps

# Steps of time; coarse enough that a few records a minute fill them, fine enough for an onset.
_TIME_STEPS: Final = 64
# A kind of error that comes in less of the steps than this share of what the most frequent one has is none of the news.
_CHIEF_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_rise: errors must come in so many more of the steps; less is a burst.
        min_known_steps: errors that the time before knew, here or of another service, come close together now and
            then: so many steps of them in a row are more than that. What never came before needs no such number.
        min_probability: a finding is told when it is likelier than not.
    """

    min_rise: float = 0.3
    min_known_steps: int = 3
    min_probability: float = 0.5


@dataclass(frozen=True, slots=True)
class ErrorSteps:
    """When a service logged one kind of error: the first moment in each step of time; and a message with its place."""

    service: str
    template: str
    steps: dict[int, int]
    sample: str
    source_id: int
    line: int
    item: int

    @property
    def reason(self) -> str:
        """What went wrong, without where: the last clause of what is said, if it says anything."""
        last = self.template.rpartition(": ")[2]
        return last if len(words(last)) > 1 else self.template


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services that begin to log errors."""
    span = scene.store.time_range("logs")
    if span is None:
        return Skipped("no log record has a time")
    steps = time_steps(scene.store, "logs", "time_ns", _TIME_STEPS)
    by_service: dict[str, list[ErrorSteps]] = defaultdict(list)
    for kind in _error_steps(scene, steps):
        by_service[kind.service].append(kind)
    findings = []
    called = _called_steps(scene, steps)
    heard: dict[str, int] = {}
    for kind in (kind for kinds in by_service.values() for kind in kinds):
        heard[kind.reason] = min(*kind.steps, heard.get(kind.reason, _TIME_STEPS))
    for service, kinds in sorted(by_service.items()):
        present = {step for kind in kinds for step in kind.steps}
        tried = called.get(service, set(range(_TIME_STEPS))) | present
        all_steps = range(_TIME_STEPS)
        change = outcome_change(
            [int(step in present) for step in all_steps], [int(step in tried) for step in all_steps]
        )
        if change is None or change.rate_after - change.rate_before < settings.min_rise:
            continue
        known = change.failures_before or all(_is_heard_before(kind, heard, change.index) for kind in kinds)
        if known and change.failures_after < settings.min_known_steps:
            continue
        chance = probability(change.log_evidence, len(by_service))
        if chance >= settings.min_probability:
            findings.append(_finding(scene, kinds, change, chance, span.end_ns))
    findings.sort(key=lambda f: (-f.severity * f.confidence, f.service))
    return findings


def _is_heard_before(kind: ErrorSteps, heard: Mapping[str, int], index: int) -> bool:
    """Whether any service gave that reason before a step: what others say all the time is no news."""
    return heard[kind.reason] < index


def _error_steps(scene: Scene, steps: TimeSteps) -> list[ErrorSteps]:
    rows = scene.store.query(
        f"""
        WITH templates AS (SELECT shape, min(template) AS template FROM log_shapes GROUP BY shape)
        SELECT service, template, arraySort(groupArray((step, first_ns))) AS steps, argMax(last.1, last.2) AS sample,
               max(last.2) AS place
        FROM (
            SELECT service, template, {step_of("time_ns")} AS step,
                   min(time_ns) AS first_ns,
                   argMax((body, (time_ns, source_id, line, item)), (time_ns, source_id, line, item)) AS last
            FROM (SELECT * FROM logs WHERE time_ns > 0 AND {ERROR_LEVEL}) AS l
            LEFT ANY JOIN templates AS t USING (shape)
            GROUP BY service, template, step
        )
        GROUP BY service, template ORDER BY service, template LIMIT 5000
        """,
        **steps.parameters(),
    )
    return [
        ErrorSteps(
            row["service"],
            row["template"],
            {int(step): int(first_ns) for step, first_ns in row["steps"]},
            row["sample"],
            *(int(part) for part in row["place"][1:]),
        )
        for row in rows
    ]


def _called_steps(scene: Scene, steps: TimeSteps) -> dict[str, set[int]]:
    """For services whose error records name their spans: the steps in which those operations were called."""
    if not scene.store.count("spans"):
        return {}
    prepare_span_steps(scene.store)
    rows = scene.store.query(
        f"""
        WITH failing AS (SELECT DISTINCT service, entry, operation FROM span_steps WHERE notEmpty(errors))
        SELECT service, groupUniqArray({step_of("start_ns")}) AS called FROM span_steps
        WHERE (service, entry, operation) IN failing GROUP BY service ORDER BY service
        """,
        **steps.parameters(),
    )
    return {row["service"]: {int(step) for step in row["called"]} for row in rows}


def _finding(scene: Scene, kinds: Sequence[ErrorSteps], change: OutcomeChange, chance: float, end_ns: int) -> Finding:
    onset_ns = min(first for kind in kinds for step, first in kind.steps.items() if step >= change.index)
    new = [kind for kind in kinds if min(kind.steps) >= change.index] or list(kinds)
    new.sort(key=lambda kind: (-len(kind.steps), min(kind.steps), kind.template))
    told = new[0]
    # Of what is said now and then beside it, whoever it is of did not bring it.
    chief = [kind for kind in new if len(kind.steps) >= _CHIEF_SHARE * len(told.steps)]
    known = scene.graph.services
    named = tuple(sorted({name for kind in chief for name in mentions(kind.sample, known, told.service)}))
    return Finding(
        code="logs.new_errors",
        mechanism=told_mechanism(told.sample),
        service=told.service,
        summary=(
            f"{told.service}: errors since {format_instant(onset_ns)} (in {change.failures_after} of "
            f"{change.trials_after} intervals, {change.failures_before} of {change.trials_before} before): "
            f'"{excerpt(told.sample, 200)}"'
        ),
        severity=change.rate_after - change.rate_before,
        confidence=chance,
        facts={
            "log_evidence": round(change.log_evidence, 3),
            "error": told.sample[:300],
            "kinds": len(new),
            "names_services": named,
            "onset": format_instant(onset_ns),
        },
        citations=tuple(
            log_citation(scene.store.source(kind.source_id).name, kind.line, kind.item) for kind in new[:3]
        ),
        window=Window(onset_ns, end_ns),
    )


DETECTOR = Detector(
    code="logs.new_errors",
    kinds=(Kind("logs.new_errors", symptom="inherited", errors=True),),
    mechanisms=TOLD_MECHANISMS,
    needs=("logs",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
