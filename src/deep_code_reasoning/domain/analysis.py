"""What somebody who is stuck asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ..errors import UsageError
from .pack import Scope
from .window import Window

DEPTHS: Final = range(1, 6)


@dataclass(frozen=True, slots=True)
class CallerContext:
    """What the caller tried and found; all of it is text of strangers. `partial_findings` are JSON values, as given."""

    attempted_approaches: tuple[str, ...] = ()
    partial_findings: tuple[Any, ...] = ()
    stuck_description: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """As lines to be read; none when nothing was said."""
        stuck = self.stuck_description.strip()
        return (
            *([f"Stuck because: {stuck}"] if stuck else []),
            *(f"Tried: {approach}" for approach in self.attempted_approaches),
            *(f"Found so far: {_written(finding)}" for finding in self.partial_findings),
        )


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """One question about a case, or about code alone.

    Args:
        depth: 1 to 5; how much evidence is packed, how often tools may be called, how hard a model thinks.
        time_budget_s: seconds for everything, from opening the case to the checked answer; None: as long as it takes.
        manual_debugging_s: the caller's estimate of what finding it by hand would take, in seconds.
    """

    question: str = ""
    analysis_type: str = "cross_system"
    depth: int = 3
    time_budget_s: float | None = None
    scope: Scope = field(default_factory=Scope)
    context: CallerContext = field(default_factory=CallerContext)
    manual_debugging_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse a depth that there is not.

        Raises:
            UsageError
        """
        if self.depth not in DEPTHS:
            raise UsageError(f"the depth is {self.depth}", f"from {DEPTHS.start} to {DEPTHS.stop - 1}")


def _written(finding: Any) -> str:
    return finding if isinstance(finding, str) else json.dumps(finding, ensure_ascii=False, sort_keys=True)


def request_as_json(request: AnalysisRequest) -> dict[str, Any]:
    """A request as plain data that JSON can hold; `request_from_json` reads it."""
    return asdict(request)


def request_from_json(content: Mapping[str, Any]) -> AnalysisRequest:
    """Read what `request_as_json` wrote.

    Raises:
        KeyError, TypeError: when it is something else.
    """
    scope, context = dict(content["scope"]), content["context"]
    window = scope.pop("window")
    places = {name: tuple(value) for name, value in scope.items()}
    return AnalysisRequest(
        question=content["question"],
        analysis_type=content["analysis_type"],
        depth=content["depth"],
        time_budget_s=content["time_budget_s"],
        scope=Scope(**places, window=Window(**window) if window else None),
        context=CallerContext(
            tuple(context["attempted_approaches"]), tuple(context["partial_findings"]), context["stuck_description"]
        ),
        manual_debugging_s=content["manual_debugging_s"],
    )
