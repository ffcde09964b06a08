"""`trace_execution_path`: what runs from an entry point on."""

from __future__ import annotations

from pydantic import Field

from ..contract import About, EntryPoint
from ..questions import ask
from ..tool import Call, Facts, Tool


class TraceExecutionPath(About):
    """Where to begin, and how far to go."""

    entry_point: EntryPoint
    max_depth: int = Field(10, ge=1, le=50, description="Default 10")
    include_data_flow: bool = Field(
        True, description="Default true: what is passed at each call, and where parameters end"
    )


async def run(arguments: TraceExecutionPath, call: Call) -> Facts:
    """Follow the calls."""
    return await ask(call, "code_question", {"about": "execution_path", **arguments.model_dump()})


TOOL = Tool(
    name="trace_execution_path",
    title="Trace what runs from an entry point",
    description=(
        "Follow calls from a function through all allowed repositories, and over routes, RPC and topics into other "
        "services; with a case, joined with the spans and stack traces that prove what ran. Follows parameters to "
        "queries, requests and messages. A model is asked only if you name one."
    ),
    arguments=TraceExecutionPath,
    run=run,
    asks_others=True,
)
