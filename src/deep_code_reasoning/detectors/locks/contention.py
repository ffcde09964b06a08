"""Work that waits for a lock that others hold.

Looks for: operations that take a lock (of the database: advisory locks, rows selected for update; or by name) and wait
for it many times as long as they did, while the same service's other calls do not.

Why it matters: the service idles, its processor and its database are fine, and every request stands in one line. The
line grows with the load until deadlines pass.

Stays silent when: locks are had at once; all calls of the service became slower alike (then what they call is slow);
the waits were as long before.

Example finding: `orders: waits 685 ms for pg_advisory_xact_lock(48151623) (median of the long waits), 2 ms before
10:49:38 (31 of 36 waits long, 0 of 40 before)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Scene, Skipped
from ..timeline.change_point import OutcomeChange, outcome_change, probability
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .operations import prepare_lock_ops


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        long_factor: a wait is long at this multiple of the shorter quarter of its kind: an order of magnitude, which
            no jitter of a network makes.
        min_wait_ms: and from here on: shorter waits hurt nobody.
        min_rise: the share of long waits must rise by this much; a fifth is felt.
        others_factor: the service's other calls may be slower by so much, else it is not the lock.
        min_waits: fewer long waits than this prove nothing.
        min_probability: lines form at locks now and then, so a new one must be nearly sure.
    """

    long_factor: float = 10.0
    min_wait_ms: float = 50.0
    min_rise: float = 0.2
    others_factor: float = 4.0
    min_waits: int = 5
    min_probability: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services that wait for locks."""
    if not prepare_lock_ops(scene.store):
        return Skipped("no span or event takes a lock")
    steps = time_steps(scene.store, "lock_waits")
    rows = scene.store.query(
        f"""
        WITH usual AS (SELECT service, quantileExact(0.25)(wait_ns) AS usual_ns FROM lock_waits GROUP BY service)
        SELECT service, groupArray((step, n, long)) AS steps, sum(long) AS concerned
        FROM (
            SELECT service, {step_of("start_ns")} AS step, count() AS n,
                   countIf(wait_ns >= {{least:Int64}} AND wait_ns >= {{factor:Float64}} * usual_ns) AS long
            FROM lock_waits JOIN usual USING (service) GROUP BY service, step
        )
        GROUP BY service HAVING concerned >= {{waits:UInt32}} ORDER BY service
        """,
        least=round(settings.min_wait_ms * NS_PER_MS),
        factor=settings.long_factor,
        waits=settings.min_waits,
        **steps.parameters(),
    )
    found = [finding for row in rows if (finding := _judge(scene, row, steps, settings)) is not None]
    return sorted(found, key=lambda f: (-f.confidence, -f.severity, f.service))


def _judge(scene: Scene, row: Row, steps: TimeSteps, settings: Settings) -> Finding | None:
    change = outcome_change(
        steps.spread((step, long) for step, _, long in row["steps"]),
        steps.spread((step, n) for step, n, _ in row["steps"]),
    )
    if change is None or change.rate_after - change.rate_before < settings.min_rise:
        return None
    chance = probability(change.log_evidence, 1)
    service, since_ns = str(row["service"]), steps.start_of(change.index)
    if chance < settings.min_probability or _others_slower(scene.store, service, since_ns) >= settings.others_factor:
        return None
    return _finding(scene, service, change, (since_ns, chance), settings)


def _others_slower(store: CaseStore, service: str, since_ns: int) -> float:
    """How many times as long the service's other innermost calls take, by the median over their names."""
    prepare_linked_spans(store)
    row = store.query(
        """
        WITH inner AS (SELECT DISTINCT trace_id, parent_span_id FROM linked_spans WHERE parent_service = service),
        names AS (
            SELECT name, quantileExactIf(0.75)(duration_ns, start_ns < {since:Int64}) AS before,
                   quantileExactIf(0.75)(duration_ns, start_ns >= {since:Int64}) AS after
            FROM linked_spans
            WHERE service = {service:String} AND parent_service = service AND (trace_id, span_id) NOT IN inner
              AND (trace_id, span_id) NOT IN (SELECT trace_id, span_id FROM lock_waits)
            GROUP BY name HAVING countIf(start_ns < {since:Int64}) >= 5 AND countIf(start_ns >= {since:Int64}) >= 5
        )
        SELECT medianExact(after / greatest(before, 1)) AS factor, count() AS names FROM names
        """,
        service=service,
        since=since_ns,
    )[0]
    return float(row["factor"] or 0.0) if row["names"] else 0.0


def _finding(
    scene: Scene, service: str, change: OutcomeChange, dated: tuple[int, float], settings: Settings
) -> Finding:
    since_ns, chance = dated
    longest = scene.store.query(
        """
        SELECT key, sum(wait_ns) AS total_ns, count() AS n, quantileExact(0.5)(wait_ns) AS usual_ns,
               arraySlice(arrayReverseSort(groupArray((wait_ns, trace_id, span_id))), 1, 4) AS worst
        FROM lock_waits WHERE service = {service:String} AND start_ns >= {since:Int64}
          AND wait_ns >= {least:Int64}
        GROUP BY key ORDER BY total_ns DESC, key LIMIT 1
        """,
        service=service,
        since=since_ns,
        least=round(settings.min_wait_ms * NS_PER_MS),
    )[0]
    before = scene.store.query(
        "SELECT quantileExact(0.5)(wait_ns) AS wait_ns FROM lock_waits "
        "WHERE service = {service:String} AND start_ns < {since:Int64}",
        service=service,
        since=since_ns,
    )[0]
    wait_ms, before_ms = float(longest["usual_ns"]) / NS_PER_MS, float(before["wait_ns"] or 0) / NS_PER_MS
    return Finding(
        code="locks.contention",
        mechanism="lock_contention",
        service=service,
        summary=(
            f"{service}: waits {wait_ms:.0f} ms for {longest['key']} (median of the long waits), {before_ms:.0f} ms "
            f"before {format_instant(since_ns)} ({change.failures_after} of {change.trials_after} waits long, "
            f"{change.failures_before} of {change.trials_before} before)"
        ),
        severity=min(1.0, change.rate_after),
        confidence=min(0.95, chance),
        facts={
            "lock": str(longest["key"]),
            "wait_ms": round(wait_ms, 3),
            "wait_ms_before": round(before_ms, 3),
            "long_share": round(change.rate_after, 4),
            "long_share_before": round(change.rate_before, 4),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(trace, span) for _, trace, span in longest["worst"]),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=str(longest["key"]),
    )


DETECTOR = Detector(
    code="locks.contention",
    mechanisms=("lock_contention",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
