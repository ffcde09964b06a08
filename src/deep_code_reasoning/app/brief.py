"""What an agent reads first of an answer: what is known, without what is absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_absent(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts without those that are None or empty."""
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}
