"""`dcr setup`: the server is written into a client's configuration once, and what else stands there is kept."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from deep_code_reasoning.app.doctor import examine_client
from deep_code_reasoning.app.setup import CLIENTS, NAME
from deep_code_reasoning.cli.main import cli


@pytest.fixture(autouse=True)
def _empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CODEX_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


def setup(*words: str) -> str:
    done = CliRunner().invoke(cli, ["setup", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("client", CLIENTS)
def test_the_command_is_absolute_and_there(client: str) -> None:
    assert not examine_client(client).ok
    setup(client)
    assert examine_client(client).ok, examine_client(client).detail
    assert Path(examine_client(client).detail).is_absolute()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_second_time_changes_nothing(client: str) -> None:
    setup(client)
    path = CLIENTS[client].path()
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert "nothing to do" in setup(client)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("client", CLIENTS)
def test_printing_writes_nothing(client: str) -> None:
    assert NAME in setup(client, "--print")
    assert not CLIENTS[client].path().exists()


def test_other_servers_and_settings_are_kept(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_text(
        json.dumps({"theme": "dark", "mcpServers": {"other": {"command": "x"}, NAME: {"command": "old", "note": 1}}})
    )
    path.chmod(0o640)
    setup("claude")
    content = json.loads(path.read_text())
    assert content["theme"] == "dark"
    assert content["mcpServers"]["other"] == {"command": "x"}
    assert content["mcpServers"][NAME]["command"] != "old"
    assert content["mcpServers"][NAME]["note"] == 1
    assert path.stat().st_mode & 0o777 == 0o640


def test_tables_around_ours_are_kept(tmp_path: Path) -> None:
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text(
        'model = "x" # mine\n\n'
        f'[mcp_servers.{NAME}]\ncommand = "old"\n\n'
        f'[mcp_servers.{NAME}.env]\nA = "b"\n\n'
        '[mcp_servers.other]\ncommand = "y"\n'
    )
    setup("codex")
    content = tomllib.loads(path.read_text())
    assert content["model"] == "x"
    assert "# mine" in path.read_text()
    assert content["mcp_servers"]["other"] == {"command": "y"}
    assert content["mcp_servers"][NAME]["required"] is True
    assert content["mcp_servers"][NAME]["command"] != "old"


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_text("{ // a comment\n}")
    done = CliRunner().invoke(cli, ["setup", "claude"])
    assert done.exit_code != 0
    assert path.read_text() == "{ // a comment\n}"


def test_the_environment_of_ours_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_ROOTS", "/srv/repos")
    setup("codex")
    entry = tomllib.loads(CLIENTS["codex"].path().read_text())["mcp_servers"][NAME]
    assert entry["env"]["DCR_ROOTS"] == "/srv/repos"
