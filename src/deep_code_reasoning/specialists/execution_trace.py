"""What ran, step by step, and where it left the way."""

from __future__ import annotations

from .base import Specialist


def _answer() -> type:
    from .answers import ExecutionTraceAnswer

    return ExecutionTraceAnswer


SPECIALIST = Specialist(
    analysis_type="execution_trace",
    ability="code_execution",
    task="""\
follow the execution from its entry point, through code and spans, to the point where what happened parts from what \
the code means to do. Give the steps in order, each with the line of code or the span where it happens, and mark the \
one where it diverges. Where a step depends on values, compute them: run the code of that step in an experiment, with \
the values that the evidence shows, instead of running it in your head.""",
    tools=("fetch_trace", "logs_around", "read_code", "query_evidence", "show_commit", "run_experiment"),
    answer=_answer,
    runs_code=True,
)
