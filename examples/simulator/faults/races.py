"""Races: no lock where one is needed, a check before the act, one message processed twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial as bound
from typing import Any

from ..backends import Database
from ..kernel import MS, SECOND, Process
from ..leases import Locking, leased
from ..steps import call, fail, partner, query, run, sequence, work
from ..system import Failure, Frame, Step, World
from .locks import many_payments
from .script import Script, answer, variant


@variant("race_condition", "lost-update")
def lost_update(world: World, locking: Locking) -> Script:
    """The lock around a read-modify-write is gone; the version check catches it, and payments fail."""
    many_payments(world)
    world.accounts = max(3, round(1.5 * world.rate))
    world.partner_ms = 420
    yield
    sha = world.deploy("payments", note="no lock")
    world.replace("payments.charge", "settle", run("payments.settle"))
    yield
    return answer(
        world,
        "payments",
        "payments.charge",
        sha,
        shown=world.failures["payments", "conflict"] >= 3,
        resource=world.words.account,
        facts={"conflicts_are": "detected by version"},
    )


@variant("race_condition", "check-then-act")
def check_then_act(world: World, locking: Locking) -> Script:
    """A coupon is looked up, and used when it is free; two requests find it free."""
    many_payments(world)
    yield
    sha = world.deploy("orders", note="coupon")

    def seen(frame: Frame, db: Database) -> None:
        frame.request["free"] = db.row(f"coupon:{int(frame.request['user']) % 3}")[1] >= 1000
        frame.request["coupon"] = int(frame.request["user"]) % 3

    def taken(frame: Frame, db: Database) -> None:
        row = db.row(f"coupon:{frame.request['coupon']}")
        if row[1] < 1000:
            coupon = frame.request["coupon"]
            text = f"duplicate key value violates unique constraint coupon_use_pkey, key (coupon)=({coupon})"
            frame.log("ERROR", f"{frame.service.error('duplicate')}: {text}")
            raise Failure("duplicate", text, 500)
        row[1] = 0
        frame.world.simulation.call_later(2 * SECOND, lambda: row.__setitem__(1, 1000))

    check = query(
        "orders", "SELECT", "coupon_use", "SELECT count(*) FROM coupon_use WHERE coupon_id = {coupon}", 4, then=seen
    )
    act = query(
        "orders",
        "INSERT",
        "coupon_use",
        "INSERT INTO coupon_use (coupon_id, user_id) VALUES ({coupon}, {user})",
        4,
        then=taken,
    )

    def coupon(frame: Frame) -> Process:
        frame.request["coupon"] = int(frame.request["user"]) % 3
        yield from check(frame)
        yield from work(420)(frame)
        if frame.request["free"]:
            yield from act(frame)

    world.insert("orders.create", "coupon", coupon, before="pay")
    yield
    return answer(
        world, "orders", "orders.create", sha, shown=world.failures["orders", "duplicate"] >= 2, resource="coupon_use"
    )


@variant("race_condition", "duplicate-processing")
def duplicate_processing(world: World, locking: Locking) -> Script:
    """Messages are delivered again while the first delivery is still at work, and both are booked."""
    yield
    queue = world.broker.queues[f"{world.words.services['ledger']}.entries"]
    put: Callable[..., None] = queue.put

    def put_twice(message: Any, first: bool = False) -> None:
        put(message, first)
        if not first and world.chance.random() < 0.5:
            again = {**message, "request": message["request"].copy(), "tries": 1}
            world.simulation.call_later(int(world.chance.uniform(20, 90) * MS), bound(put, again, True))

    queue.put = put_twice  # type: ignore[method-assign]
    world.insert("ledger.post", "check", sequence(work(60), fail(0.0, "value", "")), before="insert")
    world.insert("ledger.post", "unique", _once_only(), before="insert")
    yield
    return answer(
        world,
        "ledger",
        queue.name,
        shown=world.failures["ledger", "duplicate"] >= 3,
        resource=queue.name,
        facts={"duplicates_are": "second delivery violates a unique key"},
    )


def _once_only() -> Step:
    def booked(frame: Frame, db: Database) -> None:
        row = db.row(f"entry:{frame.request['message']}")
        row[0] += 1
        if row[0] > 2:
            text = f"duplicate key value violates unique constraint entry_ref_key, key (ref)=({frame.request['order']})"
            frame.log("ERROR", f"{frame.service.error('duplicate')}: {text}")
            raise Failure("duplicate", text, 500)

    return query(
        "ledger", "INSERT", "processed", "INSERT INTO processed (message_id) VALUES ('{message}')", 3, then=booked
    )


# -- what nobody is told of, and what lies between services ------------------------------------------------------------


def _set_balance(world: World) -> Step:
    table = world.words.account
    return query(
        "payments", "UPDATE", table, f"UPDATE {table} SET balance = {{amount}} WHERE id = {{account}}", then=_kept
    )


def _kept(frame: Frame, db: Database) -> None:
    """Write the balance, and count where that was of another version than was read."""
    row = db.row(f"{frame.world.words.account}:{frame.request['account']}")
    frame.world.failures["payments", "lost"] += row[0] != frame.request["seen"]
    row[0] += 1


@variant("race_condition", "silent-update")
def silent_update(world: World, locking: Locking) -> Script:
    """The lock around a read-modify-write is gone, and nothing checks: what another wrote is lost."""
    many_payments(world)
    world.accounts = max(3, round(1.5 * world.rate))
    world.partner_ms = 420
    world.tags = ("account",)
    world.replace("payments.settle", "write", _set_balance(world))
    yield
    world.failures["payments", "lost"] = 0
    sha = world.deploy("payments", note="no lock")
    world.replace("payments.charge", "settle", run("payments.settle"))
    yield
    lost = world.failures["payments", "lost"]
    return answer(
        world, "payments", "payments.charge", sha, shown=lost >= 4, resource=world.words.account, facts={"lost": lost}
    )


def _by_put(world: World, locking: Locking, checked: bool) -> Script:
    many_payments(world)
    world.accounts = max(3, round(1.5 * world.rate))
    world.partner_ms = 420
    world.tags = ("account",)
    world.routes["ledger.set"] = ("PUT", "/balances/{account}")
    key = "balance:{account}"

    def seen(frame: Frame, db: Database) -> None:
        frame.request["seen"] = db.row(key.format_map(frame.request))[0]

    def kept(frame: Frame, db: Database) -> None:
        row = db.row(key.format_map(frame.request))
        if row[0] != frame.request["seen"]:
            world.failures["ledger", "lost"] += 1
            if checked:
                raise Failure("conflict", f"balance is at {row[0]}, not at {frame.request['seen']}", 409)
        row[0] += 1

    read = "SELECT total FROM balance WHERE account = {account}"
    write = "UPDATE balance SET total = {amount} WHERE account = {account}"
    world.plans["ledger.balance"] = {"read": query("ledger", "SELECT", "balance", read, then=seen)}
    world.plans["ledger.set"] = {"write": query("ledger", "UPDATE", "balance", write, then=kept)}
    steps = (call("ledger", "ledger.balance"), partner("/v1/authorizations"), call("ledger", "ledger.set"))
    world.replace("payments.charge", "settle", leased(locking, key, *steps))
    yield
    world.failures["ledger", "lost"] = 0
    sha = world.deploy("payments", note="no lock")
    world.replace("payments.charge", "settle", sequence(*steps))
    yield
    lost = world.failures["ledger", "lost"]
    return answer(
        world, "payments", "payments.charge", sha, shown=lost >= 4, resource="/balances/{account}", facts={"lost": lost}
    )


@variant("race_condition", "put-unseen")
def put_unseen(world: World, locking: Locking) -> Script:
    """A balance is asked of another service and put back there, no longer under a lock; the last one wins."""
    return _by_put(world, locking, checked=False)


@variant("race_condition", "put-refused")
def put_refused(world: World, locking: Locking) -> Script:
    """The same, but the other service refuses what was read too long ago: 409."""
    return _by_put(world, locking, checked=True)


@variant("race_condition", "check-elsewhere")
def check_elsewhere(world: World, locking: Locking) -> Script:
    """A voucher is looked up at one service and used at another, which refuses the second of two: 409."""
    many_payments(world)
    world.tags = ("voucher",)
    world.routes["catalog.voucher"] = ("GET", "/v1/vouchers/{voucher}")
    world.routes["payments.redeem"] = ("POST", "/redemptions")
    used: set[int] = set()

    def seen(frame: Frame, db: Database) -> None:
        frame.request["free"] = frame.request["voucher"] not in used

    def taken(frame: Frame, db: Database) -> None:
        voucher = frame.request["voucher"]
        if voucher in used:
            world.failures["payments", "late"] += 1
            raise Failure("conflict", "voucher is spent", 409)
        used.add(voucher)
        world.simulation.call_later(2 * SECOND, lambda: used.discard(voucher))

    look = "SELECT state FROM voucher WHERE id = {voucher}"
    world.plans["catalog.voucher"] = {"read": query("catalog", "SELECT", "voucher", look, then=seen)}
    use = "INSERT INTO redemption (code, amount) VALUES ('{order}', {amount})"
    world.plans["payments.redeem"] = {"write": query("payments", "INSERT", "redemption", use, then=taken)}
    check, act = call("catalog", "catalog.voucher"), call("payments", "payments.redeem")

    def redeem(frame: Frame) -> Process:
        frame.request["voucher"] = int(frame.request["user"]) % 3 + 400
        yield from check(frame)
        yield from work(420)(frame)
        if frame.request["free"]:
            yield from act(frame)

    yield
    sha = world.deploy("orders", note="voucher")
    world.insert("orders.create", "voucher", redeem, before="pay")
    yield
    return answer(
        world, "orders", "orders.create", sha, shown=world.failures["payments", "late"] >= 3, resource="/vouchers"
    )


@variant("race_condition", "redelivered")
def redelivered(world: World, locking: Locking) -> Script:
    """Acknowledgements are lost: messages come again when they have long been done, and are done again."""
    yield
    queue = world.broker.queues[f"{world.words.services['ledger']}.entries"]
    put: Callable[..., None] = queue.put
    again = [0]

    def put_twice(message: Any, first: bool = False) -> None:
        put(message, first)
        if not first and world.chance.random() < 0.4:
            again[0] += 1
            later = {**message, "request": message["request"].copy(), "tries": 1}
            world.simulation.call_later(int(world.chance.uniform(1200, 2500) * MS), bound(put, later, True))

    queue.put = put_twice  # type: ignore[method-assign]
    yield
    return answer(world, "ledger", queue.name, shown=again[0] >= 6, resource=queue.name, facts={"again": again[0]})


@variant("race_condition", "overtaken")
def overtaken(world: World, locking: Locking) -> Script:
    """Some messages take the way round by a second queue; later ones of the same account are handled before them."""
    many_payments(world)
    world.accounts = max(3, round(1.5 * world.rate))
    world.message_key = "account"
    queue = world.broker.queues[f"{world.words.services['ledger']}.entries"]
    latest: dict[int, int] = {}
    late, sent = [0], [0]

    def number(frame: Frame) -> Process:
        sent[0] += 1
        frame.request["sent"] = sent[0]
        yield 1000

    def handled(frame: Frame) -> Process:
        account, place = frame.request["account"], frame.request["sent"]
        late[0] += place < latest.get(account, 0)
        latest[account] = max(place, latest.get(account, 0))
        yield 1000

    world.insert("payments.charge", "number", number, before="publish")
    world.insert("ledger.post", "handled", handled)
    yield
    late[0] = 0
    put: Callable[..., None] = queue.put

    def put_later(message: Any, first: bool = False) -> None:
        if not first and world.chance.random() < 0.4:
            world.simulation.call_later(int(world.chance.uniform(900, 4000) * MS), bound(put, message, first))
        else:
            put(message, first)

    queue.put = put_later  # type: ignore[method-assign]
    yield
    return answer(world, "ledger", queue.name, shown=late[0] >= 6, resource=queue.name, facts={"late": late[0]})
