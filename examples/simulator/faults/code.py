"""Code that became slow, code that fails, and what is outside and down."""

from __future__ import annotations

from typing import Any

from ..leases import Locking
from ..steps import cached, fail, inner, query, work
from ..system import World
from .script import Script, answer, variant


@variant("latency_regression", "code")
def code(world: World, locking: Locking) -> Script:
    """A function takes a hundred times as long since a deploy."""
    role, plan, step, module, function = world.chance.choice(
        (
            ("web", "web.list", "render", "views", "render_list"),
            ("catalog", "catalog.list", "sort", "ranking", "sort_results"),
            ("orders", "orders.create", "validate", "checkout", "validate"),
        )
    )
    yield
    sha = world.deploy(role, note="slow")
    ms = world.chance.randint(160, 420)
    world.replace(plan, step, inner(module, function, work(ms)))
    yield
    return answer(world, role, plan, sha, resource=function, facts={"ms": ms})


@variant("latency_regression", "index")
def index(world: World, locking: Locking) -> Script:
    """A statement that used an index reads the whole table."""
    w = world.words
    ms = world.chance.randint(140, 380)
    role, plan, step, table, by = world.chance.choice(
        (
            (
                "users",
                "users.verify",
                "token",
                "session",
                cached(
                    "users",
                    "session:{user}",
                    120,
                    query(
                        "users", "SELECT", "session", "SELECT user_id, expires FROM session WHERE user_id = {user}", ms
                    ),
                ),
            ),
            (
                "stock",
                "stock.check",
                "select",
                w.stock,
                query("stock", "SELECT", w.stock, f"SELECT on_hand FROM {w.stock} WHERE item_id = {{item}}", ms),
            ),
            (
                "orders",
                "orders.history",
                "orders",
                w.order,
                query(
                    "orders",
                    "SELECT",
                    w.order,
                    f"SELECT id, total, state FROM {w.order} WHERE user_id = {{user}} ORDER BY id DESC LIMIT 10",
                    ms,
                ),
            ),
        )
    )
    yield
    world.replace(plan, step, by)
    yield
    return answer(world, role, plan, resource=table, facts={"ms": ms})


@variant("latency_regression", "own-time")
def own_time(world: World, locking: Locking) -> Script:
    """A service takes longer in code that has no span of its own."""
    role, plan = world.chance.choice(
        (("catalog", "catalog.show"), ("basket", "basket.add"), ("users", "users.verify"), ("edge", "edge.list"))
    )
    yield
    sha = world.deploy(role, note="slow")
    ms = world.chance.randint(120, 380)
    world.insert(plan, "encode", work(ms))
    yield
    return answer(world, role, plan, sha, facts={"ms": ms})


@variant("exception", "after-deploy")
def after_deploy(world: World, locking: Locking) -> Script:
    """New code does not expect an absent value."""
    role, plan = world.chance.choice(
        (
            ("catalog", "catalog.show"),
            ("orders", "orders.create"),
            ("users", "users.verify"),
            ("web", "web.history"),
            ("basket", "basket.add"),
        )
    )
    yield
    sha = world.deploy(role, note="null")
    world.insert(
        plan,
        "map",
        inner("mapper", "to_view", work(1), fail(0.45, "null", "cannot read 'label' of an absent value (item {item})")),
    )
    yield
    return answer(world, role, plan, sha, resource="to_view")


@variant("exception", "data")
def data(world: World, locking: Locking) -> Script:
    """Rows with a value that the code never met begin to arrive; nothing was deployed."""
    role, plan = world.chance.choice(
        (("catalog", "catalog.list"), ("stock", "stock.check"), ("orders", "orders.history"))
    )
    yield
    world.plans[plan] = {**world.plans[plan], "parse": fail(0.4, "value", "unknown state 'PARTIAL' of {item}")}
    yield
    return answer(world, role, plan)


@variant("exception", "one-instance")
def one_instance(world: World, locking: Locking) -> Script:
    """One of a service's processes has a broken file and fails every second request."""
    role, plan = world.chance.choice((("catalog", "catalog.show"), ("web", "web.show"), ("orders", "orders.create")))
    broken = world.services[role].instances[0]
    failing = fail(0.8, "value", "template is truncated at byte 4096")

    def step(frame: Any) -> Any:
        if frame.instance is broken:
            yield from failing(frame)

    yield
    world.insert(plan, "template", step)
    yield
    return answer(world, role, plan, facts={"instance": broken.name})


def _outage(mode: str, failing: float) -> Any:
    def script(world: World, locking: Locking) -> Script:
        """The partner outside does not do its work."""
        yield
        world.partner_failing = failing
        world.partner_mode = mode
        yield
        return answer(
            world,
            "payments",
            "payments.charge",
            resource=world.words.partner,
            also=[world.services["notify"].name, world.words.partner],
            facts={"partner": world.words.partner, "failing": failing},
        )

    return script


variant("dependency_outage", "503")(_outage("503", 0.85))
variant("dependency_outage", "timeout")(_outage("timeout", 0.7))
variant("dependency_outage", "refused")(_outage("refused", 1.0))


@variant("dependency_outage", "database")
def database(world: World, locking: Locking) -> Script:
    """A database does not accept connections."""
    role, plan = world.chance.choice((("stock", "stock.check"), ("orders", "orders.history")))
    yield
    world.databases[role].down = True
    yield
    return answer(world, role, plan, resource=world.databases[role].host, also=[world.databases[role].host])
