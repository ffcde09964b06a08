"""The clock of the model: processes that wait, signals that wake them, pools that they queue for.

A process is a generator. It yields a number of nanoseconds to sleep, or a `Signal` to wait for; the signal's value is
sent back. Events at one instant happen in the order in which they were scheduled, so that a seed decides everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from heapq import heappop, heappush
from itertools import count
from typing import Any

MS = 1_000_000
SECOND = 1_000_000_000

Process = Generator["int | Signal", Any, Any]


class Signal:
    """Something that happens once. Those who wait get its value; those who come later get it at once."""

    __slots__ = ("happened", "value", "waiting")

    def __init__(self) -> None:
        self.happened = False
        self.value: Any = None
        self.waiting: list[Process] = []


class Simulation:
    """The true time, in nanoseconds since 1970, and what is to happen next."""

    def __init__(self, start_ns: int) -> None:
        self.now = start_ns
        self._events: list[tuple[int, int, Process | None, Any]] = []
        self._number = count().__next__
        self._stopped = False

    def spawn(self, process: Process, delay_ns: int = 0) -> None:
        """Start a process, now or later."""
        heappush(self._events, (self.now + delay_ns, self._number(), process, None))

    def call_later(self, delay_ns: int, action: Callable[[], None]) -> None:
        """Call a function at a later time."""
        heappush(self._events, (self.now + delay_ns, self._number(), None, action))

    def fire(self, signal: Signal, value: Any = None) -> bool:
        """Let a signal happen; False when it had happened before."""
        if signal.happened:
            return False
        signal.happened, signal.value = True, value
        for process in signal.waiting:
            heappush(self._events, (self.now, self._number(), process, value))
        signal.waiting.clear()
        return True

    def fire_later(self, delay_ns: int, signal: Signal, value: Any = None) -> None:
        """Let a signal happen after a while, unless it happens before."""

        def fire() -> None:
            self.fire(signal, value)

        self.call_later(delay_ns, fire)

    def stop(self) -> None:
        """Let `run` return after the present event."""
        self._stopped = True

    def run(self) -> None:
        """Let things happen until nothing is left or `stop` is called."""
        events, number = self._events, self._number
        while events and not self._stopped:
            self.now, _, process, value = heappop(events)
            if process is None:
                value()
                continue
            try:
                wanted = process.send(value)
            except StopIteration:
                continue
            if type(wanted) is int:
                heappush(events, (self.now + wanted, number(), process, None))
            elif wanted.happened:  # type: ignore[union-attr]
                heappush(events, (self.now, number(), process, wanted.value))  # type: ignore[union-attr]
            else:
                wanted.waiting.append(process)  # type: ignore[union-attr]


class Pool:
    """Some places and a queue before them, first come first served: connections, threads, a mutex."""

    def __init__(self, simulation: Simulation, size: int) -> None:
        self.size = size
        self.used = 0
        self.queued = 0  # how many ever had to wait
        self._simulation = simulation
        self._queue: deque[Signal] = deque()

    @property
    def waiting(self) -> int:
        """How many stand in the queue."""
        return sum(not signal.happened for signal in self._queue)

    def acquire(self, timeout_ns: int | None = None) -> Process:
        """Wait for a place; returns False when none came free in time."""
        if self.used < self.size:
            self.used += 1
            return True
        self.queued += 1
        place = Signal()
        self._queue.append(place)
        if timeout_ns is not None:
            self._simulation.fire_later(timeout_ns, place, False)
        got = yield place
        return got

    def release(self) -> None:
        """Give a place back, to the first in the queue who still waits."""
        while self._queue and self.used <= self.size:
            if self._simulation.fire(self._queue.popleft(), True):
                return
        self.used -= 1

    def resize(self, size: int) -> None:
        """Change the number of places; whoever holds one keeps it."""
        self.size = size
        while self._queue and self.used < self.size:
            if self._simulation.fire(self._queue.popleft(), True):
                self.used += 1
