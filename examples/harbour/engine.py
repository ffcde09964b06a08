"""A discrete-event engine: processes are generators, time is in seconds.

A process yields what it waits for: a number of seconds, a place in `Slots`, `Together` (several processes at once) or
`Within` (a process, for so long at most). What it calls with `yield from` needs nothing of the engine.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

Process = Generator[Any, Any, Any]


class Slots:
    """So many places, first come first served: threads of a pod, connections of a pool, messages of a queue."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self.waiting: deque[Callable[[], bool]] = deque()
        self.given_up = 0

    def release(self) -> None:
        """Give a place back; the next in line has it at once."""
        self.used -= 1
        self.serve()

    def widen(self, by: int = 1) -> None:
        """Add places, or take some away for good (a negative number)."""
        self.capacity += by
        self.serve()

    def serve(self) -> None:
        """Let in as many as there are places."""
        while self.waiting and self.used < self.capacity:
            if self.waiting.popleft()():
                self.used += 1


@dataclass(frozen=True)
class Take:
    """Wait for a place, `within_s` at most; resumes with whether there was one."""

    slots: Slots
    within_s: float | None = None


@dataclass(frozen=True)
class Together:
    """Run processes at once; resumes with their outcomes, an exception where one failed."""

    bodies: Sequence[Process]


@dataclass(frozen=True)
class Within:
    """Run a process; resumes with (whether it ended in time, its outcome). It goes on alone when it did not."""

    body: Process
    seconds: float


class Engine:
    """The clock and what is to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Have something done at a time."""
        heapq.heappush(self._events, (max(time_s, self.now), next(self._order), action))

    def spawn(self, body: Process, then: Callable[[Any], None] | None = None) -> None:
        """Start a process; `then` gets its outcome."""
        self._step(body, None, then)

    def run(self, until_s: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= until_s:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = until_s

    def _step(self, body: Process, value: Any, then: Callable[[Any], None] | None) -> None:
        try:
            wanted = body.send(value)
        except StopIteration as end:
            if then:
                then(end.value)
            return
        except Failure as failure:
            if then:
                then(failure)
            return
        if isinstance(wanted, Take):
            self._take(wanted, lambda got: self._step(body, got, then))
        elif isinstance(wanted, Together):
            self._together(wanted, lambda outcomes: self._step(body, outcomes, then))
        elif isinstance(wanted, Within):
            self._within(wanted, lambda outcome: self._step(body, outcome, then))
        else:
            self.at(self.now + wanted, lambda: self._step(body, None, then))

    def _take(self, wanted: Take, resume: Callable[[bool], None]) -> None:
        slots, settled = wanted.slots, [False]
        if slots.used < slots.capacity and not slots.waiting:
            slots.used += 1
            self.at(self.now, lambda: resume(True))
            return

        def grant() -> bool:
            if settled[0]:
                return False
            settled[0] = True
            self.at(self.now, lambda: resume(True))
            return True

        def give_up() -> None:
            if not settled[0]:
                settled[0] = True
                slots.given_up += 1
                resume(False)

        slots.waiting.append(grant)
        if wanted.within_s is not None:
            self.at(self.now + wanted.within_s, give_up)

    def _together(self, wanted: Together, resume: Callable[[list[Any]], None]) -> None:
        outcomes: list[Any] = [None] * len(wanted.bodies)
        left = [len(outcomes)]

        def done(index: int, outcome: Any) -> None:
            outcomes[index] = outcome
            left[0] -= 1
            if not left[0]:
                self.at(self.now, lambda: resume(outcomes))

        for index, body in enumerate(wanted.bodies):
            self.spawn(body, lambda outcome, index=index: done(index, outcome))  # type: ignore[misc]

    def _within(self, wanted: Within, resume: Callable[[tuple[bool, Any]], None]) -> None:
        settled = [False]

        def settle(in_time: bool, outcome: Any) -> None:
            if not settled[0]:
                settled[0] = True
                self.at(self.now, lambda: resume((in_time, outcome)))

        self.spawn(wanted.body, lambda outcome: settle(True, outcome))
        self.at(self.now + wanted.seconds, lambda: settle(False, None))


class Failure(Exception):  # noqa: N818  # the field's word: an error is what a span records of it
    """What goes wrong in the model: an error type, what it says, the status a server answers with."""

    def __init__(self, kind: str, message: str, status: int = 500, *, temporary: bool = True) -> None:
        super().__init__(message)
        self.kind, self.message, self.status, self.temporary = kind, message, status, temporary
