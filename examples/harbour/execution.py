"""How a request runs: the steps of an operation, the calls between pods, what waits, what fails, what is recorded."""

from __future__ import annotations

from dataclasses import replace

from . import dialects, speech
from .engine import Failure, Process, Slots, Take, Together, Within
from .fleet import (
    Cached,
    Call,
    Fan,
    Guarded,
    Holding,
    Maybe,
    Operation,
    Outside,
    Partner,
    Pod,
    Query,
    Repeat,
    Send,
    Service,
    Step,
    Topic,
    Work,
)
from .world import Context, Span, World

POOL_WAIT_S = 5.0
THREAD_WAIT_S = 30.0
CORES = 3
# Everyday mistakes of programs, so that an error is nothing special.
EVERYDAY = (
    ("ValidationError", "missing field in request", 400),
    ("IllegalStateException", "unexpected state", 500),
    ("NotFound", "no such record", 404),
    ("KeyError", "'currency'", 500),
)


def language(pod: Pod) -> str:
    """The language a pod's program is written in."""
    return speech.LANGUAGE_OF[pod.service.style]


def handle(world: World, context: Context, pod: Pod, operation: Operation, *, consumed: Topic | None = None) -> Process:
    """A request at its server, or a message at its consumer (`consumed` is where it came from)."""
    arrived = world.now
    got = yield Take(pod.threads, THREAD_WAIT_S)
    if not got or not pod.up:
        if got:
            pod.threads.release()
        raise speech.refused(pod.service.name, language(pod))
    if consumed:
        name, attributes = dialects.messaged(pod.service, consumed, "process")
    else:
        name, attributes = dialects.served(pod.service, operation, context)
    span = world.begin(context, pod, "CONSUMER" if consumed else "SERVER", name, attributes)
    inner = context.under(span)
    status, failure = 200, None
    world.active[pod.name] += 1
    try:
        if world.dice.random() < 0.5:
            world.say(pod, "INFO", operation.says.format(c=context), inner)
        yield from run(world, inner, pod, operation.steps)
        _misbehave(world, inner, pod, operation)
        if not (operation.silent and operation.silent(inner, pod)):
            world.say(pod, "INFO", operation.says_after.format(c=context), inner)
    except Failure as raised:
        failure, status = raised, raised.status
        _complain(world, inner, pod, operation, raised)
    finally:
        world.active[pod.name] -= 1
        pod.threads.release()
    rpc = pod.service.protocol == "grpc" and not consumed
    if not consumed:
        span.attributes |= dialects.rpc_answered(status) if rpc else dialects.answered(pod.service, status)
        world.observe(pod, operation.method, operation.route, status, world.now - arrived)
    world.finish(span, inner, failure, is_error=status >= 500)
    if failure:
        raise Failure("Answered", failure.message, status, temporary=failure.temporary)


def _misbehave(world: World, context: Context, pod: Pod, operation: Operation) -> None:
    if operation.trouble and (failure := operation.trouble(context, pod)):
        raise failure
    if world.dice.random() < operation.errors:
        kind, message, status = world.dice.choice(EVERYDAY)
        raise Failure(kind, message, status)


def _complain(world: World, context: Context, pod: Pod, operation: Operation, failure: Failure) -> None:
    level = "ERROR" if failure.status >= 500 else "WARN"
    kind = speech.type_of(failure, pod.service)
    world.say(
        pod,
        level,
        f"{operation.method} {operation.route} failed: {failure.message}",
        context,
        **{
            "exception.type": kind,
            "exception.message": failure.message,
            "exception.stacktrace": speech.stack(failure, pod.service, operation.route),
        },
    )


def run(world: World, context: Context, pod: Pod, steps: list[Step]) -> Process:
    """The steps of an operation, one after the other."""
    for step in steps:
        yield from one(world, context, pod, step)


def one(world: World, context: Context, pod: Pod, step: Step) -> Process:  # noqa: C901  # a case a kind of step
    """One step."""
    match step:
        case Work():
            yield from work(world, pod, step)
        case Query():
            yield from query(world, context, pod, step, str(context.item))
        case Cached():
            yield from cached(world, context, pod, step)
        case Call():
            yield from call(world, context, pod, step)
        case Outside():
            yield from outside(world, context, pod, step.partner)
        case Fan():
            outcomes = yield Together([one(world, context, pod, each) for each in step.steps])
            for outcome in outcomes:
                if isinstance(outcome, Failure):
                    raise outcome
        case Send():
            yield from send(world, context, pod, step)
        case Guarded():
            yield from guarded(world, context, pod, step)
        case Holding():
            yield from holding(world, pod, step)
        case Repeat():
            for index in range(step.times(context)):
                yield from one(world, replace(context, item=context.item * 31 + index), pod, step.step)
        case Maybe():
            if step.when(context, pod):
                yield from one(world, context, pod, step.step)


