"""Where a fault may be planted: what is busy enough to be seen, who calls whom; and what a planted fault is."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .fleet import (
    Cached,
    Call,
    Fan,
    Guarded,
    Maybe,
    Operation,
    Outside,
    Partner,
    Pod,
    Query,
    Repeat,
    Send,
    Service,
    Step,
    Store,
    Topic,
)
from .world import World


@dataclass(frozen=True)
class Change:
    """What somebody changed: a deploy with a commit, or a flag. `after_s` is how long before the onset."""

    kind: str
    service: str
    repo: str
    message: str
    files: tuple[str, ...]
    diff: str
    before_s: float = 40.0


@dataclass(frozen=True)
class Fault:
    """A planted fault: the answers that are right (the first is the exact one), and what makes it happen."""

    mechanisms: tuple[str, ...]
    services: tuple[str, ...]
    apply: Callable[[], None]
    change: Change | None = None
    # Faults that are seen in metrics and logs alone need no effect on the requests to count.
    quiet: bool = False
    where: str = ""


def flat(steps: list[Step]) -> Iterator[Step]:
    """Every step, the nested ones too."""
    for step in steps:
        yield step
        if isinstance(step, Fan | Guarded):
            yield from flat(step.steps)
        elif isinstance(step, Maybe | Repeat):
            yield from flat([step.step])


@dataclass
class Scene:
    """The world before the fault, and dice of its own, so that the same seed is the same day with any fault."""

    world: World
    dice: random.Random
    rate: float
    onset_s: float
    rates: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        total = sum(weight for _, _, weight in self.world.entries)
        for service, index, weight in self.world.entries:
            self._count(service, service.operations[index], self.rate * weight / total)
        for topic in self.world.topics:
            sent = sum(
                self.rates[s.name, o.route]
                for s in self.world.services
                for o in s.operations
                for step in flat(o.steps)
                if isinstance(step, Send) and step.topic is topic
            )
            if topic.consumer and topic.handler:
                self._count(topic.consumer, topic.handler, sent)

    def _count(self, service: Service, operation: Operation, rate: float) -> None:
        self.rates[service.name, operation.route] += rate
        for step in flat(operation.steps):
            if isinstance(step, Call):
                self._count(step.service, step.operation, rate)

    def busy(self, service: Service) -> float:
        """Requests a second of a service."""
        return sum(self.rates[service.name, o.route] for o in service.operations)

    def inner(self) -> list[Service]:
        """Services behind the entries and with enough to do, no queue's consumers."""
        entries = {service.name for service, _, _ in self.world.entries}
        consumers = {topic.consumer.name for topic in self.world.topics if topic.consumer}
        found = [s for s in self.world.services if s.name not in entries | consumers and self.busy(s) > 0.25]
        return sorted(found, key=lambda s: s.name) or self.world.services[-1:]

    def service(self, fits: Callable[[Service], bool] = lambda _: True) -> Service:
        """Some busy service."""
        return self.dice.choice([s for s in self.inner() if fits(s)] or self.inner())

    def operation(self, service: Service) -> Operation:
        """The service's busiest operation."""
        return max(service.operations, key=lambda o: self.rates[service.name, o.route])

    def with_step(self, kind: type, fits: Callable[[Step], bool] = lambda _: True) -> tuple[Service, Operation, Step]:
        """A busy operation that has a step of a kind; raises LookupError where there is none."""
        found = [
            (self.rates[s.name, o.route], s, o, step)
            for s in self.world.services
            for o in s.operations
            for step in flat(o.steps)
            if isinstance(step, kind) and fits(step) and self.rates[s.name, o.route] > 0.2
        ]
        if not found:
            raise LookupError(kind.__name__)
        found.sort(key=lambda f: -f[0])
        _, service, operation, step = self.dice.choice(found[:5])
        return service, operation, step

    def sql(self) -> tuple[Service, Operation, Query]:
        """A busy operation with a query."""
        service, operation, step = self.with_step(Query)
        assert isinstance(step, Query)
        return service, operation, step

    def edge(self) -> tuple[Service, Operation, Call]:
        """A busy call from one service behind the entries to another (or from an entry where there is none)."""
        inner = {s.name for s in self.inner()}
        try:
            service, operation, step = self.with_step(Call, lambda c: isinstance(c, Call) and c.service.name in inner)
        except LookupError:
            service, operation, step = self.with_step(Call)
        assert isinstance(step, Call)
        return service, operation, step

    def partner(self) -> tuple[Service, Partner]:
        """A busy call to a third party."""
        service, _, step = self.with_step(Outside)
        assert isinstance(step, Outside)
        return service, step.partner

    def cache(self) -> tuple[Service, Operation, Cached]:
        """A busy read of a cache."""
        service, operation, step = self.with_step(Cached)
        assert isinstance(step, Cached)
        return service, operation, step

    def topic(self) -> Topic:
        """A topic with enough messages."""

        def sent(topic: Topic) -> float:
            return self.busy(topic.consumer) if topic.consumer else 0.0

        best = max(self.world.topics, key=sent)
        if sent(best) < 0.1:
            raise LookupError("topic")
        return best

    def readers(self, store: Store) -> tuple[str, ...]:
        """The services that use a store."""
        return tuple(
            s.name
            for s in self.world.services
            if any(
                (isinstance(step, Query) and step.store is store)
                or (isinstance(step, Cached) and (step.cache is store or step.behind.store is store))
                for o in s.operations
                for step in flat(o.steps)
            )
        )

    def ramp(self, seconds: float, act: Callable[[float], None], steps: int = 12) -> None:
        """Do something by degrees, from 0 to 1."""
        now = self.world.now
        for index in range(1, steps + 1):
            self.world.engine.at(now + seconds * index / steps, lambda i=index: act(i / steps))  # type: ignore[misc]

    def every(self, seconds: Callable[[], float], act: Callable[[], None]) -> None:
        """Do something again and again."""

        def again() -> None:
            act()
            self.world.engine.at(self.world.now + seconds(), again)

        self.world.engine.at(self.world.now + seconds(), again)

    def pods_of(self, service: Service) -> list[Pod]:
        """The pods as they are now."""
        return list(service.pods)
