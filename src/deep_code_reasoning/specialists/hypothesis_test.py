"""Whether a hypothesis survives its tests."""

from __future__ import annotations

from .base import Specialist


def _answer() -> type:
    from .answers import HypothesisTestAnswer

    return HypothesisTestAnswer


SPECIALIST = Specialist(
    analysis_type="hypothesis_test",
    ability="synthetic_scenarios",
    task="""\
test the hypothesis; do not defend it. First say what must be seen if it is right and would not be seen if it is \
wrong. Then look: query the evidence, read the code, and run experiments where a mechanism can be reproduced in a few \
lines. Report each prediction with its outcome and its proof. The verdict is "supported" only when at least one \
prediction that could have failed holds; "refuted" when one that had to hold fails; otherwise "inconclusive".""",
    tools=("query_evidence", "fetch_trace", "logs_around", "read_code", "show_commit", "run_experiment"),
    answer=_answer,
    runs_code=True,
)
