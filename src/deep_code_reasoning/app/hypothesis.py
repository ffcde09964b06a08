"""One hypothesis, tested: by queries over the evidence, by an experiment of the caller's, by a specialist."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from ..domain.analysis import AnalysisRequest
from ..domain.claim import Claim
from ..domain.deadline import Deadline
from ..domain.experiment import ExperimentResult
from ..domain.prediction import Prediction, PredictionOutcome
from ..domain.scoring import score, verdict
from ..specialists.bench import Bench
from ..specialists.experiments import perform
from ..specialists.hypotheses import of_words
from ..specialists.predictions import Trial, predict
from .escalate import escalate_on
from .escalation_answer import EscalationAnswer
from .hypothesis_state import predictions_in
from .sandbox import open_sandbox
from .sessions import hypothesis_question
from .terms import Terms
from .timely import entered, within
from .workbench import Workbench, open_workbench

SCHEMA: Final = "deep-code-reasoning/hypothesis/1"


@dataclass(frozen=True, slots=True)
class CallersExperiment:
    """Code of the caller's that tests the hypothesis by `assert`: it holds when it ends, it fails when one fails.

    `inputs` are names of JSON files and the SELECT over the case whose rows each holds; `files` are of the roots.
    """

    code: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HypothesisAnswer:
    """What testing came to: `supported`, `refuted` or `inconclusive`, by `predictions` alone.

    `read_as` is what the sentence was understood to claim. `escalation` has the specialist's part, or why there is
    none.
    """

    hypothesis: str
    read_as: Claim
    verdict: str
    score: float | None
    predictions: tuple[Prediction, ...]
    experiment: ExperimentResult | None
    escalation: EscalationAnswer

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "schema": SCHEMA,
            "hypothesis": self.hypothesis,
            "read_as": {
                "service": self.read_as.service,
                "mechanism": self.read_as.mechanism,
                "change": self.read_as.change,
            },
            "verdict": self.verdict,
            "score": self.score,
            "predictions": [prediction.as_json() for prediction in self.predictions],
            "experiment": None if self.experiment is None else asdict(self.experiment),
            **{name: value for name, value in self.escalation.as_json().items() if name != "schema"},
        }


async def examine_hypothesis(
    hypothesis: str,
    request: AnalysisRequest,
    terms: Terms,
    *,
    approach: str = "",
    experiment: CallersExperiment | None = None,
) -> HypothesisAnswer:
    """Test a hypothesis.

    Args:
        approach: how the caller would test it, in words, for the specialist.
        experiment: code that tests it, run in the sandbox.

    Raises:
        as `escalate` and `perform` do.
    """
    deadline = Deadline.after(request.time_budget_s)
    asked = replace(request, question=hypothesis_question(hypothesis, approach), analysis_type="hypothesis_test")
    with ExitStack() as stack:
        bench = await entered(stack, open_workbench(asked, terms.case, terms.roots, terms.investigation), deadline)
        claim, predictions, result = await within(deadline, lambda: _examine(hypothesis, bench, experiment))
        left = None if request.time_budget_s is None else deadline.remaining_s
        answer = await escalate_on(
            replace(asked, time_budget_s=left), replace(terms, investigation=bench.investigation)
        )
    if answer.opinion is not None:
        predictions = (*predictions, *predictions_in(answer.opinion))
    return HypothesisAnswer(hypothesis, claim, verdict(predictions), score(predictions), predictions, result, answer)


def _examine(
    hypothesis: str, bench: Workbench, experiment: CallersExperiment | None
) -> tuple[Claim, tuple[Prediction, ...], ExperimentResult | None]:
    """What can be told without a model."""
    claim = of_words(hypothesis, bench.store, bench.ground.services)
    predictions: tuple[Prediction, ...] = ()
    if bench.has_case:
        predictions = predict(claim, Trial.prepare(bench.ground, bench.investigation, bench.store))
    if experiment is None:
        return claim, predictions, None
    tools = Bench("", bench.store if bench.has_case else None, bench.roots, open_sandbox())
    number, result = perform(tools, experiment.code, experiment.inputs, experiment.files, experiment.needs)
    told = Prediction("the caller's experiment", _outcome(result), _detail(result), (f"experiment:{number}",))
    return claim, (*predictions, told), result


def _outcome(result: ExperimentResult) -> PredictionOutcome:
    """An assertion that fails speaks against the hypothesis; any other end says nothing of it."""
    if result.status == "finished":
        return "holds"
    return "fails" if result.status == "failed" and "AssertionError" in result.stderr else "unknown"


def _detail(result: ExperimentResult) -> str:
    return f"{result.status} in {result.tier}" + (f": {result.detail}" if result.detail else "")
