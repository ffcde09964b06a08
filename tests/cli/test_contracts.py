"""`dcr contracts` end to end: folders in, who calls whom out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deep_code_reasoning.app.ingest import Evidence, ingest
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.errors import UsageError
from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.contracts.compare import GraphDifference, graph_differences
from deep_code_reasoning.source.contracts.read import read_contracts
from source.conftest import Repository

FILES = {
    "stock-service/app.py": "from flask import Flask\napp = Flask(__name__)\n@app.get('/items')\ndef items(): ...\n",
    "cart/main.py": "import requests\nrequests.get('http://stock-service/items')\nrequests.get('http://mail/\\x1b[2Jsend')\n",
    "mail/server.rb": 'require "sinatra"\npost "/send" do\nend\n',
}


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return [str(tmp_path / name) for name in ("cart", "mail", "stock-service")]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["contracts", *arguments])


def test_edges_are_shown_and_no_control_characters(folders: list[str]) -> None:
    shown = run(*folders).stdout
    assert shown.startswith("cart -> mail  http /")
    assert "cart -> stock-service  http /items\n" in shown
    assert "\x1b" not in shown


def test_json_has_contracts_and_edges_of_the_kind_that_is_asked_for(folders: list[str]) -> None:
    answer = json.loads(run(*folders, "--format", "json").stdout)
    edge = next(edge for edge in answer["edges"] if edge["callee"] == "stock-service")
    assert edge == {
        "caller": "cart",
        "callee": "stock-service",
        "kind": "http",
        "name": "/items",
        "from": "code:cart/main.py#2",
        "to": "code:stock-service/app.py#3",
        "joined_by": "host",
    }
    assert json.loads(run(*folders, "--kind", "topic", "--format", "json").stdout)["contracts"] == []


def test_the_graph_of_code_is_held_against_that_of_traces(folders: list[str]) -> None:
    contracts = read_contracts(Roots([Path(folder) for folder in folders]))
    seen = ServiceGraph(
        ("cart", "mail", "stock", "unknown"), {("mail", "stock"): 3, ("cart", "stock"): 9, ("cart", "unknown"): 1}
    )
    assert graph_differences(contracts, seen) == [
        GraphDifference("cart", "mail", "code", ("http",)),
        GraphDifference("mail", "stock", "traces", (), 3),
    ]
    assert graph_differences(contracts, ServiceGraph()) == []


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    assert run(str(tmp_path / "nowhere")).exit_code != 0


def test_contracts_are_read_at_a_revision_and_at_what_is_deployed(folders: list[str], tmp_path: Path) -> None:
    stock = Repository(tmp_path / "repositories" / "stock-service")
    old = stock.commit({"app.py": FILES["stock-service/app.py"]})
    stock.commit({"app.py": FILES["stock-service/app.py"].replace("/items", "/moved")})
    code = [folders[0], str(stock.folder)]
    answer = json.loads(run(*code, "--revision", f"stock-service={old}", "--format", "json").stdout)
    assert answer["commits"] == {"stock-service": old}
    assert [each["name"] for each in answer["contracts"] if each["service"] == "stock-service"] == ["/items"]
    span = {
        "trace_id": "f" * 32, "span_id": "c", "parent_id": None, "service": "stock", "name": "tick",
        "start": "2026-03-01T10:00:00Z", "duration_ms": 1, "status": "OK",
        "resource": {"service.name": "stock", "vcs.ref.head.revision": old[:12]},
    }  # fmt: skip
    (tmp_path / "traces.json").write_text(json.dumps([span]))
    ingest(Evidence((tmp_path / "traces.json",), case_name="ran"))
    shown = run(*code, "--case", "ran", "--deployed").stdout
    assert "cart -> stock-service  http /items\n" in shown
    assert f"stock-service read at {old[:12]}" in shown
    assert "read at" not in run(*code, "--case", "ran").stdout


@pytest.mark.parametrize(
    "arguments", [("--revision", "nobody=HEAD"), ("--revision", "HEAD"), ("--deployed",)], ids=["name", "plain", "case"]
)
def test_revisions_that_nothing_has_are_refused(folders: list[str], arguments: tuple[str, ...]) -> None:
    assert isinstance(run(*folders, *arguments).exception, UsageError)
