"""Values of changes as exports write them: hashes of commits, repositories behind links, images of containers."""

from __future__ import annotations

import re
from typing import Final

_SHA: Final = re.compile(r"[0-9a-f]{7,64}")
_URL: Final = re.compile(r"(?:https?://|git@|ssh://git@)[^/:]+[/:](?:repos/)?([^/]+/[^/]+?)(?:\.git)?(?:/.*)?")


def sha_of(text: str) -> str:
    """The text in lower case where it is a commit's hash, short or whole; else ''."""
    text = text.strip().lower()
    return text if _SHA.fullmatch(text) and (len(text) >= 40 or not text.isdecimal()) else ""


def repository_of(text: str) -> str:
    """The repository that a link leads into, as `owner/name`; what is no link as it is; '' for other links."""
    url = _URL.fullmatch(text)
    if url is not None:
        return url[1]
    return "" if "://" in text else text


def image_of(image: str) -> tuple[str, str]:
    """The name and the tag of a container's image: `cart` and `1.4.2` of `registry.example/shop/cart:1.4.2`."""
    name, _, tag = image.rpartition("@")[2 if "@" not in image else 0].rsplit("/", 1)[-1].partition(":")
    return name, tag
