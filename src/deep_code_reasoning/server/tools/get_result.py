"""`get_result`: what came of long work, piece by piece."""

from __future__ import annotations

from pydantic import Field

from ...app import jobs
from .. import results
from ..arguments import Arguments
from ..tool import MAX_WAIT_S, Call, Facts, Tool


class GetResult(Arguments):
    """Which work, and which part of its result."""

    handle: str = Field(description="work-... as another call gave it")
    section: str | None = Field(None, description="One of the result's sections; default: the summary")
    cursor: str | None = Field(None, description="next_cursor of the piece before")
    wait_seconds: float = Field(MAX_WAIT_S, ge=0, le=MAX_WAIT_S, description="While it runs; default 45")
    stop: bool = Field(False, description="Stop the work instead")


async def run(arguments: GetResult, call: Call) -> Facts:
    """Wait for the work, or stop it, and show the part."""
    if arguments.stop and jobs.read(arguments.handle).state == "running":
        jobs.ask_to_stop(arguments.handle)
    job = await call.work.wait(arguments.handle, arguments.wait_seconds, call.on_progress)
    if arguments.section is None:
        return results.view(job)
    return results.section(job, arguments.section, arguments.cursor)


TOOL = Tool(
    name="get_result",
    title="Wait for and read a result",
    description=(
        "The result of work that another call started: waits while it runs (progress with rate and forecast), then the "
        "summary, or one section piece by piece with cursor. Handles are good for a week, in any session."
    ),
    arguments=GetResult,
    run=run,
)
