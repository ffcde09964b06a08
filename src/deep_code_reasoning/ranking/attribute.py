"""Which change did it, or none: suspects become causes."""

from __future__ import annotations

from collections.abc import Sequence

from ..detectors.base import Scene
from ..domain.cause import Cause, Suspect
from ..domain.finding import Finding


def attribute(scene: Scene, suspects: Sequence[Suspect], findings: Sequence[Finding]) -> tuple[Cause, ...]:
    """Turn suspects into causes, best first, each with the change that explains it or none.

    `findings` are all of them, those of the change detectors included. Ranks are 1, 2, 3, ... without ties.
    """
    return tuple(
        Cause(
            rank=rank,
            mechanism=suspect.mechanism,
            service=suspect.service,
            confidence=0.5,
            summary=suspect.findings[0].summary,
            operation=suspect.operation,
            resource=suspect.resource,
            code_region=suspect.code_region,
            first_failing_service=suspect.first_failing_service,
            blast_radius=suspect.victims,
            path=suspect.path,
            citations=suspect.findings[0].citations,
        )
        for rank, suspect in enumerate(suspects, start=1)
    )
