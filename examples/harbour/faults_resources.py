"""Faults of what programs run on: processors, memory, disks, nodes, pools of connections and threads, traffic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .engine import Failure
from .fleet import Holding, Maybe, Pod, Query, Work
from .scene import Change, Fault, Scene


def cpu_one_pod(s: Scene) -> Fault:
    """A runaway thread in one pod."""
    service = s.service()

    def apply() -> None:
        pod = s.dice.choice(service.pods)
        pod.hog, pod.slow, pod.throttled = s.dice.uniform(0.75, 0.95), s.dice.uniform(2.5, 5.0), 0.4

    return Fault(("cpu_saturation",), (service.name,), apply)


def cpu_all_pods(s: Scene) -> Fault:
    """Every pod of a service at its limit, by degrees."""
    service, factor = s.service(), s.dice.uniform(2.0, 4.0)

    def burn(share: float) -> None:
        for pod in service.pods:
            pod.hog, pod.slow, pod.throttled = 0.85 * share, 1 + (factor - 1) * share, 0.5 * share

    return Fault(("cpu_saturation",), (service.name,), lambda: s.ramp(60, burn))


def cpu_store(s: Scene) -> Fault:
    """A database's processor at its end."""
    _, _, query = s.sql()
    store = query.store

    def apply() -> None:
        store.cpu, store.slow = 0.98, s.dice.uniform(3.0, 6.0)

    return Fault(("cpu_saturation",), (store.host,), apply)


def kill(s: Scene, pod: Pod, reason: str, down_s: float) -> None:
    """A container dies and comes back; for a moment it is still sent requests."""
    world = s.world
    pod.up = False
    pod.restarts += 1
    world.announce(
        "kubelet",
        "WARN",
        f"Container {pod.service.name} in pod {pod.name} terminated: {reason}",
        **{"k8s.event.reason": reason, "k8s.pod.name": pod.name},
    )
    world.engine.at(world.now + 4, lambda: setattr(pod, "ready", False))

    def back() -> None:
        pod.up = pod.ready = True
        pod.memory_mb = 250.0
        world.say(pod, "INFO", f"started {pod.service.name} version {pod.version}")

    world.engine.at(world.now + down_s, back)


def memory_thrash(s: Scene) -> Fault:
    """The heap is nearly full and the runtime collects garbage most of the time."""
    service = s.service(lambda x: x.style not in ("go", "python-old", "python-new"))
    target = 0.955

    def fill(share: float) -> None:
        for pod in service.pods:
            pod.memory_mb = pod.memory_mb + (pod.limit_mb * target - pod.memory_mb) * share

    def pause() -> None:
        for pod in service.pods:
            if s.dice.random() < 0.7:
                seconds = s.dice.uniform(0.35, 1.3)
                pod.paused_until = s.world.now + seconds
                pod.gc_s += seconds
                pod.hog = 0.35

    def apply() -> None:
        s.ramp(60, fill)
        s.every(lambda: s.dice.uniform(1.5, 3.5), pause)

    return Fault(("memory_saturation",), (service.name,), apply)


def memory_killed(s: Scene) -> Fault:
    """Containers hit their limit and are killed, again and again."""
    service = s.service()

    def grow() -> None:
        for pod in service.pods:
            if not pod.up:
                continue
            pod.memory_mb = min(pod.limit_mb, pod.memory_mb + pod.limit_mb * s.dice.uniform(0.05, 0.09))
            if pod.memory_mb >= pod.limit_mb * 0.995:
                kill(s, pod, "OOMKilled", s.dice.uniform(18, 30))

    return Fault(("memory_saturation", "memory_leak"), (service.name,), lambda: s.every(lambda: 5.0, grow))


def growing(start: float, end: float, low: float, high: float) -> Callable[[float], float]:
    """A quantity that grows evenly from a time on, to be at its height at another."""
    return lambda time: low if time < start else low + (high - low) * (time - start) / (end - start)


def leak_to_the_end(s: Scene) -> Fault:
    """Memory has grown for hours; now it is at its limit, with pauses first and kills then."""
    service = s.service()
    start = -9000.0
    dies_at: dict[str, float] = {}

    def apply() -> None:
        def pause() -> None:
            for pod in service.pods:
                if pod.memory_at and pod.memory_at(s.world.now) > 0.9 * pod.limit_mb and s.dice.random() < 0.6:
                    seconds = s.dice.uniform(0.3, 0.9)
                    pod.paused_until, pod.gc_s = s.world.now + seconds, pod.gc_s + seconds

        s.every(lambda: s.dice.uniform(2, 4), pause)
        for pod in service.pods:
            if pod.name not in dies_at:  # it was rolled out since
                fill(pod, s.world.now)
            s.world.engine.at(dies_at[pod.name], partial(end, pod))

    def end(pod: Pod) -> None:
        pod.memory_at = None
        kill(s, pod, "OOMKilled", s.dice.uniform(20, 35))

    def fill(pod: Pod, since: float) -> None:
        dies = s.onset_s + s.dice.uniform(90, 260)
        dies_at[pod.name] = dies
        pod.memory_at = pod.memory_was = growing(since, dies, pod.memory_mb, pod.limit_mb)

    for pod in service.pods:
        fill(pod, start)
    return Fault(("memory_leak", "memory_saturation"), (service.name,), apply)


