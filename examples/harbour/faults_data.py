"""Faults of shared data: caches, locks, races, deadlocks, queues."""

from __future__ import annotations

from collections.abc import Callable

from .engine import Failure
from .fleet import Guarded, Maybe, Pod, Query, Work
from .scene import Fault, Scene
from .world import Context


def cache_flushed(s: Scene) -> Fault:
    """The cache is emptied; all its readers go to the database at once, again and again."""
    _, _, step = s.cache()

    def apply() -> None:
        step.cache.hit_factor = s.dice.uniform(0.02, 0.15)
        step.behind.store.slow = s.dice.uniform(5, 10)
        s.ramp(500, lambda share: setattr(step.cache, "hit_factor", max(step.cache.hit_factor, 0.35 * share)))

    return Fault(("cache_stampede",), (step.cache.host, step.behind.store.host, *s.readers(step.cache)), apply)


def cache_one_family(s: Scene) -> Fault:
    """One family of keys is not found any more (its writer or its lifetime is broken)."""
    service, _operation, step = s.cache()

    def apply() -> None:
        step.hits = 0.03
        step.behind.ms *= s.dice.uniform(8, 14)

    return Fault(("cache_stampede",), (service.name, step.cache.host, step.behind.store.host), apply)


def _locked(
    s: Scene, lease_ms: int, hold_ms: Callable[[], float], *, redis: bool
) -> tuple[str, str, Callable[[], None]]:
    service, operation, query = s.sql()
    store = next(x for x in s.world.stores if x.system == "redis") if redis else query.store
    if not redis and store.system in ("mongodb", "redis"):
        store = next(x for x in s.world.stores if x.system not in ("mongodb", "redis"))
    key = f"{query.table}:17"

    def apply() -> None:
        operation.steps.append(
            Guarded(
                store,
                lambda _: key,
                [Work(hold_ms(), idle=True), Query(store, "UPDATE", query.table, "state", 4)],
                lease_ms,
            )
        )

    return service.name, store.host, apply


def contention_row(s: Scene) -> Fault:
    """All requests want the same row."""
    name, host, apply = _locked(s, 0, lambda: s.dice.uniform(250, 500), redis=False)
    return Fault(("lock_contention",), (name, host), apply)


def contention_key(s: Scene) -> Fault:
    """All requests want the same lock in a cache."""
    name, host, apply = _locked(s, 30000, lambda: s.dice.uniform(250, 500), redis=True)
    return Fault(("lock_contention",), (name, host), apply)


def lease_too_short(s: Scene) -> Fault:
    """The work under a lock takes longer than the lock's lease."""
    name, host, apply = _locked(s, 250, lambda: s.dice.uniform(300, 450), redis=True)
    return Fault(("lock_lease_expired", "race_condition", "lock_contention"), (name, host), apply)


def race_twice(s: Scene) -> Fault:
    """Messages are delivered twice, at the same time; one of the two fails on what the other wrote."""
    topic = s.topic()
    consumer, handler = topic.consumer, topic.handler
    assert consumer is not None
    assert handler is not None
    text = 'duplicate key value violates unique constraint "uq_record_ref"'
    seen: dict[str, int] = {}

    def trouble(context: Context, _: Pod) -> Failure | None:
        seen[context.trace] = seen.get(context.trace, 0) + 1
        return Failure("DuplicateKey", text, 500) if seen[context.trace] > 1 else None

    def apply() -> None:
        topic.twice = lambda: s.world.dice.random() < 0.6
        handler.trouble = trouble

    return Fault(("race_condition",), (consumer.name,), apply)


def deadlock_database(s: Scene) -> Fault:
    """Two transactions take the same rows in the other order."""
    service, operation, _ = s.sql()
    store = next(x for x in s.world.stores if x.system in ("postgresql", "mysql"))
    text = (
        "deadlock detected"
        if store.system == "postgresql"
        else "Deadlock found when trying to get lock; try restarting transaction"
    )
    write = Query(store, "UPDATE", "balances", "amount", 5)

    def fails(verb: str, table: str) -> Failure | None:
        if table != "balances" or s.world.dice.random() > 0.35:
            return None
        store.deadlocks += 1
        s.world.announce(
            store.host,
            "ERROR",
            f"ERROR:  {text}\nDETAIL:  Process 4121 waits for ShareLock on transaction 81273; blocked by process 4117.",
        )
        return Failure("DeadlockLoser", text, 500)

    def apply() -> None:
        operation.steps.append(write)
        operation.steps.append(Maybe(Work(600, idle=True), lambda *_: s.world.dice.random() < 0.4))
        store.fails = fails

    return Fault(("deadlock",), (service.name, store.host), apply)


def never_acknowledged(s: Scene) -> Fault:
    """A consumer takes messages and does not confirm them; the broker gives it no more after a while."""
    topic = s.topic()
    assert topic.consumer is not None
    consumer = topic.consumer

    def grow() -> None:
        for pod in consumer.pods:
            pod.memory_mb = min(pod.limit_mb * 0.9, pod.memory_mb + 6)

    def apply() -> None:
        topic.acks = lambda: s.world.dice.random() < 0.05
        s.every(lambda: 10.0, grow)

    return Fault(("unacknowledged_messages",), (consumer.name, topic.name), apply, quiet=True)


def backlog_slow(s: Scene) -> Fault:
    """A consumer takes so long that messages pile up."""
    topic = s.topic()
    consumer, handler = topic.consumer, topic.handler
    assert consumer is not None
    assert handler is not None
    ms = 1000 * 1.6 * topic.workers.capacity / max(0.2, s.busy(consumer))

    def apply() -> None:
        handler.steps.insert(1, Work(ms, idle=True))

    return Fault(("message_backlog", "latency_regression"), (consumer.name, topic.name), apply, quiet=True)


def backlog_stopped(s: Scene) -> Fault:
    """A consumer has stopped: it lives, and takes nothing."""
    topic = s.topic()
    assert topic.consumer is not None
    return Fault(("message_backlog",), (topic.consumer.name, topic.name), lambda: topic.workers.widen(-3), quiet=True)


FAULTS = {
    ("cache_stampede", "flushed"): cache_flushed,
    ("cache_stampede", "one_family"): cache_one_family,
    ("lock_contention", "row"): contention_row,
    ("lock_contention", "key"): contention_key,
    ("lock_lease_expired", "too_short"): lease_too_short,
    ("race_condition", "twice"): race_twice,
    ("deadlock", "database"): deadlock_database,
    ("unacknowledged_messages", "never"): never_acknowledged,
    ("message_backlog", "slow"): backlog_slow,
    ("message_backlog", "stopped"): backlog_stopped,
}
