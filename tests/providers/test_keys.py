"""Where keys come from, and that they show nowhere."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.model import ModelCard
from deep_code_reasoning.providers.keys import Keys, Secret, read_env_file, variables

GOOGLE = ModelCard("m", "google:m")


def test_a_key_comes_from_the_environment_before_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GEMINI_API_KEY=from-file\n")
    keys = Keys({"GEMINI_API_KEY": "from-environment"}, tmp_path)
    found = keys.find(GOOGLE)
    assert found is not None
    assert found.reveal() == "from-environment"
    assert keys.where(GOOGLE) == "GEMINI_API_KEY"


def test_a_key_may_stand_in_the_env_file_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("GEMINI_API_KEY=from-file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    keys = Keys({})
    found = keys.find(GOOGLE)
    assert found is not None
    assert found.reveal() == "from-file"
    assert keys.where(GOOGLE) == "GEMINI_API_KEY (.env)"
    import os

    assert "GEMINI_API_KEY" not in os.environ, "what we start inherits nothing from the file"


def test_no_key_is_a_normal_state(tmp_path: Path) -> None:
    keys = Keys({}, tmp_path)
    assert keys.find(GOOGLE) is None
    assert keys.where(GOOGLE) is None


def test_the_catalogue_names_the_variable_or_none_at_all() -> None:
    assert variables(ModelCard("m", "google:m", key_variable="MINE")) == ("MINE",)
    assert variables(ModelCard("m", "google:m", key_variable="")) == ()
    assert variables(GOOGLE) == ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    assert variables(ModelCard("m", "some-new.vendor:m")) == ("SOME_NEW_VENDOR_API_KEY",)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=plain", "plain"),
        ("export KEY=exported", "exported"),
        ("  KEY = spaced  ", "spaced"),
        ("KEY='single # no comment'", "single # no comment"),
        ('KEY="double"', "double"),
        ("KEY=value # a comment", "value"),
        ("KEY=with#hash", "with#hash"),
        ("KEY=$HOME/`id`$(id)", "$HOME/`id`$(id)"),
        ("KEY=a=b==", "a=b=="),
        ('KEY="unclosed', "unclosed"),
        ("# KEY=comment", None),
        ("KEY", None),
        ("1KEY=x", None),
        ("\ufeffKEY=bom", "bom"),
    ],
)
def test_the_env_file_is_read_as_a_shell_would_but_nothing_is_expanded_or_run(
    tmp_path: Path, line: str, value: str | None
) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{line}\nOTHER=1\n", "utf-8")
    assert read_env_file(path).get("KEY") == value


@given(st.binary(max_size=300))
def test_any_bytes_can_stand_in_an_env_file(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ".env")
        path.write_bytes(b"FIRST=1\nKEY=" + content)
        is_text = content.decode("utf-8", errors="ignore").encode() == content
        assert read_env_file(path).get("FIRST") == ("1" if is_text else None)


def test_a_folder_a_huge_file_or_nothing_by_that_name_holds_no_keys(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "huge").write_bytes(b"KEY=1\n" + b"#" * 100_000)
    for name in ("folder", "huge", "nothing"):
        assert read_env_file(tmp_path / name) == {}


def test_a_secret_shows_itself_to_nobody_but_who_asks() -> None:
    secret = Secret("sk-123")
    assert "sk-123" not in f"{secret} {secret!r} {[secret]} {vars(type(secret))}"
    assert secret.scrub("key sk-123 refused") == "key [key] refused"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_an_address_is_never_taken_from_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder one works in must not be able to send a key of the environment elsewhere."""
    from deep_code_reasoning.providers.endpoints import base_url

    (tmp_path / ".env").write_text(
        "OLLAMA_BASE_URL=http://evil.example\nOPENAI_BASE_URL=http://evil.example\nDCR_MODELS=evil.toml\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OLLAMA_BASE_URL", raising=False)
    for provider in ("ollama", "openai", "openai-chat"):
        assert "evil" not in base_url(ModelCard("m", f"{provider}:m"))
