"""Faults of the code and of what it is given: errors, wrong answers, slowness, too many calls, bad input, settings."""

from __future__ import annotations

from collections.abc import Callable

from . import speech
from .engine import Failure, Slots
from .fleet import Maybe, Operation, Pod, Query, Repeat, Service, Step, Work
from .scene import Change, Fault, Scene
from .world import Context

ERRORS = {
    "java": ("java.lang.NullPointerException", 'Cannot invoke "com.acme.Rate.value()" because "rate" is null'),
    "go": ("*runtime.Error", "runtime error: invalid memory address or nil pointer dereference"),
    "python": ("AttributeError", "'NoneType' object has no attribute 'amount'"),
    "node": ("TypeError", "Cannot read properties of undefined (reading 'amount')"),
    "dotnet": ("System.NullReferenceException", "Object reference not set to an instance of an object."),
}


def _code_change(service: Service, operation: Operation, message: str, added: str, removed: str = "") -> Change:
    word = operation.route.strip("/").replace("{id}", "").strip("/").replace("/", "_") or "root"
    ending = {"java": "java", "go": "go", "python": "py", "node": "js", "dotnet": "cs"}
    path = f"src/{word}.{ending[speech.LANGUAGE_OF[service.style]]}"
    lines = (
        [f"@@ {path} @@"] + [f"-{line}" for line in removed.splitlines()] + [f"+{line}" for line in added.splitlines()]
    )
    return Change("deploy", service.name, service.repo, message, (path,), "\n".join(lines))


def _raises(
    s: Scene, kind: str, message: str, share: float, status: int = 500
) -> Callable[[Context, Pod], Failure | None]:
    return lambda *_: Failure(kind, message, status) if s.world.dice.random() < share else None


def exception_unprovoked(s: Scene) -> Fault:
    """An operation raises an error for a share of requests; nothing was changed."""
    service = s.service()
    operation, share = s.operation(service), s.dice.uniform(0.12, 0.6)
    kind, text = ERRORS[speech.LANGUAGE_OF[service.style]]
    return Fault(("exception",), (service.name,), lambda: setattr(operation, "trouble", _raises(s, kind, text, share)))


def exception_deployed(s: Scene) -> Fault:
    """A deploy brings an error."""
    fault = exception_unprovoked(s)
    service = next(x for x in s.world.services if x.name == fault.services[0])
    change = _code_change(
        service,
        s.operation(service),
        "Use the negotiated rate where there is one",
        "    amount = rate.value() * quantity",
        "    amount = list_price * quantity",
    )
    return Fault(fault.mechanisms, fault.services, fault.apply, change)


def exception_consumer(s: Scene) -> Fault:
    """A queue's consumer raises errors."""
    topic = s.topic()
    service, handler = topic.consumer, topic.handler
    assert service is not None
    kind, text = ERRORS[speech.LANGUAGE_OF[service.style]]
    return Fault(
        ("exception", "bad_input"), (service.name,), lambda: setattr(handler, "trouble", _raises(s, kind, text, 0.5))
    )


def wrong_stops_short(s: Scene) -> Fault:
    """An operation returns before it is done, with a success."""
    service, operation, _ = s.sql()

    def apply() -> None:
        operation.steps[:] = operation.steps[:1]
        operation.silent = lambda *_: True

    change = _code_change(
        service, operation, "Return early when nothing is pending", "    if not pending(request):\n        return Ok()"
    )
    return Fault(("wrong_result",), (service.name,), apply, change if s.dice.random() < 0.5 else None, quiet=True)


def wrong_not_found(s: Scene) -> Fault:
    """An operation says "not found" of what is there."""
    service, operation, _ = s.sql()

    def apply() -> None:
        operation.trouble = _raises(s, "NotFound", "no such record", s.dice.uniform(0.35, 0.7), 404)

    return Fault(("wrong_result", "exception"), (service.name,), apply, quiet=True)


def slower_deployed(s: Scene) -> Fault:
    """A deploy makes an operation compute longer."""
    service = s.service()
    operation, ms = s.operation(service), s.dice.uniform(60, 300)
    change = _code_change(
        service,
        operation,
        "Normalise names before matching",
        "    for a in candidates:\n        for b in candidates:\n            score += similarity(a, b)",
    )
    return Fault(("latency_regression",), (service.name,), lambda: operation.steps.insert(0, Work(ms)), change)


