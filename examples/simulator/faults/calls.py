"""How services call each other: too often, again and again, not long enough, or past a cache that is empty."""

from __future__ import annotations

from ..kernel import MS, SECOND, Process
from ..leases import Locking
from ..steps import Policy, cached, call, command, fail, hedged, query, repeat, sequence, work
from ..system import Frame, Step, World
from .script import Script, answer, variant

# -- N+1 ---------------------------------------------------------------------------------------------------------------


@variant("n_plus_one", "db")
def n_plus_one_db(world: World, locking: Locking) -> Script:
    """A list is read, and then one row for each of its items."""
    rows = world.chance.randint(14, 40)
    role, plan, table, sql = world.chance.choice(
        (
            (
                "orders",
                "orders.history",
                "payment_state",
                "SELECT state FROM payment_state WHERE order_id = {{past{turn}}}",
            ),
            ("catalog", "catalog.list", "price", "SELECT amount, currency FROM price WHERE item_id = {{past{turn}}}"),
            ("users", "users.verify", "permission", "SELECT name FROM permission WHERE role_id = {{past{turn}}}"),
        )
    )
    yield
    sha = world.deploy(role, note="each row")
    world.plans[plan] = {
        **world.plans[plan],
        "each": repeat(
            lambda frame: rows + int(frame.request["user"]) % 5,
            lambda turn: query(
                role, "SELECT", table, sql.replace("{turn}", str(turn)).replace("{{", "{").replace("}}", "}"), 6
            ),
        ),
    }
    yield
    return answer(world, role, plan, sha, resource=table, facts={"rows": rows})


def _each_call(world: World, role: str, plan: str, target: str, called: str, rows: int) -> Step:
    keys = {"stock.check": "item", "catalog.price": "item", "users.profile": "user"}

    def step(frame: Frame) -> Process:
        kept = frame.request[keys[called]]
        for turn in range(rows):
            frame.request[keys[called]] = 1000 + (int(kept) * 7 + turn * 13) % 400
            yield from call(target, called)(frame)
        frame.request[keys[called]] = kept

    return step


@variant("n_plus_one", "http")
def n_plus_one_http(world: World, locking: Locking) -> Script:
    """A list is fetched, and then one request made for each of its items."""
    rows = world.chance.randint(12, 26)
    yield
    sha = world.deploy("web", note="price each")
    world.plans["web.list"] = {
        **world.plans["web.list"],
        "each": _each_call(world, "web", "web.list", "catalog", "catalog.price", rows),
    }
    yield
    return answer(
        world,
        "web",
        "web.list",
        sha,
        resource=world.routes["catalog.price"][1],
        also=[world.services["catalog"].name],
        facts={"rows": rows},
    )


@variant("n_plus_one", "grpc")
def n_plus_one_grpc(world: World, locking: Locking) -> Script:
    """The same over gRPC."""
    rows = world.chance.randint(12, 26)
    role, plan, target, called = world.chance.choice(
        (("orders", "orders.history", "stock", "stock.check"), ("web", "web.history", "users", "users.profile"))
    )
    yield
    sha = world.deploy(role, note="each")
    world.plans[plan] = {**world.plans[plan], "each": _each_call(world, role, plan, target, called, rows)}
    yield
    return answer(
        world,
        role,
        plan,
        sha,
        resource=called.split(".")[1].title(),
        also=[world.services[target].name],
        facts={"rows": rows},
    )


# -- chatty ------------------------------------------------------------------------------------------------------------


@variant("chatty_calls", "settings")
def settings(world: World, locking: Locking) -> Script:
    """Forty settings are read from a cache, one at a time."""
    names = [
        f"settings:{group}:{name}" for group in ("tax", "limits", "texts", "rules", "flags") for name in "abcdefgh"
    ]
    role, plan, cache = world.chance.choice(
        (("basket", "basket.add", "basket"), ("catalog", "catalog.show", "catalog"), ("users", "users.verify", "users"))
    )
    yield
    sha = world.deploy(role, note="settings")

    def read(frame: Frame) -> Process:
        for name in names:
            yield from command(frame, "redis", world.caches[cache].host, f"GET {name}", world.duration(2.2))

    world.insert(plan, "settings", read)
    yield
    return answer(world, role, plan, sha, resource=world.caches[cache].host, facts={"calls": len(names)})


@variant("chatty_calls", "services")
def services(world: World, locking: Locking) -> Script:
    """A page asks three services for its pieces, in twenty small requests one after the other."""
    yield
    sha = world.deploy("web", note="widgets")
    pieces = sequence(
        *(
            call(role, plan)
            for _ in range(7)
            for role, plan in (("stock", "stock.check"), ("catalog", "catalog.price"), ("users", "users.profile"))
        )
    )
    world.insert("web.show", "widgets", pieces)
    yield
    return answer(world, "web", "web.show", sha, facts={"calls": 21})


