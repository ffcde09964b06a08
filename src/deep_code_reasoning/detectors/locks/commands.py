"""Locks as commands and statements: Redis, and tables of leases in SQL databases.

Redis: `SET key owner NX PX ttl` (also EX, PXAT, EXAT) and `SETNX` acquire, `PEXPIRE` and `EXPIRE` renew, `DEL` and
`UNLINK` release, and scripts do any of the three. A script whose text is hidden behind its hash is told by its place:
who comes first in an owner's operations acquires (or may renew by the same script: `either`), who comes last releases,
who stands between renews.

SQL: `UPDATE leases SET owner = .., lease_until = .. WHERE name = .. AND lease_until < ..` acquires, with `WHERE owner
= ..` it renews, setting a time in the past or deleting the row releases. Names and values are taken from the text or,
where the text has placeholders, from the parameters in the order of the columns.
"""

from __future__ import annotations

from typing import Final

_TEXTS: Final = ("db.query.text", "db.statement", "redis.command", "sql.query", "sql")
_COMMAND: Final = "^(?i)(SET|SETNX|DEL|EVAL|EVALSHA|PEXPIRE|EXPIRE|SELECT|UPDATE|INSERT|DELETE) +[^ ]+ +[^ ]"


def statement_of(row: str = "") -> str:
    """SQL: the text of a database call, by OpenTelemetry's names of now and before, or as other tracers put it."""
    said = "".join(f"{row}attributes['{name}'] != '', {row}attributes['{name}'], " for name in _TEXTS)
    return f"multiIf({said}match({row}name, '{_COMMAND}'), toString({row}name), '')"


_IS_PARAMETER: Final = "startsWith(told, 'db.query.parameter.')"
PARAMETERS: Final = f"arrayFilter((given, told) -> {_IS_PARAMETER}, mapValues(attributes), mapKeys(attributes))"
"""SQL: the recorded parameters of a statement."""


def parameter_of(name: str) -> str:
    """SQL: a statement's recorded parameter by its name or number (an expression); '' where it is not recorded.

    Looked up in the map itself, within a lambda, all attributes would be copied for each element.
    """
    told = f"indexOf(arrayFilter(told -> {_IS_PARAMETER}, mapKeys(attributes)), concat('db.query.parameter.', {name}))"
    return f"{PARAMETERS}[{told}]"


_LEASE_TABLE: Final = r"(update|insert +into|delete +from|merge +into) +[^ ]*(lock|lease)"
_LEASE_COLUMN: Final = r"(lock|lease)[a-z]*_?(until|by|owner|expir)|(locked|leased)_?(until|by|at)"

LOCK_STATEMENT: Final = (
    r"(?is)^ *(set +[^ ]+ .* (nx|xx)( |$)|setnx |eval(sha)? |p?expire(at)? |del |unlink )"
    r"|advisory_(xact_)?lock|get_lock *\(|for +(no +key +)?update"
    r"|^(create|delete|exists|getchildren|getdata)[a-z0-9]*[ (,]+/"
    rf"|^ *{_LEASE_TABLE}|^ *(update|insert|delete).*({_LEASE_COLUMN})"
)
"""Texts that may be operations on locks."""

_COMMON: Final = "trace_id, span_id, service, clock, process, start_ns, duration_ns"


