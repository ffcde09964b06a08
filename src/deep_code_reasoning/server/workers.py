"""The parent's side of the workers: functions run in processes that can be stopped at any moment.

A worker that has answered is kept warm for the next call, for a while. One whose call is cancelled is ended: first by
the end of its input, so that it can remove what it has half written, then, when that takes too long, by force.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, ParamSpec, TypeVar

from ..errors import DeepCodeReasoningError, WorkerLostError
from .worker import FRAME_HEAD

P = ParamSpec("P")
T = TypeVar("T")
OnProgress = Callable[[int, int], None]

# A warm engine answers in milliseconds and holds some 300 MB: worth keeping while somebody works on a case.
_IDLE_S: Final = 60.0
# How long a worker may tidy up when it is stopped.
_GRACE_S: Final = 0.5
# Calls at once; further ones wait. Many of them wait for a model most of the time.
_MOST_AT_ONCE: Final = 6


class Workers:
    """Worker processes of one server. Belongs to one event loop."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)

    async def run(self, function: Callable[P, T], *arguments: P.args, **_: P.kwargs) -> T:
        """Call a module's function in a worker; a cancelled call ends its worker.

        Raises:
            DeepCodeReasoningError: what the function raised.
            WorkerLostError: when the worker ended without an answer.
        """
        result: T = await self._run(function, arguments, None)
        return result

    async def run_reporting(self, function: Callable[..., T], *arguments: Any, on_progress: OnProgress) -> T:
        """The same for a function that takes a `progress` and reports bytes done and in all."""
        result: T = await self._run(function, arguments, on_progress)
        return result

    async def end(self) -> None:
        """End all workers at once; each may first remove what it has half written."""
        await asyncio.gather(*(worker.stop() for worker in list(self._all)))

    async def _run(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], on_progress: OnProgress | None
    ) -> Any:
        async with self._places:
            worker = await self._take()
            try:
                answer = await worker.call(function, arguments, on_progress)
            except BaseException:
                self._all.discard(worker)
                await asyncio.shield(worker.stop())
                raise
            self._give_back(worker)
        kind, value = answer
        if kind == "error":
            raise value
        if kind == "fault":
            raise DeepCodeReasoningError(f"a fault in dcr itself: {value}", "see the server's log, and report it")
        return value

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            worker.no_longer_idle()
            if worker.lives:
                return worker
            self._all.discard(worker)
        worker = await _Worker.start()
        self._all.add(worker)
        return worker

    def _give_back(self, worker: _Worker) -> None:
        self._idle.append(worker)
        worker.idle_timer = asyncio.get_running_loop().call_later(_IDLE_S, self._dismiss, worker)

    def _dismiss(self, worker: _Worker) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
            self._all.discard(worker)
            worker.close_input()


class _Worker:
    """One process, leader of its own group."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.idle_timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deep_code_reasoning.server.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process)

    @property
    def lives(self) -> bool:
        return self._process.returncode is None

    def no_longer_idle(self) -> None:
        if self.idle_timer is not None:
            self.idle_timer.cancel()

    async def call(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], on_progress: OnProgress | None
    ) -> Any:
        content = pickle.dumps((function, arguments, on_progress is not None))
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkerLostError("the worker has no pipes")
        try:
            stdin.write(len(content).to_bytes(FRAME_HEAD, "big") + content)
            await stdin.drain()
            while True:
                head = await stdout.readexactly(FRAME_HEAD)
                kind, value = pickle.loads(await stdout.readexactly(int.from_bytes(head, "big")))  # noqa: S301
                if kind != "progress":
                    return kind, value
                if on_progress is not None:
                    on_progress(*value)
        except (asyncio.IncompleteReadError, ConnectionError) as end:
            code = await self._process.wait()
            raise WorkerLostError(
                f"the process that did the work ended (exit code {code})", "it may have run out of memory; try again"
            ) from end

    def close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def stop(self) -> None:
        self.close_input()
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE_S)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        if self.lives:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
