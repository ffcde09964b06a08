"""A dozen ways in which one commit makes an API slower: the edit of the source, and what it does to the system.

An effect gets the milliseconds that an affected request must lose, so that the API as a whole is slower by what was
asked for; whether it is, is measured afterwards and told in the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from examples.simulator.kernel import SECOND, Pool, Process
from examples.simulator.leases import Locking
from examples.simulator.steps import Policy, call, inner, query, repeat, sequence, work
from examples.simulator.system import Failure, Frame, Step, World

Effect = Callable[[World, Locking, float], None]
DIFFS = Path(__file__).parent / "diffs"
PLAN_SHARES = {"list": 0.24, "show": 0.22, "history": 0.14, "basket": 0.12, "buy": 0.28}


@dataclass(frozen=True)
class Edit:
    """One replacement in one file; `old` is empty for a new file."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Culprit:
    """A kind of culprit: whose commit it is, which service and requests it hurts, and what it does to the system.

    `prepare` is the weakness that was there before.
    """

    kind: str
    mechanism: str
    role: str
    message: str
    hurt: str
    affected: tuple[str, ...]
    effect: Effect
    prepare: Effect | None = None
    resource: str | None = None


_PERMISSIONS = "SELECT name FROM permission WHERE user_id = {user}"


def _wait(ms: float) -> Step:
    def step(frame: Frame) -> Process:
        yield int(frame.world.duration(ms, 0.2))

    return step


def _many(world: World, plan: str, before: str | None, database: str, table: str, sql: str, lost_ms: float) -> None:
    """Many short statements that take the lost time together."""
    count = max(6, min(40, round(lost_ms / 5)))
    each = max(1.0, lost_ms / count)
    step = repeat(
        lambda frame: count + int(frame.request["user"]) % 3 - 1,
        lambda turn: query(database, "SELECT", table, sql.format(turn=turn), each),
    )
    world.insert(plan, "each", step, before)


def _rules(world: World, locking: Locking, lost_ms: float) -> None:
    sql = "SELECT kind, bound FROM product_rule WHERE item_id = {{past{turn}}}"
    _many(world, "orders.create", "price", "orders", "product_rule", sql, lost_ms)


def _prices(world: World, locking: Locking, lost_ms: float) -> None:
    count = max(6, min(30, round(lost_ms / 6)))
    each = max(0.5, lost_ms / count - 2.5)

    def step(frame: Frame) -> Process:
        kept = frame.request["item"]
        for turn in range(count):
            frame.request["item"] = 1000 + (int(kept) * 7 + turn * 13) % 400
            yield from call("catalog", "catalog.price")(frame)
        frame.request["item"] = kept

    world.plans["web.list"] = {**world.plans["web.list"], "each": step}
    world.insert("catalog.price", "bound", _wait(each))


def _index(world: World, locking: Locking, lost_ms: float) -> None:
    table = world.words.stock
    sql = f"SELECT on_hand FROM {table} WHERE item_id = {{item}}"
    world.replace("stock.check", "select", query("stock", "SELECT", table, sql, 3 + lost_ms, spread=0.25))


def _cache(world: World, locking: Locking, lost_ms: float) -> None:
    item = world.words.item
    sql = f"SELECT id, name, price, description FROM {item} WHERE id = {{item}}"
    world.replace("catalog.show", "cache", query("catalog", "SELECT", item, sql, lost_ms))


def _stalls(world: World, locking: Locking, lost_ms: float) -> None:
    """One request in twelve meets a replica that hangs; a short timeout and a second attempt hide it."""

    def stall(frame: Frame) -> Process:
        yield 20 * SECOND if frame.world.chance.random() < 0.08 else 1000

    for plan in ("catalog.list", "catalog.show"):
        world.insert(plan, "replica", stall)
    world.calls["web", "catalog"] = Policy(timeout_ms=150, retries=2, backoff_ms=5, retry_timeouts=True)


