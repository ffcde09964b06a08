"""Finds the root cause of an incident in its traces, logs, metrics and changes, and cites the rows that prove it.

    from deep_code_reasoning import Evidence, investigate

    answer = investigate(Evidence((Path("incidents/42"),)))
    print(answer.verdict, answer.causes[0].summary)

What is not named here is not promised. Nothing is loaded before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .app.escalate import escalate as escalate
    from .app.escalation_answer import EscalationAnswer as EscalationAnswer
    from .app.ingest import Evidence as Evidence
    from .app.investigate import investigate as investigate
    from .app.investigate import investigation_of as investigation_of
    from .domain.analysis import AnalysisRequest as AnalysisRequest
    from .domain.case import CaseInfo as CaseInfo
    from .domain.cause import Cause as Cause
    from .domain.citation import Citation as Citation
    from .domain.finding import Finding as Finding
    from .domain.investigation import Investigation as Investigation
    from .errors import DeepCodeReasoningError as DeepCodeReasoningError
    from .report.answer import as_json as as_json

_HOMES: Final = {
    "AnalysisRequest": "domain.analysis",
    "CaseInfo": "domain.case",
    "Cause": "domain.cause",
    "Citation": "domain.citation",
    "DeepCodeReasoningError": "errors",
    "EscalationAnswer": "app.escalation_answer",
    "Evidence": "app.ingest",
    "Finding": "domain.finding",
    "Investigation": "domain.investigation",
    "as_json": "report.answer",
    "escalate": "app.escalate",
    "investigate": "app.investigate",
    "investigation_of": "app.investigate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
