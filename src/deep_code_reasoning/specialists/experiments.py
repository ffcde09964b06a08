"""Experiments on the evidence: code that gets rows of the case and files of code, and runs in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from ..domain.asking import CodeRun
from ..domain.experiment import Experiment, ExperimentLimits, ExperimentResult
from ..errors import EngineError, QueryError, UsageError
from ..store.user_query import checked, run_bounded
from .bench import Bench

MAX_SECONDS: Final = 30.0
# Where code ran that the model ran by itself; its runs are numbered apart from those of our sandbox.
AT_PROVIDER: Final = "provider"
_MAX_INPUT_ROWS: Final = 20_000


def perform(
    bench: Bench,
    code: str,
    inputs: Mapping[str, str] | None = None,
    files: Sequence[str] = (),
    needs: Sequence[str] = (),
    seconds: float = 10.0,
) -> tuple[str, ExperimentResult]:
    """Run an experiment; returns its number, by which it is cited (`experiment:N`), and what became of it.

    Args:
        inputs: names of files, and the SELECT whose rows each holds, as a JSON list of objects.
        files: code that lies beside it, as the roots know it.
        needs: names of `domain.experiment.ABILITIES`.
        seconds: wall time, at most `MAX_SECONDS`.

    Raises:
        UsageError: when nothing may be run here, or it needs what there is not.
        SandboxUnavailableError: when no sandbox can be trusted here; nothing was run.
        QueryError, SourceError: when an input or a file cannot be had.
    """
    if bench.sandbox is None:
        raise UsageError("nothing may be run here")
    beside = {name: _rows(bench, sql) for name, sql in (inputs or {}).items()}
    for path in files:
        source = bench.roots.read(path)
        beside[source.where.path] = source.text.encode()
    wanted = frozenset(needs) | ({"python"} if beside else frozenset())
    limits = ExperimentLimits(seconds=min(seconds, MAX_SECONDS))
    result = bench.sandbox.run(Experiment(code, beside, wanted, limits))
    number = str(1 + sum(known.tier != AT_PROVIDER for known in bench.experiments.values()))
    bench.experiments[number] = result
    return number, result


def keep_provider_runs(bench: Bench, runs: Sequence[CodeRun]) -> None:
    """Let what a model ran at its provider be cited too, as `experiment:provider-N`.

    The provider reports code and output, the model writes neither down; so a run shows as much as one of our own: that
    this code printed that. Which values stood in the code is the model's word in both.
    """
    before = sum(known.tier == AT_PROVIDER for known in bench.experiments.values())
    for number, run in enumerate(runs, before + 1):
        result = ExperimentResult(AT_PROVIDER, "finished", run.output, "", None)
        bench.experiments[f"{AT_PROVIDER}-{number}"] = result


def _rows(bench: Bench, sql: str) -> bytes:
    try:
        rows = run_bounded(bench.case, checked(sql), _MAX_INPUT_ROWS)
    except EngineError as refusal:
        raise QueryError(refusal.message) from refusal
    return json.dumps(rows, ensure_ascii=False).encode()
