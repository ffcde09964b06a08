"""Locks: leases that end early, locks held too long, locks taken in the wrong order."""

from __future__ import annotations

from collections import Counter
from functools import partial
from statistics import median
from typing import Any

from ..backends import LockNode
from ..kernel import MS, SECOND, Process
from ..leases import Locking, leased
from ..steps import query, run, sometimes, transaction, work
from ..system import Frame, Host, Step, World
from .script import Answer, Script, answer, variant

GAP_MS = 50


def _overlaps(world: World) -> list[Answer]:
    """Times at which two owners believed that they held one key, from the truth that was kept."""
    held: dict[str, dict[str, dict[str, Any]]] = {}
    found = []
    for at in world.truth:
        owners = held.setdefault(at["key"], {})
        if at["what"] == "taken":
            found += [{"key": at["key"], "first": first, "second": at} for first in owners.values()]
            owners[at["owner"]] = at
        elif at["what"] == "left":
            owners.pop(at["owner"], None)
    return found


def _lease_answer(world: World, locking: Locking, host: Host | None, offset_ms: float, **more: Any) -> Answer:
    payments = world.services["payments"]
    overlaps = _overlaps(world)
    gaps = [at["gap_ms"] for at in world.truth if at["what"] == "late"]
    keys = [key for key, _ in Counter(overlap["key"] for overlap in overlaps).most_common()]
    told = [
        {
            "key": overlap["key"],
            "owners": [overlap["first"]["owner"], overlap["second"]["owner"]],
            "hosts": [overlap["first"]["host"], overlap["second"]["host"]],
            "traces": [overlap["first"]["trace"], overlap["second"]["trace"]],
            "since_ns": str(overlap["second"]["at_ns"]),
        }
        for overlap in overlaps[:20]
    ]
    return {
        "shown": len(overlaps) >= 2,
        "service": payments.name,
        "operation": world.routes["payments.charge"][1],
        "resource": keys[0] if keys else locking.prefix,
        "facts": {
            "backend": locking.backend,
            "ttl_ms": locking.ttl_ms,
            "renew_ms": locking.renew_ms,
            "keys": keys[:20],
            "gap_ms": round(median(gaps), 1) if gaps else None,
            "late_renewals": len(gaps),
            "overlaps": len(overlaps),
            "skewed_host": host.name if host else None,
            "offset_ms": offset_ms,
            "examples": told,
            **more,
        },
    }


def _slow_under_load(world: World, locking: Locking) -> None:
    """More payments, and a partner that takes longer for each: the work now outlasts the lease."""
    world.load = 1.2
    world.partner_ms = 1.7 * locking.ttl_ms


def many_payments(world: World) -> None:
    """Payments are what this system mostly does, and a few accounts get most of them."""
    world.mix["buy"] = 0.8
    world.accounts = max(4, round(3 * world.rate))


def _apart_ms(world: World) -> float:
    """How far apart payments are when they are most of what the system does."""
    return 1000 / (0.52 * world.rate)


def _by_clock(backend: str, world: World, locking: Locking) -> Script:
    locking.backend = backend
    many_payments(world)
    locking.ttl_ms = world.chance.choice((900, 1000, 1200))
    margin_ms = world.chance.choice((150, 200, 300))
    locking.renew_ms = locking.ttl_ms - margin_ms
    locking.poll_ms = 80
    offset_ms = margin_ms + GAP_MS - 2  # a renewal is some two milliseconds on its way
    host = world.services["payments"].instances[world.chance.randrange(3)].host
    host.offset_ns, host.drift_ppb = 0, 0
    chronic = world.chance.random() < 0.5
    if chronic:  # the clock was wrong before; nobody noticed as long as the work was short
        host.offset_ns = -offset_ms * MS
    yield
    host.offset_ns = -offset_ms * MS
    _slow_under_load(world, locking)
    yield
    return _lease_answer(world, locking, host, -offset_ms, chronic=chronic)


for _backend in ("redis-pxat", "redis-script", "lease-table"):
    variant("lock_lease_expired", _backend)(partial(_by_clock, _backend))


@variant("lock_lease_expired", "redlock")
def redlock(world: World, locking: Locking) -> Script:
    """Three of five lock servers run on machines whose clock runs too fast."""
    locking.backend = "redlock"
    many_payments(world)
    locking.ttl_ms, locking.renew_ms, locking.poll_ms = 1200, 1050, 80
    world.locks.nodes = [LockNode(world.simulation) for _ in range(5)]
    yield
    rate = locking.ttl_ms / (locking.renew_ms - GAP_MS + 3)
    for node in world.locks.nodes[:3]:
        node.rate = rate
    _slow_under_load(world, locking)
    yield
    return _lease_answer(
        world, locking, None, 0.0, fast_nodes=[f"{world.locks.host}-{n}" for n in range(3)], rate=round(rate, 4)
    )


