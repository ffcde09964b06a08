"""Where failing requests fail first.

Looks for: spans with error status none of whose own calls failed: there the failure began, all error spans above it
only pass it on. A service in which requests begin to fail, or fail in the only traces there are, is told.

Why it matters: one failing service paints the whole trace red up to the user; the deepest error is the one to read.

Stays silent when: the failure came from further down; the error says that the *caller* gave up (cancelled, by
OpenTelemetry's and gRPC's status codes): the caller's deadline is then what failed; failures were as frequent before.

Example finding: `payments: requests fail in Charge since 10:23:00 (95% of them, 0% before): "nil pointer dereference"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import excerpt
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import outcome_change, probability
from ..timeline.linked_spans import prepare_linked_spans, taken_traces
from ..timeline.names import mentions
from ..timeline.span_errors import ERROR_TEXT, JOIN_ERRORS, prepare_span_errors
from ..timeline.time_steps import step_of, time_steps
from ..vocabulary.told import TOLD_MECHANISMS, told_mechanism


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_probability: a finding is told when it is likelier than not.
        few_traces: below so many traces in all they are hand-picked examples, not a sample: then each failure counts as
            told by whoever picked it.
        example_confidence: of a finding from such examples.
    """

    min_probability: float = 0.5
    few_traces: int = 30
    example_confidence: float = 0.5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services in which failures begin."""
    if not scene.store.query("SELECT count() AS n FROM spans WHERE status != ''")[0]["n"]:
        return Skipped("no span says whether it failed")
    _prepare_failures(scene.store)
    steps = time_steps(scene.store, "linked_spans")
    picked = scene.store.query("SELECT uniq(trace_id) AS n FROM linked_spans")[0]["n"] < settings.few_traces
    rows = scene.store.query(
        f"""
        SELECT service, groupArray((step, n, failed)) AS steps, sum(n) AS requests, sum(failed) AS failures
        FROM (
            -- A request counts once, when it came to the service: one that fails is one failure, however long it takes.
            SELECT service, step, count() AS n, countIf(has_failed) AS failed
            FROM (
                SELECT service, {step_of("min(start_ns)")} AS step,
                       (trace_id, service) IN (SELECT trace_id, service FROM failures) AS has_failed
                FROM linked_spans GROUP BY service, trace_id
            )
            GROUP BY service, step
        )
        GROUP BY service HAVING failures > 0 ORDER BY service
        """,
        **steps.parameters(),
    )
    findings = []
    for row in rows:
        failed = steps.spread((step, bad) for step, _, bad in row["steps"])
        change = outcome_change(failed, steps.spread((step, count) for step, count, _ in row["steps"]))
        chance = probability(change.log_evidence, len(rows)) if change is not None else 0.0
        if change is not None and chance >= settings.min_probability:
            rates = (change.rate_before, change.rate_after)
            findings.append(_finding(scene, row["service"], chance, rates, steps.start_of(change.index)))
        elif picked:
            share = int(row["failures"]) / int(row["requests"])
            findings.append(_finding(scene, row["service"], settings.example_confidence, (0.0, share), since_ns=0))
    findings.sort(key=lambda f: (-f.severity * f.confidence, f.service))
    return findings


def _prepare_failures(store: CaseStore) -> None:
    """The table `failures`: spans with error status whose children have none, and which were not cancelled."""
    prepare_linked_spans(store)
    prepare_span_errors(store)
    store.derive(
        "failures",
        f"""
        WITH failing AS (
            SELECT trace_id, span_id, parent_span_id, service, name, start_ns, status_message,
                   attributes['rpc.grpc.status_code'] IN ('1', 'CANCELLED')
                       OR match(status_message, '(?i)cancell?ed') AS cancelled
            FROM spans WHERE status = 'error' AND cityHash64(trace_id) % {{every:UInt32}} = 0
        )
        SELECT trace_id, span_id, service, name, start_ns, {ERROR_TEXT} AS error FROM failing {JOIN_ERRORS}
        WHERE NOT cancelled AND (trace_id, span_id) NOT IN (
            SELECT trace_id, parent_span_id FROM failing WHERE NOT cancelled AND span_id != parent_span_id
        )
        """,
        "trace_id String, span_id String, service LowCardinality(String), name LowCardinality(String), "
        "start_ns Int64, error String",
        every=taken_traces(store),
    )


def _finding(scene: Scene, service: str, chance: float, rates: tuple[float, float], since_ns: int) -> Finding:
    rows = scene.store.query(
        """
        SELECT name, error, trace_id, span_id, start_ns FROM failures
        WHERE service = {service:String} AND start_ns >= {since:Int64}
        ORDER BY start_ns, trace_id, span_id LIMIT 1000
        """,
        service=service,
        since=since_ns,
    )
    names: dict[str, int] = {}
    for row in rows:
        names[row["name"]] = names.get(row["name"], 0) + 1
    operation = max(sorted(names), key=lambda name: names[name])
    told = [row for row in rows if row["name"] == operation]
    message = next((row["error"] for row in told if row["error"]), "")
    onset_ns = int(rows[0]["start_ns"])
    before, after = rates
    return Finding(
        code="traces.failures",
        mechanism=told_mechanism(message),
        service=service,
        summary=(
            f"{service}: requests fail in {operation} since {format_instant(onset_ns)} ({after:.0%} of them, "
            f"{before:.0%} before)" + (f': "{excerpt(message, 200)}"' if message else "")
        ),
        severity=max(0.0, after - before),
        confidence=chance,
        facts={
            "failed_share_before": round(before, 4),
            "failed_share_after": round(after, 4),
            "error": message[:300] or None,
            "names_services": tuple(mentions(message, scene.graph.services, service)),
            "onset": format_instant(onset_ns),
        },
        citations=tuple(span_citation(row["trace_id"], row["span_id"]) for row in told[:3]),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        operation=operation,
    )


DETECTOR = Detector(
    code="traces.failures",
    kinds=(Kind("traces.failures", directness=0.8, symptom="inherited", errors=True),),
    mechanisms=TOLD_MECHANISMS,
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