def work(world: World, pod: Pod, step: Work) -> Process:
    """Computing: longer where the processor is short, and not at all while the runtime collects garbage."""
    if pod.paused_until > world.now:
        yield pod.paused_until - world.now
    seconds = world.spread(step.ms / 1000)
    if step.idle:
        yield seconds
        return
    pod.busy_s += seconds
    # More at once than there are cores: they share.
    crowd = 1 + 0.35 * max(0, world.active[pod.name] - CORES)
    yield seconds * pod.slow * pod.node.steal * crowd


def query(world: World, context: Context, pod: Pod, step: Query, key: str) -> Process:
    """A statement: a connection of the pool, the way there, the time it takes, the way back."""
    store, pool = step.store, pod.pools.get(step.store.name)
    if pool is not None:
        got = yield Take(pool, POOL_WAIT_S)
        if not got:
            raise speech.no_connection(store.name, POOL_WAIT_S, pool.capacity, len(pool.waiting), language(pod))
    name, attributes = dialects.queried(pod.service, step, key)
    span = world.begin(context, pod, "CLIENT", name, attributes)
    failure = None
    try:
        yield from _statement(world, pod, step)
    except Failure as raised:
        failure = raised
    if pool is not None:
        pool.release()
    world.finish(span, context, failure)
    if failure:
        raise Failure(failure.kind, failure.message, 500)


def _statement(world: World, pod: Pod, step: Query) -> Process:
    store = step.store
    there, lost = world.travel(pod, store)
    yield there
    store.queries += 1
    if lost:
        raise lost
    if store.fails and (failure := store.fails(step.verb, step.table)):
        yield 0.001
        raise failure
    yield Take(store.capacity)
    seconds = world.spread(step.ms / 1000, 0.45) * store.slow * store.slow_table.get(step.table, 1.0)
    yield seconds * store.node.steal
    store.capacity.release()
    back, lost = world.travel(pod, store)
    yield back
    if lost:
        raise lost


def holding(world: World, pod: Pod, step: Holding) -> Process:
    """Keep a connection and do nothing with it."""
    pool = pod.pools[step.store.name]
    got = yield Take(pool, POOL_WAIT_S)
    if not got:
        raise speech.no_connection(step.store.name, POOL_WAIT_S, pool.capacity, len(pool.waiting), language(pod))
    yield step.seconds()
    pool.release()


def cached(world: World, context: Context, pod: Pod, step: Cached) -> Process:
    """A look-aside cache: read, and on a miss read what is behind it and write it back. A dead cache is gone around."""
    key = f"{step.family}:{context.item % step.keys}"
    read = Query(step.cache, "SELECT", step.family, "key", 0.5)
    try:
        yield from query(world, context, pod, read, key)
    except Failure as failure:
        world.say(pod, "WARN", f"cache read failed, going to the database: {failure.message}", context)
        yield from query(world, context, pod, step.behind, str(context.item))
        return
    if world.dice.random() < step.hits * step.cache.hit_factor:
        step.cache.hits += 1
        return
    step.cache.misses += 1
    yield from query(world, context, pod, step.behind, str(context.item))
    yield from query(world, context, pod, replace(read, verb="INSERT"), key)


def call(world: World, context: Context, pod: Pod, step: Call) -> Process:
    """A request to another service, tried again as often as the caller's policy says."""
    service = pod.service
    for attempt in range(1 + service.retries):
        name, attributes = dialects.called(service, step.service, step.operation, context)
        span = world.begin(context, pod, "CLIENT", name, attributes)
        target = world.pick(step.service)
        in_time, outcome = yield Within(
            exchange(world, context.under(span), pod, target, step), service.patience_s(step.service.name)
        )
        failure = outcome if isinstance(outcome, Failure) else None
        if not in_time:
            failure = speech.timed_out(step.service.name, service.patience_s(step.service.name), language(pod))
        _close(world, context, span, service, step.service, failure)
        if failure is None:
            return
        if failure.status < 500:
            raise Failure("UpstreamError", speech.answered(failure.status, language(pod)).message, failure.status)
        last = attempt == service.retries
        if not last and failure.temporary:
            world.say(pod, "WARN", f"call to {step.service.name} failed ({failure.message}), trying again", context)
            yield 0.05 * 2**attempt * world.dice.uniform(0.5, 1.5)
            continue
        raise failure if failure.kind != "Answered" else speech.answered(failure.status, language(pod))


def _close(
    world: World, context: Context, span: Span, service: Service, callee: Service, failure: Failure | None
) -> None:
    if failure is None or failure.kind == "Answered":
        status = failure.status if failure else 200
        rpc = callee.protocol == "grpc"
        span.attributes |= dialects.rpc_answered(status) if rpc else dialects.answered(service, status)
        if failure:
            answer = speech.answered(status, speech.LANGUAGE_OF[service.style])
            world.finish(span, context, answer, is_error=status >= 500 or not rpc)
            return
    world.finish(span, context, failure)


