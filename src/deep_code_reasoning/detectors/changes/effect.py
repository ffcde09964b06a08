"""What a change does to the running system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .diff import Patch


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a diff does.

    `kind` is a name of `compatibility.EFFECTS`. `subjects` are the names it is about (settings, tables, hosts,
    functions): where a symptom quotes them, the two belong together. `old` and `new` are the values where it is a
    number that changed, in `dimension` (`ms`, `bytes` or '' for plain). `sureness` (0..1) is how surely the diff
    does this, as far as its lines can tell.
    """

    kind: str
    summary: str
    path: str
    subjects: tuple[str, ...] = ()
    old: float | None = None
    new: float | None = None
    dimension: str = ""
    sureness: float = 1.0


Extractor = Callable[[Patch], list[Effect]]
