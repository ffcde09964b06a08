"""The user's catalogue: what it may say, what is wrong with it, and what holds without one."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from deep_code_reasoning.domain.model import ModelCard, PriceTier
from deep_code_reasoning.errors import CatalogueError, ModelNotConfiguredError
from deep_code_reasoning.providers.catalogue import load_catalogue
from deep_code_reasoning.store.library import home

FULL = """
[[model]]
id = "deep"
model = "google:any-model"
base_url = "http://127.0.0.1:8080"
key = "SOME_KEY"
abilities = ["code_execution", "long_context"]
context_window_tokens = 1_000_000
max_output_tokens = 64_000
shutdown = 2030-06-30
fallback = ["local", "openai:another"]
answer = "tool"
stream = false
priced_as = "google:any-model"
settings = { top_p = 0.5 }
[[model.price]]
input = 1.25
cached_input = 0.31
cache_write = 1.5
output = 10
[[model.price]]
above_input_tokens = 200_000
input = 2.5
output = 15.0

[[model]]
id = "local"
model = "ollama:any-model"
key = ""
"""


def write(text: str, name: str = "models.toml") -> Path:
    home().mkdir(parents=True, exist_ok=True)
    path = home() / name
    path.write_text(text, "utf-8")
    return path


def test_every_field_of_the_catalogue_arrives() -> None:
    path = write(FULL)
    catalogue = load_catalogue()
    assert catalogue.path == path
    assert list(catalogue) == [
        ModelCard(
            id="deep",
            ref="google:any-model",
            base_url="http://127.0.0.1:8080",
            key_variable="SOME_KEY",
            abilities=("code_execution", "long_context"),
            context_window_tokens=1_000_000,
            max_output_tokens=64_000,
            prices=(
                PriceTier(Decimal("1.25"), Decimal(10), Decimal("0.31"), Decimal("1.5")),
                PriceTier(Decimal("2.5"), Decimal("15.0"), above_input_tokens=200_000),
            ),
            priced_as="google:any-model",
            shutdown=date(2030, 6, 30),
            fallbacks=("local", "openai:another"),
            answer_mode="tool",
            stream=False,
            settings={"top_p": 0.5},
        ),
        ModelCard(id="local", ref="ollama:any-model", key_variable=""),
    ]


def test_json_says_the_same_as_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.json"
    entry = {"id": "deep", "model": "google:m", "shutdown": "2030-06-30", "price": [{"input": 0.1, "output": 2}]}
    path.write_text(json.dumps({"model": [entry]}), "utf-8")
    monkeypatch.setenv("DCR_MODELS", str(path))
    card = load_catalogue().card("deep")
    assert card.shutdown == date(2030, 6, 30)
    assert card.prices == (PriceTier(Decimal("0.1"), Decimal(2)),)


def test_without_a_catalogue_any_provider_and_model_can_be_named() -> None:
    catalogue = load_catalogue()
    assert list(catalogue) == []
    assert catalogue.card("google:whatever") == ModelCard("google:whatever", "google:whatever")
    assert catalogue.card("openrouter:vendor/model:free").model == "vendor/model:free"


@pytest.mark.parametrize("name", ["deep", "", ":", "google:", ":model"])
def test_a_name_that_is_neither_known_nor_complete_is_refused(name: str) -> None:
    with pytest.raises(ModelNotConfiguredError):
        load_catalogue().card(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[model", "models.toml"),
        ("x = 1", "no list 'model'"),
        ("model = [1]", "is no table"),
        ('[[model]]\nmodel = "gemini"', "PROVIDER:MODEL"),
        ('[[model]]\nmodel = "a:b"\nwindow = 3', "no field 'window'"),
        ('[[model]]\nmodel = "a:b"\ncontext_window_tokens = "big"', "is no int"),
        ('[[model]]\nmodel = "a:b"\ncontext_window_tokens = true', "is no int"),
        ('[[model]]\nmodel = "a:b"\nmax_output_tokens = 0', "must be positive"),
        ('[[model]]\nmodel = "a:b"\nabilities = ["magic"]', "no ability 'magic'"),
        ('[[model]]\nmodel = "a:b"\nanswer = "loud"', "'answer' is one of"),
        ('[[model]]\nmodel = "a:b"\nbase_url = "file:///etc"', "http"),
        ('[[model]]\nmodel = "a:b"\nshutdown = "soon"', "is no date"),
        ('[[model]]\nmodel = "a:b"\nfallback = ["c"]', "falls back on 'c'"),
        ('[[model]]\nmodel = "a:b"\n[[model]]\nmodel = "a:b"', "two models have the id"),
        ('[[model]]\nmodel = "a:b"\n[[model.price]]\ninput = 1', "needs 'input' and 'output'"),
        ('[[model]]\nmodel = "a:b"\n[[model.price]]\ninput = 1\noutput = -2', "is no amount"),
        ('[[model]]\nmodel = "a:b"\n[[model.price]]\ninput = 1\noutput = nan', "is no amount"),
        ('[[model]]\nmodel = "a:b"\n[[model.price]]\ninput = 1\noutput = 2\nper = 3', "has no 'per'"),
    ],
)
def test_a_mistake_in_the_catalogue_is_told_with_its_place(text: str, said: str) -> None:
    path = write(text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue()
    assert said in caught.value.message
    assert str(path) in caught.value.message


def test_a_catalogue_that_was_named_but_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_MODELS", "nowhere.toml")
    with pytest.raises(CatalogueError, match=r"nowhere\.toml"):
        load_catalogue()
