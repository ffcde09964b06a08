"""Making clients: which names work, what is said when one cannot be made, and that nothing goes out unasked."""

from __future__ import annotations

import asyncio

import pytest

from deep_code_reasoning.domain.model import ModelCard
from deep_code_reasoning.errors import ModelNotConfiguredError
from deep_code_reasoning.providers.keys import Secret
from deep_code_reasoning.providers.vendors import open_wire
from wire.script import Say
from wire.server import Stub

from .conftest import Asking, text_request


def refusal(card: ModelCard, key: Secret | None = None) -> ModelNotConfiguredError:
    with pytest.raises(ModelNotConfiguredError) as caught:
        open_wire(card, key)
    return caught.value


def test_a_missing_key_is_told_with_the_variables_that_may_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert "GOOGLE_API_KEY or GEMINI_API_KEY" in refusal(ModelCard("m", "google:m")).hint
    assert "OPENAI_API_KEY" in refusal(ModelCard("m", "openai:m")).hint


def test_an_unknown_provider_is_told() -> None:
    assert "no provider 'nobody'" in refusal(ModelCard("m", "nobody:m")).message


def test_a_provider_whose_library_is_not_installed_is_told() -> None:
    error = refusal(ModelCard("m", "mistral:m"), Secret("key"))
    assert "mistral" in error.message.lower()


def test_an_address_where_the_provider_takes_none_is_told() -> None:
    error = refusal(ModelCard("m", "deepseek:m", base_url="http://127.0.0.1:1"), Secret("key"))
    assert "base_url" in error.message


def test_offline_refuses_every_endpoint_of_another_machine() -> None:
    """Every test runs so: none can ask a vendor, whatever it does."""
    error = refusal(ModelCard("m", "anthropic:m"), Secret("key"))
    assert "DCR_OFFLINE" in error.message


def test_a_provider_that_signs_in_its_own_way_gets_no_made_up_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from deep_code_reasoning.providers import vendors

    given: list[dict[str, object]] = []

    class Provider:
        def __init__(self, **options: object) -> None:
            given.append(options)

    monkeypatch.setattr("pydantic_ai.providers.infer_provider_class", lambda name: Provider)
    vendors.provider_of("bedrock", ModelCard("m", "bedrock:m", key_variable=""), None)
    assert given == [{}]


def test_no_model_is_named_in_the_code() -> None:
    """Ids die within a year: models are the user's to name."""
    import re
    from pathlib import Path

    import deep_code_reasoning

    vendors_names = re.compile(r"(gpt|claude|gemini|llama|mistral|deepseek|qwen|grok)-?[0-9o]", re.IGNORECASE)
    root = Path(deep_code_reasoning.__file__).parent
    named = {
        path.name: found.group()
        for path in root.rglob("*.py")
        if (found := vendors_names.search(path.read_text("utf-8"))) is not None
    }
    assert named == {}


def test_a_compatible_endpoint_needs_an_address() -> None:
    assert "base_url" in refusal(ModelCard("m", "openai-compatible:m")).message


@pytest.mark.parametrize("provider", ["ollama", "vllm", "openai-compatible", "openrouter", "openai-chat"])
def test_every_kind_of_openai_compatible_endpoint_is_reached_by_its_address(stub: Stub, provider: str) -> None:
    ask = Asking(stub, "openai-chat")
    takes_no_key = provider in ("ollama", "vllm", "openai-compatible")
    if provider == "openrouter":
        card = ModelCard("m", "openai-compatible:vendor/model", base_url=stub.base_url("openai-chat"), key_variable="")
    else:
        key = "" if takes_no_key else "STUB_KEY"
        card = ModelCard("m", f"{provider}:vendor/model", base_url=stub.base_url("openai-chat"), key_variable=key)
    stub.script(Say("local"))
    answer = asyncio.run(ask.client(card).ask("m", text_request()))
    assert answer.text == "local"
    assert stub.requests[0].body["model"] == "vendor/model"
    assert answer.cost_usd is None, "nobody knows what a server of one's own costs"
    if takes_no_key:
        assert "store" not in stub.requests[0].body, "a setting of OpenAI's own is not sent to others"


def test_servers_of_ones_own_are_looked_for_where_they_usually_listen(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", stub.base_url("openai-chat"))
    stub.script(Say("from ollama"))
    answer = asyncio.run(Asking(stub, "openai-chat").client().ask("ollama:any", text_request()))
    assert answer.text == "from ollama"
    monkeypatch.delenv("OLLAMA_BASE_URL")
    from deep_code_reasoning.providers.endpoints import base_url

    assert base_url(ModelCard("m", "ollama:any")) == "http://127.0.0.1:11434/v1"
