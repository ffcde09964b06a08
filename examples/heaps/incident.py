"""Five services whose memory grows until they are restarted, every six hours: two dumps of each, and the answer.

Faults: `unacknowledged` (one service takes messages and never acknowledges them: they stay alive there and at who sent
them), `leak` (one service never forgets something of its own), `none` (all heaps are as they always are).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from .java_heap import JavaHeap
from .node_heap import NodeHeap

FAULTS: Final = ("unacknowledged", "leak", "none")
# How three teams name what was taken, and what was sent, and waits to be settled.
_TAKEN: Final = (
    ("amqp.DeliveryTracker", "unacked", "Delivery"),
    ("messaging.ReceiverLink", "unsettledDeliveries", "IncomingDelivery"),
    ("jobs.SubscriptionWorker", "inFlight", "ReceivedMessage"),
)
_SENT: Final = (
    ("amqp.ConfirmingPublisher", "pendingConfirms", "PendingConfirm"),
    ("messaging.SenderLink", "unsettled", "OutgoingDelivery"),
    ("outbox.OutboxRelay", "awaitingAck", "Envelope"),
)
_FORGOTTEN: Final = (("audit.AuditTrail", "entries", "AuditEntry"), ("web.SessionStore", "sessions", "Session"))
_SERVICES: Final = "orders fulfilment catalog billing notifier shipping pricing accounts returns loyalty".split()
_QUEUES: Final = "order.placed parcel.packed invoice.due stock.reserved refund.asked".split()
_STARTED: Final = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_HOURS: Final = (1.0, 5.5)


@dataclass(frozen=True, slots=True)
class Order:
    """What to make: a fault, a seed, and about how many bytes of dumps in all."""

    fault: str
    seed: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Load:
    """What a service holds at the time of a dump: so many of each, a bytes-sized body each."""

    service: str
    package: str
    queue: str
    body_bytes: int
    cached: int
    taken: int
    sent: int
    forgotten: int
    dialect: int


def make(order: Order, folder: Path) -> dict[str, Any]:
    """Write `evidence/` and `answer.json` into a folder; returns the answer."""
    chance = random.Random(f"{order.fault}-{order.seed}")
    services = chance.sample(_SERVICES, 5)
    dialect, queue = chance.randrange(len(_TAKEN)), chance.choice(_QUEUES)
    producer, consumer, leaking = services[0], services[1], services[2]
    # Ten caches of two fifths, and two piles or one: about six times so many, of 350 bytes with what is around them.
    many = max(2_000, order.size_bytes // 6 // 350)
    packages = {service: f"com.{chance.choice(('acme', 'northwind', 'initech'))}.{service}" for service in services}
    evidence = folder / "evidence"
    evidence.mkdir(parents=True)
    for number, hours in enumerate(_HOURS):
        moment = _STARTED + timedelta(hours=hours)
        grown = (0.08, 1.0)[number]
        for service in services:
            load = _Load(
                service=service,
                package=packages[service],
                queue=queue,
                body_bytes=chance.randrange(120, 260),
                cached=int(many * chance.uniform(0.35, 0.4)),
                taken=_how_many(many, grown, order.fault == "unacknowledged", service == consumer),
                sent=_how_many(many, grown, order.fault == "unacknowledged", service == producer),
                forgotten=int(many * grown) if order.fault == "leak" and service == leaking else 40,
                dialect=dialect,
            )
            _write(load, moment, evidence, service == services[4])
    _write_memory(evidence, services, order, (producer, consumer, leaking))
    answer = _answer(order, producer, consumer, leaking, queue, dialect)
    (folder / "answer.json").write_text(json.dumps(answer, indent=1))
    return answer


def _how_many(many: int, grown: float, faulty: bool, concerned: bool) -> int:
    if not concerned:
        return 0
    return int(many * grown) if faulty else 60


def _answer(order: Order, producer: str, consumer: str, leaking: str, queue: str, dialect: int) -> dict[str, Any]:
    if order.fault == "unacknowledged":
        return {
            "mechanism": "unacknowledged_messages", "service": consumer, "queue": queue, "held_with": [producer],
            "place": ".".join(_TAKEN[dialect][:2]),
        }  # fmt: skip
    if order.fault == "leak":
        return {"mechanism": "memory_leak", "service": leaking, "place": ".".join(_FORGOTTEN[dialect % 2][:2])}
    return {"mechanism": None, "service": None}


def message_ids(queue: str, count: int) -> Iterator[str]:
    """The identifiers of a queue's messages: the same for who sends and who takes them."""
    chance = random.Random(queue)
    return (f"{chance.getrandbits(64):016x}-{place}" for place in range(count))


