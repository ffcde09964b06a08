"""A case and what was read into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

SourceRole: TypeAlias = Literal["incident", "baseline"]


@dataclass(frozen=True, slots=True)
class Source:
    """One file of evidence and what became of it.

    `name` is its path relative to what the caller gave, and unique in the case: citations use it.
    `note` says in words what is partial or odd about it, else it is empty.
    """

    id: int
    name: str
    path: str
    format: str
    kind: str
    role: SourceRole = "incident"
    rows: int = 0
    rejected: int = 0
    bytes: int = 0
    from_ns: int | None = None
    to_ns: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CaseInfo:
    """What is known of a case before any analysis: what the caller said, else what an alert in the evidence says."""

    id: str
    title: str | None = None
    noticed_at_ns: int | None = None
    question: str | None = None
    alert_text: str | None = None
