"""One run: a calm part, then a fault or none, until the evidence has the size that was asked for."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import faults, plans
from .kernel import MS, SECOND, Process, Signal, Simulation
from .messaging import consume
from .otlp import Files
from .steps import awake, serve
from .styles import STYLES
from .system import Frame, Instance, World
from .telemetry import MEMORY_LIMIT_MB, report
from .words import BUSINESSES

# The share of the evidence that is calm: enough to learn what is normal, and half the size of the rest at least.
CALM_SHARE = 0.5
# A run ends here even when the fault lets nothing through any more, so that it ends at all.
MAX_SECONDS = 6 * 3600
EXPORT_EVERY_S = 4
MAX_ATTEMPTS = 12


@dataclass(frozen=True)
class Order:
    """What to simulate."""

    mechanism: str
    variant: str
    style: str
    seed: int
    size_bytes: int


def simulate(order: Order, folder: Path) -> dict[str, Any]:
    """Write `evidence/` and `answer.json` into a folder; returns the answer.

    In a small run a fault that needs a coincidence may never show. Such a run is thrown away and the next one tried, so
    that what is planted is also there.
    """
    for attempt in range(MAX_ATTEMPTS):
        run = _simulate_once(order, attempt, folder / "evidence")
        if run.told.pop("shown", True):
            break
    answer = run.answer()
    _write_changes(run.world, folder / "evidence")
    _write_incident(run, folder / "evidence")
    (folder / "answer.json").write_text(json.dumps(answer, indent=1) + "\n")
    return answer


def _simulate_once(order: Order, attempt: int, evidence: Path) -> Run:
    chance = random.Random(f"{order.seed}/{order.mechanism}/{order.variant}/{attempt}")
    start = datetime(
        2026, chance.randint(1, 9), chance.randint(1, 28), chance.randint(7, 20), chance.randint(0, 59), tzinfo=UTC
    )
    simulation = Simulation(int(start.timestamp()) * SECOND)
    files = Files(evidence)
    rate = 1.6 * max(1.0, math.sqrt(order.size_bytes / 3e6))
    world = World(
        simulation,
        chance,
        random.Random(chance.getrandbits(64)),
        BUSINESSES[chance.randrange(3)],
        STYLES[order.style](),
        files,
        rate,
        simulation.now,
        size_bytes=order.size_bytes,
        accounts=max(5, round(2 * rate)),
    )
    locking = plans.build(world)
    script = faults.SCRIPTS[order.mechanism][order.variant](world, locking)
    next(script)
    run = Run(world, order, script)
    run.start()
    simulation.run()
    for service in world.services.values():
        for instance in service.instances:
            instance.exporter.flush()
    files.close()
    run.finish()
    return run


class Run:
    """What happens around the requests: load, collections, exports, and the moment at which the fault begins."""

    def __init__(self, world: World, order: Order, script: Generator[None, None, dict[str, Any]]) -> None:
        self.world = world
        self.order = order
        self.script = script
        self.onset_ns: int | None = None
        self.told: dict[str, Any] = {}
        self.phase = world.chance.uniform(0, 2 * math.pi)

    def start(self) -> None:
        """Start all processes."""
        spawn = self.world.simulation.spawn
        spawn(self.arrivals())
        spawn(self.direct())
        spawn(report(self.world, 10 if self.order.size_bytes < 50e6 else 15))
        spawn(self.reports())
        topic, entries = self.world.broker.queues
        for role, queue, plan in (("notify", topic, "notify.deliver"), ("ledger", entries, "ledger.post")):
            for instance in self.world.services[role].instances:
                for _ in range(self.world.consumers[role]):
                    spawn(consume(instance, queue, plan))
        for service in self.world.services.values():
            for instance in service.instances:
                spawn(self.house_keeping(instance), self.world.chance.randrange(EXPORT_EVERY_S * SECOND))

    def arrivals(self) -> Process:
        """Poisson arrivals whose rate follows the hour of the day."""
        world = self.world
        while True:
            day = 1 + 0.25 * math.sin(self.phase + 2 * math.pi * world.simulation.now / (86400 * SECOND))
            yield int(world.chance.expovariate(world.rate * day * world.load) * SECOND)
            names, weights = list(world.mix), list(world.mix.values())
            plan = "edge." + world.chance.choices(names, weights)[0]
            self.enter(plan)

    def enter(self, plan: str) -> None:
        """Let one request come in at the edge; the user's side has no spans."""
        world = self.world
        instance = world.services["edge"].choose()
        request = plans.new_request(world)
        world.tag(request, plan)
        outside = Frame(instance, world.trace_id(), "", request)
        span = outside.open()
        span.id = ""
        world.simulation.spawn(serve(instance, plan, outside, span, Signal()))

    def house_keeping(self, instance: Instance) -> Process:
        """Exports, garbage collection, drift of the clock, and the chatter of logs."""
        world, ticks = self.world, 0
        while True:
            yield SECOND // 4
            ticks += 1
            room = max(3.0, (MEMORY_LIMIT_MB - instance.heap_mb) * 0.16)
            if instance.garbage_mb > room:
                self.collect(instance)
            if ticks % (4 * EXPORT_EVERY_S) == 0:
                instance.host.offset_ns += (
                    instance.host.drift_ppb * EXPORT_EVERY_S // max(1, len(world.services) * 2 // len(world.hosts))
                )
                if world.chance.random() < 0.08:
                    instance.log(*world.chance.choice(CHATTER))
                instance.exporter.flush()

    def collect(self, instance: Instance) -> None:
        """Stop the process to collect garbage; longer when the heap is full of what lives."""
        full = instance.heap_mb / MEMORY_LIMIT_MB
        pause_ms = self.world.chance.uniform(10, 35) * (1 + 24 * max(0.0, full - 0.6) ** 2 * 6)
        instance.garbage_mb = 0.0
        instance.collections += 1
        instance.paused_until = max(instance.paused_until, self.world.simulation.now + int(pause_ms * MS))
        instance.busy_ns += int(pause_ms * MS) * instance.cores
        if pause_ms > 60:
            instance.log("WARN", f"GC pause {pause_ms:.0f}ms, heap {instance.heap_mb:.0f}M of {MEMORY_LIMIT_MB:.0f}M")
        if instance.heap_mb > 0.96 * MEMORY_LIMIT_MB:
            instance.log("ERROR", f"{instance.service.error('memory')}: out of memory, restarting")
            instance.heap_mb = 180.0
            instance.paused_until = self.world.simulation.now + 6 * SECOND

    def reports(self) -> Process:
        """A job that runs every so often, with its own traces and its own chronic slow query."""
        world = self.world
        while True:
            yield int(world.chance.uniform(9, 14) * SECOND)
            instance = world.services["ledger"].choose()
            frame = Frame(instance, world.trace_id(), "", plans.new_request(world))
            yield from awake(instance)
            span = frame.open()
            for step in world.plans["ledger.report"].values():
                yield from step(frame)
            span.end(world.style.inner(f"{instance.service.name}.jobs", "daily_report"))

    def direct(self) -> Process:
        """Watch the size: innocent deploys on the way, the fault after the calm part, the end at the full size."""
        world, size = self.world, self.order.size_bytes
        innocents = sorted(world.chance.uniform(0.12, 0.9) for _ in range(3))
        innocents.append(CALM_SHARE - world.chance.uniform(0.01, 0.05))
        innocents.sort()
        while world.seconds() < MAX_SECONDS:
            yield SECOND // 5
            written = self.bytes()
            while innocents and written > innocents[0] * size:
                innocents.pop(0)
                world.deploy(world.chance.choice(("web", "basket", "users", "notify")))
            if self.onset_ns is None and written > CALM_SHARE * size:
                self.onset_ns = world.simulation.now
                next(self.script)
            if written > size:
                break
        world.ended = True
        world.simulation.stop()

    def bytes(self) -> int:
        """Written and held back."""
        held = sum(one.exporter.held for service in self.world.services.values() for one in service.instances)
        return self.world.files.written + held

    def finish(self) -> None:
        """Let the script say what it did."""
        try:
            next(self.script)
        except StopIteration as ended:
            self.told = ended.value

    def answer(self) -> dict[str, Any]:
        """What was planted, and the true state of the clocks."""
        world, told = self.world, self.told
        healthy = self.order.mechanism == "healthy"
        return {
            "mechanism": None if healthy else self.order.mechanism,
            "verdict": "healthy" if healthy else "cause_found",
            "variant": self.order.variant,
            "style": self.order.style,
            "seed": self.order.seed,
            "business": world.words.business,
            "service": told.get("service"),
            "resource": told.get("resource"),
            "operation": told.get("operation"),
            "onset": None if healthy else instant(self.onset_ns or world.simulation.now),
            "from": instant(world.start_ns),
            "to": instant(world.simulation.now),
            "change": told.get("change"),
            "also": told.get("also", []),
            "facts": told.get("facts", {}),
            "clocks": {host.name: round(host.offset_ns / MS, 3) for host in world.hosts},
        }