def disk_full_store(s: Scene) -> Fault:
    """A database's disk is full: it reads, but does not write."""
    _, _, step = s.with_step(Query, lambda q: isinstance(q, Query) and q.verb != "SELECT" and q.store.system != "redis")
    assert isinstance(step, Query)
    store = step.store
    text = {
        "postgresql": 'could not extend file "base/16384/2619": No space left on device',
        "mysql": "Error writing file '/var/lib/mysql/ib_logfile1' (OS errno 28 - No space left on device)",
        "mongodb": "No space left on device",
    }[store.system]

    def fails(verb: str, table: str) -> Failure | None:
        if verb in ("SELECT", "LOCK"):
            return None
        s.world.announce(store.host, "ERROR", f"ERROR:  {text}")
        return Failure("DiskFull", text, 500, temporary=False)

    def apply() -> None:
        store.node.disk_used, store.fails = 1.0, fails

    return Fault(("disk_saturation",), (store.host, *s.readers(store)), apply)


def disk_busy_store(s: Scene) -> Fault:
    """A database's disk is at its throughput."""
    _, _, query = s.sql()
    store = query.store

    def apply() -> None:
        store.node.disk_busy, store.slow = s.dice.uniform(0.96, 1.0), s.dice.uniform(4.0, 9.0)

    return Fault(("disk_saturation",), (store.host, *s.readers(store)), apply)


def disk_full_pod(s: Scene) -> Fault:
    """A pod's own disk is full."""
    service = s.service()
    operation = s.operation(service)

    def apply() -> None:
        pods = s.dice.sample(service.pods, max(1, len(service.pods) - 1))
        for pod in pods:
            pod.disk_used = 0.999
        operation.trouble = lambda _, pod: (
            Failure("IOException", "write /var/tmp/spool.tmp: no space left on device", 500)
            if pod in pods and s.world.dice.random() < 0.7
            else None
        )

    return Fault(("disk_saturation",), (service.name,), apply)


def pool_leak(s: Scene) -> Fault:
    """Connections are taken and not given back."""
    service, operation, query = s.sql()

    def leak(_: object, pod: Pod) -> Failure | None:
        pool = pod.pools.get(query.store.name)
        if pool and pool.used < pool.capacity and s.world.dice.random() < 0.3:
            pool.used += 1
        return None

    def apply() -> None:
        operation.trouble = leak

    return Fault(("connection_pool_exhausted",), (service.name,), apply)


def pool_held(s: Scene) -> Fault:
    """Connections are kept idle in transaction far too long."""
    service, operation, query = s.sql()
    capacity = (
        sum(pod.pools[query.store.name].capacity for pod in service.pods) if query.store.system != "redis" else 10
    )
    mean = 1.5 * capacity / max(0.3, s.rates[service.name, operation.route])

    def apply() -> None:
        operation.steps.insert(1, Holding(query.store, lambda: s.world.spread(mean)))

    return Fault(("connection_pool_exhausted",), (service.name,), apply)


def threads_stuck(s: Scene) -> Fault:
    """Some requests never end, and keep their threads."""
    service = s.service()
    operation = s.operation(service)
    share = min(0.9, 30 * len(service.pods) / (90 * max(0.2, s.rates[service.name, operation.route])))

    def apply() -> None:
        for pod in service.pods:
            pod.threads.capacity = min(pod.threads.capacity, 16)
        operation.steps.insert(1, Maybe(Work(1e9, idle=True), lambda *_: s.world.dice.random() < share))

    return Fault(("thread_pool_exhausted", "deadlock"), (service.name,), apply)


def threads_rejected(s: Scene) -> Fault:
    """An executor is full: tasks wait, then are turned away."""
    service = s.service()
    operation = s.operation(service)
    text = (
        "Task java.util.concurrent.FutureTask rejected from java.util.concurrent.ThreadPoolExecutor"
        "[Running, pool size = 8, active threads = 8, queued tasks = 64, completed tasks = 48213]"
        if service.style.startswith("java")
        else "worker pool exhausted: 8 of 8 workers busy, queue full (64)"
    )

    def apply() -> None:
        operation.steps.insert(1, Maybe(Work(900, idle=True), lambda *_: True))
        operation.trouble = lambda *_: (
            Failure("RejectedExecutionException", text, 503) if s.world.dice.random() < 0.45 else None
        )

    return Fault(("thread_pool_exhausted",), (service.name,), apply)


