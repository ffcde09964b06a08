"""A code path that stops short.

Looks for: an operation in which one log statement was always followed by others, until from some moment on nothing
that used to follow comes any more. Whatever happens between the two statements broke: an exception was thrown there, or
the code returned early or wrongly. The region between the two is the finding.

Why it matters: such a fault may leave no error, no slow span and no unusual metric at all. What is missing is the only
trace of it, and it names the service and the lines.

Stays silent when: what follows is merely another branch (some statement that used to follow still comes); the path
failed now and then before as well; other operations of the service miss as many lines all the time (its logs are
sampled, see `left_out.py`); the spans that stop short also carry an error that names another service, or that the
system logs elsewhere or logged before (`excuses.py`); a path further down broke in the same traces; there are too few
spans to tell.

Example finding: `orders: OrderController.create stops after OrderService#31, before OrderService#34 (0 of 5 requests
before 10:04:30, 19 of 19 since)`.

Each operation's spans are outcomes in time order, judged by a Bayesian change point (`timeline/change_point.py`), so
the finding has its own onset and does not depend on when the incident was noticed. That event pairs lose their
support, the deepest first, is the idea of Nezha (Yu et al., FSE 2023); the statistics are our own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import OutcomeChange, outcome_change, probability
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.names import mentions, without_names
from ..timeline.time_steps import TimeSteps, time_steps
from .excuses import BrokenSpans, ErrorText, broken_spans, error_texts, errors_in
from .left_out import is_left_out
from .paths import Break, Operation, breaks_of, name_of, operations_of
from .steps import SEPARATOR, prepare_span_steps

# An ordinary day's errors are among any requests.
_FEW_FAIL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_probability: what is less sure than one in ten is noise; what is more is told with that confidence, since
            nothing else may show such a fault.
        min_stopped: the last requests of a capture may lack records that had not arrived yet; one or two prove nothing.
        min_rate_after: a path is broken when most of its spans stop short; less is a branch or an input.
        excused_share: when at least half of the broken spans have another explanation, that explanation stands.
        places_an_operation: places in which one operation may stop at once: its fault, and its dependencies' hiccups.
        max_findings: nobody reads more; they come by evidence.
    """

    min_probability: float = 0.1
    min_stopped: int = 3
    min_rate_after: float = 0.5
    excused_share: float = 0.5
    places_an_operation: int = 3
    max_findings: int = 10


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A break that is likelier than not, with the spans behind it."""

    operation: Operation
    broken: Break
    change: OutcomeChange
    probability: float
    onset_ns: int
    spans: BrokenSpans


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find operations whose log statements stop coming."""
    prepare_span_steps(scene.store)
    steps = time_steps(scene.store, "span_steps")
    operations = operations_of(scene.store, steps)
    if not operations:
        return Skipped("no log record names the span that wrote it")
    suspicions = _suspicions(scene, operations, steps, settings)
    if not suspicions:
        return []
    texts = error_texts(scene.store)
    kept = [s for s in suspicions if not _excused(scene, s, texts, settings)]
    kept = [s for s in kept if not _deeper(scene, s, kept, settings)]
    kept.sort(key=lambda s: (-s.change.log_evidence, s.operation.key))
    # An operation may stop in several places; what is left over after the excused ones are gone is told once.
    told = {suspicion.operation.key: suspicion for suspicion in reversed(kept)}
    return [_finding(scene, s) for s in kept if told[s.operation.key] is s][: settings.max_findings]


def _suspicions(scene: Scene, operations: Sequence[Operation], steps: TimeSteps, settings: Settings) -> list[Suspicion]:
    breaks = [(operation, found) for operation in operations for found in breaks_of(operation)]
    candidates: list[tuple[Operation, Break, OutcomeChange]] = []
    for operation, group in groupby(breaks, key=itemgetter(0)):
        # Statements of one path fail together; of those that fail alike the last is the nearest to the fault.
        distinct: dict[tuple[int, ...], tuple[Break, OutcomeChange]] = {}
        for _, candidate in group:
            change = outcome_change(candidate.failures, candidate.trials)
            if change is None or change.failures_after < settings.min_stopped:
                continue
            if change.rate_after >= settings.min_rate_after:
                distinct[candidate.failures] = (candidate, change)
        best = sorted(distinct.values(), key=lambda found: -found[1].log_evidence)[: settings.places_an_operation]
        candidates.extend((operation, *found) for found in best)
    suspicions = []
    for operation, candidate, change in candidates:
        chance = probability(change.log_evidence, len(breaks))
        if chance >= settings.min_probability and not is_left_out(operation, change, breaks):
            onset_ns = steps.start_of(change.index)
            spans = broken_spans(scene.store, operation, candidate, onset_ns)
            suspicions.append(Suspicion(operation, candidate, change, chance, onset_ns, spans))
    return suspicions


