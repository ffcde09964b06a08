"""Work that waits for a lock that others hold.

Looks for: operations that take a lock (of the database: advisory locks, rows selected for update; or by name) and wait
for it many times as long as they did, while the same service's other calls do not.

Why it matters: the service idles, its processor and its database are fine, and every request stands in one line. The
line grows with the load until deadlines pass.

Stays silent when: locks are had at once; all calls of the service became slower alike (then what they call is slow);
the waits were as long before; those who hold the lock meanwhile wait for each other (a deadlock is then what all wait
for), wait for others whom they call and who became slow or fail, or find no free connection or worker.

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
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..symptoms.pool_words import starving_texts
from ..timeline.change_point import OutcomeChange, probability
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.statements import statement_of
from .asks import prepare_asks
from .deadlocks import deadlocks
from .holds import prepare_holds
from .reports import Report, reported
from .waits import LONG, Length, LongWaits, long_waits, prepare_waits


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        length: when a wait is long.
        min_rise: the share of long waits must rise by this much; a fifth is felt.
        most: where most requests wait long nothing more is asked; of fewer,
        min_standing: one waits for so much of the time: a line that forms now and then, and is gone, is a busy moment.
        others_factor: the service's other calls may be slower by so much, else it is not the lock.
        stuck_holders: nor is it where so much of the time of its long waits is in a deadlock or behind it.
        kept_holders: nor is it where for so much of them the holders' calls to others fail, or take long (by the same
            factor), since they began.
        starved_holders: nor is it where for so much of the waits the holders find no free connection or worker.
        min_requests: fewer requests that wait long than this prove nothing.
        min_probability: lines form at locks now and then, so a new one must be nearly sure.
    """

    length: Length = LONG
    min_rise: float = 0.2
    most: float = 0.5
    min_standing: float = 0.1
    others_factor: float = 4.0
    stuck_holders: float = 0.5
    kept_holders: float = 0.5
    starved_holders: float = 0.5
    min_requests: int = 5
    min_probability: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services that wait for locks, and those that are told that they waited in vain."""
    if not prepare_waits(scene.store):
        return Skipped("no span or event takes a lock, and nothing reports that one was not to be had")
    stuck = {
        service
        for known in deadlocks(scene.store)
        if known.share >= settings.stuck_holders
        for service in known.services
    }
    seen = [
        waits for waits in long_waits(scene.store, settings.length, settings.min_requests) if waits.service not in stuck
    ]
    found = [finding for waits in seen if (finding := _judge(scene, waits, settings)) is not None]
    reports = reported(scene.store, "denied", settings.min_requests)
    told = {finding.service for finding in found} | {report.service for report in reports}
    found += [
        _denied(scene, report, probability(report.change.log_evidence, 1))
        for report in reports
        if report.service not in stuck | {finding.service for finding in found}
        and not (report.hearsay and told & set(scene.graph.downstream(report.service)) - {report.service})
        and probability(report.change.log_evidence, 1) >= settings.min_probability
    ]
    return sorted(found, key=lambda f: (-f.confidence, -f.severity, f.service))


def _judge(scene: Scene, waits: LongWaits, settings: Settings) -> Finding | None:
    change = waits.change
    if change.rate_after - change.rate_before < settings.min_rise:
        return None
    chance = probability(change.log_evidence, 1)
    if chance < settings.min_probability:
        return None
    if change.rate_after < settings.most and _standing(scene, waits, settings) < settings.min_standing:
        return None
    if _others_slower(scene.store, waits.service, waits.since_ns) >= settings.others_factor:
        return None
    if _kept_holders(scene.store, waits, settings) >= settings.kept_holders:
        return None
    if _starved_holders(scene, waits.service, settings) >= settings.starved_holders:
        return None
    return _finding(scene, waits.service, change, (waits.since_ns, chance), settings)


def _standing(scene: Scene, waits: LongWaits, settings: Settings) -> float:
    """The share of the time since a service's waits became long in which a request of it waits long."""
    row = scene.store.query(
        """
        WITH long AS (
            SELECT start_ns, start_ns + wait_ns AS end_ns,
                   max(end_ns) OVER (ORDER BY start_ns, span_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                       AS covered_ns
            FROM waits WHERE service = {service:String} AND start_ns >= {since:Int64} AND wait_ns >= {least:Int64}
        )
        SELECT sum(greatest(0, end_ns - greatest(start_ns, covered_ns))) AS waited_ns, max(end_ns) AS last_ns FROM long
        """,
        service=waits.service,
        since=waits.since_ns,
        least=round(settings.length.least_ms * NS_PER_MS),
    )[0]
    until_ns = max(int(row["last_ns"]), scene.windows.incident.end_ns)
    return int(row["waited_ns"]) / max(1, until_ns - waits.since_ns)