@variant("chatty_calls", "statements")
def statements(world: World, locking: Locking) -> Script:
    """One insert is split into many small statements."""
    columns = (
        "state",
        "total",
        "tax",
        "discount",
        "address",
        "note",
        "channel",
        "currency",
        "weight",
        "packing",
        "slot",
        "courier",
        "gift",
        "locale",
    )
    yield
    sha = world.deploy("orders", note="columns")
    table = world.words.order
    step = sequence(
        *(
            query("orders", "UPDATE", table, f"UPDATE {table} SET {name} = {place} WHERE id = '{{order}}'", 5)
            for place, name in enumerate((*columns, *columns[:6]))
        )
    )
    world.plans["orders.create"] = {**world.plans["orders.create"], "columns": step}
    yield
    return answer(world, "orders", "orders.create", sha, resource=table, facts={"calls": len(columns) + 6})


# -- retries -----------------------------------------------------------------------------------------------------------


@variant("retry_storm", "no-backoff")
def no_backoff(world: World, locking: Locking) -> Script:
    """A callee refuses some requests; its caller tries again at once, eight times."""
    caller, callee, plan = world.chance.choice(
        (("orders", "stock", "stock.reserve"), ("web", "catalog", "catalog.list"), ("edge", "users", "users.verify"))
    )
    world.calls[caller, callee] = Policy(timeout_ms=3000, retries=8, backoff_ms=0)
    yield
    world.insert(plan, "overload", fail(0.72, "rejected", "overloaded, try later", 503))
    yield
    return answer(
        world,
        caller,
        plan,
        also=[world.services[callee].name],
        facts={"retries": 8, "callee": world.services[callee].name},
    )


@variant("retry_storm", "layers")
def layers(world: World, locking: Locking) -> Script:
    """Three layers retry three times each, so that one failure becomes many attempts at the bottom."""
    for pair in (("edge", "web"), ("web", "catalog"), ("edge", "orders"), ("orders", "stock")):
        world.calls[pair] = Policy(timeout_ms=5000, retries=3, backoff_ms=25, growth=1.0)
    plan = world.chance.choice(("catalog.show", "stock.reserve"))
    yield
    world.insert(plan, "overload", fail(0.8, "rejected", "overloaded, try later", 503))
    yield
    callee = plan.split(".")[0]
    caller = {"catalog": "web", "stock": "orders"}[callee]
    return answer(
        world,
        caller,
        plan,
        also=[world.services[callee].name, world.services["edge"].name],
        facts={"retries": 3, "layers": 2},
    )


@variant("retry_storm", "hedged")
def hedged_calls(world: World, locking: Locking) -> Script:
    """A caller asks a second time when it is not answered in a few milliseconds: most calls become two."""
    caller, callee, plan, before, step = world.chance.choice(
        (
            ("web", "catalog", "web.list", "catalog.list", "list"),
            ("orders", "stock", "orders.create", "stock.reserve", "reserve"),
            ("edge", "users", "edge.history", "users.verify", "verify"),
        )
    )
    world.insert(before, "work", work(60, 0.5))
    yield
    sha = world.deploy(caller, note="hedge")
    world.replace(plan, step, hedged(callee, before, 8))
    yield
    return answer(world, caller, plan, sha, also=[world.services[callee].name], facts={"after_ms": 8})


@variant("retry_storm", "timeouts")
def retried_timeouts(world: World, locking: Locking) -> Script:
    """A callee becomes slow; its caller gives up early and asks again, while the callee still works on the first."""
    caller, callee, plan, table = world.chance.choice(
        (("web", "catalog", "catalog.show", world.words.item), ("orders", "stock", "stock.reserve", world.words.stock))
    )
    world.calls[caller, callee] = Policy(timeout_ms=450, retries=6, backoff_ms=10, growth=1.0, retry_timeouts=True)
    world.databases[callee].slots.resize(max(2, round(world.rate / 3)))
    yield
    world.insert(
        plan,
        "scan",
        query(callee, "SELECT", table, f"SELECT count(*) FROM {table} WHERE region = {{page}}", 420, spread=0.3),
    )
    yield
    return answer(
        world,
        caller,
        plan,
        also=[world.services[callee].name],
        shown=world.failures[caller, "no answer"] >= 12,
        facts={"retries": 6, "timeout_ms": 450},
    )


# -- timeouts ----------------------------------------------------------------------------------------------------------


