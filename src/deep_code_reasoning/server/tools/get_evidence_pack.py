"""`get_evidence_pack`: evidence and code for the caller's own model."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from .. import results
from ..arguments import Arguments
from ..contract import AnalysisType, EntryPoint, scope
from ..tool import MAX_WAIT_S, Call, Facts, Tool, case_name

_MOST_TOKENS: Final = 200_000


class GetEvidencePack(Arguments):
    """About what, and how much."""

    case: str | None = None
    question: str = ""
    files: list[str] = Field([])
    entry_points: list[EntryPoint] = Field([], description='Also "FILE:LINE"')
    service_names: list[str] = Field([])
    analysis_type: AnalysisType = "cross_system"
    budget_tokens: int = Field(16_000, ge=500, le=_MOST_TOKENS, description="Default 16000")


async def run(arguments: GetEvidencePack, call: Call) -> Facts:
    """Pack in a worker."""
    asked = {
        **scope(arguments.files, [str(point) for point in arguments.entry_points], arguments.service_names),
        "case": case_name(arguments.case) if arguments.case else None,
        "question": arguments.question,
        "analysis_type": arguments.analysis_type,
        "budget_tokens": arguments.budget_tokens,
        "roots": [str(root) for root in (await call.settings()).roots],
    }
    return await results.begin(call, "pack", asked, MAX_WAIT_S)


TOOL = Tool(
    name="get_evidence_pack",
    title="Get the evidence to reason over yourself",
    description=(
        "What matters of a case and the code, chosen under a token budget, secrets removed, fenced, with a manifest of "
        "what was offered, sent, dropped and why. Read section 'pack' with get_result."
    ),
    arguments=GetEvidencePack,
    run=run,
)
