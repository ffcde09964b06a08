"""The law that every detector obeys.

A detector is a module with one `DETECTOR` record in it, and a line in `runner.py`. Its `detect(scene, settings)`

- is **pure**: it reads the scene and nothing else; no clock, no randomness, no state between calls. The same case gives
  the same findings in the same order, whatever the order of rows or the hash seed (so: every query is ordered);
- does the heavy work **in the engine**: set queries that return aggregates, never a loop over spans or log records;
- **cites**: every finding carries citations that resolve to rows, the most telling first, a handful at most;
- says **nothing** when there is nothing: an empty list is "clear". `Skipped` says that it could not look, and why;
- has a frozen `Settings` whose every threshold says why it is what it is. Deviations are judged by robust statistics
  (median, MAD, quantiles), never by mean and sigma.

Its module docstring has the sections *Looks for / Why it matters / Stays silent when / Example finding*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..domain.finding import Finding
from ..domain.graph import ServiceGraph
from ..domain.window import Windows
from ..store import CaseStore


@dataclass(frozen=True, slots=True)
class Scene:
    """What a detector looks at: a case, its calm and its bad stretch, who calls whom.

    `dated` is what the detectors found that date themselves; these run first and see none of it.
    """

    store: CaseStore
    windows: Windows
    graph: ServiceGraph
    dated: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A detector could not look; `reason` says what was missing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Detector:
    """The record by which a detector is known.

    Attributes:
        code: its stable name in findings and checks, for example `traces.self_time_shift`.
        mechanisms: what it can speak for.
        needs: tables that must have rows, else it is skipped with that reason.
        settings: its thresholds.
        detect: `detect(scene, settings)` -> findings, or `Skipped`.
        dated: it dates its own findings (each has a window) and looks at no window of the scene but its end. Such
            detectors run first: the onset is estimated from what they found.
    """

    code: str
    mechanisms: tuple[str, ...]
    needs: tuple[str, ...]
    settings: Any
    detect: Callable[[Scene, Any], Sequence[Finding] | Skipped] = field(repr=False)
    dated: bool = False
