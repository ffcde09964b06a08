"""Lock operations, whatever they were written as: the table `lock_ops`.

    lock_ops    a row an operation: key, owner ('' when nothing says), holder (the owner, else the trace, else where
                others than the taker's trace renew: the process), verb (acquire, renew, release, hold), ok (1, 0, or -1
                where nothing says), ttl_ns (0: unknown), rank (of the witness: lower is better), trace_id, span_id,
                service, clock, start_ns, end_ns, offset_ns, doubt_ns

    lock_waits  a row an operation that returns when it has the lock: key, trace_id, span_id, service, start_ns (as
                recorded), wait_ns, failed

Times of `lock_ops` are on the common timeline (`timeline/clocks.py`). The witnesses are spans and events that name what
they do (`words.py`), the commands and statements that locks are made of (`commands.py`), and calls of services that
keep locks (`services.py`). Where one operation has several, the one that names it is believed: it knows the outcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF
from ..timeline.statements import statement_of
from .commands import (
    COMMAND_COLUMNS,
    LOCK_STATEMENT,
    OF_REDIS,
    OF_SESSIONS,
    OF_TABLES,
    REDIS_COMMANDS,
    database_waits,
    redis_operations,
    session_lock_operations,
    table_operations,
)
from .services import (
    DOCUMENT,
    ETCD_NAME,
    HTTP_NAME,
    LOCK_PATH,
    OF_CALLS,
    OF_DOCUMENTS,
    OF_NODES,
    URL,
    document_operations,
    http_operations,
    znode_command,
    zookeeper_operations,
)
from .words import AGREED, REFUSED, WHOSE, roles_of, words

# Names and keys that may speak of locks; of releases, blocks and clocks they do not.
_NOUN: Final = r"(^|[^bcBC])[lL][oO][cC][kK]|Lease|LEASE|(^|[^e])lease|(?i:mutex|latch|leader)"
# What a name without any word of locks may call taking, keeping and giving back, where an attribute says whose it is.
_TURN: Final = "(?i)enter|leav|exit|take|hold|free"
_VERB: Final = "(?i)acqui|renew|releas|heartbeat|keep.?alive|(^|[^s])elect|claim|extend"
_MAX_SHAPES: Final = 2000


def prepare_lock_ops(store: CaseStore) -> bool:
    """Make `lock_ops` and `lock_waits`, once; False when the case has no lock operations at all."""
    return store.once("lock operations", lambda: _find_lock_ops(store))


def _find_lock_ops(store: CaseStore) -> bool:
    _gather(store)
    store.execute(f"CREATE TABLE lock_waits ({_WAIT_COLUMNS}) ENGINE = Memory")
    store.execute(f"CREATE TABLE lock_ops ({_OPS_COLUMNS}) ENGINE = Memory")
    if store.query("SELECT 1 AS n FROM lock_candidates LIMIT 1"):
        store.execute(f"CREATE TABLE lock_ops_raw ({_COLUMNS}) ENGINE = Memory")
        _read(store)
        prepare_clocks(store)
        store.derive("lock_ops_known", _ATTRIBUTED, _COLUMNS)
        store.execute(f"INSERT INTO lock_ops {_corrected_ops()}")
        store.forget("lock_ops_raw", "lock_ops_known")
    store.execute("DROP TABLE lock_candidates")
    return bool(
        store.query("SELECT 1 AS n FROM lock_ops LIMIT 1") or store.query("SELECT 1 AS n FROM lock_waits LIMIT 1")
    )


def _read(store: CaseStore) -> None:
    """What the candidates say, as each dialect says it; one that none of them speaks would be planned for nothing."""
    _named_operations(store)
    conditions = ", ".join(f"max({condition})" for condition in _DIALECTS)
    answer = store.query(f"SELECT [{conditions}] AS spoken FROM lock_candidates")[0]["spoken"]
    spoken = [condition for condition, said in zip(_DIALECTS, answer, strict=True) if said]
    if OF_REDIS in spoken:
        store.derive("lock_commands", REDIS_COMMANDS, COMMAND_COLUMNS)
    for condition in spoken:
        store.execute(f"INSERT INTO lock_ops_raw {_DIALECTS[condition]()}")
    store.forget("lock_commands")
    store.execute(f"INSERT INTO lock_waits {database_waits()}")
    store.execute(
        "INSERT INTO lock_waits SELECT key, trace_id, span_id, service, start_ns, greatest(0, duration_ns), ok = 0 "
        "FROM lock_ops_raw WHERE verb = 'acquire' AND rank = 0 AND key != ''"
    )


_DIALECTS: Final = {
    OF_TABLES: table_operations,
    OF_REDIS: redis_operations,
    OF_SESSIONS: session_lock_operations,
    OF_NODES: zookeeper_operations,
    OF_DOCUMENTS: document_operations,
    OF_CALLS: http_operations,
}


_CANDIDATE_COLUMNS: Final = (
    "trace_id String, span_id String, service String, clock String, process String, name String, kind String, "
    "start_ns Int64, duration_ns Int64, status String, attributes Map(LowCardinality(String), String), "
    "statement String, url String"
)
_COLUMNS: Final = (
    "rank UInt8, key String, owner String, session String, verb String, ok Int8, ttl_ns Int64, trace_id String, "
    "span_id String, service String, clock String, process String, start_ns Int64, duration_ns Int64"
)


_OPS_COLUMNS: Final = (
    "key String, owner String, holder String, verb String, ok Int8, ttl_ns Int64, rank UInt8, trace_id String, "
    "span_id String, service String, clock String, start_ns Int64, end_ns Int64, offset_ns Int64, doubt_ns Int64"
)


_WAIT_COLUMNS: Final = (
    "key String, trace_id String, span_id String, service String, start_ns Int64, wait_ns Int64, failed UInt8"
)

# What is done, where a name leaves that to an attribute (`lock.operation = renew`).
_ACT: Final = "(?i)(^|[._])(operation|action|op|event|phase|step|type|state)$"
_OTHERS_ACT: Final = "^(db|http|rpc|messaging|code|otel|net|url|exception|error)[._]"
_SAID: Final = f"""concat(toString(name), arrayStringConcat(arrayMap(value -> concat(' ', value),
    arrayFilter((value, key) -> match(key, '{_ACT}') AND NOT match(key, '{_OTHERS_ACT}'),
                mapValues(attributes), mapKeys(attributes)))))"""


# Whether an attribute's name speaks of locks: of those that are known to (which is quicker), or of any.
_HAS_ANY: Final = "hasAny(mapKeys(attributes), {named:Array(String)})"
_HAS_NOUN: Final = "match(arrayStringConcat(mapKeys(attributes), ' '), {noun:String})"


def _gather(store: CaseStore) -> None:
    """The few spans and events that may be about locks, in one pass."""
    names = store.attribute_names()
    speaks, given = _speaks(names)
    store.derive(
        "lock_spans",
        f"""
        SELECT trace_id, span_id, service, {CLOCK_OF} AS clock, if(instance != '', instance, clock) AS process,
               name, kind, start_ns, duration_ns, status, attributes,
               if({statement_of()} AS told != '', told, {znode_command(names or ())}) AS statement,
               if(match(name, {{http:String}}), {URL}, '') AS url
        FROM spans
        WHERE match(name, {{noun:String}}) OR match(name, {{verb:String}}) OR match(name, {{etcd:String}})
           OR {speaks} OR match(statement, {{statement:String}}) OR match(statement, {{document:String}})
           OR (url != '' AND match(url, {{path:String}}))
        """,
        _CANDIDATE_COLUMNS,
        **given,
        etcd=ETCD_NAME,
        http=HTTP_NAME,
        path=LOCK_PATH,
        statement=LOCK_STATEMENT,
        document=DOCUMENT,
    )
    store.execute(f"CREATE TABLE lock_candidates ({_CANDIDATE_COLUMNS}) ENGINE = Memory")
    # What the few say is worked out here: beside the conditions it would be for all spans.
    if store.query("SELECT 1 AS n FROM lock_spans LIMIT 1"):
        store.execute(f"INSERT INTO lock_candidates SELECT * REPLACE ({_SAID} AS name) FROM lock_spans")
    store.forget("lock_spans")
    if not store.count("span_events"):
        return
    store.execute(
        f"""
        INSERT INTO lock_candidates
        WITH told AS (
            SELECT * FROM span_events WHERE name != 'exception' AND (match(name, {{noun:String}})
               OR match(name, {{verb:String}}) OR {speaks})
        )
        SELECT e.trace_id, e.span_id, toString(e.service), toString(s.clock), toString(s.process),
               {_SAID.replace("name", "e.name", 1)}, '',
               e.time_ns, 0, '', mapUpdate(s.attributes, e.attributes) AS attributes, '', ''
        FROM told AS e LEFT ANY JOIN (
            SELECT trace_id, span_id, {CLOCK_OF} AS clock, if(instance != '', instance, clock) AS process, attributes
            FROM spans WHERE trace_id IN (SELECT trace_id FROM told)
        ) AS s ON e.trace_id = s.trace_id AND e.span_id = s.span_id
        """,
        **given,
    )


def _speaks(names: Iterable[str] | None) -> tuple[str, dict[str, str | list[str]]]:
    """SQL: whether what is told beside a name may be of locks, and what the queries for candidates are given."""
    named = sorted(name for name in names or () if re.search(_NOUN, name))
    whose = sorted(name for name in names or () if WHOSE & set(words(name)))
    told = _HAS_NOUN if names is None else _HAS_ANY if named else "false"
    if whose:
        told = f"({told} OR hasAny(mapKeys(attributes), {{whose:Array(String)}}) AND match(name, '{_TURN}'))"
    return told, {"noun": _NOUN, "verb": _VERB, "named": named, "whose": whose}


_SHAPE: Final = "replaceRegexpAll(name, '[0-9]+', '#')"


def _named_operations(store: CaseStore) -> None:
    """Spans and events whose names say what they do: each different shape is read once, the engine does the rest."""
    shapes = store.query(
        f"""
        SELECT {_SHAPE} AS shape, arraySort(mapKeys(attributes)) AS keys, min(name) AS example
        FROM lock_candidates WHERE empty(statement) AND empty(url)
        GROUP BY shape, keys ORDER BY shape, keys LIMIT {{most:UInt32}}
        """,
        most=_MAX_SHAPES,
    )
    read = [(shape, roles_of(shape["example"], shape["keys"])) for shape in shapes]
    known = [(shape, roles) for shape, roles in read if roles is not None and roles.verb != "lost"]
    if not known:
        return
    store.execute(
        f"""
        INSERT INTO lock_ops_raw
        WITH shapes AS (
            SELECT row.1 AS shape, splitByChar('\\n', row.2) AS keys, splitByChar('\\n', row.3) AS roles,
                   row.4 AS unit_ns, row.5 AS refused,
                   roles[1] AS verb, roles[2] AS key_name, roles[3] AS owner_name, roles[4] AS session_name,
                   roles[5] AS ttl_name, roles[6] AS expires_name, roles[7] AS outcome_name
            FROM (SELECT arrayJoin(arrayZip({{shapes:Array(String)}}, {{keys:Array(String)}},
                {{roles:Array(String)}}, {{units:Array(Int64)}}, {{refused:Array(UInt8)}})) AS row)
        )
        SELECT 0, c.attributes[s.key_name] AS key, c.attributes[s.owner_name], c.attributes[s.session_name] AS session,
               s.verb, multiIf(s.refused OR c.status = 'error'
                                   OR match(c.attributes[s.outcome_name], {{refusal:String}}), 0,
                               match(c.attributes[s.outcome_name], {{agreed:String}}), 1, -1),
               {_TTL}, c.trace_id, c.span_id, c.service, c.clock, c.process, c.start_ns, c.duration_ns
        FROM lock_candidates AS c
        JOIN shapes AS s ON {_SHAPE.replace("name", "c.name")} = s.shape AND arraySort(mapKeys(c.attributes)) = s.keys
        WHERE key != '' OR session != ''
        """,
        shapes=[shape["shape"] for shape, _ in known],
        keys=["\n".join(shape["keys"]) for shape, _ in known],
        roles=["\n".join((r.verb, r.key, r.owner, r.session, r.ttl, r.expires, r.outcome)) for _, r in known],
        units=[roles.ttl_ns for _, roles in known],
        refused=[int(roles.refused) for _, roles in known],
        refusal=REFUSED,
        agreed=AGREED,
    )


def _lasting(value: str, unit: str) -> str:
    """SQL: how many nanoseconds after the start a lease ends, as a text says; 0 where it says nothing.

    Without a unit in its name or value a number counts milliseconds from 200 on, else seconds: leases of less than
    200 ms are too short for a network, and none is granted for longer than 200 s. What is the number of an instant in
    our days is an instant.
    """
    number = f"toFloat64OrZero(extract({value}, '([0-9]+[.]?[0-9]*)'))"
    instant = f"match({value}, '^[0-9]{{{{n}}}}([.][0-9]+)?$') AND {unit} = 0"
    scales = ((19, "1"), (16, "1e3"), (13, "1e6"), (10, "1e9"))
    instants = "".join(f"{instant.format(n=n).replace('{n}', str(n))}, {number} * {scale} - c.start_ns, "
                       for n, scale in scales)  # fmt: skip
    return f"""toInt64(greatest(0, multiIf({value} = '', 0., {instants}
        match({value}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]'),
        toFloat64(ifNull(toUnixTimestamp64Nano(accurateCastOrNull({value}, 'DateTime64(9, \\'UTC\\')')), 0)
                  - c.start_ns),
        {number} * multiIf(match({value}, '(?i)[0-9] *ms|milli'), 1e6, match({value}, '(?i)[0-9] *s'), 1e9,
                           match({value}, '(?i)[0-9] *m'), 6e10, {unit} > 0, toFloat64({unit}),
                           {number} >= 200, 1e6, 1e9))))"""


_TTL: Final = (
    f"if({_lasting('c.attributes[s.ttl_name]', 's.unit_ns')} > 0, {_lasting('c.attributes[s.ttl_name]', 's.unit_ns')}, "
    f"{_lasting('c.attributes[s.expires_name]', '0')})"
)


_ATTRIBUTED: Final = """
    WITH sessions AS (
        SELECT session, min(w.key) AS key FROM lock_ops_raw AS w WHERE w.key NOT IN ('', session) AND session != ''
        GROUP BY session
    )
    SELECT r.* REPLACE (if(r.key IN ('', r.session) AND s.key != '', s.key, r.key) AS key,
                        multiIf(r.owner != '', r.owner, s.key != '', r.session,
                                r.verb = 'write', r.process, '') AS owner)
    FROM lock_ops_raw AS r LEFT ANY JOIN sessions AS s ON r.session = s.session
