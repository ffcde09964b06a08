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
from deep_code_reasoning.errors import UsageError


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


def test_a_linked_file_is_changed_where_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "config.toml"
    kept.parent.mkdir()
    kept.write_text('model = "x"\n')
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    path.symlink_to(kept)
    setup("codex")
    assert path.is_symlink()
    assert NAME in tomllib.loads(kept.read_text())["mcp_servers"]


def test_however_toml_is_written_the_rest_of_it_stays(tmp_path: Path) -> None:
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text(f'[mcp_servers.{NAME}] # mine\ncommand = "old"\n  [mcp_servers.other]\n  command = "y"\n')
    setup("codex")
    servers = tomllib.loads(path.read_text())["mcp_servers"]
    assert servers["other"] == {"command": "y"}
    assert servers[NAME]["command"] != "old"


@pytest.mark.parametrize(
    ("client", "present"),
    [
        ("codex", f'[mcp_servers]\n"{NAME}" = {{ command = "old" }}\n'),
        ("codex", "mcp_servers = 1\n"),
        ("codex", "not toml"),
        ("vscode", '{\n  // a comment\n  "servers": {}\n}\n'),
        ("gemini", '{"mcpServers": []}'),
    ],
)
def test_what_cannot_be_changed_safely_stays_and_is_told_how_by_hand(client: str, present: str) -> None:
    path = CLIENTS[client].path()
    path.parent.mkdir(parents=True)
    path.write_text(present)
    done = CliRunner().invoke(cli, ["setup", client])
    assert isinstance(done.exception, UsageError)
    assert path.read_text() == present
    assert str(path) in done.exception.message
    assert NAME in done.exception.hint
    assert '"serve"' in done.exception.hint
