"""Runs every detector on a case. A new detector is a file of its own and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Final

from ..domain.finding import Check, Finding
from .base import Detector, Scene, Skipped

# Modules in this package, each with a `DETECTOR`. The order is that of the answer's checks.
MODULES: Final[tuple[str, ...]] = ()


def detectors() -> tuple[Detector, ...]:
    """Every known detector, in order."""
    found = []
    for name in MODULES:
        found.append(importlib.import_module(f".{name}", __package__).DETECTOR)
    return tuple(found)


def run(scene: Scene, chosen: Sequence[Detector] | None = None) -> tuple[tuple[Finding, ...], tuple[Check, ...]]:
    """Run detectors and say of each whether it fired, is clear, or was skipped and why."""
    findings: list[Finding] = []
    checks: list[Check] = []
    for detector in detectors() if chosen is None else chosen:
        missing = [table for table in detector.needs if not scene.store.count(table)]
        if missing:
            checks.append(Check(detector.code, "skipped", f"the case has no {' and no '.join(missing)}"))
            continue
        outcome = detector.detect(scene, detector.settings)
        if isinstance(outcome, Skipped):
            checks.append(Check(detector.code, "skipped", outcome.reason))
        elif outcome:
            findings.extend(outcome)
            checks.append(Check(detector.code, "fired", f"{len(outcome)} finding{'s' if len(outcome) > 1 else ''}"))
        else:
            checks.append(Check(detector.code, "clear", "looked, and saw nothing beyond its thresholds"))
    return tuple(findings), tuple(checks)
