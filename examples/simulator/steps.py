"""What services do, as steps: compute, query, ask a cache, call another service or the partner outside.

A step is a function from a frame to a process. Plans are made of steps, and faults replace or add them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from .backends import Database, Transaction
from .kernel import MS, SECOND, Pool, Process, Signal
from .system import Failure, Frame, Instance, Span, Step

POOL_TIMEOUT_NS = 2 * SECOND
LOGGING_ROLES = ("edge", "orders", "payments", "catalog")  # those that log each request that they served


@dataclass(frozen=True)
class Policy:
    """How a caller waits for another service, and how often it tries again."""

    timeout_ms: float = 5000
    retries: int = 1
    backoff_ms: float = 60
    growth: float = 2.0
    retry_timeouts: bool = False


DEFAULT_POLICY = Policy()


def awake(instance: Instance) -> Generator[int, Any, None]:
    """Wait while the whole process stands still (garbage collection, a stopped machine)."""
    pause = instance.paused_until - instance.service.world.simulation.now
    if pause > 0:
        yield pause


def work(ms: float, spread: float = 0.35) -> Step:
    """Compute for about so long on a processor that is shared."""

    def step(frame: Frame) -> Process:
        instance = frame.instance
        instance.running += 1
        cost = frame.world.duration(ms, spread)
        instance.busy_ns += int(cost * instance.slowness)
        instance.garbage_mb += 0.25
        yield int(cost * instance.slowness * max(1.0, instance.running / instance.cores))
        instance.running -= 1
        yield from awake(instance)

    return step


def spelled(function: str, language: str) -> str:
    """A function's name as its language spells names."""
    if language == "python":
        return function
    first, *rest = function.split("_")
    return first + "".join(map(str.title, rest))


def inner(module: str, function: str, *steps: Step) -> Step:
    """A function of the service that has a span of its own."""

    def step(frame: Frame) -> Process:
        span = frame.open()
        site = frame.world.style.inner(f"{frame.service.name}.{module}", spelled(function, frame.service.language))
        try:
            for one in steps:
                yield from one(frame)
        except Failure as failure:
            span.end(site, error=failure.message)
            raise
        span.end(site)

    return step


def sequence(*steps: Step) -> Step:
    """One after the other."""

    def step(frame: Frame) -> Process:
        for one in steps:
            yield from one(frame)

    return step


def repeat(times: Callable[[Frame], int], step_of: Callable[[int], Step]) -> Step:
    """A loop; `step_of` gives the step of each turn."""

    def step(frame: Frame) -> Process:
        for turn in range(times(frame)):
            yield from step_of(turn)(frame)

    return step


def run(plan: str) -> Step:
    """Another plan of the same service, as it is then."""

    def step(frame: Frame) -> Process:
        for one in frame.world.plans[plan].values():
            yield from one(frame)

    return step


def sometimes(share: float, then: Step) -> Step:
    """A step that only some requests take."""

    def step(frame: Frame) -> Process:
        if frame.world.chance.random() < share:
            yield from then(frame)

    return step


def fail(share: float, kind: str, message: str, status: int = 500) -> Step:
    """Raise an error in some requests."""

    def step(frame: Frame) -> Process:
        if frame.world.chance.random() < share:
            text = message.format_map(frame.request)
            frame.log("ERROR" if status >= 500 else "WARN", f"{frame.service.error(kind)}: {text}")
            raise Failure(kind, text, status)
        yield 1000

    return step


def query(
    database: str, verb: str, table: str, sql: str, ms: float = 3.0, row: str = "", spread: float = 0.35,
    then: Callable[[Frame, Any], None] | None = None,
) -> Step:  # fmt: skip
    """A statement, on the transaction's connection or on one from the pool; `row` is the row that it locks."""

    def step(frame: Frame) -> Process:
        db = frame.world.databases[database]
        pool = frame.instance.connections[database]
        own = frame.transaction is None
        if own and not (yield from pool.acquire(POOL_TIMEOUT_NS)):
            raise _no_connection(frame, database)
        transaction = frame.transaction or Transaction()
        span = frame.open()
        style = frame.world.style
        text = sql.format_map(frame.request)
        site = style.query(db.system, db.host, db.name, verb, table, f"{table.title().replace('_', '')}Repository")
        extra = ",".join(filter(None, (style.statement(db.system, text), style.parameters(text))))
        try:
            if db.down:
                yield 3 * MS
                raise Failure("refused", f"connection to server at {db.host} refused", 503)
            if row and not (yield from db.lock(transaction, row.format_map(frame.request))):
                raise Failure("deadlock", "deadlock detected", 500)
            yield from db.slots.acquire()
            yield int(frame.world.duration(ms, spread) * db.slowness)
            db.slots.release()
            if then:
                then(frame, db)
        except Failure as failure:
            if failure.kind != "conflict":
                span.fail(failure)
                span.end(site, extra, failure.message)
            else:
                span.end(site, extra)
            raise
        else:
            span.end(site, extra)
        finally:
            if own:
                db.release(transaction)
                pool.release()

    return step