def surge_one_entry(s: Scene) -> Fault:
    """One route is asked for many times as often."""
    service, index, _ = s.dice.choice(s.world.entries)

    def apply() -> None:
        s.world.surge_entry = (service, index)
        s.ramp(45, lambda share: setattr(s.world, "surge", 1 + s.dice.uniform(4, 6) * share))

    return Fault(("traffic_surge",), (service.name,), apply)


def surge_everywhere(s: Scene) -> Fault:
    """Everything is asked for more often."""
    service = s.world.entries[0][0]
    entries = tuple({e.name for e, _, _ in s.world.entries})
    factor = s.dice.uniform(3.5, 5)
    apply = lambda: s.ramp(90, lambda share: setattr(s.world, "surge", 1 + (factor - 1) * share))  # noqa: E731
    return Fault(("traffic_surge",), (service.name, *entries), apply)


def neighbour(s: Scene) -> Fault:
    """A job of somebody else takes a node's processor."""
    service = s.service()
    node = service.pods[0].node

    def apply() -> None:
        node.steal, node.cpu = s.dice.uniform(2.5, 4.5), 0.985
        s.world.announce(
            "scheduler",
            "INFO",
            f"Successfully assigned batch/model-training-{s.world.hex(5)} to {node.name}",
            **{"k8s.event.reason": "Scheduled", "k8s.node.name": node.name},
        )

    there = {pod.service.name for x in s.world.services for pod in x.pods if pod.node is node}
    stores = {store.host for store in s.world.stores if store.node is node}
    return Fault(("noisy_neighbour", "cpu_saturation"), (service.name, node.name, *there, *stores), apply)


def node_down(s: Scene) -> Fault:
    """A node is gone, with all that ran on it."""
    service = s.service()
    node = service.pods[0].node

    def apply() -> None:
        gone = [pod for x in s.world.services for pod in x.pods if pod.node is node]
        for pod in gone:
            pod.up = False
            for other in [x for x in pod.service.pods if x not in gone][:1]:
                other.slow = 1.4
        node.up = False
        s.world.announce(
            "node-controller",
            "WARN",
            f"Node {node.name} status is now: NodeNotReady",
            **{"k8s.event.reason": "NodeNotReady", "k8s.node.name": node.name},
        )

        def leave() -> None:
            for pod in gone:
                if any(x not in gone for x in pod.service.pods):
                    pod.ready = False

        s.world.engine.at(s.world.now + s.dice.uniform(200, 300), leave)

    there = {pod.service.name for x in s.world.services for pod in x.pods if pod.node is node}
    return Fault(("infrastructure_fault",), (node.name, *there), apply)


def crash_loop(s: Scene) -> Fault:
    """A deploy whose new pods do not start; the old ones are already gone."""
    service = s.service()
    text = s.dice.choice(
        [
            "Required environment variable LEDGER_TOKEN is not set",
            "APPLICATION FAILED TO START: Could not resolve placeholder 'queue.region' in value \"${queue.region}\"",
            'panic: config: missing required key "signing.key_id"',
        ]
    )

    def apply() -> None:
        pods = list(service.pods)
        for pod in pods:
            pod.up = pod.ready = False

            def crash(pod: Pod = pod) -> None:
                pod.restarts += 1
                s.world.say(pod, "ERROR", text)
                s.world.announce(
                    "kubelet",
                    "WARN",
                    f"Back-off restarting failed container app in pod {pod.name}",
                    **{"k8s.event.reason": "BackOff", "k8s.pod.name": pod.name},
                )

            crash()
            s.every(lambda: s.dice.uniform(20, 45), crash)

    change = Change(
        "deploy",
        service.name,
        service.repo,
        "Read signing settings from the environment",
        ("config/settings.yaml",),
        "@@ config/settings.yaml @@\n+  region: ${queue.region}\n+  key_id: ${signing.key_id}",
    )
    return Fault(("startup_failure", "configuration"), (service.name,), apply, change)


FAULTS = {
    ("cpu_saturation", "one_pod"): cpu_one_pod,
    ("cpu_saturation", "all_pods"): cpu_all_pods,
    ("cpu_saturation", "store"): cpu_store,
    ("memory_saturation", "thrash"): memory_thrash,
    ("memory_saturation", "killed"): memory_killed,
    ("memory_leak", "to_the_end"): leak_to_the_end,
    ("disk_saturation", "full_store"): disk_full_store,
    ("disk_saturation", "busy_store"): disk_busy_store,
    ("disk_saturation", "full_pod"): disk_full_pod,
    ("connection_pool_exhausted", "leak"): pool_leak,
    ("connection_pool_exhausted", "held"): pool_held,
    ("thread_pool_exhausted", "stuck"): threads_stuck,
    ("thread_pool_exhausted", "rejected"): threads_rejected,
    ("traffic_surge", "one_entry"): surge_one_entry,
    ("traffic_surge", "everywhere"): surge_everywhere,
    ("noisy_neighbour", "node"): neighbour,
    ("infrastructure_fault", "node_down"): node_down,
    ("startup_failure", "crash_loop"): crash_loop,
}
