"""One request to a model: who answered, what it used, what it cost, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from .usage import Usage

# `ok`: a whole answer. `cut_off`: it ended early (length, filter, a stream that stopped). `refused`: the model
# declined. `error`: no answer. `cancelled`: we gave up on it (deadline, the caller went away).
CallStatus: TypeAlias = Literal["ok", "cut_off", "refused", "error", "cancelled"]

# What checking an answer's claims against the evidence gave: all held, some did, none could be checked, one is wrong.
VerificationResult: TypeAlias = Literal["verified", "partly", "unverified", "refuted"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking an answer against the evidence gave."""

    result: VerificationResult
    citations_resolved: int = 0
    citations_unresolved: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model and what became of it.

    `model_requested` is the id by which people know the model; its record is kept under it. `model_resolved` is the
    model that answered, as the provider names it; None when nothing answered.
    `total_cost_usd` is None when the price is unknown. `raw_answer` is the text as it came, whole or cut, parsed or
    not: it was paid for. `reason` is why the escalation was made that the call belongs to.
    """

    id: str
    model_requested: str
    provider: str
    surface: str
    event_type: str
    status: CallStatus
    started_ns: int
    duration_ms: int
    escalation_id: str | None = None
    conversation_id: str | None = None
    reason: str | None = None
    model_resolved: str | None = None
    usage: Usage = field(default_factory=Usage)
    total_cost_usd: Decimal | None = None
    finish_reason: str | None = None
    error_code: str | None = None
    raw_answer: str | None = None
    verification: Verification | None = None

    @property
    def total_tokens(self) -> int | None:
        """Input and output together; None when either is unknown."""
        if not self.usage.known:
            return None
        return (self.usage.input_tokens or 0) + (self.usage.output_tokens or 0)
