"""A cache that no longer answers, and all its readers behind it.

Looks for: a service, one of its operations, or one kind of entries, whose requests read a cache and go on to the store
behind it far more often than before. Or one entry that several requests make anew at the same time, each for itself.

Why it matters: the store is built for what the cache leaves over. It becomes slow, its pool runs dry and callers give
up: all of that points to the store, and not to the cache that was flushed, is down, or keeps its entries too briefly.

Stays silent when: the same share of reads missed before, requests read no cache, or too few do.

Example finding: `catalog: 97% of requests that read the cache go on to the store since 15:42:53, 31% before`.

A read that misses is one whose request also queries a store after it, under the same parent and before it reads entries
of another kind: no hit or miss need be recorded. Where misses are written back, those that are not were none. A cache
holds many things for many operations: where one kind of them is found no more, one operation, or one kind of keys (all
that differ in numbers only), shows it and the service as a whole hardly does. An entry that many want is missed rarely,
and by all of them at once: that is told by misses of one key that overlap.
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
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.linked_spans import prepare_linked_spans, taken_traces
from ..timeline.rises import Rise, rises
from ..timeline.span_facts import CACHES, SYSTEM, span_facts
from ..timeline.time_steps import step_of, time_steps
from ..vocabulary.words import without_numbers

_STATEMENT: Final = (
    "coalesce(nullIf(attributes['db.query.text'], ''), nullIf(attributes['db.statement'], ''), "
    "nullIf(attributes['db.operation.name'], ''), nullIf(attributes['db.operation'], ''), name)"
)
_WRITES: Final = r"(?i)^\W*(p?set(ex|nx)?|hm?set|mset|add|put)\b"
# What is read, but for the numbers in it.
_KIND: Final = without_numbers("statement")


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_rise: the share of reads that go on must rise by a quarter of all: fewer are new items being asked for.
        min_missed: so many of them, or it is chance.
        min_joined: so many misses of a key began while another request was making it anew,
        joined_share: and that share of all: two may meet by chance, and one leader with its followers is a crowd.
        min_probability: a finding is told when it is likelier than not.
        crowded: severity of a crowd for one entry: few requests are in it, and they hold up all others at the store.
        most: nobody is surer: requests may read other things than before.
    """

    min_rise: float = 0.25
    min_missed: int = 6
    min_joined: int = 4
    joined_share: float = 0.25
    min_probability: float = 0.5
    crowded: float = 0.8
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
        SELECT service, part.1 AS by, part.2 AS of, groupArray((step, n, bad)) AS steps, sum(bad) AS all_bad FROM (
            SELECT service, (one.1, one.2) AS part, {step_of("start_ns")} AS step, count() AS n, sum(one.3) AS bad
            FROM cache_lookups
            ARRAY JOIN [('', '', missed), ('operation', operation, missed), ('kind', kind, missed),
                        ('crowd', kind, joined)] AS one
            GROUP BY service, part, step
        )
        GROUP BY service, part HAVING by = '' OR all_bad >= if(by = 'crowd', {{joined:UInt32}}, {{missed:UInt32}})
        ORDER BY service, part
        """,
        missed=settings.min_missed,
        joined=settings.min_joined,
        **steps.parameters(),
    )
    found: dict[str, Finding] = {}
    # Of a service as a whole, of one of its operations, of one kind of entries: what shows it best is told.
    crowds = [row for row in rows if row["by"] == "crowd"]
    shares = [row for row in rows if row["by"] != "crowd"]
    risen = [
        rise for part in (shares, crowds) for rise in rises(part, steps, settings.min_probability, looked_at=len(part))
    ]
    for rise in sorted(risen, key=_order):
        if rise.row["service"] not in found and _tells(store, rise, settings):
            found[rise.row["service"]] = _finding(scene, rise, settings)
    return sorted(found.values(), key=lambda f: (-f.severity * f.confidence, f.service, f.operation or ""))


def _order(rise: Rise) -> tuple[float, int]:
    return -round(rise.change.log_evidence, 3), _PARTS.index(rise.row["by"])


def _tells(store: CaseStore, rise: Rise, settings: Settings) -> bool:
    change = rise.change
    if rise.row["by"] != "crowd":
        enough = change.failures_after >= settings.min_missed
        return enough and change.rate_after - change.rate_before >= settings.min_rise
    missed = store.query(f"SELECT count() AS n FROM cache_lookups WHERE {_COUNTED}", **_counted(rise))[0]["n"]
    return change.failures_after >= max(settings.min_joined, settings.joined_share * int(missed))


def _prepare_lookups(store: CaseStore, reads: str) -> None:
    """The table `cache_lookups`: requests that read a kind of entries of a cache, for which operation, which went on.

    Columns: service, trace_id, operation; kind (the statement without its numbers); start_ns and span_id of the first
    such read; missed, and joined: missed while another request was making this entry anew.
    """
    prepare_linked_spans(store)
    store.derive(
        "cache_lookups",
        f"""
        WITH calls AS (
            SELECT trace_id, span_id, parent_span_id, service, start_ns, start_ns + duration_ns AS end_ns,
                   substring({_STATEMENT}, 1, 200) AS statement, match({SYSTEM}, {{caches:String}}) AS cached,
                   multiIf({reads}, 'read', cached AND match(statement, {{writes:String}}), 'write',
                           NOT cached AND {SYSTEM} != ''
                           AND match(statement, '(?i)\\\\b(select|find|query|get|scan|read|search)\\\\b'), 'store',
                           '') AS act,
                   if(cached, extract(statement, '^\\\\W*\\\\w+[ (]+([^ ,)?$]+)'), '') AS key
            FROM spans WHERE cityHash64(trace_id) % {{every:UInt32}} = 0 AND kind NOT IN ('server', 'consumer')
        ),
        requests AS (
            SELECT service, trace_id, parent_span_id,
                   arraySort(groupArray((start_ns, act, if(act = 'read', {_KIND}, ''), key, end_ns, span_id))) AS acts,
                   arrayMap(one -> one.4, arrayFilter(one -> one.2 = 'write', acts)) AS written
            FROM calls WHERE act != '' GROUP BY service, trace_id, parent_span_id HAVING countIf(act = 'read') > 0
        ),
        lookups AS (
            SELECT service, trace_id, parent_span_id, one.3 AS kind, one.4 AS key, one.1 AS start_ns, one.6 AS span_id,
                   arrayFirst(other -> other.1 > one.1 AND other.2 != 'write' AND other.3 != one.3, acts) AS next,
                   next.2 = 'store' AS goes_on, has(written, key) AS kept, if(goes_on, next.5, 0) AS end_ns
            FROM requests ARRAY JOIN acts AS one WHERE one.2 = 'read'
            ORDER BY start_ns, span_id LIMIT 1 BY service, trace_id, parent_span_id, kind
        ),
        misses AS (
            -- Where what was missed is written back, a request that does not do so was only on its way to the store.
            SELECT *, CAST(goes_on AND (kept OR NOT max(kept) OVER (PARTITION BY service, kind)), 'UInt8') AS missed,
                   if(missed, end_ns, 0) AS made_ns
            FROM lookups
        ),
        crowds AS (
            SELECT *, CAST(missed AND key != ''
                           AND max(made_ns) OVER (PARTITION BY service, key ORDER BY start_ns, trace_id
                                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) > start_ns,
                           'UInt8') AS joined
            FROM misses
        )
        SELECT l.service AS service, l.trace_id AS trace_id, l.span_id AS span_id, l.kind AS kind,
               l.start_ns AS start_ns, l.missed AS missed, l.joined AS joined, toString(s.parent_name) AS operation
        FROM crowds AS l LEFT ANY JOIN linked_spans AS s ON l.trace_id = s.trace_id AND l.span_id = s.span_id
        """,
        "service LowCardinality(String), trace_id String, span_id String, kind String, start_ns Int64, missed UInt8, "
        "joined UInt8, operation LowCardinality(String)",
        caches=CACHES,
        writes=_WRITES,
        every=taken_traces(store),
    )


_PARTS: Final = ("", "operation", "kind", "crowd")
# Of the misses since a rise, those in the part of all lookups that it is of.
_COUNTED: Final = """service = {service:String} AND missed AND start_ns >= {since:Int64}
    AND ({by:String} = '' OR {of:String} = if({by:String} = 'operation', operation, kind))"""


def _counted(rise: Rise) -> dict[str, str | int]:
    """What `_COUNTED` needs in a query."""
    return {"service": rise.row["service"], "by": rise.row["by"], "of": rise.row["of"], "since": rise.since_ns}


def _finding(scene: Scene, rise: Rise, settings: Settings) -> Finding:
    service, change, since_ns = str(rise.row["service"]), rise.change, rise.since_ns
    by, of = str(rise.row["by"]), str(rise.row["of"])
    missed = scene.store.query(
        f"SELECT trace_id, span_id FROM cache_lookups WHERE {_COUNTED} "
        "ORDER BY joined DESC, start_ns, trace_id, span_id LIMIT 3",
        **_counted(rise),
    )
    whose = {
        "": "requests that read the cache go on to the store",
        "operation": f"requests of {of} that read the cache go on to the store",
        "kind": f'reads of the cache by "{of[:60]}" go on to the store',
        "crowd": f'reads of the cache by "{of[:60]}" go on to the store while another makes the entry anew',
    }[by]
    return Finding(
        code="traces.cache_misses",
        mechanism="cache_stampede",
        service=service,
        summary=(
            f"{service}: {change.rate_after:.0%} of {whose} since {format_instant(since_ns)}, "
            f"{change.rate_before:.0%} before"
        ),
        severity=settings.crowded if by == "crowd" else change.rate_after,
        confidence=min(settings.most, rise.probability),
        facts={
            "missed_share_before": round(change.rate_before, 4),
            "missed_share": round(change.rate_after, 4),
            "onset": format_instant(since_ns),
        },
        citations=tuple(span_citation(row["trace_id"], row["span_id"]) for row in missed),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=of if by == "operation" else None,
        resource="cache",
    )


DETECTOR = Detector(
    code="traces.cache_misses",
    kinds=(Kind("traces.cache_misses", directness=1.0, family="seen"),),
    mechanisms=("cache_stampede",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
