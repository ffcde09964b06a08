"""What reaches from one service to the others."""

from __future__ import annotations

from .base import Specialist


def _answer() -> type:
    from .answers import CrossSystemAnswer

    return CrossSystemAnswer


SPECIALIST = Specialist(
    analysis_type="cross_system",
    ability="long_context",
    task="""\
find where the fault began and how it spread: which service failed first, whom it hurt along the service graph, and \
which change, if any, is behind it. Tell the cause from its victims: a service that only waits for another is a \
victim. Where effects of a change are asked for, give the impacts, each on one service and of one kind: breaking, \
performance or behavioral.""",
    tools=("query_evidence", "fetch_trace", "logs_around", "show_commit", "read_code", "run_experiment"),
    answer=_answer,
)
