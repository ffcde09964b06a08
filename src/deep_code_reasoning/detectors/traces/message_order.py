"""Events that are handled in another order than they were sent in.

Looks for: messages of one key (an account, an order, a partition) that are taken, or done, although a later one of that
key was before: by the number that they carry (sequence, version, offset), else by when they were sent.

Why it matters: each consumer does what it is told, and the last word is an old one: an address that was changed twice
is the first again, a cancelled order is shipped. Nothing fails where it happens.

Stays silent when: messages overtook each other as often before; those of other keys do; one comes again after its first
turn failed; who sent them did so within what clocks leave uncertain.

Example finding: `shipping: 14 of 96 messages of order-events are taken or done after a later one of the same key since
10:23:00, 0 of 88 before`.

    message_orders  a row a message and service that takes it: queue, service, key, number (of the message among those
                    of its key), taken_ns, late (a later one was taken or done before), ref and sooner (`TRACE/SPAN` of
                    this one and of the one before it)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps
from .message_turns import PROCESSES, QUEUE, QUEUE_NAMES
from .own_attributes import GIVEN, ID_NAME

# What brokers keep in order by: Kafka's key, Pub/Sub's ordering key, Service Bus' and SQS' groups and sessions.
_KEYS: Final = r"(?i)(message|ordering|partition|routing|group|session)[._-]?(key|id)$|conversation_id$"
_NO_KEY: Final = r"(?i)message[._-]?id$|consumer|client"
_NUMBERS: Final = (
    r"(?i)(^|[._-])(seq|sequence|seq_?no|sequence_?number|version|revision|event_?number|offset|position)$"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        slack_ms: messages that were sent within this and their clocks' doubt have no order: a scheduler's pause.
        min_messages: fewer than this overtake each other now and then.
        min_rise: the share of such messages must rise by so much: consumers that compete take turns.
        min_probability: a finding must be nearly sure.
    """

    slack_ms: float = 2.0
    min_messages: int = 4
    min_rise: float = 0.03
    min_probability: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find consumers that begin to take messages out of their order."""
    if not _prepare_orders(scene.store, settings):
        return Skipped("no messages of one key are taken one after the other")
    steps = time_steps(scene.store, "message_orders", "taken_ns")
    rows = scene.store.query(
        f"""
        SELECT queue, service, groupArray((step, n, bad)) AS steps, sum(bad) AS concerned
        FROM (
            SELECT queue, service, {step_of("taken_ns")} AS step, count() AS n, countIf(late) AS bad
            FROM message_orders GROUP BY queue, service, step
        )
        GROUP BY queue, service HAVING concerned >= {{least:UInt32}} ORDER BY queue, service
        """,
        least=settings.min_messages,
        **steps.parameters(),
    )
    found = [
        _finding(scene, rise)
        for rise in rises(rows, steps, settings.min_probability)
        if rise.change.rate_after - rise.change.rate_before >= settings.min_rise
    ]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.resource or ""))


def _prepare_orders(store: CaseStore, settings: Settings) -> bool:
    if not store.may_say("spans", QUEUE_NAMES):
        return False
    prepare_clocks(store)
    _prepare_sides(store)
    store.derive(
        "message_orders",
        """
        WITH taken AS (
            SELECT t.service AS service, s.queue AS queue,
                   multiIf(t.key != '', t.key, s.key != '', s.key, s.trace_id) AS key,
                   greatest(t.number, s.number) AS told, s.end_ns AS sent_ns, s.doubt_ns + t.doubt_ns AS doubt_ns,
                   t.start_ns AS taken_ns, t.end_ns AS done_ns, concat(t.trace_id, '/', t.span_id) AS ref
            FROM message_sides AS t JOIN message_sides AS s ON t.sender = s.span_id
            WHERE t.sender != '' AND NOT s.takes AND s.queue != ''
            ORDER BY taken_ns LIMIT 1 BY t.service, t.sender
        ),
        numbered AS (
            SELECT *, min(told) OVER (PARTITION BY service, queue, key) >= 0 AS has_numbers,
                   if(has_numbers, told, sent_ns) AS number, if(has_numbers, 0, doubt_ns + {slack:Int64}) AS doubt
            FROM taken
        ),
        ordered AS (
            SELECT *, max(number) OVER taken AS latest, argMax(ref, number) OVER taken AS sooner,
                   max(number) OVER done AS latest_done, argMax(ref, number) OVER done AS sooner_done,
                   count() OVER (PARTITION BY service, queue, key) AS alike
            FROM numbered
            WINDOW taken AS (PARTITION BY service, queue, key ORDER BY taken_ns, ref
                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                   done AS (PARTITION BY service, queue, key ORDER BY done_ns, ref
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
        SELECT queue, service, key, number, taken_ns, latest > number + doubt AS late_taken,
               late_taken OR latest_done > number + doubt AS late, ref, if(late_taken, sooner, sooner_done) AS sooner
        FROM ordered WHERE alike > 1
        """,
        slack=round(settings.slack_ms * NS_PER_MS),
    )
    store.execute("TRUNCATE TABLE message_sides")
    return bool(store.query("SELECT 1 AS n FROM message_orders WHERE late LIMIT 1"))


def _prepare_sides(store: CaseStore) -> None:
    """Who sends and who takes, with what each says of the message; on the common timeline."""
    links = (
        "LEFT ANY JOIN span_links AS l ON a.trace_id = l.trace_id AND a.span_id = l.span_id"
        if store.count("span_links")
        else ""
    )
    store.derive(
        "message_ends",
        f"""
        SELECT trace_id, span_id, parent_span_id, toString(service) AS service, {CLOCK_OF} AS clock, start_ns,
               duration_ns, {QUEUE} AS queue, {PROCESSES} OR kind IN ('', 'internal') AS may_take,
               arrayZip(arrayMap(key -> toString(key), mapKeys(attributes)), mapValues(attributes)) AS told,
               arrayFirst(pair -> match(pair.1, '{_KEYS}') AND NOT match(pair.1, '{_NO_KEY}'), told).2 AS named,
               arrayFirst(pair -> match(pair.1, '{ID_NAME}') AND NOT match(pair.1, '{_NO_KEY}'), {GIVEN}).2 AS given,
               if(named != '', named, given) AS key,
               toInt64OrNull(arrayFirst(pair -> match(pair.1, '{_NUMBERS}'), told).2) AS number
        FROM spans WHERE kind NOT IN ('client', 'server') AND hasAny(mapKeys(attributes), {list(QUEUE_NAMES)})
        """,
    )
    store.derive(
        "message_sides",
        f"""
        SELECT a.trace_id AS trace_id, a.span_id AS span_id, a.service AS service, a.queue AS queue, a.key AS key,
               ifNull(a.number, -1) AS number, {corrected("a.start_ns")} AS start_ns,
               start_ns + greatest(0, a.duration_ns) AS end_ns, toInt64(o.doubt_ns) AS doubt_ns,
               multiIf(NOT a.may_take, '', p.span_id != '' AND p.service != a.service, p.span_id,
                       {"l.linked_span_id" if links else "''"}) AS sender, sender != '' AS takes
        FROM message_ends AS a
        LEFT ANY JOIN message_ends AS p ON a.trace_id = p.trace_id AND a.parent_span_id = p.span_id {links}
        {join_offsets("a.clock", "a.start_ns")}
        """,
    )
    store.execute("TRUNCATE TABLE message_ends")


def _finding(scene: Scene, rise: Rise) -> Finding:
    queue, service, since_ns, change = str(rise.row["queue"]), str(rise.row["service"]), rise.since_ns, rise.change
    seen = scene.store.query(
        """
        SELECT key, ref, sooner FROM message_orders
        WHERE queue = {queue:String} AND service = {service:String} AND late AND taken_ns >= {since:Int64}
        ORDER BY taken_ns, ref LIMIT 2
        """,
        queue=queue,
        service=service,
        since=since_ns,
    )
    return Finding(
        code="traces.message_order",
        mechanism="race_condition",
        service=service,
        summary=(
            f"{service}: {change.failures_after} of {change.trials_after} messages of {queue} are taken or done "
            f"after a later one of the same key since {format_instant(since_ns)}, {change.failures_before} of "
            f"{change.trials_before} before"
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(0.95, rise.probability),
        facts={
            "kind": "out of order",
            "key": str(seen[0]["key"]) if seen else "",
            "late_share": round(change.rate_after, 4),
            "late_share_before": round(change.rate_before, 4),
            "onset": format_instant(since_ns),
        },
        citations=tuple(
            Citation("span", ref) for ref in dict.fromkeys(str(row[end]) for row in seen for end in ("sooner", "ref"))
        ),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=queue,
    )


DETECTOR = Detector(
    code="traces.message_order",
    kinds=(Kind("traces.message_order", directness=0.95, family="shown"),),
    mechanisms=("race_condition",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
