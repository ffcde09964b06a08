"""`record_outcome`: what an answer turned out to be worth."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..arguments import Arguments
from ..tool import Call, Facts, Tool


class RecordOutcome(Arguments):
    """Which answer, and what it was worth."""

    answer: str = Field(description="escalation_id of an answer, or the case that was investigated")
    verdict: Literal["confirmed", "refuted", "unknown"]
    note: str = Field("", max_length=4_000)


async def run(arguments: RecordOutcome, call: Call) -> Facts:
    """Note it in the ledger."""
    from ...app.outcomes import report_outcome

    reported = await call.workers.run(report_outcome, arguments.answer, arguments.verdict, arguments.note, "mcp")
    return {"recorded": reported.outcome.verdict, "of": reported.of, "id": reported.id}


TOOL = Tool(
    name="record_outcome",
    title="Record whether an answer was right",
    description=(
        "Say whether the cause of an investigation or escalation was confirmed or refuted once you know; later "
        "questions are routed by it. The last report holds."
    ),
    arguments=RecordOutcome,
    run=run,
    reads_only=False,
)
