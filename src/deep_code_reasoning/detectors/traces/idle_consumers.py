"""Consumers that take no more messages while their queue goes on to fill.

Looks for: an instance that took messages of a queue all along and takes none any more, while others of its service
still do, and fewer are taken than are sent.

Why it matters: the queue grows as if the work had become slow, and each message that is taken is done as fast as
ever. What is missing leaves no trace: a consumer that the broker cancelled, that lost its partitions, or that hangs.

Stays silent when: the others take as much as is sent (it was scaled down, or partitions moved); a new instance takes
messages since; the instance took so few that the silence may be chance; all of them stopped (`message_waits.py`).

Example finding: `mailer: 1 of 2 instances takes no more messages of orders since 09:19:50, mailer-7f (one in 3.1 s
before); 9 of 21 that were sent since are taken`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_S, format_instant
from ...domain.window import Window
from ...domain.wording import duration
from ...store import Row
from ..base import Detector, Kind, Scene, Skipped
from .taken_messages import prepare_message_waits


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_taken: who took fewer messages has no pace.
        min_missed: at its pace it would have taken so many since: none comes by chance once in 150 times, and work
            at its limit takes messages more evenly than chance.
        min_left: so many more are sent than taken since,
        min_share: and such a part of what is sent: queues breathe.
        confidence: it is told by who takes what, message by message; why it stopped is another question.
    """

    min_taken: int = 5
    min_missed: float = 5.0
    min_left: int = 3
    min_share: float = 0.3
    confidence: float = 0.9


# A row an instance that takes messages of a queue: how many, from when to when, and what came of the queue since.
_TAKERS: Final = """
    WITH takers AS (
        SELECT queue, service, taker, count() AS n, min(sent_ns + wait_ns) AS first_ns,
               max(sent_ns + wait_ns) AS last_ns, argMax(taken, sent_ns + wait_ns) AS last
        FROM message_waits WHERE wait_ns >= 0 AND taker != '' GROUP BY queue, service, taker
    )
    SELECT queue, t.service AS service, t.taker AS taker, any(t.n) AS n, any(t.first_ns) AS first_ns,
           any(t.last_ns) AS last_ns, any(t.last) AS last,
           max(sent_ns + greatest(0, wait_ns)) AS end_ns, uniqExactIf(sent, sent_ns > t.last_ns) AS sent_since,
           countIf(m.service = t.service AND wait_ns >= 0 AND sent_ns + wait_ns > t.last_ns) AS taken_since
    FROM message_waits AS m JOIN takers AS t USING (queue)
    GROUP BY queue, t.service, t.taker ORDER BY queue, service, taker
"""


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find queues of which fewer instances take messages than before."""
    if not prepare_message_waits(scene.store):
        return Skipped("no span takes a message that another one sent")
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in scene.store.query(_TAKERS):
        groups[row["queue"], row["service"]].append(row)
    found = []
    for takers in groups.values():
        idle = [row for row in takers if _is_idle(row, settings)]
        since_ns = min((int(row["last_ns"]) for row in idle), default=0)
        if idle and not any(int(row["first_ns"]) > since_ns for row in takers):
            found.append(_finding(scene, takers, idle, settings))
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.resource or ""))


def _is_idle(row: Row, settings: Settings) -> bool:
    """Whether an instance is long past its pace, and fewer messages are taken than sent since."""
    taken, left = int(row["taken_since"]), int(row["sent_since"]) - int(row["taken_since"])
    return (
        taken > 0
        and int(row["n"]) >= settings.min_taken
        and int(row["end_ns"]) - int(row["last_ns"]) >= settings.min_missed * _pause_ns(row)
        and left >= max(settings.min_left, settings.min_share * int(row["sent_since"]))
    )


def _pause_ns(row: Row) -> float:
    """How long it is from message to message that an instance takes."""
    return (int(row["last_ns"]) - int(row["first_ns"])) / max(1, int(row["n"]) - 1)


def _finding(scene: Scene, takers: Sequence[Row], idle: Sequence[Row], settings: Settings) -> Finding:
    first = min(idle, key=lambda row: (int(row["last_ns"]), row["taker"]))
    since_ns, sent, taken = (int(first[name]) for name in ("last_ns", "sent_since", "taken_since"))
    names = sorted(str(row["taker"]) for row in idle)
    return Finding(
        code="traces.idle_consumers",
        mechanism="message_backlog",
        service=first["service"],
        summary=(
            f"{first['service']}: {len(idle)} of {len(takers)} instances "
            f"{'take' if len(idle) > 1 else 'takes'} no more messages of {first['queue']} "
            f"since {format_instant(since_ns)}, {', '.join(names[:3])} (one in "
            f"{duration(_pause_ns(first) / NS_PER_S)} before); {taken} of {sent} that were sent since are taken"
        ),
        severity=min(1.0, max(0.5, 1 - taken / sent)),
        confidence=settings.confidence,
        facts={
            "instances": tuple(names),
            "of": len(takers),
            "sent": sent,
            "taken": taken,
            "onset": format_instant(since_ns),
        },
        citations=tuple(Citation("span", row["last"]) for row in idle[:4]),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=first["queue"],
        instance=names[0] if len(names) == 1 else None,
    )


DETECTOR = Detector(
    code="traces.idle_consumers",
    kinds=(Kind("traces.idle_consumers", directness=0.95, family="shown", outright=True),),
    mechanisms=("message_backlog",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
