"""Locks as commands and statements: Redis, and tables of leases in SQL databases.

Redis: `SET key owner NX PX ttl` (also EX, PXAT, EXAT) and `SETNX` acquire, `PEXPIRE` and `EXPIRE` renew, `DEL` and
`UNLINK` release, and scripts do any of the three. A script whose text is hidden behind its hash is told by its place:
who comes first in an owner's operations acquires (or may renew by the same script: `either`), who comes last releases,
who stands between renews. Instrumentation hides what it takes for data, in its own way: `SET key ? ? ? ?`
(OpenTelemetry for Java), `SET key [4 other arguments]` (for JavaScript). Of SET only one on a condition that also sets
an end has four arguments behind its key.

SQL: `UPDATE leases SET owner = .., lease_until = .. WHERE name = .. AND lease_until < ..` acquires, with `WHERE owner
= ..` it renews, setting a time in the past or deleting the row releases. Names and values are taken from the text or,
where the text has placeholders, from the parameters in the order of the columns.

Locks that a session takes by one function and gives back by another (PostgreSQL's advisory locks, MySQL's GET_LOCK) end
with that session too: by a time-out of a pooler or server, of which their holder knows nothing.
"""

from __future__ import annotations

from typing import Final

from ..timeline.statements import parameter_of
from .words import AGREED, REFUSED

_LEASE_TABLE: Final = r"(update|insert +into|delete +from|merge +into) +[^ ]*(lock|lease)"
_LEASE_COLUMN: Final = r"(lock|lease)[a-z]*_?(until|by|owner|expir)|(locked|leased)_?(until|by|at)"

LOCK_STATEMENT: Final = (
    r"(?is)^ *(set +[^ ]+ .* [\"']?(nx|xx)[\"']?( |$)|set +[^ ]+( +[?]){4} *$|set +[^ ]+ +\[4 other|setnx |eval(sha)? "
    r"|p?expire(at)? |del |unlink )"
    r"|advisory_(xact_)?(un)?lock|(get|release)_lock *\(|for +(no +key +)?update"
    r"|^(create|delete|exists|getchildren|getdata|ping)[a-z0-9]*[ (,]+/"
    rf"|^ *{_LEASE_TABLE}|^ *(update|insert|delete).*({_LEASE_COLUMN})"
)
"""Texts that may be operations on locks."""

_COMMON: Final = "trace_id, span_id, service, clock, process, start_ns, duration_ns"

# What follows the text of a script: after its last quote, bracket or word there is the count of keys.
_PASSED: Final = r"""(?is)^.*(?:["\']|[)]|[^a-z]end|return +[^ ]+);?\\s+["\']?([0-9]{1,2}["\']? +[^ ].*)$"""
# A SET on a condition and with an end, its arguments hidden.
_MASKED: Final = r"(?i)^ *set +[^ ]+(( +[?]){4} *$| +\\[4 other)"

# Functions that take a lock for a session or give it back, and wait or do not.
_SESSION_LOCK: Final = r"(?i)\\b(pg_(?:try_)?advisory_(?:un)?lock|(?:get|release)_lock) *[(]"

OF_REDIS: Final = "match(statement, '(?i)^ *(set|setnx|eval|evalsha|p?expire|del|unlink) ')"
OF_TABLES: Final = f"match(statement, '(?is)^ *({_LEASE_TABLE}|(update|insert|delete).*({_LEASE_COLUMN}))')"
OF_SESSIONS: Final = f"match(statement, '{_SESSION_LOCK}') AND NOT match(statement, '(?i)_all *[(]')"
"""SQL: which of `lock_candidates` are operations of each kind."""

REPLY: Final = """attributes[arrayFirst((name, value) -> value != '' AND
    match(name, '(?i)(^|[._])(reply|response|results?|returned|rc|return_?code|result_?code)$'),
    mapKeys(attributes), mapValues(attributes))]"""
"""SQL: what was answered to a call, by whatever name its instrumentation keeps that; '' where it does not."""

OUTCOME: Final = f"multiIf(status = 'error' OR match({REPLY}, '{REFUSED}'), 0, match({REPLY}, '{AGREED}'), 1, -1)"
"""SQL: whether a command got what it asked for: 1, 0, or -1 where nothing says."""


