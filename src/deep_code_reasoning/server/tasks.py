"""The tasks extension: long work as the protocol's own tasks, for clients that declare it (from 2026-07-28 on).

Where others are given a handle and told to ask again, such a client is given a task and waits by itself; it then has
the answer of the call that it made. The id of a task is the handle of its work: any process answers for it, also
after a restart, and `get_result` reads its sections.
Source: modelcontextprotocol/ext-tasks, specification/2026-07-28/tasks.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from ..app import jobs
from ..app.jobs import Job
from ..errors import DeepCodeReasoningError, JobExpiredError, RecordNotFoundError, StoppedWorkError
from . import faults, reply, results
from .long_work import LongWork
from .progress import sentence

EXTENSION: Final = "io.modelcontextprotocol/tasks"
_POLL_INTERVAL_MS: Final = 1_000


class OfTask(types.RequestParams):
    """Which task is meant."""

    task_id: str = Field(alias="taskId")


def offer(server: Server[Any], work: LongWork) -> None:
    """Serve the extension's methods over long work, and say so to clients."""

    async def get(context: Any, asked: OfTask) -> dict[str, Any]:
        job = _known(context, work, asked.task_id)
        return {**_as_task(job), **_outcome(job)}

    async def update(context: Any, asked: OfTask) -> dict[str, Any]:
        # The user is asked before work begins: no task ever waits for input.
        _known(context, work, asked.task_id)
        return {}

    async def cancel(context: Any, asked: OfTask) -> dict[str, Any]:
        if _known(context, work, asked.task_id).state != "done":
            jobs.ask_to_stop(asked.task_id)
        return {}

    server.extensions[EXTENSION] = {}
    for name, handler in (("get", get), ("update", update), ("cancel", cancel)):
        server.add_request_handler(f"tasks/{name}", OfTask, handler)


def are_declared(context: Any) -> bool:
    """Whether the client of a request takes tasks for answers."""
    declared = context.session.client_capabilities
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS and EXTENSION in (
        (declared and declared.extensions) or {}
    )


def created(job: Job) -> dict[str, Any]:
    """The answer of a call whose work goes on."""
    return {"resultType": "task", **_as_task(job)}


def _known(context: Any, work: LongWork, task_id: str) -> Job:
    """The work of a task; what was interrupted is taken up again."""
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        raise MCPError(types.METHOD_NOT_FOUND, "Method not found", context.method)
    if not are_declared(context):
        needed: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, f"the client did not declare {EXTENSION}", needed)
    # Over HTTP the id stands in a header too, for whatever routes requests; the SDK compares only what it knows.
    if context.request is not None and decode_header_value(context.request.headers.get(MCP_NAME_HEADER)) != task_id:
        raise MCPError(types.HEADER_MISMATCH, f"{MCP_NAME_HEADER} is not the task of the request", None)
    try:
        return work.look(task_id)
    except (RecordNotFoundError, JobExpiredError) as unknown:
        raise MCPError(types.INVALID_PARAMS, unknown.message, None) from unknown
    except DeepCodeReasoningError as fault:
        raise MCPError(types.INTERNAL_ERROR, fault.message, None) from fault


def _as_task(job: Job) -> dict[str, Any]:
    task = {
        "taskId": job.handle,
        "status": _status(job),
        "createdAt": _instant(job.created_s),
        "lastUpdatedAt": _instant(job.updated_s),
        "ttlMs": jobs.RESULT_TTL_S * 1_000,
        "pollIntervalMs": _POLL_INTERVAL_MS,
    }
    return {**task, "statusMessage": sentence(job.progress)} if job.progress.total else task


def _status(job: Job) -> str:
    if job.state != "done":
        return "working"
    return "cancelled" if _is_stopped(job.error) else "completed"


def _outcome(job: Job) -> dict[str, Any]:
    """What a call that waited would have answered; an error of the tool is an answer too."""
    if job.state != "done" or _is_stopped(job.error):
        return {}
    try:
        result = reply.as_result(results.view(job), job.notes)
    except DeepCodeReasoningError as error:
        result = faults.as_result(error)
    return {"result": result.model_dump(by_alias=True, mode="json", exclude_none=True)}


def _is_stopped(error: Mapping[str, Any] | None) -> bool:
    return error is not None and error["code"] == StoppedWorkError.code


def _instant(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")
