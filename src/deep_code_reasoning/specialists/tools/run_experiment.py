"""Code that is run, in the sandbox, to test something."""

from __future__ import annotations

import json
from typing import Annotated, Final

from pydantic import Field
from pydantic.dataclasses import dataclass

from ...domain.asking import Tool
from ...domain.experiment import ABILITIES, Experiment, ExperimentLimits, ExperimentResult
from ...errors import EngineError, QueryError, UsageError
from ...store.user_query import checked, run_bounded
from ..bench import Bench

_MAX_INPUT_ROWS: Final = 20_000
_MAX_SECONDS: Final = 30.0


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
    seconds: Annotated[float, Field(gt=0, le=_MAX_SECONDS)] = 10.0


def make(bench: Bench) -> Tool:
    """The tool."""

    def run(wanted: RunExperiment) -> str:
        if bench.sandbox is None:
            raise UsageError("nothing may be run here")
        files = {given.name: _rows(bench, given.sql) for given in wanted.inputs}
        for path in wanted.files:
            source = bench.roots.read(path)
            files[source.where.path] = source.text.encode()
        needs = frozenset(wanted.needs) | ({"python"} if files else frozenset())
        limits = ExperimentLimits(seconds=wanted.seconds)
        result = bench.sandbox.run(Experiment(wanted.code, files, needs, limits))
        number = str(len(bench.experiments) + 1)
        bench.experiments[number] = result
        return bench.shown_lines(f"experiment/{number}", f"Experiment {number}", _lines(result), _head(number, result))

    return Tool(
        "run_experiment",
        "Runs Python in a sandbox: no network, no other files, bounded time and memory. Cite it as experiment:N.",
        RunExperiment,
        run,
    )


def _rows(bench: Bench, sql: str) -> bytes:
    try:
        rows = run_bounded(bench.case, checked(sql), _MAX_INPUT_ROWS)
    except EngineError as refusal:
        raise QueryError(refusal.message) from refusal
    return json.dumps(rows, ensure_ascii=False).encode()


def _head(number: str, result: ExperimentResult) -> str:
    ending = f": {result.detail}" if result.detail else ""
    return f"experiment:{number} {result.status}{ending} after {result.duration_s:.2f} s"


def _lines(result: ExperimentResult) -> list[str]:
    lines = result.stdout.splitlines()
    if result.stderr:
        lines += ["-- errors --", *result.stderr.splitlines()]
    return lines or ["(it printed nothing)"]
