"""Clocks that are wrong where time is compared, and networks that are slow."""

from __future__ import annotations

from ..kernel import MS, SECOND, Process
from ..leases import Locking
from ..steps import call
from ..system import Failure, Frame, Host, Step, World
from .script import Answer, Script, variant


def _local_s(frame: Frame) -> float:
    return (frame.world.simulation.now + frame.instance.host.offset_ns) / SECOND


def _stamp(key: str) -> Step:
    def step(frame: Frame) -> Process:
        frame.request[key] = _local_s(frame)
        yield 20_000

    return step


def _compare(key: str, least_s: float, most_s: float, text: str, status: int) -> Step:
    """Refuse what is, by this host's clock, younger or older than it may be."""

    def step(frame: Frame) -> Process:
        age = _local_s(frame) - frame.request.get(key, _local_s(frame))
        yield 20_000
        if not least_s <= age <= most_s:
            message = text.format(age=age, before=-age)
            frame.log("WARN" if status < 500 else "ERROR", f"{frame.service.error('token')}: {message}")
            raise Failure("token", message, status)

    return step


def _answer(world: World, role: str, host: Host, offset_ms: int, operation: str, refusing: str) -> Answer:
    others = [s.name for s in world.services.values() if any(i.host is host for i in s.instances)]
    return {
        "service": world.services[role].name,
        "resource": host.name,
        "operation": operation,
        "also": sorted({*others, world.services[refusing].name}),
        "facts": {"host": host.name, "offset_ms": offset_ms},
    }


@variant("clock_skew", "token")
def token(world: World, locking: Locking) -> Script:
    """Tokens are issued on a host whose clock is ahead, and refused as not yet valid."""
    host = world.services["users"].instances[0].host
    world.insert("users.verify", "issue", _stamp("issued"))
    world.insert(
        "orders.create",
        "token",
        _compare("issued", -2, 3600, "token used before issued ({before:.1f}s in the future)", 401),
    )
    world.insert(
        "basket.add",
        "token",
        _compare("issued", -2, 3600, "token used before issued ({before:.1f}s in the future)", 401),
    )
    offset_ms = world.chance.randint(4000, 40000)
    yield
    host.offset_ns += offset_ms * MS
    yield
    return _answer(world, "users", host, offset_ms, world.routes["users.verify"][1], "orders")


@variant("clock_skew", "message-age")
def message_age(world: World, locking: Locking) -> Script:
    """A consumer whose clock is ahead takes fresh messages for old ones and drops them."""
    host = world.services["notify"].instances[0].host
    world.insert("orders.create", "stamp", _stamp("sent"), before="publish")
    world.insert(
        "notify.deliver", "age", _compare("sent", -3600, 15, "message expired: age {age:.1f}s exceeds 15s", 500)
    )
    offset_ms = world.chance.randint(20000, 60000)
    yield
    host.offset_ns += offset_ms * MS
    yield
    return _answer(world, "notify", host, offset_ms, world.words.topic, "notify")


@variant("clock_skew", "signed-request")
def signed_request(world: World, locking: Locking) -> Script:
    """Requests are signed with the time, and a host that is behind signs too early a one."""
    host = world.services["web"].instances[0].host
    for plan in ("web.list", "web.show"):
        world.insert(plan, "sign", _stamp("signed"))
    for plan in ("catalog.list", "catalog.show"):
        world.insert(plan, "verify", _compare("signed", -3, 3, "RequestTimeTooSkewed: difference is {age:.1f}s", 403))
    offset_ms = -world.chance.randint(4000, 20000)
    yield
    host.offset_ns += offset_ms * MS
    yield
    return _answer(world, "web", host, offset_ms, world.routes["web.list"][1], "catalog")


def _pairs(world: World, role: str) -> list[tuple[str, str]]:
    return [pair for other in world.services for pair in ((other, role), (role, other)) if other != role]


@variant("network_delay", "service")
def service(world: World, locking: Locking) -> Script:
    """All packets to and from one service take longer."""
    role = world.chance.choice(("catalog", "stock", "users", "payments"))
    yield
    delay = world.chance.randint(60, 180)
    world.links_ns.update(dict.fromkeys(_pairs(world, role), delay * MS // 2))
    yield
    return {"service": world.services[role].name, "facts": {"delay_ms": delay}}


@variant("network_delay", "link")
def link(world: World, locking: Locking) -> Script:
    """One direction of one connection between two services takes longer."""
    caller, callee = world.chance.choice(
        (("orders", "payments"), ("web", "catalog"), ("edge", "users"), ("orders", "stock"))
    )
    yield
    delay = world.chance.randint(80, 200)
    world.links_ns[caller, callee] = delay * MS
    yield
    one, other = world.services[caller].name, world.services[callee].name
    return {"service": other, "also": [one], "resource": f"{one}->{other}", "facts": {"delay_ms": delay}}


@variant("network_delay", "host")
def host(world: World, locking: Locking) -> Script:
    """The network of one host is slow, for everybody on it."""
    role = world.chance.choice(("catalog", "stock", "users", "payments"))
    machine = world.services[role].instances[0].host
    yield
    delay = world.chance.randint(60, 160)
    machine.network_ns = delay * MS
    yield
    there = [s.name for s in world.services.values() if any(i.host is machine for i in s.instances)]
    return {
        "service": world.services[role].name,
        "also": there,
        "resource": machine.name,
        "facts": {"delay_ms": delay, "host": machine.name},
    }


_ = call
