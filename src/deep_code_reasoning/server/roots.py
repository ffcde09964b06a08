"""The folders that a client declares as its project's ("roots", up to 2025-11-25; deprecated since).

They are asked for at each call that has to know what may be read, for they change while a session lasts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from pydantic import ValidationError

from ..app.settings import Settings

# A client that does not answer is one that declared nothing.
_PATIENCE_S: Final = 2.0


async def with_declared(context: Any, settings: Settings) -> Settings:
    """What may be read in this call: what the configuration allows, and the client's project."""
    session = context.session
    declared = session.client_capabilities
    if declared is None or declared.roots is None or not session.can_send_request:
        return settings
    # It has to come back on the stream of the call that waits for it.
    way = ServerMessageMetadata(related_request_id=context.request_id)
    try:
        answer = await session.send_request(types.ListRootsRequest(), types.ListRootsResult, _PATIENCE_S, way)
    except (MCPError, ValidationError):
        return settings
    return settings.for_project([folder for root in answer.roots if (folder := _folder(str(root.uri)))])


def _folder(uri: str) -> Path | None:
    """The folder that a `file://` URI of this machine names."""
    parts = urlsplit(uri)
    local = parts.scheme == "file" and parts.netloc in ("", "localhost")
    return Path(unquote(parts.path)) if local and parts.path and "\0" not in unquote(parts.path) else None
