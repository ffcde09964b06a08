"""Faults between programs: delay, loss, names, certificates, deadlines and retries, and what lies outside."""

from __future__ import annotations

from collections.abc import Callable

from . import speech
from .engine import Failure
from .fleet import Call, Partner, Pod, Store, Work
from .scene import Change, Fault, Scene
from .world import Impairment


def _between(one: str, other: str) -> Callable[[Pod, Pod | Store | Partner], bool]:
    return lambda pod, target: pod.service.name == one and isinstance(target, Pod) and target.service.name == other


def delay_edge(s: Scene) -> Fault:
    """One way alone is slow: from one service to another."""
    caller, _, step = s.edge()
    callee = step.service
    delay = s.dice.uniform(0.06, 0.25)
    impairment = Impairment(_between(caller.name, callee.name), delay, delay * 0.15)
    where = f"{caller.name}->{callee.name}"
    return Fault(
        ("network_delay",), (callee.name, caller.name), lambda: s.world.impairments.append(impairment), where=where
    )


def delay_pod(s: Scene) -> Fault:
    """All that a service's pod sends and gets is late."""
    service = s.service()
    delay = s.dice.uniform(0.04, 0.15)

    def apply() -> None:
        pod = s.dice.choice(service.pods)
        s.world.impairments.append(Impairment(lambda a, b: a is pod or b is pod, delay, delay * 0.1))

    return Fault(("network_delay",), (service.name,), apply)


def delay_service(s: Scene) -> Fault:
    """All pods of a service are far away at once."""
    service = s.service()
    delay = s.dice.uniform(0.03, 0.12)

    def on(a: Pod, b: Pod | Store | Partner) -> bool:
        return a.service is service or (isinstance(b, Pod) and b.service is service)

    return Fault(
        ("network_delay",), (service.name,), lambda: s.world.impairments.append(Impairment(on, delay, delay * 0.1))
    )


def delay_zone(s: Scene) -> Fault:
    """What crosses one zone's border is late."""
    zone = s.dice.choice(sorted({node.zone for node in s.world.nodes}))
    delay = s.dice.uniform(0.03, 0.08)

    def on(a: Pod, b: Pod | Store | Partner) -> bool:
        node = getattr(b, "node", None)
        return node is not None and (a.node.zone == zone) != (node.zone == zone)

    everyone = tuple(x.name for x in s.world.services) + tuple(x.host for x in s.world.stores) + (zone,)
    return Fault(("network_delay",), everyone, lambda: s.world.impairments.append(Impairment(on, delay, delay * 0.2)))


def loss_edge(s: Scene) -> Fault:
    """Packets between two services are lost."""
    caller, _, step = s.edge()
    loss = s.dice.uniform(0.12, 0.3)
    impairment = Impairment(_between(caller.name, step.service.name), loss=loss)
    return Fault(
        ("network_loss", "network_delay"),
        (step.service.name, caller.name),
        lambda: s.world.impairments.append(impairment),
    )


def loss_service(s: Scene) -> Fault:
    """Packets to and from a service's pods are lost."""
    service, loss = s.service(), s.dice.uniform(0.1, 0.25)

    def on(a: Pod, b: Pod | Store | Partner) -> bool:
        return a.service is service or (isinstance(b, Pod) and b.service is service)

    return Fault(
        ("network_loss", "network_delay"),
        (service.name,),
        lambda: s.world.impairments.append(Impairment(on, loss=loss)),
    )


def dns_fails(s: Scene) -> Fault:
    """One service cannot resolve another's name, most of the time."""
    caller, _, step = s.edge()
    share = s.dice.uniform(0.4, 0.9)

    def resolve(pod: Pod, host: str) -> float | Failure:
        hit = pod.service is caller and host == step.service.name and s.world.dice.random() < share
        return speech.unresolved(host, speech.LANGUAGE_OF[pod.service.style]) if hit else 0.0

    return Fault(("dns_failure",), (caller.name, step.service.name), lambda: setattr(s.world, "resolver", resolve))


def dns_slow(s: Scene) -> Fault:
    """Lookups of one service's pods take a resolver's five seconds, or fail."""
    caller, _, step = s.edge()

    def resolve(pod: Pod, host: str) -> float | Failure:
        if pod.service is not caller or s.world.dice.random() > 0.35:
            return 0.0
        if s.world.dice.random() < 0.35:
            return speech.unresolved(host, speech.LANGUAGE_OF[pod.service.style])
        return 5.0

    return Fault(("dns_failure",), (caller.name, step.service.name), lambda: setattr(s.world, "resolver", resolve))


def certificate_inside(s: Scene) -> Fault:
    """A service's certificate has ended: nobody can call it any more."""
    _, _, step = s.edge()
    name = step.service.name

    def check(pod: Pod, host: str) -> Failure | None:
        return speech.expired(host, speech.LANGUAGE_OF[pod.service.style]) if host == name else None

    callers = tuple(
        x.name
        for x in s.world.services
        for o in x.operations
        for c in o.steps
        if isinstance(c, Call) and c.service.name == name
    )
    return Fault(("certificate_expired",), (name, *callers), lambda: setattr(s.world, "certificates", check))


