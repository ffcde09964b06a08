"""Streamable HTTP: loopback checks who asks and for whom; elsewhere a token is needed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from starlette.testclient import TestClient

from agent.process import PATIENCE_S, assert_gone, at_work
from agent.session import SERVER
from deep_code_reasoning.app.settings import Settings
from deep_code_reasoning.errors import UsageError
from deep_code_reasoning.server.http import application, is_loopback, parse_address
from deep_code_reasoning.server.serve import Desk

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
TYPES = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def client(host: str, token: str = "") -> Iterator[TestClient]:
    app = application(Desk(Settings((Path.cwd(),))), host, 8765, token)
    with TestClient(app, base_url=f"http://{host}:8765") as served:
        yield served


@pytest.fixture
def loopback() -> Iterator[TestClient]:
    yield from client("127.0.0.1")


@pytest.fixture
def open_to_all() -> Iterator[TestClient]:
    yield from client("10.0.0.5", "a-token")


def status(served: TestClient, **headers: str) -> int:
    return int(served.post("/mcp", json=HELLO, headers={**TYPES, **headers}).status_code)


def test_loopback_serves_this_machine(loopback: TestClient) -> None:
    assert status(loopback) == 200
    assert status(loopback, Origin="http://localhost:8765") == 200


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "127.0.0.1:80"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
    ids=str,
)
def test_loopback_refuses_other_hosts_and_origins(loopback: TestClient, headers: dict[str, Any]) -> None:
    assert status(loopback, **headers) in (403, 421)


def test_elsewhere_a_token_is_needed(open_to_all: TestClient) -> None:
    assert status(open_to_all) == 401
    assert status(open_to_all, Authorization="Bearer wrong") == 401
    assert status(open_to_all, Authorization="Bearer a-token") == 200
    assert status(open_to_all, Authorization="Bearer a-token", Host="evil.example") == 421


def test_addresses_are_read_and_others_refused() -> None:
    assert parse_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert parse_address("[::1]:8080") == ("::1", 8080)
    for wrong in ("8080", "localhost", ":80", "host:", "host:0", "host:99999", "host:http"):
        with pytest.raises(UsageError):
            parse_address(wrong)
    assert is_loopback("localhost")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("example.org")


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_it_at_once_and_what_was_half_read_is_removed(how: str, large: Path, tmp_path: Path) -> None:
    home, port = tmp_path / "home", _free_port()
    environment = {**os.environ, "DCR_HOME": str(home), "DCR_OFFLINE": "1"}
    server = subprocess.Popen([*SERVER, "--http", f"127.0.0.1:{port}"], cwd=large, env=environment)
    try:
        handle = asyncio.run(_begin_reading(f"http://127.0.0.1:{port}/mcp", large))
        everybody = [server.pid, *at_work(server.pid)]
        server.send_signal(signal.Signals[how])
        assert_gone(everybody)
        assert list(home.rglob("*.parquet")) == []
        # It was not stopped for good: whoever asks for it next has it done.
        assert not (home / "work" / handle / "result.json").exists()
    finally:
        server.kill()
        server.wait()


async def _begin_reading(url: str, evidence: Path) -> str:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            async with Client(url) as agent:
                begun = await agent.call_tool("open_case", {"paths": [str(evidence)], "wait_seconds": 0})
                return str(begun.structured_content["handle"])
        except* (OSError, httpx2.TransportError):
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_port_that_is_taken_is_a_wrong_word_and_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run([*SERVER, "--http", address], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"{address} cannot be served: Address already in use" in done.stderr
    assert "choose another port" in done.stderr
