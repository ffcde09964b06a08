"""What runs out: connections, threads, processors, memory; and load that is more than usual, harmful or not."""

from __future__ import annotations

from typing import Any

from ..kernel import MS, SECOND, Process
from ..leases import Locking
from ..steps import fail, partner, query, transaction, work
from ..system import Frame, Instance, Step, World
from .script import Script, answer, variant

# (role, its plan, the table that it reads there)
WITH_DATABASE = (
    ("orders", "orders.create"),
    ("payments", "payments.charge"),
    ("stock", "stock.check"),
    ("users", "users.verify"),
)


def _queued(world: World, role: str) -> int:
    """How many had to wait for a thread or a connection of a service."""
    instances = world.services[role].instances
    return sum(pool.queued for one in instances for pool in (one.threads, *one.connections.values()))


@variant("connection_pool_exhausted", "leak")
def leak(world: World, locking: Locking) -> Script:
    """An early return forgets to give the connection back."""
    role, plan = world.chance.choice(WITH_DATABASE)
    size = 3 if world.rate < 4 else 10
    for instance in world.services[role].instances:
        instance.connections[role].resize(size)
    yield
    sha = world.deploy(role, note="early return")
    share = min(1.0, 1.2 / world.rate + 0.05)

    def forget(frame: Frame) -> Process:
        pool = frame.instance.connections[role]
        if world.chance.random() < share and pool.used < pool.size:
            yield from pool.acquire()
        else:
            yield 1000

    world.insert(plan, "look", forget)
    yield
    return answer(
        world, role, plan, sha, resource=f"pool {role}", shown=_queued(world, role) >= 8, facts={"size": size}
    )


@variant("connection_pool_exhausted", "held-too-long")
def held_too_long(world: World, locking: Locking) -> Script:
    """A transaction now spans a request to the partner outside, so that its connection is held all that time."""
    for instance in world.services["orders"].instances:
        instance.connections["orders"].resize(max(2, round(world.rate / 4)))
    yield
    sha = world.deploy("orders", note="in one transaction")
    table = world.words.order
    hold = 3.2 * sum(i.connections["orders"].size for i in world.services["orders"].instances) / world.rate
    step = transaction(
        "orders",
        query("orders", "INSERT", table, f"INSERT INTO {table} (id, user_id) VALUES ('{{order}}', {{user}})"),
        partner("/v1/risk", hold * 1000 / world.partner_ms),
    )
    world.insert("orders.create", "hold", step, before="save")
    yield
    return answer(
        world,
        "orders",
        "orders.create",
        sha,
        resource="pool orders",
        shown=_queued(world, "orders") >= 8,
        facts={"held_s": round(hold, 2)},
    )


@variant("connection_pool_exhausted", "small")
def small(world: World, locking: Locking) -> Script:
    """A deploy sets the pool to one connection, too few for statements of that length."""
    role, plan, kind = world.chance.choice(
        (("stock", "stock.check", "show"), ("catalog", "catalog.list", "list"), ("payments", "payments.charge", "buy"))
    )
    _mostly(world, kind)
    ms = 0.9 * _apart_ms(world, role)
    table = "audit_log"
    world.insert(
        plan,
        "audit",
        query(role, "SELECT", table, f"SELECT count(*) FROM {table} WHERE user_id = {{user}}", ms, spread=0.3),
    )
    yield
    sha = world.deploy(role, note="pool size")
    for instance in world.services[role].instances:
        instance.connections[role].resize(1)
    yield
    return answer(world, role, plan, sha, resource=f"pool {role}", shown=_queued(world, role) >= 8, facts={"size": 1})


def _mostly(world: World, kind: str) -> None:
    """Let two thirds of all requests be of one kind."""
    world.mix[kind] = 2.0 * (sum(world.mix.values()) - world.mix[kind])


def _apart_ms(world: World, role: str) -> float:
    """How far apart two such requests are at one instance, when two thirds of all are of the kind."""
    return 1000 * len(world.services[role].instances) / (0.67 * world.rate)


