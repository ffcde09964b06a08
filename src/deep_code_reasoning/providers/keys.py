"""Keys of providers: from the environment, else from a `.env` file in the working directory. Never shown, never logged.

Only the variables that a model names are looked up, and nothing is put into the environment: what we start inherits no
key from a file. An endpoint's address is never taken from `.env`, so that a folder one works in cannot send a key of
the environment elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..domain.model import ModelCard

# Where each provider's key usually is. Any other: its name in capitals and _API_KEY.
_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "openai-chat": ("OPENAI_API_KEY",),
    "openai-responses": ("OPENAI_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY",),
    "azure-responses": ("AZURE_OPENAI_API_KEY",),
    "bedrock": ("AWS_BEARER_TOKEN_BEDROCK",),
    "cohere": ("CO_API_KEY",),
    "github": ("GITHUB_API_KEY",),
    "heroku": ("HEROKU_INFERENCE_KEY",),
    "huggingface": ("HF_TOKEN",),
    "snowflake": ("SNOWFLAKE_TOKEN",),
    "vercel": ("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
    # An endpoint of the user's own may have no key at all; with one, the catalogue names its variable.
    "openai-compatible": (),
}
# Providers whose servers usually run without a key.
KEYLESS: Final = frozenset({"ollama", "vllm", "openai-compatible"})

_LINE: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_MAX_BYTES: Final = 65_536


class Secret:
    """A key. Its text comes out through `reveal` alone."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def scrub(self, text: str) -> str:
        """A text without this key in it: providers repeat keys in their errors."""
        return text.replace(self._text, "[key]") if self._text else text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not written anywhere")


class Keys:
    """Looks keys up: in the environment, then in the `.env` file of a folder."""

    def __init__(self, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._file = (Path.cwd() if folder is None else folder) / ".env"

    def find(self, card: ModelCard) -> Secret | None:
        """The key of a model; None when there is none, which is a normal state."""
        for name in variables(card):
            text = self._environment.get(name) or read_env_file(self._file).get(name)
            if text:
                return Secret(text)
        return None

    def where(self, card: ModelCard) -> str | None:
        """Where the key of a model is (the variable's name, not the key), or None."""
        for name in variables(card):
            if self._environment.get(name):
                return name
            if read_env_file(self._file).get(name):
                return f"{name} (.env)"
        return None


def variables(card: ModelCard) -> tuple[str, ...]:
    """The environment variables that may hold a model's key, the first one that is set wins."""
    if card.key_variable is not None:
        return (card.key_variable,) if card.key_variable else ()
    return usual_variables(card.provider)


def usual_variables(provider: str) -> tuple[str, ...]:
    """Where a provider's key usually is."""
    return _USUAL.get(provider, (re.sub(r"[^A-Z0-9]", "_", provider.upper()) + "_API_KEY",))


def read_env_file(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines; `export`, comments and quotes as in a shell, but nothing is expanded or run.

    Returns:
        The values; empty when there is no such file, or it is no readable plain file of at most 64 KB.
    """
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return {}
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match and not line.lstrip().startswith("#"):
            found[match[1]] = _unquoted(match[2])
    return found


def _unquoted(value: str) -> str:
    """The value without its quotes, or without the comment behind it when it has none."""
    quote = value[:1]
    if quote in ("'", '"'):
        end = value.find(quote, 1)
        return value[1:end] if end > 0 else value[1:]
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()
