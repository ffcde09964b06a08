"""Retries that multiply the load on what already fails.

Looks for: requests in which one service calls another several times over because the calls fail, more often than a
usual policy of three attempts explains, by one caller or by several layers of them that each try again; or because it
gives up and asks again while the callee still works on what it was asked before. Where the callee says itself that it
has more to do than it can, layers of usual callers are enough: half of what it has to do is theirs.

Why it matters: what was slow for a moment is kept down by its callers: each failure brings more calls. The callee looks
like the culprit; the callers' policy is. How many calls one call becomes is told hop by hop; and where what was given
up was done all the same, the work was done twice, which is not harmless unless it only reads.

Stays silent when: calls are tried up to three times, by up to two layers (of an overloaded callee: by one); they are
repeated without failing; nearly all of them fail (an outage, whatever the retries), or the callee is outside of the
traces; it was so before; a caller further up gives up on a few retries (its deadline is too short for them).

Example finding: `orders: calls inventory up to 12 times a request since 10:23:00 (4 failed attempts in a row, 2 layers
retry), 1 before: 7.2 times the load`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.linked_spans import do_some_fail
from ..timeline.rises import Rise, rises
from ..timeline.span_errors import ERROR_TEXT, JOIN_ERRORS, prepare_span_errors
from ..timeline.time_steps import step_of, time_steps
from ..vocabulary.lexicon import kinds_of_text
from ..vocabulary.words import without_numbers

# Operations that only read, by method or by verb, may be done twice.
_READS: Final = r"(?i)(^|[^a-z])(get|head|options)([^a-z]|$)|(get|list|find|search|read|fetch|query|show|check|verify)"

# Kinds of trouble that name what is short: then it may be that which keeps the callee down, and not the calls.
_RESOURCES: Final = frozenset({"pool_exhausted", "worker_exhausted", "too_many_connections", "oom", "disk_full"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_attempts: gRPC, AWS and Spring try three times by default; a storm is more, by one caller in a row.
        min_calls: or more than two layers of such callers make of one call. As each keeps to a usual policy, these are
            what callers make of a failure, and not its cause.
        usual_calls: what one caller that keeps to a usual policy makes of a call; an overloaded callee is asked more
            often by several of them only.
        min_load: of an overloaded callee more than half of the calls are repeated ones, else it is short without them.
        most_demand: and requests themselves have become more frequent by no more, else it is their number.
        hopeless: where all attempts but one in so many fail, it is no load that makes them fail, and fewer attempts
            would not help: an outage, a name that is not resolved, a certificate.
        few_attempts: up to so many retries that a caller further up does not wait for are a matter of its deadline.
        min_failed: so many of them fail, else they are different calls.
        min_requests: one request may be one client's own doing.
        min_probability: a finding is told when it is likelier than not.
        usual_policy: nobody is surer that callers that keep to a usual policy are the cause;
        overloaded: unless who they call says that it has too much to do, which others may have a part in.
    """

    min_attempts: int = 4
    min_calls: int = 10
    usual_calls: int = 3
    min_load: float = 2.0
    most_demand: float = 1.5
    hopeless: float = 0.95
    few_attempts: int = 5
    min_failed: int = 2
    min_requests: int = 2
    min_probability: float = 0.5
    usual_policy: float = 0.4
    overloaded: float = 0.8


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find callers that try again and again."""
    if not do_some_fail(scene.store):
        return Skipped("no span says that it failed")
    _prepare_attempts(scene.store)
    steps = time_steps(scene.store, "linked_spans")
    overloaded = _overloaded(scene.store, settings)
    many = "calls >= if(callee IN {overloaded:Array(String)}, {usual:UInt32} + 1, {calls:UInt32})"
    rows = scene.store.query(
        f"""
        SELECT service, callee, groupArray((step, n, stormy)) AS steps, sum(stormy) AS concerned
        FROM (
            SELECT service, callee, {step_of("start_ns")} AS step, count() AS n,
                   countIf(again > 0 OR ((in_a_row >= {{attempts:UInt32}} OR {many})
                                         AND failures >= {{failed:UInt32}} AND 2 * failures >= calls)) AS stormy
            FROM attempts GROUP BY service, callee, step
        )
        GROUP BY service, callee HAVING concerned >= {{least:UInt32}}
            AND (service, callee) IN (SELECT service, callee FROM attempts
                                      WHERE in_a_row >= {{attempts:UInt32}} OR {many})
        ORDER BY service, callee
        """,
        attempts=settings.min_attempts,
        calls=settings.min_calls,
        usual=settings.usual_calls,
        overloaded=overloaded,
        failed=settings.min_failed,
        least=settings.min_requests,
        **steps.parameters(),
    )
    found = [
        finding
        for rise in rises(rows, steps, settings.min_probability)
        if (finding := _judge(scene, rise, rise.row["callee"] in overloaded, settings)) is not None
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
    success. A call that goes out through a proxy of the caller's is a call in a call: asked for by who made the outer
    one. `again` counts the parents that asked again after they had given up on a callee that went on working. Only
    calls that reached their callee count: the others are no load to it.
    """
    store.derive(
        "attempts",
        """
        WITH wrapping AS (
            SELECT l.span_key AS span_key, l.parent_span_id AS parent_span_id
            FROM linked_spans AS l JOIN span_children AS c ON l.span_key = c.span_key
            WHERE l.kind = 'client' AND c.children = 1 AND c.child_kind = 'client' AND NOT c.calls_out
        ),
        calls AS (
            SELECT l.trace_id AS trace_id, l.service AS service, l.name AS name,
                   if(w.span_key != 0, w.parent_span_id, l.parent_span_id) AS parent_span_id,
                   c.callee AS called, l.start_ns AS start_ns, l.failed AS failed,
                   l.failed AND c.child_duration_ns > l.duration_ns AS given_up, l.start_ns + l.duration_ns AS end_ns
            FROM linked_spans AS l JOIN span_children AS c ON l.span_key = c.span_key
            LEFT ANY JOIN wrapping AS w ON l.parent_key = w.span_key
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
        "trace_id String, service LowCardinality(String), callee String, start_ns Int64, calls UInt64, "
        "failures UInt64, in_a_row UInt64, parents UInt64, again UInt64",
    )


def _overloaded(store: CaseStore, settings: Settings) -> list[str]:
    """Callees of failing, repeated calls that say themselves that they are asked for more than they can do."""
    callees = store.query(
        "SELECT DISTINCT callee FROM attempts WHERE calls > {usual:UInt32} AND failures >= {failed:UInt32} "
        "AND 2 * failures >= calls ORDER BY callee",
        usual=settings.usual_calls,
        failed=settings.min_failed,
    )
    if not callees:
        return []
    prepare_span_errors(store)
    texts = store.query(
        f"""
        SELECT service, min(said) AS text FROM (
            SELECT toString(service) AS service, {ERROR_TEXT} AS said FROM spans {JOIN_ERRORS}
            WHERE status = 'error' AND service IN {{callees:Array(String)}}
            UNION ALL
            SELECT toString(service) AS service, substring(body, 1, 400) AS said FROM logs
            WHERE severity IN ('warn', 'error', 'fatal') AND service IN {{callees:Array(String)}}
        ) GROUP BY service, {without_numbers("said")} ORDER BY service, text LIMIT 500
        """,
        callees=[row["callee"] for row in callees],
    )
    return sorted({row["service"] for row in texts if _is_overload(kinds_of_text(row["text"]))})


def _is_overload(kinds: Collection[str]) -> bool:
    """Whether a text of these kinds is of too much work, and of no resource that it names: that may be short itself."""
    return "throttled" in kinds and _RESOURCES.isdisjoint(kinds)


def _judge(scene: Scene, rise: Rise, overloaded: bool, settings: Settings) -> Finding | None:
    service, callee, since_ns = str(rise.row["service"]), str(rise.row["callee"]), rise.since_ns
    extent = _extent(scene.store, service, callee, since_ns)
    if int(extent["failing"]) > settings.hopeless * int(extent["tried"]) and not int(extent["asked_again"]):
        return None
    if int(extent["most"]) <= settings.few_attempts and _given_up(scene.store, service) >= settings.min_requests:
        return None
    before, now = float(extent["before"] or 1.0), float(extent["now"])
    beyond_usual = int(extent["in_a_row"]) >= settings.min_attempts
    overrun = overloaded and now >= settings.min_load * before and float(extent["demand"]) <= settings.most_demand
    if not (beyond_usual or overrun or int(extent["most"]) >= settings.min_calls or int(extent["asked_again"])):
        return None
    most = 0.95 if beyond_usual else settings.overloaded if overrun else settings.usual_policy
    several = ", more than one layer retries" if int(extent["parents"]) > 1 else ""
    hops, twice = _hops(scene.store, service, callee), _done_twice(scene.store, service, callee)
    short = f"; {callee} says that it has more to do than it can" if overloaded else ""
    done = f"; in {twice} requests the work was done more than once" if twice else ""
    return Finding(
        code="traces.retry_storm" if beyond_usual or overrun else "traces.retries",
        mechanism="retry_storm",
        service=service,
        summary=(
            f"{service}: calls {callee} up to {extent['most']} times a request since {format_instant(since_ns)} "
            f"({extent['in_a_row']} attempts in a row{several}), {before:.1f} before: {now / before:.1f} times the load"
            f"{done}{short}"
        ),
        severity=min(1.0, max(0.5, rise.change.rate_after)),
        confidence=min(most, rise.probability),
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


def _extent(store: CaseStore, service: str, callee: str, since_ns: int) -> Row:
    """Calls a request before and since, how many fail, and how much more often there are such requests (`demand`)."""
    return store.query(
        """
        SELECT avgIf(calls, start_ns < {since:Int64}) AS before, avgIf(calls, start_ns >= {since:Int64}) AS now,
               max(calls) AS most, sumIf(failures, start_ns >= {since:Int64}) AS failing,
               sumIf(calls, start_ns >= {since:Int64}) AS tried, max(again) AS asked_again,
               maxIf(in_a_row, failures > 0) AS in_a_row, max(parents) AS parents,
               countIf(start_ns >= {since:Int64}) / greatest(1, max(start_ns) - {since:Int64})
                   * greatest(1, {since:Int64} - min(start_ns))
                   / greatest(1, countIf(start_ns < {since:Int64})) AS demand
        FROM attempts WHERE service = {service:String} AND callee = {callee:String}
        """,
        since=since_ns,
        service=service,
        callee=callee,
    )[0]


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
        Kind("traces.retry_storm", directness=0.95, family="seen", reaction="retries"),
        Kind("traces.retries"),
    ),
    mechanisms=("retry_storm",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
