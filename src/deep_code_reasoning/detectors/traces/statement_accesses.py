"""What requests read and write in databases: the steps from spans to `key_accesses` (`accesses.py`).

The key of a statement is what its condition compares an id with, as a literal or as a recorded parameter, else any
value in it, else, where a sanitiser hid all, what the application's attributes say of the request. Reads that lock
their rows are left out.
"""

from __future__ import annotations

from typing import Final

from ..timeline.clocks import corrected, join_offsets
from ..timeline.linked_spans import CLOCK_OF
from ..timeline.span_facts import first_attribute
from ..timeline.statements import PARAMETERS, parameter_of, statement_of
from .own_attributes import ALIKE, GIVEN, GIVEN_TYPE, ID_NAME, IDS, KEYS, NAMES, SURE

# Writes that leave what they write as they say it, in stores of tables, collections and documents.
_REPLACING: Final = (
    r"^(?i)(update|updateone|replace|replaceone|replaceitem|save|put|putitem|putobject|updateitem|index)$"
)
# What an entry of a store of keys is set to with no end to it and no condition: with either it is a cache's, or a lock.
_SET: Final = r"(?i)^[^a-z]*(h|hm|json\.)?set "
_UNTIL: Final = r"(?i) (nx|xx|ifeq|get|ex|px|exat|pxat)( |$)"
# What names a table, collection, index or bucket, and one row of it, where no statement tells; conventions of now and
# before.
_TABLE: Final = first_attribute(
    "db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table", "db.cosmosdb.container",
    "db.elasticsearch.path_parts.index", "db.operation.parameter.index", "aws.dynamodb.table_names", "aws.s3.bucket",
)  # fmt: skip
_DOCUMENT: Final = first_attribute(
    "db.elasticsearch.path_parts.id", "db.operation.parameter.id", "db.operation.parameter._id", "aws.s3.key"
)
# Who reads an entry to change it writes it then; a cache that is warm is mostly read.
_CACHED: Final = 0.1
# What a store's key is called under which it is kept that something has been done.
_DONE_BEFORE: Final = "idem|dedup|processed|handled|seen|n?once"
# A condition on a version is a check that nobody wrote meanwhile.
_VERSION: Final = r"(?i)(version|revision|etag|rev|xmin|row_?ver|updated_at|modified_at|last_?modified|timestamp)"
_PLACEHOLDER: Final = r"[?]|[$][0-9]|%s|[:@][a-z]"
# What a column is added to is no value that was read before.
_RELATIVE: Final = r'([A-Za-z_]+)["`]? *= *["`]?([A-Za-z_]+)["`]? *[-+*|]'

# Columns that a statement's condition compares, with their values: those of placeholders are recorded in their order.
_PIECES: Final = r"splitByRegexp('[?]|[$][0-9]+|%s', replaceRegexpAll(statement, '::[a-z]+', ''))"
_CONDITIONS: Final = rf"""arrayConcat(
    arrayMap(found -> (found[1], trimBoth(found[2], '\'')),
             extractAllGroups(extract(statement, '(?is)[^a-z]where[^a-z](.*)$'),
                              '([A-Za-z_][A-Za-z0-9_]*)["`]? *= *(\'[^\']*\'|[0-9]+)')),
    arrayMap(found -> (found[1], found[2]), extractAllGroups(statement, '"([a-z_]*id)" *: *"?([^", }}]+)')),
    arrayMap((piece, place) -> (extract(piece, '([A-Za-z_][A-Za-z0-9_]*)["`]? *= *$'),
                                {parameter_of("toString(place - 1)")}),
             {_PIECES} AS pieces,
             arrayEnumerate(pieces)))"""

# A write that holds only while what it replaces is as it was read: the same column is compared and set.
_COMPARED: Final = rf"""(match(statement, '(?is)where.*{_VERSION[4:]}|[^a-z]if +[a-z_]+ *[=<>!]|[^a-z]if +exists')
    OR hasAny(arrayMap(found -> lower(found[1]), extractAllGroups(
                  extract(statement, '(?is)[^a-z]set[^a-z](.*?)[^a-z]where[^a-z]'), '([A-Za-z_]+)["`]? *=')),
              arrayMap(found -> lower(found[1]), extractAllGroups(
                  extract(statement, '(?is)[^a-z]where[^a-z](.*)$'), '([A-Za-z_]+)["`]? *='))))"""
_REPLACES: Final = rf"""NOT {_COMPARED} AND NOT match(statement, '\\$inc')
    AND NOT arrayExists(sides -> sides[1] = sides[2], extractAllGroups(statement, '{_RELATIVE}'))"""

# An insert that leaves what is there as it is may be done by many.
_INSERTS: Final = (
    r"match(statement, '(?i)^[^a-z]*insert') AND NOT match(statement, '(?i)on conflict|ignore|duplicate key')"
)

# What a store is asked to do; of AWS's the method says it.
_VERB: Final = f"""multiIf({first_attribute("db.operation.name", "db.operation")} != '',
    {first_attribute("db.operation.name", "db.operation")},
    attributes['rpc.system'] = 'aws-api', extract(attributes['rpc.method'], '[^/.]*$'), '')"""

REPLACED_OR_MADE: Final = f"""if({statement_of()} AS statement != '',
    {_INSERTS} OR match(statement, '(?i)^[^a-z]*h?set +([^ ]*[^a-z ])?({_DONE_BEFORE})')
        OR (match(statement, '{_SET}') AND NOT match(statement, '{_UNTIL}'))
        OR (match(statement, '(?i)^[^a-z]*(update|replace|save|put)') AND {_REPLACES}),
    match({_VERB}, '{_REPLACING}'))"""
