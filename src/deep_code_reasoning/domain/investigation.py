"""The answer: what was investigated, found and concluded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .case import CaseInfo, Source
from .cause import Cause
from .finding import Check, Finding
from .window import Windows

InvestigationVerdict: TypeAlias = Literal["cause_found", "no_cause_found", "healthy", "insufficient_evidence"]


@dataclass(frozen=True, slots=True)
class Investigation:
    """Everything that `dcr investigate` answers. `notes` say in words how the evidence was read."""

    case: CaseInfo
    sources: tuple[Source, ...]
    windows: Windows | None
    verdict: InvestigationVerdict
    causes: tuple[Cause, ...]
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    read_s: float
    analyse_s: float
    rank_s: float
    notes: tuple[str, ...] = ()