def slower_query(s: Scene) -> Fault:
    """A query has lost its index."""
    service, _operation, query = s.sql()

    def apply() -> None:
        query.store.slow_table[query.table] = s.dice.uniform(15, 40)

    change = Change(
        "deploy",
        service.name,
        service.repo,
        f"Migration: rebuild {query.table}",
        ("migrations/0147.sql",),
        f"@@ migrations/0147.sql @@\n+DROP INDEX idx_{query.table}_{query.column};",
    )
    return Fault(("latency_regression",), (service.name, query.store.host, *s.readers(query.store)), apply, change)


def _multiply(s: Scene, service: Service, operation: Operation, step: Step, times: Callable[[Context], int]) -> Fault:
    def apply() -> None:
        operation.steps[:] = _replaced(operation.steps, step, Repeat(step, times))

    change = _code_change(
        service,
        operation,
        "Validate every entry against its owner",
        "    for entry in entries:\n        owner = repository.find(entry.owner)\n        validate(entry, owner)",
    )
    return Fault(("n_plus_one", "chatty_calls"), (service.name,), apply, change)


def _replaced(steps: list[Step], old: Step, new: Step) -> list[Step]:
    """The step in another's place, and again at the end where it was nested."""
    if old in steps:
        return [new if step is old else step for step in steps]
    return [*steps, new]


def n_plus_one_sql(s: Scene) -> Fault:
    """A query a row."""
    service, operation, query = s.sql()
    return _multiply(s, service, operation, query, lambda c: 6 + 2 * c.items)


def n_plus_one_calls(s: Scene) -> Fault:
    """A request a row."""
    service, operation, step = s.edge()
    return _multiply(s, service, operation, step, lambda c: 5 + c.items)


def chatty_settings(s: Scene) -> Fault:
    """The same thing is asked for over and over within a request."""
    service, operation, step = s.cache()
    read = Query(step.cache, "SELECT", "settings", "key", 0.9)

    def apply() -> None:
        operation.steps.insert(1, Repeat(read, lambda _: 45))

    change = _code_change(service, operation, "Read settings where they are used", "    limit = settings.get(name)")
    return Fault(("chatty_calls", "n_plus_one"), (service.name,), apply, change)


def input_of_a_tenant(s: Scene) -> Fault:
    """One tenant sends what the code cannot handle."""
    service = s.service()
    operation, tenant = s.operation(service), s.dice.choice(s.world.tenants)

    def trouble(context: Context, _: Pod) -> Failure | None:
        if context.tenant != tenant:
            return None
        return Failure("NumberFormatException", f'For input string: "12,50" (tenant {tenant})', 500)

    return Fault(("bad_input", "exception"), (service.name,), lambda: setattr(operation, "trouble", trouble))


def input_too_large(s: Scene) -> Fault:
    """One tenant's requests are far larger than anybody's."""
    service = s.service()
    operation, tenant = s.operation(service), s.dice.choice(s.world.tenants)

    def apply() -> None:
        operation.steps.insert(1, Maybe(Work(1800), lambda context, _: context.tenant == tenant))

        def note(context: Context, pod: Pod) -> Failure | None:
            if context.tenant == tenant:
                s.world.say(pod, "WARN", f"request of tenant {tenant} has 48213 entries, expected at most 500", context)
            return None

        operation.trouble = note

    return Fault(("bad_input", "latency_regression"), (service.name,), apply)


def setting_password(s: Scene) -> Fault:
    """A changed setting: the database turns the service away."""
    service, operation, query = s.sql()
    text = {
        "postgresql": 'FATAL: password authentication failed for user "app_rw"',
        "mysql": "Access denied for user 'app_rw'@'10.4.1.7' (using password: YES)",
        "mongodb": "Authentication failed.",
        "redis": "WRONGPASS invalid username-password pair or user is disabled.",
    }[query.store.system]

    def apply() -> None:
        operation.trouble = lambda *_: Failure("AuthenticationFailed", text, 500, temporary=False)
        operation.steps[:] = operation.steps[:1]

    change = Change("flag", service.name, service.repo, "db_credentials_source", (), "vault-v1->vault-v2")
    return Fault(("configuration",), (service.name,), apply, change)


def setting_flag(s: Scene) -> Fault:
    """A feature flag turns on a path that fails."""
    service = s.service()
    operation = s.operation(service)
    kind, text = ERRORS[speech.LANGUAGE_OF[service.style]]
    name = s.dice.choice(["new_pricing_path", "async_render", "strict_mode_v2"])
    change = Change("flag", service.name, service.repo, name, (), "off->on")
    return Fault(
        ("configuration", "exception"),
        (service.name,),
        lambda: setattr(operation, "trouble", _raises(s, kind, text, 0.5)),
        change,
    )


