"""An ordinary day: traffic with its rises, jobs by the clock, garbage collection, deploys that harm nobody."""

from __future__ import annotations

import math
import random
from contextlib import suppress
from dataclasses import replace

from .engine import Failure, Process, Take
from .execution import handle, one
from .fleet import Pod, Service, Topic, Work
from .topology import add_pod
from .world import Context, World

# So many unconfirmed messages at most, as a consumer would ask of its broker.
PREFETCH = 120


def start(world: World, rate: float, sampling: float) -> None:
    """Set everything going. `rate` is in requests a second; `sampling` the share of traces that are kept."""
    world.engine.spawn(_arrivals(world, rate, sampling))
    for topic in world.topics:
        for index in range(3):
            world.engine.spawn(_consumer(world, topic, index))
    for service in world.services:
        for pod in service.pods:
            look_after(world, pod)
    world.engine.spawn(_jobs(world))


def look_after(world: World, pod: Pod) -> None:
    """What a pod does on its own."""
    world.engine.spawn(_collect_garbage(world, pod))


def load(world: World) -> float:
    """How busy the hour is: a slow wave, and a ripple."""
    phase = world.seed % 7
    return 1.0 + 0.18 * math.sin(world.now / 2400 + phase) + 0.06 * math.sin(world.now / 170 + phase)


def request(world: World, sampling: float) -> Context:
    """A new request: whose it is and what it is about."""
    dice = world.dice
    return Context(
        world.hex(32),
        None,
        dice.random() < sampling,
        dice.choice(world.tenants),
        dice.randint(1000, 9999),
        dice.randint(100, 4000),
        dice.choice([1, 2, 3, 4, 6, 8, 12]),
        round(dice.lognormvariate(1.5, 0.8), 1),
    )


def _arrivals(world: World, rate: float, sampling: float) -> Process:
    weights = [weight for _, _, weight in world.entries]
    while True:
        yield world.dice.expovariate(rate * load(world) * world.surge)
        entry = world.dice.choices(range(len(weights)), weights)[0]
        service, index, _ = world.entries[entry]
        if world.surge > 1 and world.surge_entry and world.dice.random() < 1 - 1 / world.surge:
            service, index = world.surge_entry
        pod = world.pick(service)
        if pod:
            world.engine.spawn(handle(world, request(world, sampling), pod, service.operations[index]))


def _consumer(world: World, topic: Topic, index: int) -> Process:
    while True:
        yield Take(topic.available)
        topic.available.used -= 1
        topic.available.capacity -= 1
        if not topic.backlog:
            continue
        yield Take(topic.workers)
        while topic.unacked >= PREFETCH:  # the broker hands out no more before some are confirmed
            yield 1.0
        context, _ = topic.backlog.popleft()
        pods = [p for p in topic.consumer.pods if p.ready] if topic.consumer else []
        if pods and topic.handler:
            pod = pods[index % len(pods)]
            if topic.twice():
                world.engine.spawn(deliver(world, topic, context, pods[(index + 1) % len(pods)]))
            yield from deliver(world, topic, context, pod)
        topic.workers.release()


def deliver(world: World, topic: Topic, context: Context, pod: Pod) -> Process:
    """Hand one message to its consumer."""
    assert topic.handler is not None
    yield world.dice.uniform(0.002, 0.01)
    topic.unacked += 1
    with suppress(Failure):
        yield from handle(world, replace(context), pod, topic.handler, consumed=topic)
    if topic.acks():
        topic.unacked -= 1


def _collect_garbage(world: World, pod: Pod) -> Process:
    if pod.service.style in ("go", "python-old", "python-new"):
        return
    while pod.up:
        yield world.dice.uniform(25, 60)
        seconds = world.dice.uniform(0.015, 0.09)
        pod.paused_until = max(pod.paused_until, world.now + seconds)
        pod.gc_s += seconds


def _jobs(world: World) -> Process:
    """A job by the clock: a long trace, and a processor that is busy meanwhile."""
    leaf = next(s for s in world.services if s.operations)
    while True:
        yield world.batch_every_s * world.dice.uniform(0.9, 1.1)
        pod = world.pick(leaf)
        if pod is None:
            continue
        context = replace(request(world, 1.0), tenant="")
        span = world.begin(context, pod, "INTERNAL", "job reconcile", {"job.name": "reconcile"})
        pod.hog += 0.3
        for _ in range(world.dice.randint(15, 30)):
            yield from one(world, context.under(span), pod, Work(20))
        pod.hog -= 0.3
        world.finish(span, context)
        world.say(pod, "INFO", "reconcile finished", context.under(span))


def roll_out(world: World, service: Service, version: str, dice: random.Random, every_s: float = 20.0) -> None:
    """Replace a service's pods one after another by pods of a new version."""
    for index, old in enumerate(list(service.pods)):
        world.engine.at(world.now + index * every_s, lambda old=old: _replace(world, service, old, version, dice))  # type: ignore[misc]


def _replace(world: World, service: Service, old: Pod, version: str, dice: random.Random) -> None:
    if old not in service.pods:
        return
    new = add_pod(world, service, version, dice)
    old.ready = False
    service.pods.remove(old)
    look_after(world, new)
    world.say(new, "INFO", f"started {service.name} version {version}")
