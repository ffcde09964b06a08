"""A tournament goes on where its process left it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deep_code_reasoning.domain.tournament import Hypothesis
from deep_code_reasoning.errors import RecordNotFoundError, TournamentBusyError, UsageError
from deep_code_reasoning.ledger import Ledger

from .conftest import Clock


def test_rounds_are_there_after_a_restart(target: str, clock: Clock) -> None:
    with Ledger(target, clock) as ledger:
        name = ledger.tournaments.start("payments fail", ttl_s=3600, config={"max_rounds": 3}, escalation_id="e1").id
        hold = ledger.tournaments.acquire(name)
        first = Hypothesis(name, 1, "the lock's lease ends first", "finding")
        second = Hypothesis(name, 2, "the pool is exhausted", "model alpha")
        ledger.tournaments.keep(hold, (first, second))
        judged = replace(second, state="eliminated", score=-0.5, tests=({"test": "sql", "verdict": "refutes"},))
        ledger.tournaments.keep(hold, (judged,), finished_round=1)
        ledger.tournaments.release(hold)
    with Ledger(target, clock) as ledger:
        again = ledger.tournaments.get(name)
        assert (again.state, again.round, again.winner, again.config) == ("running", 1, None, {"max_rounds": 3})
        kept = ledger.tournaments.hypotheses(name)
        assert kept == (replace(first, updated_ns=clock.now_ns), replace(judged, updated_ns=clock.now_ns))
        hold = ledger.tournaments.acquire(name)
        ledger.tournaments.finish(hold, 1)
        assert (ledger.tournaments.get(name).state, ledger.tournaments.get(name).winner) == ("finished", 1)
        with pytest.raises(UsageError, match="is finished"):
            ledger.tournaments.acquire(name)


def test_one_runs_it_at_a_time_and_a_late_one_writes_nothing(ledger: Ledger, clock: Clock) -> None:
    name = ledger.tournaments.start("payments fail", ttl_s=3600).id
    slow = ledger.tournaments.acquire(name, lease_s=60)
    with pytest.raises(TournamentBusyError):
        ledger.tournaments.acquire(name)
    clock.advance(61)
    quick = ledger.tournaments.acquire(name, lease_s=60)
    late = Hypothesis(name, 1, "late", "model")
    for act in (lambda: ledger.tournaments.keep(slow, (late,)), lambda: ledger.tournaments.finish(slow, 1)):
        with pytest.raises(TournamentBusyError):
            act()
    assert ledger.tournaments.hypotheses(name) == ()
    ledger.tournaments.finish(quick, None)
    assert ledger.tournaments.get(name).winner is None


def test_a_tournament_has_its_time(ledger: Ledger, clock: Clock) -> None:
    name = ledger.tournaments.start("payments fail", ttl_s=60).id
    clock.advance(60)
    assert ledger.tournaments.get(name).state == "expired"
    with pytest.raises(UsageError, match="is expired"):
        ledger.tournaments.acquire(name)
    with pytest.raises(RecordNotFoundError):
        ledger.tournaments.get("tournament-0")