COMMAND_COLUMNS: Final = (
    "trace_id String, span_id String, service String, clock String, process String, start_ns Int64, duration_ns Int64, "
    "ok Int8, command String, scripted UInt8, key String, owner String, script String, ttl_ns Int64, said_verb String"
)
REDIS_COMMANDS: Final = f"""
    WITH texts AS (
        SELECT {_COMMON}, statement, {OUTCOME} AS ok,
               arrayMap(word -> trimBoth(word, '"\\''), splitByRegexp(' +', trimBoth(statement))) AS said
        FROM lock_candidates WHERE {OF_REDIS}
    ),
    commands AS (SELECT *, upper(said[1]) AS command, arrayMap(word -> upper(word), said) AS words FROM texts),
    calls AS (
        SELECT *, command IN ('EVAL', 'EVALSHA') AS scripted,
               -- What follows the end of a script is count, keys, arguments; of these libraries pass times first, too.
               if(command = 'EVAL', splitByRegexp(' +', trimBoth(extract(statement, '{_PASSED}'))),
                  arraySlice(said, 3)) AS passed
        FROM commands
    ),
    given AS (SELECT *, arraySlice(passed, 2 + greatest(1, toUInt8OrZero(passed[1]))) AS arguments FROM calls),
    placed AS (
        SELECT *, indexOf(words, 'PX') AS px, indexOf(words, 'EX') AS ex,
               indexOf(words, 'PXAT') AS pxat, indexOf(words, 'EXAT') AS exat,
               if(scripted, passed[2], said[2]) AS key,
               if(scripted, arrayFirst((word, place) -> NOT match(word, '^[0-9]{{1,7}}$') OR place = length(arguments),
                                       arguments, arrayEnumerate(arguments)), said[3]) AS named
        FROM given
    )
    SELECT {_COMMON}, ok, command, scripted, key, if(match(named, '^([?]|\\[[0-9]+)$'), '', named) AS owner,
           multiIf(command = 'EVALSHA', said[2], command = 'EVAL', toString(cityHash64(statement)), '') AS script,
           multiIf(px > 0, toInt64OrZero(said[px + 1]) * 1000000, ex > 0, toInt64OrZero(said[ex + 1]) * 1000000000,
                   pxat > 0, greatest(0, toInt64OrZero(said[pxat + 1]) * 1000000 - start_ns),
                   exat > 0, greatest(0, toInt64OrZero(said[exat + 1]) * 1000000000 - start_ns),
                   command = 'PEXPIRE', toInt64OrZero(said[3]) * 1000000,
                   command = 'EXPIRE', toInt64OrZero(said[3]) * 1000000000,
                   scripted, toInt64OrZero(arrayLast(word -> match(word, '^[0-9]{{3,7}}$'), arguments)) * 1000000,
                   0) AS ttl_ns,
           multiIf(command = 'SETNX' OR command = 'SET' AND (has(words, 'NX') OR match(statement, '{_MASKED}')),
                   'acquire', command IN ('SET', 'PEXPIRE', 'EXPIRE'), 'renew',
                   command IN ('DEL', 'UNLINK'), 'release', command != 'EVAL', '',
                   match(statement, '(?i)[^a-z](del|unlink)[^a-z]'), 'release',
                   match(statement, '(?i)[^a-z](setnx|nx|exists)[^a-z]'), 'acquire',
                   match(statement, '(?i)expire|[^a-z]set[^a-z]'), 'renew', '') AS said_verb
    FROM placed
"""
"""SQL: commands to Redis among `lock_candidates` that may be about locks, taken apart: what `lock_commands` holds.

Each step names what the next one uses several times over: in one it would be planned anew at every use, for half a
second.
"""


def redis_operations() -> str:
    """SQL: operations on Redis locks among `lock_commands`.

    A key counts as a lock's when it was set with NX, or when a script acquired it.
    """
    return f"""
    WITH locks AS (SELECT DISTINCT key FROM lock_commands WHERE said_verb = 'acquire' AND key NOT IN ('', '?')),
    placed AS (
        SELECT script, key, owner, row_number() OVER w = 1 AS first,
               row_number() OVER w = count() OVER (PARTITION BY key, owner) AS last
        FROM lock_commands WHERE key NOT IN ('', '?') AND owner != ''
        WINDOW w AS (PARTITION BY key, owner ORDER BY start_ns, span_id)
    ),
    scripts AS (
        SELECT script, uniqExactIf((key, owner), first) / uniqExact(key, owner) AS opens,
               uniqExactIf((key, owner), last) / uniqExact(key, owner) AS closes
        FROM placed WHERE script != '' GROUP BY script
    )
    SELECT 2, c.key, if(c.command IN ('PEXPIRE', 'EXPIRE', 'DEL', 'UNLINK'), '', c.owner), '',
           multiIf(c.said_verb != '', c.said_verb, s.opens >= 0.5 AND s.opens > s.closes, 'either',
                   s.closes >= 0.5, 'release', 'renew') AS verb,
           c.ok, c.ttl_ns, {", ".join(f"c.{name.strip()}" for name in _COMMON.split(","))}
    FROM lock_commands AS c LEFT ANY JOIN scripts AS s ON c.script = s.script
    WHERE c.key NOT IN ('', '?') AND (c.scripted OR c.key IN locks)
    """


