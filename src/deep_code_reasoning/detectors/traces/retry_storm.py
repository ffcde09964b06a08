"""Retries that multiply the load on what already fails.

Looks for: requests in which one service calls another several times over because the calls fail, more often than a
usual policy of three attempts explains, by one caller or by several layers of them that each try again; or because it
gives up and asks again while the callee still works on what it was asked before.

Why it matters: what was slow for a moment is kept down by its callers: each failure brings more calls. The callee looks
like the culprit; the callers' policy is. How many calls one call becomes is told hop by hop; and where what was given
up was done all the same, the work was done twice, which is not harmless unless it only reads.

Stays silent when: calls are tried up to three times, by up to two layers; they are repeated without failing; nearly
all of them fail (an outage, whatever the retries), or the callee is outside of the traces; it was so before; a caller
further up gives up on a few retries (its deadline is too short for them).

Example finding: `orders: calls inventory up to 12 times a request since 10:23:00 (4 failed attempts in a row, 2 layers
retry), 1 before: 7.2 times the load`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.linked_spans import do_some_fail
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps

# Operations that only read, by method or by verb, may be done twice.
_READS: Final = r"(?i)(^|[^a-z])(get|head|options)([^a-z]|$)|(get|list|find|search|read|fetch|query|show|check|verify)"


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_attempts: gRPC, AWS and Spring try three times by default; a storm is more, by one caller in a row.
        min_calls: or more than two layers of such callers make of one call. As each keeps to a usual policy, these are
            what callers make of a failure, and not its cause.
        hopeless: where all attempts but one in so many fail, it is no load that makes them fail, and fewer attempts
            would not help: an outage, a name that is not resolved, a certificate.
        few_attempts: up to so many retries that a caller further up does not wait for are a matter of its deadline.
        min_failed: so many of them fail, else they are different calls.
        min_requests: one request may be one client's own doing.
        min_probability: a finding is told when it is likelier than not.
        usual_policy: nobody is surer that callers that keep to a usual policy are the cause.
    """

    min_attempts: int = 4
    min_calls: int = 10
    hopeless: float = 0.95
    few_attempts: int = 5
    min_failed: int = 2
    min_requests: int = 2
    min_probability: float = 0.5
    usual_policy: float = 0.4


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find callers that try again and again."""
    if not do_some_fail(scene.store):
        return Skipped("no span says that it failed")
    _prepare_attempts(scene.store)
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT service, callee, groupArray((step, n, stormy)) AS steps, sum(stormy) AS concerned
        FROM (
            SELECT service, callee, {step_of("start_ns")} AS step, count() AS n,
                   countIf(again > 0 OR ((in_a_row >= {{attempts:UInt32}} OR calls >= {{calls:UInt32}})
                                         AND failures >= {{failed:UInt32}} AND 2 * failures >= calls)) AS stormy
            FROM attempts GROUP BY service, callee, step
        )
        GROUP BY service, callee HAVING concerned >= {{least:UInt32}}
            AND (service, callee) IN (SELECT service, callee FROM attempts
                                      WHERE in_a_row >= {{attempts:UInt32}} OR calls >= {{calls:UInt32}})
        ORDER BY service, callee
        """,
        attempts=settings.min_attempts,
        calls=settings.min_calls,
        failed=settings.min_failed,
        least=settings.min_requests,
        **steps.parameters(),
    )
    found = [
        finding
        for rise in rises(rows, steps, settings.min_probability)
        if (finding := _judge(scene, rise, settings)) is not None
    ]
    # What callers within their usual policy make of a failure is no news beside a storm.
    found = [finding for finding in found if finding.code == "traces.retry_storm"] or found
    # Layers that retry above each other are one storm: it is told of the caller nearest to what fails.
    callers = {finding.service for finding in found}
    inner = [f for f in found if not callers & set(scene.graph.downstream(f.service)) - {f.service}]
    return sorted(inner or found, key=lambda f: (-f.confidence, -f.severity, f.service))


def _prepare_attempts(store: CaseStore) -> None:
    """The table `attempts`: by trace, caller and callee, how many calls, how many failed, the most in a row.

    In a row are calls of one name by one parent of which all but the last fail: who tries again stops at the first
    success. `again` counts the parents that asked again after they had given up on a callee that went on working. Only
    calls that reached their callee count: the others are no load to it.
    """
    store.derive(
        "attempts",
        """
        WITH calls AS (
            SELECT l.trace_id AS trace_id, l.service AS service, l.name AS name, l.parent_span_id AS parent_span_id,
                   c.callee AS called, l.start_ns AS start_ns, l.failed AS failed,
                   l.failed AND c.child_duration_ns > l.duration_ns AS given_up, l.start_ns + l.duration_ns AS end_ns
            FROM linked_spans AS l JOIN span_children AS c ON l.trace_id = c.trace_id AND l.span_id = c.span_id
            WHERE l.kind NOT IN ('server', 'consumer', 'producer') AND l.parent_service = l.service AND c.calls_out
              AND c.child_kind != 'consumer'
        ),
        parents AS (
            SELECT trace_id, service, called AS callee, parent_span_id, min(c.start_ns) AS start_ns, count() AS calls,
                   sum(c.failed) AS failures, if(failures + 1 >= calls, calls, 1) AS in_a_row,
                   max(c.given_up) AND max(c.start_ns) >= minIf(c.end_ns, c.given_up) AS again
            FROM calls AS c GROUP BY trace_id, service, callee, name, parent_span_id
        )
        SELECT trace_id, service, callee, min(p.start_ns) AS start_ns, sum(p.calls) AS calls,
               sum(p.failures) AS failures, max(p.in_a_row) AS in_a_row, count() AS parents, sum(p.again) AS again
        FROM parents AS p GROUP BY trace_id, service, callee
        """,
    )