"""
# The operations, a session's number replaced by its key. Six others ask for them: as a part of their statement they
# would be planned and worked out for each.


_WITNESSES: Final = """
    -- A command that gives back by the key alone is of whoever took the key on this way.
    takers AS (
        SELECT key, trace_id, argMax(k.owner, k.start_ns) AS owner FROM lock_ops_known AS k
        WHERE k.verb IN ('acquire', 'either') AND k.owner != '' GROUP BY key, trace_id
    ),
    best AS (SELECT key, min(rank) AS rank FROM lock_ops_known GROUP BY key),
    covered AS (SELECT DISTINCT trace_id, service FROM lock_ops_known WHERE rank = 0),
    renewed AS (SELECT DISTINCT key FROM lock_ops_known WHERE verb = 'renew'),
    -- Locks that a background task prolongs and gives back, in traces of its own.
    apart AS (
        SELECT key FROM (
            SELECT key, trace_id, countIf(verb IN ('acquire', 'either')) > 0 AS takes,
                   countIf(verb IN ('renew', 'release')) > 0 AS follows
            FROM lock_ops_known WHERE owner = '' GROUP BY key, trace_id
        ) GROUP BY key HAVING 2 * countIf(takes AND follows) < countIf(follows)
    )
"""
# CTEs over `lock_ops_known`: `takers` of keys on the way of a trace, the `best` witness of a key, traces that are
# `covered` by good ones, keys `renewed` by name, and keys whose holders are `apart` from the traces that take them.


def _corrected_ops() -> str:
    """SQL: the operations on the common timeline, each with its holder; of the witnesses of one lock the best.

    A lease's or session's number stands for the key where another operation names both. A write of a lease takes it
    when another wrote it before; one that fails is a renewal that comes too late when its writer held the lease and
    came back as it used to. One script may both acquire and renew: who waits for a lock asks often, who holds it comes
    back late.
    """
    return f"""
    WITH {_WITNESSES},
    timed AS (
        SELECT r.key AS key, if(r.owner != '', r.owner, t.owner) AS owner,
               multiIf(owner != '', owner, r.key IN apart, concat(r.service, ' on ', r.process), r.trace_id)
                   AS holder,
               r.verb AS verb, r.ok AS ok, r.ttl_ns AS ttl_ns, r.rank AS rank, r.trace_id AS trace_id,
               r.span_id AS span_id, r.service AS service, r.clock AS clock, {corrected("r.start_ns")} AS start_ns,
               start_ns + greatest(0, r.duration_ns) AS end_ns,
               toInt64(o.offset_ns + o.slope * (r.start_ns - o.middle_ns)) AS offset_ns, toInt64(o.doubt_ns) AS doubt_ns
        FROM lock_ops_known AS r JOIN best ON best.key = r.key AND best.rank = r.rank
        LEFT ANY JOIN takers AS t ON r.key = t.key AND r.trace_id = t.trace_id
        {join_offsets("r.clock", "r.start_ns")}
        WHERE r.key != '' AND (r.rank = 0 OR (r.trace_id, r.service) NOT IN covered)
    )
    SELECT * REPLACE (multiIf(verb = 'either' AND (key IN renewed OR start_ns - asked_ns <= ttl_ns / 4), 'acquire',
                              verb = 'either', 'renew',
                              verb != 'write', verb, ok != 0, if(taker = holder, 'renew', 'acquire'),
                              start_ns - last_ns <= 3 * (last_ns - first_ns), 'renew', 'try') AS verb)
           EXCEPT (taker, asked_ns, last_ns, first_ns)
    FROM (
        SELECT *, argMaxIf(holder, start_ns, ok != 0) OVER (PARTITION BY key ORDER BY start_ns, span_id
                                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS taker,
               lagInFrame(end_ns, 1, start_ns) OVER own AS asked_ns,
               if(lagInFrame(ok) OVER own != 0, lagInFrame(start_ns) OVER own, 0) AS last_ns,
               if(lagInFrame(ok, 2) OVER own != 0, lagInFrame(start_ns, 2) OVER own, last_ns) AS first_ns
        FROM timed
        WINDOW own AS (PARTITION BY key, holder ORDER BY start_ns, span_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ) WHERE verb != 'try'
    """


SLACK_NS: Final = 2 * NS_PER_MS
"""What a time on the common timeline may be wrong by for other reasons than clocks: a scheduler's pause."""