def _by_pause(backend: str, world: World, locking: Locking) -> Script:
    locking.backend = backend
    many_payments(world)
    locking.ttl_ms, locking.renew_ms, locking.poll_ms = 1200, 800, 80
    yield
    _slow_under_load(world, locking)
    instance = world.services["payments"].instances[world.chance.randrange(3)]
    world.simulation.spawn(_stop_now_and_then(world, instance, locking))
    yield
    return _lease_answer(world, locking, None, 0.0, paused_instance=instance.name, paused_host=instance.host.name)


def _stop_now_and_then(world: World, instance: Any, locking: Locking) -> Process:
    while not world.ended:
        yield int(world.chance.uniform(0.5, 1.4) * SECOND)
        pause_ms = locking.ttl_ms - locking.renew_ms + world.chance.uniform(GAP_MS, 600)
        instance.paused_until = world.simulation.now + int(pause_ms * MS)
        instance.log("WARN", f"GC pause {pause_ms:.0f}ms (Full GC, Allocation Failure)")


for _backend in ("etcd", "zookeeper"):
    variant("lock_lease_expired", _backend)(partial(_by_pause, _backend))


# -- contention --------------------------------------------------------------------------------------------------------


@variant("lock_contention", "one-key")
def one_key(world: World, locking: Locking) -> Script:
    """A deploy makes every payment take the same lock."""
    many_payments(world)
    world.partner_ms = min(900.0, _apart_ms(world))
    world.accounts = max(30, round(12 * world.rate))
    yield
    calm = len(world.truth)
    sha = world.deploy("payments", note="lock")
    world.replace("payments.charge", "settle", leased(locking, "settlement:all", run("payments.settle")))
    yield
    waits = [at["waited_ms"] for at in world.truth[calm:] if at["what"] == "taken"]
    return answer(
        world,
        "payments",
        "payments.charge",
        sha,
        shown=sum(waits) > 0.5 * world.partner_ms * len(waits) > 0,
        resource=f"{locking.prefix}settlement:all",
        facts={"backend": locking.backend},
    )


@variant("lock_contention", "row-lock")
def row_lock(world: World, locking: Locking) -> Script:
    """A row is locked with FOR UPDATE, and held while something slow is done in the same transaction."""
    many_payments(world)
    hold_ms = min(800.0, 0.8 * _apart_ms(world))
    yield
    sha = world.deploy("stock", note="lock")
    table = world.words.stock
    world.insert("stock.reserve", "choose", _assign("item", 1007))
    world.replace(
        "stock.reserve",
        "reserve",
        transaction(
            "stock",
            query(
                "stock",
                "SELECT",
                table,
                f"SELECT on_hand FROM {table} WHERE item_id = {{item}} FOR UPDATE",
                3,
                row="stock:{item}",
            ),
            work(hold_ms, 0.2),
            query(
                "stock",
                "UPDATE",
                table,
                f"UPDATE {table} SET on_hand = on_hand - 1 WHERE item_id = {{item}}",
                3,
                row="stock:{item}",
            ),
        ),
    )
    yield
    return answer(world, "stock", "stock.reserve", sha, resource=table)


def _assign(key: str, value: Any) -> Step:
    def step(frame: Frame) -> Process:
        frame.request[key] = value
        yield 1000

    return step


@variant("lock_contention", "advisory")
def advisory(world: World, locking: Locking) -> Script:
    """Posting takes one advisory lock for all accounts, and holds it for the length of a slow statement."""
    many_payments(world)
    hold_ms = min(800.0, 0.8 * _apart_ms(world))
    yield
    sha = world.deploy("orders", note="lock")
    table = world.words.order
    world.insert(
        "orders.create",
        "number",
        transaction(
            "orders",
            query("orders", "SELECT", "", "SELECT pg_advisory_xact_lock(48151623)", 0.6, row="advisory:48151623"),
            query("orders", "SELECT", table, f"SELECT max(number) FROM {table} WHERE year = 2026", hold_ms, spread=0.2),
        ),
        before="pay",
    )
    yield
    return answer(world, "orders", "orders.create", sha, resource="pg_advisory_xact_lock(48151623)")


# -- deadlock ----------------------------------------------------------------------------------------------------------


