"""One call a row, or many calls where few would do.

Looks for: a service that makes several times as many calls, queries or messages a request as it did: many of one kind
with ever other parameters (N+1), or many kinds, or the same ones over again (chatty).

Why it matters: each call is quick, so no span looks slow; the request is. A loop that was put around a call, or a
join that became a lookup, shows in nothing but the count.

Stays silent when: the calls are repeated because they fail (retries), or because they ask for a lock until it is free;
they are few, or take no time that counts; it was so before; other requests came, which need more calls.

Example finding: `orders: 24 calls of SELECT prices per request (median of those concerned), 1 before 10:23:00;
they take 212 ms; one per row, by their parameters or number`.

The thresholds are Sentry's and perf-sentinel's published defaults: 5 repeats of one kind, 15 calls in all, 50 ms.
Counting by name needs no literals: sanitised and plain statements are alike (`call_sample.py` tells one a row from the
same ones over again), and so are names that are addresses or statements with the values in them. Calls are counted a
request that enters the service, operation by operation, so that a service called in a loop is not taken for the one
that loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene
from ..locks.operations import prepare_lock_ops
from ..timeline.change_point import outcome_change, probability
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .call_sample import kind_of_call, sample_of

ALL = "*"
"""Stands for calls of all kinds together."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_repeats: Sentry's and perf-sentinel's default for N+1.
        min_calls: perf-sentinel's default for a chatty service.
        min_total_ms: Sentry's default: less hurts nobody.
        min_share: or so much of the request: ten quick calls hurt a quick request too.
        factor: many is at least so many times the usual: lists grow by a little of themselves.
        min_looping: code that loops does so in all requests of an operation (whose name may stand for a few of them);
            where only some need many calls, it is their data that grew.
        known_requests: so many requests of an operation before tell what is usual for it.
        min_requests: fewer requests than this prove nothing.
        min_probability: numbers of calls move with the data, so a change must be nearly sure.
    """

    min_repeats: int = 5
    min_calls: int = 15
    min_total_ms: float = 50.0
    min_share: float = 0.2
    factor: float = 2.5
    min_looping: float = 0.3
    known_requests: int = 3
    min_requests: int = 3
    min_probability: float = 0.95


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find services that began to make many more calls a request."""
    prepare_linked_spans(scene.store)
    most = scene.store.query(
        """
        SELECT max(calls) AS calls FROM (
            SELECT count() AS calls FROM linked_spans WHERE parent_service = service AND NOT failed
            GROUP BY trace_id, service
        )
        """
    )[0]["calls"]
    if int(most or 0) < settings.min_repeats:
        return ()
    _prepare_counts(scene.store)
    steps = time_steps(scene.store, "call_counts")
    rows = scene.store.query(
        f"""
        WITH usual AS (
            SELECT service, entry, name, quantileExactIf(0.5)(calls, start_ns < {{calm_end:Int64}}) AS calm,
                   greatest(if(name = '{ALL}', {{chatty:Float64}}, {{repeats:Float64}}),
                            if(isNaN(calm), 0, {{factor:Float64}} * calm)) AS most
            FROM call_counts GROUP BY service, entry, name
        )
        SELECT service, entry, name, sum(many) AS concerned, groupArray((c.step, many)) AS steps, any(trials) AS trials
        FROM (
            SELECT service, entry, name, {step_of("start_ns")} AS step, countIf(calls >= most) AS many
            FROM call_counts JOIN usual USING (service, entry, name) GROUP BY service, entry, name, step
        ) AS c
        JOIN (
            SELECT service, entry, groupArray((step, n)) AS trials
            FROM (SELECT service, entry, {step_of("start_ns")} AS step, count() AS n FROM call_counts
                  WHERE name = '{ALL}' GROUP BY service, entry, step)
            GROUP BY service, entry
        ) AS r USING (service, entry)
        GROUP BY service, entry, name HAVING concerned >= {{least:UInt32}} ORDER BY service, entry, name
        """,
        chatty=float(settings.min_calls),
        repeats=float(settings.min_repeats),
        factor=settings.factor,
        calm_end=_calm_end(scene),
        least=settings.min_requests,
        **steps.parameters(),
    )
    looked_at = len({(row["service"], row["entry"]) for row in rows})  # what an operation loops over comes together
    findings = [found for row in rows if (found := _judge(scene, row, steps, looked_at, settings)) is not None]
    scene.store.forget("call_counts", "leaf_calls", "service_requests")
    return _told_once(findings)


