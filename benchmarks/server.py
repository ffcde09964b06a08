"""The server's start against the SDK's own bare server, side by side: time to the first list of tools, memory, end.

    python benchmarks/server.py [--rounds 15]

The bare server has one tool and nothing else: what is above it is ours. Rounds alternate, so that both meet the same
machine; medians are compared. Then one server answers many calls of many kinds about a real case; what it holds is
shown after half of them and after all: memory of the server and of its workers, open files, threads, processes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BARE = """
import asyncio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

async def list_tools(_, __):
    return types.ListToolsResult(tools=[types.Tool(name="none", input_schema={"type": "object"})])

async def main():
    server = Server("bare", on_list_tools=list_tools)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())

asyncio.run(main())
"""
ROOT = Path(__file__).parents[1]
CASE = ROOT / "examples" / "ticket-booking" / "evidence"
OURS = [sys.executable, "-m", "deep_code_reasoning", "serve"]


@dataclass(frozen=True)
class Start:
    """One start: seconds to the first list of tools, of which computing; resident megabytes then; seconds to end."""

    start_s: float
    cpu_s: float
    resident_mb: float
    end_s: float


@dataclass(frozen=True)
class Held:
    """What a server holds: megabytes, open files, threads of its own, worker processes."""

    server_mb: float
    workers_mb: float
    files: int
    threads: int
    workers: int

    def __str__(self) -> str:
        return (
            f"server {self.server_mb:.1f} MB, {self.workers} workers {self.workers_mb:.0f} MB, "
            f"{self.files} files, {self.threads} threads"
        )


class Session:
    """A server, spoken to in lines."""

    def __init__(self, command: list[str], home: str, project: Path = ROOT) -> None:
        environment = {**os.environ, "DCR_HOME": home, "DCR_OFFLINE": "1"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=project,
        )
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        self.ask(1, "initialize", hello)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, number: int, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})
        assert self.process.stdout is not None
        while True:
            answer: dict[str, Any] = json.loads(self.process.stdout.readline())
            if answer.get("id") == number:
                return answer

    def call(self, number: int, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; what it answers."""
        return dict(self.ask(number, "tools/call", {"name": tool, "arguments": arguments})["result"])

    def cpu_s(self) -> float:
        """Seconds of processor time of the server process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Memory of the server process itself."""
        return _resident_mb(self.process.pid)

    def held(self) -> Held:
        """What the server holds now."""
        pid = self.process.pid
        folder = Path(f"/proc/{pid}")
        threads = list((folder / "task").iterdir())
        children = [int(child) for thread in threads for child in (thread / "children").read_text("ascii").split()]
        return Held(
            server_mb=self.resident_mb(),
            workers_mb=sum(map(_resident_mb, children)),
            files=len(list((folder / "fd").iterdir())),
            threads=len(threads),
            workers=len(children),
        )

    def close(self) -> float:
        """End the input; seconds until the process has ended."""
        assert self.process.stdin is not None
        begun = time.perf_counter()
        self.process.stdin.close()
        self.process.wait()
        return time.perf_counter() - begun


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def hold_after(calls: int, home: str) -> tuple[Held, Held]:
    """What one server holds after half of the calls, and after all of them."""
    session = Session(OURS, home)
    opened = session.call(2, "open_case", paths=[str(CASE)], wait_seconds=45)["structuredContent"]
    case = opened["case"]
    handle = session.call(3, "investigate_case", case=case, wait_seconds=45)["structuredContent"]["handle"]
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("query_evidence", {"case": case, "sql": "SELECT service, count() AS n FROM logs GROUP BY service ORDER BY n"}),
        ("get_trace", {"case": case}),
        ("get_result", {"handle": handle, "section": "findings"}),
        ("compare_windows", {"case": case}),
        ("query_evidence", {"case": "none", "sql": "SELECT 1"}),
        ("search_code", {"query": "def detect", "max_matches": 20}),
        ("get_evidence_pack", {"case": case, "budget_tokens": 2_000}),
        ("get_usage", {}),
        ("get_result", {"handle": handle, "section": "report"}),
        ("investigate_case", {"case": case, "wait_seconds": 45}),
    ]
    seen = []
    for number in range(calls):
        tool, arguments = kinds[number % len(kinds)]
        session.call(number + 4, tool, **arguments)
        if number + 1 in (calls // 2, calls):
            seen.append(session.held())
    session.close()
    return seen[0], seen[1]


def start(command: list[str], home: str) -> Start:
    """Start a server and end it."""
    begun = time.perf_counter()
    session = Session(command, home)
    session.ask(2, "tools/list", {})
    start_s = time.perf_counter() - begun
    return Start(start_s, session.cpu_s(), session.resident_mb(), session.close())


def main() -> int:
    """Measure and print; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=500)
    rounds, calls = vars(parser.parse_args()).values()
    bare: list[Start] = []
    ours: list[Start] = []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(rounds):
            bare.append(start([sys.executable, "-c", BARE], home))
            ours.append(start(OURS, home))
        for name, starts in (("bare", bare), ("ours", ours)):
            times = sorted(s.start_s for s in starts)
            print(
                f"{name}: start {statistics.median(times):.3f} s ({times[0]:.3f} to {times[-1]:.3f}), "
                f"processor {statistics.median(s.cpu_s for s in starts):.2f} s, "
                f"{statistics.median(s.resident_mb for s in starts):.0f} MB, "
                f"end {max(s.end_s for s in starts):.3f} s at most"
            )
        ratio = statistics.median(s.start_s for s in ours) / statistics.median(s.start_s for s in bare)
        least = min(s.start_s for s in ours) / min(s.start_s for s in bare)
        computing = statistics.median(s.cpu_s for s in ours) / statistics.median(s.cpu_s for s in bare)
        print(
            f"ours over bare: {ratio:.2f} by the medians, {least:.2f} by the least, {computing:.2f} of processor time"
        )
        half, whole = hold_after(calls, home)
    print(f"after {calls // 2} calls: {half}\nafter {calls} calls: {whole}")
    leaks = whole.server_mb - half.server_mb > 1 or whole.files > half.files or whole.threads > half.threads
    good = ratio <= 1.15 and statistics.median(s.resident_mb for s in ours) < 110 and not leaks
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
