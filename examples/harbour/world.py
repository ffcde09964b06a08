"""The system at work: its clock, its dice, and the spans and log records that come of it."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .engine import Engine, Failure
from .fleet import Node, Partner, Pod, Service, Store, Topic

Attributes = dict[str, Any]
# Round trips between zones take this much longer, each way.
ACROSS_ZONES_S = 0.0007
WITHIN_ZONE_S = 0.00025


@dataclass(frozen=True)
class Context:
    """What travels with a request: its trace and what it is about."""

    trace: str
    parent: str | None
    sampled: bool
    tenant: str
    user: int
    item: int
    items: int
    size_kb: float

    def under(self, span: Span) -> Context:
        """The context that a span hands on."""
        return Context(self.trace, span.id, self.sampled, self.tenant, self.user, self.item, self.items, self.size_kb)


@dataclass
class Span:
    """One span, in the model's own time."""

    trace: str
    id: str
    parent: str | None
    pod: Pod
    version: str
    kind: str
    name: str
    start: float
    attributes: Attributes
    end: float = 0.0
    failure: Failure | None = None
    is_error: bool = False
    links: tuple[tuple[str, str], ...] = ()


@dataclass
class Line:
    """One log record. `pod` is None for what the platform or a data store says."""

    time: float
    source: str
    pod: Pod | None
    level: str
    body: str
    context: tuple[str, str] | None
    attributes: Attributes


@dataclass
class Impairment:
    """Trouble on the way: for the pairs that `on` names, so much delay, so much loss."""

    on: Callable[[Pod, Pod | Store | Partner], bool]
    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0


@dataclass
class Histogram:
    """Durations of a route of a pod, as a client library counts them."""

    counts: list[int]
    total_s: float = 0.0
    n: int = 0


BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


@dataclass
class World:
    """Everything there is."""

    seed: int
    services: list[Service] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    topics: list[Topic] = field(default_factory=list)
    partners: list[Partner] = field(default_factory=list)
    entries: list[tuple[Service, int, float]] = field(default_factory=list)
    impairments: list[Impairment] = field(default_factory=list)
    # Names that do not resolve: (service, host) -> raises or waits.
    resolver: Callable[[Pod, str], float | Failure] | None = None
    certificates: Callable[[Pod, str], Failure | None] | None = None
    spans: list[Span] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    durations: dict[str, dict[tuple[str, str, int], Histogram]] = field(default_factory=lambda: defaultdict(dict))
    active: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    surge: float = 1.0
    surge_entry: tuple[Service, int] | None = None
    tenants: list[str] = field(default_factory=list)
    batch_every_s: float = 600.0

    def __post_init__(self) -> None:
        self.engine = Engine()
        self.dice = random.Random(f"harbour {self.seed}")

    @property
    def now(self) -> float:
        """Seconds since the traces begin."""
        return self.engine.now

    def spread(self, median: float, sigma: float = 0.35) -> float:
        """A duration around a median, with the long tail that durations have."""
        value = median * math.exp(self.dice.gauss(0, sigma))
        return value * self.dice.uniform(3, 9) if self.dice.random() < 0.006 else value

    def hex(self, digits: int) -> str:
        """A random id."""
        return f"{self.dice.getrandbits(digits * 4):0{digits}x}"

    def pick(self, service: Service) -> Pod | None:
        """The pod that the load balancer chooses."""
        ready = [pod for pod in service.pods if pod.ready]
        return self.dice.choice(ready) if ready else None

    def begin(self, context: Context, pod: Pod, kind: str, name: str, attributes: Attributes) -> Span:
        """Start a span; it is written when it finishes."""
        return Span(context.trace, self.hex(16), context.parent, pod, pod.version, kind, name, self.now, attributes)

    def finish(self, span: Span, context: Context, failure: Failure | None = None, *, is_error: bool = True) -> None:
        """End a span."""
        span.end, span.failure = self.now, failure
        span.is_error = failure is not None and is_error
        if context.sampled:
            self.spans.append(span)

    def observe(self, pod: Pod, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request in the service's histogram, sampled or not."""
        routes, key = self.durations[pod.name], (method, route, status)
        histogram = routes.get(key)
        if histogram is None:
            histogram = routes[key] = Histogram([0] * (len(BOUNDS_S) + 1))
        histogram.counts[bisect_left(BOUNDS_S, seconds)] += 1
        histogram.total_s += seconds
        histogram.n += 1

    def say(
        self, pod: Pod, level: str, body: str, context: Context | None = None, span: str | None = None, **more: Any
    ) -> None:
        """Log something. Records of requests that were not sampled are kept too, as real ones are."""
        ids = (context.trace, span or context.parent or "") if context else None
        self.lines.append(Line(self.now + pod.skew_s, pod.service.name, pod, level, body, ids, more))

    def announce(self, source: str, level: str, body: str, **more: Any) -> None:
        """Log something that a data store or the platform says."""
        self.lines.append(Line(self.now, source, None, level, body, None, more))

    def travel(self, pod: Pod, target: Pod | Store | Partner) -> tuple[float, Failure | None]:
        """How long a message is on its way, and whether it gets lost for good."""
        node = getattr(target, "node", None)
        base = 0.004 if node is None else WITHIN_ZONE_S if node.zone == pod.node.zone else ACROSS_ZONES_S
        seconds = self.spread(base, 0.25)
        for impairment in self.impairments:
            if not impairment.on(pod, target):
                continue
            seconds += max(0.0, impairment.delay_s + self.dice.gauss(0, impairment.jitter_s))
            wait = 0.2
            while impairment.loss and self.dice.random() < impairment.loss:
                seconds += wait
                wait *= 2
                pod.drops += 1
                if wait > 6:
                    return seconds, Failure("ConnectionReset", "connection reset by peer", 503)
        return seconds, None
