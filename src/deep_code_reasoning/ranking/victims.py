"""Whom a cause reaches beside those by whom it was found."""

from __future__ import annotations

from dataclasses import replace

from ..detectors.base import Scene
from ..detectors.symptoms.front import is_platform
from ..detectors.symptoms.trouble import trouble
from ..domain.cause import Cause


def with_all_who_miss_it(scene: Scene, cause: Cause, told: bool) -> Cause:
    """A cause with further services that feel it; `told`: those that say so too, where findings alone named some."""
    found = trouble(scene)
    names = (*(found.front.failing if told else ()), *found.felt)
    known = {cause.service, cause.first_failing_service, *cause.blast_radius}
    further = dict.fromkeys(name for name in names if name not in known and not is_platform(name))
    return replace(cause, blast_radius=(*cause.blast_radius, *further))
