"""Streamable HTTP: on loopback with Host and Origin checked, anywhere else with a bearer token too."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Any, Final

from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..app import jobs
from ..app.settings import load_settings
from ..errors import UsageError
from .serve import Desk, build, leave

TOKEN_VARIABLE: Final = "DCR_HTTP_TOKEN"  # noqa: S105 - the name of a variable
PATH: Final = "/mcp"
# Arguments are paths and questions; a request larger than this is none of ours.
_MAX_REQUEST_BYTES: Final = 4_000_000


class RequireToken:
    """Lets requests pass that carry the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request without it."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = PlainTextResponse("a bearer token is needed", 401, {"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def serve_http(address: str) -> None:
    """Serve until stopped. Off loopback a token is needed: $DCR_HTTP_TOKEN, else one is made and said on stderr.

    Raises:
        UsageError: when the address is none, or cannot be had.
    """
    import uvicorn

    host, port = parse_address(address)
    listening = _listen(host, port)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    token = os.environ.get(TOKEN_VARIABLE) or ("" if is_loopback(host) else secrets.token_urlsafe(32))
    if token and TOKEN_VARIABLE not in os.environ:
        sys.stderr.write(f"Authorization: Bearer {token}\n")
    served = application(Desk(load_settings(Path.cwd())), host, port, token)
    jobs.sweep()
    # Work outlives the server by its handle: a signal waits for no answer, and what is under way is let go at once.
    uvicorn.Server(uvicorn.Config(served, log_level="warning", timeout_graceful_shutdown=0)).run(listening)
    leave()


def _listen(host: str, port: int) -> list[socket.socket]:
    """Sockets for all that a host's name stands for: the server itself would end with a code that means something else.

    Raises:
        UsageError: when the address is taken, or none of this machine.
    """
    try:
        places = {(where[0], where[4]) for where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        return [socket.create_server(place, family=family, backlog=2048) for family, place in sorted(places)]
    except OSError as fault:
        hint = "choose another port, or a name or address of this machine"
        raise UsageError(f"{host}:{port} cannot be served: {fault.strerror}", hint) from fault


def application(desk: Desk, host: str, port: int, token: str = "") -> Any:
    """The ASGI application."""
    names = {host, "localhost", "127.0.0.1", "[::1]"} if is_loopback(host) else {host}
    hosts = [f"{name}:{port}" for name in sorted(names)]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=hosts,
        allowed_origins=[f"http://{name}" for name in hosts],
    )
    app: ASGIApp = build(desk).streamable_http_app(
        streamable_http_path=PATH,
        transport_security=security,
        host=host,
        max_request_body_size=_MAX_REQUEST_BYTES,
    )
    return RequireToken(app, token) if token else app


def parse_address(address: str) -> tuple[str, int]:
    """`HOST:PORT`, also `[::1]:8080`.

    Raises:
        UsageError: when it is none.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"'{address}' is no address", "write HOST:PORT, for example 127.0.0.1:8765")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
