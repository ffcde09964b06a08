"""Lock operations, whatever they were written as: the table `lock_ops`.

    lock_ops    a row an operation: key, owner ('' when nothing says), holder (the owner, else the trace), verb
                (acquire, renew, release, hold), ok (1, 0, or -1 where nothing says), ttl_ns (0: unknown), rank (of the
                witness: lower is better), trace_id, span_id, service, clock, start_ns, end_ns, offset_ns, doubt_ns

    lock_waits  a row an operation that returns when it has the lock: key, trace_id, span_id, service, start_ns (as
                recorded), wait_ns, failed

Times of `lock_ops` are on the common timeline (`timeline/clocks.py`). The witnesses are spans and events that name what
they do (`words.py`) and the commands and statements that locks are made of (`commands.py`). Where one operation has
both, the one that names it is believed: it knows the outcome.
"""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF
from .commands import LOCK_STATEMENT, database_waits, redis_operations, statement_of, table_operations
from .words import roles_of

_NOUN: Final = r"(?i)lock|lease|mutex|latch"
_MAX_SHAPES: Final = 2000
_REFUSED: Final = (
    "^(?i)(false|0|no|fail(ed|ure)?|denied|refused|rejected|timeout|timed.?out|busy|contended|held|lost|expired|"
    "conflict|not.?acquired|not.?owner|error|nil|null|none)$"
)
_AGREED: Final = "^(?i)(true|1|yes|ok|success(ful)?|succeeded|acquired|granted|obtained|renewed|released|extended)$"


def prepare_lock_ops(store: CaseStore) -> bool:
    """Make `lock_ops` and `lock_waits`, once; False when there are no such operations: then they may be absent."""
    return store.once("lock operations", lambda: _find_lock_ops(store))


def _find_lock_ops(store: CaseStore) -> bool:
    _gather(store)
    if not store.query("SELECT count() AS n FROM lock_candidates")[0]["n"]:
        return False
    store.execute(f"CREATE TABLE lock_ops_raw ({_COLUMNS}) ENGINE = Memory")
    store.execute(f"CREATE TABLE lock_waits ({_WAIT_COLUMNS}) ENGINE = Memory")
    _read(store)
    store.execute("DROP TABLE lock_candidates")
    _correct(store)
    return bool(store.query("SELECT (SELECT count() FROM lock_ops) + (SELECT count() FROM lock_waits) AS n")[0]["n"])


def _read(store: CaseStore) -> None:
    """What the candidates say, as each dialect says it."""
    _named_operations(store)
    store.execute(f"INSERT INTO lock_ops_raw {table_operations()}")
    store.execute(f"INSERT INTO lock_ops_raw {redis_operations()}")
    store.execute(f"INSERT INTO lock_waits {database_waits()}")
    store.execute(
        "INSERT INTO lock_waits SELECT key, trace_id, span_id, service, start_ns, greatest(0, duration_ns), ok = 0 "
        "FROM lock_ops_raw WHERE verb = 'acquire' AND rank = 0"
    )


_COLUMNS: Final = (
    "rank UInt8, key String, owner String, verb String, ok Int8, ttl_ns Int64, trace_id String, span_id String, "
    "service String, clock String, start_ns Int64, duration_ns Int64"
)


_WAIT_COLUMNS: Final = (
    "key String, trace_id String, span_id String, service String, start_ns Int64, wait_ns Int64, failed UInt8"
)


def _gather(store: CaseStore) -> None:
    """The few spans and events that may be about locks, in one pass."""
    store.execute(
        f"""
        CREATE TABLE lock_candidates ENGINE = Memory AS
        SELECT trace_id, span_id, toString(service) AS service, toString({CLOCK_OF}) AS clock, toString(name) AS name,
               start_ns, duration_ns, toString(status) AS status, attributes, {statement_of()} AS statement
        FROM spans
        WHERE match(name, {{noun:String}}) OR match(arrayStringConcat(mapKeys(attributes), ' '), {{noun:String}})
           OR match(statement, {{statement:String}})
        """,
        noun=_NOUN,
        statement=LOCK_STATEMENT,
    )
    if not store.count("span_events"):
        return
    store.execute(
        f"""
        INSERT INTO lock_candidates
        WITH told AS (
            SELECT * FROM span_events WHERE match(name, {{noun:String}})
               OR match(arrayStringConcat(mapKeys(attributes), ' '), {{noun:String}})
        )
        SELECT e.trace_id, e.span_id, toString(e.service), toString(s.clock), toString(e.name), e.time_ns, 0, '',
               mapUpdate(s.attributes, e.attributes), ''
        FROM told AS e LEFT ANY JOIN (
            SELECT trace_id, span_id, {CLOCK_OF} AS clock, attributes FROM spans
            WHERE trace_id IN (SELECT trace_id FROM told)
        ) AS s ON e.trace_id = s.trace_id AND e.span_id = s.span_id
        """,
        noun=_NOUN,
    )


