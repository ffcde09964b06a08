"""The sandbox of this process: tried once, at its first use."""

from __future__ import annotations

from functools import lru_cache

from ..sandbox import Sandbox
from ..store.library import home


@lru_cache(maxsize=1)
def open_sandbox() -> Sandbox:
    """The sandbox that experiments run in; nothing is tried before one does."""
    return Sandbox(home() / "cache")
