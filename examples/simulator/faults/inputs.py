"""What callers send, and who takes what others need: one customer, one kind of client, one size of request."""

from __future__ import annotations

from typing import Any

from ..kernel import Process
from ..leases import Locking
from ..steps import fail, query
from ..system import Frame, Step, World
from .script import Script, answer, variant

TENANTS = ("alder", "birch", "cedar", "fir", "hazel", "larch", "maple")
CHANNELS = ("browser", "ios", "android")


def tagged(world: World) -> None:
    """Let requests say whose they are: the customer, the client and how many things it asks for."""
    world.tags = ("tenant", "client", "items")

    def tag(request: dict[str, Any], plan: str) -> None:
        user = int(request["user"])
        request["tenant"] = TENANTS[user * 7919 % 1009 % len(TENANTS)]
        request["client"] = CHANNELS[user * 31 % 97 % 3]
        request["items"] = 1 + user * 17 % 9

    world.tag = tag


def _also(world: World, more: Any) -> None:
    """Let a share of the requests carry something else."""
    before = world.tag

    def tag(request: dict[str, Any], plan: str) -> None:
        before(request, plan)
        more(request, plan)

    world.tag = tag


def _when(condition: Any, then: Step) -> Step:
    def step(frame: Frame) -> Process:
        if condition(frame.request):
            yield from then(frame)

    return step


def _place(world: World) -> tuple[str, str]:
    return world.chance.choice((("catalog", "catalog.list"), ("stock", "stock.check"), ("users", "users.verify")))


# -- bad input ---------------------------------------------------------------------------------------------------------


@variant("bad_input", "customer")
def customer(world: World, locking: Locking) -> Script:
    """A new customer's data cannot be read; all others are well."""
    role, plan = _place(world)
    tagged(world)
    yield
    share = world.chance.uniform(0.25, 0.45)
    _also(world, lambda request, plan: request.update(tenant="spruce") if world.chance.random() < share else None)
    broken = fail(0.9, "value", "cannot parse region '§§' of {tenant}")
    world.insert(plan, "region", _when(lambda request: request["tenant"] == "spruce", broken))
    yield
    return answer(world, role, plan, shown=world.failures[role, "value"] >= 10, facts={"tenant": "spruce"})


@variant("bad_input", "size")
def size(world: World, locking: Locking) -> Script:
    """Some callers begin to send far more at once than the code can take."""
    role, plan = _place(world)
    tagged(world)
    share = world.chance.uniform(0.25, 0.45)
    yield

    def many(request: dict[str, Any], entry: str) -> None:
        if world.chance.random() < share:
            request["items"] = request["items"] * 40 + 100

    _also(world, many)
    broken = fail(0.95, "value", "{items} items do not fit into one batch")
    world.insert(plan, "batch", _when(lambda request: request["items"] > 100, broken))
    yield
    return answer(world, role, plan, shown=world.failures[role, "value"] >= 10, facts={"items": 100})


@variant("bad_input", "client-of-customer")
def client_of_customer(world: World, locking: Locking) -> Script:
    """A new client that only some customers use sends what the code cannot read: the two together fail."""
    role, plan = _place(world)
    tagged(world)
    few = world.chance.sample(TENANTS, 4)
    yield
    share = world.chance.uniform(0.6, 0.75)
    _also(world, lambda request, plan: request.update(client="kiosk") if world.chance.random() < share else None)
    broken = fail(0.95, "value", "field 'unit' is missing in request of {tenant}")
    both = lambda request: request["client"] == "kiosk" and request["tenant"] in few  # noqa: E731
    world.insert(plan, "unit", _when(both, broken))
    yield
    return answer(
        world, role, plan, shown=world.failures[role, "value"] >= 10, facts={"client": "kiosk", "tenants": few}
    )


# -- noisy neighbours --------------------------------------------------------------------------------------------------


def _noise(world: World, role: str, plan: str, load: float) -> Script:
    """One customer sends many requests that are costly; the service has workers for the usual ones only."""
    tagged(world)
    loud = world.chance.choice(TENANTS)
    table = world.words.item if role == "catalog" else world.words.order
    workers = 2
    for instance in world.services[role].instances:
        instance.threads.resize(workers)
    yield
    kind = plan.split(".")[1]
    others = sum(world.mix.values()) - world.mix[kind]
    world.mix[kind] *= load
    world.load = world.mix[kind] + others
    ours = 1 - 1 / load
    loud_rate = world.rate * world.mix[kind] * ours
    # Of all workers they take nine in ten, on the average.
    costly_ms = 0.9 * 1000 * workers * len(world.services[role].instances) / loud_rate

    def take(request: dict[str, Any], entry: str) -> None:
        if entry == f"edge.{kind}" and world.chance.random() < ours:
            request.update(tenant=loud, loud=True)

    _also(world, take)
    export = query(role, "SELECT", table, f"SELECT * FROM {table} WHERE region = {{page}} ORDER BY id", costly_ms)
    world.insert(plan, "export", _when(lambda request: "loud" in request, export))
    yield
    return answer(world, role, plan, also=[world.services["edge"].name], facts={"tenant": loud, "load": load})


@variant("noisy_neighbour", "exports")
def exports(world: World, locking: Locking) -> Script:
    """One customer exports everything page by page, and takes the database from the others."""
    return _noise(world, "catalog", "catalog.list", 5.0)


@variant("noisy_neighbour", "history")
def history(world: World, locking: Locking) -> Script:
    """One customer asks for the past of all its users at once."""
    return _noise(world, "orders", "orders.history", 7.0)


@variant("noisy_neighbour", "flood")
def flood(world: World, locking: Locking) -> Script:
    """One customer's client asks again and again, five times as often as all others together."""
    return _noise(world, "catalog", "catalog.show", 9.0)


# -- and nothing -------------------------------------------------------------------------------------------------------


@variant("healthy", "customers")
def customers(world: World, locking: Locking) -> Script:
    """Requests say whose they are; one customer's share grows, a new one comes: all are served."""
    tagged(world)
    yield
    _also(world, lambda request, plan: request.update(tenant="spruce") if world.chance.random() < 0.2 else None)
    _also(world, lambda request, plan: request.update(tenant="cedar") if world.chance.random() < 0.3 else None)
    world.load = 1.5
    yield
    return {}
