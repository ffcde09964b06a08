"""What a detector saw, and what it says when it saw nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .citation import Citation
from .window import Window

CheckVerdict: TypeAlias = Literal["fired", "clear", "skipped"]
Fact: TypeAlias = str | int | float | bool | tuple[str, ...] | tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation that speaks for a mechanism, with the rows that prove it.

    `severity` (0..1) is how much it hurts, `confidence` (0..1) how sure the detector is that it is real and not
    chance: they are two things. `facts` are the figures behind the summary, with units in their names.
    `change` is the (kind, id) of the change that the finding is about, where there is one.
    """

    code: str
    mechanism: str
    service: str
    summary: str
    severity: float
    confidence: float
    facts: Mapping[str, Fact] = field(default_factory=dict)
    citations: tuple[Citation, ...] = ()
    window: Window | None = None
    operation: str | None = None
    resource: str | None = None
    code_region: str | None = None
    instance: str | None = None
    change: tuple[str, str] | None = None

    @property
    def area(self) -> str:
        """Where it was looked for, by its code: `traces`, `locks`, `logs`, `metrics`, `heap`, `changes`, `external`."""
        return self.code.partition(".")[0]

    @property
    def start_ns(self) -> int:
        """When it began, 0 where nothing dates it."""
        return self.window.start_ns if self.window is not None else 0

    @property
    def is_harmless(self) -> bool:
        """Whether it hurts nobody so far, by its fact `harmless`: it may explain trouble, and is none itself."""
        return bool(self.facts.get("harmless"))

    @property
    def names_services(self) -> bool:
        """Whether what failed speaks of other services, by its fact `names_services`: the trouble may be theirs."""
        return bool(self.facts.get("names_services"))

    def texts(self, fact: str) -> tuple[str, ...]:
        """A fact that is a list of texts; empty where there is none."""
        value = self.facts.get(fact)
        return tuple(str(entry) for entry in value) if isinstance(value, tuple) else ()

    def number(self, fact: str) -> float:
        """A fact that is a number; 0 where there is none."""
        value = self.facts.get(fact)
        return float(value) if isinstance(value, int | float) else 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one detector: `fired`, `clear` (looked, saw nothing) or `skipped` (could not look, why)."""

    detector: str
    verdict: CheckVerdict
    reason: str

    @property
    def area(self) -> str:
        """Where the detector looks, as `Finding.area`."""
        return self.detector.partition(".")[0]

    @property
    def looked(self) -> bool:
        """Whether there was something to look at."""
        return self.verdict != "skipped"
