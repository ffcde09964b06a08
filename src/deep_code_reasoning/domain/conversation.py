"""A conversation with a specialist: its state, its limits, its turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

ConversationState: TypeAlias = Literal["active", "busy", "finished", "expired"]
# `summary` stands for turns before it that were compacted; `evidence` is what a tool of ours answered.
TurnRole: TypeAlias = Literal["user", "model", "evidence", "summary"]


@dataclass(frozen=True, slots=True)
class ConversationLimits:
    """How far a conversation may go: the user's turns, seconds in which nobody goes on with it, money (None: any)."""

    turns: int = 20
    idle_s: int = 86_400
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `ordinal` counts from 1 within the conversation; `call_id` is the call that produced it, if any."""

    conversation_id: str
    ordinal: int
    role: TurnRole
    content: str
    created_ns: int
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it stands at one moment.

    `state` is `busy` while someone works on it, `expired` when nobody did for `ttl_s`. `turns_used` counts the user's
    turns, of which there may be `turn_limit`. `spent_usd` includes what is reserved for calls under way, and leaves
    out calls without a price.
    """

    id: str
    surface: str
    analysis_type: str
    state: ConversationState
    context: Mapping[str, Any] = field(default_factory=dict)
    turn_limit: int = 0
    turns_used: int = 0
    spend_limit_usd: Decimal | None = None
    spent_usd: Decimal = Decimal(0)
    ttl_s: int = 0
    created_ns: int = 0
    updated_ns: int = 0
    expires_ns: int = 0
    escalation_id: str | None = None
    case_id: str | None = None