@variant("timeout_budget", "shorter")
def shorter(world: World, locking: Locking) -> Script:
    """A deploy gives a caller less time than its callee ordinarily needs."""
    caller, callee, plan = world.chance.choice(
        (("edge", "orders", "orders.create"), ("orders", "payments", "payments.charge"))
    )
    world.partner_ms = 420
    yield
    sha = world.deploy(caller, note="timeout")
    world.calls[caller, callee] = Policy(timeout_ms=400, retries=0)
    yield
    return answer(world, caller, plan, sha, also=[world.services[callee].name], facts={"timeout_ms": 400})


@variant("timeout_budget", "slower")
def slower(world: World, locking: Locking) -> Script:
    """What is called takes longer than before, and no longer fits into the time that the caller gives it."""
    world.calls["edge", "orders"] = Policy(timeout_ms=900, retries=0)
    world.calls["orders", "payments"] = Policy(timeout_ms=4000, retries=0)
    yield
    world.partner_ms = 1100
    yield
    return answer(
        world,
        "edge",
        "orders.create",
        also=[world.services[name].name for name in ("orders", "payments")],
        facts={"timeout_ms": 900, "callee_timeout_ms": 4000},
    )


@variant("timeout_budget", "retries-inside")
def retries_inside(world: World, locking: Locking) -> Script:
    """The callee's own retries take longer together than its caller waits."""
    world.calls["web", "catalog"] = Policy(timeout_ms=700, retries=0)
    world.calls["edge", "orders"] = Policy(timeout_ms=1200, retries=0)
    yield
    world.calls["orders", "stock"] = Policy(timeout_ms=600, retries=3, backoff_ms=40, retry_timeouts=True)
    world.insert("stock.reserve", "stall", _stall(0.75, 900))
    yield
    return answer(
        world,
        "edge",
        "orders.create",
        also=[world.services[name].name for name in ("orders", "stock")],
        facts={"timeout_ms": 1200, "inside_ms": 2400},
    )


def _stall(share: float, ms: int) -> Step:
    def step(frame: Frame) -> Process:
        yield ms * MS if frame.world.chance.random() < share else 1000

    return step


# -- caches ------------------------------------------------------------------------------------------------------------


def _costly(world: World) -> float:
    """Make what the cache saves worth saving: without it, the database is full. Returns the query's milliseconds."""
    w, db = world.words, world.databases["catalog"]
    slots = max(1, round(world.rate / 6))
    db.slots.resize(slots)
    ms = 850 * slots / (0.46 * world.rate)
    _load(world, ms, 240)
    for page in range(1, 11):  # warm, as after a day's work
        world.caches["catalog"].put(f"{w.item}s:page:{page}", int(world.chance.uniform(200, 3000)) * SECOND)
    for item in range(1000, 1400):
        world.caches["catalog"].put(f"{w.item}:{item}", int(world.chance.uniform(200, 3000)) * SECOND)
    return ms


def _load(world: World, ms: float, ttl_s: float) -> None:
    w = world.words
    world.replace(
        "catalog.list",
        "cache",
        cached(
            "catalog",
            f"{w.item}s:page:{{page}}",
            ttl_s,
            query("catalog", "SELECT", w.item, f"SELECT id, name, price FROM {w.item} ORDER BY rank LIMIT 24", ms),
        ),
    )
    world.replace(
        "catalog.show",
        "cache",
        cached(
            "catalog",
            f"{w.item}:{{item}}",
            ttl_s,
            query(
                "catalog",
                "SELECT",
                w.item,
                f"SELECT id, name, price, description FROM {w.item} WHERE id = {{item}}",
                ms,
            ),
        ),
    )


@variant("cache_stampede", "node-down")
def node_down(world: World, locking: Locking) -> Script:
    """The cache loses everything and keeps nothing: all readers go to the database."""
    _costly(world)
    yield
    world.caches["catalog"].flush()
    world.caches["catalog"].down = True
    yield
    return answer(world, "catalog", "catalog.show", resource=world.caches["catalog"].host)


@variant("cache_stampede", "short-life")
def short_life(world: World, locking: Locking) -> Script:
    """A deploy lets keys live for a second instead of minutes; popular ones are loaded many times at once."""
    ms = _costly(world)
    yield
    sha = world.deploy("catalog", note="ttl")
    _load(world, ms, 1)
    world.caches["catalog"].flush()
    yield
    return answer(world, "catalog", "catalog.show", sha, resource=world.caches["catalog"].host)


@variant("cache_stampede", "flush")
def flush(world: World, locking: Locking) -> Script:
    """Something empties the cache every few seconds."""
    _costly(world)
    yield
    world.simulation.spawn(_flush_often(world))
    yield
    return answer(world, "catalog", "catalog.show", resource=world.caches["catalog"].host)


def _flush_often(world: World) -> Process:
    while not world.ended:
        world.caches["catalog"].flush()
        yield int(world.chance.uniform(2, 5) * SECOND)


_ = work
