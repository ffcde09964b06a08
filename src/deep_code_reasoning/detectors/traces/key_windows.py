"""Where requests read something and then write it: the tables that races are found in.

    conflicts       a row a trace and service that was told of a conflict (a version that is no longer, a key that is
                    already there), in words or by a status (HTTP 409 and 412; gRPC 6, 9, 10): trace_id, service,
                    message
    key_windows     a row a trace that read and then wrote one key: object (what was read, and what was written where
                    that is another), key ('' where it is hidden), same (one object was read and written), trace_id,
                    service (that writes), read_span, write_span, start_ns (of the read), end_ns (of the write),
                    conflict, after_prior and before_next (it crosses an earlier or a later window of another trace),
                    crossed (either), and of a window that it crosses other_read and other_write, each `TRACE/SPAN`;
                    locked (its request takes a lock); unguarded (it replaced a row that is known, with no lock and no
                    check of a version), creates (it makes something new), twice (another created the same across it,
                    and neither was told), unseen (it replaced what another trace had written after it had read) and
                    unseen_write, that trace's span
    entries         a row a trace and service that reads and writes: trace_id, service, start_ns, entry (the name of
                    the span that it began with)

Times are on the common timeline (`timeline/clocks.py`); reads and writes are those of `accesses.py`. What is read and
written belongs together when it has one key and came about by one request to that service. Where something else is
written than was read (a seat is looked up here, and booked there), the key is that of the read if the write hides its
own, and only writes of a kind that meets conflicts count.
"""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..locks.operations import prepare_lock_ops
from ..timeline.span_facts import REFUSED, span_facts
from .accesses import prepare_accesses

# What databases, mappers and stores say of a write that came second: SQLSTATE 23505 and 40001 in PostgreSQL's and
# MySQL's words, JPA, SQLAlchemy, Rails and EF Core, DynamoDB, MongoDB, Cosmos, etcd, Kubernetes, HTTP 409 and 412.
_CONFLICT: Final = (
    r"(?i)duplicate (key|entry)|unique (constraint|violation|index)|unique_violation|E11000|already (exists|processed"
    r"|applied|used|redeemed|taken|consumed)|stale ?(data|object|state|version|write)|optimistic ?lock"
    r"|could not serialize|serialization failure|write ?conflict|conditional ?(check|request) ?failed"
    r"|(updated|changed|modified|deleted)( or (deleted|updated))? (by|in) (another|other|a concurrent)|concurrent"
    r"(ly)? ?(update|modif|write|change)|(version|etag|revision|precondition) (mismatch|conflict|failed|changed)"
    r"|expected version|object has been modified|lost update|409 conflict|412 precondition"
)
# Times on the common timeline are wrong by a scheduler's pause beside the clocks' own doubt.
_SLACK_NS: Final = 2 * NS_PER_MS


def prepare_conflicts(store: CaseStore) -> bool:
    """Make `conflicts`, once; False when nothing was told of any."""
    refusals = "" if not span_facts(store).refused else (
        f" UNION ALL SELECT trace_id, toString(service), {REFUSED} AS refusal FROM spans WHERE refusal != ''"
    )  # fmt: skip
    logs = "" if not store.count("logs") else (
        " UNION ALL SELECT trace_id, toString(service), body FROM logs"
        " WHERE trace_id != '' AND severity IN ('warn', 'error', 'fatal') AND match(body, {conflict:String})"
    )  # fmt: skip
    store.derive(
        "conflicts",
        f"""
        SELECT trace_id, service, max(message) AS message FROM (
            SELECT trace_id, toString(service) AS service, status_message AS message FROM spans
            WHERE status = 'error' AND match(status_message, {{conflict:String}})
            UNION ALL
            SELECT trace_id, toString(service), concat(attributes['exception.type'], ' ',
                                                       attributes['exception.message']) AS said
            FROM span_events WHERE name = 'exception' AND match(said, {{conflict:String}})
            {refusals}{logs}
        ) GROUP BY trace_id, service
        """,
        "trace_id String, service LowCardinality(String), message String",
        conflict=_CONFLICT,
    )
    return bool(store.query("SELECT 1 AS n FROM conflicts LIMIT 1"))


