"""Who held a lock from when to when, and where two did at once: the tables `lock_holds` and `lock_overlaps`.

    lock_steps      `lock_ops` but for spans of whole holds, with `refused` for acquisitions that failed, the number of
                    acquisitions (session) and of renewals and releases (turn) that its holder had made by then
    lock_holds      a row a hold: number, key, holder, owner, service, clock, trace_id and first_span (that acquired),
                    last_trace and last_span (of its last operation), start_ns (acquired), end_ns (released, or last
                    heard of), ttl_ns, grants and renewals (times at which the lease was granted anew and was to be),
                    offset_ns and doubt_ns of the clock
    lock_overlaps   a row a hold that began while another's had not ended: that hold's columns (but its last operation),
                    and of the earlier one the same with `prior_` before them

A hold begins with the acquisition that is followed by a renewal or a release of the same holder: attempts that are
followed by nothing, or by another attempt, did not succeed. It ends with the release, whether that was granted or not:
until then its holder took the lock for its own.
"""

from __future__ import annotations

from ...store import CaseStore
from .operations import SLACK_NS, prepare_lock_ops


def prepare_holds(store: CaseStore) -> bool:
    """Make `lock_holds` and `lock_overlaps`, once; False when nothing was held."""
    if not prepare_lock_ops(store):
        return False
    prepare_lock_steps(store)
    _prepare_lock_holds(store)
    _prepare_lock_overlaps(store)
    return bool(store.query("SELECT 1 AS n FROM lock_holds LIMIT 1"))


def prepare_lock_steps(store: CaseStore) -> None:
    """Make `lock_steps`, once; `lock_ops` must be there."""
    store.derive(
        "lock_steps",
        """
        WITH told AS (
            SELECT * REPLACE (if(verb = 'acquire' AND ok = 0, 'refused', verb) AS verb)
            FROM lock_ops WHERE verb != 'hold'
        )
        SELECT *, countIf(verb = 'acquire') OVER w AS session, countIf(verb IN ('renew', 'release')) OVER w AS turn
        FROM told
        WINDOW w AS (PARTITION BY key, holder ORDER BY start_ns, verb, span_id ROWS UNBOUNDED PRECEDING)
        """,
    )


def _prepare_lock_holds(store: CaseStore) -> None:
    store.derive(
        "lock_holds",
        """
        WITH sessions AS (
            SELECT key, holder, any(t.owner) AS owner, argMinIf(service, t.start_ns, verb = 'acquire') AS service,
                   argMinIf(clock, t.start_ns, verb = 'acquire') AS clock,
                   argMinIf(trace_id, t.start_ns, verb = 'acquire') AS trace_id,
                   argMinIf(span_id, t.start_ns, verb = 'acquire') AS first_span,
                   argMax(t.trace_id, t.start_ns) AS last_trace, argMax(span_id, t.start_ns) AS last_span,
                   minIf(t.end_ns, verb = 'acquire') AS start_ns,
                   if(countIf(verb = 'release') > 0, minIf(t.start_ns, verb = 'release'), max(t.end_ns)) AS end_ns,
                   max(t.ttl_ns) AS ttl_ns,
                   arraySort(groupArrayIf(if(verb = 'acquire', t.end_ns, t.start_ns), verb != 'release' AND ok != 0))
                       AS grants,
                   arraySort(groupArrayIf(t.start_ns, verb = 'renew')) AS renewals,
                   argMin(t.offset_ns, t.start_ns) AS offset_ns, max(t.doubt_ns) AS doubt_ns
            FROM lock_steps AS t WHERE verb != 'refused' GROUP BY key, holder, session
            HAVING countIf(verb = 'acquire') > 0 AND countIf(verb != 'acquire') > 0 AND end_ns > start_ns
        ),
        named AS (
            SELECT key, concat(holder, '/', span_id) AS holder, owner, service, clock, trace_id, span_id AS first_span,
                   trace_id AS last_trace, span_id AS last_span, start_ns, end_ns, ttl_ns, [start_ns] AS grants,
                   CAST([], 'Array(Int64)'), offset_ns, doubt_ns
            FROM lock_ops WHERE verb = 'hold' AND key NOT IN (SELECT key FROM lock_ops WHERE verb = 'release')
        )
        SELECT row_number() OVER (ORDER BY key, start_ns, holder) AS number, *
        FROM (SELECT * FROM sessions UNION ALL SELECT * FROM named)
        """,
        "number UInt64, key String, holder String, owner String, service String, clock String, trace_id String, "
        "first_span String, last_trace String, last_span String, start_ns Int64, end_ns Int64, ttl_ns Int64, "
        "grants Array(Int64), renewals Array(Int64), offset_ns Int64, doubt_ns Int64",
    )


def _prepare_lock_overlaps(store: CaseStore) -> None:
    store.derive(
        "lock_overlaps",
        """
        WITH ordered AS (
            SELECT *, argMax(number, end_ns) OVER w AS prior FROM lock_holds
            WINDOW w AS (PARTITION BY key ORDER BY start_ns, number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
        SELECT b.key AS key, b.holder AS holder, b.owner AS owner, b.service AS service, b.clock AS clock,
               b.trace_id AS trace_id, b.first_span AS first_span, b.start_ns AS start_ns,
               b.end_ns AS end_ns, b.offset_ns AS offset_ns, b.ttl_ns AS ttl_ns,
               a.holder AS prior_holder, a.owner AS prior_owner, a.service AS prior_service, a.clock AS prior_clock,
               a.trace_id AS prior_trace_id, a.first_span AS prior_first_span, a.last_trace AS prior_last_trace,
               a.last_span AS prior_last_span,
               a.start_ns AS prior_start_ns, a.end_ns AS prior_end_ns, a.offset_ns AS prior_offset_ns,
               a.ttl_ns AS prior_ttl_ns, a.grants AS prior_grants, a.renewals AS prior_renewals
        FROM ordered AS b JOIN lock_holds AS a ON b.prior = a.number AND b.key = a.key
        WHERE a.holder != b.holder AND a.end_ns > b.start_ns + {slack:Int64} + a.doubt_ns + b.doubt_ns
        """,
        "key String, holder String, owner String, service String, clock String, trace_id String, first_span String, "
        "start_ns Int64, end_ns Int64, offset_ns Int64, ttl_ns Int64, prior_holder String, prior_owner String, "
        "prior_service String, prior_clock String, prior_trace_id String, prior_first_span String, "
        "prior_last_trace String, prior_last_span String, prior_start_ns Int64, prior_end_ns Int64, "
        "prior_offset_ns Int64, prior_ttl_ns Int64, prior_grants Array(Int64), prior_renewals Array(Int64)",
        slack=SLACK_NS,
    )
