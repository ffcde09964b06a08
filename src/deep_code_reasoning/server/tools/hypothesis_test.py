"""`hypothesis_test`: does the evidence bear an explanation out?"""

from __future__ import annotations

from pydantic import Field

from ..arguments import Arguments
from ..contract import About, Files, scope
from ..questions import ask
from ..tool import Call, Facts, Tool


class OwnExperiment(Arguments):
    """Code of the caller's, and the rows and files that lie beside it."""

    code: str = Field(description="Python; an assert fails if the hypothesis is wrong")
    inputs: dict[str, str] = Field({}, description="JSON file name -> SELECT over the case")
    files: list[str] = Field([], description="Code to import")


class HypothesisTest(About):
    """What is supposed, where, and how to test it."""

    hypothesis: str
    code_scope: Files
    test_approach: str
    experiment: OwnExperiment | None = None


async def run(arguments: HypothesisTest, call: Call) -> Facts:
    """Test it against evidence, code and experiments."""
    return await ask(
        call,
        "hypothesis",
        {
            **scope(arguments.code_scope.files, arguments.code_scope.places, []),
            "question": arguments.hypothesis,
            "analysis_type": "hypothesis_test",
            "approach": arguments.test_approach,
            "experiment": None if arguments.experiment is None else arguments.experiment.model_dump(),
            "case": arguments.case,
            "model": arguments.model,
        },
    )


TOOL = Tool(
    name="hypothesis_test",
    title="Test a hypothesis",
    description=(
        "Hold an explanation against the evidence: supported, refuted or inconclusive, test by test. Runs your own "
        "experiment in a sandbox."
    ),
    arguments=HypothesisTest,
    run=run,
    reads_only=False,
    asks_others=True,
)
