"""Code that is run, in the sandbox, to test something."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ...domain.asking import Tool
from ...domain.experiment import ABILITIES, ExperimentResult
from ..bench import Bench
from ..experiments import MAX_SECONDS, perform


@dataclass
class Input:
    """Rows of the evidence that the experiment reads."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}\.json$", description="NAME.json, a list of objects.")]
    sql: Annotated[str, Field(description="One SELECT over the case; its rows are the file.")]


@dataclass
class RunExperiment:
    """Arguments of the tool."""

    code: Annotated[str, Field(description="Python. What it has to say it prints; nothing can be written.")]
    inputs: Annotated[list[Input], Field(max_length=8)] = Field(default_factory=list)
    files: Annotated[list[str], Field(max_length=40, description="Code to have beside it: REPO/PATH.")] = Field(
        default_factory=list
    )
    needs: Annotated[list[str], Field(description=f"Of {', '.join(ABILITIES)}.")] = Field(default_factory=list)
    seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)] = 10.0


def make(bench: Bench) -> Tool:
    """The tool."""

    def run(wanted: RunExperiment) -> str:
        inputs = {given.name: given.sql for given in wanted.inputs}
        number, result = perform(bench, wanted.code, inputs, wanted.files, wanted.needs, wanted.seconds)
        return bench.shown_lines(f"experiment/{number}", f"Experiment {number}", _lines(result), _head(number, result))

    return Tool(
        "run_experiment",
        "Runs Python in a sandbox: no network, no other files, bounded time and memory. Cite it as experiment:N.",
        RunExperiment,
        run,
    )


def _head(number: str, result: ExperimentResult) -> str:
    ending = f": {result.detail}" if result.detail else ""
    return f"experiment:{number} {result.status}{ending} after {result.duration_s:.2f} s"


def _lines(result: ExperimentResult) -> list[str]:
    lines = result.stdout.splitlines()
    if result.stderr:
        lines += ["-- errors --", *result.stderr.splitlines()]
    return lines or ["(it printed nothing)"]