def certificate_outside(s: Scene) -> Fault:
    """A third party's certificate has ended."""
    service, partner = s.partner()

    def check(pod: Pod, host: str) -> Failure | None:
        return speech.expired(host, speech.LANGUAGE_OF[pod.service.style]) if host == partner.host else None

    return Fault(
        ("certificate_expired",), (partner.host, service.name), lambda: setattr(s.world, "certificates", check)
    )


def partner_fails(s: Scene) -> Fault:
    """A third party answers 503."""
    service, partner = s.partner()
    share = s.dice.uniform(0.5, 1.0)

    def apply() -> None:
        partner.fails = lambda: Failure("Answered", "503", 503) if s.world.dice.random() < share else None

    return Fault(("dependency_outage",), (partner.host, service.name), apply)


def partner_slow(s: Scene) -> Fault:
    """A third party takes seconds, or does not answer at all."""
    service, partner = s.partner()

    def apply() -> None:
        partner.slow = s.dice.uniform(18, 40)

    return Fault(("dependency_outage",), (partner.host, service.name), apply)


def _down(s: Scene, store: Store) -> Fault:
    text = f"connect to {store.host} failed: Connection refused"

    def apply() -> None:
        store.fails = lambda verb, table: Failure("ConnectionRefused", text, 500)

    return Fault(("dependency_outage",), (store.host, *s.readers(store)), apply)


def database_down(s: Scene) -> Fault:
    """A database takes no connections."""
    return _down(s, s.sql()[2].store)


def cache_down(s: Scene) -> Fault:
    """The cache takes no connections; reads go around it, to a database that was not built for that."""
    _, _, step = s.cache()
    fault = _down(s, step.cache)

    def apply() -> None:
        fault.apply()
        step.behind.store.slow = s.dice.uniform(4, 7)

    return Fault(("dependency_outage", "cache_stampede"), (*fault.services, step.behind.store.host), apply)


def retry_policy(s: Scene) -> Fault:
    """A callee fails now and then; a caller's new policy turns that into a flood."""
    caller, _, step = s.edge()
    callee, operation = step.service, step.operation

    def apply() -> None:
        caller.retries = 6
        for pod in callee.pods:
            pod.slow = 1.6
        operation.trouble = lambda *_: (
            Failure("ServiceUnavailable", "too many requests in flight", 503) if s.world.dice.random() < 0.55 else None
        )

    change = Change(
        "deploy",
        caller.name,
        caller.repo,
        "Be more patient with upstream errors",
        ("client/retry.conf",),
        "@@ client/retry.conf @@\n-max_attempts: 1\n+max_attempts: 7",
    )
    return Fault(("retry_storm",), (caller.name, callee.name), apply, change)


def timeout_lowered(s: Scene) -> Fault:
    """A caller's deadline is now shorter than its callee's usual time."""
    caller, _, step = s.edge()
    callee = step.service
    step.operation.steps.insert(0, Work(220.0))

    def apply() -> None:
        caller.timeouts[callee.name] = 0.2

    change = Change(
        "deploy",
        caller.name,
        caller.repo,
        "Tighten client deadlines",
        ("client/http.conf",),
        "@@ client/http.conf @@\n-read_timeout_ms: 5000\n+read_timeout_ms: 200",
    )
    return Fault(("timeout_budget", "configuration"), (caller.name,), apply, change)


def timeout_outside(s: Scene) -> Fault:
    """The deadline for a third party is now shorter than it usually takes."""
    service, partner = s.partner()

    def apply() -> None:
        service.timeouts[partner.host] = partner.ms / 1000

    change = Change(
        "deploy",
        service.name,
        service.repo,
        "Shorter timeout for the partner's interface",
        ("partner.properties",),
        f"@@ partner.properties @@\n-timeout=10s\n+timeout={partner.ms:.0f}ms",
    )
    return Fault(("timeout_budget", "configuration"), (service.name,), apply, change)


FAULTS = {
    ("network_delay", "edge"): delay_edge,
    ("network_delay", "pod"): delay_pod,
    ("network_delay", "service"): delay_service,
    ("network_delay", "zone"): delay_zone,
    ("network_loss", "edge"): loss_edge,
    ("network_loss", "service"): loss_service,
    ("dns_failure", "fails"): dns_fails,
    ("dns_failure", "slow"): dns_slow,
    ("certificate_expired", "inside"): certificate_inside,
    ("certificate_expired", "outside"): certificate_outside,
    ("dependency_outage", "partner_fails"): partner_fails,
    ("dependency_outage", "partner_slow"): partner_slow,
    ("dependency_outage", "database_down"): database_down,
    ("dependency_outage", "cache_down"): cache_down,
    ("retry_storm", "policy"): retry_policy,
    ("timeout_budget", "lowered"): timeout_lowered,
    ("timeout_budget", "outside"): timeout_outside,
}