def setting_pool(s: Scene) -> Fault:
    """A pool is set to one connection."""
    service, operation, query = s.with_step(Query, lambda q: isinstance(q, Query) and q.store.system != "redis")
    assert isinstance(query, Query)
    store = query.store

    def apply() -> None:
        for pod in service.pods:
            pod.pools[store.name] = Slots(1)
        query.ms = max(query.ms, 900 / max(0.3, s.rates[service.name, operation.route]))

    change = Change(
        "deploy",
        service.name,
        service.repo,
        "Tidy settings",
        ("application.yaml",),
        "@@ application.yaml @@\n-  maximum-pool-size: 10\n+  maximum-pool-size: 1",
    )
    return Fault(("configuration", "connection_pool_exhausted"), (service.name,), apply, change)


def schema_message(s: Scene) -> Fault:
    """A producer's deploy renames a field that the consumer needs."""
    topic = s.topic()
    consumer, handler = topic.consumer, topic.handler
    assert consumer is not None
    assert handler is not None
    text = f"Unrecognized field \"recordRef\" in message of {topic.name}: missing required property 'record_id'"
    producer = next(
        x
        for x in s.world.services
        if any(getattr(step, "topic", None) is topic for o in x.operations for step in o.steps)
    )
    change = _code_change(
        producer,
        s.operation(producer),
        "Rename record_id to recordRef in events",
        '    "recordRef": record.ref,',
        '    "record_id": record.id,',
    )
    return Fault(
        ("schema_mismatch",),
        (producer.name, consumer.name),
        lambda: setattr(handler, "trouble", _raises(s, "DeserializationException", text, 0.97)),
        change,
    )


def schema_column(s: Scene) -> Fault:
    """Code asks for a column that is not there (yet, or any more)."""
    service, _operation, query = s.with_step(Query, lambda q: isinstance(q, Query) and q.store.system != "mongodb")
    assert isinstance(query, Query)
    text = {
        "postgresql": f'ERROR: column "{query.column}" does not exist',
        "mysql": f"Unknown column '{query.column}' in 'field list'",
    }.get(query.store.system, "WRONGTYPE Operation against a key holding the wrong kind of value")

    def apply() -> None:
        query.store.fails = lambda verb, table: (
            Failure("QueryError", text, 500, temporary=False) if table == query.table else None
        )

    change = Change(
        "deploy",
        service.name,
        service.repo,
        f"Migration: drop unused column of {query.table}",
        ("migrations/0203.sql",),
        f"@@ migrations/0203.sql @@\n+ALTER TABLE {query.table} DROP COLUMN {query.column};",
    )
    users = tuple(x.name for x in s.world.services)
    return Fault(
        ("schema_mismatch",),
        (service.name, query.store.host, *(u for u in users if u in s.readers(query.store))),
        apply,
        change,
    )


def clock_off(s: Scene) -> Fault:
    """A node's clock runs away: its pods find their callers' tokens not yet valid."""
    service = s.service()
    operation, seconds = s.operation(service), -s.dice.uniform(20, 90)
    text = "JWT verification failed: token is not valid yet (nbf is in the future)"

    def apply() -> None:
        node = s.dice.choice(service.pods).node
        for x in s.world.services:
            for pod in x.pods:
                if pod.node is node:
                    pod.skew_s = seconds
        operation.trouble = lambda _, pod: (
            Failure("InvalidToken", text, 401) if pod.skew_s and s.world.dice.random() < 0.8 else None
        )

    return Fault(("clock_skew",), (service.name,), apply, quiet=True)


FAULTS = {
    ("exception", "unprovoked"): exception_unprovoked,
    ("exception", "deployed"): exception_deployed,
    ("exception", "consumer"): exception_consumer,
    ("wrong_result", "stops_short"): wrong_stops_short,
    ("wrong_result", "not_found"): wrong_not_found,
    ("latency_regression", "deployed"): slower_deployed,
    ("latency_regression", "query"): slower_query,
    ("n_plus_one", "sql"): n_plus_one_sql,
    ("n_plus_one", "calls"): n_plus_one_calls,
    ("chatty_calls", "settings"): chatty_settings,
    ("bad_input", "tenant"): input_of_a_tenant,
    ("bad_input", "too_large"): input_too_large,
    ("configuration", "password"): setting_password,
    ("configuration", "flag"): setting_flag,
    ("configuration", "pool"): setting_pool,
    ("schema_mismatch", "message"): schema_message,
    ("schema_mismatch", "column"): schema_column,
    ("clock_skew", "tokens"): clock_off,
}
