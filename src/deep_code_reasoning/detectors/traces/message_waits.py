"""Messages that wait ever longer for whoever takes them.

Looks for: queues, topics and subscriptions whose messages are taken long after they were sent, or not at all, where
they used to be taken soon; told from the spans that send and take them.

Why it matters: producers notice nothing; the work is done late or never, until memory or retention ends. Not every
broker is measured, and a depth does not say for how long.

Stays silent when: messages always waited so long; those that are not taken were never seen to be (they go to systems
that leave no spans).

Example finding: `mailer: 61 of 64 messages of orders wait long to be taken since 09:19:50, 0 of 80 before: 14.2 s
(median; 0.004 s before), 22 are not taken at all`.
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
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.rises import Rise, rises
from ..timeline.time_steps import step_of, time_steps
from .taken_messages import prepare_message_waits


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
