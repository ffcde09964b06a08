"""`open_case`: evidence by path, read into a case."""

from __future__ import annotations

from pydantic import Field

from ...errors import UsageError
from .. import results
from ..arguments import Arguments
from ..tool import MAX_WAIT_S, Call, Facts, Tool


class OpenCase(Arguments):
    """Which evidence, and what is known of the incident."""

    paths: list[str] = Field(
        [], description="Files or folders of traces, logs, metrics, deploys, alerts; any format, also .gz and .zst"
    )
    repositories: list[str] = Field([], description="Git repositories whose commits are evidence")
    baseline_paths: list[str] = Field([], description="Evidence of a calm time, to compare with")
    noticed_at: str | None = Field(None, description="ISO 8601; when somebody noticed")
    question: str | None = Field(None, description="Steers packs of the case when nothing else is asked")
    case_name: str | None = Field(None, description="Default: follows from the evidence")
    wait_seconds: float = Field(30, ge=0, le=MAX_WAIT_S, description="Default 30")


async def run(arguments: OpenCase, call: Call) -> Facts:
    """Check what may be read, then read it in a worker."""
    if not arguments.paths and not arguments.repositories:
        raise UsageError("no evidence is given", "name files or folders in 'paths'")
    asked = arguments.model_dump(exclude={"wait_seconds"})
    settings = await call.settings()
    for name in ("paths", "repositories", "baseline_paths"):
        asked[name] = [str(settings.allowed_path(path)) for path in asked[name]]
    return await results.begin(call, "open_case", asked, arguments.wait_seconds)


TOOL = Tool(
    name="open_case",
    title="Open a case from evidence",
    description=(
        "Read telemetry and repositories into a case, by path, at gigabytes a minute. Returns the case's name (for "
        "investigate_case, query_evidence, get_trace ...) and what was read and what not."
    ),
    arguments=OpenCase,
    run=run,
    reads_only=True,
    search_hint="open traces logs metrics evidence files for incident root cause",
)
