"""One hypothesis: held against the evidence, against an experiment, and by a specialist."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.hypothesis import CallersExperiment, examine_hypothesis
from deep_code_reasoning.app.hypothesis_job import needs_of
from deep_code_reasoning.app.means import Means
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.domain.analysis import AnalysisRequest
from deep_code_reasoning.domain.pack import Scope
from deep_code_reasoning.providers.fake import Answers, Calls

from .conftest import GUILTY, LATE, Incident, scripted


def examine(hypothesis: str, incident: Incident | None, model: str = "none", **options: Any) -> dict[str, Any]:
    request = options.pop("request", AnalysisRequest(depth=1))
    terms = Terms(incident.folder if incident else None, options.pop("roots", ()), model, options.pop("means", Means()))
    found = asyncio.run(examine_hypothesis(hypothesis, request, terms, **options))
    shown: dict[str, Any] = found.as_json()
    return shown


@pytest.mark.parametrize(
    ("hypothesis", "verdict"),
    [
        ("stock throws an exception since the last deploy", "supported"),
        ("front is the cause: its connection pool is exhausted", "refuted"),
        (f"commit {GUILTY} broke stock", "supported"),
        (f"commit {LATE} broke stock", "refuted"),
        ("something is wrong somewhere", "inconclusive"),
    ],
)
def test_without_a_model_the_evidence_decides(hypothesis: str, verdict: str, incident: Incident) -> None:
    found = examine(hypothesis, incident)
    assert found["verdict"] == verdict, found["predictions"]
    assert found["metadata"]["why_no_model"] == "none was wanted"
    assert found["enriched_context"]["pack"], "the evidence goes to the caller's own model"


def test_what_was_understood_is_said(incident: Incident) -> None:
    read_as = examine(f"a lock wait timeout in orders since {GUILTY}", incident)["read_as"]
    assert read_as == {"service": "orders", "mechanism": "lock_contention", "change": f"commit:stock@{GUILTY}"}


@pytest.mark.parametrize(
    ("code", "outcome"), [("assert len(ROWS) == 60", "holds"), ("assert ROWS == []", "fails"), ("1 / 0", "unknown")]
)
def test_an_experiment_of_the_callers_is_run_on_the_evidence(code: str, outcome: str, incident: Incident) -> None:
    if outcome != "unknown":
        code = "import json\nROWS = json.load(open('errors.json'))\n" + code
    sql = "SELECT span_id FROM spans WHERE service = 'stock' AND status = 'error'"
    experiment = CallersExperiment(code, {"errors.json": sql} if outcome != "unknown" else {})
    found = examine("stock fails", incident, experiment=experiment)
    (told,) = [p for p in found["predictions"] if p["name"] == "the caller's experiment"]
    assert told["outcome"] == outcome, found["experiment"]


def test_what_an_experiment_needs_is_read_off_its_imports() -> None:
    assert needs_of("import pandas as pd, json\nfrom concurrent.futures import ThreadPoolExecutor") == (
        "numpy",
        "threads",
    )
    assert needs_of("print(1 + 2)") == needs_of("this is (no Python") == ()


def test_a_specialist_runs_experiments_and_only_proven_predictions_count(incident: Incident) -> None:
    proven = {"statement": "the sum is 3", "outcome": "holds", "proofs": [{"citation": "experiment:1", "quote": "3"}]}
    made_up = {"statement": "it ran twice", "outcome": "fails", "proofs": [{"citation": "experiment:2"}]}
    given = {"summary": "tested", "verdict": "refuted", "predictions": [proven, made_up]}
    means, _ = scripted(Calls("run_experiment", {"code": "print(1 + 2)"}), Answers(given))
    found = examine("stock throws an exception", incident, "deep", means=means)
    outcomes = {p["name"]: p["outcome"] for p in found["predictions"] if p["by"] == "model deep"}
    assert outcomes == {"the sum is 3": "holds", "it ran twice": "unknown"}
    assert found["verdict"] == "supported", "what nothing proves refutes nothing"


def test_code_alone_can_be_tested(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "cart.py").write_text("def total(prices):\n    return sum(prices[1:])\n")
    request = AnalysisRequest(depth=1, scope=Scope(files=("cart.py",)))
    experiment = CallersExperiment("from cart import total\nassert total([1, 2]) == 3", files=("cart.py",))
    found = examine(
        "the cart's total is right", None, request=request, roots=(tmp_path / "shop",), experiment=experiment
    )
    assert found["verdict"] == "refuted"
