"""Caches that are still filled and no longer asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ...vocabulary.words import words
from ..diff import Hunk
from ..effect import Effect, each_hunk

_NAMES: Final = frozenset("cache cached redis memo memcache memcached kv lru ehcache caffeine valkey storage".split())
_READS: Final = re.compile(
    r"([\w$@.>-]*\w)(?:\.|->|::)(?:get\w*|fetch\w*|read\w*|lookup|find|load|has|contains\w*|exists?|match|hget\w*|mget)\??\s*(?:<[^>]*>)?\("
)
_WRITES: Final = r"{0}(?:\.|->|::)(?:set\w*|put\w*|add|store|save|write\w*|insert|hset|push|remember)\s*(?:<[^>]*>)?\("
_LIVES: Final = re.compile(r"(?i)\bEX\b|\bPX\b|ttl|expir|max_?age")


def _unread(hunk: Hunk) -> Iterator[Effect]:
    still = {match[1] for line in hunk.after for match in _READS.finditer(line.code)}
    for line in hunk.removed:
        for match in _READS.finditer(line.code):
            writes = re.compile(_WRITES.format(re.escape(match[1])))
            kept = next((other for other in hunk.after if writes.search(other.code)), None)
            if match[1] in still or kept is None:
                continue
            if _NAMES & set(words(match[1])) or _LIVES.search(kept.code):
                says = f"fills {match[1]} and no longer asks it: `{line.code[:70]}` is gone"
                yield Effect("cache_removed", says, hunk.path, (match[1].split(".")[-1],), sureness=0.9)
                return


extract: Final = each_hunk({_unread: "code"})
