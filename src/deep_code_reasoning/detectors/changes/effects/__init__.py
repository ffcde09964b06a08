"""What a diff does, one family of effects a file."""

from __future__ import annotations

import functools
import importlib
from typing import Final

from ..diff import Patch
from ..effect import Effect, Extractor
from .reach import reached

# Modules in this package, each with an `extract`. They are loaded with the first diff: most evidence has none.
FAMILIES: Final[tuple[str, ...]] = (
    "settings",
    "shares",
    "fallbacks",
    "verbosity",
    "loops",
    "associations",
    "removals",
    "guards",
    "unawaited",
    "scopes",
    "growth",
    "schema",
    "retyped",
    "endpoints",
    "versions",
    "logic",
    "cache_keys",
    "queries",
    "backtracking",
    "waiting",
    "order",
    "units",
    "sharing",
    "swapped",
    "rebuilt",
    "exchanges",
    "undone",
    "consumers",
    "hooks",
    "moved",
    "required",
    "unread",
    "containers",
    "tuning",
    "whole",
    "validation",
    "names",
    "queues",
    "days",
    "row_locks",
    "precision",
    "paging",
    "ids_as_numbers",
    "coarser",
    "expiry",
    "egress",
)


@functools.cache
def _extractors() -> tuple[Extractor, ...]:
    return tuple(importlib.import_module(f".{name}", __package__).extract for name in FAMILIES)


def effects_of(patch: Patch) -> tuple[Effect, ...]:
    """Everything that a patch does, as far as its lines can tell; in the order of its families."""
    patch = reached(patch)
    return tuple(effect for extract in _extractors() for effect in extract(patch))
