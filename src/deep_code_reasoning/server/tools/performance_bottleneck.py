"""`performance_bottleneck`: where a path of code spends its time."""

from __future__ import annotations

from pydantic import Field

from ..arguments import Arguments
from ..contract import About, EntryPoint
from ..questions import ask
from ..tool import Call, Facts, Tool


class CodePath(Arguments):
    """Where it is slow, and what is suspected."""

    entry_point: EntryPoint
    suspected_issues: list[str] = Field([])


class PerformanceBottleneck(About):
    """The path, and how deep to look."""

    code_path: CodePath
    profile_depth: int = Field(3, ge=1, le=5, description="Default 3")


async def run(arguments: PerformanceBottleneck, call: Call) -> Facts:
    """Profile it."""
    asked = {
        "about": "bottleneck",
        "entry_point": arguments.code_path.entry_point.model_dump(),
        "suspected_issues": arguments.code_path.suspected_issues,
        "profile_depth": arguments.profile_depth,
        "case": arguments.case,
        "model": arguments.model,
    }
    return await ask(call, "code_question", asked)


TOOL = Tool(
    name="performance_bottleneck",
    title="Find a performance bottleneck",
    description=(
        "Calls in loops (N+1) on the path from an entry point; with a case, own time by operation in the traces that "
        "run it, and what fits each suspected issue."
    ),
    arguments=PerformanceBottleneck,
    run=run,
    asks_others=True,
)
