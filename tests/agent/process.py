"""The server as a process, spoken to in bytes: for what a client library would hide."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .session import SERVER

# How long a server may take to be gone.
SOON_S = 1.0
# How long anything else may take; the machine may be busy.
PATIENCE_S = 30.0
# A launcher whose own copy of our pipe keeps the server's input open when it is killed.
LAUNCHER = ["sh", "-c", 'exec 3<&0; "$@" <&3 & wait', "sh"]

# The ways in which a server has to end at once, whatever it is doing. The parent of one is killed, not itself.
ENDINGS = ("input", "SIGTERM", "SIGKILL", "parent")


class RawServer:
    """A server, spoken to in bytes."""

    def __init__(
        self,
        home: Path,
        project: Path,
        prefix: list[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        environment = {**os.environ, "DCR_HOME": str(home), "DCR_OFFLINE": "1", **(environment or {})}
        self.process = subprocess.Popen(
            [*(prefix or []), *SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=project,
            env=environment,
        )
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
        self.hello = self.ask("initialize", hello)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(BrokenPipeError):
                stream and stream.close()

    def send(self, message: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write((message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n")
        self.process.stdin.flush()

    def ask(self, method: str, parameters: dict[str, Any], id_: int = 1) -> dict[str, Any]:
        self.send({"jsonrpc": "2.0", "id": id_, "method": method, "params": parameters})
        while True:
            assert self.process.stdout
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == id_:
                return dict(answer)

    def call(self, tool: str, id_: int = 2, **arguments: Any) -> dict[str, Any]:
        return dict(self.ask("tools/call", {"name": tool, "arguments": arguments}, id_)["result"])

    def in_the_middle(self, tool: str, into_s: float = 1.0, **arguments: Any) -> list[int]:
        """Begin work; the ids of all processes below, once a worker has spent so many seconds of processor time."""
        began = self.call(tool, wait_seconds=0, **arguments)["structuredContent"]
        below = at_work(self.process.pid, into_s)
        now = self.call("get_result", handle=began["handle"], wait_seconds=0)["structuredContent"]
        assert now.get("state") == "running", f"it was through too soon: {now}"
        return below

    def end(self, how: str) -> None:
        """End it, in one of `ENDINGS`."""
        if how == "input":
            assert self.process.stdin
            self.process.stdin.close()
        else:
            self.process.send_signal(signal.SIGKILL if how == "parent" else signal.Signals[how])


def started_to_end(how: str, home: Path, project: Path) -> RawServer:
    """A server that is to end that way."""
    return RawServer(home, project, LAUNCHER if how == "parent" else None)


def descendants(pid: int) -> list[int]:
    """All processes below a process, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found, frontier = [], {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier}
        found += sorted(frontier)
    return found


def at_work(pid: int, into_s: float = 1.0) -> list[int]:
    """The ids of all processes below a server, once its workers have spent so many seconds of processor time."""
    until = time.monotonic() + PATIENCE_S * into_s
    while sum(map(_worker_cpu_s, below := descendants(pid))) < into_s:
        assert time.monotonic() < until, "no worker is at it"
        time.sleep(0.02)
    return below


def _worker_cpu_s(pid: int) -> float:
    """Seconds that a process has computed for, if it is a worker."""
    try:
        if b"server.worker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return 0.0
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def assert_gone(pids: list[int]) -> None:
    """All of them are gone soon."""
    until = time.monotonic() + SOON_S
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert [pid for pid in pids if is_alive(pid)] == []
