"""Names of services in texts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final

from ..vocabulary.lexicon import trouble_words

# How a text shows that a word which errors are full of is somebody's name this time.
_AS_NAME: Final = (
    r"(?:[=@]|//|\b(?:service|host|upstream|peer|backend|dependency|call(?:s|ed|ing)?|call(?:s|ed)? to|"
    r"contact(?:ing|ed)?|reach(?:ing|ed)?)\s+)NAME|"
    r"[\"'`]NAME(?![\"'`]\s*[:=])|"
    r"NAME(?::\d{2,5}\b|[./][A-Za-z]|"
    r"\s+(?:service|svc|answered|responded|returned|refused|unavailable|unreachable|did not)\b)"
)


def mentions(text: str, services: Sequence[str], but: str) -> list[str]:
    """Services other than `but` whose names stand in a text as whole words.

    A service may be called what errors speak of anyhow (`limit`, `queue`): "pool limit reached" does not mention it,
    "call to limit failed" does.
    """
    return [name for name in services if name and name != but and name in text and _as_name(name).search(text)]


def whose(service: str, texts: Iterable[str], serving: Collection[str], services: Iterable[str]) -> str:
    """The service that a record is about: who wrote it if it serves requests, else whom it names, or whose pod.

    A platform speaks of others. '' where it names nobody that is known.
    """
    if service in serving:
        return service
    text = " ".join(texts)
    named = [
        name
        for name in services
        if name != service and re.search(rf"(?<![\w-]){re.escape(name)}(?:-\w+)*(?![\w-])", text)
    ]
    return max(sorted(named), key=len, default="")


def without_names(text: str, services: Sequence[str]) -> str:
    """A text with every service's name blanked, so that the same message about two services is the same."""
    for name in sorted(services, key=len, reverse=True):
        if name and name in text:
            text = _as_word(name).sub("<service>", text)
    return text


@lru_cache(maxsize=4096)
def _as_name(name: str) -> re.Pattern[str]:
    if name not in trouble_words():
        return _as_word(name)
    return re.compile(_AS_NAME.replace("NAME", rf"(?<![\w-]){re.escape(name)}(?![\w-])"))


@lru_cache(maxsize=4096)
def _as_word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
