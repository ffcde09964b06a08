"""Where requests read something and then write it: the tables that races are found in.

    conflicts       a row a trace and service that was told of a conflict (a version that is no longer, a key that is
                    already there): trace_id, service, message
    key_windows     a row a trace that read and then wrote one key: object (the table, or where a store has none the
                    key with # for its numbers), key ('' where the statement hides it), trace_id, service (that
                    writes), read_span, write_span, start_ns (of the read), end_ns (of the write), conflict, crossed,
                    and of a window of another trace that it crosses other_read and other_write, each `TRACE/SPAN`
    entries         a row a trace and service that was told of conflicts: trace_id, service, start_ns, entry (the
                    name of the span that it began with)
    message_turns   a row a message and service that takes it: queue, start_ns, at_once (it was in work twice at
                    once), conflict, spans (`TRACE/SPAN` of its turns)

Times are on the common timeline (`timeline/clocks.py`). A key is any value that both statements name, as a literal or
as a recorded parameter: which column it stands in says little across dialects. Reads that lock their rows open none.
"""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..locks.commands import statement_of
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF

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
_READ: Final = r"^(?i)(select|find|findone|get|hget|hgetall|hmget|getitem|query|read)$"
_WRITE: Final = (
    r"^(?i)(update|insert|delete|upsert|merge|replace|save|set|hset|hmset|put|putitem|updateitem|updateone|replaceone"
    r"|insertone|findandmodify|findoneandupdate|write)$"
)
# Times on the common timeline are wrong by a scheduler's pause beside the clocks' own doubt.
_SLACK_NS: Final = 2 * NS_PER_MS
_MESSAGE_IDS: Final = (
    "messaging.message.id", "messaging.message_id", "message.id", "message_id", "messageId", "message",
    "idempotency.key", "idempotency_key", "http.request.header.idempotency-key",
)  # fmt: skip
QUEUE_NAMES: Final = ("messaging.destination.name", "messaging.destination", "queue", "topic", "messaging.source.name")


def prepare_conflicts(store: CaseStore) -> bool:
    """Make `conflicts`, once; False when nothing was told of any."""
    logs = "" if not store.count("logs") else (
        " UNION ALL SELECT trace_id, toString(service), body FROM logs"
        " WHERE trace_id != '' AND severity IN ('warn', 'error', 'fatal') AND match(body, {conflict:String})"
    )  # fmt: skip
    store.derive(
        "conflicts",
        f"""
        SELECT trace_id, service, min(message) AS message FROM (
            SELECT trace_id, toString(service) AS service, status_message AS message FROM spans
            WHERE status = 'error' AND match(status_message, {{conflict:String}})
            UNION ALL
            SELECT trace_id, toString(service), concat(attributes['exception.type'], ' ',
                                                       attributes['exception.message']) AS said
            FROM span_events WHERE name = 'exception' AND match(said, {{conflict:String}})
            {logs}
        ) GROUP BY trace_id, service
        """,
        conflict=_CONFLICT,
    )
    return bool(store.query("SELECT count() AS n FROM conflicts")[0]["n"])


def prepare_key_windows(store: CaseStore) -> None:
    """Make `key_windows` and `entries` of the services that were told of conflicts, once; `conflicts` must be there."""
    prepare_clocks(store)
    _prepare_accesses(store)
    _prepare_windows(store)
    store.execute("TRUNCATE TABLE key_accesses")
    store.derive(
        "entries",
        """
        SELECT trace_id, toString(service) AS service, min(s.start_ns) AS start_ns,
               argMin(toString(name), (s.start_ns, -duration_ns, span_id)) AS entry
        FROM spans AS s WHERE service IN (SELECT service FROM conflicts) GROUP BY trace_id, service
        """,
    )


