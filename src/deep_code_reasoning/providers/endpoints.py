"""Where models are asked, and whether an address may be asked at all.

With $DCR_OFFLINE set, only endpoints of this machine are: for networks that must not be left, and for our own tests.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ..domain.model import ModelCard

OFFLINE_VARIABLE: Final = "DCR_OFFLINE"

_OPENAI: Final = "https://api.openai.com/v1"
# Vendors' own addresses, as far as they are needed here; the client library knows them all.
_VENDORS: Final[Mapping[str, str]] = {
    "google": "https://generativelanguage.googleapis.com",
    "anthropic": "https://api.anthropic.com",
    "openai": _OPENAI,
    "openai-chat": _OPENAI,
    "openai-responses": _OPENAI,
    "openrouter": "https://openrouter.ai/api/v1",
}
# Servers of one's own: the variable that says where they are, and where they listen unless told otherwise.
_OWN: Final[Mapping[str, tuple[str, str]]] = {
    "ollama": ("OLLAMA_BASE_URL", "http://127.0.0.1:11434/v1"),
    "vllm": ("VLLM_BASE_URL", "http://127.0.0.1:8000/v1"),
}


def own_base_url(card: ModelCard) -> str | None:
    """The address of a server of the user's own; None for a vendor's."""
    if card.base_url is not None or card.provider not in _OWN:
        return card.base_url
    variable, usual = _OWN[card.provider]
    return os.environ.get(variable) or usual


def base_url(card: ModelCard) -> str:
    """The address of a model's endpoint; empty where only the client library knows it."""
    return own_base_url(card) or _VENDORS.get(card.provider, "")


def refused(url: str) -> bool:
    """Whether an address must not be asked."""
    return bool(os.environ.get(OFFLINE_VARIABLE)) and not is_local(url)


def is_local(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = ""
    try:
        host = urlsplit(url).hostname or ""
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
