"""`search_code`: find lines in the code that may be read, read around one, or be led to what a report is about."""

from __future__ import annotations

from pydantic import Field

from ...errors import UsageError
from ..arguments import Arguments
from ..reply import page
from ..tool import Call, Facts, Tool

_TOKENS = 1_900


class SearchCode(Arguments):
    """What is looked for, or which file is read."""

    query: str = Field("", max_length=500, description="Text to find; leave out to read 'path'")
    path: str = Field("", description="With query: a pattern such as *.go; else the file to read, or REPO/PATH")
    line: int = Field(0, ge=0, description="Read around this line")
    regex: bool = False
    report: str = Field("", max_length=20_000, description="What fails, in words, with traces: finds the functions")
    max_matches: int = Field(50, ge=1, le=500, description="Default 50")
    cursor: str | None = None


async def run(arguments: SearchCode, call: Call) -> Facts:
    """Search or read in a worker."""
    from ...app.code_search import code_about, read_code, search_code

    roots = (await call.settings()).roots
    if arguments.report:
        return await call.workers.run(code_about, roots, arguments.report, _TOKENS)
    if not arguments.query:
        if not arguments.path:
            raise UsageError("nothing to look for", "give 'query' to search, 'path' to read a file, or 'report'")
        return await call.workers.run(read_code, roots, arguments.path, arguments.line, _TOKENS)
    found = await call.workers.run(
        search_code, roots, arguments.query, arguments.path, arguments.regex, arguments.max_matches
    )
    shown, following = page(found["matches"], arguments.cursor)
    return {**found, "matches": shown, "matches_found": len(found["matches"]), "next_cursor": following}


TOOL = Tool(
    name="search_code",
    title="Search and read code",
    description=(
        "Search the allowed folders (project and configured roots, many repositories) for text or a regex, or read a "
        "file around a line. Secrets are left out; lines are cited as code:REPO/PATH#LINE."
    ),
    arguments=SearchCode,
    run=run,
)
