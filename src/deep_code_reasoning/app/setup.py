"""Writes the server into the configuration of a coding agent, and says what stands there.

Only our own entry is touched; a file that cannot be read as it is expected to be is left alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..store.layout import write_atomically

NAME: Final = "deep-code-reasoning"
# Codex gives a server nothing of the environment but HOME, PATH and LC_CTYPE; ours is passed on where it is set.
_OURS: Final = ("DCR_HOME", "DCR_ROOTS", "DCR_MODELS", "DCR_LEDGER_URL")
# The server answers within a second or two; a machine under load may take longer.
_START_S: Final = 30
# No call of ours waits longer than 45 s; the rest is for a slow machine.
_CALL_S: Final = 300


@dataclass(frozen=True, slots=True)
class Client:
    """A coding agent: where its configuration is, and how our entry is written there.

    `place` are the keys that lead to the servers of a JSON file; for TOML it is the table's name.
    """

    name: str
    path: Callable[[], Path]
    place: str
    entry: Callable[[list[str], Mapping[str, str]], dict[str, Any]]
    is_toml: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a file is to hold; `changed` is False when it does already."""

    path: Path
    content: str
    changed: bool


def command_of_ours() -> list[str]:
    """The command that starts the server, by absolute path: agents start it from anywhere."""
    beside = Path(sys.executable).parent / "dcr"
    found = str(beside) if beside.is_file() else shutil.which("dcr")
    return [found, "serve"] if found else [sys.executable, "-m", "deep_code_reasoning", "serve"]


def planned(client_name: str) -> Change:
    """The client's configuration with our entry in it; nothing is written.

    Raises:
        UsageError: when the file that is there cannot be read as such, or our entry cannot be put in beside the rest.
    """
    client = CLIENTS[client_name]
    # Many keep these files elsewhere and link to them: it is the file that changes, and the link stays.
    path = client.path().resolve()
    environment = {name: os.environ[name] for name in _OURS if os.environ.get(name)}
    entry = client.entry(command_of_ours(), environment)
    present = path.read_text("utf-8") if path.is_file() else ""
    put_in = _with_table if client.is_toml else _with_key
    try:
        content = put_in(path, present, client.place, entry)
    except UsageError as fault:
        ours = _table(client.place, entry) if client.is_toml else json.dumps({client.place: {NAME: entry}})
        raise UsageError(fault.message, f"write it there by hand:\n{ours}") from fault
    return Change(path, content, content != present)


def write(change: Change) -> None:
    """Put a change on the disk, in one step."""
    change.path.parent.mkdir(parents=True, exist_ok=True)
    mode = change.path.stat().st_mode & 0o777 if change.path.is_file() else 0o600
    write_atomically(change.path, change.content)
    change.path.chmod(mode)


def entry_in(client_name: str) -> Mapping[str, Any] | None:
    """Our entry as it stands in a client's configuration; None when there is none.

    Raises:
        UsageError: when the file cannot be read as such.
    """
    client = CLIENTS[client_name]
    path = client.path()
    if not path.is_file():
        return None
    text = path.read_text("utf-8")
    servers = (_toml(path, text) if client.is_toml else _json(path, text)).get(client.place.partition(".")[0], {})
    entry = servers.get(NAME) if isinstance(servers, dict) else None
    return entry if isinstance(entry, dict) else None


def _with_key(path: Path, present: str, place: str, entry: Mapping[str, Any]) -> str:
    content = _json(path, present) if present.strip() else {}
    servers = content.setdefault(place, {})
    if not isinstance(servers, dict):
        raise UsageError(f"{path}: {place} is no object")
    servers[NAME] = {**(servers.get(NAME) or {}), **entry}
    written = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    # A file that says the same in other words stays as it is.
    return present if present.strip() and _json(path, present) == content else written


def _with_table(path: Path, present: str, place: str, entry: Mapping[str, Any]) -> str:
    known = _toml(path, present)
    table = known.get(place.partition(".")[0], {})
    if isinstance(table, dict) and table.get(NAME) == entry:
        return present
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {place.partition('.')[0]} is no table")
    ours = re.compile(
        rf"^[ \t]*\[{re.escape(place)}(?:\.[^\]]+)?\][ \t]*(?:#.*)?\n(?:(?![ \t]*\[).*\n?)*", re.MULTILINE
    )
    rest = ours.sub("", present)
    content = (rest.rstrip("\n") + "\n\n" if rest.strip() else "") + _table(place, entry)
    # There are more ways to write TOML than the pattern knows; the file is parsed, and nothing else may have changed.
    if _toml(path, content) != {**known, place.partition(".")[0]: {**table, NAME: entry}}:
        raise UsageError(f"{path}: the entry that is there is written in a way that cannot be replaced")
    return content


def _table(place: str, entry: Mapping[str, Any]) -> str:
    return "\n".join([f"[{place}]", *(f"{key} = {_toml_value(value)}" for key, value in entry.items())]) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _json(path: Path, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as fault:
        raise UsageError(f"{path} is no JSON: {fault}") from fault
    if not isinstance(content, dict):
        raise UsageError(f"{path} is no JSON object")
    return content


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as fault:
        raise UsageError(f"{path} is no TOML: {fault}") from fault


def _stdio(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "stdio", "command": command[0], "args": command[1:]}
    return {**entry, "env": dict(environment)} if environment else entry


def _gemini(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    entry = _stdio(command, environment)
    del entry["type"]
    return {**entry, "timeout": _CALL_S * 1_000}


def _codex(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"command": command[0], "args": command[1:]}
    if environment:
        entry["env"] = dict(environment)
    # Without `required` Codex begins its first turn before the server is there.
    return {**entry, "required": True, "startup_timeout_sec": _START_S, "tool_timeout_sec": _CALL_S}


def _vscode_path() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Code" / "User" / "mcp.json"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "Code" / "User" / "mcp.json"


def _codex_path() -> Path:
    return Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex") / "config.toml"


CLIENTS: Final[dict[str, Client]] = {
    client.name: client
    for client in (
        Client("claude", lambda: Path.home() / ".claude.json", "mcpServers", _stdio),
        Client("codex", _codex_path, f"mcp_servers.{NAME}", _codex, is_toml=True),
        Client("gemini", lambda: Path.home() / ".gemini" / "settings.json", "mcpServers", _gemini),
        Client("cursor", lambda: Path.home() / ".cursor" / "mcp.json", "mcpServers", _stdio),
        Client("vscode", _vscode_path, "servers", _stdio),
    )
}
