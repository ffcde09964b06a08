"""The parts of the system: hosts with clocks, instances with threads and connections, and the world that holds them."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .backends import Broker, Cache, Database, LockStore
from .kernel import MS, SECOND, Pool, Process, Simulation
from .otlp import FLAGS_LOCAL, FLAGS_REMOTE, Exporter, Files, attributes
from .styles import Site, Style
from .words import ERRORS, Words

Step = Callable[["Frame"], Process]
Plan = dict[str, Step]


class Failure(Exception):  # noqa: N818 - what fails here is the simulated system
    """A call that failed, as its caller sees it. `kind` is a key of `words.ERRORS`."""

    def __init__(self, kind: str, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


@dataclass
class Host:
    """A machine. Its clock shows the true time plus `offset_ns`, which grows by `drift_ppb` a second."""

    name: str
    offset_ns: int
    drift_ppb: int
    network_ns: int = 0
    lost: float = 0.0


class Instance:
    """One process of a service, on a host."""

    def __init__(self, service: Service, host: Host, number: int, threads: int) -> None:
        self.service = service
        self.host = host
        self.name = f"{service.name}-{service.replica_set}-{number:x}"
        self.version = service.version
        self.threads = Pool(service.world.simulation, threads)
        self.connections: dict[str, Pool] = {}
        self.paused_until = 0
        self.consumes = True
        self.slowness = 1.0
        self.cores = 4
        self.running = 0
        self.busy_ns = 0
        self.heap_mb = 180.0
        self.garbage_mb = 0.0
        self.collections = 0
        self.counts: dict[tuple[str, int], list[float]] = {}
        self.exporter = Exporter(service.world.files, self.resource(), service.scope)

    def resource(self) -> str:
        """The resource as the style writes it."""
        service = self.service
        return service.world.style.resource(
            {
                "service": service.name,
                "version": self.version,
                "namespace": service.world.words.business,
                "instance": self.name,
                "pod": self.name,
                "host": self.host.name,
                "host_id": f"i-{abs(hash_text(self.host.name)):016x}",
                "language": service.language,
            }
        ) + (f",{attributes({'vcs.ref.head.revision': service.revision})}" if service.revision else "")

    def log(self, severity: str, text: str, frame: Frame | None = None, extra: str = "") -> None:
        """Write a log record, with the trace that it belongs to."""
        at = self.service.world.simulation.now + self.host.offset_ns
        number = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}[severity]
        trace = f'"traceId":"{frame.trace}","spanId":"{frame.span}","flags":1,' if frame else ""
        self.exporter.log(
            f'{{"timeUnixNano":"{at}","observedTimeUnixNano":"{at + 90000}","severityNumber":{number},'
            f'"severityText":"{severity}","body":{{"stringValue":{json.dumps(text)}}},{trace}"attributes":[{extra}]}}'
        )


def hash_text(text: str) -> int:
    """A number for a text that is the same in every run."""
    return random.Random(text).getrandbits(63)


class Service:
    """One of the ten."""

    def __init__(self, world: World, role: str) -> None:
        self.world = world
        self.role = role
        self.name = world.words.services[role]
        self.language = world.words.languages[role]
        chance = world.chance
        self.version = f"{chance.randint(1, 6)}.{chance.randint(0, 40)}.{chance.randint(0, 9)}"
        self.replica_set = f"{chance.getrandbits(36):09x}"
        self.scope = f'"name":"io.opentelemetry.{self.language}","version":"2.9.0"'
        self.instances: list[Instance] = []
        self.revision: str | None = None  # the commit that runs, where the build tells
        self.turn = 0

    def choose(self) -> Instance:
        """The instance that gets the next request."""
        self.turn += 1
        return self.instances[self.turn % len(self.instances)]

    def error(self, kind: str) -> str:
        """What this service's language calls a misfortune."""
        return ERRORS[self.language][kind]


class Frame:
    """Where a request is: instance, trace, the span that is open, and what the request is about."""

    __slots__ = ("instance", "link", "priority", "request", "service", "span", "trace", "transaction", "world")

    def __init__(self, instance: Instance, trace: str, span: str, request: dict[str, Any]) -> None:
        self.instance = instance
        self.service = instance.service
        self.world = instance.service.world
        self.trace = trace
        self.span = span
        self.request = request
        self.transaction: Any = None

    def open(self, remote: bool = False) -> Span:
        """Start a span beneath the one that is open."""
        return Span(self, remote)

    def log(self, severity: str, text: str, extra: str = "") -> None:
        """Log within the request."""
        self.instance.log(severity, text, self, extra)

    def fork(self) -> Frame:
        """For what runs at the same time under the same span."""
        other = Frame(self.instance, self.trace, self.span, self.request)
        other.transaction = self.transaction
        return other


