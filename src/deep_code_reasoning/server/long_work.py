"""Runs long work in workers and keeps its record, so that a call can return before the work is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from ..app import jobs
from ..app.jobs import Job, Progress
from ..errors import DeepCodeReasoningError, StoppedWorkError
from .faults import as_plain, of_ours
from .workers import Workers

OnProgress = Callable[[Progress], Awaitable[None]]

# How often a waiting call looks again, and how often the one who works looks whether it shall stop.
_POLL_S: Final = 0.1
_NOTE_S: Final = 0.5
# Long work at once: fewer than workers, so that a quick question always finds one.
_MOST_AT_ONCE: Final = 4


class LongWork:
    """The long work of one server process; the records are shared by all."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Work that ended in a fault of ours, of which nothing could be kept: it would end so again.
        self._faults: dict[str, DeepCodeReasoningError] = {}
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)

    def start(self, kind: str, arguments: Mapping[str, Any], notes: Sequence[str]) -> str:
        """Begin work and return its handle."""
        handle = jobs.create(kind, arguments, notes)
        self._see_to(handle)
        return handle

    def look(self, handle: str) -> Job:
        """Work as it stands; what was interrupted is started again.

        Raises:
            RecordNotFoundError, JobExpiredError: as `jobs.read`.
            DeepCodeReasoningError: when it failed here in a way that could not be kept with it.
        """
        job = jobs.read(handle)
        if job.state == "interrupted":
            if handle in self._faults:
                raise self._faults[handle]
            self._see_to(handle)
        return job

    async def wait(self, handle: str, seconds: float, on_progress: OnProgress) -> Job:
        """Look until work is done or the time is up."""
        until = time.monotonic() + seconds
        while True:
            job = self.look(handle)
            await on_progress(job.progress)  # also of work that ended between two looks
            if job.state == "done" or time.monotonic() >= until:
                return job
            await asyncio.sleep(_POLL_S)

    def close(self) -> None:
        """Let go of all work; it can be taken up again."""
        for task in self._tasks.values():
            task.cancel()

    def _see_to(self, handle: str) -> None:
        if handle not in self._tasks:
            self._tasks[handle] = asyncio.get_running_loop().create_task(self._do(handle))
            self._tasks[handle].add_done_callback(partial(self._ended, handle))

    def _ended(self, handle: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(handle, None)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            self._faults[handle] = of_ours(fault)

    async def _do(self, handle: str) -> None:
        with jobs.claimed(handle) as mine:
            job = jobs.read(handle) if mine else None
            if job is None or job.state == "done":
                return
            try:
                jobs.note_answer(handle, await self._run(job))
            except DeepCodeReasoningError as error:
                jobs.note_error(handle, as_plain(error))

    async def _run(self, job: Job) -> Mapping[str, Any]:
        """Have it done, unless somebody wants it to stop."""
        call = asyncio.ensure_future(self._done_by_a_worker(job))
        try:
            while not (await asyncio.wait({call}, timeout=_POLL_S))[0]:
                if jobs.is_asked_to_stop(job.handle):
                    raise StoppedWorkError("the work was stopped", "start it again when it is wanted after all")
            return call.result()
        finally:
            if not call.done():
                call.cancel()
                with suppress(asyncio.CancelledError, DeepCodeReasoningError):
                    await call

    async def _done_by_a_worker(self, job: Job) -> Mapping[str, Any]:
        from ..app.job_kinds import run_job

        began, last = time.monotonic(), 0.0

        def on_progress(done: int, total: int) -> None:
            nonlocal last
            elapsed_s = time.monotonic() - began
            if elapsed_s - last >= _NOTE_S or done == total:
                last = elapsed_s
                jobs.note_progress(job.handle, Progress(done, total, elapsed_s))

        async with self._places:
            asked = {**job.arguments, "handle": job.handle}
            return await self._workers.run_reporting(run_job, job.kind, asked, on_progress=on_progress)