def prepare_key_windows(store: CaseStore) -> bool:
    """Make `key_windows` and `entries`, once; False, and neither, where nothing is read and then written.

    `conflicts` must be there.
    """
    return store.once("key windows", lambda: _find_windows(store))


def _find_windows(store: CaseStore) -> bool:
    prepare_accesses(store)
    # Several steps: a statement of them all would be planned for longer than it runs.
    store.derive("first_writes", _FIRST, _FIRST_COLUMNS)
    if not store.query("SELECT 1 AS n FROM first_writes LIMIT 1"):
        return False
    prepare_lock_ops(store)
    _prepare_windows(store)
    store.execute("TRUNCATE TABLE key_accesses")
    store.derive(
        "entries",
        """
        SELECT trace_id, toString(service) AS service, min(s.start_ns) AS start_ns,
               argMin(toString(name), (s.start_ns, -duration_ns, span_id)) AS entry
        FROM spans AS s WHERE service IN (SELECT service FROM key_windows) GROUP BY trace_id, service
        """,
        "trace_id String, service LowCardinality(String), start_ns Int64, entry String",
    )
    return True


_PAIR: Final = """w.trace_id AS trace_id, w.service AS service, argMax(r.span_id, (r.start_ns, r.span_id)) AS read_span,
    w.span_id AS write_span, max(r.start_ns) AS start_ns, max(w.start_ns) AS written_ns, max(w.end_ns) AS end_ns,
    max(r.doubt_ns + w.doubt_ns) AS doubt_ns, max(w.refused) AS refused, max(w.creates) AS creates,
    if(max(w.replaces) AND max(r.row = w.row), max(w.row), '') AS row"""
# From each trace's last read of a key to its first write of that.
_FIRST: Final = f"""
    WITH reads AS (
        SELECT *, arrayJoin(if(hidden, [''], arrayDistinct(names))) AS key FROM key_accesses WHERE reads
    ),
    writes AS (
        SELECT *, arrayJoin(if(hidden, [''], arrayDistinct(names))) AS key FROM key_accesses WHERE NOT reads
    ),
    acts AS (
        SELECT DISTINCT service, object FROM key_accesses
        WHERE NOT reads AND (refused OR (trace_id, service) IN (SELECT trace_id, service FROM conflicts))
    ),
    pairs AS (
        SELECT w.object AS object, w.key AS key, 1 AS same, {_PAIR}
        FROM writes AS w
        JOIN reads AS r ON r.trace_id = w.trace_id AND r.entry = w.entry AND r.object = w.object AND r.key = w.key
        WHERE r.start_ns < w.start_ns AND r.service = w.service
        GROUP BY w.object, w.key, w.trace_id, w.service, w.span_id
        UNION ALL
        SELECT concat(r.object, ', then ', w.object) AS object, r.key AS key, 0 AS same, {_PAIR}
        FROM key_accesses AS w JOIN reads AS r ON r.trace_id = w.trace_id AND r.entry = w.entry
        WHERE NOT w.reads AND r.start_ns < w.start_ns AND r.service = w.service AND r.object != w.object
          AND r.key != '' AND (w.hidden OR has(w.names, r.key)) AND (w.service, w.object) IN acts
        GROUP BY r.object, w.object, r.key, w.trace_id, w.service, w.span_id
    )
    SELECT object, key, trace_id, p.service AS service, any(same) AS same,
           argMin((p.read_span, p.write_span, p.start_ns), (p.end_ns, p.write_span)) AS earliest,
           earliest.1 AS read_span, earliest.2 AS write_span, earliest.3 AS start_ns, min(p.end_ns) AS end_ns,
           argMin(p.written_ns, (p.end_ns, p.write_span)) AS written_ns, max(p.refused) AS refused,
           max(p.creates) AS creates, argMin(p.row, (p.end_ns, p.write_span)) AS row, max(p.doubt_ns) AS doubt_ns
    FROM pairs AS p GROUP BY object, key, trace_id, service
"""
_FIRST_COLUMNS: Final = (
    "object String, key String, trace_id String, service LowCardinality(String), same UInt8, "
    "earliest Tuple(String, String, Int64), read_span String, write_span String, start_ns Int64, end_ns Int64, "
    "written_ns Int64, refused UInt8, creates UInt8, row String, doubt_ns Int64"
)
_WINDOW_COLUMNS: Final = (
    "object String, key String, same UInt8, trace_id String, service LowCardinality(String), read_span String, "
    "write_span String, start_ns Int64, end_ns Int64, conflict UInt8, after_prior Nullable(UInt8), "
    "before_next Nullable(UInt8), crossed Nullable(UInt8), other Tuple(String, String, String, Int64), "
    "other_read String, other_write String, locked UInt8, unguarded UInt8, twice Nullable(UInt8), creates UInt8, "
    "unseen Nullable(UInt8), unseen_write String"
)


