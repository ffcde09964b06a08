"""Streamable HTTP: loopback checks who asks and for whom; elsewhere a token is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

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
    desk = Desk(Settings((Path.cwd(),)))
    with TestClient(application(desk, host, 8765, token), base_url=f"http://{host}:8765") as served:
        yield served
    desk.close()


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
