"""What came from outside of the system's code: of all that may have, the best proved, if any is a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from ..detectors.base import Scene
from ..detectors.runner import kind_of
from ..domain.finding import Finding
from ..domain.instant import NS_PER_S
from .calibrate import at_its_limit

Told = TypeVar("Told", bound=Finding)

# Below this an outside cause is a hint among others, and no verdict against all changes.
MIN_OUTSIDE_CONFIDENCE: Final = 0.55
# What begins within so long of a surge may be its doing: metrics come every minute, and lag.
_TOGETHER_NS: Final = 180 * NS_PER_S


def from_outside(scene: Scene, findings: Sequence[Finding]) -> Finding | None:
    """The surest finding of an outside cause; None where none is sure enough, or what requests lose was measured."""
    if any(kind_of(f).family == "measured" for f in findings):
        return None  # it was seen where the time goes: what else is odd outside did not take it
    surest = strongest(
        [
            f
            for f in findings
            if kind_of(f).family == "outside"
            and (not f.is_harmless or _uses_up(scene, f, findings))
            and not _is_told_better(f, findings)
        ]
    )
    return surest if surest is not None and surest.confidence >= MIN_OUTSIDE_CONFIDENCE else None


def strongest(findings: Sequence[Told]) -> Told | None:
    """The surest finding."""
    # Of two that are equally sure, what was seen tells more than what a status page says of it.
    return max(
        findings,
        key=lambda f: (f.confidence, f.code != "external.provider_outage", f.severity, f.summary),
        default=None,
    )


def _is_told_better(outage: Finding, findings: Sequence[Finding]) -> bool:
    """Whether a party outside is not reached, or slow, for a reason that is known: it is not the party's own.

    Its name is not resolved, or its certificate is at an end; or all calls into the service that asks it are slow on
    their way too: that is the service's own way, in and out.
    """
    if outage.mechanism != "dependency_outage" or not outage.resource:
        return False
    sure = [f for f in findings if f.confidence >= MIN_OUTSIDE_CONFIDENCE]
    reasons = [f for f in sure if kind_of(f).family == "outside" and f.mechanism != outage.mechanism]
    own_ways = [f for f in sure if f.code == "traces.network_gap" and f.confidence >= outage.confidence]
    return any(outage.resource in (f.resource, *f.texts("names")) for f in reasons) or any(
        f.service == outage.service for f in own_ways
    )


def _uses_up(scene: Scene, surge: Finding, findings: Sequence[Finding]) -> bool:
    """Whether what came in from outside, and is served still, takes all there is of something further in."""
    reached = {surge.service, *scene.graph.downstream(surge.service)}
    since_ns = surge.facts.get("since_ns")
    return isinstance(since_ns, int) and any(
        f.service in reached and abs(f.start_ns - since_ns) <= _TOGETHER_NS and (kind_of(f).runs_out or at_its_limit(f))
        for f in findings
    )
