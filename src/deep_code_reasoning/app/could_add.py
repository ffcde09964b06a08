"""What a specialist could add to what the analysers found: said when none was asked."""

from __future__ import annotations

from ..domain.investigation import Investigation
from ..domain.model import ABILITIES
from ..routing.settings import Thresholds
from ..specialists.base import Specialist


def could_add(investigation: Investigation, specialist: Specialist, has_code: bool) -> tuple[str, ...]:
    """In words, from what is open in this case; empty when nothing is."""
    causes, said = investigation.causes, []
    if not causes:
        said.append("look for a cause that no analyser knows the signs of, in the pack and by queries over the case")
    elif causes[0].confidence < Thresholds().proven_confidence:
        said.append(f"try to refute the first cause, which the analysers give {causes[0].confidence:.2f}")
    rivals = [c for c in causes[1:] if causes[0].confidence - c.confidence < Thresholds().contested_margin]
    if rivals:
        said.append(f"tell the first {len(rivals) + 1} causes apart, which are close to each other")
    if causes and causes[0].change is not None:
        said.append(f"explain how {causes[0].change.kind} {causes[0].change.id} does it, line by line")
    if has_code:
        said.append("read the code: the analysers read telemetry and diffs")
    skipped = [check.detector for check in investigation.checks if check.verdict == "skipped"]
    if skipped:
        said.append(f"reason without what {len(skipped)} analysers lacked ({', '.join(skipped[:4])})")
    said.append(f"this analysis suits a model with the ability {specialist.ability}: {ABILITIES[specialist.ability]}")
    return tuple(said)
