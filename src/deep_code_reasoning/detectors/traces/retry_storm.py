"""Retries that multiply the load on what already fails.

Looks for: requests in which one service calls another several times over because the calls fail, more often than a
usual policy of three attempts explains, and reach it, by one caller or by several layers of them that each try again.

Why it matters: what was slow for a moment is kept down by its callers: each failure brings more calls. The callee looks
like the culprit; the callers' policy is.

Stays silent when: calls are tried up to three times; the callee gets no more of them than before (it is down, or
cannot be reached); they are repeated without failing; the callee is outside of the
traces (an outage of others, whatever the retries); it was so before; a caller
further up gives up on a few retries (its deadline is too short for them).

Example finding: `orders: calls inventory up to 12 times a request since 10:23:00 (4 failed attempts in a row, 2 layers
retry), 1 before: 7.2 times the load`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Scene, Skipped
from ..timeline.change_point import outcome_change, probability
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.time_steps import TimeSteps, step_of, time_steps


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_attempts: gRPC, AWS and Spring try three times by default; a storm is more, by one layer or by several.
        few_attempts: up to so many retries that a caller further up does not wait for are a matter of its deadline.
        min_failed: so many of them fail, else they are different calls.
        min_served: the callee must be reached by so many times as many calls a second: what it refuses, or never gets,
            is no load on it, and it has a trouble of its own.
        min_requests: fewer requests than this prove nothing.
        min_probability: a finding is told when it is likelier than not.
    """

    min_attempts: int = 4
    few_attempts: int = 5
    min_failed: int = 2
    min_served: float = 1.2
    min_requests: int = 3
    min_probability: float = 0.5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find callers that try again and again."""
    prepare_linked_spans(scene.store)
    if not scene.store.query("SELECT max(failed) AS n FROM linked_spans")[0]["n"]:
        return Skipped("no span says that it failed")
    _prepare_attempts(scene.store)
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT service, callee, groupArray((step, n, stormy)) AS steps, sum(stormy) AS concerned
        FROM (
            SELECT service, callee, {step_of("start_ns")} AS step, count() AS n,
                   countIf(calls >= {{attempts:UInt32}} AND failures >= {{failed:UInt32}} AND 2 * failures >= calls)
                       AS stormy
            FROM attempts GROUP BY service, callee, step
        )
        GROUP BY service, callee HAVING concerned >= {{least:UInt32}} ORDER BY service, callee
        """,
        attempts=settings.min_attempts,
        failed=settings.min_failed,
        least=settings.min_requests,
        **steps.parameters(),
    )
    found = [finding for row in rows if (finding := _judge(scene, row, steps, settings)) is not None]
    # Layers that retry above each other are one storm: it is told of the caller nearest to what fails.
    callers = {finding.service for finding in found}
    inner = [f for f in found if not callers & set(scene.graph.downstream(f.service)) - {f.service}]
    reached = [f for f in inner or found if _served(scene, f) >= settings.min_served]
    return sorted(reached, key=lambda f: (-f.confidence, -f.severity, f.service))


def _prepare_attempts(store: CaseStore) -> None:
    """The table `attempts`: by trace, caller and callee, how many calls, how many failed, most by one parent."""
    store.derive(
        "attempts",
        """
        WITH edges AS (
            SELECT parent_service AS service, parent_name AS name, topK(1)(l.service)[1] AS callee
            FROM linked_spans AS l
            WHERE has_parent AND l.service != l.parent_service GROUP BY parent_service, parent_name
        ),
        calls AS (
            SELECT l.trace_id AS trace_id, l.service AS service, e.callee AS callee, l.parent_span_id AS parent_span_id,
                   min(l.start_ns) AS start_ns, count() AS calls, sum(l.failed) AS failures
            FROM linked_spans AS l JOIN edges AS e ON l.service = e.service AND l.name = e.name
            WHERE l.kind NOT IN ('server', 'consumer', 'producer') AND l.parent_service = l.service
            GROUP BY trace_id, service, callee, parent_span_id
        )
        SELECT trace_id, service, callee, min(c.start_ns) AS start_ns, sum(c.calls) AS calls,
               sum(c.failures) AS failures, max(c.calls) AS in_a_row, count() AS parents
        FROM calls AS c GROUP BY trace_id, service, callee
        """,
    )


