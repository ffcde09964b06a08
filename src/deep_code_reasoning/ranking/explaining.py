"""Which of two findings accounts for the other.

A trouble shows in many places at once. What explains what is known by mechanism (who has no processor answers late);
the rest is told by evidence: who began first, what grew by how much, what is waited for meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..detectors.base import Scene
from ..detectors.runner import kind_of
from ..detectors.series.series import requests_ratio, series_of
from ..detectors.vocabulary.told import is_of_its_own
from ..domain.finding import Finding

# What runs out while work stands in line for something else.
POOLS: Final = frozenset({"connection_pool_exhausted", "thread_pool_exhausted"})

# Mechanisms that, in one service, produce the others' findings: a process without a processor answers late and loses
# connections; one behind a slow network looks slow to its callers.
_EXPLAINS: Final[Mapping[str, frozenset[str]]] = {
    "cpu_saturation": frozenset({"network_delay", "latency_regression", "exception", *POOLS}),
    "memory_saturation": frozenset({"latency_regression", "exception", "network_delay"}),
    "memory_leak": frozenset({"latency_regression", "exception", "network_delay", "memory_saturation"}),
    "connection_pool_exhausted": frozenset(
        {"latency_regression", "exception", "network_delay", "thread_pool_exhausted", "timeout_budget"}
    ),
    "thread_pool_exhausted": frozenset({"latency_regression", "exception", "network_delay"}),
    "network_delay": frozenset({"latency_regression"}),
    "chatty_calls": frozenset({"latency_regression"}),
    "clock_skew": frozenset({"exception"}),
    "cache_stampede": frozenset({"exception", "latency_regression", "timeout_budget", "network_delay", *POOLS}),
    "unacknowledged_messages": frozenset(
        {"exception", "latency_regression", "memory_leak", "memory_saturation", "message_backlog"}
    ),
    "message_backlog": frozenset({"latency_regression"}),
    "schema_mismatch": frozenset({"exception", "message_backlog"}),
    "lock_lease_expired": frozenset(
        {"exception", "latency_regression", "lock_contention", "race_condition", "timeout_budget", *POOLS}
    ),
    "race_condition": frozenset({"exception", "wrong_result", "lock_contention", "message_backlog"}),
    "deadlock": frozenset({"exception", "latency_regression", "lock_contention", "timeout_budget", *POOLS}),
    # What is locked is often what requests are about: those that wait have it in common.
    "lock_contention": frozenset({"bad_input", "exception", "latency_regression", "timeout_budget", *POOLS}),
    "retry_storm": frozenset({"exception", "latency_regression", "timeout_budget"}),
    "timeout_budget": frozenset({"exception", "latency_regression"}),
    "startup_failure": frozenset({"exception", "latency_regression", "network_delay", "cpu_saturation", *POOLS}),
    # Work that fails and comes again keeps processors busy, and others of its queue waiting.
    "bad_input": frozenset({"exception", "latency_regression", "wrong_result", "cpu_saturation", "message_backlog"}),
    "infrastructure_fault": frozenset({"exception", "latency_regression", "network_delay", "timeout_budget", *POOLS}),
    "noisy_neighbour": frozenset(
        {"exception", "latency_regression", "network_delay", "timeout_budget", "cpu_saturation", *POOLS}
    ),
}

# How callers take what another has: they try again, or give up. What that other has may be of these kinds; a storm of
# retries can itself take a processor, a pool or the workers, and makes who is overrun slow.
_NOT_OF_RETRIES: Final = frozenset(
    {"disk_saturation", "memory_saturation", "memory_leak", "network_loss", "network_delay", "startup_failure"}
)

# What begins after so much of another's time is not dated wrongly: it came later.
_LATER: Final = 0.1
# The first hedged call dates the hedging, and the first slow call the trouble: they are dated to such a part of it.
_AT_ONCE: Final = 0.01
# Who takes longer by less than such a part of a deadline is not why it is passed.
_ACCOUNTS: Final = 0.25
# Systems are built for twice their usual load or more.
_SEVERAL: Final = 2.0


def is_reaction(scene: Scene, seen: Finding, findings: Sequence[Finding]) -> bool:
    """Whether retries, or a deadline that passes, are how a caller takes a trouble that one further down has."""
    reaction = kind_of(seen).reaction
    if reaction == "none":
        return False
    here, below = {seen.service}, set(scene.graph.downstream(seen.service)) - {seen.service}
    return any(
        # What comes from outside is told of who calls it.
        f.service in (below | here if kind_of(f).family == "outside" else below)
        and f.severity * f.confidence >= seen.severity * seen.confidence / 3
        and _provokes(f, seen)
        and not came_after(f, seen, _AT_ONCE if reaction == "hedges" else _LATER)
        for f in findings
    )


def explains(mechanism: str, other: str) -> bool:
    """Whether a mechanism at work in a service produces what speaks for the other there."""
    return other in _EXPLAINS.get(mechanism, ())


def accounts_for(finding: Finding, other: Finding) -> bool:
    """Whether what one finding tells of a service produces what another tells of it.

    That a processor is short is concluded from what takes longer; a shortage that was seen itself is none of that.
    """
    concluded = finding.code == "traces.self_time" and kind_of(other).shows_mechanism
    return explains(finding.mechanism, other.mechanism) and not concluded


def came_after(finding: Finding, other: Finding, by: float = _LATER) -> bool:
    """Whether one began clearly later than another, and so did not bring it about.

    What is measured now and then comes late itself, and tells nothing of who was first.

    Args:
        finding: the one.
        other: the other.
        by: a part of the time that the other lasts; what begins after no more of it is not told from what began along.
    """
    if finding.window is None or other.window is None or finding.area == "metrics":
        return False
    lasted_ns = other.window.end_ns - other.window.start_ns
    return finding.window.start_ns - other.window.start_ns > by * lasted_ns


def _provokes(trouble: Finding, seen: Finding) -> bool:
    kind = kind_of(trouble)
    if kind.errors:
        return not trouble.names_services and is_of_its_own(str(trouble.facts.get("error") or ""))
    if kind.unreached or trouble.mechanism in _NOT_OF_RETRIES:
        return True
    if kind.family == "outside":
        return trouble.mechanism != "traffic_surge"
    if trouble.code == "traces.self_time" and _longer_ms(trouble) < _ACCOUNTS * seen.number("deadline_ms"):
        return False
    # A deadline that was long enough before is passed because someone below became slower.
    return kind_of(seen).reaction == "gives_up" and (kind.is_symptom or kind.runs_out)


def _longer_ms(slow: Finding) -> float:
    """How much longer a service works on a request than before, in milliseconds."""
    longer = slow.number("self_ms_after_p75") - slow.number("self_ms_before_p75")
    return max(longer, slow.number("extra_ms"))


def is_passed_for_more(scene: Scene, deadline: Finding, slow: Finding) -> bool:
    """Whether a service that is slower behind a deadline takes too little of it to be why it is passed."""
    return (
        slow.code == "traces.self_time"
        and slow.service in scene.graph.downstream(deadline.service)
        and _longer_ms(slow) < _ACCOUNTS * deadline.number("deadline_ms")
    )


def fails_more(clock: Finding, lease: Finding) -> bool:
    """Whether the clock that ended a lease too early fails requests by itself, more than the lock's owners collide."""
    return (
        clock.code == "traces.clock_skew"
        and clock.resource == lease.facts.get("skewed_host")
        and clock.number("requests_failing_over_time") > lease.number("overlaps")
    )