def _calm_end(scene: Scene) -> int:
    """What the usual is taken from: the first third of the data, whatever the onset is said to be."""
    start_ns, end_ns = scene.windows.baseline.start_ns, scene.windows.incident.end_ns
    return start_ns + (end_ns - start_ns) // 3


def _prepare_counts(store: CaseStore) -> None:
    """The table `call_counts`: by trace, service and name of the call, how many a request, and how long in all.

    `entry` is the operation by which the request came in, as the program names it and not the proxy before it, which
    may have one name for all; those that come once only are one.
    """
    prepare_lock_ops(store)
    # Both are asked twice below, where a WITH would be read twice.
    store.derive(
        "service_requests",
        """
        SELECT trace_id, service, if(count() OVER (PARTITION BY service, first) > 1, first, '') AS entry,
               min(t.start_ns) AS start_ns, countIf(parent_service != service) AS entries,
               maxIf(duration_ns, parent_service != service) AS request_ns,
               argMinIf(toString(name), (t.start_ns, t.span_id), parent_service != service) AS door,
               argMinIf(toString(name), (t.start_ns, t.span_id), parent_service = service
                        AND kind IN ('server', 'consumer') AND parent_kind IN ('server', 'consumer')) AS behind,
               if(behind != '', behind, door) AS first
        FROM linked_spans AS t GROUP BY trace_id, service HAVING entries > 0
        """,
        "trace_id String, service LowCardinality(String), entry String, start_ns Int64, entries UInt64, "
        "request_ns Int64, door String, behind String, first String",
    )
    store.derive(
        "leaf_calls",
        f"""
        SELECT trace_id, service, {kind_of_call("name")} AS kind, count() AS calls, sum(duration_ns) AS calls_ns
        FROM linked_spans
        WHERE parent_service = service AND NOT failed AND span_key NOT IN (
            SELECT parent_key FROM linked_spans WHERE parent_service = service)
          -- Who asks for a lock again and again waits.
          AND (trace_id, span_id) NOT IN (SELECT trace_id, span_id FROM lock_ops WHERE verb = 'acquire')
          AND (trace_id, parent_span_id) NOT IN (SELECT trace_id, span_id FROM lock_ops WHERE verb = 'acquire')
        GROUP BY trace_id, service, kind
        """,
        "trace_id String, service LowCardinality(String), kind String, calls UInt64, calls_ns Int64",
    )
    store.derive(
        "call_counts",
        f"""
        SELECT trace_id, service, e.entry, c.name, e.start_ns, c.calls / e.entries, c.calls_ns / e.entries, e.request_ns
        FROM (
            SELECT trace_id, service, kind AS name, calls, calls_ns FROM leaf_calls
            UNION ALL
            SELECT trace_id, service, '{ALL}', sum(l.calls), sum(l.calls_ns)
            FROM service_requests LEFT JOIN leaf_calls AS l USING (trace_id, service) GROUP BY trace_id, service
        ) AS c JOIN service_requests AS e USING (trace_id, service)
        """,
        "trace_id String, service LowCardinality(String), entry String, name String, start_ns Int64, calls Float64, "
        "calls_ns Float64, request_ns Int64",
    )


@dataclass(frozen=True, slots=True)
class _Call:
    """Calls of one name, by the requests of one operation of a service."""

    service: str
    entry: str
    name: str


def _judge(scene: Scene, row: Row, steps: TimeSteps, looked_at: int, settings: Settings) -> Finding | None:
    change = outcome_change(steps.spread(row["steps"]), steps.spread(row["trials"]))
    chance = probability(change.log_evidence, looked_at) if change is not None else 0.0
    if change is None or chance < settings.min_probability:
        return None
    call, since_ns = _Call(row["service"], row["entry"], row["name"]), steps.start_of(change.index)
    extent = _extent(scene.store, call, since_ns, settings)
    calls_ms, request_ms = float(extent["calls_ns"] or 0) / NS_PER_MS, float(extent["request_ns"] or 0) / NS_PER_MS
    if int(extent["concerned"]) < max(settings.min_requests, settings.min_looping * int(extent["requests"])):
        return None
    if calls_ms < settings.min_total_ms and calls_ms < settings.min_share * request_ms:
        return None
    return _finding(scene, call, extent, (since_ns, chance))