def _longer_timeout(world: World, locking: Locking, lost_ms: float) -> None:
    world.calls["web", "catalog"] = Policy(
        timeout_ms=150 + lost_ms / 0.08, retries=2, backoff_ms=5, retry_timeouts=True
    )


def _unsure(world: World, locking: Locking, lost_ms: float) -> None:
    """Stock refuses some checks; the cart goes on without an answer."""
    checked = call("stock", "stock.check")

    def maybe(frame: Frame) -> Process:
        try:
            yield from checked(frame)
        except Failure:
            frame.log("INFO", "stock is unknown, going on without")

    def refuse(frame: Frame) -> Process:
        yield 1000
        if frame.request.get("bulky"):
            raise Failure("rejected", "stock of bulky items is counted elsewhere", 503)

    def bulky(frame: Frame) -> Process:
        yield 1000
        frame.request["bulky"] = int(frame.request["item"]) % 3 == 0

    world.insert("basket.add", "bulky", bulky)
    world.insert("stock.check", "refuse", refuse)
    world.replace("basket.add", "stock", maybe)
    world.calls["basket", "stock"] = Policy(retries=0)


def _more_retries(world: World, locking: Locking, lost_ms: float) -> None:
    world.calls["basket", "stock"] = Policy(retries=4, backoff_ms=lost_ms / 0.33 / 15, growth=2.0)


def _permissions(world: World, locking: Locking, lost_ms: float) -> None:
    """A statement that is not short, on connections of which there are enough."""
    apart_ms = 1000 * len(world.services["users"].instances) / (0.54 * world.rate)
    ms = 0.42 * apart_ms
    world.replace("users.verify", "permissions", query("users", "SELECT", "permission", _PERMISSIONS, ms))


def _one_connection(world: World, locking: Locking, lost_ms: float) -> None:
    for instance in world.services["users"].instances:
        instance.connections["users"].resize(1)


def _recommendations(world: World, locking: Locking, lost_ms: float) -> None:
    each = max(1.0, lost_ms / 3 - 3)
    world.insert(
        "web.show", "recommend", sequence(*(call("catalog", "catalog.price") for _ in range(3))), before="render"
    )
    world.insert("catalog.price", "similar", _wait(each))


def _mutex(world: World, locking: Locking, lost_ms: float) -> None:
    """The whole reservation happens under one lock a process; those who come while it is held wait."""
    locks = {instance.name: Pool(world.simulation, 1) for instance in world.services["stock"].instances}
    apart_ms = 1000 * len(locks) / (0.28 * world.rate)
    inside = world.plans["stock.reserve"]["reserve"]
    held_ms = min(lost_ms, 0.55 * apart_ms)

    def step(frame: Frame) -> Process:
        lock = locks[frame.instance.name]
        yield from lock.acquire()
        yield from _wait(held_ms)(frame)
        yield from inside(frame)
        lock.release()

    world.replace("stock.reserve", "reserve", step)


def _render(world: World, locking: Locking, lost_ms: float) -> None:
    world.replace("web.list", "render", inner("views", "render_list", work(5 + lost_ms, 0.2)))


def _pattern(world: World, locking: Locking, lost_ms: float) -> None:
    world.replace("catalog.list", "sort", inner("ranking", "sort_results", work(3 + lost_ms, 0.25)))


def _payloads(world: World, locking: Locking, lost_ms: float) -> None:
    def step(frame: Frame) -> Process:
        for part in ("headers", "customer", "lines", "prices", "stock", "payment"):
            frame.log("INFO", f"payload {part} {frame.request['order']} " + "{...}" * 40)
            yield from work(lost_ms / 6, 0.2)(frame)

    world.insert("orders.create", "log", step, before="price")


def as_built(world: World) -> None:
    """Make the system do what the repositories' source says: lines in batches, permissions with each session."""
    world.insert("users.verify", "permissions", query("users", "SELECT", "permission", _PERMISSIONS, 2))
    line = world.words.line
    sql = f"SELECT * FROM {line} WHERE order_id = ANY ({{past0}})"
    world.replace("orders.history", "lines", query("orders", "SELECT", line, sql, 4))