def _kept_holders(store: CaseStore, waits: LongWaits, settings: Settings) -> float:
    """Of the time of a service's long waits, the share in which a call of the lock's holder fails or has become slow.

    Calls to others: databases are asked by statements, of which new ones may go by old names.
    """
    if not prepare_asks(store):
        return 0.0
    prepare_linked_spans(store)
    row = store.query(
        f"""
        WITH waiting AS (
            SELECT key, trace_id, min(t.start_ns) AS start_ns, max(t.end_ns) AS end_ns FROM lock_tries AS t
            WHERE service = {{service:String}} GROUP BY key, trace_id, series
            HAVING end_ns - start_ns >= {{least:Int64}}
        ),
        holders AS (
            SELECT h.trace_id AS trace_id, greatest(h.start_ns, w.start_ns) AS from_ns,
                   least(h.end_ns, w.end_ns) AS until_ns
            FROM waiting AS w JOIN lock_held AS h ON w.key = h.key
            WHERE h.trace_id != w.trace_id AND h.end_ns > w.start_ns AND h.start_ns < w.end_ns
        ),
        inner AS (SELECT parent_key FROM linked_spans WHERE parent_service = service),
        calls AS (
            SELECT trace_id, span_id, name, start_ns, duration_ns, failed FROM linked_spans
            WHERE service = {{service:String}} AND parent_service = service AND span_key NOT IN inner
              AND (trace_id, span_id) NOT IN (SELECT trace_id, span_id FROM lock_tries)
        ),
        usual AS (
            SELECT name, quantileExact(0.5)(duration_ns) AS usual_ns FROM calls WHERE start_ns < {{since:Int64}}
            GROUP BY name HAVING count() >= 5
        ),
        kept AS (
            SELECT DISTINCT trace_id FROM calls AS c LEFT ANY JOIN usual AS u ON c.name = u.name
            WHERE trace_id IN (SELECT trace_id FROM holders)
              AND (failed OR (usual_ns > 0 AND duration_ns >= {{least:Int64}}
                              AND duration_ns >= {{factor:Float64}} * usual_ns))
              AND (trace_id, span_id) NOT IN (
                  SELECT trace_id, span_id FROM spans
                  WHERE trace_id IN (SELECT trace_id FROM holders) AND {statement_of()} != ''
              )
        )
        SELECT sum(until_ns - from_ns) AS held_ns, sumIf(until_ns - from_ns, trace_id IN kept) AS kept_ns FROM holders
        """,
        service=waits.service,
        since=waits.since_ns,
        least=round(settings.length.least_ms * NS_PER_MS),
        factor=settings.others_factor,
    )[0]
    return int(row["kept_ns"]) / int(row["held_ns"]) if row["held_ns"] else 0.0


