"""Long work as an answer: its head when it is done, how far it is when it is not, a section piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..app import jobs
from ..app.jobs import Job
from ..errors import DeepCodeReasoningError, UsageError
from .reply import MAX_BYTES, page, place_of
from .tool import MAX_WAIT_S, Call, Facts

# A piece of a text section, in characters: with its frame it stays under the bytes of an answer.
_TEXT_PIECE = 6_000


async def begin(call: Call, kind: str, asked: Mapping[str, Any], wait_seconds: float) -> Facts:
    """Start work and wait a while; a call that is cancelled meanwhile stops it."""
    handle = call.work.start(kind, asked, call.notes)
    try:
        job = await call.work.wait(handle, min(wait_seconds, MAX_WAIT_S), call.on_progress)
    except asyncio.CancelledError:
        jobs.ask_to_stop(handle)
        raise
    return view(job)


def view(job: Job) -> Facts:
    """Work as it stands.

    Raises:
        DeepCodeReasoningError: what the work ended in.
    """
    if job.error is not None:
        raise _as_error(job.error)
    if job.answer is None:
        return UnderWay(job)
    sections = {name: _extent(content) for name, content in job.answer["sections"].items()}
    return {**job.answer["head"], "handle": job.handle, "sections": sections}


def section(job: Job, name: str, cursor: str | None) -> Facts:
    """A piece of a section.

    Raises:
        UsageError: when there is no such section.
    """
    if job.answer is None:
        return view(job)
    sections = job.answer["sections"]
    if name not in sections:
        raise UsageError(f"there is no section '{name[:40]}'", f"sections of this result: {', '.join(sections)}")
    content = sections[name]
    if isinstance(content, str):
        start = place_of(cursor)
        end = start + _TEXT_PIECE
        following = str(end) if end < len(content) else None
        return {"handle": job.handle, "section": name, "next_cursor": following, "text": content[start:end]}
    items, following = page(content, cursor, MAX_BYTES - 1_500)
    return {
        "handle": job.handle,
        "section": name,
        "of": len(content),
        "from": place_of(cursor),
        "next_cursor": following,
        "items": items,
    }


class UnderWay(dict[str, Any]):
    """The facts of work that is not done: how far it is, and how to get what comes of it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        progress = job.progress
        super().__init__(
            state="running",
            handle=job.handle,
            next="call get_result with this handle; it waits up to 45 seconds",
            done_bytes=progress.done or None,
            total_bytes=progress.total or None,
            elapsed_s=round(progress.elapsed_s, 1),
            bytes_per_s=round(progress.rate) if progress.rate else None,
            remaining_s=round(progress.remaining_s, 1) if progress.remaining_s is not None else None,
        )


def _extent(content: Any) -> str:
    return f"{len(content):,} characters" if isinstance(content, str) else f"{len(content):,} items"


def _as_error(error: Mapping[str, Any]) -> DeepCodeReasoningError:
    """An error that was kept, as it was raised."""
    raised = DeepCodeReasoningError(error["message"], error["hint"] or "")
    raised.code, raised.retryable = error["code"], error["retryable"]
    return raised
