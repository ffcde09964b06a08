"""Arguments that several of the contract's tools share, and what they mean inside.

The names are those of the predecessor, so that prompts written for it work. `case` and `model` are ours: a case adds
its telemetry to the question.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from .arguments import Arguments

AnalysisType = Literal["execution_trace", "cross_system", "performance", "hypothesis_test"]


class EntryPoint(Arguments):
    """A place in the code; also written as "FILE:LINE" or "FILE:LINE:FUNCTION"."""

    file: str
    line: int = Field(ge=0)
    function_name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        file, _, rest = value.partition(":")
        line, _, function = rest.partition(":")
        if not file or not line.isdecimal():
            raise ValueError('an entry point is {"file", "line"} or "FILE:LINE" or "FILE:LINE:FUNCTION"')
        return {"file": file, "line": int(line), "function_name": function or None}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f":{self.function_name}" if self.function_name else "")


class Files(Arguments):
    """Files to look at."""

    files: list[str]
    entry_points: list[EntryPoint | str] = Field([], description='Also "FILE:LINE"')

    @property
    def places(self) -> list[str]:
        """The entry points as `FILE:LINE:FUNCTION`."""
        return [str(_as_entry_point(point)) for point in self.entry_points]


class CodeScope(Files):
    """Files to look at, and the services they belong to."""

    service_names: list[str] = Field([])


class ClaudeContext(Arguments):
    """What the agent tried, what it found, and where it is stuck."""

    attempted_approaches: list[str]
    partial_findings: list[dict[str, Any] | str]
    stuck_description: str
    code_scope: CodeScope

    def as_asked(self) -> dict[str, Any]:
        """As the use cases take it."""
        return {
            "attempted_approaches": self.attempted_approaches,
            "partial_findings": self.partial_findings,
            "stuck_description": self.stuck_description,
            **scope(self.code_scope.files, self.code_scope.places, self.code_scope.service_names),
        }


class About(Arguments):
    """Beside the code: a case with telemetry, and who is asked."""

    case: str | None = None
    model: str | None = Field(None, description='A name, or "none"')


def scope(files: list[str], entry_points: list[str], services: list[str]) -> dict[str, Any]:
    """Where the asker wants to look."""
    return {"files": files, "entry_points": entry_points, "services": services}


def _as_entry_point(value: EntryPoint | str) -> EntryPoint:
    return value if isinstance(value, EntryPoint) else EntryPoint.model_validate(value)
