"""Objects that pile up in one place of a service's heap.

Looks for: a map, list or array that keeps alive a part of the heap that grows from dump to dump of an instance; or,
with one dump only, far more than anything else does.

Why it matters: memory grows until the process is restarted, and what the metric of memory cannot say is which field of
which class never lets go.

Stays silent when: what is large stays as large as it was: a cache that is full.

Example finding: `fulfilment: Channel.unacked keeps 412 MB alive, 61 % of its heap, and 96 MB six hours before
(840000 Delivery)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.finding import Finding
from ...domain.wording import size
from ..base import Detector, Kind, Scene
from .piles import Pile, piles


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_share: with one dump there is no growth to see; Memory Analyzer suspects what holds a fifth, and caches are
            made for that much.
        several, twice, once: confidence with growth over three dumps or more, over two, and with one dump.
    """

    min_share: float = 0.3
    several: float = 0.9
    twice: float = 0.8
    once: float = 0.55


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find piles that grow, or that are most of a heap."""
    found = [_finding(scene, pile, settings) for pile in piles(scene.store) if _stands_out(pile, settings)]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.resource or ""))


def _stands_out(pile: Pile, settings: Settings) -> bool:
    if len(pile.retained) == 1:
        return pile.share >= settings.min_share
    return pile.is_growing


def _finding(scene: Scene, pile: Pile, settings: Settings) -> Finding:
    dumps = len(pile.retained)
    known = f"and {size(pile.retained[0])} in the first of {dumps} dumps" if dumps > 1 else "in its only dump"
    return Finding(
        code="heap.growth",
        mechanism="memory_leak",
        service=pile.service,
        summary=(
            f"{pile.service}: {pile.place} keeps {size(pile.retained[-1])} alive, {pile.share:.0%} of its heap, "
            f"{known} ({pile.contents})"
        ),
        severity=min(1.0, 0.4 + pile.share),
        confidence=settings.once if dumps == 1 else settings.twice if dumps == 2 else settings.several,
        facts=pile.facts,
        citations=pile.citations,
        window=scene.windows.incident,
        resource=pile.place,
        instance=str(pile.row["instance"]) or None,
    )


DETECTOR = Detector(
    code="heap.growth",
    kinds=(Kind("heap.growth", directness=0.9),),
    mechanisms=("memory_leak",),
    needs=("heap_holders",),
    settings=Settings(),
    detect=detect,
)
