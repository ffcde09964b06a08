"""Names of services in texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache


def mentions(text: str, services: Sequence[str], but: str) -> list[str]:
    """Services other than `but` whose names stand in a text as whole words."""
    return [name for name in services if name and name != but and name in text and _as_word(name).search(text)]


def without_names(text: str, services: Sequence[str]) -> str:
    """A text with every service's name blanked, so that the same message about two services is the same."""
    for name in sorted(services, key=len, reverse=True):
        if name and name in text:
            text = _as_word(name).sub("<service>", text)
    return text


@lru_cache(maxsize=4096)
def _as_word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
