"""Many processes write one ledger, and some of them die while they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from deep_code_reasoning.domain.conversation import ConversationLimits
from deep_code_reasoning.errors import LedgerBusyError
from deep_code_reasoning.ledger import Ledger

from .conftest import a_call, an_escalation

WORKER = Path(__file__).with_name("worker.py")
PROCESSES = 8
WRITES = 1000
# Many times what it takes on two cores of one's own (about ten seconds).
BOUND_S = 180


def start(task: str, url: str, name: str, number: int = 0, processes: int = 0) -> subprocess.Popen[str]:
    forks = [str(processes)] if processes else []
    return subprocess.Popen(
        [sys.executable, str(WORKER), task, url, name, str(number), *forks],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run_all(task: str, url: str, number: int) -> list[str]:
    """Run the task in eight processes at once; return the lines of all. None may fail, nor take too long."""
    workers = start(task, url, "w", number, PROCESSES)
    try:
        out, err = workers.communicate(timeout=BOUND_S)
    except subprocess.TimeoutExpired:
        os.killpg(workers.pid, signal.SIGKILL)
        raise
    assert (workers.returncode, err) == (0, "")
    return out.split()


def kill_after(worker: subprocess.Popen[str], lines: int) -> list[str]:
    """Kill -9 a worker that has said so many lines, in the middle of what it does; return all that it said."""
    assert worker.stdout is not None
    assert worker.stderr is not None
    said = [worker.stdout.readline().strip() for _ in range(lines)]
    worker.kill()
    said += worker.stdout.read().split()
    assert worker.wait(timeout=BOUND_S) == -9, worker.stderr.read()
    worker.stdout.close()
    worker.stderr.close()
    return said


def test_eight_processes_write_a_thousand_calls_each_and_none_is_lost(target: str) -> None:
    # They also race to make the ledger: nobody made it before. Without waiting for the disk they come faster, and are
    # in each other's way more; a process's end loses nothing in either mode.
    said = run_all("write", f"{target}?synchronous=normal" if target.startswith("sqlite") else target, WRITES)
    assert len(said) == PROCESSES * WRITES
    with Ledger(target) as ledger:
        total = ledger.statistics.collect().total
        assert total.calls == PROCESSES * WRITES
        assert total.cost_usd == PROCESSES * WRITES * Decimal("0.001")
        assert ledger.budgets.spent_on_day().tokens == PROCESSES * WRITES * 11
        assert ledger.calls.get("w7-999").raw_answer == "answer w7-999 " * 20


def test_a_limit_holds_over_all_processes(target: str) -> None:
    assert len(run_all("spend", target, 20)) == 50
    with Ledger(target) as ledger:
        assert ledger.budgets.spent_on_day().usd == Decimal(50)


def test_reports_of_one_escalation_from_many_processes_are_all_kept(target: str) -> None:
    with Ledger(target) as ledger:
        ledger.escalations.record(an_escalation("shared"))
        said = run_all("report", target, 25)
        assert sorted(outcome.reported_by for outcome in ledger.escalations.outcomes("shared")) == sorted(said)
        assert len(said) == PROCESSES * 25


@pytest.mark.parametrize("lines", [1, 40])
def test_a_writer_that_is_killed_loses_nothing_that_it_had_written(target: str, lines: int) -> None:
    said = kill_after(start("write", target, "w", 1_000_000), lines)
    with Ledger(target) as ledger:
        kept = ledger.statistics.collect().total
        # What it had said is there, and at most the one write that it had no time to report.
        assert kept.calls - len(said) in (0, 1)
        assert kept.cost_usd == kept.calls * Decimal("0.001")
        assert ledger.budgets.spent_on_day().tokens == kept.calls * 11
        assert ledger.calls.get(said[-1]).raw_answer == f"answer {said[-1]} " * 20
        ledger.calls.record(a_call("after"))


def test_a_conversation_goes_on_after_its_process_was_killed(target: str) -> None:
    with Ledger(target) as ledger:
        name = ledger.conversations.start("performance", "mcp", limits=ConversationLimits(10**6, 3600)).id
        said = kill_after(start("converse", target, name), 20)
        # Its lease has most of an hour left; it is free all the same, since its process is gone.
        assert ledger.conversations.get(name).state == "active"
        turns, calls = ledger.conversations.turns(name), ledger.calls.of_conversation(name)
        assert [turn.ordinal for turn in turns] == list(range(1, len(turns) + 1))
        answers = [turn.call_id for turn in turns if turn.role == "model"]
        assert sorted(call.id for call in calls) == sorted(filter(None, answers))
        assert len(answers) - len(said) in (0, 1)
        assert ledger.conversations.unused_answers(name) == ()
        with ledger.conversations.held(name) as hold:
            assert ledger.conversations.add(hold, "user", "go on").ordinal == len(turns) + 1


def test_a_tournament_goes_on_after_its_process_was_killed(target: str) -> None:
    with Ledger(target) as ledger:
        name = ledger.tournaments.start("payments fail", ttl_s=3600).id
        said = kill_after(start("compete", target, name), 10)
        finished = ledger.tournaments.get(name).round
        assert finished - len(said) in (0, 1)
        # A round is kept whole: every hypothesis has as many tests as rounds were finished.
        hypotheses = ledger.tournaments.hypotheses(name)
        assert [len(hypothesis.tests) for hypothesis in hypotheses] == [finished] * 5
        ledger.tournaments.finish(ledger.tournaments.acquire(name), 3)
        assert ledger.tournaments.get(name).winner == 3


def test_waiting_for_a_locked_ledger_ends(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "ledger.db"
    Ledger(path).close()
    with Ledger(path, patience_s=0.2) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(LedgerBusyError) as refusal:
            ledger.calls.record(a_call("c1"))
        assert time.monotonic() - started < 30
        assert refusal.value.retryable
        assert ledger.statistics.collect().total.calls == 0  # readers do not wait
        other.execute("ROLLBACK")
        other.close()
        ledger.calls.record(a_call("c1"))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_gets_connections_of_its_own(target: str) -> None:
    with Ledger(target) as ledger:
        ledger.calls.record(a_call("parent"))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for number in range(50):
                    ledger.calls.record(a_call(f"child-{number}"))
                status = 0
            finally:
                os._exit(status)
        for number in range(50):
            ledger.calls.record(a_call(f"parent-{number}"))
        assert os.waitpid(child, 0)[1] == 0
        assert ledger.statistics.collect().total.calls == 101
