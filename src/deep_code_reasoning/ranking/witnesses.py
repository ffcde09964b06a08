"""What speaks for a change, for a cause outside and for a mechanism seen at work, where nothing refutes it.

A change that only came in time did not do what was seen at a host, on the way between two services or further down; and
what was seen may be how a service takes the trouble of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..detectors.base import Scene
from ..detectors.runner import kind_of
from ..domain.conviction import Conviction
from ..domain.finding import Finding
from .calibrate import at_its_limit
from .explaining import came_after, explains, is_overrun, is_reaction
from .outside import from_outside, strongest

# Beside a deadline that is too short a partner is to blame that is slower by an order of magnitude.
_FAR_SLOWER: Final = 10.0
# How those above take an outage, and those below a surge.
_TAKEN_SO: Final[Mapping[str, frozenset[str]]] = {
    "dependency_outage": frozenset({"retry_storm", "timeout_budget", "lock_contention"}),
    "traffic_surge": frozenset(
        {"retry_storm", "timeout_budget", "lock_contention", "cache_stampede", "memory_saturation"}
    ),
}
# What a service does to its own connections, by the kinds of effects, shows as time on the way out of it.
_OF_CONNECTIONS: Final = ("connection_", "idle_time_", "pool_", "switch_", "endpoint_", "dependency_")


def witnesses(scene: Scene, findings: Sequence[Finding]) -> tuple[Conviction | None, Finding | None, Finding | None]:
    """What speaks strongest for a change, a cause outside, and a mechanism seen at work, where nothing refutes it."""
    change = strongest([f for f in findings if isinstance(f, Conviction)])
    outside = from_outside(scene, findings)
    at_work = (
        f
        for f in findings
        if kind_of(f).is_seen
        and not f.is_harmless
        and not _behind(scene, f, outside)
        and not is_reaction(scene, f, findings)
        and not is_overrun(scene, f, findings)
    )
    seen = max(at_work, key=strength, default=None)
    if change is not None and (_on_the_way(change, findings) or _lies_below(scene, change, findings)):
        change = None
    if seen is not None and change is not None and _is_cleared(change, seen):
        change = None
    if seen is not None and outside is not None and outside.confidence <= seen.confidence:
        outside = None
    return change, outside, seen


def strength(finding: Finding) -> tuple[float, float, str]:
    """What one finding is stronger by than another: surer, else graver; two of a kind have an order too."""
    return finding.confidence, finding.severity, finding.summary


def _behind(scene: Scene, seen: Finding, outside: Finding | None) -> bool:
    """Whether what was seen is how others take what came from outside: an outage further down, a surge further up."""
    if outside is None or seen.mechanism not in _TAKEN_SO.get(outside.mechanism, ()):
        return False
    if seen.mechanism == "lock_contention" and outside.mechanism == "dependency_outage" and came_after(outside, seen):
        return False  # who holds a lock while it waits for what is down began to wait no earlier
    if outside.mechanism == "traffic_surge":
        return seen.service in {outside.service, *scene.graph.downstream(outside.service)}
    if seen.code == "traces.inverted_deadline" and outside.code == "external.slow_peer":
        # A partner that answers in time is to blame where it takes most of the time, and far longer than ever.
        now_ms = outside.number("now_ms")
        return 2 * now_ms >= seen.number("deadline_ms") and now_ms >= _FAR_SLOWER * outside.number("before_ms")
    reached = {seen.service, *scene.graph.downstream(seen.service)}
    return bool(reached & {outside.service, *outside.texts("services")})


def _is_cleared(change: Conviction, seen: Finding) -> bool:
    """Whether a mechanism that was seen at work speaks against a change: only its time fits, or nothing does."""
    by_time = change.confidence <= seen.confidence and _only_came_then(change, seen)
    return (by_time and not is_of_its_deploy(change, seen)) or _brought_otherwise(change, seen)


def _brought_otherwise(change: Conviction, seen: Finding) -> bool:
    """Whether a mechanism that was seen at work leaves a change nothing that it must have done.

    Such a change was held to have done it because some change must have. Nothing it is known for is that mechanism,
    and it was not deployed where that is at work.
    """
    return bool(change.eliminated and seen.mechanism not in change.can_bring and seen.service != change.deployed_to)


def is_of_its_deploy(change: Conviction, seen: Finding) -> bool:
    """Whether a mechanism was seen at work where a change went out of which nothing else tells what it does.

    A flag that was flipped there, or a commit that is held to have done it because no other can have.
    """
    chosen = change.eliminated or (change.change or ("",))[0] == "flag"
    return (
        bool(chosen) and kind_of(seen).place != "host" and not change.can_bring and seen.service == change.deployed_to
    )


def _only_came_then(change: Conviction, seen: Finding) -> bool:
    """Whether nothing but its time and place speaks for a change beside a mechanism that was seen at work.

    No commit sets a host's clock, nor takes a host away, nor fills it with what is not of ours. Waits for locks may be
    the doing of a change whose diff can do such things; of one whose diff is not known they are not.
    """
    if seen.mechanism == "clock_skew" or seen.facts.get("skewed_host") or kind_of(seen).place == "host":
        return True
    unknown = change.effect is None and not change.measured
    return (unknown and seen.area == "locks") or _fits_by_time(change, seen)


def _fits_by_time(change: Conviction, seen: Finding) -> bool:
    """Whether nothing but time and place ties a change to what a mechanism that was seen at work explains."""
    return change.effect is None and explains(seen.mechanism, change.mechanism)


def _on_the_way(change: Conviction, findings: Sequence[Finding]) -> bool:
    """Whether the time that a change is blamed for was seen to be lost between two services: no commit does that.

    Unless it is lost on all calls out of the service that the change is of, which now treats its connections otherwise.
    """
    own = change.deployed_to if (change.effect or "").startswith(_OF_CONNECTIONS) else None
    return change.mechanism == "latency_regression" and any(
        kind_of(f).place == "way"
        and f.confidence >= change.confidence
        and not (f.service == own and f.facts.get("direction") == "out of")
        for f in findings
    )


def _lies_below(scene: Scene, change: Conviction, findings: Sequence[Finding]) -> bool:
    """Whether a change fits by time alone, and what its service calls is out of reach or has run short of something.

    Where a disk below is full, so does one that is only held to have done it because no other can have.
    """
    known = change.effect is not None
    if known and not change.eliminated:
        return False
    below = set(scene.graph.downstream(change.service)) - {change.service, change.deployed_to}
    return any(
        (_is_full_disk(f) or (not known and _is_missing(f, change)))
        and f.service in below
        and f.confidence >= change.confidence
        for f in findings
    )


def _is_full_disk(finding: Finding) -> bool:
    return finding.mechanism == "disk_saturation" and at_its_limit(finding)


def _is_missing(finding: Finding, change: Conviction) -> bool:
    short = finding.code == "metrics.shortage" and explains(finding.mechanism, change.mechanism)
    return short or kind_of(finding).unreached
