"""`get_trace`: one trace with its critical path."""

from __future__ import annotations

from pydantic import Field

from ..arguments import Arguments
from ..tool import Call, Facts, Tool, case_name

# The waterfall's share of an answer.
_TOKENS = 1_700


class GetTrace(Arguments):
    """Which trace, or of what the worst is wanted."""

    case: str
    trace_id: str = Field("", description="Or a span citation; default: the worst trace (failed, then slowest)")
    service: str = Field("", description="Worst trace of this service")
    operation: str = Field("", description="Worst trace of this operation")


async def run(arguments: GetTrace, call: Call) -> Facts:
    """Draw it in a worker."""
    from ...app.traces import show_trace

    return await call.workers.run(
        show_trace,
        case_name(arguments.case),
        arguments.trace_id,
        arguments.service,
        arguments.operation,
        _TOKENS,
    )


TOOL = Tool(
    name="get_trace",
    title="Read a trace",
    description="One trace of a case: critical path (which spans decided its duration) and waterfall with errors.",
    arguments=GetTrace,
    run=run,
)
