"""A hypothesis as JSON values: what a coding agent asks, and what it reads first."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from ..domain.experiment import ExperimentResult
from ..domain.prediction import Prediction
from .hypothesis import CallersExperiment, examine_hypothesis
from .question_job import head_of, request_of, sections_of, terms_of

# What imports ask of the sandbox (`domain.experiment.ABILITIES`).
_ABILITY_FOR: Final = {
    "numpy": "numpy",
    "pandas": "numpy",
    "asyncio": "asyncio",
    "threading": "threads",
    "concurrent": "threads",
}
# Of what an experiment printed, so many of the last characters are shown at once: there it says what it found.
_LAST_WORDS: Final = 1_000


def examine(asked: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Test a hypothesis."""
    given = asked["experiment"]
    answer = asyncio.run(
        examine_hypothesis(
            asked["question"],
            request_of(asked),
            terms_of(asked),
            approach=asked["approach"],
            experiment=None if given is None else CallersExperiment(**given, needs=needs_of(given["code"])),
        )
    )
    escalation = head_of(answer.escalation, asked)
    told = answer.as_json()
    head = {
        "verdict": answer.verdict,
        "hypothesis": answer.hypothesis,
        "read_as": told["read_as"],
        "predictions": [_shown(prediction) for prediction in answer.predictions],
        **({} if answer.experiment is None else {"experiment": _brief(answer.experiment)}),
        "verdict_of_the_case": escalation.pop("verdict"),
        **escalation,
    }
    return {"head": head, "sections": {"predictions": told["predictions"], **sections_of(answer.escalation)}}


def needs_of(code: str) -> tuple[str, ...]:
    """What code needs of the place where it runs, by its imports; nothing when it is no Python: running it says so."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError):
        return ()
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return tuple(sorted({_ABILITY_FOR[top] for name in modules if (top := name.partition(".")[0]) in _ABILITY_FOR}))


def _shown(prediction: Prediction) -> dict[str, Any]:
    return {"outcome": prediction.outcome, "what": prediction.name, "detail": prediction.detail}


def _brief(result: ExperimentResult) -> dict[str, Any]:
    shown = asdict(result) | {"stdout": result.stdout[-_LAST_WORDS:], "stderr": result.stderr[-_LAST_WORDS:]}
    return {name: value for name, value in shown.items() if value not in (None, "")}
