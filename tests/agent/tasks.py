"""The client's side of the tasks extension: a call that is answered with a task is waited for."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import mcp_types as types
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from pydantic import ConfigDict, Field


class Task(types.Result):
    """A task, as an answer or as it stands; what comes of it stays as it is on the wire."""

    model_config = ConfigDict(extra="allow")

    result_type: Literal["task"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")
    status: str
    ttl_ms: int = Field(alias="ttlMs")
    poll_interval_ms: int = Field(alias="pollIntervalMs")


class State(types.Result):
    """What the methods of the extension answer."""

    model_config = ConfigDict(extra="allow")

    def __getitem__(self, name: str) -> Any:
        return (self.model_extra or {})[name]


class TaskRequest(types.Request[dict[str, Any], str]):
    """A request about a task."""

    name_param = "taskId"


def about(method: str, task_id: str, **more: Any) -> TaskRequest:
    return TaskRequest(method=f"tasks/{method}", params={"taskId": task_id, **more})


class Tasks(ClientExtension):
    """Waits for every task, or has it stopped; `seen` keeps them to be looked at."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.seen: list[Task] = []
        self.stop_at_once = False

    def claims(self) -> list[ResultClaim[Task]]:
        return [ResultClaim(result_type="task", model=Task, resolve=self._resolve)]

    async def _resolve(self, task: Task, context: ClaimContext) -> types.CallToolResult:
        self.seen.append(task)
        if self.stop_at_once:
            await context.session.send_request(about("cancel", task.task_id), State)
        while True:
            state = await context.session.send_request(about("get", task.task_id), State)
            if state["status"] == "completed":
                return types.CallToolResult.model_validate(state["result"])
            if state["status"] == "cancelled":
                return types.CallToolResult(content=[], is_error=True)
            await asyncio.sleep(0.05)
