"""What requests read and write, in databases and of other services: the table `key_accesses`.

    key_accesses    a row an access: trace_id, span_id, service (that asks), entry (the span by which the request came
                    to that service), start_ns and end_ns, doubt_ns, object (the table; of a store without tables its
                    key with # for numbers; of a call the callee and the path up to the key), reads, names (values that
                    may be its key), hidden (nothing names any), row (the one row, key or document that it is about,
                    '' where that is not sure), replaces (it writes that row whole, whatever another wrote since),
                    creates (it makes something new, as often as it is done)

Times are on the common timeline (`timeline/clocks.py`). The key of a call is the last id in its path, else what
attributes of the application's own name on either side of it; that of a statement is what its condition compares an id
with, as a literal or as a recorded parameter, else any value in it, else, where a sanitiser hid all, what the
application's attributes say of the request. Reads that lock their rows are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...store import CaseStore
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF
from ..timeline.span_facts import REFUSED, STATUS, first_attribute
from ..timeline.statements import PARAMETERS, parameter_of, statement_of

_READ: Final = r"^(?i)(select|find|findone|get|hget|hgetall|hmget|json\.get|getitem|getobject|query|read)$"
_WRITE: Final = (
    r"^(?i)(update|insert|delete|upsert|merge|replace|save|set|hset|hmset|json\.set|put|putitem|putobject|updateitem"
    r"|updateone|replaceone|replaceitem|insertone|index|findandmodify|findoneandupdate|write)$"
)
# Verbs in the names of operations, as RPC methods and handlers have them (`GetBalance`, `handlePutBalances`).
_READ_WORDS: Final = "get|list|find|fetch|read|load|check|show|lookup|search|query|describe"
_REPLACE_WORDS: Final = "put|patch|update|set|save|replace|store|write|modify|edit"
_WRITE_WORDS: Final = (
    f"{_REPLACE_WORDS}|post|create|add|insert|delete|remove|reserve|book|charge|debit|credit|transfer|submit|place|apply"
    "|confirm|cancel|redeem|claim|assign|adjust|withdraw|deposit|allocate|issue|register|increment|decrement|use|pay|buy"
)
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
# Attributes of conventions and tracers: what is left are the application's own.
_CONVENTIONS: Final = (
    "^(http|net|network|url|db|rpc|grpc|messaging|server|client|code|thread|otel|telemetry|process|host|k8s|user_agent"
    "|error|exception|peer|faas|cloud|container|os|service|deployment|span|internal|component|sampler|aws|gcp|azure"
    "|graphql|source|destination|tls|event|log|session|device|browser|runtime|jvm|library|sampling|trace)[._]"
    "|^(status|error|component|peer|kind|method|ttl|duration|host|db|queue|topic|region|zone|env|version)$"
)
ID_NAME: Final = r"(?i)(^|[._-]|[a-z])(id|key|uuid|guid|no|nr|number|code|sku|ref|reference|pk)$"
# A condition on a version is a check that nobody wrote meanwhile.
_VERSION: Final = r"(?i)(version|revision|etag|rev|xmin|row_?ver|updated_at|modified_at|last_?modified|timestamp)"
_PLACEHOLDER: Final = r"[?]|[$][0-9]|%s|[:@][a-z]"
# What a column is added to is no value that was read before.
_RELATIVE: Final = r'([A-Za-z_]+)["`]? *= *["`]?([A-Za-z_]+)["`]? *[-+*|]'

_METHOD: Final = f"upper({first_attribute('http.request.method', 'http.method')})"
_PATH: Final = first_attribute("url.path", "http.target", "url.full", "http.url")
_ROUTE: Final = first_attribute("http.route", "url.template")
GIVEN: Final = f"""arrayFilter(pair -> pair.2 != '' AND length(pair.2) <= 80 AND NOT match(pair.1, '{_CONVENTIONS}'),
    arrayZip(arrayMap(key -> toString(key), mapKeys(attributes)), mapValues(attributes)))"""

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


def could_race(store: CaseStore, told: bool) -> bool:
    """Whether anything is written that a race could be over: where none was `told`, anew, or whole with no check."""
    if told or store.attribute_names("spans") == frozenset():
        return told
    return bool(
        store.query(
            f"""
            SELECT 1 AS n FROM spans
            WHERE notEmpty(attributes) AND if({statement_of()} AS statement != '',
                {_INSERTS} OR match(statement, '(?i)^[^a-z]*h?set +([^ ]*[^a-z ])?({_DONE_BEFORE})')
                    OR (match(statement, '{_SET}') AND NOT match(statement, '{_UNTIL}'))
                    OR (match(statement, '(?i)^[^a-z]*(update|replace|save|put)') AND {_REPLACES}),
                match({_VERB}, '{_REPLACING}') OR {_METHOD} IN ('PUT', 'PATCH')
                OR match(if(attributes['rpc.method'] != '', attributes['rpc.method'], name), {{replaces:String}}))
            LIMIT 1
            """,
            replaces=_named(_REPLACE_WORDS),
        )
    )


def prepare_accesses(store: CaseStore) -> None:
    """Make `key_accesses`, once."""
    store.once("key accesses", lambda: _find_accesses(store))


def _find_accesses(store: CaseStore) -> None:
    prepare_clocks(store)  # and `linked_spans` with it
    store.derive(
        "service_entries",
        """
        SELECT trace_id, span_id, service, name, clock, start_ns, duration_ns, parent_span_id, parent_service,
               parent_kind, parent_clock, parent_start_ns, parent_duration_ns
        FROM linked_spans WHERE parent_service != service AND kind NOT IN ('client', 'producer')
        """,
        "trace_id String, span_id String, service LowCardinality(String), name LowCardinality(String), clock String, "
        "start_ns Int64, duration_ns Int64, parent_span_id String, parent_service LowCardinality(String), "
        "parent_kind LowCardinality(String), parent_clock String, parent_start_ns Int64, parent_duration_ns Int64",
    )
    store.derive(
        "call_sides",
        f"""
        SELECT trace_id, span_id, {_METHOD} AS method,
               replaceRegexpOne({_PATH}, '^[a-z]+://[^/]*|[?#].*$', '') AS said,
               if(match(said, '[{{{{<*]|/:'), '', splitByString('?', said)[1]) AS path, {_ROUTE} AS told_route,
               if(told_route = '' AND path = '', said, told_route) AS route, attributes['rpc.method'] AS rpc,
               {GIVEN} AS given, match(arrayStringConcat(mapKeys(attributes), ' '), '(?i)if[-_](un)?(match|modified)')
                   AS checked, {REFUSED} != '' AS refused,
               status = 'error' OR match({STATUS}, '^[45][0-9][0-9]$') AS failed
        FROM (
            SELECT trace_id, span_id, status, attributes FROM spans
            WHERE notEmpty(attributes) AND kind NOT IN ('internal', 'producer', 'consumer')
              -- The two sides of calls between services: of all spans it would take four times the memory.
              AND (trace_id, span_id) IN (SELECT trace_id, arrayJoin([span_id, parent_span_id]) FROM service_entries)
        )
        """,
        "trace_id String, span_id String, method String, said String, path String, told_route String, route String, "
        "rpc String, given Array(Tuple(String, String)), checked UInt8, refused UInt8, failed UInt8",
    )
    store.derive(
        "turns",
        """
        SELECT e.trace_id AS trace_id, e.service AS service,
               arraySort(groupArray((e.start_ns, e.span_id, s.given))) AS turns
        FROM service_entries AS e LEFT ANY JOIN call_sides AS s ON e.trace_id = s.trace_id AND e.span_id = s.span_id
        GROUP BY trace_id, service
        """,
        f"trace_id String, service LowCardinality(String), turns Array(Tuple(Int64, String, {_GIVEN}))",
    )
    store.execute(f"CREATE TABLE key_accesses ({_ACCESSES}) ENGINE = Memory")
    _add(store, _STATEMENTS)
    _add(store, _CALLS)
    for table in ("service_entries", "call_sides", "turns"):
        store.execute(f"TRUNCATE TABLE {table}")


def _add(store: CaseStore, steps: Sequence[tuple[str, str, str]]) -> None:
    """Add to `key_accesses` by tables each of which is asked by the next step alone, and is emptied then."""
    patterns = {"read": _READ, "write": _WRITE, "reads": _named(_READ_WORDS), "writes": _named(_WRITE_WORDS),
                "replaces": _named(_REPLACE_WORDS)}  # fmt: skip
    done = ""
    for table, columns, select in steps:
        used = {name: pattern for name, pattern in patterns.items() if f"{{{name}:String}}" in select}
        if table:
            store.derive(table, select, columns, **used)
        else:
            store.execute(f"INSERT INTO key_accesses {select}", **used)
        if done:
            store.execute(f"TRUNCATE TABLE {done}")
        if table and not store.query(f"SELECT 1 AS n FROM {table} LIMIT 1"):
            break  # and no later one has rows
        done = table


def _named(words: str) -> str:
    """A pattern for names that begin with one of these verbs, after what handlers and packages put before it."""
    titled = "|".join(word.title() for word in words.split("|"))
    return rf"^(?:.*[./ ])?(?:handle|on|do|process)?[_ ]?(?:(?i:{words})(?:[A-Z_ /-]|$)|(?:{titled})(?:[A-Z_ /-]|$))"


# Keys among the application's attributes: those that are called like the object, else those that are called ids, else
# any.
_ALIKE: Final = """arrayFilter(pair -> arrayExists(word -> length(word) >= 4 AND position(about, word) > 0,
    splitByRegexp('[._-]', lower(pair.1))), given)"""
_IDS: Final = f"arrayFilter(pair -> match(pair.1, '{ID_NAME}'), given)"
_KEYS: Final = "arrayDistinct(arrayMap(pair -> pair.2, multiIf(notEmpty(alike), alike, notEmpty(ids), ids, given)))"
# One key is the row's where it is called so; what else requests say of themselves may be shared by many.
_SURE: Final = "length(names) = 1 AND notEmpty(arrayConcat(alike, ids))"


# A statement that takes many steps is planned for longer than it runs, as subqueries for longest: each is a table.
_GIVEN: Final = "Array(Tuple(String, String))"
_ACCESSES: Final = (
    "trace_id String, span_id String, service LowCardinality(String), entry String, start_ns Int64, end_ns Int64, "
    "doubt_ns Int64, object String, reads UInt8, names Array(String), hidden UInt8, row String, refused UInt8, "
    "replaces UInt8, creates UInt8"
)
_SPAN: Final = (
    "trace_id String, span_id String, service LowCardinality(String), clock String, start_ns Int64, duration_ns Int64"
)
_PLACES: Final = (
    f"{_SPAN}, table String, literals Array(String), reads UInt8, store_key String, object String, about String, "
    "key Tuple(String, String), masked UInt8, replaces UInt8, creates UInt8, "
    f"turn Tuple(Int64, String, {_GIVEN}), given {_GIVEN}"
)
_NAMES: Final = f"alike {_GIVEN}, ids {_GIVEN}, names Array(String)"
_STATEMENTS: Final = (
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
        f"own_given {_GIVEN}, conditions {_GIVEN}, table String, literals Array(String)",
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
        f"{_PLACES}, {_NAMES}",
        rf"""
        SELECT *, {_ALIKE} AS alike, {_IDS} AS ids,
               multiIf(table = '', [store_key], key.2 != '', [key.2], notEmpty(literals), literals, masked, {_KEYS}, [])
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
               multiIf(key.2 != '', concat(key.1, '=', key.2), table != '' AND masked AND {_SURE}, names[1],
                       table = '' AND (service, object) NOT IN caches, store_key, '') AS row,
               toUInt8(0) AS refused, toUInt8(t.replaces) AS replaces, toUInt8(t.creates) AS creates
        FROM key_names AS t {join_offsets("t.clock", "t.start_ns")}
        """,
    ),
)
"""Statements and commands of databases, with the values that they name: tables, their columns, and queries."""

_SIDES: Final = (
    "trace_id String, service LowCardinality(String), callee LowCardinality(String), name LowCardinality(String), "
    "by_caller UInt8, span_id String, clock String, start_ns Int64, duration_ns Int64, asked_ns Int64, method String, "
    f"path String, route String, verb String, checked UInt8, refused UInt8, failed UInt8, given {_GIVEN}"
)
_PARTS: Final = f"{_SIDES}, parts Array(String), routed Array(String), way UInt8, is_key Array(UInt8), last UInt32"
_RESOURCES: Final = f"{_PARTS}, upto UInt64, object String, about String"
_CALLS: Final = (
    (
        "key_calls",
        _SIDES,
        """
        SELECT e.trace_id AS trace_id, e.parent_service AS service, e.service AS callee, e.name AS name,
               e.parent_kind = 'client' OR e.parent_kind = '' AS by_caller,
               if(by_caller, e.parent_span_id, e.span_id) AS span_id, if(by_caller, e.parent_clock, e.clock) AS clock,
               if(by_caller, e.parent_start_ns, e.start_ns) AS start_ns,
               if(by_caller, e.parent_duration_ns, e.duration_ns) AS duration_ns, e.parent_start_ns AS asked_ns,
               if(s.method != '', s.method, c.method) AS method, if(s.path != '', s.path, c.path) AS path,
               if(s.route != '', s.route, c.route) AS route,
               if(s.rpc != '', s.rpc, if(c.rpc != '', c.rpc, e.name)) AS verb, s.checked OR c.checked AS checked,
               s.refused OR c.refused AS refused, s.failed OR c.failed AS failed,
               arrayConcat(s.given, c.given) AS given
        FROM service_entries AS e
        LEFT ANY JOIN call_sides AS s ON e.trace_id = s.trace_id AND e.span_id = s.span_id
        LEFT ANY JOIN call_sides AS c ON e.trace_id = c.trace_id AND e.parent_span_id = c.span_id
        WHERE e.parent_service != ''
        """,
    ),
    (
        "key_paths",
        _PARTS,
        """
        SELECT *, arrayFilter(part -> part != '', splitByChar('/', if(path != '', path, route))) AS parts,
               arrayFilter(part -> part != '', splitByChar('/', route)) AS routed,
               multiIf(method IN ('GET', 'HEAD'), 1, method IN ('PUT', 'PATCH', 'DELETE', 'POST'), 0,
                       match(verb, {reads:String}), 1, match(verb, {writes:String}), 0, 2) AS way,
               arrayMap((part, place) -> if(length(routed) = length(parts), match(routed[place], '^[{:<*]'),
                                            match(part, '[0-9]') AND NOT match(part, '^v[0-9]+$')),
                        parts, arrayEnumerate(parts)) AS is_key,
               arrayLastIndex(known -> known = 1, is_key) AS last
        FROM key_calls WHERE way < 2
        """,
    ),
    (
        "key_resources",
        _RESOURCES,
        """
        SELECT *, if(last = 0, length(parts), last) AS upto,
               concat(callee, if(empty(parts), '', ' /'), arrayStringConcat(
                   arrayMap((part, known) -> if(known, '#', part), arraySlice(parts, 1, upto),
                            arraySlice(is_key, 1, upto)), '/')) AS object, lower(concat(object, ' ', name)) AS about
        FROM key_paths
        """,
    ),
    (
        "key_named",
        f"{_RESOURCES}, {_NAMES}",
        f"""
        SELECT *, {_ALIKE} AS alike, {_IDS} AS ids,
               if(last > 0 AND path != '', [parts[last]], {_KEYS}) AS names
        FROM key_resources
        """,
    ),
    (
        "",
        "",
        f"""
        SELECT n.trace_id, n.span_id, n.service, arrayLast(turn -> turn.1 <= n.asked_ns, e.turns).2 AS entry,
               {corrected("n.start_ns")} AS started_ns, started_ns + greatest(0, n.duration_ns) AS ended_ns,
               toInt64(o.doubt_ns), n.object, n.way = 1, n.names, empty(n.names),
               if((last > 0 AND path != '') OR ({_SURE}), n.names[1], ''),
               n.refused, n.way = 0 AND NOT n.checked AND NOT n.failed AND (n.method IN ('PUT', 'PATCH')
                   OR (n.method = '' AND match(n.verb, {{replaces:String}}))),
               n.way = 0 AND NOT n.failed
                   AND if(n.method = '', NOT match(n.verb, {{replaces:String}}), n.method = 'POST')
        FROM key_named AS n LEFT ANY JOIN turns AS e ON n.trace_id = e.trace_id AND n.service = e.service
        {join_offsets("n.clock", "n.start_ns")}
        """,
    ),
)
"""Calls of other services, by what either side says of them: the last is added to `key_accesses`."""
