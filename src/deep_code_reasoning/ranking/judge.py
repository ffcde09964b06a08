"""The verdict: how sure are we, and of what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..detectors.base import Scene
from ..domain.cause import Cause
from ..domain.finding import Check
from ..domain.investigation import InvestigationVerdict

# A cause is called found when it is likelier than not; one below that is listed all the same.
LIKELY: Final = 0.5
# In a system in which nothing changed, a cause less likely than this is an oddity that it always had.
ODDITY: Final = 0.35
TELEMETRY: Final = frozenset({"traces", "locks", "logs", "metrics", "heap"})
"""Areas of detectors that look at what the system did, rather than at what was done to it."""


def verdict(scene: Scene | None, causes: Sequence[Cause], checks: Sequence[Check]) -> InvestigationVerdict:
    """`cause_found`, `no_cause_found`, `healthy` or `insufficient_evidence`.

    `insufficient_evidence` says that no detector could look at what the system did; `healthy` that some could, that
    nothing changed, and that nothing in it is likely to be a cause.
    """
    looked = any(c.looked and c.area in TELEMETRY for c in checks)
    if scene is None or not (looked or causes):
        return "insufficient_evidence"
    best = causes[0].confidence if causes else 0.0
    if best >= LIKELY:
        return "cause_found"
    return "no_cause_found" if scene.windows.changed or best >= ODDITY else "healthy"