def _prepare_windows(store: CaseStore) -> None:
    # Who wrote a row last before a window's own write.
    store.derive(
        "last_writes",
        """
        WITH written AS (
            SELECT object, row, trace_id, '' AS span_id, written_ns AS at_ns, 0 AS end_ns
            FROM first_writes WHERE row != ''
            UNION ALL
            SELECT object, row, trace_id, span_id, end_ns, end_ns FROM key_accesses WHERE replaces AND row != ''
        )
        SELECT object, row, trace_id, at_ns, argMaxIf((trace_id, span_id, end_ns), at_ns, end_ns > 0) OVER (
            PARTITION BY object, row ORDER BY at_ns, span_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS written
        FROM written
        """,
        "object String, row String, trace_id String, at_ns Int64, written Tuple(String, String, Int64)",
    )
    store.derive(
        "key_windows",
        """
        WITH beside AS (
            SELECT *, argMax((trace_id, read_span, write_span, end_ns), (end_ns, trace_id)) OVER earlier AS prior,
                   leadInFrame((trace_id, read_span, write_span, start_ns)) OVER whole AS next,
                   countIf(creates) OVER whole AS made
            FROM first_writes
            WINDOW earlier AS (PARTITION BY object, key ORDER BY start_ns, trace_id, service
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                   whole AS (PARTITION BY object, key ORDER BY start_ns, trace_id, service
                             ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        ),
        locking AS (SELECT trace_id, service FROM lock_ops UNION ALL SELECT trace_id, service FROM lock_waits)
        SELECT b.object AS object, b.key AS key, b.same AS same, b.trace_id AS trace_id, b.service AS service,
               b.read_span AS read_span, b.write_span AS write_span, b.start_ns AS start_ns, b.end_ns AS end_ns,
               c.trace_id != '' OR b.refused AS conflict,
               prior.1 NOT IN ('', b.trace_id) AND prior.4 > b.start_ns + b.doubt_ns + {slack:Int64} AS after_prior,
               next.1 NOT IN ('', b.trace_id) AND next.4 + b.doubt_ns + {slack:Int64} < b.end_ns AS before_next,
               after_prior OR before_next AS crossed, if(after_prior, prior, next) AS other,
               concat(other.1, '/', other.2) AS other_read, concat(other.1, '/', other.3) AS other_write,
               (b.trace_id, b.service) IN locking AS locked, b.row != '' AND NOT locked AS unguarded,
               crossed AND b.key != '' AND b.creates AND made > 1 AND NOT conflict AND NOT locked AS twice,
               b.creates AS creates,
               unguarded AND NOT conflict AND d.written.1 NOT IN ('', b.trace_id)
                   AND d.written.3 > b.start_ns + b.doubt_ns + {slack:Int64} AS unseen,
               concat(d.written.1, '/', d.written.2) AS unseen_write
        FROM beside AS b LEFT ANY JOIN conflicts AS c ON b.trace_id = c.trace_id AND b.service = c.service
        LEFT ANY JOIN last_writes AS d
            ON b.object = d.object AND b.row = d.row AND b.trace_id = d.trace_id AND b.written_ns = d.at_ns
        """,
        _WINDOW_COLUMNS,
        slack=_SLACK_NS,
    )
