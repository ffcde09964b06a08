"""What a specialist's tools work on: the evidence at hand, and how their results are shown to a model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ..domain.experiment import ExperimentResult
from ..domain.pack import Piece
from ..domain.window import Windows
from ..errors import UsageError
from ..packing.draft import Draft, Line
from ..packing.fence import fenced
from ..sandbox import Sandbox
from ..source import Roots
from ..store import CaseStore
from .ground import Ground

# What one result of a tool may take of a model's window: a few hundred lines; larger ones are asked for in parts.
MAX_RESULT_TOKENS: Final = 4_000


@dataclass(frozen=True)
class Bench:
    """The evidence of one session. `store` is None without a case, `sandbox` None where nothing may be run.

    `nonce` closes the fences, the same as in the pack. `experiments` collects what was run, by number.
    """

    nonce: str
    store: CaseStore | None = None
    roots: Roots = field(default_factory=lambda: Roots(()))
    sandbox: Sandbox | None = None
    windows: Windows | None = None
    max_result_tokens: int = MAX_RESULT_TOKENS
    experiments: dict[str, ExperimentResult] = field(default_factory=dict)

    @property
    def ground(self) -> Ground:
        """What claims are held against: the same evidence."""
        return Ground(self.store, self.roots, self.windows, self.experiments)

    @property
    def case(self) -> CaseStore:
        """The case.

        Raises:
            UsageError: when there is none.
        """
        if self.store is None:
            raise UsageError("there is no case: only code was given")
        return self.store

    def shown(self, piece: Piece) -> str:
        """A piece of evidence as the model sees it: between fences, its secrets taken out."""
        return fenced(piece, self.nonce)

    def shown_lines(self, key: str, title: str, lines: Iterable[str], head: str = "") -> str:
        """Lines of text of strangers, cut to what a result may take."""
        draft = Draft(key, title, tuple(Line(line) for line in lines), head)
        return self.shown(draft.piece(self.max_result_tokens))