def _judge(scene: Scene, rise: Rise, settings: Settings) -> Finding | None:
    service, callee, since_ns = str(rise.row["service"]), str(rise.row["callee"]), rise.since_ns
    extent = scene.store.query(
        """
        SELECT avgIf(calls, start_ns < {since:Int64}) AS before, avgIf(calls, start_ns >= {since:Int64}) AS now,
               max(calls) AS most, sumIf(failures, start_ns >= {since:Int64}) AS failing,
               sumIf(calls, start_ns >= {since:Int64}) AS tried, max(again) AS asked_again,
               maxIf(in_a_row, failures > 0) AS in_a_row, max(parents) AS parents
        FROM attempts WHERE service = {service:String} AND callee = {callee:String}
        """,
        since=since_ns,
        service=service,
        callee=callee,
    )[0]
    if int(extent["failing"]) > settings.hopeless * int(extent["tried"]) and not int(extent["asked_again"]):
        return None
    if int(extent["most"]) <= settings.few_attempts and _given_up(scene.store, service) >= settings.min_requests:
        return None
    beyond_usual = int(extent["in_a_row"]) >= settings.min_attempts
    before, now = float(extent["before"] or 1.0), float(extent["now"])
    several = ", more than one layer retries" if int(extent["parents"]) > 1 else ""
    hops, twice = _hops(scene.store, service, callee), _done_twice(scene.store, service, callee)
    done = f"; in {twice} requests the work was done more than once" if twice else ""
    return Finding(
        code="traces.retry_storm" if beyond_usual else "traces.retries",
        mechanism="retry_storm",
        service=service,
        summary=(
            f"{service}: calls {callee} up to {extent['most']} times a request since {format_instant(since_ns)} "
            f"({extent['in_a_row']} attempts in a row{several}), {before:.1f} before: {now / before:.1f} times the load"
            f"{done}"
        ),
        severity=min(1.0, max(0.5, rise.change.rate_after)),
        confidence=min(0.95 if beyond_usual else settings.usual_policy, rise.probability),
        facts={
            "callee": callee,
            "calls_per_request_before": round(before, 3),
            "calls_per_request": round(now, 3),
            "most_calls": int(extent["most"]),
            "attempts_in_a_row": int(extent["in_a_row"]),
            "amplification": round(now / before, 3),
            "hops": hops,
            "requests_done_twice": twice,
            "onset": format_instant(since_ns),
        },
        citations=_citations(scene.store, service, callee),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=callee,
    )


_STORMY: Final = """
    SELECT trace_id FROM attempts WHERE service = {service:String} AND callee = {callee:String}
    ORDER BY failures DESC, trace_id LIMIT 50
"""


def _hops(store: CaseStore, service: str, callee: str) -> tuple[str, ...]:
    """How many calls each call becomes, hop by hop, in the requests with most failures: only where it is not one."""
    rows = store.query(
        f"""
        WITH hops AS (
            SELECT parent_service AS caller, service AS called, count() AS n,
                   sum(n) OVER (PARTITION BY called) AS entered
            FROM linked_spans
            WHERE trace_id IN ({_STORMY}) AND parent_service != service GROUP BY caller, called
        )
        SELECT h.caller AS caller, h.called AS called, h.n / greatest(1, c.entered) AS calls
        FROM hops AS h LEFT ANY JOIN hops AS c ON h.caller = c.called
        WHERE caller != '' AND c.entered > 0 AND calls > 1.5 ORDER BY calls DESC, caller, called LIMIT 5
        """,
        service=service,
        callee=callee,
    )
    return tuple(f"{row['caller']} -> {row['called']}: {float(row['calls']):.1f} calls a call" for row in rows)


def _done_twice(store: CaseStore, service: str, callee: str) -> int:
    """Requests in which more than one attempt was done by the callee, and which do more than read."""
    row = store.query(
        """
        WITH attempts_done AS (
            SELECT trace_id, name, any(parent_name) AS called, countIf(NOT failed) AS done,
                   countIf(parent_failed AND NOT failed) AS unheard
            FROM linked_spans
            WHERE service = {callee:String} AND parent_service = {service:String}
            GROUP BY trace_id, name
        )
        SELECT uniqExact(trace_id) AS n FROM attempts_done
        WHERE done > 1 AND unheard > 0 AND NOT match(concat(called, ' ', name), {reads:String})
        """,
        service=service,
        callee=callee,
        reads=_READS,
    )[0]
    return int(row["n"])


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
            ORDER BY failures DESC, again DESC, trace_id LIMIT 1
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
    kinds=(
        Kind("traces.retry_storm", directness=0.95, family="seen", reaction=True),
        Kind("traces.retries"),
    ),
    mechanisms=("retry_storm",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
