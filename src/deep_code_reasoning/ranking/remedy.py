"""What to do about a cause, and what to look at next."""

from __future__ import annotations

from typing import Final

from ..domain.cause import Remediation
from ..domain.conviction import Conviction

# Something is missing that the new code needs, or was taken out of shared data: going back leaves callers, data or
# other changes of the same release behind; what is missing is added instead.
_COMPLETE: Final = frozenset({"table_used", "column_used", "registration_removed", "ddl_dropped", "index_dropped"})

_CHECKS: Final[dict[str, tuple[str, ...]]] = {
    "certificate_expired": (
        "read the peer's certificate (notBefore, notAfter) as served now",
        "list other certificates of the same issue date",
    ),
    "dns_failure": (
        "resolve the failing names from a pod and from a node",
        "look at the resolver's upstreams and its SERVFAIL rate",
    ),
    "dependency_outage": (
        "read the provider's status page for this product and region",
        "call the provider from outside the system",
    ),
    "infrastructure_fault": (
        "list the nodes and zones of the failing instances",
        "read the platform's events around the onset",
    ),
    "traffic_surge": (
        "split the requests by client, route and region",
        "compare capacity (replicas, pools) with the new rate",
    ),
    "memory_leak": (
        "compare two heap dumps, an hour apart",
        "see whether memory falls back after a restart of the old version",
    ),
    "connection_pool_exhausted": ("read the pool's limit and use as the running process reports them",),
    "timeout_budget": ("compare the deadline with the callee's p99 before the incident",),
    "n_plus_one": ("count the queries of one slow request",),
    "schema_mismatch": ("list the migrations that the database has applied",),
    "deadlock": ("read the database's or the runtime's deadlock report: who held what",),
    "lock_contention": ("list who holds and who waits for the lock now",),
    "lock_lease_expired": (
        "compare the clocks of the hosts that take the lock, as their time service reports them",
        "compare the lease with the longest hold and with the interval of its renewal",
    ),
    "clock_skew": ("read what the time service of the host reports: offset, source, last synchronisation",),
    "race_condition": ("read what guards the check and the write that follows it",),
    "exception": (
        "read the code where the first error is raised, or the last statement is logged",
        "compare the inputs of requests that fail with those of requests that do not",
    ),
    "wrong_result": ("compare the inputs of requests that fail with those of requests that do not",),
    "bad_input": ("compare the inputs of requests that fail with those of requests that do not",),
    "latency_regression": ("compare a slow trace with one of before, span by span",),
    "chatty_calls": ("list the calls of one slow request, and which could be one",),
    "retry_storm": ("read the retry policy of the first caller: attempts, waiting, budget",),
    "cache_stampede": ("compare the times at which the keys expire",),
    "thread_pool_exhausted": ("take a thread dump: what do the threads wait for?",),
    "cpu_saturation": ("take a profile of the saturated process",),
    "memory_saturation": ("read the memory limit and the last kill for want of memory",),
    "disk_saturation": ("list what fills the disk, and what writes to it",),
    "network_delay": ("measure the way between the two hosts outside the application, both ways",),
    "network_loss": ("measure the way between the two hosts outside the application, both ways",),
    "noisy_neighbour": ("list what else runs on the node",),
    "unacknowledged_messages": ("list the consumers with unacknowledged deliveries, and how many each may hold",),
    "message_backlog": ("compare the rate of publishing with that of consuming",),
    "configuration": ("compare the running configuration with that of before the onset",),
    "startup_failure": ("read the first error after the start of the process",),
}


# What holds the damage down where no change is to be undone.
_RELIEF: Final[dict[str, str]] = {
    "certificate_expired": "renew the certificate where it is served, and have it loaded",
    "dns_failure": "mend or replace the resolver; until then give clients the addresses",
    "dependency_outage": "cut calls of it short, and answer without it, until it is back",
    "infrastructure_fault": "move the work off the nodes or the zone that fail",
    "network_delay": "move one end of the slow way to another host",
    "network_loss": "move one end of the lossy way to another host",
    "clock_skew": "set the host's clock right, and look after its time service",
    "lock_lease_expired": "set the clocks right, or make the lease longer than the longest hold and the clocks' error",
    "memory_leak": "restart the instances one by one before memory runs out",
    "unacknowledged_messages": "restart the consumer that holds the messages: they are delivered anew",
    "retry_storm": "have the first caller retry less, and later each time",
    "noisy_neighbour": "move one of the two to another host",
    "disk_saturation": "free space, or add some",
    "cpu_saturation": "add instances, or take load away",
    "memory_saturation": "raise the limit, or take load away",
}


def relief(mechanism: str) -> str | None:
    """What eases a cause that no change explains; None where that depends on what is found next."""
    return _RELIEF.get(mechanism)


def remediation(mechanism: str, change: Conviction | None) -> Remediation | None:
    """What helps; None where nothing of that does.

    Args:
        mechanism: of the cause.
        change: the finding about the change that did it, None when no change did.
    """
    if change is None or change.change is None:
        return "scale" if mechanism == "traffic_surge" else None
    if change.change[0] == "flag":
        return "feature-flag-disable"
    if change.effect in _COMPLETE:
        return "roll-forward"
    return "config-revert" if change.only_configuration else "rollback"


def next_checks(mechanism: str, change: Conviction | None) -> tuple[str, ...]:
    """What would settle the remaining doubt."""
    checks = _CHECKS.get(mechanism, ())
    if change is not None and change.change is not None:
        first = change.bisect or f"run one instance without {change.change[1][:12]} and compare"
        return (first, *checks)
    return checks
