"""An operation that fails on every request.

Looks for: an operation whose requests nearly all carry an error record of the service itself, from the first moment of
the evidence to the last.

Why it matters: when evidence begins after the fault did, there is no change to be seen. An operation that never
succeeds is then as much as can be said.

Stays silent when: some requests pass; the error names another service, or services further down fail as well (the
deepest is told); there are too few requests. Errors that *begin* are for `logs.new_errors`.

Example finding: `contacts: all 24 requests to /contacts/{id} log "No contacts according to contactsId"`.

Confidence is low: systems carry errors for years that nobody minds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.wording import excerpt, out_of
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.names import mentions
from .steps import SEPARATOR, prepare_span_steps


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_requests: fewer may all fail by chance.
        always: share of failed requests from which on an operation always fails; a straggler at the edge is allowed.
        confidence: of a finding; see the module's text.
    """

    min_requests: int = 5
    always: float = 0.95
    confidence: float = 0.3


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find operations that always fail."""
    prepare_span_steps(scene.store)
    rows = scene.store.query(
        """
        SELECT service, entry, operation, uniqExact(trace_id) AS requests,
               uniqExactIf(trace_id, notEmpty(errors)) AS failed,
               minIf((errors[1], labels[indexOf(labels, errors[1]) - 1]), notEmpty(errors)) AS told,
               arraySlice(arraySort(groupArrayIf((start_ns, trace_id, span_id), notEmpty(errors))), 1, 3) AS cited
        FROM span_steps
        GROUP BY service, entry, operation
        HAVING requests >= {requests:UInt32} AND failed >= {always:Float64} * requests
        ORDER BY service, entry, operation
        """,
        requests=settings.min_requests,
        always=settings.always,
    )
    traces = int(scene.store.query("SELECT uniqExact(trace_id) AS n FROM span_steps")[0]["n"])
    failing = {row["service"] for row in rows}
    findings = []
    for row in rows:
        if failing.intersection(scene.graph.downstream(row["service"])):
            continue
        error, previous = row["told"]
        cited = [(trace, span) for _, trace, span in row["cited"]]
        sample = _sample(scene, *cited[0])
        if mentions(sample, scene.graph.services, but=row["service"]):
            continue
        findings.append(
            Finding(
                code="logs.chronic_error",
                mechanism="wrong_result",
                service=row["service"],
                summary=(
                    f"{row['service']}: {out_of(row['failed'], row['requests'], 'requests')} to "
                    f"{row['entry'] or row['operation']} log an error: {excerpt(sample, 160)}"
                ),
                severity=int(row["failed"]) / traces,
                confidence=settings.confidence,
                facts={"requests": int(row["requests"]), "failed": int(row["failed"]), "error": sample[:300]},
                citations=tuple(span_citation(*pair) for pair in cited),
                window=scene.windows.incident,
                operation=row["entry"] or row["operation"],
                code_region=f"{previous}{SEPARATOR}{error}" if previous else None,
            )
        )
    findings.sort(key=lambda f: (-f.severity, f.service, f.operation or ""))
    return findings


def _sample(scene: Scene, trace: str, span: str) -> str:
    rows = scene.store.query(
        """
        SELECT body FROM logs WHERE trace_id = {trace:String} AND span_id = {span:String}
          AND (time_ns, shape) IN (SELECT time_ns, shape FROM statements WHERE trace_id = {trace:String}
                                   AND span_id = {span:String} AND is_error)
        ORDER BY time_ns, body LIMIT 1
        """,
        trace=trace,
        span=span,
    )
    return str(rows[0]["body"]) if rows else ""


DETECTOR = Detector(
    code="logs.chronic_error",
    kinds=(Kind("logs.chronic_error", directness=0.9, family="chronic"),),
    mechanisms=("wrong_result",),
    needs=("spans", "logs"),
    settings=Settings(),
    detect=detect,
)
