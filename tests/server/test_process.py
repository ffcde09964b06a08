"""The server as a process: it ends when it should, with everything it started, and stdout is the protocol's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent.session import SERVER

# What is asked of it; the machine of the tests may be busy.
_SOON_S = 1.0
_SLOW_S = 30.0


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence that takes seconds to read: log lines that Python has to parse."""
    folder = tmp_path_factory.mktemp("large")
    line = (
        '{"timestamp": "2026-03-01T10:00:%02dZ", "service": "stock", "msg": "request %d took %d ms", '
        '"x": {"y": [1, {"z": 2}]}}\n'
    )
    with (folder / "logs.ndjson").open("w") as file:
        for n in range(300_000):
            file.write(line % (n % 60, n, n % 977))
    return folder


class RawServer:
    """A server, spoken to in bytes."""

    def __init__(self, home: Path, project: Path, prefix: list[str] | None = None) -> None:
        environment = {**os.environ, "DCR_HOME": str(home), "DCR_OFFLINE": "1"}
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

    def start_long_work(self, evidence: Path) -> list[int]:
        """Begin to read, wait until a worker is at it; the ids of the server's processes."""
        answer = self.call("open_case", paths=[str(evidence)], wait_seconds=0)
        assert answer["structuredContent"]["state"] == "running"
        until = time.monotonic() + _SLOW_S
        while not (workers := descendants(self.process.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.0)  # it is in the middle of it
        return workers


@pytest.fixture
def server(tmp_path: Path, large: Path) -> Iterator[RawServer]:
    started = RawServer(tmp_path / "home", large)
    yield started
    started.close()


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


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def assert_gone(pids: list[int]) -> None:
    until = time.monotonic() + _SOON_S
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert [pid for pid in pids if is_alive(pid)] == []


def test_it_ends_with_its_input_in_the_middle_of_work(server: RawServer, large: Path, tmp_path: Path) -> None:
    workers = server.start_long_work(large)
    assert workers
    assert server.process.stdin
    server.process.stdin.close()
    assert_gone([server.process.pid, *workers])
    assert server.process.wait() == 0
    # What was half read is no case, and nothing of it is left.
    cases = tmp_path / "home" / "cases"
    assert not cases.exists() or list(cases.rglob("*.parquet")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signals_end_it_in_the_middle_of_work(server: RawServer, large: Path, number: signal.Signals) -> None:
    workers = server.start_long_work(large)
    assert workers
    server.process.send_signal(number)
    assert_gone([server.process.pid, *workers])


def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path, large: Path) -> None:
    # The shell's own copy of our pipe keeps the server's input open, as a crashed client's launcher would.
    parent = RawServer(tmp_path / "home", large, ["sh", "-c", 'exec 3<&0; "$@" <&3 & wait', "sh"])
    try:
        below = parent.start_long_work(large)
        assert len(below) >= 2
        parent.process.kill()
        assert_gone(below)
    finally:
        parent.close()


def test_a_cancelled_call_stops_its_work(server: RawServer, large: Path) -> None:
    server.send(
        {"jsonrpc": "2.0", "id": 7, "method": "tools/call",
         "params": {"name": "open_case", "arguments": {"paths": [str(large)], "wait_seconds": 45}}}
    )  # fmt: skip
    until = time.monotonic() + _SLOW_S
    while not (workers := descendants(server.process.pid)) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1.0)
    server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
    until = time.monotonic() + 3
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in workers if is_alive(pid)] == []
    assert server.ask("tools/list", {}, 8)["result"]["tools"]


def test_only_the_protocol_is_on_stdout(server: RawServer) -> None:
    server.send(b"this is no JSON")
    server.send(b'\xff\xfe{"jsonrpc"')
    server.send({"jsonrpc": "2.0", "id": 3, "method": "no/such", "params": {}})
    server.call("query_evidence", 4, case="none", sql="SELECT 1")
    assert server.process.stdin
    server.process.stdin.close()
    assert server.process.stdout
    for line in server.process.stdout.read().splitlines():
        assert json.loads(line)["jsonrpc"] == "2.0"


def test_help_does_not_load_the_protocol() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom deep_code_reasoning.cli.main import cli\n"
        "CliRunner().invoke(cli, ['--help'])\nprint({'mcp', 'mcp_types', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_idle_server_is_small(server: RawServer) -> None:
    server.ask("tools/list", {}, 5)
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    resident_mb = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    assert resident_mb < 110
    assert descendants(server.process.pid) == []
