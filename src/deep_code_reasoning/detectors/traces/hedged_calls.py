"""Calls that are made twice at once, of which the first answer counts.

Looks for: a request that asks one operation of another service again while its first call is still under way, and goes
on as soon as one of them answers, more often than before.

Why it matters: a hedge trims the slow tail as long as few calls are slow. Once many are, every call becomes two: the
callee, slow already, has twice the work, and half of it is thrown away.

Stays silent when: the caller waits for all of its calls (it asks several things at once); the second call only begins
after the first failed (a retry); calls were hedged as often before.

Example finding: `search: asks index again before it answers in 61 of 90 requests since 10:23:00, 2 of 88 before: 1.7
times the load, the first answer counts`.
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
from ..timeline.linked_spans import prepare_linked_spans
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        most_calls: gRPC hedges with at most five attempts (proposal A6); more at once are a fan-out.
        goes_on_ms: a caller that takes the first answer goes on within a scheduler's pause of it.
        min_overlap_ms: the calls must be under way together for longer than that.
        min_requests: fewer hedged requests than this are the slow tail that hedges are for.
        min_rise: hedging is meant for the slowest twentieth of calls (Dean and Barroso, The Tail at Scale, 2013): a
            share that rises by twice as much has lost that meaning.
        min_probability: a finding must be nearly sure.
        most: nobody is surer: that many calls are slow may have a cause of its own.
    """

    most_calls: int = 5
    goes_on_ms: float = 5.0
    min_overlap_ms: float = 1.0
    min_requests: int = 3
    min_rise: float = 0.1
    min_probability: float = 0.9
    most: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find callers that hedge more often."""
    prepare_linked_spans(scene.store)
    if not _prepare_hedges(scene.store, settings):
        return Skipped("no request asks the same of a service twice at once")
    steps = time_steps(scene.store, "hedges")
    rows = scene.store.query(
        f"""
        SELECT service, callee, name, groupArray((step, n, bad)) AS steps, sum(bad) AS concerned
        FROM (
            SELECT service, callee, name, {step_of("start_ns")} AS step, count() AS n, countIf(hedged) AS bad
            FROM hedges GROUP BY service, callee, name, step
        )
        GROUP BY service, callee, name HAVING concerned >= {{least:UInt32}} ORDER BY service, callee, name
        """,
        least=settings.min_requests,
        **steps.parameters(),
    )
    found = [
        _finding(scene, rise, settings)
        for rise in rises(rows, steps, settings.min_probability)
        if rise.change.rate_after - rise.change.rate_before >= settings.min_rise
    ]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.resource or ""))


def _could_hedge(store: CaseStore, settings: Settings) -> bool:
    """Whether any service is asked the same while it works on what it was asked before, in one request."""
    rows = store.query(
        """
        SELECT 1 AS n FROM (
            SELECT parent_start_ns, max(parent_start_ns + parent_duration_ns) OVER (
                PARTITION BY trace_id, parent_service, service, name ORDER BY parent_start_ns, span_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS asked_until_ns
            FROM linked_spans WHERE service != parent_service AND has_parent AND parent_kind IN ('client', '')
        ) WHERE asked_until_ns > parent_start_ns + {overlap:Int64} LIMIT 1
        """,
        overlap=round(settings.min_overlap_ms * NS_PER_MS),
    )
    return bool(rows)


def _prepare_twins(store: CaseStore, settings: Settings) -> bool:
    """Make `twin_sets`: calls of one operation by one parent, and whether the first answer came while others ran."""
    # In steps: a statement of them all would be planned for longer than it runs, and few cases need the last.
    store.derive(
        "twin_calls",
        """
        SELECT l.trace_id AS trace_id, l.parent_span_id AS parent, l.span_id AS span_id, toString(l.service) AS service,
               toString(n.service) AS callee, toString(n.name) AS name, l.start_ns AS start_ns,
               l.start_ns + l.duration_ns AS end_ns, l.failed AS failed,
               greatest(end_ns, l.start_ns + n.duration_ns) AS done_ns,
               l.parent_start_ns + l.parent_duration_ns AS parent_end_ns
        FROM linked_spans AS n JOIN linked_spans AS l ON n.parent_key = l.span_key
        WHERE n.service != n.parent_service AND n.has_parent AND n.kind NOT IN ('consumer', 'producer')
          AND l.kind IN ('client', '') AND l.service = l.parent_service
        -- What comes in twice from one call is delivered again, and not asked for again.
        ORDER BY n.start_ns, n.span_id LIMIT 1 BY l.trace_id, l.span_id
        """,
    )
    store.derive(
        "twin_sets",
        """
        SELECT trace_id, parent, service, callee, name, count() AS calls, min(c.start_ns) AS start_ns,
               max(c.start_ns) AS last_ns, minIf(c.end_ns, NOT c.failed) AS answered_ns,
               max(c.done_ns) AS all_done_ns, any(c.parent_end_ns) AS parent_end_ns,
               arraySort(groupArray((c.start_ns, span_id))) AS spans,
               calls BETWEEN 2 AND {most:UInt32} AND answered_ns > 0 AND last_ns + {overlap:Int64} < answered_ns
                   AND all_done_ns > answered_ns + {overlap:Int64} AS twins
        FROM twin_calls AS c GROUP BY trace_id, parent, service, callee, name
        """,
        most=settings.most_calls,
        overlap=round(settings.min_overlap_ms * NS_PER_MS),
    )
    store.execute("TRUNCATE TABLE twin_calls")
    return bool(store.query("SELECT 1 AS n FROM twin_sets WHERE twins LIMIT 1"))


def _prepare_hedges(store: CaseStore, settings: Settings) -> bool:
    """Make `hedges`: by parent, callee and operation of the calls: calls, hedged, start_ns and the calls' spans.

    Calls are told by what the callee does (its span's name), so that no name of a client matters. The caller went on
    when its next span began or the parent ended, whichever is first.
    """
    if not _could_hedge(store, settings) or not _prepare_twins(store, settings):
        return False
    store.derive(
        "hedges",
        """
        WITH next AS (
            SELECT s.trace_id AS trace_id, s.parent AS parent, s.name AS name, min(l.start_ns) AS next_ns
            FROM twin_sets AS s JOIN linked_spans AS l ON s.trace_id = l.trace_id AND s.parent = l.parent_span_id
            WHERE s.twins AND l.start_ns >= s.answered_ns GROUP BY trace_id, parent, name
        )
        SELECT s.trace_id AS trace_id, service, callee, s.name AS name, calls, start_ns, spans,
               twins AND if(n.next_ns > 0, least(n.next_ns, parent_end_ns), parent_end_ns)
                   <= answered_ns + {goes_on:Int64} AS hedged
        FROM twin_sets AS s
        LEFT ANY JOIN next AS n ON s.trace_id = n.trace_id AND s.parent = n.parent AND s.name = n.name
        """,
        goes_on=round(settings.goes_on_ms * NS_PER_MS),
    )
    return bool(store.query("SELECT 1 AS n FROM hedges WHERE hedged LIMIT 1"))


def _finding(scene: Scene, rise: Rise, settings: Settings) -> Finding:
    service, callee, name = (str(rise.row[key]) for key in ("service", "callee", "name"))
    since_ns, change = rise.since_ns, rise.change
    seen = scene.store.query(
        """
        SELECT avgIf(calls, start_ns < {since:Int64}) AS before, avgIf(calls, start_ns >= {since:Int64}) AS now,
               argMinIf((trace_id, spans), start_ns, hedged AND start_ns >= {since:Int64}) AS first
        FROM hedges WHERE service = {service:String} AND callee = {callee:String} AND name = {name:String}
        """,
        since=since_ns,
        service=service,
        callee=callee,
        name=name,
    )[0]
    load = float(seen["now"]) / max(1.0, float(seen["before"] or 1.0))
    trace, spans = seen["first"]
    return Finding(
        code="traces.hedged_calls",
        mechanism="retry_storm",
        service=service,
        summary=(
            f"{service}: asks {callee} again before it answers in {change.failures_after} of {change.trials_after} "
            f"requests since {format_instant(since_ns)}, {change.failures_before} of {change.trials_before} before: "
            f"{load:.1f} times the load, the first answer counts"
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(settings.most, rise.probability),
        facts={
            "callee": callee,
            "hedged_share": round(change.rate_after, 4),
            "hedged_share_before": round(change.rate_before, 4),
            "amplification": round(load, 3),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(trace, span) for _, span in spans[:4]),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=name,
        resource=callee,
    )


DETECTOR = Detector(
    code="traces.hedged_calls",
    kinds=(Kind("traces.hedged_calls", directness=0.9, family="seen", reaction="hedges"),),
    mechanisms=("retry_storm",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
