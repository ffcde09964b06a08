"""What is measured: containers by the kubelet, runtimes and pools by their libraries, the rest by receivers."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterator

from . import speech
from .dialects import NEW
from .engine import Process
from .fleet import Node, Pod, Store, Topic
from .otlp import Point
from .world import Attributes, World

EVERY_S = 60.0
# Metrics are kept longer than traces.
HISTORY_S = 9000
HISTORY_EVERY_S = 120
MB = 1024 * 1024
# The load that is not modelled (requests that are not traced), as a multiple of what is.
UNSEEN = 4.0


class Meters:
    """Reads the world every minute."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.points: list[Point] = []
        self.dice = random.Random(f"meters {world.seed}")
        self._busy: dict[str, float] = {}
        self._gone: dict[str, float] = defaultdict(float)

    def run(self) -> Process:
        """The process that reads."""
        while True:
            yield EVERY_S
            for service in self.world.services:
                for pod in service.pods:
                    self.points += self._container(pod)
                    if pod.up:
                        self.points += self._program(pod)
            for node in self.world.nodes:
                if node.up:
                    self.points += self._node(node)
            for store in self.world.stores:
                self.points += self._store(store)
            for topic in self.world.topics:
                self.points += self._topic(topic)

    def _noise(self, number: float, share: float = 0.06) -> float:
        return max(0.0, number * (1 + self.dice.gauss(0, share)))

    def _cpu(self, pod: Pod) -> float:
        busy = pod.busy_s - self._busy.get(pod.name, 0.0)
        self._busy[pod.name] = pod.busy_s
        return min(0.995, self._noise(0.07 + UNSEEN * busy / EVERY_S) + pod.hog) if pod.up else 0.0

    def memory_mb(self, pod: Pod, time: float) -> float:
        """The memory of a pod: its level, a saw of garbage, noise."""
        level = pod.memory_at(time) if pod.memory_at else pod.memory_mb
        return min(pod.limit_mb, self._noise(level, 0.015))

    def _container(self, pod: Pod) -> Iterator[Point]:
        now, cpu = self.world.now, self._cpu(pod)
        about: Attributes = {
            "k8s.pod.name": pod.name,
            "k8s.container.name": "app",
            "k8s.deployment.name": pod.service.name.lower(),
            "k8s.node.name": pod.node.name,
            "k8s.namespace.name": "prod",
        }
        memory = self.memory_mb(pod, now)
        self._gone[pod.name] += pod.throttled * EVERY_S * 0.5 + 0.02
        yield Point(now, about, "container.cpu.usage", "{cpu}", cpu)
        yield Point(now, about, "k8s.container.cpu_limit_utilization", "1", cpu)
        yield Point(now, about, "container.memory.working_set", "By", memory * MB)
        yield Point(now, about, "k8s.container.memory_limit_utilization", "1", memory / pod.limit_mb)
        yield Point(now, about, "k8s.container.restarts", "{restart}", pod.restarts)
        yield Point(now, about, "container.cpu.throttling_data.throttled_time", "s", self._gone[pod.name], "counter")
        used = min(1.0, self._noise(pod.disk_used, 0.002))
        yield Point(now, about, "container.filesystem.usage", "By", used * 10e9)
        yield Point(now, about, "container.filesystem.capacity", "By", 10e9)
        yield Point(
            now,
            about,
            "k8s.pod.network.errors",
            "1",
            pod.drops,
            "counter",
            {"direction": "transmit", "interface": "eth0"},
        )

    def _program(self, pod: Pod) -> Iterator[Point]:
        now, service, world = self.world.now, pod.service, self.world
        about: Attributes = {"service.name": service.name, "service.version": pod.version, "host.name": pod.name}
        if service.k8s:
            about["k8s.pod.name"] = pod.name
        new = service.style in NEW
        for (method, route, status), histogram in world.durations[pod.name].items():
            labels: Attributes = (
                {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                if new
                else {"http.method": method, "http.route": route, "http.status_code": status}
            )
            scale, unit = (1.0, "s") if new else (1000.0, "ms")
            metric = "http.server.request.duration" if new else "http.server.duration"
            yield Point(
                now, about, metric, unit, histogram.total_s * scale, "histogram", labels, tuple(histogram.counts)
            )
        active = pod.threads.used + len(pod.threads.waiting)
        yield Point(now, about, "http.server.active_requests", "{request}", active, "updown")
        yield from self._runtime(pod, about)
        for store, pool in pod.pools.items():
            if store not in self._used_by(pod):
                continue
            used, pending = float(pool.used), float(len(pool.waiting))
            if service.style == "go":
                yield Point(
                    now,
                    about,
                    "db.sql.connection.open",
                    "{connection}",
                    used,
                    "updown",
                    {"status": "inuse", "db.name": store},
                )
                yield Point(
                    now,
                    about,
                    "db.sql.connection.max_open",
                    "{connection}",
                    pool.capacity,
                    "updown",
                    {"db.name": store},
                )
                continue
            base = "db.client.connection" if new else "db.client.connections"
            key = "db.client.connection.pool.name" if new else "pool.name"
            state = "db.client.connection.state" if new else "state"
            count = f"{base}.count" if new else f"{base}.usage"
            yield Point(now, about, count, "{connection}", used, "updown", {key: store, state: "used"})
            yield Point(
                now, about, count, "{connection}", max(0, pool.capacity - used), "updown", {key: store, state: "idle"}
            )
            yield Point(now, about, f"{base}.max", "{connection}", pool.capacity, "updown", {key: store})
            yield Point(now, about, f"{base}.pending_requests", "{request}", pending, "updown", {key: store})

    def _used_by(self, pod: Pod) -> set[str]:
        from .scene import flat  # the scene knows the world; the meters need one of its words only

        found = set()
        for operation in pod.service.operations:
            for step in flat(operation.steps):
                for holder in (step, getattr(step, "behind", None)):
                    store = getattr(holder, "store", None)
                    if store is not None:
                        found.add(store.name)
        return found

    def _runtime(self, pod: Pod, about: Attributes) -> Iterator[Point]:
        now, memory = self.world.now, self.memory_mb(pod, self.world.now) * 0.8 * MB
        busy = float(pod.threads.used)
        match speech.LANGUAGE_OF[pod.service.style]:
            case "java":
                new = pod.service.style == "java-new"
                heap = {"jvm.memory.type" if new else "type": "heap"}
                yield Point(
                    now,
                    about,
                    "jvm.memory.used" if new else "process.runtime.jvm.memory.usage",
                    "By",
                    memory,
                    "updown",
                    heap,
                )
                yield Point(
                    now,
                    about,
                    "jvm.memory.limit" if new else "process.runtime.jvm.memory.limit",
                    "By",
                    pod.limit_mb * 0.8 * MB,
                    "updown",
                    heap,
                )
                yield Point(
                    now,
                    about,
                    "jvm.gc.duration" if new else "process.runtime.jvm.gc.duration",
                    "s",
                    pod.gc_s,
                    "counter",
                    {"jvm.gc.name": "G1 Young Generation"},
                )
                yield Point(now, about, "jvm.thread.count", "{thread}", 24 + busy, "updown")
                yield Point(now, about, "tomcat.threads", "{thread}", busy, "updown", {"state": "busy"})
                yield Point(now, about, "tomcat.threads.max", "{thread}", pod.threads.capacity, "updown")
            case "go":
                yield Point(now, about, "process.runtime.go.goroutines", "{goroutine}", 18 + 2 * busy, "updown")
                yield Point(now, about, "process.runtime.go.mem.heap_alloc", "By", memory, "updown")
            case "python":
                yield Point(now, about, "process.runtime.cpython.memory", "By", memory, "updown", {"type": "rss"})
                yield Point(now, about, "process.runtime.cpython.thread_count", "{thread}", 4 + busy, "updown")
            case "node":
                lag = 0.012 * pod.slow * (1 + pod.hog) + (
                    0.4 if pod.paused_until > now - 5 and pod.memory_mb > 0.9 * pod.limit_mb else 0
                )
                yield Point(now, about, "nodejs.eventloop.delay.p99", "s", self._noise(lag, 0.2))
                yield Point(now, about, "v8js.memory.heap.used", "By", memory)
                yield Point(now, about, "v8js.memory.heap.limit", "By", pod.limit_mb * 0.8 * MB)
            case _:
                yield Point(now, about, "dotnet.process.memory.working_set", "By", memory, "updown")
                yield Point(now, about, "dotnet.gc.pause.time", "s", pod.gc_s, "counter")
                yield Point(
                    now, about, "dotnet.thread_pool.queue.length", "{work_item}", len(pod.threads.waiting), "updown"
                )
                yield Point(now, about, "dotnet.thread_pool.thread.count", "{thread}", busy + 6, "updown")

    def _node(self, node: Node) -> Iterator[Point]:
        now, about = self.world.now, {"host.name": node.name, "k8s.node.name": node.name}
        self._gone[node.name] += node.disk_busy * EVERY_S
        yield Point(
            now, about, "system.cpu.utilization", "1", min(1.0, self._noise(node.cpu, 0.02 if node.cpu > 0.9 else 0.1))
        )
        yield Point(now, about, "system.cpu.load_average.1m", "{thread}", self._noise(node.cpu * 8 * node.steal, 0.1))
        yield Point(now, about, "system.memory.utilization", "1", self._noise(0.55, 0.02))
        yield Point(
            now,
            about,
            "system.filesystem.utilization",
            "1",
            min(1.0, self._noise(node.disk_used, 0.001)),
            "gauge",
            {"mountpoint": "/data"},
        )
        yield Point(now, about, "system.disk.io_time", "s", self._gone[node.name], "counter", {"device": "nvme1n1"})

    def _store(self, store: Store) -> Iterator[Point]:
        now, about = self.world.now, {"host.name": store.host, "server.address": store.host}
        used = float(store.capacity.used + len(store.capacity.waiting))
        yield Point(
            now,
            about,
            "system.cpu.utilization",
            "1",
            min(1.0, self._noise(store.cpu, 0.02 if store.cpu > 0.9 else 0.1)),
        )
        self._gone[store.name] += self._noise(store.node.disk_busy * EVERY_S, 0.01)
        yield Point(now, about, "system.disk.io_time", "s", self._gone[store.name], "counter", {"device": "sdb"})
        yield Point(
            now,
            about,
            "system.filesystem.utilization",
            "1",
            min(1.0, store.node.disk_used),
            "gauge",
            {"mountpoint": "/var/lib"},
        )
        match store.system:
            case "redis":
                yield Point(now, about, "redis.keyspace.hits", "{hit}", store.hits, "counter")
                yield Point(now, about, "redis.keyspace.misses", "{miss}", store.misses, "counter")
                yield Point(now, about, "redis.memory.used", "By", self._noise(3e8, 0.01))
            case "postgresql":
                yield Point(now, about, "postgresql.backends", "1", used + 12, "updown")
                yield Point(now, about, "postgresql.deadlocks", "{deadlock}", store.deadlocks, "counter")
                yield Point(now, about, "postgresql.commits", "1", store.queries, "counter")
            case "mysql":
                yield Point(now, about, "mysql.threads", "1", used, "updown", {"kind": "running"})
                yield Point(now, about, "mysql.locks", "1", store.deadlocks, "counter", {"kind": "deadlock"})
            case _:
                yield Point(
                    now, about, "mongodb.connection.count", "{connections}", used + 20, "updown", {"type": "active"}
                )

    def _topic(self, topic: Topic) -> Iterator[Point]:
        now = self.world.now
        if topic.system == "kafka":
            about: Attributes = {"host.name": "kafka-0"}
            labels = {"group": topic.group, "topic": topic.name, "partition": 0}
            yield Point(
                now, about, "kafka.consumer_group.lag", "1", len(topic.backlog) + topic.unacked, "gauge", labels
            )
            yield Point(
                now,
                about,
                "kafka.partition.current_offset",
                "1",
                topic.offset,
                "gauge",
                {"topic": topic.name, "partition": 0},
            )
            return
        about = {"rabbitmq.queue.name": topic.name, "rabbitmq.node.name": "rabbit@mq-0", "rabbitmq.vhost.name": "/"}
        yield Point(
            now, about, "rabbitmq.message.current", "{messages}", len(topic.backlog), "updown", {"state": "ready"}
        )
        yield Point(
            now, about, "rabbitmq.message.current", "{messages}", topic.unacked, "updown", {"state": "unacknowledged"}
        )
        yield Point(now, about, "rabbitmq.message.published", "{messages}", topic.offset, "counter")

    def history(self, calm_until_s: float) -> list[Point]:
        """Hours before the traces, like the calm part: gauges drawn from it, counters run backwards from it."""
        series: dict[tuple[str, str, str], list[Point]] = defaultdict(list)
        for point in self.points:
            if point.kind != "histogram":
                key = (
                    json.dumps(point.about, sort_keys=True),
                    point.name,
                    json.dumps(point.attributes, sort_keys=True),
                )
                series[key].append(point)
        leaking = {pod.name: pod for s in self.world.services for pod in s.pods if pod.memory_was}
        past: list[Point] = []
        for points in series.values():
            calm = [point for point in points if point.time < calm_until_s]
            if len(calm) < 4 or calm[0].time > 2 * EVERY_S:
                continue
            pod = leaking.get(str(calm[0].about.get("k8s.pod.name") or calm[0].about.get("host.name")))
            past += self._counted(calm, points) if calm[0].kind == "counter" else self._gauged(calm, pod)
        return past

    def _counted(self, calm: list[Point], points: list[Point]) -> list[Point]:
        """A counter's past: it has counted all along, so what comes later is lifted by what was counted before."""
        first = calm[0]
        rate = (calm[-1].value - first.value) / (calm[-1].time - first.time)
        base = max(0.0, rate * (HISTORY_S + first.time) - first.value)
        for point in points:
            point.value += base
        return [_at(first, time, first.value + rate * (time - first.time)) for time in PAST]

    def _gauged(self, calm: list[Point], pod: Pod | None) -> list[Point]:
        first = calm[0]
        fixed = first.name == "k8s.container.restarts" or (first.unit == "By" and "limit" in first.name)
        grows = pod is not None and ("memory" in first.name or "heap" in first.name)
        past = []
        for time in PAST:
            value = self.dice.choice(calm).value * (1 + 0.05 * math.sin(time / 2000))
            if fixed or "capacity" in first.name:
                value = first.value
            elif grows and pod is not None and pod.memory_was is not None:
                value = first.value * pod.memory_was(time) / pod.memory_was(first.time)
            past.append(_at(first, time, value))
        return past


PAST = tuple(float(-back * HISTORY_EVERY_S) for back in range(HISTORY_S // HISTORY_EVERY_S))


def _at(like: Point, time: float, value: float) -> Point:
    return Point(time, like.about, like.name, like.unit, value, like.kind, like.attributes)