"""SQL: whether a span makes something in a store, or writes it whole with no check."""

_SPAN: Final = (
    "trace_id String, span_id String, service LowCardinality(String), clock String, start_ns Int64, duration_ns Int64"
)
_PLACES: Final = (
    f"{_SPAN}, table String, literals Array(String), reads UInt8, store_key String, object String, about String, "
    "key Tuple(String, String), masked UInt8, replaces UInt8, creates UInt8, "
    f"turn Tuple(Int64, String, {GIVEN_TYPE}), given {GIVEN_TYPE}"
)
STATEMENTS: Final = (
    (
        "key_told",
        f"{_SPAN}, status LowCardinality(String), attributes Map(LowCardinality(String), String), statement String, "
        "summary String, verb String",
        f"""
        SELECT trace_id, span_id, service, {CLOCK_OF} AS clock, start_ns, duration_ns, status, attributes,
               {statement_of()} AS statement, attributes['db.query.summary'] AS summary,
               if({_VERB} AS told != '', told, extract(if(statement != '', statement, summary), '[a-zA-Z.]+')) AS verb
        FROM spans WHERE notEmpty(attributes) AND (match(verb, {{read:String}}) OR match(verb, {{write:String}}))
          AND NOT match(statement, '(?i)for +(no +key +)?(update|share)')
        """,
    ),
    (
        "key_texts",
        f"{_SPAN}, status LowCardinality(String), statement String, summary String, verb String, "
        f"own_given {GIVEN_TYPE}, conditions {GIVEN_TYPE}, table String, literals Array(String)",
        rf"""
        SELECT * EXCEPT (attributes), {GIVEN} AS own_given,
               arrayConcat({_CONDITIONS}, [('id', {_DOCUMENT})]) AS conditions,
               multiIf({_TABLE} AS named != '', extract(named, '[^\\[\\]" ]+'),
                       statement = '' AND summary != '', splitByChar(' ', summary)[2],
                       extract(statement, '(?i)(?:from|into|update)\\s+["`]?([a-z0-9_.]+)')) AS table,
               arrayConcat(
                   arrayFilter(value -> value != '', arrayMap(found -> if(found[1] != '', found[1], found[2]),
                       extractAllGroups(statement, '[\'"]([^\'"]*)[\'"]|[^$:a-zA-Z0-9_.]([0-9]+)'))),
                   {PARAMETERS}) AS literals
        FROM key_told
        """,
    ),
    (
        "key_places",
        _PLACES,
        rf"""
        SELECT p.trace_id AS trace_id, span_id, p.service AS service, clock, start_ns, duration_ns, table, literals,
               match(verb, {{read:String}}) AS reads,
               if(table = '', splitByRegexp(' +', trimBoth(statement))[2], '') AS store_key,
               if(table != '', lower(table), replaceRegexpAll(store_key, '[0-9a-f]*[0-9][0-9a-f]*', '#')) AS object,
               object AS about, arrayFirst(pair -> match(pair.1, '{ID_NAME}') AND pair.2 != '', conditions) AS key,
               statement = '' OR match(statement, '{_PLACEHOLDER}') AS masked,
               if(table = '', match(statement, '{_SET}') AND NOT match(statement, '{_UNTIL}'),
                  match(verb, '{_REPLACING}') AND NOT arrayExists(pair -> match(pair.1, '{_VERSION}'), conditions)
                      AND {_REPLACES}) AND status != 'error' AS replaces,
               status != 'error' AND (match(verb, '^(?i)(insertone|putitem|create)$') OR {_INSERTS}
                   OR (table = '' AND NOT reads AND match(store_key, '(?i)(^|[^a-z])({_DONE_BEFORE})')
                       AND NOT match(statement, '(?i) nx( |$)'))) AS creates,
               arrayLast(turn -> turn.1 <= p.start_ns, e.turns) AS turn, arrayConcat(p.own_given, turn.3) AS given
        FROM key_texts AS p LEFT ANY JOIN turns AS e ON p.trace_id = e.trace_id AND p.service = e.service
        """,
    ),
    (
        "key_names",
        f"{_PLACES}, {NAMES}",
        rf"""
        SELECT *, {ALIKE} AS alike, {IDS} AS ids,
               multiIf(table = '', [store_key], key.2 != '', [key.2], notEmpty(literals), literals, masked, {KEYS}, [])
                   AS names
        FROM key_places WHERE object NOT IN ('', '?')
        """,
    ),
    (
        "",
        "",
        rf"""
        WITH caches AS (
            -- What is mostly read by requests that do not write it then.
            SELECT service, object FROM (
                SELECT service, object, trace_id, max(reads) AS read, min(reads) AS only FROM key_names
                WHERE table = '' GROUP BY service, object, trace_id
            ) GROUP BY service, object HAVING sum(only) > {_CACHED} * sum(read)
        )
        SELECT trace_id, span_id, service, turn.2 AS entry, {corrected("t.start_ns")} AS start_ns,
               start_ns + greatest(0, t.duration_ns) AS end_ns, toInt64(o.doubt_ns) AS doubt_ns, object,
               toUInt8(reads) AS reads, names, empty(names) AND masked AS hidden,
               multiIf(key.2 != '', concat(key.1, '=', key.2), table != '' AND masked AND {SURE}, names[1],
                       table = '' AND (service, object) NOT IN caches, store_key, '') AS row,
               toUInt8(0) AS refused, toUInt8(t.replaces) AS replaces, toUInt8(t.creates) AS creates
        FROM key_names AS t {join_offsets("t.clock", "t.start_ns")}
        """,
    ),
)
"""Statements and commands of databases, with the values that they name: tables, their columns, and queries."""
