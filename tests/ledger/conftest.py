"""A ledger on each database that is at hand: always SQLite, PostgreSQL when DCR_TEST_POSTGRES_URL names one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from databases import KINDS, empty_database
from deep_code_reasoning.domain.call import Call
from deep_code_reasoning.domain.escalation import Escalation
from deep_code_reasoning.domain.usage import Usage
from deep_code_reasoning.ledger import Ledger

START_NS = 1_790_000_000_000_000_000
S = 1_000_000_000


@dataclass
class Clock:
    """A clock that tests move by hand."""

    now_ns: int = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += int(seconds * S)


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(target: str, clock: Clock) -> Iterator[Ledger]:
    with Ledger(target, clock) as opened:
        yield opened


def a_call(call_id: str, **changes: object) -> Call:
    """A call with every field filled."""
    fields: dict[str, object] = {
        "id": call_id,
        "model_requested": "alpha",
        "model_resolved": "alpha-2026-10-01",
        "provider": "acme",
        "surface": "cli",
        "event_type": "analysis",
        "status": "ok",
        "started_ns": START_NS,
        "duration_ms": 1500,
        "reason": "services > 3",
        "usage": Usage(1000, 200, 800, 50, 100),
        "total_cost_usd": Decimal("0.0123"),
        "finish_reason": "stop",
        "raw_answer": "the lock's lease ends first",
    }
    return Call(**{**fields, **changes})  # type: ignore[arg-type]


def an_escalation(escalation_id: str, **changes: object) -> Escalation:
    """An escalation that has just begun."""
    fields: dict[str, object] = {
        "id": escalation_id,
        "surface": "cli",
        "analysis_type": "cross_system",
        "problem_class": "lock_lease_expired",
        "question": "why do payments fail when p99 > 200ms?",
        "reason": "services > 3",
        "started_ns": START_NS,
        "case_id": "case-1",
    }
    return Escalation(**{**fields, **changes})  # type: ignore[arg-type]