def database_waits() -> str:
    """SQL: statements among `lock_candidates` that take a lock of the database's own and wait until they have it.

    PostgreSQL's advisory locks, MySQL's GET_LOCK, and rows locked by SELECT .. FOR UPDATE (told by their table: which
    row it is often stays hidden). They are given back by the end of a session or transaction, which leaves no span.
    """
    return r"""
    SELECT multiIf(match(statement, '(?i)advisory'),
                   concat(extract(lower(statement), '[a-z_]*advisory[a-z_]*'), '(',
                          if(attributes['db.query.parameter.0'] != '', attributes['db.query.parameter.0'],
                             extract(statement, '(?i)advisory[a-z_]* *[(]([^)]*)')), ')'),
                   match(statement, '(?i)get_lock'), extract(statement, '(?i)get_lock *[(] *\'?([^\',)]*)'),
                   concat('rows of ', extract(statement, '(?i)from +["`]?([a-z0-9_.]+)'))) AS key,
           trace_id, span_id, service, start_ns, greatest(0, duration_ns) AS wait_ns, status = 'error' AS failed
    FROM lock_candidates
    WHERE match(statement, '(?i)advisory_(xact_)?lock|get_lock *[(]|for +(no +key +)?update')
      AND NOT match(statement, '(?i)skip +locked|unlock')
    """


def session_lock_operations() -> str:
    """SQL: operations on locks among `lock_candidates` that a database's session takes and gives back by functions.

    Locks of transactions and shared ones are left out: those end without a span, these have many holders.
    """
    return rf"""
    WITH calls AS (
        SELECT {_COMMON}, {OUTCOME} AS ok, lower(extract(statement, '{_SESSION_LOCK}')) AS called,
               extract(statement, '(?i)(?:advisory_(?:un)?lock|_lock) *[(] *([^,)]*(?:, *[0-9]+)?)') AS said,
               if(match(said, '^([?]|[$:%@])'), attributes['db.query.parameter.0'], trimBoth(said, '\'"')) AS key
        FROM lock_candidates WHERE {OF_SESSIONS}
    )
    SELECT 2, if(match(called, 'advisory'), concat('advisory lock ', key), key), '', '',
           if(match(called, 'unlock|release'), 'release', 'acquire'), ok, 0, {_COMMON}
    FROM calls WHERE key != ''
    """


def table_operations() -> str:
    """SQL: operations on tables of leases among `lock_candidates`."""
    return rf"""
    WITH statements AS (
        SELECT {_COMMON}, status, statement,
               -- Columns and what stands in for their values, in order; parameters follow the placeholders.
               extractAllGroups(statement,
                                '(?i)([a-z_]+)[`"]? *(?:=|<=?|>=?) *(\'[^\']*\'|[0-9]+|[$?:%@][a-z0-9_()]*)') AS parts,
               arrayFilter(part -> match(part[2], '^[$?:%@]'), parts) AS open_parts,
               arrayMap((part, place) -> (lower(part[1]), if(
                            {parameter_of("toString(place - 1)")} AS numbered != '', numbered,
                            {parameter_of("part[1]")})),
                        open_parts, arrayEnumerate(open_parts)) AS given,
               arrayMap(part -> (lower(part[1]), trimBoth(part[2], '\'')),
                        arrayFilter(part -> NOT match(part[2], '^[$?:%@]'), parts)) AS written,
               arrayConcat(given, written) AS pairs,
               arrayFirst(pair -> match(pair.1, '^(lock_?|lease_?)?(name|key|resource|id)$') AND pair.2 != '', pairs).2
                   AS key,
               arrayFirst(pair -> match(pair.1, 'owner|holder|locked_?by|leased_?by|token') AND pair.2 != '', pairs).2
                   AS owner,
               toInt64OrZero(arrayFirst(pair -> match(pair.1, 'until|expir') AND pair.2 != '', pairs).2) AS until,
               lower(extract(statement, '(?is) where (.*)$')) AS condition,
               arrayExists(pair -> match(pair.1, 'until|expir'), pairs) AS knows_until
        FROM lock_candidates WHERE {OF_TABLES}
    )
    SELECT 1, key, owner, '',
           multiIf(match(statement, '(?i)^ *delete') OR match(statement, '(?i)(owner|by|holder) *= *null'), 'release',
                   match(statement, '(?i)^ *(insert|merge)') OR match(condition, '(until|expir)[a-z_]* *<')
                       OR match(condition, 'is null'), 'acquire',
                   knows_until AND until * 1000000 < start_ns - 3600000000000, 'release', 'renew'),
           if(status = 'error', 0, -1), if(until > 1000000000000, greatest(0, until * 1000000 - start_ns), 0), {_COMMON}
    FROM statements WHERE key != ''
    """
