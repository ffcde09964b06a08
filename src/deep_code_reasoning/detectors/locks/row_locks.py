"""Rows that transactions lock, from the statements of databases: the tables `row_statements` and `row_locks`.

    row_statements  a row a statement that writes, locks or ends a transaction: trace_id, span_id, parent_span_id,
                    service, clock, failed, db (the server, '' where nothing says), written (the table that it writes,
                    '' where it only locks), key (what it locks, '' where it locks nothing that is known), ends (it
                    commits or rolls back), start_ns and end_ns (as recorded)
    row_locks       a row a lock of these: key, trace_id, span_id, service, failed, start_ns (asked for), end_ns (had,
                    or given up), until_ns (given back), on the common timeline

A statement that changes rows or selects them for update has their locks until its transaction ends: with the next
commit or rollback of the same service in the trace or, where none is seen, with the service's part in it. A row is
known by what the condition compares identifiers with, as literals or as recorded parameters. Where a sanitiser hid
these the table stands for the row, of which more than one is held at once: two rows of one table are not told apart.
"""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF, do_some_fail, taken_traces
from ..timeline.span_facts import first_attribute
from ..timeline.statements import parameter_of, statement_of

_NAMED: Final = r"(?:[\"`\[]?\w+[\"`\]]?\.)*[\"`\[]?(\w+)"
_WRITTEN: Final = rf"(?i)^\s*(?:update(?:\s+only)?|delete\s+from|insert\s+into|merge\s+into|replace\s+into)\s+{_NAMED}"
# What waits for the lock of a row that is there. Who skips what is locked, or wants an error at once, waits for none.
_LOCKED: Final = rf"(?is)^\s*(?:update(?:\s+only)?|delete\s+from|select\b.*?\sfrom)\s+{_NAMED}"
_FOR_UPDATE: Final = r"(?i)\bfor\s+(?:no\s+key\s+)?update\b"
_ADVISORY: Final = r"(?i)(\w*advisory(?:_xact)?_lock|get_lock)\s*\(\s*([^)]*)\)"
_WAITS_NOT: Final = r"(?i)skip\s+locked|\bnowait\b|\btry_|unlock"
_ENDED: Final = r"(?i)^\W*(?:\w+[. ])?(commit|rollback)\b"
_ID: Final = r"(?i)(^|[._-]|[a-z])(id|key|uuid|guid|no|nr|number|code|sku|ref|reference|pk)$"
_PLACEHOLDER: Final = r"[?]|[$][0-9]+|%s"
LONG_NS: Final = 50 * NS_PER_MS
"""Less hurts nobody (`waits.LONG`)."""
_DATABASE: Final = f"lower({first_attribute('server.address', 'net.peer.name', 'peer.service')})"

# The condition's identifiers with their values. Parameters are recorded in the order of the placeholders, those
# before the condition first.
_ROW: Final = rf"""
    lower(extract(statement, {{locked:String}})) AS locked,
    extract(statement, '(?is)[^a-z]where[^a-z](.*)$') AS condition,
    length(splitByRegexp('{_PLACEHOLDER}', statement)) - length(splitByRegexp('{_PLACEHOLDER}', condition) AS pieces)
        AS before,
    arraySort(arrayFilter(pair -> match(pair.1, '{_ID}'), arrayConcat(
        arrayMap(found -> (lower(found[1]), trimBoth(found[2], '\'')), extractAllGroups(
            condition, '([A-Za-z_][A-Za-z0-9_]*)["`]? *= *(\'[^\']*\'|[0-9]+)')),
        arrayMap((piece, place) -> (lower(extract(piece, '([A-Za-z_][A-Za-z0-9_]*)["`]? *= *$')),
                                    {parameter_of("toString(before + place - 1)")}),
                 pieces, arrayEnumerate(pieces))))) AS compared,
    if(arrayExists(pair -> pair.2 = '', compared), '',
       arrayStringConcat(arrayMap(pair -> concat(' ', pair.1, '=', pair.2), compared))) AS row,
    extractGroups(statement, {{advisory:String}}) AS called,
    if(match(called[2], '{_PLACEHOLDER}'), attributes['db.query.parameter.0'], called[2]) AS argument"""


def prepare_row_statements(store: CaseStore) -> bool:
    """Make `row_statements`, once; False, and no table, when nothing fails (nobody then waited in vain) or is one."""
    return do_some_fail(store) and store.once("row statements", lambda: _find_statements(store))


