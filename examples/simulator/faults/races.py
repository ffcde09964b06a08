"""Races: no lock where one is needed, a check before the act, one message processed twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..backends import Database
from ..kernel import MS, SECOND, Process
from ..leases import Locking
from ..steps import fail, query, run, sequence, work
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
            world.simulation.call_later(int(world.chance.uniform(20, 90) * MS), partial(put, again, True))

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
