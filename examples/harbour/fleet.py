"""What the system consists of: nodes, pods, services and their operations, data stores, topics, third parties."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .engine import Failure, Slots

if TYPE_CHECKING:
    from .world import Context


@dataclass
class Node:
    """A machine. `steal` is how many times longer work takes because of others on it."""

    name: str
    zone: str
    cpu: float
    steal: float = 1.0
    disk_used: float = 0.5
    disk_busy: float = 0.08
    up: bool = True


@dataclass
class Pod:
    """One copy of a service. `slow`: how many times longer its work takes; `hog`: cores it uses otherwise."""

    name: str
    service: Service
    node: Node
    threads: Slots
    version: str
    slow: float = 1.0
    hog: float = 0.0
    memory_mb: float = 300.0
    limit_mb: float = 1024.0
    up: bool = True
    ready: bool = True
    skew_s: float = 0.0
    restarts: int = 0
    paused_until: float = 0.0
    busy_s: float = 0.0
    gc_s: float = 0.0
    throttled: float = 0.0
    drops: float = 0.0
    disk_used: float = 0.3
    pools: dict[str, Slots] = field(default_factory=dict)
    # Memory as a function of time, where it is not just noise around `memory_mb`.
    memory_at: Callable[[float], float] | None = None
    memory_was: Callable[[float], float] | None = None


@dataclass
class Operation:
    """A thing a service does: its route, and the steps it takes. `trouble` may raise; `errors`: its everyday share."""

    method: str
    route: str
    steps: list[Step]
    says: str
    says_after: str
    errors: float = 0.004
    trouble: Callable[[Context, Pod], Failure | None] | None = None
    silent: Callable[[Context, Pod], bool] | None = None


@dataclass
class Service:
    """A program: its language and instrumentation, its operations, its pods."""

    name: str
    style: str
    protocol: str
    timeout_s: float
    retries: int
    operations: list[Operation] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    kinds: bool = True
    k8s: bool = True
    team: str = ""
    repo: str = ""
    timeouts: dict[str, float] = field(default_factory=dict)

    def patience_s(self, host: str) -> float:
        """How long it waits for an answer of a host."""
        return self.timeouts.get(host, self.timeout_s)


@dataclass
class Store:
    """A database or a cache. `slow` is a factor, `fails` raises, `locks` rows or keys of one holder."""

    name: str
    system: str
    host: str
    node: Node
    slow: float = 1.0
    slow_table: dict[str, float] = field(default_factory=dict)
    fails: Callable[[str, str], Failure | None] | None = None
    capacity: Slots = field(default_factory=lambda: Slots(64))
    locks: dict[str, Slots] = field(default_factory=dict)
    hits: int = 0
    misses: int = 0
    hit_factor: float = 1.0
    deadlocks: int = 0
    queries: int = 0
    cpu: float = 0.2


@dataclass
class Topic:
    """A queue. `backlog` holds (context, time sent); `unacked` those taken and never confirmed."""

    name: str
    system: str
    group: str
    consumer: Service | None = None
    handler: Operation | None = None
    backlog: deque[tuple[Context, float]] = field(default_factory=deque)
    available: Slots = field(default_factory=lambda: Slots(0))
    unacked: int = 0
    offset: int = 0
    acks: Callable[[], bool] = lambda: True
    twice: Callable[[], bool] = lambda: False
    workers: Slots = field(default_factory=lambda: Slots(3))


@dataclass
class Partner:
    """A company's interface on the internet: only its callers are seen."""

    host: str
    path: str
    ms: float
    slow: float = 1.0
    fails: Callable[[], Failure | None] | None = None


# --------------------------------------------------------------------------------------- what an operation does
@dataclass
class Work:
    """Computing, for a median of `ms`; `idle`: waiting for what leaves no span, with no use of a processor."""

    ms: float
    idle: bool = False


@dataclass
class Query:
    """A statement against a data store."""

    store: Store
    verb: str
    table: str
    column: str
    ms: float


@dataclass
class Cached:
    """A read of a cache; on a miss, the query behind it and a write back."""

    cache: Store
    family: str
    hits: float
    behind: Query
    keys: int = 400


@dataclass
class Call:
    """A request to another service."""

    service: Service
    operation: Operation


@dataclass
class Fan:
    """Several steps at once."""

    steps: list[Step]


@dataclass
class Outside:
    """A request to a third party."""

    partner: Partner


@dataclass
class Send:
    """A message to a topic."""

    topic: Topic


@dataclass
class Guarded:
    """Steps under a lock: a row of a database, or a key of a cache with a lease."""

    store: Store
    key: Callable[[Context], str]
    steps: list[Step]
    lease_ms: int = 0


@dataclass
class Holding:
    """A connection that is kept while something else goes on."""

    store: Store
    seconds: Callable[[], float]


@dataclass
class Repeat:
    """A step once for each of several things."""

    step: Step
    times: Callable[[Context], int]


@dataclass
class Maybe:
    """A step that only some requests take."""

    step: Step
    when: Callable[[Context, Pod], bool]


Step = Work | Query | Cached | Call | Fan | Outside | Send | Guarded | Holding | Repeat | Maybe
