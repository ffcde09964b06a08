"""Messages that wait ever longer for whoever takes them.

Looks for: queues, topics and subscriptions whose messages are taken long after they were sent, or not at all, where
they used to be taken soon; told from the spans that send and take them.

Why it matters: producers notice nothing; the work is done late or never, until memory or retention ends. Not every
broker is measured, and a depth does not say for how long.

Stays silent when: messages always waited so long; those that are not taken were never seen to be (they go to systems
that leave no spans).

Example finding: `mailer: 61 of 64 messages of orders wait long to be taken since 09:19:50, 0 of 80 before: 14.2 s
(median; 0.004 s before), 22 are not taken at all`.

    message_waits   a row a message and service that takes it: queue, service ('' when no one took it), sent_ns (when
                    sending ended), wait_ns (-1: not taken), sent and taken (the spans, `TRACE/SPAN`)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_MS, NS_PER_S, format_instant
from ...domain.window import Window
from ...domain.wording import duration
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import outcome_change
from ..timeline.clocks import corrected, join_offsets, prepare_clocks
from ..timeline.linked_spans import CLOCK_OF
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps
from .message_turns import PROCESSES, QUEUE, QUEUE_NAMES


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        long_ms: no one who hands over work minds less.
        factor: a wait is long at ten times the shorter quarter of its queue's, an order of magnitude.
        min_messages: fewer long waits than this are a moment's.
        min_rise: the share of long waits must rise by so much: queues breathe.
        min_probability: a finding must be nearly sure: consumers lag now and then.
        most: nobody is surer; consumers may be slow for another's sake.
    """

    long_ms: float = 1000.0
    factor: float = 10.0
    min_messages: int = 3
    min_rise: float = 0.3
    min_probability: float = 0.9
    most: float = 0.9


def prepare_message_waits(store: CaseStore) -> bool:
    """Make `message_waits`, once; False when no span sends a message."""
    if not store.may_say("spans", QUEUE_NAMES):
        return False
    # In a step of its own: the spans are read once.
    store.derive(
        "message_spans",
        f"""
        SELECT trace_id, span_id, parent_span_id, toString(service) AS service, start_ns,
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
            SELECT a.trace_id AS trace_id, a.span_id AS span_id, a.service AS service,
                   {corrected("a.start_ns")} AS start_ns, {corrected("a.end_ns")} AS end_ns, a.queue AS queue,
                   a.processes AS processes, p.span_id != '' AS sent_here,
                   if(sent_here, a.parent_span_id, {linked}) AS sender,
                   sender != '' AND (a.processes OR (a.unsaid AND NOT a.sends AND p.service != a.service)) AS takes
            FROM message_spans AS a
            LEFT ANY JOIN message_spans AS p ON a.trace_id = p.trace_id AND a.parent_span_id = p.span_id {links}
            {join_offsets("a.clock", "a.start_ns")}
        ),
        taken AS (
            SELECT sender, service, min(t.start_ns) AS start_ns,
                   argMin(concat(trace_id, '/', span_id), t.start_ns) AS ref
            FROM sides AS t WHERE takes GROUP BY sender, service
        )
        SELECT s.queue AS queue, t.service AS service, s.end_ns AS sent_ns,
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
    that counts which came before they stopped. These are single messages, so it does not matter how many of the traces
    were kept.
    """
    if not prepare_message_waits(store):
        return None
    rows = store.query(
        """
        WITH (SELECT toFloat64(quantileExactIf(0.5)(wait_ns, sent_ns < {since:Int64} AND wait_ns >= 0))
              FROM message_waits WHERE queue = {queue:String}) AS usual_ns
        SELECT wait_ns < 0 OR toFloat64(wait_ns) > greatest({soon:Float64}, {times:Float64} * usual_ns) AS late
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
    count, failed = (stop.trials_before, stop.failures_before) if stop is not None else (len(late), sum(late))
    return count >= _ENOUGH and failed < _LEFT * count


# Who takes fewer messages than this after the queue filled up may have had them in hand.
_ENOUGH: Final = 5
# Of what was sent, so much more is left over where consumers do not keep pace; a third is no chance.
_LEFT: Final = 0.3
# Who takes a message within a quarter of a second, or within five times the usual, does not lag.
_SOON_NS: Final = 250 * NS_PER_MS
_SOON: Final = 5.0
_MOST_MESSAGES: Final = 2000
_LONG: Final = "(wait_ns < 0 OR wait_ns >= greatest({least:Float64}, {factor:Float64} * usual_ns))"


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find queues whose messages begin to wait."""
    if not prepare_message_waits(scene.store):
        return Skipped("no span takes a message that another one sent")
    steps = time_steps(scene.store, "message_waits", "sent_ns")
    rows = scene.store.query(
        f"""
        WITH usual AS (
            SELECT queue, quantileExactIf(0.25)(wait_ns, wait_ns >= 0) AS usual_ns,
                   topKIf(1)(service, service != '')[1] AS consumer,
                   max(sent_ns) AS last_ns
            FROM message_waits WHERE queue IN (SELECT queue FROM message_waits WHERE wait_ns >= 0) GROUP BY queue
        )
        SELECT queue, any(consumer) AS consumer, groupArray((step, n, long)) AS steps, sum(long) AS concerned,
               max(usual_ns) AS usual_ns
        FROM (
            SELECT queue, consumer, usual_ns, {step_of("sent_ns")} AS step, count() AS n, countIf({_LONG}) AS long
            FROM message_waits JOIN usual USING (queue)
            -- What was sent just now may be taken yet.
            WHERE wait_ns >= 0 OR sent_ns < last_ns - greatest({{least:Float64}}, {{factor:Float64}} * usual_ns)
            GROUP BY queue, consumer, usual_ns, step
        )
        GROUP BY queue HAVING concerned >= {{messages:UInt32}} ORDER BY queue
        """,
        least=settings.long_ms * NS_PER_MS,
        factor=settings.factor,
        messages=settings.min_messages,
        **steps.parameters(),
    )
    found = [
        _finding(scene, rise, settings)
        for rise in rises(rows, steps, settings.min_probability)
        if rise.change.rate_after - rise.change.rate_before >= settings.min_rise
    ]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.resource or ""))