def _no_connection(frame: Frame, database: str) -> Failure:
    text = f"Connection is not available, request timed out after {POOL_TIMEOUT_NS // MS}ms (pool {database})"
    frame.log("ERROR", f"{frame.service.error('pool')}: {text}")
    return Failure("pool", text, 500)


def transaction(database: str, *steps: Step) -> Step:
    """Steps on one connection, with their row locks held until the end."""

    def step(frame: Frame) -> Process:
        pool = frame.instance.connections[database]
        db = frame.world.databases[database]
        if not (yield from pool.acquire(POOL_TIMEOUT_NS)):
            raise _no_connection(frame, database)
        frame.transaction = Transaction()
        try:
            for one in steps:
                yield from one(frame)
        except Failure:
            yield from _end(frame, db, pool, "ROLLBACK")
            raise
        yield from _end(frame, db, pool, "COMMIT")

    return step


def _end(frame: Frame, db: Database, pool: Pool, verb: str) -> Process:
    span = frame.open()
    yield int(frame.world.duration(1.0) * db.slowness)
    style = frame.world.style
    span.end(style.query(db.system, db.host, db.name, verb, "", ""), style.statement(db.system, verb))
    db.release(frame.transaction)
    frame.transaction = None
    pool.release()


def command(frame: Frame, system: str, host: str, text: str, wait_ns: int) -> Process:
    """A command to a cache or a lock store, with its span."""
    span = frame.open()
    yield wait_ns
    style = frame.world.style
    span.end(style.query(system, host, "", text.split(" ", 1)[0], "", ""), style.statement(system, text))


def cached(cache: str, key: str, ttl_s: float, *load: Step) -> Step:
    """Read through a cache: on a miss, load and keep."""

    def step(frame: Frame) -> Process:
        store = frame.world.caches[cache]
        name = key.format_map(frame.request)
        yield from command(frame, "redis", store.host, f"GET {name}", frame.world.duration(0.6))
        if store.get(name):
            return
        for one in load:
            yield from one(frame)
        text = f"SET {name} 1 EX {int(ttl_s)}"
        yield from command(frame, "redis", store.host, text, frame.world.duration(0.7))
        store.put(name, int(ttl_s * SECOND * frame.world.chance.uniform(0.8, 1.2)))

    return step


def call(role: str, plan: str) -> Step:
    """A request to another service; a plan's route is its address."""

    def step(frame: Frame) -> Process:
        world = frame.world
        policy: Policy = world.calls.get((frame.service.role, role), DEFAULT_POLICY)
        wait_ms = policy.backoff_ms
        for attempt in range(policy.retries + 1):
            failure = yield from _attempt(frame, role, plan, policy, attempt)
            if failure is None:
                return
            if attempt == policy.retries or not _is_retryable(failure, policy):
                raise failure
            frame.log("WARN", f"call to {world.services[role].name} failed ({failure.message}), attempt {attempt + 1}")
            if wait_ms:
                yield int(wait_ms * world.chance.uniform(0.5, 1.5) * MS)
                wait_ms *= policy.growth

    return step


def _is_retryable(failure: Failure, policy: Policy) -> bool:
    return failure.status == 503 or (failure.kind == "timeout" and policy.retry_timeouts)


def _attempt(frame: Frame, role: str, plan: str, policy: Policy, attempt: int) -> Process:
    world = frame.world
    target = world.services[role]
    instance = target.choose()
    span = frame.open()
    reply = Signal()
    link = (frame.service.role, role)
    there = world.network(frame.instance.host, instance.host, link)
    world.simulation.spawn(serve(instance, plan, frame, span, reply), there)
    world.simulation.fire_later(
        int(policy.timeout_ms * MS),
        reply,
        (0, "timeout", f"{target.name} did not answer in {policy.timeout_ms:.0f} ms"),
    )
    status, kind, message = yield reply
    method, route = world.routes[plan]
    if role in world.rpc_roles:
        site = world.style.rpc(target.name, f"{world.words.business}.{target.name}", _rpc_name(plan), status, False)
    else:
        site = world.style.client(target.name, method, route, status, attempt)
    if 0 < status < 400:
        span.end(site)
        return None
    failure = Failure(kind, message, status or 504)
    if not status:
        world.failures[frame.service.role, "no answer"] += 1
        span.fail(failure)
    span.end(site, error=None if 0 < status < 400 else message if not status else "")
    return failure


def hedged(role: str, plan: str, after_ms: float) -> Step:
    """A request to another service, made a second time if it is not answered soon; the first answer counts."""

    def step(frame: Frame) -> Process:
        world, reply = frame.world, Signal()
        world.simulation.spawn(_ask(frame.fork(), role, plan, reply))
        world.simulation.spawn(_ask(frame.fork(), role, plan, reply), int(after_ms * MS))
        status, kind, message = yield reply
        if not 0 < status < 400:
            raise Failure(kind, message, status)

    return step


