"""A cache that no longer answers, and all its readers behind it.

Looks for: a service, or one of its operations, whose requests read a cache and go on to the store behind it far more
often than before.

Why it matters: the store is built for what the cache leaves over. It becomes slow, its pool runs dry and callers give
up: all of that points to the store, and not to the cache that was flushed, is down, or keeps its entries too briefly.

Stays silent when: the same share of reads missed before, requests read no cache, or too few do.

Example finding: `catalog: 97% of requests that read the cache go on to the store since 15:42:53, 31% before`.

A read that misses is one whose request also queries a store after it, under the same parent: no hit or miss need be
recorded. A cache holds many things for many operations: where one kind of them is found no more, one operation shows it
and the service as a whole hardly does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Scene, Skipped
from ..timeline.linked_spans import prepare_linked_spans, taken_traces
from ..timeline.rises import Rise, rises
from ..timeline.span_facts import CACHES, SYSTEM, span_facts
from ..timeline.time_steps import step_of, time_steps

_STATEMENT: Final = (
    "coalesce(nullIf(attributes['db.query.text'], ''), nullIf(attributes['db.statement'], ''), "
    "nullIf(attributes['db.operation.name'], ''), nullIf(attributes['db.operation'], ''), name)"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_rise: the share of reads that go on must rise by a quarter of all: fewer are new items being asked for.
        min_missed: so many of them, or it is chance.
        min_probability: a finding is told when it is likelier than not.
        most: nobody is surer: requests may read other things than before.
    """

    min_rise: float = 0.25
    min_missed: int = 8
    min_probability: float = 0.5
    most: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find services whose cache no longer answers."""
    store = scene.store
    reads = f"match({SYSTEM}, {{caches:String}}) AND match({_STATEMENT}, '(?i)^\\\\W*(m|h)?gets?\\\\b')"
    if not span_facts(store).caches or not store.query(
        f"SELECT 1 AS n FROM spans WHERE {reads} LIMIT 1", caches=CACHES
    ):
        return Skipped("no span reads a cache")
    _prepare_lookups(store, reads)
    steps = time_steps(store, "spans")
    rows = store.query(
        f"""
        SELECT service, operation, groupArray((step, n, missed)) AS steps, sum(missed) AS all_missed FROM (
            SELECT service, op AS operation, {step_of("start_ns")} AS step, count() AS n, sum(missed) AS missed
            FROM cache_lookups ARRAY JOIN arrayDistinct(['', operation]) AS op GROUP BY service, op, step
        )
        GROUP BY service, operation HAVING operation = '' OR all_missed >= {{least:UInt32}}
        ORDER BY service, operation
        """,
        least=settings.min_missed,
        **steps.parameters(),
    )
    risen = [
        rise
        for rise in rises(rows, steps, settings.min_probability, looked_at=len(rows))
        if rise.change.failures_after >= settings.min_missed
        and rise.change.rate_after - rise.change.rate_before >= settings.min_rise
    ]
    whole = {rise.row["service"] for rise in risen if not rise.row["operation"]}
    found = [
        _finding(scene, rise, settings)
        for rise in risen
        if not rise.row["operation"] or rise.row["service"] not in whole
    ]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.operation or ""))


def _prepare_lookups(store: CaseStore, reads: str) -> None:
    """The table `cache_lookups`: requests that read a cache, for which operation, and whether they went on."""
    prepare_linked_spans(store)
    store.derive(
        "cache_lookups",
        f"""
        WITH calls AS (
            SELECT trace_id, span_id, parent_span_id, service, start_ns, {reads} AS reads,
                   {SYSTEM} != '' AND NOT match({SYSTEM}, {{caches:String}})
                       AND match({_STATEMENT}, '(?i)\\\\b(select|find|query|get|scan|read|search)\\\\b') AS stores
            FROM spans WHERE cityHash64(trace_id) % {{every:UInt32}} = 0 AND kind NOT IN ('server', 'consumer')
        ),
        lookups AS (
            SELECT service, trace_id, parent_span_id, minIf(calls.start_ns, reads) AS start_ns,
                   argMinIf(span_id, calls.start_ns, reads) AS span_id,
                   CAST(maxIf(calls.start_ns, stores) > minIf(calls.start_ns, reads), 'UInt8') AS missed
            FROM calls WHERE reads OR stores GROUP BY service, trace_id, parent_span_id HAVING countIf(reads) > 0
        )
        SELECT l.*, toString(s.parent_name) AS operation
        FROM lookups AS l LEFT ANY JOIN linked_spans AS s ON l.trace_id = s.trace_id AND l.span_id = s.span_id
        """,
        caches=CACHES,
        every=taken_traces(store),
    )


def _finding(scene: Scene, rise: Rise, settings: Settings) -> Finding:
    service, change, since_ns = str(rise.row["service"]), rise.change, rise.since_ns
    operation = str(rise.row["operation"])
    missed = scene.store.query(
        """
        SELECT trace_id, span_id FROM cache_lookups
        WHERE service = {service:String} AND missed AND start_ns >= {since:Int64}
          AND {operation:String} IN ('', operation)
        ORDER BY start_ns, trace_id, span_id LIMIT 3
        """,
        service=service,
        operation=operation,
        since=since_ns,
    )
    whose = f"requests of {operation}" if operation else "requests"
    return Finding(
        code="traces.cache_misses",
        mechanism="cache_stampede",
        service=service,
        summary=(
            f"{service}: {change.rate_after:.0%} of {whose} that read the cache go on to the store since "
            f"{format_instant(since_ns)}, {change.rate_before:.0%} before"
        ),
        severity=change.rate_after,
        confidence=min(settings.most, rise.probability),
        facts={
            "missed_share_before": round(change.rate_before, 4),
            "missed_share": round(change.rate_after, 4),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(row["trace_id"], row["span_id"]) for row in missed),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=operation or None,
        resource="cache",
    )


DETECTOR = Detector(
    code="traces.cache_misses",
    mechanisms=("cache_stampede",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
