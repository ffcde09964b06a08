"""What a change does to the running system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from .diff import Hunk, Patch


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a diff does.

    `kind` is a name that `compatibility.py` knows. `subjects` are the names it is about (settings, tables, hosts,
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
Finder = Callable[[Hunk], Iterable[Effect]]
ANY: Final = ""


def each_hunk(finders: Mapping[Finder, str]) -> Extractor:
    """A family of effects that hunks show one by one.

    Args:
        finders: what looks for each effect, with the kinds of files that it reads (see `paths.file_kind`), apart by
            blanks; `ANY` for all files that run.
    """
    reading = [(find, frozenset(kinds.split())) for find, kinds in finders.items()]

    def extract(patch: Patch) -> list[Effect]:
        return [
            effect
            for hunk in patch.running
            for find, kinds in reading
            if not kinds or hunk.kind in kinds
            for effect in find(hunk)
        ]

    return extract
