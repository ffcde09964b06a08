"""On what terms a question is answered: what may be read for it, who may be asked, with what means."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..domain.investigation import Investigation
from .means import Means


@dataclass(frozen=True, slots=True)
class Terms:
    """What goes with a question through every use case that answers one.

    Attributes:
        case: the folder of a case; None for a question about code alone.
        roots: folders of code that may be read.
        model: a model's name; "none": the analysers alone; None: signals decide whether to ask, routing decides whom.
        means: the user's configuration, unless a caller puts something in its place.
        investigation: of this case, when it was just made.
    """

    case: Path | None = None
    roots: tuple[Path, ...] = ()
    model: str | None = None
    means: Means = field(default_factory=Means)
    investigation: Investigation | None = None
