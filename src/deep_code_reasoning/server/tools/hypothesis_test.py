"""`hypothesis_test`: does the evidence bear an explanation out?"""

from __future__ import annotations

from ..contract import About, Files, scope
from ..questions import ask
from ..tool import Call, Facts, Tool


class HypothesisTest(About):
    """What is supposed, where, and how to test it."""

    hypothesis: str
    code_scope: Files
    test_approach: str


async def run(arguments: HypothesisTest, call: Call) -> Facts:
    """Test it against evidence, code and experiments."""
    return await ask(
        call,
        "question",
        {
            **scope(arguments.code_scope.files, arguments.code_scope.places, []),
            "question": arguments.hypothesis,
            "analysis_type": "hypothesis_test",
            "more": [f"How the asker would test it: {arguments.test_approach}"],
            "case": arguments.case,
            "model": arguments.model,
        },
    )


TOOL = Tool(
    name="hypothesis_test",
    title="Test a hypothesis",
    description=(
        "Hold an explanation against the evidence of a case and the code; a specialist may query, and run experiments "
        "in a sandbox. Without a model: what the analysers know for and against it, and the packed evidence."
    ),
    arguments=HypothesisTest,
    run=run,
    reads_only=False,
    asks_others=True,
)
