"""Requests that no longer do a part of their work.

Looks for: a call that writes (a statement, a message, a request that changes something), which nearly every request of
an operation made, and which from some moment on none makes, though the requests succeed.

Why it matters: nobody is told. The answers come as before, or sooner, and what was to be stored, sent or booked is not.

Stays silent when: another call came in its place (it was renamed, or goes elsewhere now), the requests fail before
they come to it, all calls of its kind are gone (nobody records them any more), or what is gone only reads (it may be
cached).

Example finding: `invoices: PUT /invoices/{id} no longer makes UPDATE totals since 10:49:40 (17 of 17 requests without
it, 0 of 20 before)`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene
from ..timeline.linked_spans import span_kinds
from ..timeline.rises import Rise, rises
from ..timeline.span_facts import first_attribute
from ..timeline.statements import statement_of
from ..timeline.time_steps import TimeSteps, step_of, time_steps

_WRITES: Final = (
    r"(?i)^\W*(insert|update|delete|upsert|merge|replace|put|post|patch|publish|send|save|set|hset|create)\b"
)
_OUTWARD: Final = ("client", "producer")
_SYSTEM: Final = f"""multiIf(
    {first_attribute("db.system.name", "db.system", "messaging.system", "rpc.system")} AS named != '', named,
    {first_attribute("http.request.method", "http.method")} != '', 'http', '')"""


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        always: a call belongs to an operation that nine in ten of its requests make,
        never: and is gone when one in ten makes it at most.
        instead: a call that so many more requests make since then came in its place.
        min_requests: fewer requests without it prove nothing.
        min_probability: operations and calls are many.
        confidence: at most: the work may have been taken out on purpose.
    """

    always: float = 0.9
    never: float = 0.1
    instead: float = 0.5
    min_requests: int = 8
    min_probability: float = 0.9
    confidence: float = 0.8


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find operations that no longer write what they wrote."""
    if span_kinds(scene.store).isdisjoint(_OUTWARD):
        return ()
    steps = time_steps(scene.store, "linked_spans")
    by_operation: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _calls(scene.store, steps, settings):
        by_operation[(row["service"], row["entry"])].append(row)
    found = []
    for calls in by_operation.values():
        for rise in rises(calls, steps, settings.min_probability, looked_at=len(by_operation)):
            change = rise.change
            gone = change.rate_before <= 1 - settings.always and change.rate_after >= 1 - settings.never
            if (
                gone
                and change.failures_after >= settings.min_requests <= change.trials_before
                and not any(_came(row, steps, rise, settings) for row in calls)
                and (about := _about(scene.store, rise)) is not None
            ):
                found.append(_finding(scene, rise, about, settings))
    return sorted(found, key=lambda f: (-f.confidence, f.service, f.operation or "", f.resource or ""))


def _calls(store: CaseStore, steps: TimeSteps, settings: Settings) -> Sequence[Row]:
    """By operation and call that its requests make: by step how many requests succeed, and how many lack the call."""
    # Tables: asked for twice each, they would be planned for longer than they take.
    store.derive(
        "single_requests",
        f"""
        SELECT trace_id, service, any(name) AS entry, min(start_ns) AS start_ns, {step_of("start_ns")} AS step
        FROM linked_spans
        WHERE (parent_span_id = '' OR parent_service != service) AND kind NOT IN ('client', 'producer')
        GROUP BY trace_id, service HAVING count() = 1 AND NOT max(failed)
        """,
        "trace_id String, service LowCardinality(String), entry LowCardinality(String), start_ns Int64, step Int64",
        **steps.parameters(),
    )
    store.derive(
        "calls_made",
        """
        WITH made AS (
            SELECT DISTINCT trace_id, service, name AS call FROM linked_spans
            WHERE has_parent AND parent_service = service AND kind IN ('client', 'producer')
        )
        SELECT service, entry, call, step, count() AS n
        FROM single_requests JOIN made USING (trace_id, service) GROUP BY service, entry, call, step
        """,
        "service LowCardinality(String), entry LowCardinality(String), call LowCardinality(String), step Int64, "
        "n UInt64",
    )
    rows = store.query(
        """
        WITH called AS (
            SELECT service, entry, call FROM calls_made GROUP BY service, entry, call HAVING sum(n) >= {least:UInt32}
        ),
        all_of AS (SELECT service, entry, step, count() AS n FROM single_requests GROUP BY service, entry, step)
        SELECT service, entry, call, groupArray((step, all_n, all_n - made_n)) AS steps FROM (
            SELECT a.service AS service, a.entry AS entry, c.call AS call, a.step AS step, a.n AS all_n, m.n AS made_n
            FROM all_of AS a JOIN called AS c ON a.service = c.service AND a.entry = c.entry
            LEFT ANY JOIN calls_made AS m
              ON a.service = m.service AND a.entry = m.entry AND c.call = m.call AND a.step = m.step
        )
        GROUP BY service, entry, call ORDER BY service, entry, call
        """,
        least=settings.min_requests,
    )
    store.forget("single_requests", "calls_made")
    return rows


def _came(row: Row, steps: TimeSteps, gone: Rise, settings: Settings) -> bool:
    """Whether a call of the same operation came with the going of another."""
    before, after = [0, 0], [0, 0]
    for step, requests, without in row["steps"]:
        side = after if steps.start_of(int(step)) >= gone.since_ns else before
        side[0] += int(requests)
        side[1] += int(requests) - int(without)
    share_before, share_after = (made / max(1, requests) for requests, made in (before, after))
    return share_after - share_before >= settings.instead


def _about(store: CaseStore, gone: Rise) -> Mapping[str, str] | None:
    """A span of a call that is gone, where that writes and others of its kind are made still; else None."""
    rows = store.query(
        f"""
        WITH {_SYSTEM} AS system
        SELECT countIf(name = {{call:String}} AND (kind = 'producer' OR match(name, {{writes:String}})
                       OR match({statement_of()}, {{writes:String}}))) AS writes,
               argMaxIf((trace_id, span_id), (start_ns, span_id), name = {{call:String}}) AS last,
               anyIf(system, name = {{call:String}}) AS its_system,
               groupUniqArrayIf(system, name != {{call:String}} AND start_ns >= {{since:Int64}}) AS made_still
        FROM spans WHERE service = {{service:String}} AND kind IN ('client', 'producer')
        """,
        call=gone.row["call"],
        service=gone.row["service"],
        writes=_WRITES,
        since=gone.since_ns,
    )
    row = rows[0]
    if not row["writes"] or row["its_system"] not in row["made_still"]:
        return None
    return {"trace_id": str(row["last"][0]), "span_id": str(row["last"][1])}


def _finding(scene: Scene, gone: Rise, about: Mapping[str, str], settings: Settings) -> Finding:
    service, entry, call = (str(gone.row[name]) for name in ("service", "entry", "call"))
    change, since_ns = gone.change, gone.since_ns
    without = scene.store.query(
        """
        SELECT trace_id, span_id FROM linked_spans
        WHERE service = {service:String} AND name = {entry:String} AND start_ns >= {since:Int64}
        ORDER BY start_ns, trace_id, span_id LIMIT 2
        """,
        service=service,
        entry=entry,
        since=since_ns,
    )
    return Finding(
        code="traces.missing_writes",
        mechanism="wrong_result",
        service=service,
        summary=(
            f"{service}: {entry} no longer makes {call} since {format_instant(since_ns)} ({change.failures_after} of "
            f"{change.trials_after} requests without it, {change.failures_before} of {change.trials_before} before)"
        ),
        severity=0.7,
        confidence=min(settings.confidence, gone.probability),
        facts={
            "call": call,
            "without_share": round(change.rate_after, 4),
            "without_share_before": round(change.rate_before, 4),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(row["trace_id"], row["span_id"]) for row in (*without, about)),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=entry,
        resource=call,
    )


DETECTOR = Detector(
    code="traces.missing_writes",
    kinds=(Kind("traces.missing_writes", directness=0.95, family="shown"),),
    mechanisms=("wrong_result",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
