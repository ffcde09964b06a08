"""Who calls whom."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServiceGraph:
    """Directed service graph: `calls[(caller, callee)]` is how often the call was seen (0: only spoken of)."""

    services: tuple[str, ...] = ()
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def callees(self, service: str) -> tuple[str, ...]:
        """Services that `service` calls directly, sorted."""
        return tuple(sorted({b for a, b in self.calls if a == service and b != service}))

    def callers(self, service: str) -> tuple[str, ...]:
        """Services that call `service` directly, sorted."""
        return tuple(sorted({a for a, b in self.calls if b == service and a != service}))

    def upstream(self, service: str) -> tuple[str, ...]:
        """All services whose requests reach `service`, nearest first: those that it can hurt."""
        return self._walk(service, self.callers)

    def downstream(self, service: str) -> tuple[str, ...]:
        """All services that `service` reaches, nearest first: those that can hurt it."""
        return self._walk(service, self.callees)

    def path(self, start: str, goal: str) -> tuple[str, ...]:
        """A shortest call path from `start` to `goal`, both included; empty when there is none."""
        came_from: dict[str, str] = {start: ""}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            if here == goal:
                steps = [here]
                while came_from[steps[-1]]:
                    steps.append(came_from[steps[-1]])
                return tuple(reversed(steps))
            for callee in self.callees(here):
                if callee not in came_from:
                    came_from[callee] = here
                    queue.append(callee)
        return ()

    def _walk(self, service: str, neighbours: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
        seen: list[str] = []
        queue: deque[str] = deque([service])
        known = {service}
        while queue:
            for name in neighbours(queue.popleft()):
                if name not in known:
                    known.add(name)
                    seen.append(name)
                    queue.append(name)
        return tuple(seen)