def _judge(scene: Scene, row: Row, steps: TimeSteps, settings: Settings) -> Finding | None:
    change = outcome_change(
        steps.spread((step, stormy) for step, _, stormy in row["steps"]),
        steps.spread((step, n) for step, n, _ in row["steps"]),
    )
    chance = probability(change.log_evidence, 1) if change is not None else 0.0
    if change is None or chance < settings.min_probability:
        return None
    service, callee, since_ns = str(row["service"]), str(row["callee"]), steps.start_of(change.index)
    extent = scene.store.query(
        """
        SELECT avgIf(calls, start_ns < {since:Int64}) AS before, avgIf(calls, start_ns >= {since:Int64}) AS now,
               max(calls) AS most, maxIf(in_a_row, failures > 0) AS in_a_row, max(parents) AS parents
        FROM attempts WHERE service = {service:String} AND callee = {callee:String}
        """,
        since=since_ns,
        service=service,
        callee=callee,
    )[0]
    if int(extent["most"]) <= settings.few_attempts and _given_up(scene.store, service) >= settings.min_requests:
        return None
    before, now = float(extent["before"] or 1.0), float(extent["now"])
    layers = 2 if int(extent["parents"]) > 1 else 1
    return Finding(
        code="traces.retry_storm",
        mechanism="retry_storm",
        service=service,
        summary=(
            f"{service}: calls {callee} up to {extent['most']} times a request since {format_instant(since_ns)} "
            f"({extent['in_a_row']} attempts in a row{', more than one layer retries' if layers > 1 else ''}), "
            f"{before:.1f} before: {now / before:.1f} times the load"
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(0.95, chance),
        facts={
            "callee": callee,
            "calls_per_request_before": round(before, 3),
            "calls_per_request": round(now, 3),
            "most_calls": int(extent["most"]),
            "attempts_in_a_row": int(extent["in_a_row"]),
            "amplification": round(now / before, 3),
            "onset": format_instant(since_ns),
        },
        citations=_citations(scene.store, service, callee),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=callee,
    )


def _served(scene: Scene, storm: Finding) -> float:
    """How many times as many calls a second reach the callee of a storm; infinite where none came before it."""
    row = scene.store.query(
        """
        SELECT countIf(of_callee AND start_ns < {since:Int64}) AS before,
               countIf(of_callee AND start_ns >= {since:Int64}) AS now,
               {since:Int64} - min(start_ns) AS calm_ns, max(start_ns) - {since:Int64} AS bad_ns
        FROM (
            SELECT start_ns, service = {callee:String} AND parent_service = {service:String} AS of_callee
            FROM linked_spans
        )
        """,
        service=storm.service,
        callee=storm.resource or "",
        since=storm.window.start_ns if storm.window else 0,
    )[0]
    before, calm_ns, bad_ns = int(row["before"]), int(row["calm_ns"]), int(row["bad_ns"])
    return int(row["now"]) / max(1, bad_ns) * calm_ns / before if before else math.inf


def _given_up(store: CaseStore, service: str) -> int:
    """Calls into a service that failed before it was done."""
    row = store.query(
        """
        SELECT count() AS n FROM linked_spans
        WHERE service = {service:String} AND parent_service != service AND parent_failed
          AND duration_ns > parent_duration_ns
        """,
        service=service,
    )[0]
    return int(row["n"])


def _citations(store: CaseStore, service: str, callee: str) -> tuple[Citation, ...]:
    rows = store.query(
        """
        WITH worst AS (
            SELECT trace_id FROM attempts WHERE service = {service:String} AND callee = {callee:String}
            ORDER BY failures DESC, trace_id LIMIT 1
        )
        SELECT trace_id, span_id FROM linked_spans
        WHERE trace_id IN (SELECT trace_id FROM worst) AND service = {service:String} AND failed
          AND parent_service = service
        ORDER BY start_ns, span_id LIMIT 4
        """,
        service=service,
        callee=callee,
    )
    return tuple(span_citation(row["trace_id"], row["span_id"]) for row in rows)


DETECTOR = Detector(
    code="traces.retry_storm",
    mechanisms=("retry_storm",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
