"""`start_conversation`: a conversation with a specialist."""

from __future__ import annotations

from ..contract import About, AnalysisType, ClaudeContext
from ..questions import ask
from ..tool import Call, Facts, Tool


class StartConversation(About):
    """What is known, and the first question."""

    claude_context: ClaudeContext
    analysis_type: AnalysisType
    initial_question: str | None = None


async def run(arguments: StartConversation, call: Call) -> Facts:
    """Begin."""
    context = arguments.claude_context.as_asked()
    asked = {
        **context,
        "question": arguments.initial_question or context["stuck_description"],
        "analysis_type": arguments.analysis_type,
        "case": arguments.case,
        "model": arguments.model,
    }
    return await ask(call, "start_conversation", asked)


TOOL = Tool(
    name="start_conversation",
    title="Start a conversation with a specialist",
    description=(
        "Talk a bug through over several turns; returns session_id. Survives restarts; ends after an idle day. "
        "Without a model each turn brings the analysers' answer and section 'pack'."
    ),
    arguments=StartConversation,
    run=run,
    reads_only=False,
    asks_others=True,
)