def _named_operations(store: CaseStore) -> None:
    """Spans and events whose names say what they do: each different shape is read once, the engine does the rest."""
    shapes = store.query(
        """
        SELECT replaceRegexpAll(name, '[0-9]+', '#') AS shape, arraySort(mapKeys(attributes)) AS keys,
               min(name) AS example
        FROM lock_candidates WHERE empty(statement) GROUP BY shape, keys ORDER BY shape, keys LIMIT {most:UInt32}
        """,
        most=_MAX_SHAPES,
    )
    store.execute(
        "CREATE TABLE lock_shapes (shape String, keys Array(String), verb String, key_name String, owner_name String, "
        "ttl_name String, expires_name String, outcome_name String, unit_ns Int64) ENGINE = Memory"
    )
    for shape in shapes:
        roles = roles_of(shape["example"], shape["keys"])
        if roles is not None and roles.verb != "lost":
            store.execute(
                "INSERT INTO lock_shapes SELECT {shape:String}, {keys:Array(String)}, {verb:String}, {key:String}, "
                "{owner:String}, {ttl:String}, {expires:String}, {outcome:String}, {unit:Int64}",
                shape=shape["shape"],
                keys=shape["keys"],
                verb=roles.verb,
                key=roles.key,
                owner=roles.owner,
                ttl=roles.ttl,
                expires=roles.expires,
                outcome=roles.outcome,
                unit=roles.ttl_ns,
            )
    store.execute(
        f"""
        INSERT INTO lock_ops_raw
        SELECT 0, c.attributes[s.key_name] AS key, c.attributes[s.owner_name], s.verb,
               multiIf(c.status = 'error' OR match(c.attributes[s.outcome_name], {{refused:String}}), 0,
                       match(c.attributes[s.outcome_name], {{agreed:String}}), 1, -1),
               {_TTL}, c.trace_id, c.span_id, c.service, c.clock, c.start_ns, c.duration_ns
        FROM lock_candidates AS c
        JOIN lock_shapes AS s ON replaceRegexpAll(c.name, '[0-9]+', '#') = s.shape
                              AND arraySort(mapKeys(c.attributes)) = s.keys
        WHERE key != ''
        """,
        refused=_REFUSED,
        agreed=_AGREED,
    )
    store.execute("DROP TABLE lock_shapes")


# A time to live as the attribute says it: with a unit in its name or value, else milliseconds from 200 on: leases of
# less are too short for a network, and none is granted for longer than 200 s. An instant counts from the start.
_TTL: Final = """
    multiIf(
        s.ttl_name != '' AND toFloat64OrZero(extract(c.attributes[s.ttl_name], '([0-9]+[.]?[0-9]*)')) > 0,
        toInt64(toFloat64OrZero(extract(c.attributes[s.ttl_name], '([0-9]+[.]?[0-9]*)')) * multiIf(
            match(c.attributes[s.ttl_name], '(?i)[0-9] *ms'), 1e6, match(c.attributes[s.ttl_name], '(?i)[0-9] *s'), 1e9,
            match(c.attributes[s.ttl_name], '(?i)[0-9] *m'), 6e10, s.unit_ns > 0, toFloat64(s.unit_ns),
            toFloat64OrZero(c.attributes[s.ttl_name]) >= 200, 1e6, 1e9)),
        match(c.attributes[s.expires_name], '^[0-9]{13}$'),
        greatest(0, toInt64OrZero(c.attributes[s.expires_name]) * 1000000 - c.start_ns),
        match(c.attributes[s.expires_name], '^[0-9]{19}$'),
        greatest(0, toInt64OrZero(c.attributes[s.expires_name]) - c.start_ns), 0)
"""


def _correct(store: CaseStore) -> None:
    """The operations on the common timeline; of two witnesses of one lock the better."""
    prepare_clocks(store)
    store.execute(
        f"""
        CREATE TABLE lock_ops ENGINE = Memory AS
        WITH best AS (SELECT key, min(rank) AS rank FROM lock_ops_raw GROUP BY key),
        covered AS (SELECT DISTINCT trace_id, service FROM lock_ops_raw WHERE rank = 0)
        SELECT r.key AS key, r.owner AS owner, if(r.owner = '', r.trace_id, r.owner) AS holder, r.verb AS verb,
               r.ok AS ok, r.ttl_ns AS ttl_ns, r.rank AS rank, r.trace_id AS trace_id, r.span_id AS span_id,
               r.service AS service, r.clock AS clock, {corrected("r.start_ns")} AS start_ns,
               start_ns + greatest(0, r.duration_ns) AS end_ns,
               toInt64(o.offset_ns + o.slope * (r.start_ns - o.middle_ns)) AS offset_ns, toInt64(o.doubt_ns) AS doubt_ns
        FROM lock_ops_raw AS r JOIN best ON best.key = r.key AND best.rank = r.rank
        {join_offsets("r.clock", "r.start_ns")}
        WHERE r.rank = 0 OR (r.trace_id, r.service) NOT IN covered
        """
    )
    store.execute("DROP TABLE lock_ops_raw")


SLACK_NS: Final = 2 * NS_PER_MS
"""What a time on the common timeline may be wrong by for other reasons than clocks: a scheduler's pause."""