def seen_in(seen: Finding) -> set[str]:
    """The services at which a mechanism was seen at work: of a host or a zone, all that are there."""
    there = seen.texts("services") if kind_of(seen).place != "service" else ()
    return {seen.service, *there}


def is_overrun(scene: Scene, seen: Finding, findings: Sequence[Finding]) -> bool:
    """Whether those who meet at a lock, or at an entry that a cache lacks, came to meet there by something older.

    One further up had begun to repeat its requests. Or the service had run out of connections or workers: who holds a
    lock waits for one, and the others for the lock.
    """
    if seen.mechanism not in ("lock_contention", "cache_stampede"):
        return False
    above = set(scene.graph.upstream(seen.service)) - {seen.service}
    return any(
        (
            (kind_of(f).reaction == "retries" and f.service in above)
            or (f.mechanism in POOLS and f.service == seen.service and kind_of(f).shows_mechanism)
        )
        and came_after(seen, f)
        for f in findings
    )


def used_up(scene: Scene, finding: Finding, seen: Sequence[tuple[Finding, float]]) -> float:
    """How surely a pool ran empty for another's sake.

    A service further down waits for locks: the workers of all who call it wait along. Or one further up had begun to
    call again and again: all that it calls has so many times the work.
    """
    below = set(scene.graph.downstream(finding.service)) - {finding.service}
    above = set(scene.graph.upstream(finding.service)) - {finding.service}
    return max(
        (
            weight
            for f, weight in seen
            if (f.area == "locks" and f.service in below)
            or (kind_of(f).reaction == "retries" and f.service in above and came_after(finding, f))
            or (kind_of(f).reaction == "hedges" and f.service in above)
        ),
        default=0.0,
    )


def does_more(scene: Scene, busy: Finding) -> bool:
    """Whether a service came to do several times the work when it became busy, as it counts its requests or messages.

    Use is throughput times what each takes (Denning and Buzen, *The Operational Analysis of Queueing Network Models*,
    1978): who takes longer over each with a processor that is full does less.
    """
    served = series_of(scene.store, frozenset({"traffic"}))
    return requests_ratio(served, busy.service, busy.start_ns) >= _SEVERAL


def outlasts(symptom: Finding, seen: Finding) -> bool:
    """Whether requests wait on the way for longer than all calls that came to be repeated take: it is not from them."""
    if symptom.code != "traces.network_gap" or seen.code != "traces.repeated_calls":
        return False
    return symptom.number("gap_ms") > seen.number("calls_ms")
