"""What a conversation is about, kept with it so that any process can go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..domain.analysis import AnalysisRequest, request_as_json, request_from_json
from ..domain.window import Window, Windows
from ..source import Roots
from ..specialists.bench import Bench
from ..store import open_case
from .sandbox import open_sandbox


@dataclass(frozen=True, slots=True)
class Setting:
    """The request, the evidence, the model (None: none is asked), and what fences and claims are held to."""

    request: AnalysisRequest
    case: Path | None
    roots: tuple[Path, ...]
    model: str | None
    why_no_model: str | None
    nonce: str
    windows: Windows | None

    def as_json(self) -> dict[str, Any]:
        """As plain data that JSON can hold."""
        return {
            "request": request_as_json(self.request),
            "case": None if self.case is None else str(self.case),
            "roots": [str(root) for root in self.roots],
            "model": self.model,
            "why_no_model": self.why_no_model,
            "nonce": self.nonce,
            "windows": None if self.windows is None else asdict(self.windows),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Setting:
        """Read what `as_json` wrote."""
        return cls(
            request=request_from_json(content["request"]),
            case=None if content["case"] is None else Path(content["case"]),
            roots=tuple(map(Path, content["roots"])),
            model=content["model"],
            why_no_model=content["why_no_model"],
            nonce=content["nonce"],
            windows=None if content["windows"] is None else _windows(content["windows"]),
        )

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """Open the evidence again, for tools and for the check of claims.

        Raises:
            CaseNotFoundError: when the case is gone.
            SourceError: when a root is gone.
        """
        with ExitStack() as stack:
            store = None if self.case is None else stack.enter_context(open_case(self.case))
            yield Bench(self.nonce, store, Roots(self.roots), open_sandbox(), self.windows)


def _windows(content: Mapping[str, Any]) -> Windows:
    stretches = {name: Window(**content[name]) for name in ("baseline", "incident", "onset")}
    return Windows(**{**content, **stretches})
