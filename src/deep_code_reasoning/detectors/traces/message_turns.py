"""Messages and how often they are taken: the tables `message_times` and `message_turns`.

    message_times   a row a message and turn of it: trace_id, span_id, service, name, message, id ('' where it has
                    none), queue, status, start_ns, end_ns, duration_ns, doubt_ns (of its clock), steps (its children)

    message_turns   a row a message and service that takes it: queue, start_ns, at_once (it was in work twice at
                    once), again (it was worked on again after that was done, and the work was done again), refused
                    (it was told of a conflict then instead), conflict (a turn failed), spans (`TRACE/SPAN` of its
                    turns)

Times are on the common timeline (`timeline/clocks.py`).
"""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF
from ..timeline.span_facts import first_attribute

# Times on the common timeline are wrong by a scheduler's pause beside the clocks' own doubt.
_SLACK_NS: Final = 2 * NS_PER_MS
_MESSAGE_IDS: Final = (
    "messaging.message.id", "messaging.message_id", "message.id", "message_id", "messageId", "message",
    "idempotency.key", "idempotency_key", "http.request.header.idempotency-key",
)  # fmt: skip
QUEUE_NAMES: Final = ("messaging.destination.name", "messaging.destination", "queue", "topic", "messaging.source.name")


PROCESSES: Final = """(kind = 'consumer' AND attributes['messaging.operation.type'] != 'receive'
    OR attributes['messaging.operation'] = 'process' OR attributes['messaging.operation.type'] = 'process')"""
"""SQL: whether a span works on one message."""


def prepare_message_times(store: CaseStore) -> bool:
    """Make `message_times`, once: a row a turn of a message; False when no message can be told from others.

    A message without an id is known by the span that sent it. One such span may send several: then only failures tell.
    """
    known = [name for name in _MESSAGE_IDS if store.may_say("spans", [name])]
    named = f"hasAny(mapKeys(attributes), {known})" if known else "false"
    if not store.query(f"SELECT 1 AS n FROM spans WHERE {named} OR {PROCESSES} LIMIT 1"):
        return False
    prepare_clocks(store)
    # In three steps: a statement of them all would be planned for longer than it runs.
    store.derive(
        "taken_messages",
        f"""
        SELECT trace_id, span_id, toString(service) AS service, toString(name) AS name, {CLOCK_OF} AS clock,
               start_ns, duration_ns, {first_attribute(*_MESSAGE_IDS)} AS id,
               if({PROCESSES}, parent_span_id, '') AS sent, if(id != '', id, sent) AS message, {QUEUE} AS queue, status
        FROM spans WHERE kind NOT IN ('producer', 'client') AND message NOT IN ('', '?')
          AND attributes['messaging.operation.type'] NOT IN ('send', 'publish', 'create', 'receive', 'settle')
        """,
    )
    store.derive(
        "message_times",
        f"""
        SELECT t.trace_id AS trace_id, t.span_id AS span_id, service, name, message, id, queue, status, duration_ns,
               {corrected("t.start_ns")} AS start_ns, start_ns + greatest(0, t.duration_ns) AS end_ns,
               toInt64(o.doubt_ns) AS doubt_ns, c.children AS steps
        FROM taken_messages AS t {join_offsets("t.clock", "t.start_ns")}
        LEFT ANY JOIN span_children AS c ON t.trace_id = c.trace_id AND t.span_id = c.span_id
        """,
    )
    return True


def prepare_message_turns(store: CaseStore) -> bool:
    """Make `message_turns`, once; False when no message was worked on twice, or none can be told from others.

    `conflicts` (`key_windows.py`) must be there.
    """
    if not prepare_message_times(store):
        return False
    store.derive(
        "message_turns",
        """
        WITH told AS (SELECT trace_id, service FROM conflicts),
        beside AS (
            SELECT *, max(end_ns) OVER earlier AS prior_end_ns,
                   argMaxIf((steps, duration_ns), steps, status != 'error') OVER earlier AS done,
                   maxIf(end_ns, status != 'error') OVER earlier AS done_ns
            FROM message_times
            WINDOW earlier AS (PARTITION BY service, name, message ORDER BY start_ns, span_id
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
        SELECT service, name, message, any(b.queue) AS queue, min(b.start_ns) AS start_ns,
               max(status = 'error') AS conflict,
               max(least(prior_end_ns, b.end_ns) > b.start_ns + b.doubt_ns + {slack:Int64})
                   AND (conflict OR any(id) != '') AS at_once,
               max(done_ns > 0 AND b.start_ns >= done_ns AND status != 'error' AND b.steps >= done.1
                   AND 2 * b.duration_ns >= done.2) AND any(id) != '' AS again,
               max(done_ns > 0 AND b.start_ns >= done_ns AND status = 'error' AND (b.trace_id, b.service) IN told)
                   AND any(id) != '' AS refused,
               arraySlice(arrayMap(turn -> concat(turn.2, '/', turn.3),
                          arraySort(groupArray((b.start_ns, trace_id, span_id)))), 1, 3) AS spans
        FROM beside AS b GROUP BY service, name, message
        """,
        slack=_SLACK_NS,
    )
    return bool(store.query("SELECT 1 AS n FROM message_turns WHERE at_once OR again OR refused LIMIT 1"))


QUEUE: Final = first_attribute(*QUEUE_NAMES)
"""SQL: the queue, topic or subscription that a span is about, '' when none is named."""