def _transfer(world: World, between_ms: float) -> tuple[Step, Step]:
    table = world.words.stock

    def touch(name: str, row: int) -> Step:
        return query(
            "stock",
            "UPDATE",
            table,
            f"UPDATE {table} SET on_hand = on_hand {name} 1 WHERE item_id = {row}",
            4,
            row=f"stock:{row}",
        )

    one = transaction("stock", touch("-", 1001), work(between_ms), touch("-", 1002))
    other = transaction("stock", touch("+", 1002), work(between_ms), touch("+", 1001))
    return one, other


@variant("deadlock", "row-order")
def row_order(world: World, locking: Locking) -> Script:
    """Two operations lock the same two rows in opposite order."""
    many_payments(world)
    world.mix["show"] = 0.6
    yield
    sha = world.deploy("stock", note="bundle")
    one, other = _transfer(world, min(420.0, 0.4 * _apart_ms(world)))
    world.replace("stock.reserve", "reserve", one)
    world.insert("stock.check", "rebalance", sometimes(0.5, other))
    yield
    return answer(
        world,
        "stock",
        "stock.reserve",
        sha,
        shown=world.failures["stock", "deadlock"] >= 2,
        resource=world.words.stock,
        facts={"rows": [1001, 1002]},
    )


@variant("deadlock", "two-locks")
def two_locks(world: World, locking: Locking) -> Script:
    """Two payments take the locks of payer and payee in opposite order, and wait for each other in vain."""
    locking.wait_ms = 3000
    many_payments(world)
    yield
    sha = world.deploy("payments", note="transfer")
    inner = run("payments.settle")
    ab = leased(locking, "account:71", work(300), leased(locking, "account:72", inner))
    ba = leased(locking, "account:72", work(300), leased(locking, "account:71", inner))
    world.replace("payments.charge", "settle", _either(ab, ba))
    yield
    keys = [f"{locking.prefix}account:{n}" for n in (71, 72)]
    return answer(
        world,
        "payments",
        "payments.charge",
        sha,
        shown=world.failures["payments", "lock"] >= 2,
        resource=keys[0],
        facts={"keys": keys},
    )


def _either(*ways: Step) -> Step:
    def step(frame: Frame) -> Process:
        yield from frame.world.chance.choice(ways)(frame)

    return step


def _caught(world: World, keys: list[str]) -> int:
    """How often all of some locks were held at once for a second, each by another: nobody in such a ring goes on."""
    held: dict[str, tuple[str, int]] = {}
    found = 0
    for at in world.truth:
        if at["key"] not in keys:
            continue
        if at["what"] == "taken":
            held[at["key"]] = at["owner"], at["at_ns"]
        elif at["what"] == "left":
            owners = {owner for owner, _ in held.values()}
            since = max((since for _, since in held.values()), default=0)
            found += len(owners) == len(keys) and at["at_ns"] - since > SECOND
            held.pop(at["key"], None)
    return found


@variant("deadlock", "ring")
def ring(world: World, locking: Locking) -> Script:
    """Payments take the locks of two of three parties, each kind the next one's second: all wait for each other."""
    locking.wait_ms = 3000
    many_payments(world)
    world.load = 1.5
    yield
    sha = world.deploy("payments", note="transfer")
    inner = run("payments.settle")
    ways = [
        leased(locking, f"account:{one}", work(450), leased(locking, f"account:{other}", inner))
        for one, other in ((71, 72), (72, 73), (73, 71))
    ]
    world.replace("payments.charge", "settle", _either(*ways))
    yield
    keys = [f"{locking.prefix}account:{n}" for n in (71, 72, 73)]
    caught = _caught(world, keys)
    return answer(
        world,
        "payments",
        "payments.charge",
        sha,
        shown=caught >= 3,
        resource=keys[0],
        facts={"keys": keys, "rings": caught},
    )


@variant("deadlock", "advisory-order")
def advisory_order(world: World, locking: Locking) -> Script:
    """Two kinds of posting take two advisory locks in opposite order."""
    many_payments(world)
    yield
    sha = world.deploy("orders", note="numbers")

    def lock(number: int) -> Step:
        return query("orders", "SELECT", "", f"SELECT pg_advisory_xact_lock({number})", 1, row=f"advisory:{number}")

    ab = transaction("orders", lock(11), work(250), lock(12), work(20))
    ba = transaction("orders", lock(12), work(250), lock(11), work(20))
    world.insert("orders.create", "number", _either(ab, ba), before="pay")
    yield
    return answer(
        world,
        "orders",
        "orders.create",
        sha,
        shown=world.failures["orders", "deadlock"] >= 2,
        resource="pg_advisory_xact_lock",
    )
