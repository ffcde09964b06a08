"""By what the entries of a cache are known: a key with a value in it that no two requests share finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ...vocabulary.words import words
from ..code import block_names, computes_nothing, definition, lines_around, string_literals
from ..diff import Hunk
from ..effect import Effect, each_hunk
from .pairs import paired

_CACHE: Final = re.compile(r"(?i)cache|redis|memo|memcached|\bkv\b|ehcache|caffeine")
_KEY_NAME: Final = re.compile(
    r"(?i)\b\w*key\w*\s*(?::\s*[\w.]+\s*)?(?::?=)(?!=)|\bkey\s*[:=]|\bdef \w*key|\bfun\w* \w*key"
)
_LOOKS_UP: Final = re.compile(
    r"(?i)\b\w*(?:cache|redis|memo)\w*(?:\??\.|->|::)\w*(?:get|fetch|remember|set|put|lookup|find|create|wrap|has|contains)\w*(?:<[^>]*>)?\s*\("
)
_SQL: Final = re.compile(r"(?i)\b(?:select|insert|update|delete|where)\b")
_BUILDS: Final = re.compile(r"[\"'`]|\bformat\b|\bSprintf\b|#\w")
# Names of what belongs to one request, one moment or one caller.
_OWN: Final = re.compile(
    r"\b(?:request|req|trace|span|correlation|session|nonce|uuid|guid|random|rand|now|time|timestamp|millis|nanos|"
    r"fingerprint|token|user|caller|client|agent|ip|headers?|ctx|context)\b"
)
# A whole value as text or as a hash: with all that it holds of one request, and all that is added to it later.
_WHOLE: Final = re.compile(
    r"%[+#]v|\{:#?\?\}|\.(?:to_json|inspect|toJson|model_dump_json)\b|\b(?:repr|vars|asdict|serialize)\(\s*\$?\w+\s*\)"
    r"|(?:JSON\.stringify|\bjson\.dumps|json_encode|JsonSerializer\.Serialize)\(\s*\$?\w+\s*[,)]"
)


def _keys(hunk: Hunk) -> Iterator[Effect]:
    for old, new in paired(hunk):
        if computes_nothing(old.code) or computes_nothing(new.code):
            continue
        if not (builds_key(hunk, old.code) and builds_key(hunk, new.code)) or _but_numbers(old.code) == _but_numbers(
            new.code
        ):
            continue
        whole = bool(_WHOLE.search(new.code)) and not _WHOLE.search(old.code)
        own = sorted(set(_OWN.findall(_spaced(new.code))) - set(_OWN.findall(_spaced(old.code))))
        says = f"`{old.code[:60]}` becomes `{new.code[:60]}`"
        if own:
            says = f"the key of a cache now tells each {', '.join(own[:3])} apart: {says}"
        elif whole:
            says = f"the key of a cache is now all that a value holds: {says}"
        names = tuple(
            dict.fromkeys(re.findall(r"[A-Za-z_]\w{2,}", " ".join(string_literals(new.code)) + " " + new.code))
        )
        yield Effect("cache_key_changed", says, hunk.path, names[:12], sureness=0.97 if own or whole else 0.85)


def builds_key(hunk: Hunk, code: str) -> bool:
    """Whether a line builds the key of an entry of a cache, or looks one up by a key that it builds."""
    if _SQL.search(code) or not _BUILDS.search(code):
        return False
    if _LOOKS_UP.search(code) or ("@" in code and _CACHE.search(code)):
        return True
    around = (definition(hunk.heading) or hunk.heading, *block_names(hunk), *_functions_with(hunk, code))
    gives = re.match(r"\s*(?:return\b|\$?\w+\s*(?::\s*\w+\s*)?:?=(?!=))", code)
    if gives and any("key" in words(name) for name in around):
        return True
    near = (hunk.path, hunk.heading, *(line.code for line in hunk.lines))
    return _KEY_NAME.search(code) is not None and any(_CACHE.search(text) for text in near)


def _functions_with(hunk: Hunk, code: str) -> Iterator[str]:
    """The functions that a line stands in, on either side."""
    for side in (hunk.before, hunk.after):
        for index, line in enumerate(side):
            if line.code == code:
                yield from filter(None, (definition(around.code) for around in lines_around(side, index)))


def _but_numbers(code: str) -> str:
    """The line without plain numbers: the time that an entry lives stands on it too."""
    return re.sub(r"(?<![\w\"'`:/.-])\d+(?:\.\d+)?", "#", code)


def _spaced(code: str) -> str:
    return " ".join(words(code))


extract: Final = each_hunk({_keys: "code"})
