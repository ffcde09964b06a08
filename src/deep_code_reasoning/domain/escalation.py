"""A question that went beyond the analysers: why, with what, what came of it, and whether it was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from .call import Verification

ANALYSERS_ONLY: Final = "analysers_only"
EscalationStatus: TypeAlias = Literal["running", "answered", "unanswered", "analysers_only", "failed", "cancelled"]
OutcomeVerdict: TypeAlias = Literal["confirmed", "refuted", "unknown"]
OUTCOME_VERDICTS: Final[tuple[OutcomeVerdict, ...]] = get_args(OutcomeVerdict)
# Who says how much time was saved. Either way it is an estimate, and is shown as one.
TimeSavedBasis: TypeAlias = Literal["caller", "model"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason to escalate that was looked at: what was measured, against which threshold, and whether it held."""

    name: str
    value: float | None
    threshold: float | None
    held: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """A size in bytes, and in tokens of the model at hand where they were counted."""

    size_bytes: int
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class PackSize:
    """How much evidence was offered to the packer, how much was sent, how much was dropped."""

    offered: Extent
    sent: Extent
    dropped: Extent


@dataclass(frozen=True, slots=True)
class TimeSaved:
    """An estimate, in seconds, of the manual debugging that was spared."""

    estimate_s: float
    basis: TimeSavedBasis


@dataclass(frozen=True, slots=True)
class Outcome:
    """What someone reported of an answer, later."""

    verdict: OutcomeVerdict
    reported_by: str
    reported_ns: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Escalation:
    """One escalation. `answer_call_id` is the call whose answer was accepted; None when there is none.

    `problem_class` groups like questions (for example the mechanism that is suspected): records of models are kept by
    it. `found` says in a line what was found. `outcome` is the last one reported, None when there was none.
    """

    id: str
    surface: str
    analysis_type: str
    problem_class: str
    question: str
    reason: str
    started_ns: int
    case_id: str | None = None
    signals: tuple[Signal, ...] = ()
    pack: PackSize | None = None
    status: EscalationStatus = "running"
    found: str | None = None
    verification: Verification | None = None
    answer_call_id: str | None = None
    time_saved: TimeSaved | None = None
    outcome: Outcome | None = None
    ended_ns: int | None = None
