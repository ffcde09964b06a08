"""The verbs of views that are classes: their methods named for verbs, or what the generic view they extend serves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .frameworks import VERBS
from .nodes import text_of
from .syntax import CodeFile

_METHOD: Final = re.compile(rf"\bdef\s+({'|'.join(VERBS)})\s*\(")
_PARTS: Final = {"List": "GET", "Create": "POST", "Retrieve": "GET", "Update": "PUT PATCH", "Destroy": "DELETE"}
_GENERIC: Final = re.compile(r"\b((?:List|Create|Retrieve|Update|Destroy)+)APIView\b")
_PAGES: Final = re.compile(r"\b(?:TemplateView|ListView|DetailView|RedirectView)\b")


def class_verbs(name: str, files: Sequence[CodeFile]) -> tuple[str, ...]:
    """The verbs that a class serves; none when it is not found or does not say."""
    for file in files:
        for kind in file.types:
            if kind.name == name:
                verbs = [verb.upper() for verb in _METHOD.findall(text_of(kind.node))]
                for generic in _GENERIC.findall(kind.header):
                    for part, of_part in _PARTS.items():
                        verbs += of_part.split() if part in generic else []
                if not verbs and _PAGES.search(kind.header):
                    verbs = ["GET"]
                return tuple(dict.fromkeys(verbs))
    return ()
