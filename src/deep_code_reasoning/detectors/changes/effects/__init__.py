"""What a diff does, one family of effects a file."""

from __future__ import annotations

from typing import Final

from ..diff import Patch
from ..effect import Effect, Extractor
from . import (
    associations,
    backtracking,
    cache_keys,
    endpoints,
    growth,
    logic,
    loops,
    names,
    order,
    queries,
    removals,
    schema,
    scopes,
    settings,
    units,
    validation,
    verbosity,
    versions,
    waiting,
)

EXTRACTORS: Final[tuple[Extractor, ...]] = (
    settings.extract,
    verbosity.extract,
    loops.extract,
    associations.extract,
    removals.extract,
    scopes.extract,
    growth.extract,
    schema.extract,
    endpoints.extract,
    versions.extract,
    logic.extract,
    cache_keys.extract,
    queries.extract,
    backtracking.extract,
    waiting.extract,
    order.extract,
    units.extract,
    validation.extract,
    names.extract,
)


def effects_of(patch: Patch) -> tuple[Effect, ...]:
    """Everything that a patch does, as far as its lines can tell; in the order of its families."""
    return tuple(effect for extract in EXTRACTORS for effect in extract(patch))
