"""Our server with the tools that the protocol's scenarios of tasks ask for, in place of its own.

    python acceptance/task_fixtures.py HOST:PORT

Handles, their records and the answers of the tasks extension are those of the product; only the work is made up.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mcp_types as types
import uvicorn

from deep_code_reasoning.app.jobs import Job
from deep_code_reasoning.app.settings import Settings
from deep_code_reasoning.errors import UsageError
from deep_code_reasoning.server import results
from deep_code_reasoning.server.arguments import Arguments
from deep_code_reasoning.server.http import application, parse_address
from deep_code_reasoning.server.long_work import LongWork
from deep_code_reasoning.server.serve import Desk
from deep_code_reasoning.server.tool import Call, Facts, Tool


class Greet(Arguments):
    """Whom to greet."""

    name: str = "you"


class SlowCompute(Arguments):
    """How long it takes; the label is for whoever reads the log."""

    seconds: float = 1.0
    label: str = ""


class Nothing(Arguments):
    """No arguments."""


class MadeUpWork(LongWork):
    """Work that only takes time, and may fail."""

    async def _done_by_a_worker(self, job: Job) -> Mapping[str, Any]:
        await asyncio.sleep(job.arguments["seconds"])
        if job.kind == "failing_job":
            raise UsageError("this job always fails")
        return {"head": {"computed": job.kind}, "sections": {}}


async def _slow_compute(arguments: SlowCompute, call: Call) -> Facts:
    return await results.begin(call, "slow_compute", {"seconds": arguments.seconds}, 0)


async def _failing_job(_: Nothing, call: Call) -> Facts:
    return await results.begin(call, "failing_job", {"seconds": 1}, 0)


async def _greet(arguments: Greet, _: Call) -> Facts:
    return {"greeting": f"Hello, {arguments.name}!"}


class FixtureDesk(Desk):
    """The desk with these tools."""

    def __init__(self) -> None:
        super().__init__(Settings(roots=(Path.cwd(),)))
        self.work = MadeUpWork(self.workers)
        self.tools = {
            tool.name: tool
            for tool in (
                Tool("greet", "Greet", "Says hello", Greet, _greet),
                Tool("slow_compute", "Compute", "Takes a while", SlowCompute, _slow_compute),
                Tool("failing_job", "Fail", "Takes a second and fails", Nothing, _failing_job),
            )
        }

    async def call(self, context: Any, asked: types.CallToolRequestParams) -> Any:
        """As the desk answers, but a greeting word for word."""
        answer = await super().call(context, asked)
        if asked.name == "greet" and isinstance(answer, types.CallToolResult):
            answer.content = [types.TextContent(type="text", text=answer.structured_content["greeting"])]
        return answer


if __name__ == "__main__":
    host, port = parse_address(sys.argv[1])
    uvicorn.run(application(FixtureDesk(), host, port), host=host, port=port, log_level="warning")
