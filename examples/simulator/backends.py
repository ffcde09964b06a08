"""What services lean on: databases with row locks, caches that forget, a broker, a store of leases."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from .kernel import MS, SECOND, Pool, Process, Signal, Simulation

DEADLOCK_TIMEOUT_NS = 1 * SECOND  # PostgreSQL's deadlock_timeout


class Transaction:
    """A database transaction: the row locks that it holds and the one that it waits for."""

    __slots__ = ("held", "waits_for")

    def __init__(self) -> None:
        self.held: list[Any] = []
        self.waits_for: Any = None


class Database:
    """A server of limited parallelism, with row locks, and with the few values whose races matter."""

    def __init__(self, simulation: Simulation, system: str, name: str, host: str, slots: int) -> None:
        self.simulation = simulation
        self.system = system
        self.name = name
        self.host = host
        self.slots = Pool(simulation, slots)
        self.slowness = 1.0
        self.down = False
        self.values: dict[Any, list[int]] = {}  # key -> [version, value]
        self._owners: dict[Any, Transaction] = {}
        self._queues: dict[Any, deque[Signal]] = {}

    def row(self, key: Any) -> list[int]:
        """Version and value of a row."""
        return self.values.setdefault(key, [1, 1000])

    def lock(self, transaction: Transaction, key: Any) -> Process:
        """Lock a row; returns False for the victim of a deadlock."""
        while key in self._owners and self._owners[key] is not transaction:
            transaction.waits_for = key
            signal = Signal()
            self._queues.setdefault(key, deque()).append(signal)
            if self._is_cycle(transaction):
                yield DEADLOCK_TIMEOUT_NS
                if not signal.happened and self._is_cycle(transaction):
                    self._queues[key].remove(signal)
                    transaction.waits_for = None
                    return False
            yield signal
        transaction.waits_for = None
        if key not in self._owners:
            self._owners[key] = transaction
            transaction.held.append(key)
        return True

    def release(self, transaction: Transaction) -> None:
        """Give up all locks at commit or rollback."""
        for key in transaction.held:
            del self._owners[key]
            queue = self._queues.get(key)
            if queue:
                self.simulation.fire(queue.popleft())
        transaction.held.clear()

    def _is_cycle(self, start: Transaction) -> bool:
        seen, at = set(), start
        while at.waits_for is not None and at.waits_for in self._owners:
            at = self._owners[at.waits_for]
            if at is start:
                return True
            if id(at) in seen:
                return False
            seen.add(id(at))
        return False


class Cache:
    """Keys with an end of life, on a host of its own."""

    def __init__(self, simulation: Simulation, host: str) -> None:
        self.simulation = simulation
        self.host = host
        self.ends: dict[str, int] = {}
        self.hits = 0
        self.misses = 0
        self.down = False

    def get(self, key: str) -> bool:
        """Whether a key is there."""
        hit = self.ends.get(key, 0) > self.simulation.now and not self.down
        self.hits += hit
        self.misses += not hit
        return hit

    def put(self, key: str, ttl_ns: int) -> None:
        """Keep a key for a while."""
        if not self.down:
            self.ends[key] = self.simulation.now + ttl_ns

    def flush(self) -> None:
        """Forget everything."""
        self.ends.clear()


class Queue:
    """One queue: what waits, what was handed out and not acknowledged."""

    def __init__(self, simulation: Simulation, name: str) -> None:
        self.name = name
        self.ready: deque[Any] = deque()
        self.unacknowledged = 0
        self.published = 0
        self.acknowledged = 0
        self.prefetch = 1 << 30  # so many may be out unacknowledged
        self._simulation = simulation
        self._takers: deque[Signal] = deque()

    def put(self, message: Any, first: bool = False) -> None:
        """Add a message, or give one back."""
        self.published += not first
        while self._takers and self.unacknowledged < self.prefetch:
            self.unacknowledged += 1
            if self._simulation.fire(self._takers.popleft(), message):
                return
            self.unacknowledged -= 1
        if first:
            self.ready.appendleft(message)
        else:
            self.ready.append(message)

    def take(self) -> Process:
        """Wait for a message; it counts as unacknowledged from then on."""
        if self.ready and self.unacknowledged < self.prefetch:
            self.unacknowledged += 1
            return self.ready.popleft()
        signal = Signal()
        self._takers.append(signal)
        message = yield signal
        return message

    def acknowledge(self) -> None:
        """Be done with one message."""
        self.unacknowledged -= 1
        self.acknowledged += 1
        if self.ready and self._takers:
            self.put(self.ready.popleft(), first=True)


class Broker:
    """Queues by name."""

    def __init__(self, simulation: Simulation, system: str, host: str, names: Iterable[str]) -> None:
        self.system = system
        self.host = host
        self.queues = {name: Queue(simulation, name) for name in names}


class LockStore:
    """Leases by key. Each node of the store reads its own clock: `offset_ns` and `rate` say how wrong that is."""

    def __init__(self, simulation: Simulation, host: str, nodes: int = 1) -> None:
        self.simulation = simulation
        self.host = host
        self.nodes = [LockNode(simulation) for _ in range(nodes)]

    @property
    def offset_ns(self) -> int:
        """How far the first node's clock is ahead."""
        return self.nodes[0].offset_ns


class LockNode:
    """One server that keeps leases."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.offset_ns = 0
        self.rate = 1.0
        self.leases: dict[str, tuple[str, int]] = {}  # key -> owner, true time at which the server lets it go

    def set(self, key: str, owner: str, lives_ns: int, new: bool) -> bool:
        """Take a free key (`new`) or prolong one's own, for so long as the server's clock measures it."""
        holder = self.holder(key)
        if (holder is not None) if new else (holder != owner):
            return False
        self.leases[key] = (owner, self.simulation.now + int(lives_ns / self.rate))
        return True

    def set_until(self, key: str, owner: str, until_ns: int, new: bool) -> bool:
        """The same with an absolute time of the client's clock, which the server compares with its own."""
        return self.set(key, owner, until_ns - (self.simulation.now + self.offset_ns), new)

    def holder(self, key: str) -> str | None:
        """Who holds a key now."""
        owner, until = self.leases.get(key, (None, 0))
        return owner if until > self.simulation.now else None

    def drop(self, key: str, owner: str) -> bool:
        """Compare and delete."""
        if self.holder(key) != owner:
            return False
        del self.leases[key]
        return True


ROUND_TRIP_NS = int(0.4 * MS)
