"""What requests read and write of other services: the steps from both sides of calls to `key_accesses` (`accesses.py`).

The key of a call is the last id in its path, else what attributes of the application's own name on either side of it.
"""

from __future__ import annotations

from typing import Final

from ..timeline.clocks import corrected, join_offsets
from .own_attributes import ALIKE, GIVEN_TYPE, IDS, KEYS, NAMES, SURE

_SIDES: Final = (
    "trace_id String, service LowCardinality(String), callee LowCardinality(String), name LowCardinality(String), "
    "by_caller UInt8, span_id String, clock String, start_ns Int64, duration_ns Int64, asked_ns Int64, method String, "
    f"path String, route String, verb String, checked UInt8, refused UInt8, failed UInt8, given {GIVEN_TYPE}"
)
_PARTS: Final = f"{_SIDES}, parts Array(String), routed Array(String), way UInt8, is_key Array(UInt8), last UInt32"
_RESOURCES: Final = f"{_PARTS}, upto UInt64, object String, about String"
CALLS: Final = (
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
        f"{_RESOURCES}, {NAMES}",
        f"""
        SELECT *, {ALIKE} AS alike, {IDS} AS ids,
               if(last > 0 AND path != '', [parts[last]], {KEYS}) AS names
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
               if((last > 0 AND path != '') OR ({SURE}), n.names[1], ''),
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
