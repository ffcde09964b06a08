"""Two holders of one lock: a lease that ended before its holder was done.

Looks for: a lock that one holder takes while another, who took it before, still works under it: the lease ran out
before it was renewed. Told with it: by how much the renewal came too late, and whether a clock that is off is why: a
time of expiry that one host computes and another one judges is wrong by the difference of their clocks. And what the
first holder still did to others when it had lost the lock, and whether a fencing token would have let them refuse
(Kleppmann, *How to do distributed locking*, 2016).

Why it matters: both work on what only one may touch; money is moved twice, writes are lost. No single service sees
it: each holder has a correct lock, and the failures have no pattern but this one.

Stays silent when: locks are handed over in order; the overlap is within what the clocks leave uncertain; most holds of
a lock overlap at all times (then it is no exclusive lock, or its key is not told).

Example finding: `payments: lock:account:71 had two owners at once 12 times (of 118 holds), worker-3 and worker-5: the
lease expired 48.9 ms before its renewal, the clock of node-4 is 198.0 ms behind; 9 of 21 requests under it failed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import Citation, span_citation
from ...domain.finding import Fact, Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import outcome_change
from ..timeline.clocks import host_name
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .holds import prepare_holds


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        max_overlapping: a lock that is shared by more than this share of its holds is not an exclusive one.
        sure_overlaps: so many overlaps are no accident of recording.
        sure_proofs: one is none either with two of these: the first holder was seen to renew a lease that had run out;
            a clock that is off tells why; requests under it failed. What made the work outlast the lease, be it a
            partner that is slow, made these wait, and not fail.
        min_skew_ms: a clock is blamed when it is off by more than time synchronisation leaves and leases allow for, and
            by at least half of the gap.
    """

    max_overlapping: float = 0.5
    sure_overlaps: int = 3
    sure_proofs: int = 2
    min_skew_ms: float = 5.0


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find locks that had two holders."""
    if not prepare_holds(scene.store):
        return Skipped("no span or event takes and gives back a lock")
    store = scene.store
    steps = time_steps(store, "lock_holds")
    rows = store.query(
        f"""
        WITH counts AS (
            SELECT service, sum(n) AS holds, groupArray((step, n)) AS held
            FROM (SELECT service, {step_of("start_ns")} AS step, count() AS n FROM lock_holds GROUP BY service, step)
            GROUP BY service
        )
        SELECT prior_service AS service, any(holds) AS holds, any(held) AS held, count() AS overlaps,
               uniqExact(key) AS locks, min(lock_overlaps.start_ns) AS since,
               groupArray({step_of("lock_overlaps.start_ns")}) AS steps
        FROM lock_overlaps JOIN counts ON counts.service = prior_service
        GROUP BY service HAVING overlaps <= {{most:Float64}} * holds ORDER BY overlaps DESC, service
        """,
        most=settings.max_overlapping,
        **steps.parameters(),
    )
    return [_finding(scene, row, _since(row, steps), settings) for row in rows]


def _since(row: Row, steps: TimeSteps) -> int:
    """When overlaps became frequent; when they always were, the first: one may come of a pause long before."""
    overlaps, holds = steps.spread((step, 1) for step in row["steps"]), steps.spread(row["held"])
    change = outcome_change(overlaps, [max(n, k) for n, k in zip(holds, overlaps, strict=True)])
    return int(row["since"]) if change is None else max(int(row["since"]), steps.start_of(change.index))


def _finding(scene: Scene, row: Row, since_ns: int, settings: Settings) -> Finding:
    service, overlaps = str(row["service"]), int(row["overlaps"])
    worst = _examples(scene.store, service)
    first, gaps = worst[0], _gaps(scene.store, service)
    gap_ms = float(gaps["gap_ms"]) if gaps["gap_ms"] is not None and float(gaps["gap_ms"]) > 0 else None
    skew = _skewed_clock(scene.store, service, max(settings.min_skew_ms, (gap_ms or 0.0) / 2))
    host = host_name(scene.store, str(skew["clock"])) if skew is not None else None
    requests = _requests(scene.store, service)
    failed = int(requests["failed"])
    proofs = (gap_ms is not None) + (skew is not None) + (failed > 0)
    owners = tuple(str(first[name] or first[trace]) for name, trace in _OWNERS)
    text = [
        f"{service}: {first['key']} had two owners at once ({overlaps} times on {row['locks']} locks, of "
        f"{row['holds']} holds), {owners[0]} and {owners[1]}"
    ]
    if gap_ms is not None:
        text.append(f"the lease expired {gap_ms:.1f} ms before its renewal")
    if skew is not None:
        way = "ahead" if float(skew["offset_ms"]) > 0 else "behind"
        text.append(f"the clock of {host} is {abs(float(skew['offset_ms'])):.1f} ms {way}")
    if failed:
        text.append(f"{failed} of {requests['touched']} requests under it failed")
    if requests["calls"]:
        text.append(f"{requests['calls']} calls were made under a lock that was lost")
    return Finding(
        code="locks.lease_expired",
        mechanism="lock_lease_expired",
        service=service,
        summary=text[0] + ": " + ", ".join(text[1:]) if text[1:] else text[0],
        severity=1.0 if failed else 0.6,
        confidence=0.97 if overlaps >= settings.sure_overlaps or proofs >= settings.sure_proofs else 0.7,
        facts=_facts(row, first, gaps, skew, owners)
        | {
            "hosts": tuple(host_name(scene.store, str(first[name])) for name in ("prior_clock", "clock")),
            "skewed_host": host,
            "gap_ms": None if gap_ms is None else round(gap_ms, 3),
            "requests_failed": failed,
            "requests_under_it": int(requests["touched"]),
            "calls_after_loss": int(requests["calls"]),
            "fencing_token": bool(requests["fenced"]),
            "onset": format_instant(since_ns),
        },
        citations=_citations(worst),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=str(first["key"]),
        instance=str(skew["clock"]) if skew is not None else None,
    )


_OWNERS = (("prior_owner", "prior_trace_id"), ("owner", "trace_id"))


def _facts(row: Row, first: Row, gaps: Row, skew: Row | None, owners: tuple[str, ...]) -> dict[str, Fact]:
    return {
        "lock": str(first["key"]),
        "owners": owners,
        "expiry_on_another_clock": skew is not None and first["prior_clock"] != first["clock"],
        "clock_offset_ms": round(float(skew["offset_ms"]), 3) if skew is not None else None,
        "ttl_ms": round(int(first["prior_ttl_ns"]) / NS_PER_MS, 3) or None,
        "overlap_ms": round(float(gaps["overlap_ms"]), 3),
        "overlaps": int(row["overlaps"]),
        "locks": int(row["locks"]),
        "holds": int(row["holds"]),
    }


def _examples(store: CaseStore, service: str) -> list[Row]:
    """Overlaps of a service, those of the lock with most of them first, then those between two clocks."""
    return store.query(
        """
        SELECT *, count() OVER (PARTITION BY key) AS times FROM lock_overlaps WHERE prior_service = {service:String}
        ORDER BY times DESC, key, prior_clock = clock, start_ns, trace_id LIMIT 3
        """,
        service=service,
    )


def _gaps(store: CaseStore, service: str) -> Row:
    """Medians over a service's overlaps: how long before its renewal a lease had expired, how long two held it.

    A lease counts from the last grant before it was lost. Whoever took the lock judged that by a clock; when the
    holder's own was behind that one, the lease seemed to end earlier by the difference. Where neither makes the renewal
    late, the lease was shorter than its holder thought: at most as long as the soonest took to get it.
    """
    return store.query(
        """
        WITH lost AS (
            SELECT arrayMax(arrayFilter(t -> t < start_ns, prior_grants)) AS granted_ns,
                   arrayMin(arrayFilter(t -> t > granted_ns, prior_renewals)) AS renewal_ns,
                   granted_ns + prior_ttl_ns + least(0, prior_offset_ns - offset_ns) AS expiry_ns,
                   granted_ns > 0 AND renewal_ns > 0 AS renewed, start_ns - granted_ns AS taken_ns,
                   least(end_ns, prior_end_ns) - start_ns AS overlap_ns, prior_ttl_ns
            FROM lock_overlaps WHERE prior_service = {service:String}
        )
        SELECT countIf(renewed AND prior_ttl_ns > 0 AND renewal_ns > expiry_ns) AS late,
               if(2 * late >= countIf(renewed),
                  medianExactIf((renewal_ns - expiry_ns) / 1e6, renewed AND renewal_ns > expiry_ns),
                  (medianExactIf(renewal_ns - granted_ns, renewed) - minIf(taken_ns, renewed)) / 1e6) AS gap_ms,
               medianExact(overlap_ns / 1e6) AS overlap_ms
        FROM lost
        """,
        service=service,
    )[0]


def _skewed_clock(store: CaseStore, service: str, least_ms: float) -> Row | None:
    """The clock of the holders that is off by enough to explain it, when most overlaps involve it."""
    rows = store.query(
        """
        WITH sides AS (
            SELECT prior_clock AS clock, prior_offset_ns / 1e6 AS offset_ms FROM lock_overlaps
            WHERE prior_service = {service:String}
            UNION ALL
            SELECT clock, offset_ns / 1e6 FROM lock_overlaps
            WHERE prior_service = {service:String} AND clock != prior_clock
        )
        SELECT clock, medianExact(offset_ms) AS offset_ms, count() AS n FROM sides
        GROUP BY clock HAVING abs(offset_ms) >= {least:Float64}
        ORDER BY abs(offset_ms) DESC, clock LIMIT 1
        """,
        service=service,
        least=least_ms,
    )
    overlaps = store.query(
        "SELECT count() AS n FROM lock_overlaps WHERE prior_service = {service:String}", service=service
    )[0]["n"]
    return rows[0] if rows and 2 * int(rows[0]["n"]) >= int(overlaps) else None


def _requests(store: CaseStore, service: str) -> Row:
    """Requests with an overlap (`touched`): how many `failed`, how many `calls` their first holders still made to
    others after the second had the lock, and whether anything in them carries a fencing token (`fenced`)."""
    return store.query(
        r"""
        WITH lost AS (SELECT * FROM lock_overlaps WHERE prior_service = {service:String}),
        touched AS (SELECT DISTINCT arrayJoin([trace_id, prior_trace_id]) AS trace_id FROM lost),
        done AS (
            SELECT trace_id, span_id, start_ns, status = 'error' AS failed, kind IN ('client', 'producer') AS calls,
                   arrayExists(key -> match(key, '(?i)fenc|epoch|(lock|lease)[._-]?(version|generation|term)'),
                               mapKeys(attributes)) AS fenced
            FROM spans WHERE trace_id IN (SELECT trace_id FROM touched)
        )
        SELECT (SELECT count() FROM touched) AS touched, uniqExactIf(d.trace_id, d.failed) AS failed,
               uniqExactIf((d.trace_id, d.span_id), d.calls AND d.span_id NOT IN (SELECT span_id FROM lock_ops)
                   AND d.start_ns - l.prior_offset_ns BETWEEN l.start_ns AND l.prior_end_ns) AS calls,
               max(d.fenced) AS fenced
        FROM done AS d LEFT JOIN lost AS l ON d.trace_id = l.prior_trace_id
        """,
        service=service,
    )[0]


def _citations(rows: Sequence[Row]) -> tuple[Citation, ...]:
    """For each overlap: how the first holder got the lock, how the second one did, how the first was done with it."""
    cited = []
    for row in rows:
        cited += [
            span_citation(row["prior_trace_id"], row["prior_first_span"]),
            span_citation(row["trace_id"], row["first_span"]),
            span_citation(row["prior_last_trace"], row["prior_last_span"]),
        ]
    return tuple(dict.fromkeys(cited))[:6]


DETECTOR = Detector(
    code="locks.lease_expired",
    kinds=(Kind("locks.lease_expired", directness=1.0, family="seen"),),
    mechanisms=("lock_lease_expired",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