def _write(load: _Load, moment: datetime, evidence: Path, on_node: bool) -> None:
    if on_node:
        path = evidence / f"{load.service}-Heap.{moment:%Y%m%d.%H%M%S}.1.0.001.heapsnapshot"
        _write_node(load, path)
    else:
        _write_java(load, int(moment.timestamp() * 1000), evidence / f"{load.service}_{moment:%H%M}.hprof")


def _write_java(load: _Load, taken_ms: int, path: Path) -> None:
    heap = JavaHeap(path, taken_ms)
    tracker, field, kind = _TAKEN[load.dialect]
    publisher, waiting, envelope = _SENT[load.dialect]
    keeper, forgotten, entry = _FORGOTTEN[load.dialect % 2]
    prefix = load.package
    cached = (
        (heap.text(f"sku-{place:06d}"), _message(heap, f"{prefix}.Product", f"product {place}", load.body_bytes))
        for place in range(load.cached)
    )
    heap.define(f"{prefix}.CatalogCache")
    heap.static(f"{prefix}.CatalogCache", "BY_SKU", heap.hash_map("java.util.HashMap", cached))
    if load.taken:
        held = [
            _message(heap, f"{prefix}.{kind}", ident, load.body_bytes) for ident in message_ids(load.queue, load.taken)
        ]
        keys = ((_boxed(heap, place), message) for place, message in enumerate(held))
        table = heap.hash_map("java.util.concurrent.ConcurrentHashMap", keys)
        heap.thread(heap.holding(f"{prefix}.{tracker}", {"queueName": heap.text(load.queue), field: table}))
    if load.sent:
        sent = (
            _message(heap, f"{prefix}.{envelope}", ident, load.body_bytes)
            for ident in message_ids(load.queue, load.sent)
        )
        chain = heap.linked_list("java.util.concurrent.ConcurrentLinkedQueue", sent)
        heap.thread(heap.holding(f"{prefix}.{publisher}", {"destination": heap.text(load.queue), waiting: chain}))
    own = (
        (heap.text(f"{load.service}-{place}"), _message(heap, f"{prefix}.{entry}", f"entry {place}", load.body_bytes))
        for place in range(load.forgotten)
    )
    heap.define(f"{prefix}.{keeper}")
    heap.static(f"{prefix}.{keeper}", forgotten, heap.hash_map("java.util.HashMap", own))
    heap.close()


def _boxed(heap: JavaHeap, value: int) -> int:
    return heap.new(heap.define("java.lang.Long", value=11), value)


def _message(heap: JavaHeap, kind: str, ident: str, body_bytes: int) -> int:
    heap.define(kind, id=2, body=2, stamp=11)
    return heap.new(kind, heap.text(ident), heap.octets(body_bytes), 0)


def _write_node(load: _Load, path: Path) -> None:
    heap = NodeHeap()
    cached = (
        (heap.text(f"sku-{place:06d}"), heap.new("Product", {"name": heap.text(f"product {place} " + "-" * 80)}))
        for place in range(load.cached)
    )
    heap.everywhere("cache", heap.new("CatalogCache", {"bySku": heap.map(cached)}))
    heap.write(path)


def _write_memory(evidence: Path, services: list[str], order: Order, roles: tuple[str, str, str]) -> None:
    """A line a quarter of an hour: what grows is restarted after six hours."""
    producer, consumer, leaking = roles
    growing = {"unacknowledged": {producer, consumer}, "leak": {leaking}, "none": set()}[order.fault]
    chance = random.Random(order.seed)
    lines = ["timestamp,service,metric,value"]
    for step in range(-48, 23):
        moment = _STARTED + timedelta(minutes=15 * step)
        for service in services:
            filled = (step % 24) / 24 if service in growing else 0.3
            value = (0.3 + 0.6 * filled) * 2e9 * chance.uniform(0.99, 1.01)
            lines.append(f"{moment:%Y-%m-%dT%H:%M:%SZ},{service},process_memory_usage_bytes,{value:.0f}")
    (evidence / "memory.csv").write_text("\n".join(lines) + "\n")