class Span:
    """An open span; its frame's present span until it ends."""

    __slots__ = ("before", "events", "frame", "id", "links", "remote", "start")

    def __init__(self, frame: Frame, remote: bool) -> None:
        self.frame = frame
        self.before = frame.span
        self.remote = remote
        world = frame.world
        self.id = frame.span = f"{world.ids.getrandbits(64):016x}"
        self.start = world.simulation.now + frame.instance.host.offset_ns
        self.events: list[str] = []
        self.links = ""

    def event(self, name: str, fragment: str = "") -> None:
        """Note that something happened."""
        at = self.frame.world.simulation.now + self.frame.instance.host.offset_ns
        self.events.append(f'{{"timeUnixNano":"{at}","name":"{name}","attributes":[{fragment}]}}')

    def fail(self, error: Failure) -> None:
        """Note an exception."""
        service = self.frame.service
        kind = service.error(error.kind)
        told = {
            "exception.type": kind,
            "exception.message": error.message,
            "exception.stacktrace": f"{kind}: {error.message}\n\tat {service.name}.{error.kind}(handler:42)",
        }
        self.event("exception", attributes(told))

    def end(self, site: Site, extra: str = "", error: str | None = None) -> None:
        """End and export. `error` is the message of an error status; None leaves the status unset."""
        frame = self.frame
        frame.span = self.before
        instance = frame.instance
        end = frame.world.simulation.now + instance.host.offset_ns
        fragment = f"{site.fragment},{extra}" if extra and site.fragment else site.fragment or extra
        parent = f'"parentSpanId":"{self.before}",' if self.before else ""
        kind = f'"kind":{site.kind},' if site.kind else ""
        status = "{}" if error is None else f'{{"message":{json.dumps(error)},"code":2}}' if error else '{"code":2}'
        events = f'"events":[{",".join(self.events)}],' if self.events else ""
        instance.exporter.span(
            f'{{"traceId":"{frame.trace}","spanId":"{self.id}",{parent}'
            f'"flags":{FLAGS_REMOTE if self.remote else FLAGS_LOCAL},"name":"{site.name}",{kind}'
            f'"startTimeUnixNano":"{self.start}","endTimeUnixNano":"{end}",'
            f'"attributes":[{fragment}],{events}{self.links}"status":{status}}}'
        )


@dataclass
class Topic:
    """A queue of the broker and who reads it."""

    name: str
    consumers: int
    prefetch: int


@dataclass
class World:
    """Everything that a plan or a fault may touch."""

    simulation: Simulation
    chance: random.Random
    ids: random.Random
    words: Words
    style: Style
    files: Files
    rate: float
    start_ns: int
    hosts: list[Host] = field(default_factory=list)
    services: dict[str, Service] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    caches: dict[str, Cache] = field(default_factory=dict)
    broker: Broker = field(init=False)
    locks: LockStore = field(init=False)
    plans: dict[str, Plan] = field(default_factory=dict)
    routes: dict[str, tuple[str, str]] = field(default_factory=dict)
    mix: dict[str, float] = field(default_factory=dict)
    load: float = 1.0
    rpc_roles: tuple[str, ...] = ("users", "stock")
    served: list[tuple[str, int, int, int]] | None = None  # plan, true time, status, nanoseconds: kept when asked for
    accounts: int = 5
    links_ns: dict[tuple[str, str], int] = field(default_factory=dict)
    partner_ms: float = 180.0
    partner_failing: float = 0.0
    partner_mode: str = "503"
    calls: dict[tuple[str, str], Any] = field(default_factory=dict)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    truth: list[dict[str, Any]] = field(default_factory=list)
    consumers: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)  # (role, kind) of requests that failed
    tags: tuple[str, ...] = ()  # what the spans of served requests say of whose they are
    message_key: str = ""  # what of a request keeps its messages in order, where anything does
    tag: Callable[[dict[str, Any], str], None] = lambda request, plan: None
    ended: bool = False

    def trace_id(self) -> str:
        """A new trace's id."""
        return f"{self.ids.getrandbits(128):032x}"

    def duration(self, median_ms: float, spread: float = 0.35) -> int:
        """A log-normal time in nanoseconds."""
        return int(self.chance.lognormvariate(0, spread) * median_ms * MS)

    def network(self, one: Host | None, other: Host | None, link: tuple[str, str]) -> int:
        """The time of one message between two hosts."""
        extra = self.links_ns.get(link, 0) if self.links_ns else 0
        slow = (one.network_ns if one else 0) + (other.network_ns if other else 0) + extra
        jitter = self.chance.expovariate(1) * (0.15 * MS + 0.3 * slow)
        return int(0.2 * MS + slow + jitter)

    def replace(self, plan: str, step: str, by: Step) -> None:
        """Change one step of a plan."""
        if step not in self.plans[plan]:
            raise KeyError(f"{plan} has no step {step!r}")
        self.plans[plan] = {**self.plans[plan], step: by}

    def insert(self, plan: str, name: str, step: Step, before: str | None = None) -> None:
        """Add a step to a plan, at its beginning or before another."""
        steps = self.plans[plan]
        first = before or next(iter(steps))
        changed: Plan = {}
        for key, value in steps.items():
            if key == first:
                changed[name] = step
            changed[key] = value
        self.plans[plan] = changed

    def deploy(self, role: str, commit: str = "", note: str = "") -> str:
        """Roll out a new version of a service, instance by instance; returns the id of the deploy."""
        service = self.services[role]
        major, minor, patch = service.version.split(".")
        service.version = f"{major}.{int(minor) + 1}.0" if note else f"{major}.{minor}.{int(patch) + 1}"
        sha = commit or f"{self.chance.getrandbits(160):040x}"
        now = self.simulation.now
        self.deploys.append({"at_ns": now, "service": service.name, "commit_sha": sha, "version": service.version})
        for place, instance in enumerate(service.instances):
            instance.version = service.version
            instance.exporter.set_resource(instance.resource())
            instance.log(
                "INFO",
                f"Started {service.name} {service.version} in {3 + place}.{self.chance.randint(100, 999)} seconds",
            )
        return sha

    def seconds(self) -> float:
        """Seconds since the start."""
        return (self.simulation.now - self.start_ns) / SECOND
