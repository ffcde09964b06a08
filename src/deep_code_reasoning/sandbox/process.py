"""Runs a command for a bounded time, and takes a bounded amount of what it says."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..domain.experiment import ExperimentLimits
from ..errors import SandboxError

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended. `stopped` says what we stopped it for: '', 'time' or 'output'.

    `was_ready` is False when it ended, or was stopped, before it said that it is ready: nothing was run then.
    `exit_code` is negative when a signal ended it, ours included. `duration_s` counts from its sign that it is ready.
    """

    was_ready: bool
    exit_code: int
    stopped: str
    stdout: bytes
    stderr: bytes
    duration_s: float


def run_process(
    argv: Sequence[str],
    limits: ExperimentLimits,
    *,
    environment: Mapping[str, str],
    ready: bytes,
    start_s: float,
    hand_over: bytes = b"",
) -> Finished:
    """Run a command in a session of its own, and end the whole session afterwards, whatever happened.

    Args:
        argv: the command.
        limits: wall time from when it is ready, and bytes on each output; memory is the command's own business.
        environment: all variables that it gets.
        ready: what it writes to its error output first, as soon as it is ready; left out of what is returned.
        start_s: how long it may take until then.
        hand_over: written to its standard input, which then stays open until the end: a command that watches it
            learns so when this process dies. Without it the input is empty.

    Raises:
        SandboxError: when the command cannot be started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the command is ours; what is untrusted is data of it
            argv,
            stdin=subprocess.PIPE if hand_over else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    except OSError as fault:
        raise SandboxError(f"{argv[0]} cannot be started: {fault.strerror}") from fault
    listener = _Listener(process, limits, ready, time.monotonic() + start_s)
    with process:
        try:
            listener.hand_over(hand_over)
            stopped = listener.listen()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    stdout, stderr = listener.kept()
    return Finished(listener.is_ready, code, stopped, stdout, stderr, time.monotonic() - listener.began)


class _Listener:
    """Reads both outputs of a process until they end, the time is up, or one says too much."""

    def __init__(self, process: subprocess.Popen[bytes], limits: ExperimentLimits, ready: bytes, until: float) -> None:
        self.began = time.monotonic()
        self._process = process
        self._limits = limits
        self._ready = ready
        self.is_ready = False
        self._deadline = until
        self._stdout = bytearray()
        self._stderr = bytearray()

    def hand_over(self, content: bytes) -> None:
        """Write to the process; the pipe stays open."""
        if content and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.write(content)
                self._process.stdin.flush()

    def listen(self) -> str:
        """Read to the end; returns why it was cut short, or ''."""
        with selectors.DefaultSelector() as selector:
            for stream, kept in ((self._process.stdout, self._stdout), (self._process.stderr, self._stderr)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, kept)
            while selector.get_map():
                ready = selector.select(max(0.0, self._deadline - time.monotonic()))
                if not ready and time.monotonic() >= self._deadline:
                    return "time"
                for key, _ in ready:
                    chunk = os.read(key.fd, _CHUNK_BYTES)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif self._keep(key.data, chunk):
                        return "output"
        try:
            self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return "time"
        return ""

    def kept(self) -> tuple[bytes, bytes]:
        """What it said on its two outputs, as much as is kept."""
        most = self._limits.output_bytes
        return bytes(self._stdout[:most]), bytes(self._stderr[:most])

    def _keep(self, kept: bytearray, chunk: bytes) -> bool:
        """Keep a piece of output; whether that is too much."""
        if kept is self._stderr and not self.is_ready and (kept + chunk).startswith(self._ready):
            chunk = bytes(kept + chunk)[len(self._ready) :]
            kept.clear()
            self.is_ready = True
            self.began = time.monotonic()
            self._deadline = self.began + self._limits.seconds
        kept += chunk[: self._limits.output_bytes + 1 - len(kept)]
        return len(kept) > self._limits.output_bytes