def _finding(scene: Scene, rise: Rise, settings: Settings) -> Finding:
    queue, since_ns, change = str(rise.row["queue"]), rise.since_ns, rise.change
    seen = scene.store.query(
        """
        SELECT quantileExactIf(0.5)(wait_ns, wait_ns >= 0 AND sent_ns >= {since:Int64}) AS since_ns,
               quantileExactIf(0.5)(wait_ns, wait_ns >= 0 AND sent_ns < {since:Int64}) AS before_ns,
               countIf(wait_ns < 0 AND sent_ns >= {since:Int64}) AS left_over,
               arraySlice(arrayReverseSort(groupArrayIf((wait_ns, sent, taken), sent_ns >= {since:Int64})), 1, 2)
                   AS worst
        FROM message_waits WHERE queue = {queue:String}
        """,
        queue=queue,
        since=since_ns,
    )[0]
    wait_s, before_s = (float(seen[name] or 0) / NS_PER_S for name in ("since_ns", "before_ns"))
    service, left_over = str(rise.row["consumer"]), int(seen["left_over"])
    refs = [ref for _, sent, taken in seen["worst"] for ref in (sent, taken) if ref]
    return Finding(
        code="traces.message_waits",
        mechanism="message_backlog",
        service=service,
        summary=(
            f"{service}: {change.failures_after} of {change.trials_after} messages of {queue} wait long to be taken "
            f"since {format_instant(since_ns)}, {change.failures_before} of {change.trials_before} before: "
            f"{duration(wait_s)} (median; {duration(before_s)} before), {left_over} are not taken at all"
        ),
        severity=min(1.0, max(0.5, change.rate_after)),
        confidence=min(settings.most, rise.probability),
        facts={
            "wait_s": round(wait_s, 3),
            "wait_s_before": round(before_s, 3),
            "long_share": round(change.rate_after, 4),
            "long_share_before": round(change.rate_before, 4),
            "not_taken": left_over,
            "onset": format_instant(since_ns),
        },
        citations=tuple(Citation("span", ref) for ref in dict.fromkeys(refs)),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=queue,
    )


DETECTOR = Detector(
    code="traces.message_waits",
    kinds=(Kind("traces.message_waits", directness=0.95, family="shown", outright=True),),
    mechanisms=("message_backlog",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
