"""Messages and when they were taken: the table `message_waits`.

message_waits   a row a message and service that takes it: queue, service ('' when no one took it), taker (which
                instance of it, or on which host; '' where none is named), sent_ns (when sending ended), wait_ns
                (-1: not taken), sent and taken (the spans, `TRACE/SPAN`)
"""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..timeline.change_point import outcome_change
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF
from .message_turns import PROCESSES, QUEUE, QUEUE_NAMES

# Who takes fewer messages than this after the queue filled up may have had them in hand.
_ENOUGH: Final = 5
# Of what was sent, so much more is left over where consumers do not keep pace; a third is no chance.
_LEFT: Final = 0.3
# Who takes a message within a quarter of a second, or within five times the usual, does not lag.
_SOON_NS: Final = 250 * NS_PER_MS
_SOON: Final = 5.0
_MOST_MESSAGES: Final = 2000


def prepare_message_waits(store: CaseStore) -> bool:
    """Make `message_waits`, once; False when no span sends a message."""
    if not store.may_say("spans", QUEUE_NAMES):
        return False
    # In a step of its own: the spans are read once.
    store.derive(
        "message_spans",
        f"""
        SELECT trace_id, span_id, parent_span_id, toString(service) AS service,
               toString(if(instance != '', instance, host)) AS taker, start_ns,
               start_ns + greatest(0, duration_ns) AS end_ns, {CLOCK_OF} AS clock, {QUEUE} AS queue,
               kind = '' OR kind = 'internal' AS unsaid, {PROCESSES} AS processes,
               kind = 'producer' OR attributes['messaging.operation.type'] IN ('send', 'publish')
                   OR attributes['messaging.operation'] IN ('send', 'publish') AS sends
        FROM spans WHERE kind NOT IN ('client', 'server') AND hasAny(mapKeys(attributes), {list(QUEUE_NAMES)})
        """,
    )
    if not store.query("SELECT 1 AS n FROM message_spans LIMIT 1"):
        return False
    prepare_clocks(store)
    links = (
        ""
        if not store.count("span_links")
        else "LEFT ANY JOIN span_links AS l ON a.trace_id = l.trace_id AND a.span_id = l.span_id"
    )
    linked = "l.linked_span_id" if links else "''"
    store.derive(
        "message_waits",
        f"""
        WITH sides AS (
            SELECT a.trace_id AS trace_id, a.span_id AS span_id, a.service AS service, a.taker AS taker,
                   {corrected("a.start_ns")} AS start_ns, {corrected("a.end_ns")} AS end_ns, a.queue AS queue,
                   a.processes AS processes, p.span_id != '' AS sent_here,
                   if(sent_here, a.parent_span_id, {linked}) AS sender,
                   sender != '' AND (a.processes OR (a.unsaid AND NOT a.sends AND p.service != a.service)) AS takes
            FROM message_spans AS a
            LEFT ANY JOIN message_spans AS p ON a.trace_id = p.trace_id AND a.parent_span_id = p.span_id {links}
            {join_offsets("a.clock", "a.start_ns")}
        ),
        taken AS (
            SELECT sender, service, min(t.start_ns) AS start_ns, argMin(taker, t.start_ns) AS taker,
                   argMin(concat(trace_id, '/', span_id), t.start_ns) AS ref
            FROM sides AS t WHERE takes GROUP BY sender, service
        )
        SELECT s.queue AS queue, t.service AS service, t.taker AS taker, s.end_ns AS sent_ns,
               if(t.sender = '', -1, greatest(0, t.start_ns - s.end_ns)) AS wait_ns,
               concat(s.trace_id, '/', s.span_id) AS sent, t.ref AS taken
        FROM (SELECT * FROM sides WHERE NOT takes AND NOT processes AND queue != '') AS s
        LEFT JOIN taken AS t ON s.span_id = t.sender
        """,
    )
    return bool(store.query("SELECT 1 AS n FROM message_waits WHERE wait_ns >= 0 LIMIT 1"))


def keeps_pace(store: CaseStore, queue: str, since_ns: int) -> bool | None:
    """Whether a queue's messages were taken as soon as before while it already filled up; None when no span tells.

    What is never acknowledged stops its consumers once they hold as much as they may: of what was sent since, only
    that counts which came before they stopped. Who goes on to take what has become late did not stop, but is slower
    than what is sent. These are single messages, so it does not matter how many of the traces were kept.
    """
    if not prepare_message_waits(store):
        return None
    rows = store.query(
        """
        WITH (SELECT toFloat64(quantileExactIf(0.5)(wait_ns, sent_ns < {since:Int64} AND wait_ns >= 0))
              FROM message_waits WHERE queue = {queue:String}) AS usual_ns
        SELECT wait_ns < 0 OR toFloat64(wait_ns) > greatest({soon:Float64}, {times:Float64} * usual_ns) AS late,
               wait_ns >= 0 AS taken
        FROM message_waits WHERE queue = {queue:String} AND sent_ns >= {since:Int64}
        ORDER BY sent_ns, sent LIMIT {most:UInt32}
        """,
        queue=queue,
        since=since_ns,
        soon=float(_SOON_NS),
        times=_SOON,
        most=_MOST_MESSAGES,
    )
    if not rows:
        return None
    late = [int(row["late"]) for row in rows]
    stop = outcome_change(late, [1] * len(late))
    if stop is None:
        return len(late) >= _ENOUGH and sum(late) < _LEFT * len(late)
    goes_on = sum(int(row["taken"]) and int(row["late"]) for row in rows[stop.index :])
    return goes_on < _ENOUGH <= stop.trials_before and stop.failures_before < _LEFT * stop.trials_before
