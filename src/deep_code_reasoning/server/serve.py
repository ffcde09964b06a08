"""Builds the server and serves it: over stdio until the input ends, or over HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NoReturn

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from ..app import jobs
from ..app.interrupt import abandon
from ..app.settings import Settings, load_settings
from ..errors import UsageError
from . import faults, prompts, reply, resources, roots, tasks
from .consent import InputNeeded, consent_of
from .instructions import INSTRUCTIONS
from .long_work import LongWork
from .progress import reporter
from .registry import tools
from .results import UnderWay
from .tool import Call, Tool
from .workers import Workers

NAME: Final = "deep-code-reasoning"
_WATCH_S: Final = 0.5


class Desk:
    """Where calls arrive: the tools, and what they work with. One for each server process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workers = Workers()
        self.work = LongWork(self.workers)
        self.tools: dict[str, Tool] = tools()

    async def call(
        self, context: Any, asked: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult | dict[str, Any]:
        """Answer one call of a tool; every error becomes an answer that the model can read."""
        call = Call(
            workers=self.workers,
            work=self.work,
            settings=partial(roots.with_declared, context, self.settings),
            on_progress=reporter(context.session),
            consent=consent_of(context, asked),
        )
        try:
            tool = self.tools.get(asked.name)
            if tool is None:
                raise UsageError(f"there is no tool '{asked.name[:60]}'", f"the tools are {', '.join(self.tools)}")
            arguments = tool.arguments.model_validate(asked.arguments or {}, context=call.notes)
            facts = await tool.run(arguments, call)
            if isinstance(facts, UnderWay) and tasks.are_declared(context):
                return tasks.created(facts.job)
            return reply.as_result(facts, call.notes)
        except InputNeeded as question:
            return question.result
        except Exception as error:  # noqa: BLE001 - the outermost frame of every tool
            return faults.as_result(error)

    async def end(self) -> None:
        """Let go of all work first, so that nobody takes the end of a worker for its answer; then end the workers."""
        self.work.close()
        await self.workers.end()


def build(desk: Desk) -> Server[Any]:
    """The server over a desk, which ends with it."""

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await desk.end()

    async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool.advertised() for tool in desk.tools.values()])

    server = Server[Any](
        NAME,
        version=version("deep-code-reasoning-mcp"),
        title="Deep Code Reasoning",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        on_list_tools=list_tools,
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.reader(desk.workers),
        on_list_prompts=prompts.list_prompts,
        on_get_prompt=prompts.get_prompt,
        on_completion=prompts.complete,
    )
    # Not as `on_call_tool`, which knows no answer that is a task.
    server.add_request_handler("tools/call", types.CallToolRequestParams, desk.call)
    tasks.offer(server, desk.work)
    return server


def serve_stdio() -> None:
    """Serve one client over stdin and stdout, until it closes our input or dies."""
    # stdout is the protocol's; what is worth saying to people goes to stderr.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    asyncio.run(_serve(Desk(load_settings(Path.cwd()))))
    leave()


def leave() -> NoReturn:
    """End at once: threads may still wait for what nobody will say, and nothing but the engine's folder is left."""
    sys.stderr.flush()
    _end()


async def _serve(desk: Desk) -> None:
    jobs.sweep()
    server = build(desk)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _watch_parent(parent: int) -> None:
    """End with the parent, even when somebody else holds our input open."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    _end()


def _end() -> NoReturn:
    abandon()
    os._exit(0)
