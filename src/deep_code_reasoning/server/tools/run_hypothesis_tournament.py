"""`run_hypothesis_tournament`: rival explanations, tested side by side."""

from __future__ import annotations

from pydantic import Field

from ..arguments import Arguments
from ..contract import About, ClaudeContext
from ..questions import ask
from ..tool import Call, Facts, Tool


class TournamentSize(Arguments):
    """How many, how often, how many at once."""

    max_hypotheses: int = Field(6, ge=2, le=20, description="Default 6")
    max_rounds: int = Field(3, ge=1, le=5, description="Default 3")
    parallel_sessions: int = Field(4, ge=1, le=10, description="Default 4")


class RunHypothesisTournament(About):
    """What is known, what is to be explained, and how large the tournament is."""

    claude_context: ClaudeContext
    issue: str
    tournament_config: TournamentSize | None = None


async def run(arguments: RunHypothesisTournament, call: Call) -> Facts:
    """Hold it."""
    asked = {
        **arguments.claude_context.as_asked(),
        "question": arguments.issue,
        "analysis_type": "hypothesis_test",
        "tournament_config": (arguments.tournament_config or TournamentSize.model_validate({})).model_dump(),
        "case": arguments.case,
        "model": arguments.model,
    }
    return await ask(call, "tournament", asked)


TOOL = Tool(
    name="run_hypothesis_tournament",
    title="Let hypotheses compete",
    description=(
        "Rival explanations tested against the evidence; a winner only when one survives what could have refuted it. "
        "Without a model the analysers' hypotheses, tested by queries."
    ),
    arguments=RunHypothesisTournament,
    run=run,
    reads_only=False,
    asks_others=True,
)
