"""The server as a process: it ends when it should, with everything it started, and stdout is the protocol's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.process import ENDINGS, PATIENCE_S, RawServer, assert_gone, descendants, is_alive, started_to_end

from .conftest import EXAMPLES


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a case of forty services, whose investigation takes a while."""
    home = tmp_path_factory.mktemp("home")
    evidence = EXAMPLES / "ticket-booking" / "evidence"
    server = RawServer(home, evidence)
    server.call("open_case", paths=[str(evidence)], case_name="wide", wait_seconds=45)
    server.close()
    return home


@pytest.fixture
def server(tmp_path: Path, large: Path) -> Iterator[RawServer]:
    started = RawServer(tmp_path / "home", large)
    yield started
    started.close()


@pytest.mark.parametrize("how", ENDINGS)
def test_it_ends_at_once_in_the_middle_of_reading(how: str, large: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = started_to_end(how, home, large)
    try:
        below = server.in_the_middle("open_case", paths=[str(large)])
        server.end(how)
        assert_gone([server.process.pid, *below])
        if how == "input":
            assert server.process.wait() == 0
            # What was half read is no case, and nothing of it is left.
            assert list(home.rglob("*.parquet")) == []
        assert list(home.rglob("manifest.json")) == []
    finally:
        server.close()


@pytest.mark.parametrize("how", ["input", "parent"])
def test_it_ends_at_once_in_the_middle_of_an_investigation(how: str, wide: Path, large: Path) -> None:
    server = started_to_end(how, wide, large)
    try:
        below = server.in_the_middle("investigate_case", into_s=0.4, case="wide")
        server.end(how)
        assert_gone([server.process.pid, *below])
        assert list(wide.rglob("investigation.json")) == []
    finally:
        server.close()


def test_a_cancelled_call_stops_its_work(server: RawServer, large: Path) -> None:
    server.send(
        {"jsonrpc": "2.0", "id": 7, "method": "tools/call",
         "params": {"name": "open_case", "arguments": {"paths": [str(large)], "wait_seconds": 45}}}
    )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
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
