"""A client session over stdio, for tests that are not asynchronous."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult

SERVER = [sys.executable, "-m", "deep_code_reasoning", "serve"]
_PATIENCE_S = 120


class AgentSession:
    """A client with a server of its own. Use it in a `with` block."""

    def __init__(
        self, home: Path, project: Path, era: str = "auto", environment: Mapping[str, str] | None = None, **client: Any
    ) -> None:
        environment = {**os.environ, "DCR_HOME": str(home), "DCR_OFFLINE": "1", **(environment or {})}
        self._parameters = StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=environment, cwd=project)
        self._era, self._options = era, client
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> AgentSession:
        self._thread.start()
        self._ready, self._done = asyncio.Event(), asyncio.Event()
        self._life = asyncio.run_coroutine_threadsafe(self._live(), self._loop)
        self.wait(self._ready.wait())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._life.result(_PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _live(self) -> None:
        # A session has to be opened and closed by the same task.
        async with Client(stdio_client(self._parameters), mode=self._era, **self._options) as self.client:
            self._ready.set()
            await self._done.wait()

    def wait(self, coroutine: Any) -> Any:
        """Run something on the session's loop and return what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE_S)

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool."""
        result = self.wait(self.client.call_tool(tool, arguments))
        assert isinstance(result, CallToolResult)
        return result

    def answer(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must succeed; its structured content."""
        result = self.call(tool, **arguments)
        assert not result.is_error, text_of(result)
        return dict(result.structured_content)

    def error(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must fail; the error."""
        result = self.call(tool, **arguments)
        assert result.is_error, text_of(result)
        return dict(result.structured_content["error"])


def text_of(result: CallToolResult) -> str:
    """The text of an answer."""
    return "".join(block.text for block in result.content if block.type == "text")
