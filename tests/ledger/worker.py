"""Processes that work on a ledger until they are done or killed: `worker.py TASK URL NAME NUMBER [PROCESSES]`.

With a fifth argument it becomes so many processes, named NAME0, NAME1 ...; each opens the ledger for itself.
"""

from __future__ import annotations

import os
import sys
import traceback
from decimal import Decimal

from deep_code_reasoning.domain.budget import Amount, Limits
from deep_code_reasoning.domain.call import Call
from deep_code_reasoning.domain.tournament import Hypothesis
from deep_code_reasoning.domain.usage import Usage
from deep_code_reasoning.errors import BudgetExceededError
from deep_code_reasoning.ledger import Ledger


def say(text: str) -> None:
    # One system call a line: a line that was seen was written after what it reports.
    os.write(1, f"{text}\n".encode())


def call(call_id: str, **changes: object) -> Call:
    return Call(
        id=call_id,
        model_requested="alpha",
        provider="acme",
        surface="test",
        event_type="analysis",
        status="ok",
        started_ns=1,
        duration_ms=1,
        usage=Usage(10, 1),
        total_cost_usd=Decimal("0.001"),
        raw_answer=f"answer {call_id} " * 20,
        **changes,  # type: ignore[arg-type]
    )


def write(ledger: Ledger, name: str, number: int) -> None:
    """Record calls, and say each that is kept."""
    for ordinal in range(number):
        ledger.calls.record(call(f"{name}-{ordinal}"))
        say(f"{name}-{ordinal}")


def spend(ledger: Ledger, name: str, number: int) -> None:
    """Reserve a dollar again and again, under a limit that all processes share."""
    for ordinal in range(number):
        try:
            ledger.budgets.reserve(f"{name}-{ordinal}", Amount(Decimal(1)), Limits(day=Amount(Decimal(50))))
        except BudgetExceededError:
            continue
        say(f"{name}-{ordinal}")


def report(ledger: Ledger, name: str, number: int) -> None:
    """Report outcomes of one escalation that all processes share."""
    for ordinal in range(number):
        ledger.escalations.report_outcome("shared", "confirmed", f"{name}-{ordinal}")
        say(f"{name}-{ordinal}")


def converse(ledger: Ledger, name: str, _number: int) -> None:
    """Answer in a conversation without end, and hold it."""
    with ledger.conversations.held(name, lease_s=3600) as hold:
        for ordinal in range(1_000_000):
            ledger.conversations.add(hold, "user", f"question {ordinal}")
            ledger.conversations.answer(hold, call(f"{name}-{ordinal}", conversation_id=name), f"answer {ordinal}")
            say(f"{name}-{ordinal}")


def compete(ledger: Ledger, name: str, _number: int) -> None:
    """Run rounds of a tournament without end, and hold it."""
    hold = ledger.tournaments.acquire(name, lease_s=3600)
    for finished_round in range(1, 1_000_000):
        tests = tuple({"round": n} for n in range(1, finished_round + 1))
        hypotheses = [Hypothesis(name, ordinal, "h", "model", tests=tests) for ordinal in range(1, 6)]
        ledger.tournaments.keep(hold, hypotheses, finished_round=finished_round)
        say(str(finished_round))


def work(task: str, url: str, name: str, number: int) -> None:
    """Do one of the tasks above on a ledger of one's own."""
    tasks = {function.__name__: function for function in (write, spend, report, converse, compete)}
    with Ledger(url) as ledger:
        tasks[task](ledger, name, number)


def fork(task: str, url: str, name: str, number: int, processes: int) -> int:
    """Do it in many processes at once; returns how many of them failed."""
    children = []
    for process in range(processes):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(task, url, f"{name}{process}", number)
                status = 0
            finally:
                if status:
                    traceback.print_exc()
                os._exit(status)
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    task_, url_, name_, number_ = sys.argv[1:5]
    if len(sys.argv) > 5:
        sys.exit(fork(task_, url_, name_, int(number_), int(sys.argv[5])))
    work(task_, url_, name_, int(number_))
