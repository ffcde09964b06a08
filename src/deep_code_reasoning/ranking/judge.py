"""The verdict: how sure are we, and of what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..detectors.base import Scene
from ..domain.cause import Cause
from ..domain.finding import Check

# A cause below this confidence is listed, but the verdict does not call it found.
MIN_CONFIDENCE: Final = 0.35


def verdict(scene: Scene | None, causes: Sequence[Cause], checks: Sequence[Check]) -> str:
    """`cause_found`, `no_cause_found`, `healthy` or `insufficient_evidence`.

    `healthy` needs a detector that could look and an unchanged system; `insufficient_evidence` says that nearly
    nothing could be looked at.
    """
    if scene is None or not any(check.verdict in ("fired", "clear") for check in checks):
        return "insufficient_evidence"
    if causes and causes[0].confidence >= MIN_CONFIDENCE:
        return "cause_found"
    return "no_cause_found" if scene.windows.changed or causes else "healthy"
