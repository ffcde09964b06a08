"""Messages that one service took and never acknowledged: they stay alive on both sides of the queue.

Looks for: a place in a heap where messages pile up that wait to be acknowledged, confirmed or settled; it grows, or it
is a good part of the heap. Then for the same messages in the heaps of other services: a sample of what looks like
identifiers there is compared (bottom-k sketches; Broder, "On the resemblance and containment of documents", 1997).

Why it matters: no single service leaks. The consumer keeps what it took until it acknowledges; the producer keeps what
is not confirmed; the broker keeps both. Memory grows in all, a restart gives it back, and the messages come again.

Stays silent when: what waits is as much as it was, and little: messages in work. Identifiers in common are no sign by
themselves: two caches of the same products have them too.

Example finding: `fulfilment: 840000 Delivery of orders.shipped are taken and not acknowledged: Channel.unacked keeps
412 MB alive, 61 % of its heap; the same ones are held by shop (Publisher.unconfirmed)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ...domain.wording import size
from ..base import Detector, Kind, Scene
from .piles import Pile, piles

# How clients and programs name what was sent or taken and is not settled. One of these says it by itself;
_UNSETTLED: Final = frozenset(
    "unacked unacknowledged unconfirmed unsettled nonacked notacked inflight outstanding undelivered".split()
)
# of these, one of the second or third line has to stand beside it.
_WAITING: Final = frozenset(
    "pending waiting awaiting open tracked tracker unprocessed uncommitted held delivered delivering".split()
)
_SETTLING: Final = frozenset(
    "ack acks acked acknowledge acknowledgement acknowledgements confirm confirms confirmation settlement".split()
)
_MESSAGES: Final = frozenset(
    "message messages msg msgs delivery deliveries envelope envelopes publish published".split()
)
_BROKERS: Final = frozenset(
    """amqp rabbit rabbitmq kafka jms sqs sns nats pubsub mqtt stomp pulsar activemq artemis kinesis servicebus queue
    queues topic topics subscription channel broker consumer listener subscriber producer publisher""".split()
)
_TAKES: Final = frozenset(
    """unacked unacknowledged delivery deliveries consumer listener subscriber subscription received handler prefetch
    inbound""".split()
)
_SENDS: Final = frozenset("unconfirmed confirm confirms producer publisher publish outbox outbound sender sent".split())


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_share: of the heap, where no earlier dump shows growth: messages in work are a few hundred, a few per cent.
        min_shared: identifiers that two samples must have in common. Hashes of eight bytes do not meet by chance;
            a few shared constants are.
        alone, shared: confidence by names alone, and when another service's heap holds the same messages.
    """

    min_share: float = 0.1
    min_shared: int = 8
    alone: float = 0.8
    shared: float = 0.95


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find messages that are held unsettled, and who else holds them."""
    known = piles(scene.store)
    waiting = [pile for pile in known if _waits(pile) and _is_much(pile, settings)]
    found = []
    told: set[str] = set()
    for pile in sorted(waiting, key=lambda each: (-_takes(each), -each.share, each.service)):
        if pile.service in told:
            continue
        partners = list(_partners(pile, known, settings))
        told.update((pile.service, *(partner.service for partner in partners)))
        found.append(_finding(scene, pile, partners, settings))
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service))


def _waits(pile: Pile) -> bool:
    words = pile.words
    about = words & _MESSAGES or words & _BROKERS
    if words & _UNSETTLED or {"in", "flight"} <= words or {"un", "acked"} <= words:
        return bool(about)
    return bool(words & _WAITING and (words & _SETTLING or words & _MESSAGES) and about)


def _is_much(pile: Pile, settings: Settings) -> bool:
    return pile.is_growing if len(pile.retained) > 1 else pile.share >= settings.min_share


def _takes(pile: Pile) -> int:
    """How much speaks for the side that takes messages, less what speaks for the one that sends them."""
    return len(pile.words & _TAKES) - len(pile.words & _SENDS)


def _partners(pile: Pile, known: Sequence[Pile], settings: Settings) -> Iterator[Pile]:
    """The largest pile of each other service in which the same identifiers are."""
    told = {pile.service}
    for other in known:
        if other.service not in told and len(_in_common(pile, other)) >= settings.min_shared:
            told.add(other.service)
            yield other


def _in_common(pile: Pile, other: Pile) -> set[str]:
    mine, others = set(pile.row["ids"]), set(other.row["ids"])
    if not mine or not others:
        return set()
    # Beyond the smaller of the two greatest hashes kept, one of the samples says nothing.
    reach = min(max(mine), max(others))
    return {each for each in mine & others if each <= reach}


def _finding(scene: Scene, pile: Pile, partners: Sequence[Pile], settings: Settings) -> Finding:
    takes = _takes(pile) >= 0
    what = "taken and not acknowledged" if takes else "sent and not confirmed"
    queue = _queue(pile)
    held = "; ".join(f"{partner.service} ({partner.place})" for partner in partners)
    also = f"; the same ones are held by {held}" if held else ""
    return Finding(
        code="heap.held_messages",
        mechanism="unacknowledged_messages",
        service=pile.service,
        summary=(
            f"{pile.service}: {pile.contents}{f' of {queue}' if queue else ''} are {what}: {pile.place} keeps "
            f"{size(pile.retained[-1])} alive, {pile.share:.0%} of its heap{also}"
        ),
        severity=min(1.0, 0.5 + pile.share),
        confidence=settings.shared if partners else settings.alone,
        facts={
            **pile.facts,
            "queue": queue or None,
            "side": "consumer" if takes else "producer",
            "held_with": tuple(partner.service for partner in partners),
        },
        citations=(*pile.citations, *(citation for partner in partners for citation in partner.citations[:1])),
        window=scene.windows.incident,
        resource=queue or pile.place,
        instance=str(pile.row["instance"]) or None,
    )


_NAMES_QUEUE: Final = ("queue", "topic", "subscription", "destination", "stream", "channel")


def _queue(pile: Pile) -> str:
    """The text of a field on the way that is named for a queue; '' when there is none."""
    named = sorted(pile.row["attributes"].items())
    return next(
        (text for word in _NAMES_QUEUE for field, text in named if word in field.rpartition(".")[2].lower()), ""
    )


DETECTOR = Detector(
    code="heap.held_messages",
    kinds=(Kind("heap.held_messages", directness=1.0),),
    mechanisms=("unacknowledged_messages",),
    needs=("heap_holders",),
    settings=Settings(),
    detect=detect,
)
