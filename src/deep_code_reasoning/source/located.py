"""What a report led to, and what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .index import Indexed
from .localise import Place
from .telemetry import LogOrigin


@dataclass(frozen=True, slots=True)
class Located:
    """Places, best first, and what was looked at: (repository, what became of its files), in the order given.

    `written_by` are log statements that may have written lines of the report, as (line, statement). `unlisted` says
    that the folders hold more files than are listed. `now` has, for lines of a revision, where they are in the folder
    as it stands: by (repository, path, line), None for one that is gone.
    """

    places: tuple[Place, ...]
    written_by: tuple[tuple[str, LogOrigin], ...]
    indexed: tuple[tuple[str, Indexed], ...]
    unlisted: bool
    now: Mapping[tuple[str, str, int], int | None] = field(default_factory=dict)
