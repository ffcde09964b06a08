"""What changes are tried for where nothing that is said, and no level of a whole service, tells: memory that leaks,
messages that are taken and not acknowledged, work that requests no longer do.

Of all queues together the one that is held is lost, and memory that is given back by a kill is no climb. These are
dated and placed by who measures them: the service it is seen at is the first, and it begins when that does, whatever
else the onset was dated by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..base import Scene
from ..symptoms.front import Front
from ..symptoms.symptom import Shift, symptoms_of
from ..symptoms.trouble import trouble
from .trial import Change, Situation, deployed

# By detector and mechanism: what it is called, and the facts with its levels before and after. Messages that merely
# wait are not held.
_TOLD: Final = {
    ("metrics.leak", "memory_leak"): ("memory", "before", "after"),
    ("metrics.messages", "unacknowledged_messages"): ("unacknowledged messages", "usual", "now"),
    ("traces.missing_writes", "wrong_result"): ("skipped", "without_share_before", "without_share"),
}


def measured_situations(scene: Scene, known: Sequence[Change], services: frozenset[str]) -> list[Situation]:
    """A situation for each leak, pile of messages held and piece of work that is missing, the surest first."""
    found = trouble(scene)
    live = deployed(known)
    situations = []
    measured = [finding for finding in scene.dated if (finding.code, finding.mechanism) in _TOLD]
    for finding in sorted(measured, key=lambda f: (-f.severity * f.confidence, f.service)):
        what, before, after = _TOLD[finding.code, finding.mechanism]
        levels = finding.number(before), finding.number(after)
        ramp_ns = finding.start_ns if finding.mechanism == "memory_leak" else None
        name = f"{what} {finding.resource}"
        shift = Shift(finding.service, name, *levels, finding.start_ns, ramp_ns, finding.citations)
        victims = tuple(name for name in found.front.failing if name != finding.service)
        front = Front(finding.service, victims, finding.start_ns)
        symptoms = symptoms_of([], [shift])
        situations.append(Situation(symptoms, front, found.graph, finding.start_ns, services, live))
    return situations
