"""`escalate_analysis`: the agent is stuck; everything it knows, and a case if there is one."""

from __future__ import annotations

from pydantic import Field

from ..contract import About, AnalysisType, ClaudeContext
from ..questions import ask
from ..tool import Call, Facts, Tool


class EscalateAnalysis(About):
    """The agent's context, and what kind of analysis it wants."""

    claude_context: ClaudeContext
    analysis_type: AnalysisType
    depth_level: int = Field(3, ge=1, le=5, description="Default 3; more evidence, more thought")
    time_budget_seconds: float = Field(60, gt=0, le=3_600, description="Default 60")


async def run(arguments: EscalateAnalysis, call: Call) -> Facts:
    """Escalate."""
    context = arguments.claude_context.as_asked()
    return await ask(
        call,
        "question",
        {
            **context,
            "question": context["stuck_description"],
            "analysis_type": arguments.analysis_type,
            "depth": arguments.depth_level,
            "time_budget_s": arguments.time_budget_seconds,
            "case": arguments.case,
            "model": arguments.model,
        },
    )


TOOL = Tool(
    name="escalate_analysis",
    title="Escalate a bug you are stuck on",
    description=(
        "Hand over what you tried and where you are stuck. Analysers look at the case, the code and evidence are "
        "packed under a token budget, signals decide whether a specialist model is asked, its claims are checked. "
        "Answers findings, recommendations, enriched_context, metadata. Without a key the analysers answer alone, and "
        "section 'pack' of the result is the evidence for your own model."
    ),
    arguments=EscalateAnalysis,
    run=run,
    reads_only=False,
    asks_others=True,
    search_hint="stuck bug escalate root cause specialist model",
)
