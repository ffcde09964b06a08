"""What a diff does, one family of effects a file."""

from __future__ import annotations

from typing import Final

from ..diff import Patch
from ..effect import Effect, Extractor
from . import (
    endpoints,
    growth,
    logic,
    loops,
    names,
    order,
    removals,
    schema,
    scopes,
    settings,
    units,
    validation,
    versions,
)

EXTRACTORS: Final[tuple[Extractor, ...]] = (
    settings.extract,
    loops.extract,
    removals.extract,
    scopes.extract,
    growth.extract,
    schema.extract,
    endpoints.extract,
    versions.extract,
    logic.extract,
    order.extract,
    units.extract,
    validation.extract,
    names.extract,
)


def effects_of(patch: Patch) -> tuple[Effect, ...]:
    """Everything that a patch does, as far as its lines can tell; in the order of its families."""
    return tuple(effect for extract in EXTRACTORS for effect in extract(patch))