def exchange(world: World, context: Context, pod: Pod, target: Pod | None, step: Call) -> Process:
    """Name, handshake, the way there, the server, the way back."""
    yield from reach(world, pod, step.service.name)
    if target is None or not target.up:
        yield 0.002
        raise speech.refused(step.service.name, language(pod))
    there, lost = world.travel(pod, target)
    yield there
    if lost:
        raise lost
    failure = None
    try:
        yield from handle(world, context, target, step.operation)
    except Failure as raised:
        failure = raised
    back, lost = world.travel(pod, target)
    yield back
    if lost or failure:
        raise lost or failure  # type: ignore[misc]


def reach(world: World, pod: Pod, host: str) -> Process:
    """Resolve a name and shake hands."""
    if world.resolver:
        answer = world.resolver(pod, host)
        if isinstance(answer, Failure):
            yield 0.02
            raise answer
        yield answer
    if world.certificates and (failure := world.certificates(pod, host)):
        yield 0.006
        raise failure


def outside(world: World, context: Context, pod: Pod, partner: Partner) -> Process:
    """A request to a third party: only the caller's span is seen."""
    name, attributes = dialects.outside(pod.service, partner)
    span = world.begin(context, pod, "CLIENT", name, attributes)
    patience = pod.service.patience_s(partner.host)
    in_time, outcome = yield Within(_abroad(world, pod, partner), patience)
    failure = outcome if isinstance(outcome, Failure) else None
    if not in_time:
        failure = speech.timed_out(partner.host, patience, language(pod))
    if failure is None or failure.kind == "Answered":
        span.attributes |= dialects.answered(pod.service, failure.status if failure else 200)
    world.finish(span, context, failure)
    if failure:
        raise failure if failure.kind != "Answered" else speech.answered(failure.status, language(pod))


def _abroad(world: World, pod: Pod, partner: Partner) -> Process:
    yield from reach(world, pod, partner.host)
    there, lost = world.travel(pod, partner)
    yield there
    if lost:
        raise lost
    if partner.fails and (failure := partner.fails()):
        yield world.spread(0.03)
        raise failure
    yield world.spread(partner.ms / 1000, 0.4) * partner.slow
    back, _ = world.travel(pod, partner)
    yield back


def send(world: World, context: Context, pod: Pod, step: Send) -> Process:
    """Hand a message to a topic."""
    name, attributes = dialects.messaged(pod.service, step.topic, "publish")
    span = world.begin(context, pod, "PRODUCER", name, attributes)
    yield world.spread(0.003)
    world.finish(span, context)
    step.topic.backlog.append((context.under(span), world.now))
    step.topic.offset += 1
    step.topic.available.widen()


def guarded(world: World, context: Context, pod: Pod, step: Guarded) -> Process:
    """Steps under a lock: a row lock waits in the database; a key with a lease is tried for again and again."""
    key = step.key(context)
    lock = step.store.locks.setdefault(key, Slots(1))
    if step.store.system != "redis":
        yield from _row_locked(world, context, pod, step, lock, key)
        return
    attempt = Query(step.store, f"SET lock:{key} {world.hex(8)} NX PX {step.lease_ms}", "lock", "key", 0.6)
    began = world.now
    while lock.used >= lock.capacity:
        yield from query(world, context, pod, attempt, "")
        yield world.dice.uniform(0.04, 0.06)
        if world.now - began > 4:
            raise Failure("LockNotAcquired", f"could not obtain lock {key} within 4000 ms", 503)
    lock.used += 1
    held = [True]

    def let_go() -> None:
        if held[0]:
            held[0] = False
            lock.release()

    world.engine.at(world.now + step.lease_ms / 1000, let_go)
    try:
        yield from query(world, context, pod, attempt, "")
        yield from run(world, context, pod, step.steps)
        if not held[0]:
            world.say(pod, "WARN", f"lock {key} was no longer ours when the work was done", context)
            if world.dice.random() < 0.6:
                raise Failure("StaleWrite", f"version conflict on {key}: row was changed by another owner", 409)
        yield from query(world, context, pod, Query(step.store, "DELETE", "lock", "key", 0.5), f"lock:{key}")
    finally:
        let_go()


def _row_locked(world: World, context: Context, pod: Pod, step: Guarded, lock: Slots, key: str) -> Process:
    statement = Query(step.store, "LOCK", key.split(":")[0], "id", 1.0)
    name, attributes = dialects.queried(pod.service, statement, key)
    span = world.begin(context, pod, "CLIENT", name, attributes)
    got = yield Take(lock, 10.0)
    yield world.spread(0.002)
    if not got:
        failure = Failure("LockTimeout", "canceling statement due to lock timeout", 500)
        world.finish(span, context, failure)
        raise failure
    world.finish(span, context)
    try:
        yield from run(world, context, pod, step.steps)
    finally:
        lock.release()