def _prepare_windows(store: CaseStore) -> None:
    """From each trace's last read of a key to its first write of that; next to which other trace's."""
    store.derive(
        "key_windows",
        """
        WITH reads AS (
            SELECT *, arrayJoin(if(hidden, [''], arrayDistinct(names))) AS key FROM key_accesses WHERE reads
        ),
        writes AS (
            SELECT *, arrayJoin(if(hidden, [''], arrayDistinct(names))) AS key FROM key_accesses WHERE NOT reads
        ),
        pairs AS (
            SELECT w.object AS object, w.key AS key, w.trace_id AS trace_id, w.service AS service,
                   argMax(r.span_id, (r.start_ns, r.span_id)) AS read_span, w.span_id AS write_span,
                   max(r.start_ns) AS start_ns, max(w.end_ns) AS end_ns, max(r.doubt_ns + w.doubt_ns) AS doubt_ns
            FROM writes AS w JOIN reads AS r ON r.trace_id = w.trace_id AND r.object = w.object AND r.key = w.key
            WHERE r.start_ns < w.start_ns
            GROUP BY w.object, w.key, w.trace_id, w.service, w.span_id
        ),
        first AS (
            SELECT object, key, trace_id, p.service AS service,
                   argMin((p.read_span, p.write_span, p.start_ns), (p.end_ns, p.write_span)) AS earliest,
                   earliest.1 AS read_span, earliest.2 AS write_span, earliest.3 AS start_ns, min(p.end_ns) AS end_ns,
                   max(p.doubt_ns) AS doubt_ns
            FROM pairs AS p GROUP BY object, key, trace_id, service
        ),
        beside AS (
            SELECT *, argMax((trace_id, read_span, write_span, end_ns), (end_ns, trace_id)) OVER earlier AS prior,
                   leadInFrame((trace_id, read_span, write_span, start_ns)) OVER whole AS next
            FROM first
            WINDOW earlier AS (PARTITION BY object, key ORDER BY start_ns, trace_id, service
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                   whole AS (PARTITION BY object, key ORDER BY start_ns, trace_id, service
                             ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        )
        SELECT b.object AS object, b.key AS key, b.trace_id AS trace_id, b.service AS service,
               b.read_span AS read_span, b.write_span AS write_span, b.start_ns AS start_ns, b.end_ns AS end_ns,
               c.trace_id != '' AS conflict,
               prior.1 NOT IN ('', b.trace_id) AND prior.4 > b.start_ns + b.doubt_ns + {slack:Int64} AS after_prior,
               next.1 NOT IN ('', b.trace_id) AND next.4 + b.doubt_ns + {slack:Int64} < b.end_ns AS before_next,
               after_prior OR before_next AS crossed, if(after_prior, prior, next) AS other,
               concat(other.1, '/', other.2) AS other_read, concat(other.1, '/', other.3) AS other_write
        FROM beside AS b LEFT ANY JOIN conflicts AS c ON b.trace_id = c.trace_id AND b.service = c.service
        """,
        slack=_SLACK_NS,
    )


def _prepare_accesses(store: CaseStore) -> None:
    """Reads and writes with the values that they name; `hidden` where placeholders stand for all of them."""
    store.derive(
        "key_accesses",
        f"""
        WITH told AS (
            SELECT trace_id, span_id, toString(service) AS service, {CLOCK_OF} AS clock, start_ns, duration_ns,
                   attributes, {statement_of()} AS statement,
                   multiIf(attributes['db.operation.name'] != '', attributes['db.operation.name'],
                           attributes['db.operation'] != '', attributes['db.operation'],
                           extract(statement, '[a-zA-Z]+')) AS verb,
                   multiIf(attributes['db.collection.name'] != '', attributes['db.collection.name'],
                           attributes['db.sql.table'] != '', attributes['db.sql.table'],
                           attributes['db.mongodb.collection'] != '', attributes['db.mongodb.collection'],
                           extract(statement, '(?i)(?:from|into|update)\\\\s+["`]?([a-z0-9_.]+)')) AS table,
                   if(table = '', splitByRegexp(' +', trimBoth(statement))[2], '') AS store_key,
                   arrayConcat(
                       arrayFilter(value -> value != '', arrayMap(found -> if(found[1] != '', found[1], found[2]),
                           extractAllGroups(statement, '[\\'"]([^\\'"]*)[\\'"]|[^$:a-zA-Z0-9_.]([0-9]+)'))),
                       arrayMap(name -> attributes[name],
                                arrayFilter(name -> startsWith(name, 'db.query.parameter.'), mapKeys(attributes))))
                       AS values
            FROM spans WHERE service IN (SELECT service FROM conflicts) AND (statement != '' OR verb != '')
        )
        SELECT t.trace_id AS trace_id, t.span_id AS span_id, t.service AS service,
               if(t.table != '', lower(t.table), replaceRegexpAll(t.store_key, '[0-9a-f]*[0-9][0-9a-f]*', '#'))
                   AS object,
               match(t.verb, {{read:String}}) AS reads,
               if(t.table != '', t.values, [t.store_key]) AS names,
               empty(names) AND (t.statement = '' OR match(t.statement, '[?]|[$][0-9]|%s|[:@][a-z]')) AS hidden,
               {corrected("t.start_ns")} AS start_ns, start_ns + greatest(0, t.duration_ns) AS end_ns,
               toInt64(o.doubt_ns) AS doubt_ns
        FROM told AS t {join_offsets("t.clock", "t.start_ns")}
        WHERE object NOT IN ('', '?') AND (reads OR match(t.verb, {{write:String}}))
          AND NOT match(t.statement, '(?i)for +(no +key +)?(update|share)')
        """,
        read=_READ,
        write=_WRITE,
    )


