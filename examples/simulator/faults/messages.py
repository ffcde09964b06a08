"""Messages that pile up: not consumed fast enough, or consumed and never acknowledged."""

from __future__ import annotations

from ..kernel import Process
from ..leases import Locking
from ..messaging import publish
from ..steps import fail, repeat, work
from ..system import Frame, Step, World
from .script import Answer, Script, change, variant


def _answer(world: World, sha: str, **facts: object) -> Answer:
    told: Answer = {
        "service": world.services["notify"].name,
        "resource": world.words.topic,
        "operation": world.words.topic,
        "facts": facts,
    }
    return {**told, "change": change(world, "notify", sha)} if sha else told


def _busy_ms(world: World, share: float) -> float:
    """How long a message must take so that the consumers are so busy."""
    consumers = world.consumers["notify"] * len(world.services["notify"].instances)
    return share * 1000 * consumers / (0.26 * world.rate)


@variant("message_backlog", "slow-consumer")
def slow_consumer(world: World, locking: Locking) -> Script:
    """Since a deploy a message takes longer than messages are apart."""
    yield
    sha = world.deploy("notify", note="slow")
    ms = _busy_ms(world, 2.2)
    world.insert("notify.deliver", "attach", work(ms, 0.2))
    yield
    return _answer(world, sha, message_ms=round(ms))


@variant("message_backlog", "fewer-consumers")
def fewer_consumers(world: World, locking: Locking) -> Script:
    """All consumers but those of one process stop, and that one is not enough."""
    instances = world.services["notify"].instances
    world.insert("notify.deliver", "attach", work(_busy_ms(world, 0.65), 0.2))
    for instance in instances:
        instance.cores = 16
    yield
    for instance in instances[1:]:
        instance.consumes = False
        instance.log("ERROR", "consumer was cancelled by the broker: connection reset")
    yield
    told = _answer(world, "", consuming=1, of=len(instances))
    return {**told, "shown": len(world.broker.queues[world.words.topic].ready) >= 6}


@variant("message_backlog", "burst")
def burst(world: World, locking: Locking) -> Script:
    """The producer sends many messages where it sent one."""
    world.insert("notify.deliver", "attach", work(_busy_ms(world, 0.3), 0.2))
    for instance in world.services["notify"].instances:
        instance.cores = 16
    yield
    sha = world.deploy("orders", note="fan out")
    world.replace("orders.create", "publish", repeat(lambda frame: 8, lambda turn: publish(world.words.topic)))
    yield
    told = _answer(world, "", messages=8)
    return {**told, "also": [world.services["orders"].name], "change": change(world, "orders", sha)}


def _keep(share: float, each_mb: float) -> Step:
    def step(frame: Frame) -> Process:
        if frame.world.chance.random() < share:
            frame.request["keeps"] = True
            frame.request["keeps_mb"] = each_mb
        yield 1000

    return step


def _each_mb(world: World, share: float) -> float:
    messages = 0.42 * world.size_bytes / 13_000 * 0.27 * share / len(world.services["notify"].instances)
    return 200 / max(10.0, messages)


def _bounded(world: World) -> None:
    world.broker.queues[world.words.topic].prefetch = max(12, int(world.size_bytes / 1e6 * 3))


@variant("unacknowledged_messages", "early-return")
def early_return(world: World, locking: Locking) -> Script:
    """A branch returns before the acknowledgement."""
    _bounded(world)
    yield
    sha = world.deploy("notify", note="early return")
    world.insert("notify.deliver", "skip", _keep(0.6, _each_mb(world, 0.6)))
    yield
    return _answer(world, sha, share=0.6)


@variant("unacknowledged_messages", "after-error")
def after_error(world: World, locking: Locking) -> Script:
    """A handler swallows its error, and acknowledges only what went well."""
    _bounded(world)
    yield
    sha = world.deploy("notify", note="swallow")
    world.insert("notify.deliver", "check", fail(0.5, "value", "address of {user} is not deliverable"))
    world.insert("notify.deliver", "keep", _keep(1.0, _each_mb(world, 0.5)))
    world.insert("notify.deliver", "clear", _forget(), before="render")
    yield
    return _answer(world, sha, share=0.5)


def _forget() -> Step:
    def step(frame: Frame) -> Process:
        frame.request.pop("keeps", None)
        yield 1000

    return step


@variant("unacknowledged_messages", "never")
def never(world: World, locking: Locking) -> Script:
    """Acknowledgement was switched to manual, and nobody acknowledges."""
    _bounded(world)
    yield
    sha = world.deploy("notify", note="manual ack")
    world.insert("notify.deliver", "manual", _keep(1.0, _each_mb(world, 1.0)))
    yield
    return _answer(world, sha, share=1.0)