@variant("thread_pool_exhausted", "blocking")
def blocking(world: World, locking: Locking) -> Script:
    """Workers block on something slow, until none is left for anything else."""
    role, plan, share = world.chance.choice(
        (("web", "web.list", 0.24), ("catalog", "catalog.show", 0.22), ("users", "users.verify", 0.54))
    )
    instances = world.services[role].instances
    for instance in instances:
        instance.threads.resize(6 if world.rate < 8 else 12)
    block_s = 1.5 * sum(i.threads.size for i in instances) / (share * world.rate)
    yield
    sha = world.deploy(role, note="synchronous")
    world.insert(plan, "export", _wait(block_s))
    yield
    return answer(
        world,
        role,
        plan,
        sha,
        resource="workers",
        shown=_queued(world, role) >= 8,
        facts={"threads": instances[0].threads.size, "blocked_s": round(block_s, 2)},
    )


def _wait(seconds: float) -> Step:
    def step(frame: Frame) -> Process:
        yield int(frame.world.duration(seconds * 1000, 0.25))

    return step


@variant("thread_pool_exhausted", "small")
def few_threads(world: World, locking: Locking) -> Script:
    """A deploy leaves one worker a process."""
    role, plan, kind = world.chance.choice(
        (("web", "web.list", "list"), ("orders", "orders.create", "buy"), ("catalog", "catalog.show", "show"))
    )
    _mostly(world, kind)
    instances = world.services[role].instances
    world.insert(plan, "settle", _wait(0.00075 * _apart_ms(world, role)))
    yield
    sha = world.deploy(role, note="workers")
    for instance in instances:
        instance.threads.resize(1)
    yield
    return answer(world, role, plan, sha, resource="workers", shown=_queued(world, role) >= 8, facts={"threads": 1})


@variant("thread_pool_exhausted", "stuck")
def stuck(world: World, locking: Locking) -> Script:
    """Some requests never end, and take their workers with them."""
    role, plan = world.chance.choice((("web", "web.show"), ("basket", "basket.add"), ("catalog", "catalog.list")))
    size = 3 if world.rate < 4 else 8
    for instance in world.services[role].instances:
        instance.threads.resize(size)
    yield
    sha = world.deploy(role, note="wait for ever")
    share = min(0.8, 1.6 / world.rate)

    def hang(frame: Frame) -> Process:
        yield 3600 * SECOND if world.chance.random() < share else 1000

    world.insert(plan, "callback", hang)
    yield
    return answer(world, role, plan, sha, resource="workers", shown=_queued(world, role) >= 8, facts={"threads": size})


# -- processors and memory ---------------------------------------------------------------------------------------------


def _burn(world: World, instances: list[Instance], slowness: float) -> None:
    for instance in instances:
        instance.slowness = slowness
        world.simulation.spawn(_busy(world, instance))


def _busy(world: World, instance: Instance) -> Process:
    while not world.ended:
        instance.busy_ns += int(SECOND * instance.cores * world.chance.uniform(0.86, 0.97))
        yield SECOND


@variant("cpu_saturation", "service")
def cpu_service(world: World, locking: Locking) -> Script:
    """A service burns all the processor time that it is given."""
    role, plan = world.chance.choice((("catalog", "catalog.show"), ("web", "web.list"), ("orders", "orders.create")))
    yield
    sha = world.deploy(role, note="busy loop")
    _burn(world, world.services[role].instances, 70)
    yield
    return answer(world, role, plan, sha, resource="cpu")


@variant("cpu_saturation", "one-instance")
def cpu_instance(world: World, locking: Locking) -> Script:
    """One of a service's processes spins; the others are well."""
    role, plan = world.chance.choice((("catalog", "catalog.show"), ("web", "web.list"), ("orders", "orders.create")))
    instance = world.services[role].instances[0]
    yield
    _burn(world, [instance], 60)
    yield
    return answer(world, role, plan, resource="cpu", facts={"instance": instance.name})


@variant("cpu_saturation", "input")
def cpu_input(world: World, locking: Locking) -> Script:
    """Some inputs make a regular expression backtrack for seconds, on a processor that others need too."""
    role, plan = world.chance.choice((("catalog", "catalog.show"), ("basket", "basket.add"), ("web", "web.show")))
    for instance in world.services[role].instances:
        instance.cores = 1
    share = min(1.0, 1.3 * len(world.services[role].instances) / (0.2 * world.rate) / 2.2)
    yield

    def match(frame: Frame) -> Process:
        if world.chance.random() < share:
            yield from work(2200)(frame)
        else:
            yield from work(1)(frame)

    world.insert(plan, "match", match)
    yield
    return answer(world, role, plan, resource="cpu")