def _one_by_one(world: World, locking: Locking, lost_ms: float) -> None:
    line = world.words.line
    _many(
        world,
        "orders.history",
        "compute",
        "orders",
        line,
        f"SELECT * FROM {line} WHERE order_id = ANY ({{{{past{{turn}}}}}})",
        lost_ms,
    )


def _slower_partner(world: World, locking: Locking, lost_ms: float) -> None:
    world.partner_ms += lost_ms


CULPRITS: tuple[Culprit, ...] = (
    Culprit(
        "contract", "n_plus_one", "contracts", "Validate quantities against the rule of each product",
        "orders", ("buy",), _rules, resource="product_rule",
    ),
    Culprit(
        "validation", "n_plus_one", "catalog", "Prices are asked for one at a time, so that each is validated",
        "web", ("list",), _prices, resource="price",
    ),
    Culprit(
        "index", "latency_regression", "stock", "Clean up the stock table",
        "stock", ("show", "basket"), _index, resource="stock_level",
    ),
    Culprit(
        "cache", "latency_regression", "catalog", "Always show the present description of a product",
        "catalog", ("show",), _cache, resource="product",
    ),
    Culprit(
        "timeout", "latency_regression", "web", "Be patient with the catalog",
        "web", ("list", "show"), _longer_timeout, _stalls,
    ),
    Culprit(
        "retry", "latency_regression", "basket", "Try again when stock is unknown",
        "basket", ("basket",), _more_retries, _unsure,
    ),
    Culprit(
        "pool", "connection_pool_exhausted", "users", "Use fewer connections",
        "users", ("history", "basket", "buy"), _one_connection, _permissions,
    ),
    Culprit("flag", "latency_regression", "web", "Recommendations for everybody", "web", ("show",), _recommendations),
    Culprit("lock", "lock_contention", "stock", "Reservations must not interleave", "stock", ("buy",), _mutex),
    Culprit(
        "serialization", "latency_regression", "web", "Do not change what the client returned",
        "web", ("list",), _render,
    ),
    Culprit(
        "regex", "cpu_saturation", "catalog", "Normalise spaces at the end as well",
        "catalog", ("list",), _pattern,
    ),
    Culprit("logging", "latency_regression", "orders", "Log what an order was made of", "orders", ("buy",), _payloads),
    Culprit(
        "batch", "n_plus_one", "orders", "Smaller batches for lines",
        "orders", ("history",), _one_by_one, resource="purchase_line",
    ),
)  # fmt: skip
NONE = Culprit(
    "none", "dependency_outage", "payments", "", "payments", ("buy",), _slower_partner, resource="psp.example.net"
)
KINDS = {culprit.kind: culprit for culprit in (*CULPRITS, NONE)}


def edits_of(culprit: Culprit) -> tuple[Edit, ...]:
    """What the culprit's commit changes, from its diff in `diffs/`."""
    if culprit is NONE:
        return ()
    edits: list[Edit] = []
    path, old, new = "", "", ""
    for line in [*(DIFFS / f"{culprit.kind}.diff").read_text("utf-8").splitlines(keepends=True), "@@"]:
        if line.startswith(("---", "@@")) and (old or new):
            edits.append(Edit(path, old, new))
            old, new = "", ""
        if line.startswith("+++ b/"):
            path = line[6:].strip()
        elif not line.startswith(("---", "@@")):
            old += line[1:] if line[0] in " -" else ""
            new += line[1:] if line[0] in " +" else ""
    return tuple(edits)


def lost_ms(culprit: Culprit, mean_ms: float, rise: float) -> float:
    """What an affected request must lose so that the mean of all rises by a share."""
    return rise * mean_ms / sum(PLAN_SHARES[name] for name in culprit.affected)
