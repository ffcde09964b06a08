"""Models that live at the stub, for clients made in a test and for programs that read a catalogue's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from deep_code_reasoning.domain.model import ModelCard

from .server import Stub

# What each wire is called by the client library.
PROVIDERS: Final = {
    "gemini": "google",
    "openai-chat": "openai-chat",
    "openai-responses": "openai",
    "anthropic": "anthropic",
}
KEY: Final = "sk-stub-0123456789abcdef"
KEY_VARIABLE: Final = "STUB_KEY"


def card(stub: Stub, wire: str, name: str = "deep", **changes: Any) -> ModelCard:
    """A model at the stub."""
    changes = {"base_url": stub.base_url(wire), "key_variable": KEY_VARIABLE} | changes
    return ModelCard(id=name, ref=f"{PROVIDERS[wire]}:{name}", **changes)


def write_catalogue(path: Path, stub: Stub, wire: str, *names: str, **fields: Any) -> Path:
    """Write a catalogue of models at the stub (JSON); `fields` go into each entry."""
    entries = [
        {
            "id": name,
            "model": f"{PROVIDERS[wire]}:{name}",
            "base_url": stub.base_url(wire),
            "key": KEY_VARIABLE,
            **fields,
        }
        for name in names or ("deep",)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"model": entries}), "utf-8")
    return path
