"""Settings of routing: what a file may say, and what it is told when it says something else."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import pytest

from deep_code_reasoning.app.routing import load_routing
from deep_code_reasoning.errors import RoutingSettingsError
from deep_code_reasoning.routing import configuration
from deep_code_reasoning.routing.configuration import read_settings
from deep_code_reasoning.routing.settings import Prior, RoutingSettings


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DCR_ROUTING", raising=False)
    monkeypatch.setenv("DCR_HOME", str(tmp_path))
    assert load_routing() == RoutingSettings()


def test_a_file_in_the_home_or_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DCR_ROUTING", raising=False)
    monkeypatch.setenv("DCR_HOME", str(tmp_path))
    (tmp_path / "routing.toml").write_text("[thresholds]\nservices = 7\n")
    assert load_routing().thresholds.services == 7
    other = tmp_path / "other.toml"
    monkeypatch.setenv("DCR_ROUTING", str(other))
    with pytest.raises(RoutingSettingsError, match=r"other\.toml"):
        load_routing()
    other.write_text("[policy\n")
    with pytest.raises(RoutingSettingsError, match=r"other\.toml"):
        load_routing()
    other.write_text("[policy]\nvalue_usd = 40\n")
    assert load_routing().policy.value_usd == 40.0


def test_the_form_that_is_shown_is_read_and_shows_the_defaults() -> None:
    shown = inspect.getdoc(configuration) or ""
    content = tomllib.loads(shown[shown.index("[thresholds]") :])
    settings = read_settings(content, "shown")
    assert settings.policy.priors == {("deep", "deadlock"): Prior(0.7, 10.0)}
    del content["prior"]
    assert read_settings(content, "shown") == RoutingSettings()


def test_priors_are_by_model_and_class_with_one_for_all_others() -> None:
    entries = [{"success": 0.4}, {"model": "a", "weight": 5}, {"model": "a", "problem_class": "deadlock"}]
    policy = read_settings({"prior": entries}, "file").policy
    assert policy.prior("stranger", "deadlock") == Prior(0.4, 2.0)
    assert policy.prior("a", "memory_leak") == Prior(0.5, 5.0)
    assert policy.prior("a", "deadlock") == Prior()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"treshold": {}}, "there is no 'treshold'"),
        ({"thresholds": {"bytes": 1}}, r"\[thresholds\]: there is no 'bytes'"),
        ({"thresholds": 3}, "is no table"),
        ({"thresholds": {"files": True}}, "'files' is no whole number: True"),
        ({"thresholds": {"files": 1.5}}, "'files' is no whole number: 1.5"),
        ({"thresholds": {"files": -1}}, "'files' is -1, and must be from 0"),
        ({"policy": {"exploration": 2}}, "'exploration' is 2, and must be from 0 to 1"),
        ({"policy": {"value_usd": "many"}}, "'value_usd' is no number: 'many'"),
        ({"policy": {"value_usd": float("nan")}}, "'value_usd' is nan"),
        ({"policy": {"priors": {}}}, "there is no 'priors'"),
        ({"policy": {"max_models": 0}}, "must be from 1"),
        ({"prior": {}}, "'prior' is no list"),
        ({"prior": [3]}, "prior 1 is no table"),
        ({"prior": [{"model": 3}]}, "are names"),
        ({"prior": [{"success": 1}]}, "'success' is 1, and must be from 0.001 to 0.999"),
        ({"prior": [{"problem_class": "deadlock"}]}, "needs a 'model'"),
        ({"prior": [{"model": "a"}, {"model": "a"}]}, "prior 2: there is another"),
    ],
)
def test_what_is_no_setting_is_refused_with_the_place(content: dict[str, object], message: str) -> None:
    with pytest.raises(RoutingSettingsError, match=message) as refusal:
        read_settings(content, "file")
    assert str(refusal.value).startswith("file")
