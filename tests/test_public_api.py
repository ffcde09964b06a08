"""The names that the package promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import deep_code_reasoning

PROMISED = [
    "AnalysisRequest", "CaseInfo", "Cause", "Citation", "DeepCodeReasoningError", "EscalationAnswer", "Evidence",
    "Finding", "Investigation", "as_json", "escalate", "investigate", "investigation_of",
]  # fmt: skip


def test_what_is_promised_is_there_and_nothing_else() -> None:
    assert dir(deep_code_reasoning) == PROMISED
    assert all(getattr(deep_code_reasoning, name).__name__ == name for name in PROMISED)
    with pytest.raises(AttributeError, match="no attribute 'ingest_all'"):
        _ = deep_code_reasoning.ingest_all


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = "import deep_code_reasoning, sys; print([m for m in sys.modules if m.startswith('deep_code_reasoning.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_of_its_docstring_runs() -> None:
    evidence = Path(__file__).parents[1] / "examples" / "ticket-booking" / "evidence"
    answer = deep_code_reasoning.investigate(deep_code_reasoning.Evidence((evidence,)))
    assert answer.verdict == "cause_found"
    assert deep_code_reasoning.as_json(answer)["causes"][0]["service"] == "ts-travel-service"