def _find_statements(store: CaseStore) -> bool:
    # A table of its own, which is empty where no statements are recorded: what these say is planned for longer than it
    # runs, four times as long where a subquery stands for the table.
    store.derive(
        "row_texts",
        f"""
        SELECT trace_id, span_id, parent_span_id, service, {CLOCK_OF} AS clock, status = 'error' AS failed, attributes,
               {_DATABASE} AS db, start_ns, duration_ns, substring({statement_of()}, 1, 2000) AS statement,
               match(statement, {{for_update:String}}) AS locks,
               match(if(statement = '', name, statement), {{ended:String}}) AS ended
        FROM spans
        WHERE kind NOT IN ('server', 'consumer') AND cityHash64(trace_id) % {{every:UInt32}} = 0
          AND (ended OR locks OR match(statement, {{written:String}}) OR match(statement, {{advisory:String}}))
        """,
        "trace_id String, span_id String, parent_span_id String, service String, clock String, failed UInt8, "
        "attributes Map(LowCardinality(String), String), db String, start_ns Int64, duration_ns Int64, "
        "statement String, locks UInt8, ended UInt8",
        written=_WRITTEN,
        for_update=_FOR_UPDATE,
        advisory=_ADVISORY,
        ended=_ENDED,
        every=taken_traces(store),
    )
    if not store.query("SELECT 1 AS n FROM row_texts LIMIT 1"):
        return False
    store.derive(
        "row_statements",
        f"""
        WITH {_ROW}
        SELECT trace_id, span_id, parent_span_id, service, clock, failed, db,
               lower(extract(statement, {{written:String}})) AS written,
               multiIf(match(statement, {{waits_not:String}}), '',
                       notEmpty(called), if(argument = '', '', concat(called[1], '(', argument, ')')),
                       locked = '' OR (match(statement, '(?i)^[^a-z]*select') AND NOT locks), '',
                       concat('rows of ', locked, row)) AS key,
               ended AS ends, start_ns, start_ns + greatest(0, duration_ns) AS end_ns
        FROM row_texts
        """,
        "trace_id String, span_id String, parent_span_id String, service String, clock String, failed UInt8, "
        "db String, written String, key String, ends UInt8, start_ns Int64, end_ns Int64",
        written=_WRITTEN,
        locked=_LOCKED,
        advisory=_ADVISORY,
        waits_not=_WAITS_NOT,
    )
    store.forget("row_texts")
    return True


def prepare_row_locks(store: CaseStore) -> bool:
    """Make `row_locks`, once; False, and no table, when nothing that locks rows takes long or fails."""
    if not prepare_row_statements(store) or not _are_waits(store):
        return False
    prepare_clocks(store)
    store.derive(
        "row_locks",
        f"""
        WITH parts AS (
            SELECT trace_id, service, max(start_ns + duration_ns) AS done_ns FROM linked_spans
            WHERE trace_id IN (SELECT trace_id FROM row_statements) GROUP BY trace_id, service
        ),
        ends AS (
            SELECT trace_id, service, groupArray(start_ns) AS ended FROM row_statements WHERE ends
            GROUP BY trace_id, service
        )
        SELECT concat(if(r.db = '', '', concat(r.db, ' ')), r.key) AS key, r.trace_id AS trace_id,
               r.span_id AS span_id, r.service AS service, r.failed AS failed, {corrected("r.start_ns")} AS start_ns,
               start_ns + r.end_ns - r.start_ns AS end_ns,
               end_ns + greatest(0, arrayMin(arrayPushBack(arrayFilter(at -> at >= r.end_ns, e.ended), p.done_ns))
                                    - r.end_ns) AS until_ns
        FROM row_statements AS r
        JOIN parts AS p ON r.trace_id = p.trace_id AND r.service = p.service
        LEFT JOIN ends AS e ON r.trace_id = e.trace_id AND r.service = e.service
        {join_offsets("r.clock", "r.start_ns")}
        WHERE r.key != ''
        """,
    )
    return True


def _are_waits(store: CaseStore) -> bool:
    return bool(
        store.query(
            "SELECT 1 AS n FROM row_statements "
            "WHERE key != '' AND (failed OR end_ns - start_ns >= {least:Int64}) LIMIT 1",
            least=LONG_NS,
        )
    )
