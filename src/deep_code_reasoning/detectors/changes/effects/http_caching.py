"""Answers that others may keep, and may no more: browsers, proxies and networks of delivery then ask each time.

Format: RFC 9111 (Cache-Control), RFC 9110 section 8.8 (validators), nginx's `expires` and `proxy_cache`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..diff import Line, Patch
from ..effect import Effect

_KEPT: Final = re.compile(
    r"(?i)\bmax-?age\W{1,4}[1-9]|\bs-?maxage\W{1,4}[1-9]|\bimmutable\b|\bexpires\s+(?:[1-9]\d*[smhdwMy]|max)\b|cache-control\W+public"
    r"|\b(?:proxy|fastcgi|uwsgi)_cache\s+(?!off\b)\w+|\b(?:proxy|fastcgi)_cache_valid\b|CacheControl\.maxAge|ResponseCache\(\s*Duration\s*=\s*[1-9]"
    r"|\bexpires_in\b|\bfresh_when\b|\bstale\?\(|setMaxAge\(\s*[1-9]|\bcache_control\(\s*max_age|@cache_page\(|last_?modified\("
    r"|If-None-Match|If-Modified-Since"
)
_NOT_KEPT: Final = re.compile(
    r"(?i)\bno-?store\b|\bno-?cache\b|max-?age\W{1,4}0\b|\bexpires\s+(?:off|-1|epoch)|\betag\s+off|\b(?:proxy|fastcgi)_cache\s+off\b|\bnever_cache\b"
    r"|NoStore\s*=\s*true|noStore\(\)|noCache\(\)|if_modified_since\s+off"
)


def extract(patch: Patch) -> list[Effect]:
    """Answers that are no longer kept on their way to who asks."""
    return [effect for hunk in patch.running for effect in _asked_each_time(hunk.path, hunk.removed, hunk.added)]


def _asked_each_time(path: str, removed: Iterable[Line], added: Iterable[Line]) -> Iterator[Effect]:
    gone = next((line for line in removed if _KEPT.search(line.code) and not _NOT_KEPT.search(line.code)), None)
    if gone is not None and not any(_KEPT.search(line.code) and not _NOT_KEPT.search(line.code) for line in added):
        yield Effect("cache_removed", f"answers are no longer kept: `{gone.code[:80]}` is gone", path, sureness=0.85)
