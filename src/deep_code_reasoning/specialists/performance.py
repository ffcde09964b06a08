"""Where the time goes, and why it became more."""

from __future__ import annotations

from .base import Specialist


def _answer() -> type:
    from .answers import PerformanceAnswer

    return PerformanceAnswer


SPECIALIST = Specialist(
    analysis_type="performance",
    ability="complexity_modelling",
    task="""\
find where the time or the resource goes, and why it became more. Compare the calm window with the bad one, never one \
number alone. Tell work from waiting: time inside a service from time on the way, in a queue, for a lock or a \
connection. Say how a cost grows with its input only when code or figures show it; every figure comes with its \
query.""",
    tools=("query_evidence", "fetch_trace", "read_code", "show_commit", "logs_around", "run_experiment"),
    answer=_answer,
)