def _excused(scene: Scene, suspicion: Suspicion, texts: Sequence[ErrorText], settings: Settings) -> bool:
    """Whether most of the broken spans come with an error that is not this code's own."""
    service, traces = suspicion.operation.service, suspicion.spans.traces
    services = scene.graph.services
    for template, sample, count in errors_in(scene.store, service, sorted(traces)):
        if count < settings.excused_share * len(traces):
            continue
        if mentions(sample, services, but=service):
            return True
        blank = without_names(template, services)
        for text in texts:
            elsewhere = text.service != service or text.first_ns < suspicion.onset_ns
            if elsewhere and without_names(text.template, services) == blank:
                return True
    return False


def _deeper(scene: Scene, suspicion: Suspicion, others: Sequence[Suspicion], settings: Settings) -> bool:
    """Whether a path of a service further down broke in most of the same traces."""
    below = set(scene.graph.downstream(suspicion.operation.service))
    traces = suspicion.spans.traces
    return any(
        len(traces & other.spans.traces) >= settings.excused_share * len(traces)
        for other in others
        if other.operation.service in below
    )


def _are_served(scene: Scene, traces: Collection[str]) -> bool:
    """Whether spans tell which requests fail, and hardly any of these does: an exception fails its caller."""
    prepare_linked_spans(scene.store)
    row = scene.store.query(
        "SELECT uniqExactIf(trace_id, failed) AS all_failed, "
        "uniqExactIf(trace_id, failed AND trace_id IN {traces:Array(String)}) AS failed_here FROM linked_spans",
        traces=sorted(traces),
    )[0]
    return int(row["all_failed"]) > 0 and int(row["failed_here"]) <= _FEW_FAIL * len(traces)


def _finding(scene: Scene, suspicion: Suspicion) -> Finding:
    operation, broken, change, spans = suspicion.operation, suspicion.broken, suspicion.change, suspicion.spans
    anchor = name_of(operation.name, broken.anchor)
    errors = errors_in(scene.store, operation.service, sorted(spans.traces))
    raised = next((sample for _, sample, _ in errors if "xception" in sample or "raceback" in sample), None)
    wrong = raised is None and (bool(errors) or _are_served(scene, spans.traces))
    summary = (
        f"{operation.service}: {operation.name} stops after {anchor}, before {broken.expected} "
        f"({change.failures_before} of {change.trials_before} requests before {format_instant(suspicion.onset_ns)}, "
        f"{change.failures_after} of {change.trials_after} since)"
    )
    return Finding(
        code="logs.path_break",
        # Where the process itself says that something went wrong but raised nothing, or where spans tell failures and
        # these requests have none, it returned early or wrongly.
        mechanism="wrong_result" if wrong else "exception",
        service=operation.service,
        summary=summary,
        severity=change.rate_after - change.rate_before,
        confidence=suspicion.probability,
        facts={
            "log_evidence": round(change.log_evidence, 3),
            "stopped_before": change.failures_before,
            "requests_before": change.trials_before,
            "stopped_after": change.failures_after,
            "requests_after": change.trials_after,
            "onset": format_instant(suspicion.onset_ns),
            "error": errors[0][1][:300] if errors else None,
        },
        citations=tuple(
            [span_citation(*span) for span in spans.broken[:3]] + [span_citation(*span) for span in spans.passed[-1:]]
        ),
        window=Window(suspicion.onset_ns, scene.windows.incident.end_ns),
        operation=operation.entry or operation.name,
        code_region=f"{anchor}{SEPARATOR}{broken.expected}",
    )


DETECTOR = Detector(
    code="logs.path_break",
    kinds=(Kind("logs.path_break", directness=0.9, symptom="own"),),
    mechanisms=("exception", "wrong_result"),
    needs=("spans", "logs"),
    settings=Settings(),
    detect=detect,
    dated=True,
)
