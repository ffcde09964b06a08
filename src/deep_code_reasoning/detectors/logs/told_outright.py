"""What logs say outright.

Looks for: records that say in plain words, and of the very thing that went wrong, by which mechanism it did, and that
from some moment on come as they did not come before: threads that wait for each other's locks, a lease that is refused
its renewal because another has it, one thing that was taken, posted or applied twice or in the wrong order, a result
that differs when it is computed again, a process that stands still to collect garbage or is killed for its memory.
Their level does not matter: what a watchdog or a check warns of has failed no request yet.

Why it matters: a pool that is full, memory that climbs and requests that are slow fit several mechanisms each. Such
a record fits one; what the others show is its consequence, or a side effect.

Stays silent when: such records came before at a like rate, or come too seldom to be news; one thread waits for another
that waits for nobody in turn; what came later has the later number; a caller repeats what one further down says.

Example finding: `shop: since 10:02:40 logs say that what was to be done once was done twice, or out of order (29
records in 19 of 23 intervals, 0 of 40 before): "seat 12 is now sold twice: 44b389 and de6e14"`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...domain.citation import log_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import excerpt
from ...store import Row
from ..base import Detector, Kind, Scene, Skipped
from ..symptoms.front import is_platform
from ..timeline.change_point import OutcomeChange, outcome_change, probability
from ..timeline.names import mentions, whose
from ..timeline.services import service_names, traced_services
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from ..vocabulary.outright import SAYINGS, is_cycle, may_say_outright, said_outright

# As for errors that begin (`new_errors.py`): a few records a minute fill them.
_TIME_STEPS: Final = 64


def _confidence() -> dict[str, float]:
    return {
        "deadlock": 0.95,
        "lock_lease_expired": 0.93,
        "race_condition": 0.9,
        "wrong_result": 0.85,
        "memory_saturation": 0.8,
    }


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_records: fewer are an accident.
        min_rise: such records must come in so many more of the steps: a check that finds something does so seldom.
        min_probability: that their rate changed at all; words that are known leave nothing to it but chance.
        confidence: by mechanism, by what its words leave open: who waits in a circle is proved, a lease that is lost
            may lead to what is done twice, and that to a wrong result; memory may be used up by any of them.
        severity: something is wrong, and it is not told how many requests it is wrong for.
    """

    min_records: int = 3
    min_rise: float = 0.1
    min_probability: float = 0.9
    confidence: Mapping[str, float] = field(default_factory=_confidence)
    severity: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services that begin to say outright what goes wrong in them."""
    span = scene.store.time_range("logs")
    if span is None:
        return Skipped("no log record has a time")
    steps = time_steps(scene.store, "logs", "time_ns", _TIME_STEPS)
    spoken: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for mechanism, service, row in _records(scene, steps):
        spoken[service, mechanism].append(row)
    found = []
    for (service, mechanism), rows in sorted(spoken.items()):
        if mechanism == "deadlock" and not is_cycle(row["body"] for row in rows):
            continue
        change = _change(rows, settings, len(spoken))
        if change is not None:
            found.append(_finding(service, mechanism, rows, change, scene, steps, settings))
    told = {(f.service, f.mechanism) for f in found}
    return [f for f in found if not any((name, f.mechanism) in told for name in _below(scene, f.service))]


def _below(scene: Scene, service: str) -> set[str]:
    return set(scene.graph.downstream(service)) - {service}


def _records(scene: Scene, steps: TimeSteps) -> list[tuple[str, str, Row]]:
    """Records that name a mechanism, in order of time, each with that and the service in which it is at work."""
    shapes = scene.store.query(
        """
        SELECT shape, argMin(substring(body, 1, 600), (time_ns, source_id, line, item)) AS body FROM logs
        WHERE time_ns > 0 AND shape IN (
            SELECT shape FROM logs WHERE time_ns > 0 GROUP BY shape ORDER BY count() DESC, shape LIMIT 20000)
        GROUP BY shape ORDER BY shape
        """
    )
    telling = [row["shape"] for row in shapes if may_say_outright(row["body"])]
    if not telling:
        return []
    rows = scene.store.query(
        f"""
        SELECT service, substring(body, 1, 600) AS body, mapValues(attributes) AS told, time_ns,
               {step_of("time_ns")} AS step, source_id, line, item
        FROM logs WHERE time_ns > 0 AND shape IN {{shapes:Array(UInt64)}}
        ORDER BY time_ns, source_id, line, item LIMIT 20000
        """,
        shapes=telling,
        **steps.parameters(),
    )
    serving, services = traced_services(scene.store), service_names(scene.store)
    found = []
    for row in rows:
        mechanism = said_outright(row["body"])
        service = _at_work(scene, mechanism, whose(row["service"], (row["body"], *row["told"]), serving, services), row)
        if mechanism and service and not is_platform(service):
            found.append((mechanism, service, row))
    return found


def _at_work(scene: Scene, mechanism: str, service: str, row: Row) -> str:
    """Where a mechanism is at work that a service speaks of: a result is wrong where it comes from, not who checks."""
    if mechanism != "wrong_result":
        return service
    named = mentions(row["body"], scene.graph.services, service)
    return named[0] if len(named) == 1 else service


def _change(rows: Sequence[Row], settings: Settings, looked_at: int) -> OutcomeChange | None:
    """When such records began, if they did."""
    present = {int(row["step"]) for row in rows}
    change = outcome_change([int(step in present) for step in range(_TIME_STEPS)], [1] * _TIME_STEPS)
    if change is None or change.rate_after - change.rate_before < settings.min_rise:
        return None
    news = sum(int(row["step"]) >= change.index for row in rows)
    sure = probability(change.log_evidence, looked_at) >= settings.min_probability
    return change if sure and news >= settings.min_records else None


def _finding(
    service: str,
    mechanism: str,
    rows: Sequence[Row],
    change: OutcomeChange,
    scene: Scene,
    steps: TimeSteps,
    settings: Settings,
) -> Finding:
    news = [row for row in rows if int(row["step"]) >= change.index]
    onset_ns = int(news[0]["time_ns"])
    sample = str(news[len(news) // 2]["body"])
    return Finding(
        code="logs.told_outright",
        mechanism=mechanism,
        service=service,
        summary=(
            f"{service}: since {format_instant(onset_ns)} logs say that {SAYINGS[mechanism]} ({len(news)} records in "
            f"{change.failures_after} of {change.trials_after} intervals, {change.failures_before} of "
            f'{change.trials_before} before): "{excerpt(sample, 200)}"'
        ),
        severity=settings.severity,
        confidence=settings.confidence[mechanism],
        facts={
            "records": len(news),
            "log_evidence": round(change.log_evidence, 3),
            "said": sample[:300],
            "onset": format_instant(onset_ns),
        },
        citations=tuple(
            log_citation(scene.store.source(int(row["source_id"])).name, int(row["line"]), int(row["item"]))
            for row in news[:3]
        ),
        window=Window(onset_ns, max(onset_ns + 1, steps.start_of(steps.count))),
    )


DETECTOR: Final = Detector(
    code="logs.told_outright",
    kinds=(Kind("logs.told_outright", directness=1.0, family="seen"),),
    mechanisms=tuple(sorted(SAYINGS)),
    needs=("logs",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