def _leaking(role: str, plan: str, sha: bool, world: World) -> Script:
    yield
    deployed = world.deploy(role, note="keeps") if sha else ""
    requests = (
        0.42
        * world.size_bytes
        / 13_000
        * {"catalog.show": 0.25, "web.show": 0.22, "orders.create": 0.28, "users.verify": 0.54}[plan]
    )
    each_mb = 300 * len(world.services[role].instances) / max(20.0, requests)

    def keep(frame: Frame) -> Process:
        frame.instance.heap_mb += each_mb * world.chance.uniform(0.5, 1.5)
        frame.instance.garbage_mb += 2
        yield 1000

    world.insert(plan, "remember", keep)
    yield
    yield_ = {"mb_a_request": round(each_mb, 3)}
    return answer(world, role, plan, deployed, resource="memory", facts=yield_)


@variant("memory_leak", "after-deploy")
def leak_after_deploy(world: World, locking: Locking) -> Script:
    """Since a deploy every request leaves something behind."""
    return _leaking(*world.chance.choice((("catalog", "catalog.show"), ("orders", "orders.create"))), True, world)


@variant("memory_leak", "by-use")
def leak_by_use(world: World, locking: Locking) -> Script:
    """A table in memory without a bound starts to fill as users begin to use a feature."""
    return _leaking(*world.chance.choice((("web", "web.show"), ("catalog", "catalog.show"))), False, world)


@variant("memory_leak", "sessions")
def leak_of_sessions(world: World, locking: Locking) -> Script:
    """Sessions are kept and never expired."""
    return _leaking("users", "users.verify", True, world)


# -- load --------------------------------------------------------------------------------------------------------------


def _tight(world: World, role: str, share: float) -> None:
    """Give a database just what the calm load needs three times over."""
    db = world.databases[role]
    db.slots.resize(max(1, round(world.rate / 6)))
    ms = 330 * db.slots.size / (share * world.rate)
    plan, table = {"catalog": ("catalog.list", world.words.item), "orders": ("orders.history", world.words.order)}[role]
    world.insert(
        plan,
        "count",
        query(role, "SELECT", table, f"SELECT count(*) FROM {table} WHERE region = {{page}}", ms, spread=0.3),
    )


def _surge(world: World, role: str, route: str, load: float, weights: dict[str, float], **facts: Any) -> Script:
    _tight(world, role, {"catalog": 0.24, "orders": 0.14}[role])
    yield
    world.load = load
    world.mix.update(weights)
    yield
    return {
        "service": world.services["edge"].name,
        "operation": route,
        "also": [world.services[role].name],
        "facts": {"load": load, **facts},
    }


@variant("traffic_surge", "all")
def surge(world: World, locking: Locking) -> Script:
    """Five times the usual load."""
    return _surge(world, "catalog", "", 5.0, {})


@variant("traffic_surge", "one-route")
def surge_on_one_route(world: World, locking: Locking) -> Script:
    """One kind of request becomes many times as frequent."""
    return _surge(world, "catalog", world.routes["edge.list"][1], 3.0, {"list": 1.8})


@variant("traffic_surge", "history")
def surge_of_history(world: World, locking: Locking) -> Script:
    """Everybody looks at their own past at once."""
    return _surge(world, "orders", world.routes["edge.history"][1], 3.0, {"history": 1.4})


@variant("healthy", "high-load")
def high_load(world: World, locking: Locking) -> Script:
    """Twice the load, which the system carries well."""
    yield
    world.load = 2.2
    yield
    return {}


@variant("healthy", "steady")
def steady(world: World, locking: Locking) -> Script:
    """Nothing happens."""
    yield
    yield
    return {}


@variant("healthy", "blips")
def blips(world: World, locking: Locking) -> Script:
    """High load, a deploy, a few errors that retries repair, some collections: all of it harmless."""
    yield
    world.load = 1.8
    world.deploy(world.chance.choice(("catalog", "orders", "stock")))
    world.insert("stock.check", "blip", fail(0.006, "rejected", "shutting down", 503))
    for service in world.services.values():
        service.instances[0].paused_until = world.simulation.now + int(world.chance.uniform(20, 70) * MS)
    yield
    return {}