CHATTER = (
    ("INFO", "Scheduled task refresh-config finished in 12 ms"),
    ("WARN", "Property 'spring.http.encoding' is deprecated and will be removed"),
    ("DEBUG", "Connection pool statistics: total=10 active=1 idle=9 waiting=0"),
    ("WARN", "TLS certificate of metrics.internal expires in 41 days"),
    ("INFO", "Health check passed"),
    ("ERROR", "Failed to export usage statistics: 403 Forbidden; will try again in one hour"),
    ("INFO", "Feature flags refreshed, 31 flags"),
)


def instant(at_ns: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    at = datetime.fromtimestamp(at_ns // SECOND, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns % SECOND // MS:03d}Z"


def _write_changes(world: World, folder: Path) -> None:
    told = [
        {
            "timestamp": instant(deploy["at_ns"]),
            "service": deploy["service"],
            "commit_sha": deploy["commit_sha"],
            "version": deploy["version"],
        }
        for deploy in world.deploys
    ]
    (folder / "deploys.json").write_text(json.dumps(told, indent=1) + "\n")


def _write_incident(run: Run, folder: Path) -> None:
    world = run.world
    onset = run.onset_ns or world.simulation.now
    noticed = onset + int((world.simulation.now - onset) * world.chance.uniform(0.3, 0.7))
    told = {"title": f"{world.words.business}: requests fail or are slow", "noticed_at": instant(noticed)}
    (folder / "incident.json").write_text(json.dumps(told, indent=1) + "\n")
