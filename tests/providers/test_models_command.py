"""`dcr models`: what is configured, what answers, what it costs; and that listing loads no vendor's client."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deep_code_reasoning.app.models import list_models
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.domain.call import Call
from deep_code_reasoning.domain.model import ModelCard, ModelRecord
from deep_code_reasoning.providers.endpoints import is_local
from deep_code_reasoning.providers.keys import Secret
from deep_code_reasoning.providers.probe import probe
from deep_code_reasoning.store.library import home
from wire.cards import KEY, KEY_VARIABLE, PROVIDERS, write_catalogue
from wire.server import WIRES, Stub


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["models", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def as_json(*arguments: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(run(*arguments, "--format", "json"))
    return loaded


def test_no_key_and_no_catalogue_is_a_normal_state() -> None:
    assert "the analysers answer alone" in run()
    overview = as_json()
    assert (overview["models"], overview["catalogue"]) == ([], None)
    assert all(provider["key"] is None for provider in overview["providers"])


def test_a_key_is_told_by_its_place_and_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    (tmp_path / ".env").write_text(f"GEMINI_API_KEY={KEY}-other\n")
    text = run("google:any", "anthropic:any", "openai:any")
    keys = {provider["provider"]: provider["key"] for provider in as_json()["providers"]}
    assert (keys["anthropic"], keys["google"], keys["openai"]) == ("ANTHROPIC_API_KEY", "GEMINI_API_KEY (.env)", None)
    assert KEY not in text
    usable = {model["id"]: model["usable"] for model in as_json("google:any", "anthropic:any", "openai:any")["models"]}
    assert usable == {"google:any": True, "anthropic:any": True, "openai:any": False}


def test_a_model_shows_its_window_prices_abilities_and_end(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    tiers = [{"input": 1.25, "cached_input": 0.31, "output": 10}]
    tiers.append({"above_input_tokens": 200_000, "input": 2.5, "output": 15})
    write_catalogue(
        home() / "models.json",
        stub,
        "openai-chat",
        abilities=["long_context"],
        context_window_tokens=1_000_000,
        shutdown="2099-01-31",
        price=tiers,
    )
    (model,) = as_json()["models"]
    assert model == {
        "id": "deep",
        "model": "openai-chat:deep",
        "base_url": stub.base_url("openai-chat"),
        "key": KEY_VARIABLE,
        "usable": True,
        "reachable": True,
        "detail": "answers",
        "context_window_tokens": 1_000_000,
        "max_output_tokens": None,
        "abilities": ["long_context"],
        "prices_usd_per_million_tokens": [
            {"above_input_tokens": 0, "input": 1.25, "cached_input": 0.31, "output": 10.0},
            {"above_input_tokens": 200_000, "input": 2.5, "cached_input": None, "output": 15.0},
        ],
        "shutdown": "2099-01-31",
        "fallback": [],
        "record": None,
    }
    text = run()
    for shown in ("ready", "1,000,000 tokens", "$1.25 (cached $0.31) in, $10 out", "above 200,000", "2099-01-31"):
        assert shown in text


def test_an_unknown_price_and_window_are_said_to_be_unknown(stub: Stub) -> None:
    write_catalogue(home() / "models.json", stub, "openai-chat")
    assert "price unknown" in run()
    (model,) = as_json()["models"]
    assert (model["context_window_tokens"], model["prices_usd_per_million_tokens"]) == (None, [])


def test_a_model_that_was_shut_down_or_has_no_key_is_not_usable(stub: Stub) -> None:
    write_catalogue(home() / "models.json", stub, "gemini", shutdown="2020-01-31")
    (model,) = as_json()["models"]
    assert (model["usable"], model["detail"]) == (False, "was shut down on 2020-01-31")
    write_catalogue(home() / "models.json", stub, "gemini")
    (model,) = as_json()["models"]
    assert (model["usable"], model["detail"]) == (False, f"no key: set {KEY_VARIABLE}")


@pytest.mark.parametrize("wire", WIRES)
def test_an_endpoint_is_asked_whether_it_answers_and_has_the_model(
    stub: Stub, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    write_catalogue(home() / "models.json", stub, wire)
    (model,) = as_json("--check")["models"]
    assert (model["usable"], model["reachable"]) == (True, True)
    stub.listed = ("another",)
    (model,) = as_json("--check")["models"]
    assert (model["usable"], model["reachable"]) == (False, False)
    assert "has no model 'deep'" in model["detail"]
    assert stub.requests == [], "listing costs nothing"


def test_an_endpoint_that_does_not_answer_is_told() -> None:
    card = ModelCard("m", "openai-chat:m", base_url="http://127.0.0.1:9/v1")
    found = probe(card, Secret(KEY), 2)
    assert found.reachable is False
    assert "no answer" in found.detail


def test_offline_asks_nothing_beyond_this_machine() -> None:
    found = probe(ModelCard("m", "google:m"), Secret(KEY), 2)
    assert found.reachable is None
    assert "DCR_OFFLINE" in found.detail


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:1234", True),
        ("https://api.openai.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost@evil.example/", False),
        ("http://10.0.0.1", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_what_is_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_the_record_of_a_model_is_shown_when_the_ledger_has_one(stub: Stub) -> None:
    from deep_code_reasoning.cli.commands.models import as_text, model_json

    write_catalogue(home() / "models.json", stub, "openai-chat")
    record = ModelRecord(12, 1, 5, 2, Decimal("0.1234"))
    (status,) = list_models(record_of=lambda name: record if name == "deep" else None).models
    assert "12 calls, 1 failed, 5 causes confirmed, 2 refuted, $0.1234" in as_text(status)
    assert model_json(status)["record"] == {
        "calls": 12,
        "failures": 1,
        "confirmed": 5,
        "refuted": 2,
        "total_cost_usd": 0.1234,
    }


def test_the_ledger_tells_the_record_of_a_model_and_is_not_made_for_it(stub: Stub) -> None:
    from deep_code_reasoning.app.ledger import open_ledger

    write_catalogue(home() / "models.json", stub, "openai-chat")
    assert as_json()["models"][0]["record"] is None
    assert not (home() / "ledger.db").exists()

    call = Call(
        id="1",
        model_requested="deep",
        provider="openai-chat",
        surface="cli",
        event_type="answer",
        status="ok",
        started_ns=1,
        duration_ms=5,
        total_cost_usd=Decimal("0.25"),
    )
    with open_ledger() as ledger:
        ledger.calls.record(call)
    record = as_json()["models"][0]["record"]
    assert (record["calls"], record["failures"], record["total_cost_usd"]) == (1, 0, 0.25)


def test_listing_models_and_importing_the_package_load_no_vendors_client(stub: Stub) -> None:
    write_catalogue(home() / "models.json", stub, "gemini")
    code = (
        "import sys\nimport deep_code_reasoning\nfrom click.testing import CliRunner\n"
        "from deep_code_reasoning.cli.main import cli\n"
        "for line in (['--help'], ['models', '--help'], ['models', '--check']):\n"
        "    assert CliRunner().invoke(cli, line).exit_code == 0\n"
        "heavy = {'pydantic_ai', 'openai', 'anthropic', 'google.genai', 'httpx2', 'chdb._chdb', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_extra_models_can_be_listed_and_asking_one_says_what_to_install(stub: Stub) -> None:
    """The base installation has no client library; here it is hidden from the import system."""
    write_catalogue(home() / "models.json", stub, "gemini")
    code = (
        "import sys, asyncio\n"
        "for name in ('pydantic_ai', 'pydantic', 'genai_prices', 'openai', 'anthropic'): sys.modules[name] = None\n"
        "from click.testing import CliRunner\nfrom deep_code_reasoning.cli.main import cli\n"
        "from deep_code_reasoning.domain.asking import ModelRequest, Passage\n"
        "from deep_code_reasoning.errors import ModelNotConfiguredError\n"
        "from deep_code_reasoning.providers.client import ModelClient\n"
        "assert CliRunner().invoke(cli, ['models']).exit_code == 0\n"
        "try:\n    asyncio.run(ModelClient().ask('deep', ModelRequest((Passage('why?'),))))\n"
        "except ModelNotConfiguredError as refusal:\n    print(refusal.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pip install 'deep-code-reasoning-mcp[models]'"


@pytest.mark.parametrize("wire", WIRES)
def test_every_wire_of_the_stub_has_a_name_in_the_catalogue(wire: str) -> None:
    assert wire in PROVIDERS
