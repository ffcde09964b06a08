"""Where and how: findings and the service graph become suspects."""

from __future__ import annotations

from collections.abc import Sequence

from ..detectors.base import Scene
from ..domain.cause import Suspect
from ..domain.finding import Finding


def localise(scene: Scene, findings: Sequence[Finding]) -> tuple[Suspect, ...]:
    """Rank services and mechanisms that findings speak for, the likeliest first; scores are strictly ordered."""
    best: dict[tuple[str, str], Suspect] = {}
    for finding in findings:
        key = (finding.service, finding.mechanism)
        score = finding.severity * finding.confidence
        if key not in best or best[key].score < score:
            best[key] = Suspect(finding.service, finding.mechanism, score, (finding,))
    return tuple(sorted(best.values(), key=lambda suspect: (-suspect.score, suspect.service, suspect.mechanism)))
