"""Keys that tell fewer apart than before: a cache that gives one what is another's, a limit that many share by chance.

A key that loses a part (the market, the currency, the tenant) makes one entry of what were several: the first to ask
decides what all are given. A limit that was kept by caller and is kept by address counts all of a company behind one
gateway (RFC 6269, 12: shared addresses) as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ...vocabulary.words import word_set
from ..code import computes_nothing, string_literals, without_strings
from ..diff import Hunk, Line
from ..effect import Effect, each_hunk
from .cache_keys import builds_key
from .pairs import paired

# What stands in a text in the place of a value, and what is handed over to be put there.
_PUT_IN: Final = re.compile(r"[$#]?\{\{?\s*\$?([A-Za-z_][\w.>()?!-]*)")
_CHAIN: Final = re.compile(r"\$?\b[A-Za-z_]\w*(?:(?:\??\.|->|::|!\.)\w+(?:\(\))?)*")
_GLUE: Final = frozenset(
    """return const let var val final string str format sprintf printf fmt join key concat of new self this def fun func
    public private static append plus tostring to_string f""".split()
)
_LIMITS: Final = re.compile(
    r"(?i)limiter|rate_?limit|limit_(?:req|conn)|throttl|bucket|quota|limit(?:ed)?_?(?:by|per|key)|[/_]limits?\b"
)
_CALLER: Final = frozenset(
    "key apikey user account tenant client customer token subject principal org organization organisation plan".split()
)
_ADDRESS: Final = frozenset("ip addr address peer remote forwarded host hostname gateway xff".split())


def _cache_keys(hunk: Hunk) -> Iterator[Effect]:
    for old, new in (*paired(hunk), *_alone(hunk)):
        if computes_nothing(old.code) or not (builds_key(hunk, old.code) and builds_key(hunk, new.code)):
            continue
        before, after = _parts(old.code), _parts(new.code)
        come = {_root(part) for part in after - before}
        lost = sorted(part for part in before - after if _root(part) not in come)
        if lost and len(after) < len(before) and after:
            says = f"the key of a cache no longer tells {', '.join(lost[:4])} apart: `{new.code[:80]}`"
            names = tuple(dict.fromkeys(name for part in lost for name in re.findall(r"[A-Za-z_]\w{2,}", part)))
            yield Effect("cache_key_coarser", says, hunk.path, names, sureness=0.95)
            return


def _alone(hunk: Hunk) -> list[tuple[Line, Line]]:
    """The one line that went and the one that came, however little alike they are."""
    return [(hunk.removed[0], hunk.added[0])] if len(hunk.removed) == len(hunk.added) == 1 else []


def _parts(code: str) -> frozenset[str]:
    """The values that a key is made of, as chains of names."""
    text = re.sub(r"^\s*(?:return\b|(?:[\w<>\[\]]+\s+)*\$?\w+\s*:?=(?!=))", "", without_strings(code))
    inner = [found for literal in string_literals(code) for found in _PUT_IN.findall(literal)]
    chains = [chain for one in (text, *inner) for chain in _CHAIN.findall(one)]
    return frozenset(
        chain.lstrip("$") for chain in chains if not (word_set(chain) <= _GLUE) and not _is_call(code, chain)
    )


def _is_call(code: str, chain: str) -> bool:
    """Whether a chain is a function to which the parts are handed: `String.format(`, `cache.get(`."""
    return re.search(rf"{re.escape(chain)}\s*\((?!\))", code) is not None


def _root(part: str) -> str:
    return re.split(r"\W", part)[0]


def _limits(hunk: Hunk) -> Iterator[Effect]:
    # Settings stand beside others that have nothing to do with them.
    around = (hunk.path, hunk.heading, *(line.code for line in hunk.lines))
    near = around if hunk.kind == "code" else [line.code for line in hunk.added]
    if not any(_LIMITS.search(text) for text in near) or not hunk.removed or not hunk.added:
        return
    before, after = _named(hunk.removed), _named(hunk.added)
    caller = sorted(before & _CALLER - after)
    if caller and after & _ADDRESS and not after & _CALLER:
        line = next(line for line in hunk.added if _named([line]) & _ADDRESS)
        says = f"a limit is kept by address and no longer by {', '.join(caller)}: `{line.code[:80]}`"
        yield Effect("limit_key_coarser", says, hunk.path, ("bucket", "limiter", "limit", *caller), sureness=0.95)


def _named(lines: Iterable[Line]) -> frozenset[str]:
    return word_set(*(_ADDRESS_OF.sub(r"\1", line.code) for line in lines))


_ADDRESS_OF: Final = re.compile(r"(?i)(?:client|user|customer)[_-]?(ip|addr)")


extract: Final = each_hunk({_cache_keys: "code", _limits: "code config"})
