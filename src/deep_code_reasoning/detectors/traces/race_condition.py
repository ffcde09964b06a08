"""Requests that get into each other's way.

Looks for: two requests that each read a row, key or document and then write it, the one's read to write crossing the
other's, and that are told of a conflict, or that did so under a lock before and take none any more; and messages that
are taken a second time while the first is still at it.

Why it matters: each request alone is right, and each trace looks sound: what goes wrong lies between two of them. A
lock that was taken out, or a check that is not one with its act, fails a few requests in no pattern.

Stays silent when: requests cross without any conflict, as they always do under load; conflicts are as frequent as they
were; requests that cross nothing meet as many of them; a message comes again only after its first turn was over (it was
not acknowledged).

Example finding: `billing: 14 of 80 requests read and wrote account across another's read and write since 10:23:00 and
met a conflict ("was changed by another transaction"), 0 of 96 before`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.finding import Finding
from ..base import Detector, Kind, Scene
from .crossings import crossings
from .double_turns import double_turns
from .races import Settings


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find objects that requests write over each other's back, and messages that are processed twice."""
    found = [*crossings(scene, settings), *double_turns(scene, settings)]
    return sorted(found, key=lambda f: (-f.confidence, -f.severity, f.service, f.resource or ""))


DETECTOR = Detector(
    code="traces.race_condition",
    kinds=(Kind("traces.race_condition", directness=0.95, family="seen"),),
    mechanisms=("race_condition",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
