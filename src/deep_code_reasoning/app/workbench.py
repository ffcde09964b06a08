"""Everything that a question is answered from, opened together: case, investigation, code, sandbox."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..domain.analysis import AnalysisRequest
from ..domain.case import CaseInfo
from ..domain.investigation import Investigation
from ..domain.pack import Pack
from ..errors import EmptyPackError
from ..packing.pack import pack
from ..packing.subject import Subject
from ..source import Roots
from ..specialists.bench import Bench
from ..specialists.ground import Ground
from ..store import CaseStore, CaseWriter, open_case
from .cases import list_cases
from .investigate import investigation_of
from .localise import with_code
from .sandbox import open_sandbox


@dataclass(frozen=True)
class Workbench:
    """What is at hand. `store` is that of an empty case when only code was given; `has_case` says which it is."""

    request: AnalysisRequest
    investigation: Investigation
    store: CaseStore
    roots: Roots
    has_case: bool

    @property
    def subject(self) -> Subject:
        """What a pack is about."""
        return Subject(
            store=self.store,
            investigation=self.investigation,
            roots=self.roots,
            scope=self.request.scope,
            # What the case was opened with holds where nothing else is asked.
            question=self.request.question or self.investigation.case.question or "",
            analysis_type=self.request.analysis_type,
            depth=self.request.depth,
        )

    @property
    def problem_class(self) -> str:
        """What groups like questions: the mechanism that is suspected first."""
        causes = self.investigation.causes
        if causes:
            return causes[0].mechanism
        return "unexplained" if self.has_case else "code"

    @property
    def ground(self) -> Ground:
        """What claims are held against."""
        return Ground(self.store if self.has_case else None, self.roots, self.investigation.windows)

    def pack(self, budget_tokens: int) -> Pack:
        """Choose evidence and code for a model.

        Raises:
            EmptyPackError: when there is nothing to reason over: neither evidence, nor code that could be read.
        """
        packed = pack(with_code(self.subject, self.request.context.lines), budget_tokens)
        code = [entry for entry in packed.manifest if entry.key.startswith("code/")]
        if not self.has_case and all(entry.state == "dropped" for entry in code):
            why = "; ".join(f"{entry.key.partition('/')[2]}: {entry.reason}" for entry in code) or "no files are named"
            raise EmptyPackError(f"there is nothing to reason over ({why})", _what_to_give())
        return packed

    def bench(self, packed: Pack) -> Bench:
        """What a specialist's tools work on."""
        return Bench(
            nonce=packed.nonce,
            store=self.store if self.has_case else None,
            roots=self.roots,
            sandbox=open_sandbox(),
            windows=self.investigation.windows,
        )


def _what_to_give() -> str:
    """A hint that names the cases there are: who has just opened one may have forgotten to say so."""
    known = [folder.name for folder, _ in list_cases()][:_NAMED_CASES]
    there = f" (there are {', '.join(known)})" if known else ""
    return f"name a case{there}, or files that may be read"


_NAMED_CASES: Final = 5


@contextmanager
def open_workbench(
    request: AnalysisRequest,
    case: Path | None,
    roots: Sequence[Path] = (),
    investigation: Investigation | None = None,
) -> Iterator[Workbench]:
    """Open what a question is about and close it at the end.

    Args:
        case: the folder of a case; None for a question about code alone.
        roots: folders of code that may be read.
        investigation: of this case, when it was just made; else that of the case as it is (`investigation_of`).

    Raises:
        CaseNotFoundError: when the folder is no case.
        SourceError: when a root is no folder.
    """
    code = Roots(roots)
    with ExitStack() as stack:
        folder = case
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dcr-code-")))
            with CaseWriter(folder) as writer:
                writer.commit(CaseInfo("code"))
        found = investigation or investigation_of(folder, request.question)
        yield Workbench(request, found, stack.enter_context(open_case(folder)), code, case is not None)
