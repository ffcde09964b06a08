"""Messages that fail however often they are delivered.

Looks for: a few messages that are worked on again and again and fail each time, while the others of their queue are
done at once.

Why it matters: each comes back as often as it fails, and holds the consumers meanwhile: the queue piles up, processors
are busy, and nothing is wrong but what stands in these messages. The remedy is to set them aside (a dead-letter queue),
and to see who sent them.

Stays silent when: other messages fail as well, or hardly any is done (then the consumer, or what it calls, is broken);
a message fails a few times and is done then; it was always so.

Example finding: `mailer: 6 messages of orders fail each time they are delivered (78 times at most) since 09:12:04Z, as
none did before; 1 of 85 others fails: "unexpected character at offset 17"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import Row
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.span_errors import ERROR_TEXT, JOIN_ERRORS, prepare_span_errors
from .message_turns import prepare_message_times

# By service, kind of work and message: how often it was worked on, how often that failed, and whether the last did.
_MESSAGES: Final = """
    SELECT service, name, message, any(m.queue) AS queue, count() AS turns, countIf(status = 'error') AS failures,
           min(m.start_ns) AS first_ns, argMin((trace_id, span_id), m.start_ns) AS first
    FROM message_times AS m GROUP BY service, name, message
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_turns: brokers and frameworks try three to five times by default and let go then.
        min_others: of so many others must be known how they fared, before and since.
        max_failing: of these, so many may fail as well.
        confidence: what fails each time, and alone, is hardly the consumer's fault.
    """

    min_turns: int = 6
    min_others: int = 10
    max_failing: float = 0.1
    confidence: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find queues with messages that never come to an end, the most often delivered first."""
    if not prepare_message_times(scene.store):
        return Skipped("no span works on a message that can be told from others")
    rows = scene.store.query(
        f"""
        WITH messages AS ({_MESSAGES}),
             poison AS (SELECT * FROM messages WHERE turns >= {{least:UInt32}} AND failures = turns),
             began AS (SELECT service, name, min(first_ns) AS since_ns FROM poison GROUP BY service, name)
        SELECT service, name, any(queue) AS destination, minIf(first_ns, is_poison) AS poison_ns,
               countIf(is_poison) AS poisoned, maxIf(turns, is_poison) AS most,
               argMaxIf(first, turns, is_poison) AS example,
               countIf(first_ns < since_ns) AS earlier, countIf(first_ns >= since_ns AND NOT is_poison) AS others,
               countIf(first_ns >= since_ns AND NOT is_poison AND failures > 0) AS failing
        FROM (
            SELECT *, turns >= {{least:UInt32}} AND failures = turns AS is_poison
            FROM messages JOIN began USING (service, name)
        )
        GROUP BY service, name
        HAVING least(earlier, others) >= {{others:UInt32}} AND failing <= {{share:Float64}} * others
        ORDER BY most DESC, service, name
        """,
        least=settings.min_turns,
        others=settings.min_others,
        share=settings.max_failing,
    )
    return [_finding(scene, row, settings) for row in rows]


def _finding(scene: Scene, row: Row, settings: Settings) -> Finding:
    prepare_span_errors(scene.store)
    trace_id, span_id = row["example"]
    since_ns, queue = int(row["poison_ns"]), row["destination"] or row["name"]
    told = scene.store.query(
        f"""
        SELECT {ERROR_TEXT} AS error FROM spans {JOIN_ERRORS}
        WHERE trace_id = {{trace:String}} AND span_id = {{span:String}} LIMIT 1
        """,
        trace=trace_id,
        span=span_id,
    )
    message = told[0]["error"] if told else ""
    return Finding(
        code="traces.poison_messages",
        mechanism="bad_input",
        service=row["service"],
        summary=(
            f"{row['service']}: {row['poisoned']} messages of {queue} fail each time they are delivered "
            f"({row['most']} times at most) since {format_instant(since_ns)}; {row['failing']} of {row['others']} "
            f"others fail" + (f': "{message[:160]}"' if message else "")
        ),
        severity=0.9,
        confidence=settings.confidence,
        facts={
            "queue": queue,
            "messages": int(row["poisoned"]),
            "most_deliveries": int(row["most"]),
            "others": int(row["others"]),
            "others_failing": int(row["failing"]),
            "error": message[:300] or None,
            "onset": format_instant(since_ns),
        },
        citations=(span_citation(trace_id, span_id),),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        operation=row["name"],
        resource=queue,
    )


DETECTOR = Detector(
    code="traces.poison_messages",
    kinds=(Kind("traces.poison_messages", directness=1.0, family="seen"),),
    mechanisms=("bad_input",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
