"""An answer that was paid for is not lost because the ledger could not be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from deep_code_reasoning.domain.budget import Amount, Limits
from deep_code_reasoning.domain.call import Verification
from deep_code_reasoning.domain.conversation import ConversationLimits
from deep_code_reasoning.domain.usage import Usage
from deep_code_reasoning.errors import LedgerBusyError, LedgerError
from deep_code_reasoning.ledger import Ledger

from .conftest import a_call


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody holds the database for longer than anybody waits."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_call_that_cannot_be_recorded_is_recorded_the_next_time(tmp_path: Path) -> None:
    path, rescue = tmp_path / "ledger.db", tmp_path / "unrecorded.jsonl"
    whole = a_call("c1", verification=Verification("partly", 1, 2), raw_answer="é \0 \ud800 🔒")
    unknown = a_call("c2", total_cost_usd=None, usage=Usage(), raw_answer=None)
    with Ledger(path, patience_s=0.1, rescue=rescue) as ledger:
        ledger.budgets.reserve("c1", Amount(Decimal(1)), Limits())
        with locked(path):
            assert ledger.calls.record(whole) is False
            assert ledger.calls.record(unknown) is False
        assert rescue.stat().st_mode & 0o077 == 0
        assert ledger.statistics.collect().total.calls == 0
    with Ledger(path, rescue=rescue) as ledger:
        kept = ledger.calls.get("c1")
        assert replace(kept, raw_answer="") == replace(whole, raw_answer="")
        assert (kept.raw_answer or "").endswith("🔒")
        assert ledger.calls.get("c2") == unknown
        assert ledger.budgets.spent_on_day().usd == Decimal("0.0123")  # and settled what was reserved
    assert [found.name for found in tmp_path.iterdir() if "unrecorded" in found.name] == []


def test_an_answer_in_a_conversation_is_found_again(tmp_path: Path) -> None:
    path, rescue = tmp_path / "ledger.db", tmp_path / "unrecorded.jsonl"
    with Ledger(path, patience_s=0.1, rescue=rescue) as ledger:
        name = ledger.conversations.start("performance", "mcp", limits=ConversationLimits(3, 600)).id
        hold = ledger.conversations.acquire(name)
        ledger.conversations.add(hold, "user", "why?")
        with locked(path), pytest.raises(LedgerBusyError):
            ledger.conversations.answer(hold, a_call("c1", conversation_id=name), "because")
    with Ledger(path, rescue=rescue) as ledger:
        assert [call.id for call in ledger.conversations.unused_answers(name)] == ["c1"]
        assert [turn.content for turn in ledger.conversations.turns(name)] == ["why?"]


def test_a_torn_line_is_set_aside_and_the_others_are_recorded(tmp_path: Path) -> None:
    path, rescue = tmp_path / "ledger.db", tmp_path / "unrecorded.jsonl"
    with Ledger(path, patience_s=0.1, rescue=rescue) as ledger, locked(path):
        ledger.calls.record(a_call("c1"))
        ledger.calls.record(a_call("c2"))
    first, second = filter(None, rescue.read_bytes().split(b"\n"))
    rescue.write_bytes(first[:-10] + b"\n" + second + b'\n{"id": 7}\n')
    with Ledger(path, rescue=rescue) as ledger:
        assert ledger.statistics.collect().total.calls == 1
        assert ledger.calls.get("c2").raw_answer == "the lock's lease ends first"
    (torn,) = tmp_path.glob("unrecorded.*.torn")
    assert torn.read_bytes().splitlines() == [first[:-10], b'{"id": 7}']


def test_what_another_process_took_over_and_did_not_finish_is_recorded(tmp_path: Path) -> None:
    path, rescue = tmp_path / "ledger.db", tmp_path / "unrecorded.jsonl"
    with Ledger(path, patience_s=0.1, rescue=rescue) as ledger, locked(path):
        ledger.calls.record(a_call("c1"))
    rescue.rename(rescue.with_suffix(".0badcafe.taken"))
    with Ledger(path, rescue=rescue) as ledger:
        assert ledger.calls.get("c1") == a_call("c1")


def test_without_a_file_the_failure_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path, patience_s=0.1) as ledger, locked(path), pytest.raises(LedgerError):
        ledger.calls.record(a_call("c1"))
    (tmp_path / "blocked").write_text("a file, and no folder")
    with (
        Ledger(path, patience_s=0.1, rescue=tmp_path / "blocked" / "x.jsonl") as ledger,
        locked(path),
        pytest.raises(LedgerError),
    ):
        ledger.calls.record(a_call("c1"))
