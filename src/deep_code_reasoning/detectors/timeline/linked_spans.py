"""Spans with their parents: the tables that most questions about traces start from.

    linked_spans    a row a span: trace_id, span_id, service, clock, name, kind, start_ns, duration_ns, failed
                    (its status is error) and, of its parent, parent_span_id, parent_service, parent_clock, parent_name,
                    parent_kind, parent_start_ns, parent_duration_ns, parent_failed and has_parent (whether the parent
                    is in the evidence; '' and 0 where it is not)
    span_children   a row a span that has children: trace_id, span_id, children, inside_ns (time of it that its children
                    cover, overlaps counted twice), calls_out (a child is of another service), and of its first child
                    callee, child_kind, child_start_ns, child_duration_ns

Both are made once a case, from whole traces. Of a case with very many spans some traces are taken, chosen by a hash of
their id: what is asked of these tables are rates and quantiles, for which half a million spans are plenty.
"""

from __future__ import annotations

from typing import Final

from ...store import CaseStore

CLOCK_OF: Final = "if(host != '', host, if(instance != '', instance, service))"
"""SQL: by whose clock a row's time was taken. Where no host is named, instances, else services, stand for it."""

# Half a million spans take some 100 MB with their parents, as many log records as much; the statistics need hundreds
# an operation.
_MAX_ROWS: Final = 500_000


def taken_traces(store: CaseStore) -> int:
    """Of how many traces one is taken, spans and log records alike; 1 when all are."""
    return max(1, *(-(-store.count(table) // _MAX_ROWS) for table in ("spans", "logs")))


def prepare_linked_spans(store: CaseStore) -> None:
    """Make both tables, once."""
    store.once("linked spans", lambda: _link_spans(store))


def do_some_fail(store: CaseStore) -> bool:
    """Whether the status of any linked span is error."""
    prepare_linked_spans(store)
    return store.once("some fail", lambda: bool(store.query("SELECT max(failed) AS n FROM linked_spans")[0]["n"]))


def span_kinds(store: CaseStore) -> frozenset[str]:
    """The kinds of linked spans: soon told, where a long statement over those of a kind is dear to understand."""
    prepare_linked_spans(store)
    statement = "SELECT groupUniqArray(toString(kind)) AS kinds FROM linked_spans"
    return store.once("span kinds", lambda: frozenset(store.query(statement)[0]["kinds"]))


def _link_spans(store: CaseStore) -> None:
    # The spans are read once and joined in memory: large cases are streamed from files.
    store.derive(
        "taken_spans",
        f"""
        SELECT trace_id, span_id, parent_span_id, service, {CLOCK_OF} AS clock, name, kind, start_ns,
               greatest(0, duration_ns) AS duration_ns, CAST(status = 'error', 'UInt8') AS failed
        FROM spans WHERE cityHash64(trace_id) % {{every:UInt32}} = 0 AND span_id != parent_span_id
        """,
        "trace_id String, span_id String, parent_span_id String, service LowCardinality(String), "
        "clock String, name LowCardinality(String), kind LowCardinality(String), start_ns Int64, "
        "duration_ns Int64, failed UInt8",
        every=taken_traces(store),
    )
    store.derive(
        "linked_spans",
        """
        SELECT s.trace_id AS trace_id, s.span_id AS span_id, s.service AS service, s.clock AS clock, s.name AS name,
               s.kind AS kind, s.start_ns AS start_ns, s.duration_ns AS duration_ns, s.failed AS failed,
               s.parent_span_id AS parent_span_id,
               p.service AS parent_service, p.clock AS parent_clock, p.name AS parent_name, p.kind AS parent_kind,
               p.start_ns AS parent_start_ns, p.duration_ns AS parent_duration_ns,
               p.failed AS parent_failed, p.span_id != '' AS has_parent
        FROM taken_spans AS s LEFT ANY JOIN taken_spans AS p ON s.trace_id = p.trace_id AND s.parent_span_id = p.span_id
        """,
        "trace_id String, span_id String, service LowCardinality(String), clock String, "
        "name LowCardinality(String), kind LowCardinality(String), start_ns Int64, duration_ns Int64, "
        "failed UInt8, parent_span_id String, parent_service LowCardinality(String), parent_clock String, "
        "parent_name LowCardinality(String), parent_kind LowCardinality(String), parent_start_ns Int64, "
        "parent_duration_ns Int64, parent_failed UInt8, has_parent UInt8",
    )
    store.derive(
        "span_children",
        """
        SELECT trace_id, parent_span_id AS span_id, count() AS children,
               sum(greatest(0, least(start_ns + duration_ns, parent_start_ns + parent_duration_ns)
                               - greatest(start_ns, parent_start_ns))) AS inside_ns,
               max(service != parent_service) AS calls_out,
               argMin(tuple(service, kind, start_ns, duration_ns, clock), (start_ns, linked_spans.span_id)) AS first,
               first.1 AS callee, first.2 AS child_kind, first.3 AS child_start_ns, first.4 AS child_duration_ns,
               first.5 AS callee_clock
        FROM linked_spans
        WHERE has_parent
        GROUP BY trace_id, parent_span_id
        """,
        "trace_id String, span_id String, children UInt64, inside_ns Int64, calls_out UInt8, "
        "first Tuple(String, String, Int64, Int64, String), callee String, child_kind String, "
        "child_start_ns Int64, child_duration_ns Int64, callee_clock String",
    )
    store.execute("TRUNCATE TABLE taken_spans")
