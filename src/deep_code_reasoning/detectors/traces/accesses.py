"""What requests read and write, in databases and of other services: the table `key_accesses`.

    key_accesses    a row an access: trace_id, span_id, service (that asks), entry (the span by which the request came
                    to that service), start_ns and end_ns, doubt_ns, object (the table; of a store without tables its
                    key with # for numbers; of a call the callee and the path up to the key), reads, names (values that
                    may be its key), hidden (nothing names any), row (the one row, key or document that it is about,
                    '' where that is not sure), replaces (it writes that row whole, whatever another wrote since),
                    creates (it makes something new, as often as it is done)

Times are on the common timeline (`timeline/clocks.py`). How statements (`statement_accesses.py`) and calls
(`call_accesses.py`) tell of them is each a matter of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...store import CaseStore
from ..timeline.clocks import prepare_clocks
from ..timeline.span_facts import REFUSED, STATUS, first_attribute
from .call_accesses import CALLS
from .own_attributes import GIVEN, GIVEN_TYPE
from .statement_accesses import REPLACED_OR_MADE, STATEMENTS

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

_METHOD: Final = f"upper({first_attribute('http.request.method', 'http.method')})"
_PATH: Final = first_attribute("url.path", "http.target", "url.full", "http.url")
_ROUTE: Final = first_attribute("http.route", "url.template")

_ACCESSES: Final = (
    "trace_id String, span_id String, service LowCardinality(String), entry String, start_ns Int64, end_ns Int64, "
    "doubt_ns Int64, object String, reads UInt8, names Array(String), hidden UInt8, row String, refused UInt8, "
    "replaces UInt8, creates UInt8"
)


def could_race(store: CaseStore, told: bool) -> bool:
    """Whether anything is written that a race could be over: where none was `told`, anew, or whole with no check."""
    if told or store.attribute_names("spans") == frozenset():
        return told
    return bool(
        store.query(
            f"""
            SELECT 1 AS n FROM spans
            WHERE notEmpty(attributes) AND ({REPLACED_OR_MADE} OR (statement = '' AND ({_METHOD} IN ('PUT', 'PATCH')
                OR match(if(attributes['rpc.method'] != '', attributes['rpc.method'], name), {{replaces:String}}))))
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
        f"trace_id String, service LowCardinality(String), turns Array(Tuple(Int64, String, {GIVEN_TYPE}))",
    )
    store.execute(f"CREATE TABLE key_accesses ({_ACCESSES}) ENGINE = Memory")
    _add(store, STATEMENTS)
    _add(store, CALLS)
    for table in ("service_entries", "call_sides", "turns"):
        store.execute(f"TRUNCATE TABLE {table}")


def _add(store: CaseStore, steps: Sequence[tuple[str, str, str]]) -> None:
    """Add to `key_accesses` by tables each of which is asked by the next step alone, and is emptied then.

    A statement that takes many steps is planned for longer than it runs, as subqueries for longest: each is a table.

    Args:
        store: of the case.
        steps: the table, its columns and the query that fills it; both are '' where that adds to `key_accesses`.
    """
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
