"""Messages: a service publishes, consumers of another one take, process and acknowledge."""

from __future__ import annotations

from .kernel import MS, SECOND, Process
from .otlp import attributes
from .steps import awake
from .system import Failure, Frame, Instance, Step


def publish(queue: str) -> Step:
    """Send a message about this request."""

    def step(frame: Frame) -> Process:
        world = frame.world
        span = frame.open()
        number = f"{world.ids.getrandbits(48):012x}"
        yield world.duration(1.2)
        message = {"id": number, "trace": frame.trace, "span": span.id, "request": frame.request.copy(), "tries": 0}
        world.simulation.call_later(int(0.5 * MS), lambda: world.broker.queues[queue].put(message))
        site = world.style.message(world.broker.system, queue, world.broker.host, True)
        span.end(site, _told(frame, number, False))

    return step


def _told(frame: Frame, number: str, again: bool) -> str:
    """What a span says of its message."""
    world = frame.world
    key = world.style.message_key(str(frame.request[world.message_key])) if world.message_key else ""
    return ",".join(filter(None, (world.style.message_id(number, again), key)))


def consume(instance: Instance, queue_name: str, plan: str) -> Process:
    """One consumer of a queue, for ever: take, process, acknowledge; what fails is given back twice."""
    world = instance.service.world
    queue = world.broker.queues[queue_name]
    while True:
        if not instance.consumes:
            yield SECOND
            continue
        message = yield from queue.take()
        yield from awake(instance)
        frame = Frame(instance, message["trace"], message["span"], message["request"])
        frame.request["message"] = message["id"]
        span = frame.open(remote=True)
        if world.style.links:
            told = attributes({"messaging.message.id": message["id"]})
            span.links = (
                f'"links":[{{"traceId":"{message["trace"]}","spanId":"{message["span"]}","attributes":[{told}]}}],'
            )
        error: str | None = None
        try:
            for one in world.plans[plan].values():
                yield from one(frame)
        except Failure as failure:
            error = failure.message
            world.failures[instance.service.role, failure.kind] += 1
            span.fail(failure)
        site = world.style.message(world.broker.system, queue_name, world.broker.host, False)
        span.end(site, _told(frame, message["id"], message["tries"] > 0), error)
        if frame.request.pop("keeps", False):  # the consumer never answers for this one, and keeps it in memory
            instance.heap_mb += frame.request["keeps_mb"]
            continue
        if error is None or message["tries"] >= 2:
            queue.acknowledge()
            if error:
                frame.log("ERROR", f"message {message['id']} of {queue_name} goes to the dead-letter queue: {error}")
            continue
        message["tries"] += 1
        queue.unacknowledged -= 1
        queue.put(message, first=True)