PROCESSES: Final = """(kind = 'consumer' AND attributes['messaging.operation.type'] != 'receive'
    OR attributes['messaging.operation'] = 'process' OR attributes['messaging.operation.type'] = 'process')"""
"""SQL: whether a span works on one message."""


def prepare_message_turns(store: CaseStore) -> bool:
    """Make `message_turns`, once; False when no message was taken twice at once, or none can be told from others.

    A message without an id is known by the span that sent it. One such span may send several: then only failures tell.
    """
    named = f"hasAny(mapKeys(attributes), [{', '.join(map(repr, _MESSAGE_IDS))}])"
    if not store.query(f"SELECT 1 AS n FROM spans WHERE {named} OR {PROCESSES} LIMIT 1"):
        return False
    prepare_clocks(store)
    store.derive(
        "message_turns",
        f"""
        WITH taken AS (
            SELECT trace_id, span_id, toString(service) AS service, toString(name) AS name, {CLOCK_OF} AS clock,
                   start_ns, duration_ns, {_first_of(_MESSAGE_IDS)} AS id, if({PROCESSES}, parent_span_id, '') AS sent,
                   if(id != '', id, sent) AS message, {QUEUE} AS queue, status
            FROM spans
            WHERE kind NOT IN ('producer', 'client') AND message NOT IN ('', '?')
              AND attributes['messaging.operation.type'] NOT IN ('send', 'publish', 'create', 'receive', 'settle')
        ),
        timed AS (
            SELECT t.* EXCEPT (start_ns), {corrected("t.start_ns")} AS start_ns,
                   start_ns + greatest(0, t.duration_ns) AS end_ns, toInt64(o.doubt_ns) AS doubt_ns
            FROM taken AS t {join_offsets("t.clock", "t.start_ns")}
        ),
        beside AS (
            SELECT *, max(end_ns) OVER (PARTITION BY service, name, message ORDER BY start_ns, span_id
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS prior_end_ns
            FROM timed
        )
        SELECT service, name, message, any(b.queue) AS queue, min(b.start_ns) AS start_ns,
               max(status = 'error') AS conflict,
               max(least(prior_end_ns, b.end_ns) > b.start_ns + b.doubt_ns + {{slack:Int64}})
                   AND (conflict OR any(id) != '') AS at_once,
               arraySlice(arrayMap(turn -> concat(turn.2, '/', turn.3),
                          arraySort(groupArray((b.start_ns, trace_id, span_id)))), 1, 3) AS spans
        FROM beside AS b GROUP BY service, name, message
        """,
        slack=_SLACK_NS,
    )
    return bool(store.query("SELECT max(at_once) AS n FROM message_turns")[0]["n"])


def _first_of(names: tuple[str, ...]) -> str:
    """SQL: the first attribute of these that is there, else ''."""
    return f"multiIf({''.join(f'attributes[{name!r}] != {chr(39) * 2}, attributes[{name!r}], ' for name in names)}'')"


QUEUE: Final = _first_of(QUEUE_NAMES)
"""SQL: the queue, topic or subscription that a span is about, '' when none is named."""
