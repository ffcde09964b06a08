"""Metrics as instances, the broker and the caches report them, every so many seconds."""

from __future__ import annotations

from .kernel import SECOND, Process
from .otlp import Exporter, attributes, counter, gauge, histogram, level
from .steps import BOUNDS_S
from .system import Instance, World

MEMORY_LIMIT_MB = 512.0
NAMES = {
    "current": {
        "cpu": ("process.cpu.utilization", "1"),
        "memory": ("process.memory.usage", "By"),
        "gc": ("jvm.gc.count", "{collection}"),
        "requests": ("http.server.request.duration", "s"),
        "pool": ("db.client.connection.count", "{connection}"),
        "pending": ("db.client.connection.pending_requests", "{request}"),
        "pool_max": ("db.client.connection.max", "{connection}"),
        "threads": ("server.worker.threads.active", "{thread}"),
        "queue": ("server.worker.queue.size", "{request}"),
        "limit": ("container.memory.limit", "By"),
    },
    "older": {
        "cpu": ("process.runtime.cpu.utilization", "1"),
        "memory": ("process.runtime.memory.usage", "By"),
        "gc": ("process.runtime.gc.count", "1"),
        "requests": ("http.server.duration", "ms"),
        "pool": ("db.client.connections.usage", "connections"),
        "pending": ("db.client.connections.pending_requests", "requests"),
        "pool_max": ("db.client.connections.max", "connections"),
        "threads": ("executor.active", "threads"),
        "queue": ("executor.queued", "tasks"),
        "limit": ("memory.limit", "By"),
    },
    "sparse": {
        "cpu": ("cpu_usage", "1"),
        "memory": ("memory_bytes", "By"),
        "gc": ("gc_runs", "1"),
        "requests": ("request_duration", "s"),
        "pool": ("pool_connections", "1"),
        "pending": ("pool_waiting", "1"),
        "pool_max": ("pool_size", "1"),
        "threads": ("workers_busy", "1"),
        "queue": ("workers_queue", "1"),
        "limit": ("memory_limit", "By"),
    },
}


def report(world: World, every_s: int) -> Process:
    """Write everybody's metrics, for ever."""
    around = Exporter(world.files, _named(world, world.broker.host), '"name":"otelcol/receiver","version":"0.140.0"')
    while True:
        yield every_s * SECOND
        for service in world.services.values():
            for instance in service.instances:
                instance.exporter.metrics(_of_instance(world, instance, every_s))
        around.metrics(_of_backends(world))


def _named(world: World, host: str) -> str:
    return attributes({"service.name": world.broker.system, "host.name": host})


def _of_instance(world: World, instance: Instance, every_s: int) -> list[str]:
    at, start = world.simulation.now + instance.host.offset_ns, world.start_ns
    names = NAMES[world.style.name]
    share = instance.busy_ns / (every_s * SECOND * instance.cores)
    instance.busy_ns = 0
    cpu = min(1.0, max(0.004, share + abs(world.chance.gauss(0.04, 0.012))))
    memory = int((instance.heap_mb + instance.garbage_mb) * 2**20)
    told = [
        gauge(*names["cpu"], at, [("", round(cpu, 4))]),
        gauge(*names["memory"], at, [("", memory)]),
        gauge(*names["limit"], at, [("", int(MEMORY_LIMIT_MB * 2**20))]),
        counter(*names["gc"], start, at, [("", instance.collections)]),
        level(*names["threads"], start, at, [("", instance.threads.used)]),
        level(*names["queue"], start, at, [("", instance.threads.waiting)]),
    ]
    for name, pool in instance.connections.items():
        where = attributes({"pool.name" if world.style.name == "older" else "db.client.connection.pool.name": name})
        state = "state" if world.style.name == "older" else "db.client.connection.state"
        used, idle = attributes({state: "used"}), attributes({state: "idle"})
        told += [
            level(
                *names["pool"],
                start,
                at,
                [(f"{where},{used}", pool.used), (f"{where},{idle}", max(0, pool.size - pool.used))],
            ),
            level(*names["pending"], start, at, [(where, pool.waiting)]),
            level(*names["pool_max"], start, at, [(where, pool.size)]),
        ]
    if instance.counts:
        told.append(_requests(world, instance, at, *names["requests"]))
    return told


def _requests(world: World, instance: Instance, at: int, name: str, unit: str) -> str:
    scale = 1000 if unit == "ms" else 1
    status_key = {"current": "http.response.status_code", "older": "http.status_code", "sparse": "status"}[
        world.style.name
    ]
    points = []
    for (plan, status), row in instance.counts.items():
        method, route = world.routes[plan]
        where = attributes({"http.route": route, "http.request.method": method, status_key: status})
        points.append((where, row[:-1], round(row[-1] * scale, 6)))
    return histogram(name, unit, world.start_ns, at, [bound * scale for bound in BOUNDS_S], points)  # type: ignore[arg-type]


def _of_backends(world: World) -> list[str]:
    at, start = world.simulation.now, world.start_ns
    ready, unacknowledged, published, done = [], [], [], []
    for queue in world.broker.queues.values():
        where = attributes({"messaging.destination.name": queue.name})
        ready.append((where, len(queue.ready)))
        unacknowledged.append((where, queue.unacknowledged))
        published.append((where, queue.published))
        done.append((where, queue.acknowledged))
    told = [
        counter("messaging.published", "{message}", start, at, published),
        counter("messaging.acknowledged", "{message}", start, at, done),
    ]
    if world.broker.system == "kafka":
        lag = [(where, ready[place][1] + unacknowledged[place][1]) for place, (where, _) in enumerate(ready)]
        told.append(gauge("kafka.consumer_group.lag", "1", at, lag))
    else:
        told.append(gauge("rabbitmq.queue.messages.ready", "{message}", at, ready))
        told.append(gauge("rabbitmq.queue.messages.unacknowledged", "{message}", at, unacknowledged))
    hits = [(attributes({"server.address": cache.host}), cache.hits) for cache in world.caches.values()]
    misses = [(attributes({"server.address": cache.host}), cache.misses) for cache in world.caches.values()]
    told += [
        counter("redis.keyspace.hits", "{hit}", start, at, hits),
        counter("redis.keyspace.misses", "{miss}", start, at, misses),
    ]
    load = [(attributes({"server.address": db.host}), db.slots.used) for db in world.databases.values()]
    told.append(gauge("db.server.sessions.active", "{session}", at, load))
    return told
