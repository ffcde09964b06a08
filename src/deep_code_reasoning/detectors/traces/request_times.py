"""How long services work on requests themselves: the tables `self_times` (a row a span) and `request_times`.

self_times      the self time of a span is its duration without its children; that of a client span (one that
                contains, or whose like contain, the work of another service) is 0
request_times   a row a trace and service. A service's self time in a trace is the time in which it had work to do
                (its entry spans, united) less the time in which it waited for other services (its client spans,
                united): so it is right for parallel calls, and for frameworks whose spans of one request lie
                beside each other
"""

from __future__ import annotations

from ...store import CaseStore
from ..timeline.linked_spans import prepare_linked_spans


def prepare_request_times(store: CaseStore) -> None:
    """Make the tables, once."""
    prepare_linked_spans(store)
    store.derive(
        "self_times",
        """
        WITH clients AS (
            SELECT DISTINCT service, name FROM linked_spans
            WHERE kind IN ('client', 'producer', '')
              AND span_key IN (SELECT span_key FROM span_children WHERE calls_out)
        )
        SELECT s.trace_id AS trace_id, s.span_id AS span_id, s.service AS service, s.clock AS clock, s.name AS name,
               s.start_ns AS start_ns, s.duration_ns AS duration_ns, (s.service, s.name) IN clients AS is_client,
               if(is_client, 0, greatest(0, s.duration_ns - c.inside_ns)) AS self_ns,
               s.parent_service != s.service AS is_entry
        FROM linked_spans AS s LEFT ANY JOIN span_children AS c ON s.span_key = c.span_key
        """,
        "trace_id String, span_id String, service LowCardinality(String), clock String, "
        "name LowCardinality(String), start_ns Int64, duration_ns Int64, is_client UInt8, self_ns Int64, "
        "is_entry UInt8",
    )
    store.derive(
        "request_times",
        """
        WITH stretches AS (
            SELECT trace_id, service, clock, name, span_id, is_entry, is_client, start_ns,
                   start_ns + duration_ns AS end_ns,
                   max(end_ns) OVER (PARTITION BY trace_id, service, is_client ORDER BY start_ns, end_ns, span_id
                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_to_ns,
                   greatest(0, end_ns - greatest(start_ns, covered_to_ns)) AS new_ns
            FROM self_times WHERE is_entry OR is_client
        )
        SELECT trace_id, service, argMinIf(t.name, (t.start_ns, t.span_id), t.is_entry) AS entry,
               argMinIf(t.span_id, (t.start_ns, t.span_id), t.is_entry) AS span_id,
               argMinIf(t.clock, (t.start_ns, t.span_id), t.is_entry) AS clock, min(t.start_ns) AS start_ns,
               intDiv(greatest(0, sumIf(t.new_ns, NOT t.is_client) - sumIf(t.new_ns, t.is_client)),
                      countIf(t.is_entry)) AS self_ns
        FROM stretches AS t
        GROUP BY trace_id, service HAVING countIf(t.is_entry) > 0
        """,
        "trace_id String, service LowCardinality(String), entry String, span_id String, clock String, "
        "start_ns Int64, self_ns Int64",
    )