def redis_operations() -> str:
    """SQL: operations on Redis locks among `lock_candidates`.

    A key counts as a lock's when it was set with NX, or when a script acquired it.
    """
    return f"""
    WITH commands AS (
        SELECT {_COMMON}, status, splitByRegexp(' +', trimBoth(statement)) AS said, upper(said[1]) AS command,
               command IN ('EVAL', 'EVALSHA') AS scripted,
               -- An inline script has spaces: what follows its closing quote is count, key, arguments.
               if(command = 'EVAL', splitByRegexp(' +', trimBoth(extract(statement, '(?s).*["\\'](.*)$'))),
                  arraySlice(said, 3)) AS passed,
               if(scripted, passed[2], said[2]) AS key, if(scripted, passed[3], said[3]) AS owner,
               arraySlice(passed, 4) AS rest,
               multiIf(command = 'EVALSHA', said[2], command = 'EVAL', toString(cityHash64(statement)), '') AS script,
               arrayMap(word -> upper(word), said) AS words, indexOf(words, 'PX') AS px, indexOf(words, 'EX') AS ex,
               indexOf(words, 'PXAT') AS pxat, indexOf(words, 'EXAT') AS exat,
               multiIf(px > 0, toInt64OrZero(said[px + 1]) * 1000000, ex > 0, toInt64OrZero(said[ex + 1]) * 1000000000,
                       pxat > 0, greatest(0, toInt64OrZero(said[pxat + 1]) * 1000000 - start_ns),
                       exat > 0, greatest(0, toInt64OrZero(said[exat + 1]) * 1000000000 - start_ns),
                       command = 'PEXPIRE', toInt64OrZero(said[3]) * 1000000,
                       command = 'EXPIRE', toInt64OrZero(said[3]) * 1000000000,
                       scripted, toInt64OrZero(arrayLast(word -> match(word, '^[0-9]{{3,7}}$'), rest)) * 1000000,
                       0) AS ttl_ns,
               multiIf(command = 'SETNX' OR (command = 'SET' AND has(words, 'NX')), 'acquire',
                       command IN ('SET', 'PEXPIRE', 'EXPIRE'), 'renew', command IN ('DEL', 'UNLINK'), 'release',
                       command = 'EVAL' AND match(statement, '(?i)p?expire'), 'renew',
                       command = 'EVAL' AND match(statement, '(?i)[^a-z]del[^a-z]'), 'release', '') AS said_verb
        FROM lock_candidates WHERE match(statement, '(?i)^ *(set|setnx|eval|evalsha|p?expire|del|unlink) ')
    ),
    locks AS (SELECT DISTINCT key FROM commands WHERE said_verb = 'acquire' AND key NOT IN ('', '?')),
    placed AS (
        SELECT script, key, owner, row_number() OVER w = 1 AS first,
               row_number() OVER w = count() OVER (PARTITION BY key, owner) AS last
        FROM commands WHERE key NOT IN ('', '?') AND owner NOT IN ('', '?')
        WINDOW w AS (PARTITION BY key, owner ORDER BY start_ns, span_id)
    ),
    scripts AS (
        SELECT script, uniqExactIf((key, owner), first) / uniqExact(key, owner) AS opens,
               uniqExactIf((key, owner), last) / uniqExact(key, owner) AS closes
        FROM placed WHERE script != '' GROUP BY script
    )
    SELECT 2, c.key, if(c.owner = '?' OR c.command IN ('PEXPIRE', 'EXPIRE', 'DEL', 'UNLINK'), '', c.owner), '',
           multiIf(c.said_verb != '', c.said_verb, s.opens >= 0.5 AND s.opens > s.closes, 'either',
                   s.closes >= 0.5, 'release', 'renew') AS verb,
           if(c.status = 'error', 0, -1), c.ttl_ns, {", ".join(f"c.{name.strip()}" for name in _COMMON.split(","))}
    FROM commands AS c LEFT ANY JOIN scripts AS s ON c.script = s.script
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
        FROM lock_candidates
        WHERE match(statement, '(?is)^ *({_LEASE_TABLE}|(update|insert|delete).*({_LEASE_COLUMN}))')
    )
    SELECT 1, key, owner, '',
           multiIf(match(statement, '(?i)^ *delete') OR match(statement, '(?i)(owner|by|holder) *= *null'), 'release',
                   match(statement, '(?i)^ *(insert|merge)') OR match(condition, '(until|expir)[a-z_]* *<')
                       OR match(condition, 'is null'), 'acquire',
                   knows_until AND until * 1000000 < start_ns - 3600000000000, 'release', 'renew'),
           if(status = 'error', 0, -1), if(until > 1000000000000, greatest(0, until * 1000000 - start_ns), 0), {_COMMON}
    FROM statements WHERE key != ''
    """