def _starved_holders(scene: Scene, service: str, settings: Settings) -> float:
    """Of the time of a service's long waits, the share in which who holds the lock finds no free connection or worker.

    Who waits for a lock may keep a connection; who has the lock and gets no connection does not wait for a lock.
    """
    starving = {shape for (of, _), shapes in starving_texts(scene).items() if of == service for shape in shapes}
    if not starving or not prepare_holds(scene.store):
        return 0.0
    row = scene.store.query(
        """
        SELECT sum(least(h.end_ns, w.start_ns + w.wait_ns) - greatest(h.start_ns, w.start_ns) AS ns) AS held_ns,
               sumIf(ns, h.trace_id IN (
                   SELECT trace_id FROM pool_words WHERE service = {service:String} AND shape IN {shapes:Array(String)}
               )) AS starved_ns
        FROM waits AS w JOIN lock_holds AS h ON w.key = h.key
        WHERE w.service = {service:String} AND wait_ns >= {least:Int64} AND h.trace_id != w.trace_id
          AND h.end_ns > w.start_ns AND h.start_ns < w.start_ns + w.wait_ns
        """,
        service=service,
        shapes=sorted(starving),
        least=round(settings.length.least_ms * NS_PER_MS),
    )[0]
    return int(row["starved_ns"]) / int(row["held_ns"]) if row["held_ns"] else 0.0


def _others_slower(store: CaseStore, service: str, since_ns: int) -> float:
    """How many times as long the service's other innermost calls take, by the median over what they do.

    Calls of one name that put other statements are others: a new one that is slow makes no old one slower.
    """
    prepare_linked_spans(store)
    row = store.query(
        rf"""
        WITH inner AS (SELECT parent_key FROM linked_spans WHERE parent_service = service),
        texts AS (
            SELECT trace_id, span_id, cityHash64(replaceRegexpAll({statement_of()}, '\'[^\']*\'|[0-9]+', '?')) AS text
            FROM spans WHERE service = {{service:String}}
        ),
        kinds AS (
            SELECT name, text, quantileExactIf(0.75)(duration_ns, start_ns < {{since:Int64}}) AS before,
                   quantileExactIf(0.75)(duration_ns, start_ns >= {{since:Int64}}) AS after
            FROM linked_spans AS l JOIN texts AS t ON l.trace_id = t.trace_id AND l.span_id = t.span_id
            WHERE service = {{service:String}} AND parent_service = service AND l.span_key NOT IN inner
              AND (l.trace_id, l.span_id) NOT IN (SELECT trace_id, span_id FROM waits)
            GROUP BY name, text
            HAVING countIf(start_ns < {{since:Int64}}) >= 5 AND countIf(start_ns >= {{since:Int64}}) >= 5
        )
        SELECT medianExact(after / greatest(before, 1)) AS factor, count() AS kinds FROM kinds
        """,
        service=service,
        since=since_ns,
    )[0]
    return float(row["factor"] or 0.0) if row["kinds"] else 0.0


def _finding(
    scene: Scene, service: str, change: OutcomeChange, dated: tuple[int, float], settings: Settings
) -> Finding:
    since_ns, chance = dated
    longest = scene.store.query(
        """
        SELECT key, sum(wait_ns) AS total_ns, count() AS n, quantileExact(0.5)(wait_ns) AS usual_ns,
               arraySlice(arrayReverseSort(groupArray((wait_ns, trace_id, span_id))), 1, 4) AS worst
        FROM waits WHERE service = {service:String} AND start_ns >= {since:Int64}
          AND wait_ns >= {least:Int64}
        GROUP BY key ORDER BY total_ns DESC, key LIMIT 1
        """,
        service=service,
        since=since_ns,
        least=round(settings.length.least_ms * NS_PER_MS),
    )[0]
    before = scene.store.query(
        "SELECT quantileExact(0.5)(wait_ns) AS wait_ns FROM waits "
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


def _denied(scene: Scene, report: Report, chance: float) -> Finding:
    change = report.change
    return Finding(
        code="locks.contention",
        mechanism="lock_contention",
        service=report.service,
        summary=(
            f"{report.service}: waits for locks in vain since {format_instant(report.since_ns)} "
            f'({change.failures_after} of {change.trials_after} requests): "{report.message[:160]}"'
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(0.95, chance),
        facts={
            "requests": report.requests,
            "message": report.message[:300],
            "onset": format_instant(report.since_ns),
        },
        citations=report.citations,
        window=Window(report.since_ns, max(report.since_ns + 1, scene.windows.incident.end_ns)),
    )


DETECTOR = Detector(
    code="locks.contention",
    kinds=(Kind("locks.contention", directness=0.95, family="seen"),),
    mechanisms=("lock_contention",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