def _ask(frame: Frame, role: str, plan: str, reply: Signal) -> Process:
    """One of several calls with one reply: whoever is not the first is called off when that comes."""
    if reply.happened:
        return
    world, target = frame.world, frame.world.services[role]
    instance, span = target.choose(), frame.open()
    there = world.network(frame.instance.host, instance.host, (frame.service.role, role))
    world.simulation.spawn(serve(instance, plan, frame, span, reply), there)
    status, _, _ = yield reply
    method, route = world.routes[plan]
    if role in world.rpc_roles:
        site = world.style.rpc(target.name, f"{world.words.business}.{target.name}", _rpc_name(plan), status, False)
    else:
        site = world.style.client(target.name, method, route, status, 0)
    span.end(site)


def _rpc_name(plan: str) -> str:
    return plan.split(".")[1].title()


def serve(instance: Instance, plan: str, caller: Frame, parent: Span, reply: Signal) -> Process:
    """A request at the server: it waits for a thread, runs the plan, answers."""
    world = instance.service.world
    frame = Frame(instance, caller.trace, parent.id, caller.request)
    arrived = world.simulation.now
    yield from awake(instance)
    thread = yield from instance.threads.acquire(3 * SECOND)
    span = frame.open(remote=bool(parent.id))
    status, kind, message = 200, "", ""
    try:
        if not thread:
            raise Failure("rejected", "no worker became free in 3000ms", 503)
        for one in world.plans[plan].values():
            yield from one(frame)
    except Failure as failure:
        status, kind, message = _answer(failure), failure.kind, failure.message
        world.failures[instance.service.role, kind] += 1
        if status >= 500:
            span.fail(failure)
    finally:
        if thread:
            instance.threads.release()
    finish(frame, span, plan, status, message)
    count(instance, plan, status, world.simulation.now - arrived)
    back = world.network(instance.host, caller.instance.host, (instance.service.role, caller.service.role))
    world.simulation.fire_later(back, reply, (status, kind if kind else "status", message))


def _answer(failure: Failure) -> int:
    return 504 if failure.kind == "timeout" else failure.status


def finish(frame: Frame, span: Span, plan: str, status: int, message: str) -> None:
    """End a server's span."""
    world, service = frame.world, frame.service
    method, route = world.routes[plan]
    path = route.format_map(frame.request) if "{" in route else route
    if service.role in LOGGING_ROLES:
        took_ms = (world.simulation.now + frame.instance.host.offset_ns - span.start) / MS
        frame.log("INFO", f"{method} {path} {status} {took_ms:.0f}ms")
    tags = ",".join(world.style.business(tag, frame.request[tag]) for tag in world.tags if tag in frame.request)
    if service.role in world.rpc_roles:
        site = world.style.rpc(service.name, f"{world.words.business}.{service.name}", _rpc_name(plan), status, True)
        span.end(site, tags, message if status >= 500 else None)
        return
    site = world.style.server(method, route, status, service.name)
    span.end(site, ",".join(filter(None, (world.style.path(path), tags))), message if status >= 500 else None)


BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def count(instance: Instance, plan: str, status: int, took_ns: int) -> None:
    """Count a served request into the histogram that the instance exports: buckets, then the sum."""
    world = instance.service.world
    if world.served is not None:
        world.served.append((plan, world.simulation.now, status, took_ns))
    row = instance.counts.setdefault((plan, status), [0] * (len(BOUNDS_S) + 1) + [0.0])
    took_s = took_ns / SECOND
    place = next((at for at, bound in enumerate(BOUNDS_S) if took_s <= bound), len(BOUNDS_S))
    row[place] += 1
    row[-1] += took_s


def partner(path: str, share_of_time: float = 1.0) -> Step:
    """A request to the partner outside, which has no spans of its own."""

    def step(frame: Frame) -> Process:
        world = frame.world
        host = world.words.partner
        for attempt in range(3):
            span = frame.open()
            took = world.duration(world.partner_ms * share_of_time, 0.45)
            status = 200
            if world.chance.random() < max(0.004, world.partner_failing):
                status = {"503": 503, "timeout": 0, "refused": 0}[world.partner_mode]
                took = {"503": took, "timeout": 4 * SECOND, "refused": 2 * MS}[world.partner_mode]
            yield took
            site = world.style.client(host, "POST", path, status, attempt)
            if status == 200:
                span.end(site)
                return
            failure = Failure(
                "refused" if world.partner_mode == "refused" else "timeout" if not status else "status",
                f"POST https://{host}{path}: {status or world.partner_mode}",
                503,
            )
            if not status:
                span.fail(failure)
            span.end(site, error=failure.message)
            if attempt == 2 or (world.partner_mode == "timeout" and world.partner_failing):
                frame.log("ERROR", f"{host} failed: {failure.message}")
                raise failure
            frame.log("WARN", f"{host} failed, trying again: {failure.message}")
            yield int(world.chance.uniform(80, 160) * (attempt + 1) * MS)

    return step
