"""The tables of the ledger as they are now. How a database gets there is in `migrations/`.

Times are nanoseconds since the epoch, money is billionths of a US dollar: both whole numbers, so that sums are exact
and the same on every database. An unknown number is NULL, never 0.
"""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA: Final = MetaData()
_NANO: Final = -9
_MAX_BIGINT: Final = 2**63 - 1


class Words(TypeDecorator[str]):
    """Text of any origin. What a database cannot hold is replaced: NUL by U+FFFD, lone surrogates by escapes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make the text storable."""
        if value is None:
            return None
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "backslashreplace").decode("utf-8")


class Json(TypeDecorator[Any]):
    """A value as JSON text, keys sorted: the same value is the same bytes on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write JSON."""
        return None if value is None else json.dumps(value, sort_keys=True, default=str)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read JSON."""
        return None if value is None else json.loads(value)


class Usd(TypeDecorator[Decimal]):
    """US dollars, kept as whole billionths. What is no amount (NaN, infinite, absurd) becomes unknown."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Dollars to billionths."""
        if value is None or not Decimal(value).is_finite():
            return None
        nano = int(Decimal(value).scaleb(-_NANO).to_integral_value(ROUND_HALF_UP))
        return nano if abs(nano) <= _MAX_BIGINT else None

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Billionths to dollars."""
        return None if value is None else Decimal(value).scaleb(_NANO)


class Count(TypeDecorator[int]):
    """A count as a provider reports it. What is no count (negative, beyond 63 bits) becomes unknown."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Let only counts through."""
        return value if value is not None and 0 <= value <= _MAX_BIGINT else None

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """Sums come back as decimals from some databases."""
        return None if value is None else int(value)


def _key(name: str = "id") -> Column[str]:
    return Column(name, Words, primary_key=True, nullable=False)


def _words(name: str, nullable: bool = False) -> Column[str]:
    return Column(name, Words, nullable=nullable)


def _time(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _number(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _count(name: str) -> Column[int]:
    return Column(name, Count, nullable=True)


def _usd(name: str) -> Column[Decimal]:
    return Column(name, Usd, nullable=True)


def _json(name: str, nullable: bool = False) -> Column[Any]:
    return Column(name, Json, nullable=nullable)


ESCALATIONS: Final = Table(
    "escalations",
    METADATA,
    _key(),
    _words("case_id", nullable=True),
    _words("surface"),
    _words("analysis_type"),
    _words("problem_class"),
    _words("question"),
    _json("signals"),
    _words("reason"),
    *(_count(f"pack_{part}_{unit}") for part in ("offered", "sent", "dropped") for unit in ("bytes", "tokens")),
    _words("status"),
    _words("found", nullable=True),
    _words("verification", nullable=True),
    _number("citations_resolved", nullable=True),
    _number("citations_unresolved", nullable=True),
    _words("answer_call_id", nullable=True),
    Column("time_saved_s", Double, nullable=True),
    _words("time_saved_basis", nullable=True),
    _time("started_ns"),
    _time("ended_ns", nullable=True),
    Index("escalations_by_start", "started_ns"),
)
OUTCOMES: Final = Table(
    "outcomes",
    METADATA,
    _key("escalation_id"),
    Column("ordinal", Integer, primary_key=True, nullable=False),
    _words("verdict"),
    _words("reported_by"),
    _time("reported_ns"),
    _words("note"),
)
INVESTIGATION_OUTCOMES: Final = Table(
    "investigation_outcomes",
    METADATA,
    _key("case_id"),
    Column("ordinal", Integer, primary_key=True, nullable=False),
    _words("verdict"),
    _words("reported_by"),
    _time("reported_ns"),
    _words("note"),
)
CALLS: Final = Table(
    "calls",
    METADATA,
    _key(),
    _words("escalation_id", nullable=True),
    _words("conversation_id", nullable=True),
    _words("reason", nullable=True),
    _words("model_requested"),
    _words("model_resolved", nullable=True),
    _words("provider"),
    _words("surface"),
    _words("event_type"),
    _count("input_tokens"),
    _count("output_tokens"),
    _count("cached_tokens"),
    _count("cache_write_tokens"),
    _count("reasoning_tokens"),
    _number("unmeasured_requests"),
    _usd("total_cost_nano_usd"),
    _time("started_ns"),
    Column("duration_ms", BigInteger, nullable=False),
    _words("finish_reason", nullable=True),
    _words("status"),
    _words("error_code", nullable=True),
    _words("raw_answer", nullable=True),
    _words("verification", nullable=True),
    _number("citations_resolved", nullable=True),
    _number("citations_unresolved", nullable=True),
    Index("calls_by_escalation", "escalation_id"),
    Index("calls_by_conversation", "conversation_id"),
    Index("calls_by_start", "started_ns"),
)
SPENDING: Final = Table(
    "spending",
    METADATA,
    _key("call_id"),
    _words("escalation_id", nullable=True),
    _words("conversation_id", nullable=True),
    _words("day"),
    _words("state"),
    _usd("reserved_nano_usd"),
    _count("reserved_tokens"),
    _usd("settled_nano_usd"),
    _count("settled_tokens"),
    _words("owner"),
    _time("created_ns"),
    _time("expires_ns"),
    Index("spending_by_day", "day"),
    Index("spending_by_escalation", "escalation_id"),
    Index("spending_by_conversation", "conversation_id"),
)
CONVERSATIONS: Final = Table(
    "conversations",
    METADATA,
    _key(),
    _words("escalation_id", nullable=True),
    _words("case_id", nullable=True),
    _words("surface"),
    _words("analysis_type"),
    _json("context"),
    _words("state"),
    _number("turn_limit"),
    _number("turns_used"),
    _usd("spend_limit_nano_usd"),
    Column("ttl_s", BigInteger, nullable=False),
    _time("created_ns"),
    _time("updated_ns"),
    _time("expires_ns"),
    Index("conversations_by_update", "updated_ns"),
)
TURNS: Final = Table(
    "turns",
    METADATA,
    _key("conversation_id"),
    Column("ordinal", Integer, primary_key=True, nullable=False),
    _words("role"),
    _words("content"),
    _words("call_id", nullable=True),
    _time("created_ns"),
)
LEASES: Final = Table("leases", METADATA, _key("subject"), _words("token"), _words("owner"), _time("expires_ns"))
TOURNAMENTS: Final = Table(
    "tournaments",
    METADATA,
    _key(),
    _words("escalation_id", nullable=True),
    _words("case_id", nullable=True),
    _words("issue"),
    _json("config"),
    _words("state"),
    _number("round"),
    _number("winner", nullable=True),
    _time("created_ns"),
    _time("updated_ns"),
    _time("expires_ns"),
)
HYPOTHESES: Final = Table(
    "hypotheses",
    METADATA,
    _key("tournament_id"),
    Column("ordinal", Integer, primary_key=True, nullable=False),
    _words("statement"),
    _words("origin"),
    _words("state"),
    Column("score", Double, nullable=True),
    _json("tests"),
    _time("updated_ns"),
)
ROUTING_DECISIONS: Final = Table(
    "routing_decisions",
    METADATA,
    _key(),
    _words("escalation_id", nullable=True),
    _number("step"),
    _words("policy"),
    _words("seed", nullable=True),
    _json("candidates"),
    _words("chosen", nullable=True),
    _json("explanation"),
    _time("decided_ns"),
    Index("routing_decisions_by_escalation", "escalation_id"),
)
