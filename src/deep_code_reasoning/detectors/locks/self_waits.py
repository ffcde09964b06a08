"""Requests that wait for themselves across services.

A request writes a row, keeps its transaction open, and calls another service, which writes to the same table of the
same database: that waits for the row until the caller gives up. No database sees it, since the caller itself waits
outside. In a trace it is a write, a call by the same span after it with no commit in between, and below that call a
write of another service to the table, which lasts for as long as the call does: for as long as the caller's patience,
the same each time, since it is let go when the caller gives up. Waits for other requests last longer, or shorter.
"""

from __future__ import annotations

from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ..base import Scene
from .row_locks import prepare_row_statements

# A quicker one was no wait that ended by a deadline.
_MIN_WAIT_NS: Final = 500 * NS_PER_MS
# What begins some milliseconds after a call and ends with it lasts for nearly as long.
_NEARLY: Final = 0.9
_ALIKE: Final = 0.1
# Who gives up fails.
_MOST_FAIL: Final = 0.8
# Once may be another request's lock.
_MIN_REQUESTS: Final = 3
_CONFIDENCE: Final = 0.9

_SELF_WAITS: Final = """
WITH writes AS (SELECT * FROM row_statements WHERE written != ''),
ends AS (
    SELECT trace_id, parent_span_id, groupArray(start_ns) AS ended FROM row_statements WHERE ends
    GROUP BY trace_id, parent_span_id
),
waits AS (
    SELECT w.trace_id AS trace_id, w.parent_span_id AS parent_span_id, w.service AS service, w.written AS object,
           w.span_id AS write_span, w.end_ns AS written_ns, d.span_id AS wait_span, d.service AS other,
           d.end_ns - d.start_ns AS wait_ns
    FROM writes AS w JOIN writes AS d ON w.trace_id = d.trace_id AND w.written = d.written
    WHERE w.service != d.service AND wait_ns >= {least:Int64} AND d.start_ns > w.end_ns
          AND (w.db = d.db OR '' IN (w.db, d.db))
)
SELECT w.service AS service, other, object, uniqExact(w.trace_id) AS requests, min(c.start_ns) AS since_ns,
       quantileExact(0.5)(wait_ns) AS usual_ns,
       arraySlice(arraySort(groupArray((c.start_ns, w.trace_id, write_span, c.span_id, wait_span))), 1, 1)[1] AS example
FROM waits AS w JOIN linked_spans AS c ON w.trace_id = c.trace_id AND w.parent_span_id = c.parent_span_id
LEFT ANY JOIN ends AS e ON w.trace_id = e.trace_id AND w.parent_span_id = e.parent_span_id
WHERE (c.trace_id, c.span_id) IN (SELECT trace_id, parent_span_id FROM linked_spans WHERE service != parent_service)
      AND c.kind NOT IN ('server', 'consumer')
      AND c.start_ns >= written_ns AND wait_ns >= {nearly:Float64} * c.duration_ns
      AND c.duration_ns >= {nearly:Float64} * wait_ns
      AND NOT arrayExists(at -> at >= written_ns AND at <= c.start_ns, e.ended)
GROUP BY service, other, object
HAVING requests >= {many:UInt32} AND avg(c.failed) >= {most:Float64}
   AND quantileExact(0.9)(c.duration_ns) - quantileExact(0.1)(c.duration_ns) <= {alike:Float64} * usual_ns
ORDER BY requests DESC, service, other, object LIMIT 1
"""


def self_waits(scene: Scene) -> list[Finding]:
    """The pair of services between which most requests wait for a row that they have written themselves."""
    if not prepare_row_statements(scene.store):
        return []
    rows = scene.store.query(
        _SELF_WAITS,
        least=_MIN_WAIT_NS,
        nearly=_NEARLY,
        many=_MIN_REQUESTS,
        most=_MOST_FAIL,
        alike=_ALIKE,
    )
    return [
        Finding(
            code="locks.deadlock",
            mechanism="deadlock",
            service=row["service"],
            summary=(
                f"{row['service']}: {row['requests']} requests wait for themselves since "
                f"{format_instant(int(row['since_ns']))}: they write {row['object']}, and call {row['other']} before "
                f"they commit, which writes {row['object']} too and waits for {row['usual_ns'] / NS_PER_MS:.0f} ms, "
                "until the call ends"
            ),
            severity=1.0,
            confidence=_CONFIDENCE,
            facts={
                "requests": int(row["requests"]),
                "other": row["other"],
                "wait_ms": round(row["usual_ns"] / NS_PER_MS, 1),
                "onset": format_instant(int(row["since_ns"])),
            },
            citations=tuple(span_citation(row["example"][1], span) for span in row["example"][2:]),
            window=Window(int(row["since_ns"]), max(int(row["since_ns"]) + 1, scene.windows.incident.end_ns)),
            resource=row["object"],
        )
        for row in rows
    ]