def _extent(store: CaseStore, call: _Call, since_ns: int, settings: Settings) -> Row:
    """Requests with many more calls than those that came the same way in before: other requests may need more."""
    return store.query(
        f"""
        WITH requests AS (
            SELECT r.start_ns AS start_ns, r.request_ns AS request_ns, c.calls AS calls, c.calls_ns AS calls_ns
            FROM (SELECT * FROM call_counts
                  WHERE service = {{service:String}} AND entry = {{entry:String}} AND name = '{ALL}') AS r
            LEFT JOIN (SELECT * FROM call_counts WHERE service = {{service:String}} AND name = {{name:String}}) AS c
            ON r.trace_id = c.trace_id
        ),
        calm AS (
            SELECT quantileExact(0.9)(calls) AS most, quantileExact(0.5)(calls) AS usual, count() AS known FROM requests
            WHERE start_ns < {{since:Int64}}
        ),
        since AS (
            SELECT *, known >= {{known:UInt32}} AND calls >= {{least:Float64}}
                      AND calls >= {{factor:Float64}} * most AS many
            FROM requests CROSS JOIN calm WHERE start_ns >= {{since:Int64}}
        )
        SELECT countIf(many) AS concerned, count() AS requests, quantileExactIf(0.5)(calls, many) AS now,
               quantileExactIf(0.5)(calls_ns, many) AS calls_ns, quantileExactIf(0.5)(request_ns, many) AS request_ns,
               any(usual) AS before
        FROM since
        """,
        service=call.service,
        entry=call.entry,
        name=call.name,
        since=since_ns,
        known=settings.known_requests,
        factor=settings.factor,
        least=float(settings.min_calls if call.name == ALL else settings.min_repeats),
    )[0]


def _most_concerned(store: CaseStore, call: _Call, since_ns: int) -> list[str]:
    """Some traces of those with most calls, spread over them."""
    rows = store.query(
        """
        SELECT trace_id FROM (
            SELECT trace_id FROM call_counts
            WHERE service = {service:String} AND entry = {entry:String} AND name = {name:String}
              AND start_ns >= {since:Int64}
            ORDER BY calls DESC, trace_id LIMIT 200
        )
        ORDER BY cityHash64(trace_id), trace_id LIMIT 8
        """,
        service=call.service,
        entry=call.entry,
        name=call.name,
        since=since_ns,
    )
    return [str(row["trace_id"]) for row in rows]


def _finding(scene: Scene, call: _Call, extent: Row, dated: tuple[int, float]) -> Finding | None:
    since_ns, chance = dated
    name = "" if call.name == ALL else call.name
    sample = sample_of(scene.store, call.service, name, _most_concerned(scene.store, call, since_ns))
    if sample is None:
        return None
    now, before = float(extent["now"]), float(extent["before"])
    calls_ms, request_ms = float(extent["calls_ns"]) / NS_PER_MS, float(extent["request_ns"]) / NS_PER_MS
    of = f"all kinds, most of them {sample.what}," if call.name == ALL and sample.resource else sample.what
    return Finding(
        code="traces.repeated_calls",
        mechanism="n_plus_one" if sample.follows_data else "chatty_calls",
        service=call.service,
        summary=(
            f"{call.service}: {now:.0f} calls of {of} per request (median of those concerned), {before:.0f} "
            f"before {format_instant(since_ns)}; they take {calls_ms:.0f} ms; {sample.why}"
        ),
        severity=min(1.0, 0.4 + calls_ms / max(calls_ms, request_ms, 1e-9) / 2),
        confidence=min(0.95, chance),
        facts={
            "call": sample.what,
            "of_all_kinds": call.name == ALL,
            "calls_per_request": round(now, 2),
            "calls_per_request_before": round(before, 2),
            "calls_ms": round(calls_ms, 3),
            "request_ms": round(request_ms, 3),
            "onset": format_instant(since_ns),
        },
        citations=sample.citations,
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=call.entry or None,
        resource=sample.resource,
    )


def _told_once(findings: Sequence[Finding]) -> list[Finding]:
    """Of a service the kind of call that takes most; calls of all kinds only where no kind stands for them."""
    best: dict[str, Finding] = {}
    # Where a kind was counted, its figures are told and not those of all kinds of which it is most.
    for finding in sorted(
        findings,
        key=lambda f: (f.resource is None, bool(f.facts["of_all_kinds"]), -f.confidence, -f.severity, f.summary),
    ):
        held = best.setdefault(finding.service, finding)
        total, part = finding.facts["calls_per_request"], held.facts["calls_per_request"]
        if finding.resource is None and held.resource is not None and float(str(part)) < 0.5 * float(str(total)):
            best[finding.service] = finding
    return sorted(best.values(), key=lambda f: (-f.confidence, -f.severity, f.service))


DETECTOR = Detector(
    code="traces.repeated_calls",
    kinds=(Kind("traces.repeated_calls", directness=0.95, family="seen"),),
    mechanisms=("n_plus_one", "chatty_calls"),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
